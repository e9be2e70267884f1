"""Rooms under their steward: restarts, lost links, failing commands, and the greenlets that come and go with rooms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from callcontrol import greenlets
from callcontrol.config import Config
from callcontrol.config import Switch as SwitchConfig
from callcontrol.daemon import Daemon
from callcontrol.errors import SwitchRefused, SwitchTimeout
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal.phone import Phone
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.rehearsal.transcript import Kind
from callcontrol.rooms.names import SpokenNames
from callcontrol.rooms.registry import RoomRegistry
from callcontrol.rooms.room import RoomState
from callcontrol.rooms.steward import Ground, NoSuchRoom, Steward
from callcontrol.state import sqlite_url
from callcontrol.switch.events import Event
from callcontrol.tenants import Tenants
from tests.calls.room_scenarios import DECK, QUAY, SLIP, guest, host, meeting
from tests.live_rooms import CallsOut
from tests.patience import until
from tests.tenant_files import tenant

HOME = Path(__file__).parent.parent
PROMPTS = PromptBook(HOME / "prompts")


class House:
    """A switch that stays, and daemons that come and go."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.switch = RehearsalSwitch(("127.0.0.1", 0), prompts=PROMPTS).start()
        self.daemon: Daemon | None = None

    def phone(self, number: str, **options: Any) -> Phone:
        return self.switch.phone(number, **options)

    def daemon_comes(self) -> Daemon:
        """A fresh process's daemon: it knows nothing but what FreeSWITCH and the state store tell it."""
        address, port = self.switch.link_address
        daemon = self.daemon = Daemon(
            Config(
                listen=("127.0.0.1", 0),
                http=("127.0.0.1", 0),
                switches=(SwitchConfig(name="rehearsal", host=address, port=port, password="rehearsal"),),
                tenants=HOME / "tests/calls/tenants",
                state=self.state,
                database=sqlite_url(self.state),
                prompts=HOME / "prompts",
                recordings=self.state / "recordings",
                drain_seconds=1,
            ),
            {},
        )
        daemon.start()
        self.switch.hub.daemon = daemon.calls.address
        until(lambda: not daemon.reasons())
        return daemon

    def daemon_goes(self) -> None:
        if self.daemon is not None:
            self.daemon.stop()
            self.daemon.run()
            self.daemon = None

    def room(self, name: str) -> RoomState:
        assert self.daemon is not None
        return self.daemon.rooms.room(name) or RoomState(name)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.daemon_comes()
    yield house
    house.daemon_goes()
    house.switch.stop()


def heard(phone: Phone, name: str) -> int:
    """How often a phone heard a prompt."""
    return sum(step.kind is Kind.HEARS and step.text == name for step in phone.transcript.steps)


# -- a daemon is replaced ----------------------------------------------------------------------------------------------


def test_a_full_queue_waits_through_a_restart(house: House) -> None:
    waiting = [guest(house).joins("regatta.deck").hears_music() for _ in range(5)]
    house.daemon_goes()
    for phone in waiting:
        phone.hears_music().cannot_speak()
    house.daemon_comes()
    until(lambda: len(house.room("regatta.deck").members) == 5)
    boss = host(house).hears("others-here", "digits/5").joins("regatta.deck", moderator=True)
    for phone in waiting:
        phone.hears_no_music().can_speak()
        assert heard(phone, "waiting-for-moderator") == 1
    assert boss.presses("*#").hears("participants-count", "digits/6")


def test_the_moderator_opens_the_room_while_no_daemon_is_there(house: House) -> None:
    waiting = [guest(house).joins("regatta.deck").hears_music() for _ in range(3)]
    house.daemon_goes()
    boss = host_in_person(house, "regatta.deck")
    for phone in waiting:
        phone.hears_no_music().can_speak()
    house.daemon_comes()
    boss.presses("*5")
    for phone in waiting:
        phone.hears("room-now-locked")


def host_in_person(house: House, room: str) -> Phone:
    """A moderator comes in without a daemon, as one does whom the last daemon let in with its last breath."""
    phone = house.switch.phone("+491713000009", door="extensions", extension="33@harbour.example")
    house.switch.hub.daemon = ("127.0.0.1", 9)
    phone.calls(DECK).hears_music()  # the dialplan has prepared the call and goes round
    assert phone.session is not None
    uuid = phone.session.channel.uuid
    house.switch.hub.api(f"uuid_setvar_multi {uuid} sensitive_dtmf=false;conference_member_flags=moderator")
    phone.session.go_to_room(f"{room}@room")
    return phone.joins(room, moderator=True)


