"""`callcontrol demo` as a newcomer starts it, on free ports and without FreeSWITCH, for tests.

Child processes are gevent's: as soon as one of those was started, gevent reaps the children of everybody.
"""

from __future__ import annotations

import http.client
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import gevent
from gevent import subprocess

from tests.patience import PATIENCE
from tests.ports import free_ports

REPOSITORY = Path(__file__).parents[1]


class Demo:
    """One demo. Every process it starts has ``folder`` in its command line, and no other process has."""

    def __init__(
        self, folder: Path, *options: str, tenants: Path = REPOSITORY / "tenants", freeswitch: str = ""
    ) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.sip, self.extensions, self.events, self.listen, self.http = free_ports(5)
        self.command = [
            sys.executable,
            "-m",
            "callcontrol",
            "demo",
            "--tenants",
            str(tenants),
            *self._ports(),
            *options,
        ]
        self.environ = os.environ | {"PATH": str(folder / "nothing-here"), "FREESWITCH": freeswitch}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Demo:
        """Start it without a terminal; what it writes is in `out` and `err`."""
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            self.process = subprocess.Popen(
                self.command, cwd=REPOSITORY, env=self.environ, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        return self

    def ends(self, seconds: float = PATIENCE) -> int:
        """Its exit status, once it has ended by itself."""
        assert self.process is not None
        return self.process.wait(seconds)

    def sends(self, number: signal.Signals) -> Demo:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)
        return self

    def out(self) -> str:
        """What it wrote to standard output so far."""
        return (self.folder / "out").read_text()

    def err(self) -> str:
        """What it wrote to standard error so far."""
        return (self.folder / "err").read_text()

    def is_ready(self) -> Demo:
        """Wait for the line that says so."""
        self.until(lambda: "\nready" in "\n" + self.out())
        return self

    def until(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait for something that nobody announces."""
        expires = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < expires, f"not within {seconds} s\n{self.out()}\n{self.err()}"
            gevent.sleep(0.02)

    def answers(self, path: str) -> int:
        """The status of its HTTP answer; 0 when there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def processes(self, word: str = "") -> list[int]:
        """Every process of this demo, itself included; with a ``word`` only those that have it as an argument."""
        return [pid for pid, line in command_lines() if str(self.folder) in " ".join(line) and word in [*line, ""]]

    def close(self) -> None:
        """Leave nothing behind, whatever the test did."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(PATIENCE)

    def _ports(self) -> Sequence[str]:
        options = {
            "--state": self.state,
            "--sip-port": self.sip,
            "--extension-port": self.extensions,
            "--esl-port": self.events,
            "--listen": f"127.0.0.1:{self.listen}",
            "--http": f"127.0.0.1:{self.http}",
        }
        return [str(word) for option in options.items() for word in option]


def command_lines() -> list[tuple[int, list[str]]]:
    """Process id and arguments of everything that runs on this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if text:
            found.append((int(path.parent.name), text.rstrip("\0").split("\0")))
    return found
