"""`callcontrol demo --no-phone` as a process, for tests: started as a user would, on free ports, stopped in the end."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

from gevent import subprocess

from tests.switch.conftest import REPOSITORY, free_ports
from tests.switch.event_socket import EventSocket
from tests.switch.phones import Switch

READY = 40.0  # s


class Demo:
    """One demo with a real FreeSWITCH. ``log`` is the daemon's log, one dict per line."""

    def __init__(self, binary: Path, tenants: Path, state: Path, **environ: str) -> None:
        """``environ``: more variables for the demo, such as CALLCONTROL_CARRIER_PROXY."""
        self.trunk, self.extensions, self.events, self.listen, self.http = free_ports(5)
        self.state = state
        self._output = (state.parent / f"{state.name}.log").open("w+b")
        options = {
            "--tenants": tenants,
            "--state": state,
            "--sip-port": self.trunk,
            "--extension-port": self.extensions,
            "--esl-port": self.events,
            "--listen": f"127.0.0.1:{self.listen}",
            "--http": f"127.0.0.1:{self.http}",
        }
        arguments = [str(word) for option in options.items() for word in option]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "callcontrol", "demo", "--no-phone", *arguments],
            cwd=REPOSITORY,
            env=os.environ | {"FREESWITCH": str(binary)} | environ,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self._wait_for(r"^ready", READY)
        self.ask_again()

    def ask_again(self) -> None:
        """Connect to the event socket; to be called when FreeSWITCH is another one now."""
        password = (self.state / "event-socket-password").read_text().strip()
        self.event_socket = EventSocket("127.0.0.1", self.events, password)
        self.switch = Switch(f"127.0.0.1:{self.trunk}", f"127.0.0.1:{self.extensions}", self.event_socket)

    def text(self) -> str:
        """Everything it printed so far."""
        return Path(self._output.name).read_text(encoding="utf-8", errors="replace")

    def log(self) -> list[dict[str, Any]]:
        """The log lines so far."""
        return [json.loads(line) for line in self.text().splitlines() if line.startswith("{")]

    def daemon_pid(self) -> int:
        """The process that serves the calls."""
        for child in self.children():
            if b"serve" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
                return child
        raise AssertionError("the demo has no daemon")

    def children(self) -> list[int]:
        """The daemon and FreeSWITCH."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(child) for child in listed.split()]

    def kill_daemon(self) -> None:
        """kill -9."""
        os.kill(self.daemon_pid(), signal.SIGKILL)

    def close(self) -> int:
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30.0)
        finally:
            self.process.kill()
            self._output.close()

    def _wait_for(self, pattern: str, seconds: float) -> None:
        expires = time.monotonic() + seconds
        while not re.search(pattern, self.text(), re.MULTILINE):
            assert self.process.poll() is None, f"the demo ended:\n{self.text()}"
            assert time.monotonic() < expires, f"not ready after {seconds} s:\n{self.text()}"
            time.sleep(0.1)
