"""What is measured: one process of its own, started as its users start it, and what it used meanwhile."""

from __future__ import annotations

import http.client
import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import gevent

from bench import machine
from callcontrol.processes import start_guarded, stop_process

READY_SECONDS = 30.0
STOP_SECONDS = 20.0
HTTP_LINGER_SECONDS = 0.3
AT_REST_LOOKS = 30


@dataclass(frozen=True)
class Switch:
    """A switch's event socket on 127.0.0.1, for the daemon's configuration."""

    port: int
    password: str


class Subject:
    """A process under test that takes calls at ``address``. ``log``: where its standard output and error go."""

    def __init__(self, command: list[str], address: tuple[str, int], log: Path) -> None:
        self.address = address
        with log.open("wb") as output:
            self._process = start_guarded(command, environ=os.environ, output=output)
        self.log = log
        self.pid: int = self._process.pid

    def cpu(self) -> float:
        """CPU seconds since its start."""
        return machine.cpu_seconds(self.pid)

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = READY_SECONDS) -> None:
        """Until ``condition``, looked at ten times a second. RuntimeError when it ended or it takes too long."""
        expires = time.monotonic() + seconds
        while not condition():
            if self._process.poll() is not None:
                raise RuntimeError(f"the process under test ended: {self.log.read_text(errors='replace')[-2000:]}")
            if time.monotonic() > expires:
                raise RuntimeError(f"{what}: not within {seconds:g} s (its log: {self.log})")
            gevent.sleep(0.1)

    def stop(self) -> None:
        """SIGTERM, and wait until it is gone."""
        stop_process(self._process, STOP_SECONDS)


class Daemon(Subject):
    """``callcontrol serve`` with the tenant of the benchmarks and a state folder of its own.

    ``listen``: the port for calls. Without it any port, and the daemon is ready when this object is made; with it the
    switch may be started later, and ``wait_ready`` is the caller's. ``http_port``: without it any. ``more``: further
    settings of its configuration.
    """

    def __init__(
        self,
        folder: Path,
        switch: Switch,
        listen: int | None = None,
        http_port: int | None = None,
        more: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        port, free = machine.free_ports(2)
        self._http = http_port or free
        config = folder / "callcontrol.yaml"
        config.write_text(json.dumps(_config(folder, switch, listen or port, self._http) | dict(more), indent=1))
        command = [sys.executable, "-m", "callcontrol", "serve", "--config", str(config)]
        super().__init__(command, ("127.0.0.1", listen or port), folder / "daemon.log")
        if listen is None:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Until a call would be answered."""
        self.wait_for(lambda: self._get("/readyz")[0] == http.client.OK, "the daemon is ready")

    def gauge(self, name: str) -> float:
        """The value of ``callcontrol_NAME`` on its metrics page."""
        found = re.search(rf"^callcontrol_{name} (\S+)$", self._get("/metrics")[1], re.MULTILINE)
        if found is None:
            raise RuntimeError(f"the daemon has no metric callcontrol_{name}")
        return float(found[1])

    def held(self) -> dict[str, int]:
        """What calls could leave behind: sockets and greenlets."""
        greenlets = int(self.gauge("greenlets"))
        gevent.sleep(HTTP_LINGER_SECONDS)  # the socket of the question itself
        return {"greenlets": greenlets, "sockets": machine.open_sockets(self.pid)}

    def held_at_rest(self) -> dict[str, int]:
        """What is held when nothing is ending any more: two looks in a row that agree, after ten seconds any look."""
        looks = [self.held()]
        while len(looks) < AT_REST_LOOKS and looks[-1] not in looks[-2:-1]:
            looks.append(self.held())
        return looks[-1]

    def wait_idle(self) -> None:
        """Until no conversation is left."""
        self.wait_for(lambda: self.gauge("calls_live") == 0, "all conversations are over")

    def _get(self, page: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._http, timeout=10.0)
        try:
            connection.request("GET", page)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()


class Peer(Subject):
    """The application of bench/peer.py on greenswitch's own server."""

    def __init__(self, folder: Path, prompts: Path) -> None:
        (port,) = machine.free_ports(1)
        command = [sys.executable, "-m", "bench.peer", str(port), str(prompts)]
        super().__init__(command, ("127.0.0.1", port), folder / "peer.log")
        self.wait_for(lambda: b"bound" in self.log.read_bytes(), "the peer listens")


def _config(folder: Path, switch: Switch, listen: int, http_port: int) -> dict[str, object]:
    local = {"name": "bench", "host": "127.0.0.1", "port": switch.port, "password": switch.password}
    return {
        "listen": f"127.0.0.1:{listen}",
        "http": f"127.0.0.1:{http_port}",
        "switches": [local],
        "tenants": str(machine.HOME / "bench" / "tenants"),
        "state": str(folder / "state"),
        "prompts": str(machine.HOME / "prompts"),
        "max_calls": 5000,
        "drain_seconds": 1,
    }