def test_the_lobby_waits_through_a_restart(house: House) -> None:
    waiting = [guest(house, SLIP).joins("regatta.slip.lobby").hears_music() for _ in range(3)]
    house.daemon_goes()
    house.daemon_comes()
    boss = host(house, SLIP).joins("regatta.slip", moderator=True).hears("waiting-count", "digits/3").presses("*8")
    for phone in waiting:
        phone.joins("regatta.slip").hears("admitted", language="en").can_speak()
    boss.presses("*#").hears("participants-count", "digits/4")


def test_hands_lock_and_muting_outlive_the_daemon(house: House) -> None:
    boss, ann, ben, cleo = meeting(house, DECK, "regatta.deck", 3)
    cleo.presses("*6").hears("muted")
    boss.presses("*5").hears("room-now-locked").presses("*7").hears("all-muted")
    ben.hears("all-muted").presses("*9").hears("hand-raised", "digits/1")
    ann.hears("all-muted").presses("*9").hears("hand-raised", "digits/2")
    before = house.room("regatta.deck")
    house.daemon_goes()
    house.daemon_comes()
    after = house.room("regatta.deck")
    fields = ("phase", "locked", "mute_all", "hands", "muted", "floor", "moderated")
    assert [getattr(after, name) for name in fields] == [getattr(before, name) for name in fields]
    guest(house).hears("room-locked").is_hung_up()
    boss.presses("*9").hears("next-hand")
    ben.hears("floor-given", language="en").can_speak()
    ann.cannot_speak()
    boss.presses("*9").hears("next-hand").presses("*9").hears("no-hands")
    boss.presses("*7").hears("all-unmuted")
    for phone in (ann, ben, cleo):
        phone.hears("all-unmuted").can_speak()
    assert (heard(ann, "all-muted"), heard(ann, "floor-given")) == (1, 1)


def test_what_happened_while_no_daemon_watched_is_made_good(house: House) -> None:
    boss, ann, ben = meeting(house, DECK, "regatta.deck", 2)
    boss.presses("*7").hears("all-muted")
    ann.presses("*9").hears("hand-raised", "digits/1")
    ben.presses("*9").hears("hand-raised", "digits/2")
    house.daemon_goes()
    ann.hangs_up()
    house.switch.hub.api(f"conference regatta.deck unmute {_id(ben)} quiet")
    ben.can_speak()
    house.daemon_comes()
    ben.cannot_speak()
    boss.presses("*9").hears("next-hand")
    ben.hears("floor-given").can_speak()


def test_a_room_left_by_its_moderator_unseen_is_closed(house: House) -> None:
    boss, ann, ben = meeting(house, QUAY, "regatta.quay", 2)
    house.daemon_goes()
    boss.hangs_up()
    house.daemon_comes()
    for phone in (ann, ben):
        phone.hears_music().cannot_speak()
    host(house, QUAY).joins("regatta.quay", moderator=True).can_speak()
    for phone in (ann, ben):
        phone.hears_no_music().can_speak()


def test_a_room_on_hold_stays_on_hold(house: House) -> None:
    boss, ann = meeting(house, DECK, "regatta.deck", 1)
    boss.presses("*3").hears("hold-on").hears_music().cannot_speak()
    house.daemon_goes()
    house.daemon_comes()
    ann.hears_music().cannot_speak()
    boss.presses("*3").hears("hold-off").hears_no_music().can_speak()
    ann.hears("hold-off").hears_no_music().can_speak()


# -- the link is lost --------------------------------------------------------------------------------------------------


def test_a_lost_link_loses_and_doubles_nothing(house: House) -> None:
    boss, ann, ben = meeting(house, DECK, "regatta.deck", 2)
    ann.presses("*9").hears("hand-raised", "digits/1")
    assert house.daemon is not None
    daemon = house.daemon
    house.switch.drop_link()
    until(lambda: bool(daemon.reasons()))
    late = house.switch.phone("+49305550999")
    until(lambda: not daemon.reasons())
    boss.presses("*#").hears("participants-count", "digits/3")
    ben.presses("*9").hears("hand-raised", "digits/2")
    boss.presses("*9").hears("next-hand")
    ann.hears("floor-given")
    late.calls(DECK).joins("regatta.deck")
    boss.presses("*#").hears("participants-count", "digits/4")
    assert heard(boss, "moderator-joins") == 1


