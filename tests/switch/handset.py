"""The parent's side of one phone process: commands, reports, waits with deadlines, and the dialogue a failure prints.

Knows nothing of prompts or rooms; that is ``phones.py``. The process (``phone_process.py``) may crash: that is
PhoneDied here, with its last words.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

PROCESS = Path(__file__).with_name("phone_process.py")
LOOK = 0.1  # s between two looks at whether something has become true

# SIP codes under FreeSWITCH's names, for an answer whose Reason header does not tell (mod_sofia names it itself)
CODES = {
    403: "CALL_REJECTED",
    404: "UNALLOCATED_NUMBER",
    480: "NO_USER_RESPONSE",
    486: "USER_BUSY",
    487: "ORIGINATOR_CANCEL",
    503: "NORMAL_TEMPORARY_FAILURE",
    603: "CALL_REJECTED",
}


def cause_of(code: int, reason: str) -> str:
    """Why a call ended: FreeSWITCH's own word in the Reason header (RFC 3326), else what the SIP code means."""
    if found := re.search(r'text="([A-Z_0-9]+)"', reason):
        return found.group(1)
    return CODES.get(code, f"SIP_{code}")


class PhoneDied(RuntimeError):
    """The phone's process ended by itself; the text carries its stderr. Never the fault of the switch under test."""


class Handset:
    """One phone process and the dialogue with it. ``close`` it in the end."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.reports: list[dict[str, Any]] = []  # of the call in progress or just ended
        self._born = time.monotonic()
        self._dialogue: list[tuple[float, str]] = []
        self._text = b""
        folder.mkdir(parents=True, exist_ok=True)
        self._stderr = folder / "stderr.txt"
        with self._stderr.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(PROCESS), str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
            )
        self.address = str(self.wait("ready", 15.0)["address"])  # host:port of its SIP

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def dialogue(self) -> str:
        """What happened so far, one line each, with seconds since the phone was made."""
        return "\n".join(
            [f"{self.name}:"] + [f"  {at - self._born:7.2f}  {text}" for at, text in sorted(self._dialogue)]
        )

    def say(self, text: str, at: float | None = None) -> None:
        """Write a line into the dialogue; ``at`` on the clock of time.monotonic, now unless told."""
        self._dialogue.append((time.monotonic() if at is None else at, text))

    def fail(self, wanted: str) -> NoReturn:
        """End the test with the dialogue."""
        raise AssertionError(f"{self.dialogue}\n  asserted until here; {self.name} should have: {wanted}")

    def do(self, what: str, **details: object) -> None:
        """Send a command (see phone_process.py). Raises PhoneDied when nobody is there to read it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": what, **details}).encode() + b"\n")
        except BrokenPipeError:
            self._died()

    def had(self, what: str) -> dict[str, Any] | None:
        """The last report of this kind in this call, or None."""
        return next((report for report in reversed(self.reports) if report["what"] == what), None)

    def wait(self, what: str, within: float) -> dict[str, Any]:
        """Wait for a report of this kind, at most ``within`` seconds; AssertionError then."""
        self.until(lambda: self.had(what) is not None, within, f"be told {what!r}")
        report = self.had(what)
        assert report is not None
        return report

    def until(self, true: Callable[[], object], within: float, wanted: str) -> None:
        """Look every LOOK seconds whether it is true; AssertionError with the dialogue after ``within`` seconds."""
        deadline = time.monotonic() + within
        while not true():
            if time.monotonic() > deadline:
                self.fail(f"{wanted} within {within:g} s")
            self.pump(LOOK)

    def pump(self, seconds: float) -> None:
        """Read what the process has to say; waits at most ``seconds`` for a first word."""
        assert self._process.stdout is not None
        while select.select([self._process.stdout], [], [], seconds)[0]:
            more = os.read(self._process.stdout.fileno(), 65536)
            if not more:
                self._died()
            *lines, self._text = (self._text + more).split(b"\n")
            for line in lines:
                self._take(json.loads(line))
            seconds = 0

    def _take(self, report: dict[str, Any]) -> None:
        what = report["what"]
        if what == "incoming":
            self.reports.clear()
        self.reports.append(report)
        if what == "disconnected":
            report["cause"] = cause_of(report["code"], report["reason"])
            self.say(f"the call has ended: {report['cause']} ({report['code']} {report['text']})", report["at"])
        elif what in ("ringing", "early", "confirmed"):
            self.say(
                {"ringing": "hears it ring", "early": "early media", "confirmed": "the call is answered"}[what],
                report["at"],
            )
        elif what == "fault":
            self.fail(f"work ({report['text']})")

    def _died(self) -> NoReturn:
        code = self._process.wait(3.0)
        words = self._stderr.read_text(errors="replace")[-3000:]
        raise PhoneDied(f"the process of {self.name} ended with {code}\n{self.dialogue}\n{words}")

    def close(self) -> None:
        """Hang up and end the process; kill it when it does not obey within 3 s."""
        with contextlib.suppress(PhoneDied):
            self.do("quit")
        try:
            self._process.wait(3.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
