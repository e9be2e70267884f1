"""Who is in which room, as events tell it: whatever gets lost on the way, the next look at the switch puts it right."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcontrol.rooms.changes import Came, Change, Changed, Left, RecordingEnded
from callcontrol.rooms.registry import PLACE_SECONDS, RoomRegistry
from callcontrol.rooms.room import Phase, variables_of
from callcontrol.switch.events import Event

ROOM, LOBBY, OTHER = "acme.board", "acme.board.lobby", "acme.sales"
CALLS = tuple(f"call-{n}" for n in range(5))


@dataclass
class Person:
    """A member as the switch has it."""

    call: str
    moderator: bool = False
    can_speak: bool = True


@dataclass
class Switch:
    """A switch of which only the rooms are there. Each verb answers with the events it makes."""

    rooms: dict[str, list[Person]] = field(default_factory=dict)
    uuids: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    made: int = 0

    def join(self, call: str, room: str, moderator: bool = False) -> list[Event]:
        if self.where(call):
            return []
        events = []
        if room not in self.rooms:
            self.made += 1
            self.rooms[room], self.uuids[room] = [], f"conference-{self.made}"
            events.append(self._event(room, "conference-create"))
        person = Person(call, moderator)
        self.rooms[room].append(person)
        return [*events, self._event(room, "add-member", person)]

    def leave(self, call: str) -> list[Event]:
        room = self.where(call)
        if not room:
            return []
        person = self._person(call)
        self.rooms[room].remove(person)
        events = [self._event(room, "del-member", person)]
        if not self.rooms[room]:
            events.append(self._event(room, "conference-destroy"))
            del self.rooms[room]
        return events

    def mute(self, call: str, muted: bool = True) -> list[Event]:
        room = self.where(call)
        if not room:
            return []
        person = self._person(call)
        person.can_speak = not muted
        return [self._event(room, "mute-member" if muted else "unmute-member", person)]

    def move(self, call: str, room: str) -> list[Event]:
        moderator = bool(self.where(call)) and self._person(call).moderator
        left = self.leave(call)
        return [*left, *self.join(call, room, moderator)] if left else []

    def where(self, call: str) -> str:
        return next((room for room, there in self.rooms.items() if any(one.call == call for one in there)), "")

    def json_list(self, **more: Any) -> str:
        listed = [
            {
                "conference_name": name,
                "conference_uuid": self.uuids[name],
                "wait_mod": False,
                "recording": False,
                "variables": self.variables,
                "members": [
                    {
                        "type": "caller",
                        "id": _id(person.call),
                        "uuid": person.call,
                        "caller_id_number": person.call,
                        "join_time": 7,
                        "flags": {"can_speak": person.can_speak, "is_moderator": person.moderator},
                    }
                    for person in there
                ],
                **more,
            }
            for name, there in self.rooms.items()
        ]
        return json.dumps(listed)

    def truth(self) -> dict[str, set[tuple[str, bool, bool]]]:
        return {name: {(one.call, one.moderator, one.can_speak) for one in there} for name, there in self.rooms.items()}

    def _person(self, call: str) -> Person:
        return next(person for there in self.rooms.values() for person in there if person.call == call)

    def _event(self, room: str, action: str, person: Person | None = None) -> Event:
        fields = {
            "Event-Name": "CUSTOM",
            "Conference-Name": room,
            "Conference-Unique-ID": self.uuids[room],
            "Action": action,
        }
        if person is not None:
            fields |= {
                "Unique-ID": person.call,
                "Member-ID": str(_id(person.call)),
                "Caller-Caller-ID-Number": person.call,
                "Member-Type": "moderator" if person.moderator else "member",
                "Speak": "true" if person.can_speak else "false",
            }
        return Event(json.dumps(fields).encode())


def _id(call: str) -> int:
    return int(call.removeprefix("call-")) + 1


def known(registry: RoomRegistry) -> dict[str, set[tuple[str, bool, bool]]]:
    return {
        name: {(one.call, one.moderator, one.can_speak) for one in room.members.values()}
        for name, room in registry.rooms().items()
    }


@dataclass
class Watch:
    """A registry and the switch it watches."""

    switch: Switch = field(default_factory=Switch)
    now: float = 100.0
    registry: RoomRegistry = field(init=False)

    def __post_init__(self) -> None:
        self.registry = RoomRegistry(lambda: self.now)

    def sees(self, events: list[Event]) -> list[Change]:
        changes = [self.registry.apply("local", event) for event in events]
        return [change for change in changes if change is not None]

    def looks(self, asked: float = float("inf"), **more: Any) -> frozenset[str]:
        return self.registry.replace("local", self.switch.json_list(**more), asked)


@pytest.fixture
def watch() -> Watch:
    return Watch()


calls, rooms = st.sampled_from(CALLS), st.sampled_from((ROOM, LOBBY, OTHER))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("join"), calls, rooms, st.booleans()),
        st.tuples(st.just("leave"), calls),
        st.tuples(st.just("mute"), calls, st.booleans()),
        st.tuples(st.just("move"), calls, rooms),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(steps)
def test_events_alone_tell_everything(story: list[tuple[Any, ...]]) -> None:
    watch = Watch()
    for verb, *arguments in story:
        watch.sees(getattr(watch.switch, verb)(*arguments))
        assert known(watch.registry) == watch.switch.truth()


@settings(deadline=None)
@given(steps, st.randoms(use_true_random=False))
def test_after_any_losses_a_look_at_the_switch_puts_all_right(story: list[tuple[Any, ...]], chance: Any) -> None:
    watch = Watch()
    for verb, *arguments in story:
        events = getattr(watch.switch, verb)(*arguments)
        watch.sees([event for event in events if chance.random() < 0.6])
        listed = [call for room in watch.registry.rooms().values() for call in room.members]
        assert len(listed) == len(set(listed)), "somebody is counted twice"
        if chance.random() < 0.2:
            watch.looks()
            assert known(watch.registry) == watch.switch.truth()
    assert watch.looks() == watch.switch.rooms.keys()
    assert known(watch.registry) == watch.switch.truth()


@settings(deadline=None)
@given(steps, st.randoms(use_true_random=False))
def test_events_in_any_order_are_put_right_too(story: list[tuple[Any, ...]], chance: Any) -> None:
    watch = Watch()
    events = [event for verb, *arguments in story for event in getattr(watch.switch, verb)(*arguments)]
    chance.shuffle(events)
    watch.sees(events)
    watch.looks()
    assert known(watch.registry) == watch.switch.truth()


@settings(deadline=None)
@given(steps, steps)
def test_what_happens_while_the_answer_is_on_its_way_is_not_lost(
    story: list[tuple[Any, ...]], meanwhile: list[tuple[Any, ...]]
) -> None:
    """As the steward does it: events that came since the question are taken in again behind the answer."""
    watch = Watch()
    for verb, *arguments in story:
        watch.sees(getattr(watch.switch, verb)(*arguments))
    answer = watch.switch.json_list()
    happened = [event for verb, *arguments in meanwhile for event in getattr(watch.switch, verb)(*arguments)]
    watch.sees(happened)
    watch.registry.replace("local", answer)
    watch.sees(happened)
    assert known(watch.registry) == watch.switch.truth()


@settings(deadline=None)
@given(
    st.integers(1, 3),
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(("asks", "joins", "gives up", "leaves", "moderates")), calls),
            st.tuples(st.just("waits"), st.integers(1, 12)),
        ),
        max_size=40,
    ),
)
def test_never_are_more_let_in_than_fit(at_most: int, story: list[tuple[str, Any]]) -> None:
    watch, switch = Watch(), Switch()
    admitted: dict[str, float] = {}
    for verb, who in story:
        if verb == "waits":
            watch.now += who
        elif verb == "asks" and not switch.where(who) and watch.registry.take_place(ROOM, who, at_most):
            admitted[who] = watch.now
        elif verb == "joins" and watch.now < admitted.pop(who, float("-inf")) + PLACE_SECONDS:
            watch.sees(switch.join(who, ROOM))
        elif verb == "gives up":
            admitted.pop(who, None)
            watch.registry.give_place_back(ROOM, who)
        elif verb == "leaves":
            watch.sees(switch.leave(who))
        elif verb == "moderates":
            watch.sees(switch.join(who, ROOM, moderator=True))
        guests = [person for person in switch.rooms.get(ROOM, []) if not person.moderator]
        assert len(guests) <= at_most


def test_places_are_held_for_ten_seconds_and_given_back(watch: Watch) -> None:
    take = watch.registry.take_place
    assert (take(ROOM, "call-0", 1), take(ROOM, "call-1", 1)) == (True, False)
    assert take(ROOM, "call-0", 1), "whoever holds the place may ask again"
    watch.registry.give_place_back(ROOM, "call-0")
    assert take(ROOM, "call-1", 1)
    watch.now += PLACE_SECONDS + 1
    assert take(ROOM, "call-2", 1)


def test_who_waits_in_the_lobby_holds_no_place_in_the_room_besides(watch: Watch) -> None:
    assert watch.registry.take_place(ROOM, "call-0", 2)
    watch.sees(watch.switch.join("call-0", LOBBY))
    assert watch.registry.take_place(ROOM, "call-1", at_most=1), "one of two waits in the lobby"


def test_the_same_arrival_told_twice_is_one_arrival(watch: Watch) -> None:
    events = watch.switch.join("call-0", ROOM)
    assert [type(change) for change in watch.sees(events)] == [Came]
    watch.now += 5
    assert watch.sees(events) == [Changed(ROOM)]
    assert watch.registry.rooms()[ROOM].members["call-0"].since == 100.0


@pytest.mark.parametrize("known_before", [True, False])
def test_a_look_at_the_switch_keeps_the_order_in_which_members_came(known_before: bool) -> None:
    """The switch tells whole seconds, and the newest member first."""
    switch, registry = Switch(), RoomRegistry(count(100).__next__)
    arrivals = [event for call in CALLS[:3] for event in switch.join(call, ROOM)]
    for event in arrivals if known_before else []:
        registry.apply("local", event)
    switch.rooms[ROOM].reverse()
    registry.replace("local", switch.json_list())
    assert [member.call for member in registry.rooms()[ROOM].by_arrival] == list(CALLS[:3])


def test_a_departure_nobody_knows_of_is_none(watch: Watch) -> None:
    watch.switch.join("call-0", ROOM)
    assert watch.sees(watch.switch.leave("call-0")) == []


def test_a_departure_tells_who_it_was_and_lowers_the_hand(watch: Watch) -> None:
    for call in CALLS[:2]:
        watch.sees(watch.switch.join(call, ROOM))
    room = watch.registry.rooms()[ROOM]
    watch.registry.put(replace(room, hands=(1, 2), muted=frozenset({1}), floor=frozenset({1})))
    gone = room.members["call-0"]
    assert watch.sees(watch.switch.leave("call-0")) == [Left(ROOM, gone)]
    room = watch.registry.rooms()[ROOM]
    assert (room.hands, room.muted, room.floor) == ((2,), frozenset(), frozenset())


def test_the_end_of_an_older_conference_does_not_end_the_new_one(watch: Watch) -> None:
    """FreeSWITCH forgets the name before it tells the end (mod_conference.c:820), so a new one may begin between."""
    watch.sees(watch.switch.join("call-0", ROOM))
    *left, destroyed = watch.switch.leave("call-0")
    watch.sees([*left, *watch.switch.join("call-1", ROOM), destroyed])
    assert known(watch.registry) == watch.switch.truth()


def test_a_conference_made_anew_has_none_of_the_old_members(watch: Watch) -> None:
    watch.sees(watch.switch.join("call-0", ROOM, moderator=True))
    watch.switch.leave("call-0")  # lost on the way
    watch.sees(watch.switch.join("call-1", ROOM))
    assert known(watch.registry) == {ROOM: {("call-1", False, True)}}


def test_what_was_decided_is_read_from_the_variables(watch: Watch) -> None:
    for call in CALLS[:3]:
        watch.sees(watch.switch.join(call, ROOM))
    decided = replace(
        watch.registry.rooms()[ROOM],
        phase=Phase.HELD,
        locked=True,
        mute_all=True,
        hands=(3, 1),
        muted=frozenset({2}),
        floor=frozenset({1}),
        record="/recordings/x.wav",
        moderated=True,
        since=5.0,
        gathered=3.0,
        music=True,
    )
    watch.switch.variables = variables_of(decided)
    fresh = RoomRegistry(lambda: 200.0)
    fresh.replace("local", watch.switch.json_list(recording=True))
    read = fresh.rooms()[ROOM]
    assert replace(read, members=decided.members) == decided
    assert {member.since for member in read.members.values()} == {193.0}  # 7 s ago


def test_hands_of_those_who_left_unseen_are_down(watch: Watch) -> None:
    watch.switch.join("call-0", ROOM)
    watch.switch.variables = {"cc_hands": "9:1:1", "cc_muted": "9", "cc_locked": "perhaps", "cc_phase": "?"}
    watch.looks()
    room = watch.registry.rooms()[ROOM]
    assert (room.hands, room.muted, room.locked, room.phase) == ((1,), frozenset(), False, Phase.OPEN)


def test_a_recording_that_runs_no_longer_is_none(watch: Watch) -> None:
    watch.switch.join("call-0", ROOM)
    watch.switch.variables = {"cc_record": "/recordings/x.wav"}
    watch.looks()
    assert watch.registry.rooms()[ROOM].record == ""
    watch.looks(recording=True)
    assert watch.registry.rooms()[ROOM].record == "/recordings/x.wav"


def test_the_end_of_a_recording_is_told(watch: Watch) -> None:
    fields = {"Event-Name": "CUSTOM", "Conference-Name": ROOM, "Action": "stop-recording", "Path": "/r/x.wav"}
    assert watch.sees([Event(json.dumps(fields).encode())]) == [RecordingEnded(ROOM, "/r/x.wav")]


def test_a_change_is_not_undone_by_an_answer_older_than_it(watch: Watch) -> None:
    for call in CALLS[:2]:
        watch.sees(watch.switch.join(call, ROOM))
    asked, watch.now = watch.now, watch.now + 1
    watch.registry.begin_change(replace(watch.registry.rooms()[ROOM], locked=True, hands=(1, 2)))
    watch.switch.leave("call-0")
    watch.looks(asked)
    room = watch.registry.rooms()[ROOM]
    assert (room.locked, room.hands, set(room.members)) == (True, (2,), {"call-1"})
    watch.registry.end_change(ROOM)
    watch.now += 1
    watch.looks(watch.now)  # by now the switch has it written down, or another daemon changed it
    assert not watch.registry.rooms()[ROOM].locked


def test_a_room_nobody_moderated_waits_and_one_that_was_moderated_does_not(watch: Watch) -> None:
    watch.switch.join("call-0", ROOM)
    watch.looks(wait_mod=True)
    assert watch.registry.rooms()[ROOM].phase == Phase.WAITING
    watch.switch.variables = {"cc_phase": "waiting"}  # a moderator came and went while nobody watched
    watch.looks(wait_mod=False)
    room = watch.registry.rooms()[ROOM]
    assert (room.phase, room.moderated) == (Phase.OPEN, True)


def test_a_recording_node_is_no_member(watch: Watch) -> None:
    watch.switch.join("call-0", ROOM)
    listed = json.loads(watch.switch.json_list())
    node = {"type": "recording_node", "record_path": "/r/x.wav", "join_time": 1795299807}
    listed[0]["members"].insert(0, node)
    watch.registry.replace("local", json.dumps(listed))
    assert set(watch.registry.rooms()[ROOM].members) == {"call-0"}


def test_rooms_of_another_switch_stay(watch: Watch) -> None:
    watch.sees(watch.switch.join("call-0", ROOM))
    elsewhere = Switch()
    for event in elsewhere.join("call-1", OTHER):
        watch.registry.apply("second", event)
    watch.switch.leave("call-0")
    watch.looks()
    assert known(watch.registry) == {OTHER: {("call-1", False, True)}}


def test_a_language_noted_before_the_arrival_is_the_members(watch: Watch) -> None:
    watch.registry.note_language("call-0", "fr")
    watch.sees(watch.switch.join("call-0", ROOM))
    assert watch.registry.rooms()[ROOM].members["call-0"].language == "fr"
    watch.registry.note_language("call-0", "de")
    watch.looks()
    assert watch.registry.rooms()[ROOM].members["call-0"].language == "de"


@pytest.mark.parametrize("answer", ["+OK No active conferences.\n", "[]", "-ERR no reply"])
def test_no_rooms_are_no_rooms(watch: Watch, answer: str) -> None:
    watch.sees(watch.switch.join("call-0", ROOM))
    assert watch.registry.replace("local", answer) == frozenset()
    assert watch.registry.rooms() == {}