# -- who just left -----------------------------------------------------------------------------------------------------


def test_a_key_of_one_who_hangs_up_at_once_harms_nobody(house: House, caplog: pytest.LogCaptureFixture) -> None:
    boss, ann, ben = meeting(house, DECK, "regatta.deck", 2)
    ann.presses("*6").hangs_up()
    ben.presses("*9").hangs_up()
    boss.presses("*#").hears("participants-count", "digits/1").presses("*9").hears("no-hands")
    assert "stumbled" not in caplog.text


def test_greenlets_of_rooms_end_with_their_rooms(house: House) -> None:
    before = greenlets.count()
    phones = [*meeting(house, DECK, "regatta.deck", 2), guest(house, SLIP).joins("regatta.slip.lobby")]
    assert greenlets.count() > before
    for phone in phones:
        phone.hangs_up()
    until(lambda: greenlets.count() <= before)
    assert house.daemon is not None
    assert house.daemon.rooms.rooms() == {}


def _id(phone: Phone) -> str:
    assert phone.session is not None
    return phone.session.variable("conference_member_id")


# -- a steward by itself, with a switch that fails when it is told to --------------------------------------------------

ROOMS = 'rooms: {board: {access: pin, pin: "4821", moderator_pin: "9137", record: moderator, announce: none}}\n'
BOARD = "acme.board"


class FailingSwitch:
    """Answers ``+OK`` to everything, and raises what ``failures`` holds for a word of the command, once each."""

    def __init__(self, folder: Path) -> None:
        self.failures: dict[str, Exception] = {}
        self.commands: list[str] = []
        self.listed = "[]"
        self.on_list: Callable[[], None] = lambda: None
        self._steward = ""
        self.tenants = Tenants.of([tenant(ROOMS)])
        names = SpokenNames(folder, str(folder))
        self.registry = RoomRegistry(lambda: 100.0)
        ground = Ground(
            self.registry, lambda: self.tenants, PROMPTS, lambda: 1_795_000_000.0, "/r/{}.wav".format, names, CallsOut()
        )
        self.steward = Steward("local", ground, "a:8084", self.api, lambda command, job: None)
        self.steward.lease.renew()
        assert self.steward.lease.renew()

    def api(self, command: str) -> str:
        verb, _, rest = command.partition(" ")
        if verb == "global_setvar":
            self._steward = rest.split("=")[1]
        if verb.startswith("global_"):
            return self._steward
        for word in [word for word in self.failures if word in command.split()]:
            raise self.failures.pop(word)
        self.commands.append(command)
        if command == "conference json_list":
            answer = self.listed
            self.on_list()
            return answer
        return "+OK"

    def comes(self, number: int, *, moderator: bool = False) -> None:
        kind = "moderator" if moderator else "member"
        self.tells("add-member", number, **{"Member-Type": kind, "Speak": "true"})

    def tells(self, action: str, number: int = 0, **headers: str) -> None:
        fields = {"Event-Name": "CUSTOM", "Event-Subclass": "conference::maintenance", "Action": action}
        who = {"Unique-ID": f"call-{number}", "Member-ID": str(number)} if number else {}
        self.steward.take_event(Event(json.dumps({**fields, "Conference-Name": BOARD, **who, **headers}).encode()))

    def presses(self, number: int, keys: str) -> None:
        for key in keys:
            fields = {"Event-Name": "DTMF", "Unique-ID": f"call-{number}", "DTMF-Digit": key}
            self.steward.take_event(Event(json.dumps(fields).encode()))

    def has_told(self, text: str) -> bool:
        return any(text in command for command in self.commands)


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[FailingSwitch]:
    switch = FailingSwitch(tmp_path)
    before = greenlets.count()
    switch.comes(1, moderator=True)
    switch.comes(2)
    until(lambda: switch.has_told("setvar cc_moderated true"))
    switch.commands.clear()
    yield switch
    for number in (1, 2):
        switch.tells("del-member", number)
    until(lambda: greenlets.count() <= before)


@pytest.mark.parametrize("failure", [SwitchTimeout("no answer"), ValueError("a mistake of ours")])
def test_an_actor_that_fails_once_goes_on_and_makes_it_good(failing: FailingSwitch, failure: Exception) -> None:
    failing.failures["mute"] = failure
    failing.presses(1, "*7")
    until(lambda: failing.has_told("mute 2 quiet"))


