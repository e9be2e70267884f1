"""What moderators decided about a room survives in the conference's variables, whatever is done to them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcontrol.rooms.room import Member, Phase, RoomState, variables_of, with_variables
from callcontrol.switch.literals import text_literal

BLANK = RoomState("acme.board")
NAMES = sorted(variables_of(BLANK))


def member(identity: int, since: float = 0.0, moderator: bool = False) -> Member:
    """A member whose call is named after the id."""
    return Member(f"call-{identity}", identity, "+49308630", moderator, True, since, "local")


def with_members(room: RoomState, ids: list[int]) -> RoomState:
    """The room with these members."""
    for identity in ids:
        room = room.with_member(member(identity))
    return room


@st.composite
def rooms(draw: st.DrawFn) -> RoomState:
    """Any room: members, and for each of them any wish; times in whole seconds."""
    ids = draw(st.lists(st.integers(1, 2**32 - 1), unique=True, max_size=8))
    some = st.lists(st.sampled_from(ids), unique=True) if ids else st.just([])
    blank = with_members(RoomState("acme.board"), ids)
    return replace(
        blank,
        phase=draw(st.sampled_from(Phase)),
        since=float(draw(st.integers(0, 10**11))),
        locked=draw(st.booleans()),
        mute_all=draw(st.booleans()),
        hands=tuple(draw(some)),
        muted=frozenset(draw(some)),
        floor=frozenset(draw(some)),
        record=draw(st.sampled_from(["", "/var/lib/callcontrol/recordings/acme/board-20261121T101500Z.wav"])),
        moderated=draw(st.booleans()),
        music=draw(st.booleans()),
        gathered=float(draw(st.integers(0, 10**11))),
    )


# -- variables ---------------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(rooms())
def test_a_daemon_that_starts_anew_finds_every_room_as_it_was(room: RoomState) -> None:
    found = RoomState(room.name, members=room.members)
    assert with_variables(found, variables_of(room)) == room


@settings(deadline=None)
@given(rooms())
def test_every_variable_may_be_sent_to_the_switch(room: RoomState) -> None:
    for name, value in variables_of(room).items():
        assert text_literal(name)
        assert text_literal(value)


@settings(deadline=None)
@given(rooms())
def test_without_variables_a_room_stays_as_it_is(room: RoomState) -> None:
    assert with_variables(room, {}) == room


HOSTILE = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["-", "", "²", "٣", "-1", "1:", ":", "1:2:x", "1 2", "nan", "inf", "1e9", "TRUE", "open ", "9" * 5000]
    ),
    st.text("0123456789:-²", max_size=30),
)


@settings(max_examples=500, deadline=None)
@given(rooms(), st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=10)), HOSTILE))
def test_variables_that_anybody_else_wrote_break_nothing(room: RoomState, variables: dict[str, str]) -> None:
    read = with_variables(room, variables)
    here = {member.id for member in room.members.values()}
    assert read.members == room.members
    assert len(set(read.hands)) == len(read.hands)
    assert set(read.hands) | read.muted | read.floor <= here
    again = with_variables(room, {**variables, **variables_of(read)})
    assert again == read


@pytest.mark.parametrize("name", [name for name in NAMES if name != "cc_record"])
@pytest.mark.parametrize("value", ["", "²", "maybe", "1:2:x", "9" * 5000, "nan"])
def test_a_value_that_cannot_be_read_changes_nothing(name: str, value: str) -> None:
    room = replace(with_members(BLANK, [1, 2]), phase=Phase.HELD, since=5.0, locked=True, mute_all=True, hands=(2, 1))
    room = replace(room, muted=frozenset({1}), floor=frozenset({2}), moderated=True, music=True, gathered=4.0)
    assert with_variables(room, {name: value}) == room


def test_who_left_while_no_daemon_watched_has_no_hand_raised() -> None:
    room = with_variables(with_members(BLANK, [2, 3]), {"cc_hands": "1:3:3:2", "cc_muted": "1:2", "cc_floor": "1"})
    assert room.hands == (3, 2)
    assert room.muted == {2}
    assert room.floor == frozenset()


# -- members -----------------------------------------------------------------------------------------------------------


def test_who_leaves_takes_hand_microphone_and_floor_along() -> None:
    room = replace(
        with_members(BLANK, [1, 2, 3]), hands=(3, 1, 2), muted=frozenset({1, 2}), floor=frozenset({1}), locked=True
    )
    left = room.without("call-1")
    assert [one.id for one in left.by_arrival] == [2, 3]
    assert left == replace(with_members(BLANK, [2, 3]), hands=(3, 2), muted=frozenset({2}), locked=True)
    assert left.member(1) is None


def test_somebody_who_is_not_there_cannot_leave() -> None:
    room = with_members(BLANK, [1])
    assert room.without("call-9") is room


def test_members_are_listed_in_order_of_arrival() -> None:
    room = BLANK
    for identity, since, moderator in ((4, 30.0, False), (9, 10.0, True), (2, 30.0, True)):
        room = room.with_member(member(identity, since, moderator))
    assert [one.id for one in room.by_arrival] == [9, 2, 4]
    assert [one.id for one in room.moderators] == [9, 2]
    assert room.member(4) == member(4, 30.0)


def test_a_member_who_is_known_better_is_still_one_member() -> None:
    room = BLANK.with_member(member(1)).with_member(replace(member(1), language="fr"))
    assert [one.language for one in room.by_arrival] == ["fr"]
