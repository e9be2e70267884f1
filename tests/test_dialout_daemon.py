"""A room calls its participants: the whole daemon, with telephones on the rehearsal switch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.config import Again, Config, DialOut, Switch
from callcontrol.daemon import Daemon
from callcontrol.dialout import Begun, Cause, InviteeState
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.state import sqlite_url
from tests.patience import until
from tests.test_daemon import measured

HOME = Path(__file__).parent.parent
TENANT = """
tenant: harbour
domain: harbour.example
region: DE
languages: [de]
trunk: carrier
caller_id: "+49 30 23125001"
rooms:
  board:
    access: pin
    pin: "48213"
    dial_out:
      - {name: Accepts, number: "+49 171 5550001"}
      - {name: Silent, number: "+49 171 5550002"}
      - {name: Busy, number: "+49 171 5550003"}
      - {name: Rings out, number: "+49 171 5550004"}
      - {name: Unknown, number: "+49 171 5550005"}
  desk:
    access: pin
    pin: "48213"
    dial_out: [{name: Clara, number: "33", moderator: true}]
extensions:
  "33": {name: Clara, password: "long-enough-33-secret"}
"""
ACCEPTS, SILENT, BUSY, RINGS_OUT = (f"+49171555000{n}" for n in range(1, 5))
SOON = {"busy": Again(times=2, after=1), "no_answer": Again(times=2, after=1), "no_key": Again(times=1, after=1)}


class House:
    """A switch with a trunk, and daemons whose retries come after a second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tenants").mkdir()
        (folder / "tenants" / "harbour.yaml").write_text(TENANT)
        self.switch = RehearsalSwitch(
            ("127.0.0.1", 0), prompts=PromptBook(HOME / "prompts"), password="of-the-house", gateways=["carrier"]
        )
        self.switch.start()
        self.daemons: list[Daemon] = []

    def daemon(self) -> Daemon:
        host, port = self.switch.link_address
        config = Config(
            listen=("127.0.0.1", 0),
            http=("127.0.0.1", 0),
            switches=(Switch(name="near", host=host, port=port, password="of-the-house"),),
            tenants=self.folder / "tenants",
            state=self.folder / "state",
            database=sqlite_url(self.folder / "state"),
            prompts=HOME / "prompts",
            dial_out=DialOut(ring_seconds=5, **SOON),
            drain_seconds=1,
        )
        daemon = Daemon(config, {})
        self.daemons.append(daemon)
        daemon.start()
        self.switch.hub.daemon = daemon.calls.address
        until(lambda: not daemon.reasons())
        return daemon

    def close(self) -> None:
        for daemon in self.daemons:
            daemon.stop()
            daemon.run()
        self.switch.stop()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def story(daemon: Daemon, room: str = "harbour.board") -> dict[str, tuple[str, str, int]]:
    return {one.name: (str(one.state), one.reason, one.tries) for one in daemon.rounds.report(room)}


def over(daemon: Daemon, room: str = "harbour.board") -> bool:
    return not any(one.state.goes_on for one in daemon.rounds.report(room))


def test_of_five_participants_exactly_the_one_who_accepts_is_in_the_room(house):
    daemon = house.daemon()
    accepts = house.switch.telephone(ACCEPTS, presses=["1"])
    silent = house.switch.telephone(SILENT)
    busy = house.switch.telephone(BUSY).busy()
    rings_out = house.switch.telephone(RINGS_OUT).rings_out()
    assert isinstance(daemon.rounds.begin("harbour", "board", Cause.COMMAND), Begun)
    for _ in range(2):
        silent.is_called(by="+493023125001").never_presses_again().is_hung_up()
    until(lambda: over(daemon))
    assert story(daemon) == {
        "Accepts": ("joined", "joined", 1),
        "Silent": ("failed", "no key", 2),
        "Busy": ("failed", "busy", 3),
        "Rings out": ("failed", "no answer", 3),
        "Unknown": ("failed", "impossible number", 1),
    }
    assert [telephone.times_called for telephone in (accepts, silent, busy, rings_out)] == [1, 2, 3, 3]
    assert list(house.switch.rooms) == ["harbour.board"]
    assert len(house.switch.rooms["harbour.board"].members) == 1
    numbers = measured(daemon)
    assert 'callcontrol_calls_out_total{result="busy",tenant="harbour"} 3.0' in numbers
    assert 'callcontrol_calls_out_total{result="joined",tenant="harbour"} 1.0' in numbers
    until(lambda: "callcontrol_rounds_running 0.0" in measured(daemon))


def test_the_telephones_of_an_extension_ring_together_and_the_others_fall_silent(house):
    daemon = house.daemon()
    desk = house.switch.telephone("33@harbour.example", presses=["1"], answers_after=0.2)
    hall = house.switch.telephone("33@harbour.example").rings_on()
    daemon.rounds.begin("harbour", "desk", Cause.COMMAND)
    desk.joins("harbour.desk", moderator=True)
    hall.stops_ringing("LOSE_RACE")
    until(lambda: over(daemon, "harbour.desk"))
    assert story(daemon, "harbour.desk") == {"Clara": ("joined", "joined", 1)}


def test_an_extension_without_telephone_is_reached_once_it_is_there(house):
    daemon = house.daemon()
    daemon.rounds.begin("harbour", "desk", Cause.COMMAND)
    until(lambda: story(daemon, "harbour.desk")["Clara"] == ("waiting", "no telephone is registered", 1))
    house.switch.telephone("33@harbour.example", presses=["1"])
    until(lambda: over(daemon, "harbour.desk"))
    assert story(daemon, "harbour.desk") == {"Clara": ("joined", "joined", 2)}


def test_who_is_called_when_the_room_ends_is_called_no_longer(house):
    daemon = house.daemon()
    accepts = house.switch.telephone(ACCEPTS).rings_on()
    daemon.rounds.begin("harbour", "board", Cause.COMMAND, numbers=[ACCEPTS])
    accepts.is_called()
    daemon.rounds.cancel("harbour.board", "the room has ended")
    accepts.stops_ringing()
    until(lambda: over(daemon))
    assert [one.state for one in daemon.rounds.report("harbour.board")] == [InviteeState.CANCELLED]


def test_a_link_that_is_lost_while_it_rings_leaves_nobody_uncounted(house):
    """The word about the end of the call is lost with it; the switch is asked what became of it."""
    daemon = house.daemon()
    busy = house.switch.telephone(BUSY).rings_on()
    daemon.rounds.begin("harbour", "board", Cause.COMMAND, numbers=[BUSY])
    busy.is_called()
    house.switch.drop_link()
    busy.hangs_up()
    until(lambda: story(daemon)["Busy"][2] >= 2)


def test_two_daemons_make_each_call_once(house):
    one, two = house.daemon(), house.daemon()
    accepts = house.switch.telephone(ACCEPTS, presses=["1"])
    noon = {"cause": Cause.SCHEDULE, "round_id": "harbour.board@noon"}
    answers = [daemon.rounds.begin("harbour", "board", **noon) for daemon in (one, two)]
    assert [isinstance(answer, Begun) for answer in answers] == [True, False]
    until(lambda: story(one).get("Accepts") == ("joined", "joined", 1))
    until(lambda: story(two).get("Accepts") == ("joined", "joined", 1))
    assert accepts.times_called == 1
