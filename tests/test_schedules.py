"""A conference that calls its participants when it is time: whole daemons, telephones on the rehearsal switch."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from callcontrol.config import Config, Switch
from callcontrol.daemon import Daemon
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.rehearsal.transcript import Kind
from tests.patience import until
from tests.test_daemon import measured

HOME = Path(__file__).parent.parent
TENANT = """
tenant: {name}
region: DE
timezone: Europe/Berlin
languages: [en]
trunk: carrier
caller_id: "+49 30 23125001"
numbers:
  "+49 30 23125001": {{room: board}}
rooms:
  board:
    access: pin
    pin: "48213"
    dial_out:
      - {{name: Max, number: "+49 171 5550001"}}
      - {{name: Eva, number: "+49 171 5550002"}}
    schedule: {{start: 2026-12-01 10:00, repeat: weekdays, dial_out: true}}
"""
MAX, EVA = "+491715550001", "+491715550002"
TEN = datetime(2026, 12, 1, 10, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()


class House:
    """A switch with a trunk, and daemons that believe it is another day."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder, self.database = folder, database
        self.name = f"t{uuid.uuid4().hex[:12]}"  # of its own, as a PostgreSQL database may be used by many tests
        self.room = f"{self.name}.board"
        (folder / "tenants").mkdir()
        (folder / "tenants" / "harbour.yaml").write_text(TENANT.format(name=self.name))
        self.switch = RehearsalSwitch(
            ("127.0.0.1", 0), prompts=PromptBook(HOME / "prompts"), password="of-the-house", gateways=["carrier"]
        )
        self.switch.start()
        self.daemons: list[Daemon] = []
        self.it_is(TEN - 3600)

    def it_is(self, epoch: float) -> None:
        """From now on the daemons' clocks run from there."""
        self._ahead = epoch - time.time()

    def epoch(self) -> float:
        return time.time() + self._ahead

    def daemon(self) -> Daemon:
        host, port = self.switch.link_address
        config = Config(
            listen=("127.0.0.1", 0),
            http=("127.0.0.1", 0),
            switches=(Switch(name="near", host=host, port=port, password="of-the-house"),),
            tenants=self.folder / "tenants",
            state=self.folder / "state",
            database=self.database,
            prompts=HOME / "prompts",
            drain_seconds=1,
        )
        daemon = Daemon(config, {}, epoch=self.epoch)
        self.daemons.append(daemon)
        daemon.start()
        self.switch.hub.daemon = daemon.calls.address
        until(lambda: not daemon.reasons())
        return daemon

    def goes(self, daemon: Daemon) -> None:
        self.daemons.remove(daemon)
        daemon.stop()
        daemon.run()

    def close(self) -> None:
        for daemon in list(self.daemons):
            self.goes(daemon)
        self.switch.stop()


@pytest.fixture
def house(tmp_path: Path, url: str) -> Iterator[House]:
    house = House(tmp_path, url)
    yield house
    house.close()


def clock_of(house: House) -> Callable[[], float]:
    return lambda: house.epoch() - TEN


def test_at_ten_the_participants_are_called_once_by_two_daemons(house: House) -> None:
    after = clock_of(house)
    people = [house.switch.telephone(number, presses=["1"]) for number in (MAX, EVA)]
    house.it_is(TEN - 2)
    house.daemon()
    house.daemon()
    people[0].is_called(by="+493023125001")
    assert after() >= 0
    for person in people:
        person.joins(house.room)
    until(lambda: after() > 3)
    assert [person.times_called for person in people] == [1, 1]
    one = 'callcontrol_occurrences_total{outcome="begun"} 1.0'
    assert [one in measured(daemon) for daemon in house.daemons].count(True) == 1
    assert all('callcontrol_occurrences_total{outcome="missed"} 0.0' in measured(daemon) for daemon in house.daemons)


def test_a_daemon_that_comes_back_a_minute_late_makes_it_up_and_the_next_does_not(house: House) -> None:
    first = house.daemon()
    house.goes(first)
    house.it_is(TEN + 60)
    people = [house.switch.telephone(number, presses=["1"]) for number in (MAX, EVA)]
    second = house.daemon()
    for person in people:
        person.joins(house.room)
    house.goes(second)
    house.daemon()
    until(lambda: house.epoch() > TEN + 62)
    assert [person.times_called for person in people] == [1, 1]


def test_before_the_room_opens_nobody_is_let_in_and_from_a_quarter_to_on_they_are(house: House) -> None:
    house.it_is(TEN - 1000)
    house.daemon()
    early = house.switch.phone("+49305550180").calls("+493023125001").hears("enter-pin")
    house.it_is(TEN - 1000)
    early.presses("48213#").hears("room-not-open").is_hung_up("NORMAL_CLEARING")
    house.it_is(TEN - 899)
    again = house.switch.phone("+49305550181").calls("+493023125001").hears("enter-pin").presses("48213#")
    again.joins(house.room).hangs_up()


def test_who_is_inside_at_the_end_stays_and_who_comes_then_is_told_that_it_is_closed(house: House) -> None:
    house.it_is(TEN + 3500)
    house.daemon()
    inside = house.switch.phone("+49305550182").calls("+493023125001").hears("enter-pin").presses("48213#")
    inside.joins(house.room)
    house.it_is(TEN + 3601)
    late = house.switch.phone("+49305550183").calls("+493023125001").hears("enter-pin").presses("48213#")
    late.hears("room-not-open").is_hung_up("NORMAL_CLEARING")
    assert not any(step.kind is Kind.LEAVES for step in inside.transcript.steps)
    inside.hangs_up()
