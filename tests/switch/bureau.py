"""The bureau: a tenant whose rooms call out (``bureau/``), the carrier that takes the calls, and whoever answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.sip_carrier import Carrier, Forwards
from tests.switch.conftest import REPOSITORY, Phones
from tests.switch.demo import Demo
from tests.switch.phones import Phone, Switch
from tests.switch.theatre import Theatre

DOMAIN = "bureau.example"
_HALLS, _NUMBERS = count(), count()  # a round that is not over yet has its own hall and calls its own numbers


class Bureau(Theatre):
    """Callers and callees of one test. ``carrier`` knows what becomes of each number, and counts the calls."""

    def __init__(self, demo: Demo, make_phones: Callable[[Switch], Phones], carrier: Carrier, tenants: Path) -> None:
        super().__init__(demo, make_phones)
        self.carrier, self._tenants = carrier, tenants

    def has(self, name: str, number: str) -> Phone:
        """Somebody with a telephone of this number, who has not been called yet and says nothing."""
        phone = self._phones(name).speaks(False)
        self.carrier.numbers[number] = Forwards(phone.address)
        return phone

    @staticmethod
    def hall() -> str:
        """A room nobody was called into yet, and that lists nobody."""
        return f"hall{next(_HALLS)}"

    @staticmethod
    def numbers(count: int) -> list[str]:
        """Numbers nobody has called yet."""
        return [f"+493023140{next(_NUMBERS):04}" for _ in range(count)]

    def inside(self, room: str) -> int:
        """How many FreeSWITCH counts in a room."""
        return len(self.demo.event_socket.members(f"bureau.{room}"))

    def desk(self, name: str, extension: str, password: str) -> Phone:
        """A telephone registered as an extension."""
        return self._phones(name).speaks(False).registers(extension, DOMAIN, password)

    def calls(self, room: str, *numbers: str) -> str:
        """`callcontrol dialout bureau/ROOM [NUMBER...]`; what it printed."""
        return self._run("dialout", f"bureau/{room}", *numbers, *self._http())

    def live(self, room: str) -> dict[str, dict[str, Any]]:
        """What `callcontrol rooms` says of the people a room calls, by name."""
        rooms = json.loads(self._run("rooms", "--json", *self._http()))["rooms"]
        return {one["name"]: one for found in rooms if found["room"] == f"bureau.{room}" for one in found["calls"]}

    def history(self, room: str, tenant: str = "bureau") -> list[dict[str, Any]]:
        """The rounds of a room as `callcontrol history` tells them, the latest first."""
        rounds: list[dict[str, Any]] = self._past(room, tenant)["rounds"]
        return rounds

    def meetings(self, room: str, tenant: str = "bureau") -> list[dict[str, Any]]:
        """The meetings of a room as `callcontrol history` tells them, the latest first."""
        meetings: list[dict[str, Any]] = self._past(room, tenant)["meetings"]
        return meetings

    def _past(self, room: str, tenant: str) -> dict[str, Any]:
        config = str(self.demo.state / "callcontrol.yaml")
        told: dict[str, Any] = json.loads(self._run("history", tenant, "--room", room, "--json", "--config", config))
        return told

    def opens(self, name: str, text: str) -> None:
        """Save a tenant file; returns once it is in force."""
        self.puts_in_force(self._tenants / f"{name}.yaml", text)

    def until(self, true: Callable[[], object], within: float = 10.0) -> None:
        """Wait until it is true; AssertionError with the daemon's log."""
        self.wait_for(lambda: bool(true()), within)

    def _http(self) -> list[str]:
        return ["--http", f"127.0.0.1:{self.demo.http}", "--state", str(self.demo.state)]

    @staticmethod
    def _run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "callcontrol", *words], cwd=REPOSITORY, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def bureau_of(binary: Path, folder: Path) -> Iterator[tuple[Demo, Carrier, Path]]:
    """A demo with the bureau's tenants, in a folder of its own, and the carrier."""
    tenants = folder / "tenants"
    shutil.copytree(Path(__file__).with_name("bureau"), tenants)
    with Carrier() as carrier:
        demo = Demo(binary, tenants, folder / "state", CALLCONTROL_CARRIER_PROXY=carrier.address)
        try:
            yield demo, carrier, tenants
        finally:
            assert demo.close() == os.EX_OK
