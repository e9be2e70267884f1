"""A person at a terminal, for tests: types, reads what appears, and fails with the whole screen."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Sequence

import gevent
from gevent import subprocess
from gevent.socket import wait_read

from tests.patience import PATIENCE

_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class PseudoTerminal:
    """``keyboard`` is the program's end. What was seen is not seen again: expectations walk forward."""

    def __init__(self) -> None:
        self._ours, self.keyboard = os.openpty()
        self.screen = open(self.keyboard, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - closed in close()
        self.text = ""
        self._seen = 0

    def run(self, command: Sequence[str], **options: object) -> subprocess.Popen[bytes]:
        """Start a program that has this as its terminal, so that Ctrl-C reaches it."""
        launcher = [sys.executable, "-c", _TAKE_TERMINAL, *command]
        ours = {"stdin": self.keyboard, "stdout": self.keyboard, "stderr": self.keyboard}
        return subprocess.Popen(launcher, start_new_session=True, **ours, **options)  # type: ignore[call-overload]

    def types(self, text: str) -> PseudoTerminal:
        """Press these keys; Enter is ``\\n``."""
        os.write(self._ours, text.encode())
        return self

    def sees(self, pattern: str) -> PseudoTerminal:
        """A line or a piece of one that fits appears."""
        expires = time.monotonic() + PATIENCE
        while not (found := re.compile(pattern).search(self.text, self._seen)):
            assert time.monotonic() < expires, f"not seen: {pattern}\n----\n{self.lines()}"
            self._read(0.2)
        self._seen = found.end()
        return self

    def sees_nothing_like(self, pattern: str) -> PseudoTerminal:
        """Nothing that appeared so far fits."""
        assert not re.search(pattern, self.text), self.text
        return self

    def lines(self) -> str:
        """The screen as a person sees it: what was overwritten is gone."""
        shown = (line.rstrip("\r").rpartition("\r")[2] for line in self.text.replace("\r\n", "\n").split("\n"))
        return "\n".join(shown)

    def hangs_up(self) -> None:
        """The window is closed, with the program still in it."""
        os.close(self._ours)
        self._ours = -1

    def close(self) -> None:
        """All is over."""
        with contextlib.suppress(OSError):
            self.screen.close()
        for end in (self._ours, self.keyboard):
            with contextlib.suppress(OSError):
                os.close(end)

    def _read(self, seconds: float) -> None:
        try:
            wait_read(self._ours, timeout=seconds, timeout_exc=gevent.Timeout)
            self.text += os.read(self._ours, 65536).decode("utf-8", "replace")
        except (gevent.Timeout, OSError):
            return
