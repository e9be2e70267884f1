"""The talk aside: whom it leaves where, told by what FreeSWITCH is told. Nobody is left alone, whatever happens."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from callcontrol.errors import SwitchLost
from callcontrol.rooms.aside import BIRTH_SECONDS, LEGS, TRAVEL_SECONDS, Aside
from callcontrol.rooms.changes import Came, Left
from callcontrol.rooms.commands import RoomCommands
from callcontrol.rooms.conduct import Conduct
from callcontrol.rooms.registry import RoomRegistry
from callcontrol.rooms.room import Member
from callcontrol.switch.events import Event
from tests.live_rooms import PROMPTS
from tests.tenant_files import tenant

ACME = tenant(
    """
    domain: acme.example
    rooms: {board: {access: open}}
    extensions:
      "33": {name: Clara, password: "k7Tz-pq9L-acme"}
      "34": {name: Dirk, password: "m2Rw-xk5B-acme"}
    """
)
BOARD, SIDE = "acme.board", "acme.board.aside"
DESK, MOBILE = "sofia/extensions/sip:33@10.0.0.7:5060", "sofia/extensions/sip:33@10.0.0.8:5060"
HOST, GUEST = "host", "guest"
RING = 20.0


@dataclass
class Switch:
    """What a FreeSWITCH does with the commands that matter here. ``alive``: the calls it has."""

    contacts: str = DESK
    told: list[str] = field(default_factory=list)
    alive: set[str] = field(default_factory=set)
    variables: dict[tuple[str, str], str] = field(default_factory=dict)
    down: bool = False

    def api(self, command: str) -> str:
        if self.down:
            raise SwitchLost("no connection")
        self.told.append(command)
        words = command.split()
        match words:
            case ["sofia_contact", _]:
                return self.contacts
            case ["uuid_exists", call]:
                return "true" if call in self.alive else "false"
            case ["uuid_setvar", call, name, value]:
                self.variables[call, name] = value
            case ["uuid_getvar", call, name]:
                return self.variables.get((call, name), "_undef_")
            case ["uuid_kill", call]:
                self.alive.discard(call)
        return "+OK"


class House:
    """A room with a moderator and a guest, its side room, and the switch they are on."""

    def __init__(self) -> None:
        self.switch, self.now, self._count = Switch(), 1000.0, 0
        self.begun: list[tuple[str, str]] = []
        self._ids: dict[str, int] = {}
        self.registry = RoomRegistry(lambda: self.now)
        self.aside = self.new_aside()
        self.comes(GUEST)
        self.comes(HOST, moderator=True)
        self.told()

    def new_aside(self) -> Aside:
        """What a daemon begins with after a restart: nothing."""
        conduct = Conduct(
            BOARD,
            self.registry,
            rules=lambda: ACME.rooms["board"],
            commands=RoomCommands(BOARD, self.switch.api, PROMPTS),
            lobby=RoomCommands(f"{BOARD}.lobby", self.switch.api, PROMPTS),
            now=lambda: self.now,
            recording_path=lambda name: f"/recordings/{name}.wav",
        )
        commands = RoomCommands(SIDE, self.switch.api, PROMPTS)
        return Aside(conduct, commands, lambda: ACME, self._begin, self._new_call, lambda: self.now, RING)

    def _new_call(self) -> str:
        self._count += 1
        return f"00000000-0000-4000-8000-{self._count:012}"

    def _begin(self, command: str, job: str) -> None:
        self.begun.append((command, job))
        self.switch.alive |= set(self.legs)

    @property
    def legs(self) -> tuple[str, ...]:
        """Uuids of the calls begun last."""
        return tuple(part.partition("]")[0] for part in self.begun[-1][0].split("[origination_uuid=")[1:])

    @property
    def job(self) -> str:
        return self.begun[-1][1]

    def member(self, call: str) -> Member:
        found = self.registry.room_of(call)
        assert found is not None
        return found[1]

    def told(self) -> list[str]:
        """What the switch was told since the last look, prompts by their names; questions left out."""
        told, self.switch.told = self.switch.told, []
        words = [" ".join(map(_named, line.split())) for line in told]
        return [line for line in words if line.split()[0] not in ("uuid_exists", "uuid_getvar", "sofia_contact")]

    # -- events, in the order FreeSWITCH sends them, handled as the room's actor does

    def comes(self, call: str, room: str = BOARD, *, moderator: bool = False) -> None:
        identity = self._ids.setdefault(call, len(self._ids) + 1)
        fields = {"Unique-ID": call, "Member-ID": str(identity), "Member-Type": "moderator" if moderator else "member"}
        self.switch.alive.add(call)
        change = self._event(room, "add-member", fields)
        assert isinstance(change, Came)
        if room == SIDE:
            self.aside.came(change.member)
        else:
            self.aside.arrived(change.member)

    def leaves(self, call: str) -> None:
        found = self.registry.room_of(call)
        assert found is not None
        change = self._event(found[0], "del-member", {"Unique-ID": call})
        if isinstance(change, Left) and change.room == SIDE:
            self.aside.left(change.member)

    def _event(self, room: str, action: str, fields: dict[str, str]) -> object:
        headers = {"Event-Name": "CUSTOM", "Conference-Name": room, "Action": action, **fields}
        return self.registry.apply("local", Event(json.dumps(headers).encode()))

    # -- what tests do again and again

    def calls(self, digits: str = "33") -> None:
        self.aside.dial(self.member(HOST), digits)

    def goes_aside(self) -> None:
        """The host calls 33 and has arrived aside."""
        self.calls()
        self.leaves(HOST)
        self.comes(HOST, SIDE, moderator=True)

    def talks_aside(self) -> str:
        """... and Clara has answered; her call."""
        self.goes_aside()
        clara = self.legs[0]
        self.comes(clara, SIDE)
        self.told()
        return clara

    def presses(self, keys: str, call: str = HOST) -> None:
        for key in keys:
            self.aside.press(self.member(call), key, self.now)

    def passes(self, seconds: float) -> bool:
        self.now += seconds
        return self.aside.look_at_the_clock()


def _named(word: str) -> str:
    found = PROMPTS.identify(word.removeprefix("file_string://silence_stream://400!"))
    return found[1] if found else word


BACK = ["uuid_setvar_multi host conference_member_flags=moderator;max_forwards=70", f"conference {SIDE} transfer"]


def back(house: House) -> list[str]:
    """The commands that bring the host back."""
    return [BACK[0], f"{BACK[1]} {BOARD}@room {house.member(HOST).id}"]


def test_the_moderator_goes_aside_while_it_rings_and_hears_that_it_does() -> None:
    house = House()
    house.calls()
    ((command, _),) = house.begun
    assert command.startswith("originate {")
    assert f"{DESK} &conference({SIDE}@room)" in command
    assert house.told() == [
        f"uuid_setvar host {LEGS} {house.legs[0]}",
        BACK[0],
        f"conference {BOARD} transfer {SIDE}@room 2",
    ]
    assert house.aside.moderates
    assert house.aside.is_away(HOST)
    house.leaves(HOST)
    assert house.aside.busy  # though the side room is empty yet
    house.comes(HOST, SIDE, moderator=True)
    assert house.told() == [f"conference {SIDE} stop all 2", f"conference {SIDE} play calling 2"]


def test_all_telephones_ring() -> None:
    house = House()
    house.switch.contacts = f"{DESK},{MOBILE}"
    house.calls()
    assert len(house.legs) == 2
    assert house.switch.variables[HOST, LEGS] == ":".join(house.legs)


def test_what_may_not_be_called_and_who_has_no_telephone_leave_the_moderator_where_he_is() -> None:
    house = House()
    house.calls("112")
    assert house.told() == [f"conference {BOARD} play number-refused 2"]
    house.switch.contacts = "error/user_not_registered"
    house.calls()
    assert house.told() == [f"conference {BOARD} play callee-failed 2"]
    assert not house.begun
    assert not house.aside.busy


def test_one_call_at_a_time() -> None:
    house = House()
    house.comes("second", moderator=True)
    house.calls()
    house.told()
    house.aside.dial(house.member("second"), "34")
    assert house.told() == [f"conference {BOARD} play number-refused 3"]
    house.leaves(HOST)
    house.comes(HOST, SIDE, moderator=True)
    house.comes(house.legs[0], SIDE)
    house.told()
    house.aside.dial(house.member("second"), "34")
    assert house.told() == [f"conference {BOARD} play number-refused 3"]
    assert len(house.begun) == 1


def test_both_come_in_and_nobody_is_let_go_on_the_way() -> None:
    house = House()
    clara = house.talks_aside()
    house.presses("*2")
    assert house.told() == [*back(house), f"conference {SIDE} transfer {BOARD}@room 3"]
    house.leaves(HOST)
    house.comes(HOST, moderator=True)
    house.leaves(clara)
    house.comes(clara)
    assert house.told() == []
    assert not house.aside.busy


def test_two_come_in_in_any_order() -> None:
    house = House()
    clara = house.talks_aside()
    house.presses("*2")
    house.told()
    house.leaves(HOST)
    house.leaves(clara)
    house.comes(clara)
    assert house.aside.moderates  # the room has a moderator, though he is in neither
    house.comes(HOST, moderator=True)
    assert house.told() == []


def test_the_callee_is_dropped() -> None:
    house = House()
    clara = house.talks_aside()
    house.presses("*3")
    assert house.told() == [f"uuid_kill {clara}", *back(house)]
    house.leaves(clara)
    house.leaves(HOST)
    house.comes(HOST, moderator=True)
    assert house.told() == []
    assert not house.aside.busy


def test_the_callee_hangs_up_and_the_moderator_returns_without_a_word() -> None:
    house = House()
    clara = house.talks_aside()
    house.leaves(clara)  # FreeSWITCH tells this a moment before the call is gone
    assert house.told() == back(house)
    house.leaves(HOST)
    house.comes(HOST, moderator=True)
    assert house.told() == []


def test_nobody_answers_and_the_moderator_hears_so_once_back() -> None:
    house = House()
    house.goes_aside()
    house.told()
    house.aside.failed("of another room")
    assert house.told() == []
    house.aside.failed(house.job)
    assert house.told() == back(house)
    house.leaves(HOST)
    house.comes(HOST, moderator=True)
    assert house.told() == [f"conference {BOARD} play callee-failed 2"]


def test_a_call_that_fails_before_the_moderator_has_arrived_brings_him_back_all_the_same() -> None:
    house = House()
    house.calls()
    house.leaves(HOST)
    house.aside.failed(house.job)
    house.told()
    house.comes(HOST, SIDE, moderator=True)
    assert house.told() == back(house)


def test_a_callee_who_is_faster_than_the_moderator_is_not_let_go() -> None:
    house = House()
    house.calls()
    house.comes(house.legs[0], SIDE)
    house.leaves(HOST)
    house.told()
    house.comes(HOST, SIDE, moderator=True)
    assert house.told() == [f"conference {SIDE} stop all 2", f"conference {SIDE} play callee-hint 2"]


def test_the_moderator_hangs_up_and_so_ends_the_ringing_or_the_talk() -> None:
    house = House()
    house.goes_aside()
    house.told()
    house.leaves(HOST)
    assert house.told() == [f"uuid_kill {house.legs[0]}"]
    assert not house.aside.moderates
    house = House()
    clara = house.talks_aside()
    house.leaves(HOST)
    assert house.told() == [f"uuid_kill {clara}"]


def test_a_moderator_who_hangs_up_between_two_rooms_is_noticed() -> None:
    house = House()
    house.calls()
    house.leaves(HOST)
    house.told()
    assert not house.passes(TRAVEL_SECONDS - 0.1)
    assert house.passes(0.2)
    assert house.told() == [f"uuid_kill {house.legs[0]}"]
    assert not house.aside.busy


def test_a_lost_word_of_the_end_is_made_good_by_looking() -> None:
    house = House()
    house.goes_aside()
    house.told()
    house.passes(BIRTH_SECONDS + 1.0)
    assert house.told() == []
    house.switch.alive -= set(house.legs)
    house.passes(1.0)
    assert house.told()[-2:] == back(house)


def test_nobody_rings_for_ever() -> None:
    house = House()
    house.goes_aside()
    house.told()
    house.passes(RING - 1.0)
    assert house.told() == []
    house.passes(10.0)
    assert house.told() == [f"uuid_kill {house.legs[0]}", *back(house)]


def test_keys_without_meaning_tell_what_can_be_done_and_the_callees_mean_nothing() -> None:
    house = House()
    house.goes_aside()
    house.told()
    explained = [f"conference {SIDE} stop all 2", f"conference {SIDE} play calling 2"]
    house.presses("*2")
    assert house.told() == explained
    house.presses("**")
    assert house.told() == explained
    house.presses("3")
    house.presses("*")
    house.now += 3.0
    house.presses("3")
    assert house.told() == []
    clara = house.legs[0]
    house.comes(clara, SIDE)
    house.told()
    house.presses("*2*3", clara)
    assert house.told() == []


def test_after_a_restart_the_talk_goes_on_and_the_keys_work() -> None:
    house = House()
    clara = house.talks_aside()
    house.aside = house.new_aside()
    house.aside.settle()
    assert house.told() == []
    house.presses("*3")
    assert house.told() == [f"uuid_kill {clara}", *back(house)]


def test_after_a_restart_the_ringing_goes_on_and_can_fail() -> None:
    house = House()
    house.goes_aside()
    house.aside = house.new_aside()
    house.told()
    house.aside.settle()
    house.passes(1.0)
    assert house.told() == []
    house.switch.alive -= set(house.legs)
    house.passes(1.0)
    assert house.told()[-2:] == back(house)
    house.leaves(HOST)
    house.comes(HOST, moderator=True)
    assert house.told() == [f"conference {BOARD} play callee-failed 2"]


def test_a_call_that_cannot_be_made_leaves_the_moderator_where_he_is() -> None:
    house = House()
    house.switch.down = True
    with pytest.raises(SwitchLost):
        house.calls()
    house.switch.down = False
    assert not house.aside.busy
    house.goes_aside()
    house.told()
    house.switch.down = True
    with pytest.raises(SwitchLost):
        house.aside.failed(house.job)
    house.switch.down = False
    house.passes(1.0)
    assert house.told() == back(house)  # what could not be said at once is said at the next look


def test_after_a_call_the_next_one_can_be_made() -> None:
    house = House()
    clara = house.talks_aside()
    house.leaves(clara)
    house.leaves(HOST)
    house.comes(HOST, moderator=True)
    house.goes_aside()
    house.told()
    house.aside.failed(house.job)
    assert house.told() == back(house)


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order, a minute later nobody is alone aside; and `*2` is not undone on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.flying: list[tuple[str, str, bool]] = []  # out of one conference, not yet in the other
        self.promised = False  # that both come in

    @property
    def callee(self) -> str:
        """The call begun last."""
        return self.house.legs[0] if self.house.begun else ""

    def in_room(self, call: str, room: str) -> bool:
        state = self.house.registry.room(room)
        return state is not None and call in state.members

    def somewhere(self, call: str) -> bool:
        return self.house.registry.room_of(call) is not None or call in [flight[0] for flight in self.flying]

    @precondition(lambda self: self.in_room(HOST, BOARD))
    @rule(digits=st.sampled_from(["33", "112", "00"]))
    def dial(self, digits: str) -> None:
        self.promised = False
        self.house.calls(digits)

    @rule()
    def obey(self) -> None:
        """FreeSWITCH does what it was told."""
        house = self.house
        for line in house.told():
            words = line.split()
            if words[0] == "uuid_kill" and house.registry.room_of(words[1]) is not None:
                house.leaves(words[1])
            elif words[0] == "conference" and words[2] == "transfer":
                room = house.registry.room(words[1])
                moved = room.member(int(words[4])) if room is not None else None
                if moved is not None:
                    house.leaves(moved.call)
                    self.flying.append((moved.call, words[3].removesuffix("@room"), moved.moderator))

    @precondition(lambda self: self.flying)
    @rule()
    def land(self) -> None:
        call, room, moderator = self.flying.pop(0)
        if call in self.house.switch.alive:
            self.house.comes(call, room, moderator=moderator)

    @precondition(lambda self: self.callee in self.house.switch.alive and not self.somewhere(self.callee))
    @rule()
    def answer(self) -> None:
        self.house.comes(self.callee, SIDE)

    @precondition(lambda self: self.callee and not self.somewhere(self.callee))
    @rule(told=st.booleans())
    def refuse(self, told: bool) -> None:
        self.house.switch.alive -= set(self.house.legs)
        if told:
            self.house.aside.failed(self.house.job)

    @precondition(lambda self: self.in_room(HOST, SIDE))
    @rule(keys=st.sampled_from(["*2", "*3", "**", "2", "*"]))
    def press(self, keys: str) -> None:
        both = self.in_room(self.callee, SIDE) and not self.house.aside.busy
        self.house.presses(keys)
        self.promised = keys == "*2" and both and self.callee in self.house.switch.alive

    @rule(who=st.sampled_from([HOST, "callee"]))
    def hang_up(self, who: str) -> None:
        call = HOST if who == HOST else self.callee
        self.promised = False
        self.flying = [flight for flight in self.flying if flight[0] != call]
        if self.somewhere(call):
            self.house.switch.alive.discard(call)
            self.house.leaves(call)

    @precondition(lambda self: not self.somewhere(HOST))
    @rule()
    def call_again(self) -> None:
        self.house.switch.variables.pop((HOST, LEGS), None)  # another channel
        self.house.comes(HOST, moderator=True)

    @rule(seconds=st.sampled_from([0.1, 1.0, 6.0]))
    def wait(self, seconds: float) -> None:
        self.promised = False
        self.house.passes(seconds)

    @rule()
    def restart(self) -> None:
        self.promised = False
        self.house.aside = self.house.new_aside()
        self.house.aside.settle()

    @invariant()
    def moderators_who_are_aside_count(self) -> None:
        assert not self.in_room(HOST, SIDE) or self.house.aside.moderates

    def teardown(self) -> None:
        for _ in range(60):
            self.obey()
            while self.flying:
                self.land()
            assert not self.promised or (self.in_room(HOST, BOARD) and self.in_room(self.callee, BOARD))
            self.promised = False
            self.house.passes(1.0)
        side = self.house.registry.room(SIDE)
        assert side is None or len(side.members) == 2
        assert side is not None or not self.house.aside.busy
        if self.callee in self.house.switch.alive and not self.somewhere(self.callee):
            self.answer()  # a call that rings and that no moderator is left to remember: let go when it is answered
            self.obey()
            assert self.house.registry.room(SIDE) is None


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
