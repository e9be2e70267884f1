"""How soon somebody is called: from the second a schedule is due, and from a command, to the first INVITE on the wire.

A real FreeSWITCH and one daemon; the carrier is a socket here that notes when an INVITE came and answers that the
number does not exist, so that nobody is called twice. Each room belongs to a tenant of its own: a tenant calls one
number a second at most.
"""

from __future__ import annotations

import http.client
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import gevent

from bench import ground
from bench.figures import percentile, table

ZONE = "Europe/Berlin"
PATIENCE = 20.0
IN_FORCE_SECONDS = 5.0  # a tenant file that was saved is in force by then
RTP_PORTS = (16000, 16998)

_TENANT = """\
tenant: {name}
name: {name}
region: DE
timezone: {zone}
languages: [en]
trunk: carrier
caller_id: "+49 30 23125000"
rooms:
  desk:
    access: open
    {schedule}
    dial_out: [{{name: Somebody, number: "{number}"}}]
"""


@dataclass(frozen=True)
class Plan:
    """``due``: for each minute, how many schedules are due at its beginning. ``commands``: how many commands."""

    due: tuple[int, ...]
    commands: int


FULL = Plan((1, 1, 20, 20), 30)
QUICK = Plan((3,), 3)


@dataclass(frozen=True)
class Due:
    """``together`` schedules due in one second: ``delays`` from that second to each INVITE, seconds."""

    together: int
    delays: list[float]


@dataclass(frozen=True)
class Calling:
    """All that was measured. ``commands``: seconds from the request to the INVITE, each alone."""

    due: list[Due]
    commands: list[float]


class Carrier:
    """Notes the first INVITE to each number (epoch seconds) and refuses it."""

    def __init__(self) -> None:
        self.called: dict[str, float] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._socket.getsockname())
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            packet, peer = self._socket.recvfrom(65535)
            now, message = time.time(), packet.decode("latin-1")
            found = re.match(r"INVITE sip:(\+\d+)@", message)
            if found is None:
                continue
            self.called.setdefault(found[1], now)
            self._socket.sendto(_refusal(message).encode("latin-1"), peer)


def _refusal(invite: str) -> str:
    """404 for an INVITE."""
    kept = [line for line in invite.split("\r\n") if re.match(r"(?i)(via|from|to|call-id|cseq):", line)]
    told = [f"{line};tag={secrets.token_hex(4)}" if line.lower().startswith("to:") else line for line in kept]
    return "\r\n".join(["SIP/2.0 404 Not Found", *told, "Content-Length: 0", "", ""])


@dataclass(frozen=True)
class Ground:
    """A switch, a daemon, a carrier, and the folder of the tenants."""

    carrier: Carrier
    tenants: Path
    state: Path
    http: int

    def opens(self, number: str, schedule: str = "") -> str:
        """Write a tenant whose room calls this number; returns the tenant."""
        name = f"office{number[-6:]}"
        text = _TENANT.format(name=name, zone=ZONE, number=number, schedule=schedule)
        (self.tenants / f"{name}.yaml").write_text(text, encoding="utf-8")
        return name

    def command(self, tenant: str) -> float:
        """Ask the daemon to call; when it was asked, epoch seconds."""
        token = (self.state / "http-token").read_text().strip()
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=10.0)
        try:
            began = time.time()
            connection.request("POST", f"/rooms/{tenant}.desk/dialout", headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            if answer.status >= http.client.BAD_REQUEST:
                raise RuntimeError(f"the daemon does not call: {answer.status} {answer.read().decode()}")
            return began
        finally:
            connection.close()

    def wait_called(self, numbers: list[str]) -> None:
        """Until each of them was called. RuntimeError when that takes too long."""
        _until(lambda: all(number in self.carrier.called for number in numbers), f"{len(numbers)} calls")


def measure(folder: Path, plan: Plan) -> Calling:
    """Schedules first, each minute of the plan; then commands, one after the other. Raises CannotRun."""
    numbers = (f"+4930231{serial:06}" for serial in range(10**6))
    with at_a_carrier(folder) as here:
        due = [_due(here, [next(numbers) for _ in range(together)]) for together in plan.due]
        return Calling(due, _commands(here, [next(numbers) for _ in range(plan.commands)]))


def _due(here: Ground, numbers: list[str]) -> Due:
    start = (datetime.now(ZoneInfo(ZONE)) + timedelta(seconds=60 + IN_FORCE_SECONDS)).replace(second=0, microsecond=0)
    for number in numbers:
        here.opens(number, f'schedule: {{start: "{start:%Y-%m-%d %H:%M}", dial_out: true}}')
    gevent.sleep(max(0.0, start.timestamp() - time.time()))
    here.wait_called(numbers)
    return Due(len(numbers), [here.carrier.called[number] - start.timestamp() for number in numbers])


def _commands(here: Ground, numbers: list[str]) -> list[float]:
    tenants = {number: here.opens(number) for number in numbers}
    gevent.sleep(IN_FORCE_SECONDS)
    taken = []
    for number, tenant in tenants.items():
        began = here.command(tenant)
        here.wait_called([number])
        taken.append(here.carrier.called[number] - began)
    return taken


@contextmanager
def at_a_carrier(folder: Path) -> Iterator[Ground]:
    """All of it, stopped in the end. Raises CannotRun."""
    carrier, tenants = Carrier(), folder / "tenants"
    tenants.mkdir()
    site = ground.site(ground.Files(folder / "directory"), RTP_PORTS, {"CALLCONTROL_CARRIER_PROXY": carrier.address})
    here = Ground(carrier, tenants, folder / "state", site.http)
    here.opens("+493023125999")  # a daemon without any tenant is not ready
    with ground.running(folder, site, {"tenants": str(tenants)}):
        yield here


def _until(true: Callable[[], bool], what: str) -> None:
    expires = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > expires:
            raise RuntimeError(f"{what}: not within {PATIENCE:g} s")
        gevent.sleep(0.01)


def report(calling: Calling) -> str:
    """A table: from which moment, how many, milliseconds to the INVITE."""
    rows = [_row(f"schedule, {due.together} due in that second", due.delays) for due in calling.due]
    return table(("from", "calls", "ms, first", "p50", "last"), [*rows, _row("command", calling.commands)])


def _row(name: str, seconds: list[float]) -> list[str]:
    ms = [second * 1000 for second in seconds]
    return [name, str(len(ms)), *(f"{value:.0f}" for value in (min(ms), percentile(ms, 0.5), max(ms)))]