def test_a_lock_that_could_not_be_written_down_is_written_down_later(failing: FailingSwitch) -> None:
    failing.failures["cc_locked"] = SwitchTimeout("no answer")
    failing.presses(1, "*5*7")
    until(lambda: failing.has_told("setvar cc_locked true"))
    until(lambda: failing.has_told("setvar cc_mute_all true"))
    failing.steward.submit(BOARD, lambda conduct: conduct.room)
    room = failing.registry.room(BOARD)
    assert room is not None
    assert room.locked


def test_a_command_to_somebody_who_just_left_is_no_error(failing: FailingSwitch) -> None:
    failing.failures |= {"play": SwitchRefused("-ERR Member: 1 not found."), "mute": SwitchRefused("-ERR Non-Existant")}
    failing.presses(2, "*6")
    failing.presses(1, "*#")
    until(lambda: failing.has_told("participants-count"))


def test_a_recording_that_cannot_begin_is_told_to_the_moderator_alone(failing: FailingSwitch) -> None:
    failing.presses(1, "*2")
    until(lambda: failing.has_told(f"record /r/{BOARD}.wav"))
    failing.tells("start-recording", Path=f"/r/{BOARD}.wav", Error="File could not be opened for recording")
    failing.tells("stop-recording", Path=f"/r/{BOARD}.wav")
    until(lambda: failing.has_told("recording-failed"))
    assert failing.has_told("setvar cc_record -")
    assert not failing.has_told("recording-started")
    assert not failing.has_told("recording-stopped")


def test_a_recording_that_fails_later_is_told_and_forgotten(failing: FailingSwitch) -> None:
    failing.presses(1, "*2")
    until(lambda: failing.has_told(f"record /r/{BOARD}.wav"))
    failing.tells("start-recording", Path=f"/r/{BOARD}.wav")
    until(lambda: failing.has_told("recording-started"))
    failing.tells("stop-recording", Path=f"/r/{BOARD}.wav")
    until(lambda: failing.has_told("recording-stopped"))
    assert failing.has_told("setvar cc_record -")


def test_a_recording_stopped_by_key_is_told_once(failing: FailingSwitch) -> None:
    failing.presses(1, "*2*2")
    until(lambda: failing.has_told("recording-stopped"))
    failing.tells("stop-recording", Path=f"/r/{BOARD}.wav")
    failing.steward.submit(BOARD, lambda conduct: None)
    assert sum("recording-stopped" in command for command in failing.commands) == 1


def test_who_comes_while_the_state_is_asked_for_is_not_forgotten(failing: FailingSwitch) -> None:
    known = [{"type": "caller", "id": n, "uuid": f"call-{n}", "flags": {"is_moderator": n == 1}} for n in (1, 2)]
    failing.listed = json.dumps([{"conference_name": BOARD, "members": known}])
    failing.on_list = lambda: (failing.comes(3), failing.tells("del-member", 2))[0]
    failing.steward.resync()
    room = failing.registry.room(BOARD)
    assert room is not None
    assert set(room.members) == {"call-1", "call-3"}
    failing.tells("del-member", 3)
    failing.comes(2)


def test_a_control_answers_with_what_it_did_and_with_what_it_raised(failing: FailingSwitch) -> None:
    assert failing.steward.submit(BOARD, lambda conduct: len(conduct.room.members)) == 2
    with pytest.raises(ZeroDivisionError):
        failing.steward.submit(BOARD, lambda conduct: 1 // 0)
    with pytest.raises(NoSuchRoom):
        failing.steward.submit("acme.attic", lambda conduct: None)


def test_conferences_of_others_are_left_alone(failing: FailingSwitch) -> None:
    before = greenlets.count()
    for name in ("3000", "acme.attic", "nobody.board"):
        failing.tells("add-member", 7, **{"Conference-Name": name, "Member-Type": "member"})
    assert greenlets.count() == before
    assert failing.commands == []


def test_a_daemon_that_does_not_steer_only_watches(failing: FailingSwitch) -> None:
    failing.steward.lease.lost()
    failing.comes(3)
    failing.presses(1, "*5")
    room = failing.registry.room(BOARD)
    assert room is not None
    assert (len(room.members), room.locked) == (3, False)
    failing.tells("del-member", 3)
