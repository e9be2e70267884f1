"""What callers hear because time has passed: reminders, goodbyes, the end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.rooms.room import Member, Phase, RoomState
from callcontrol.rooms.timers import (
    Due,
    GiveUp,
    GraceOver,
    NearlyOver,
    Over,
    Remind,
    room_due,
    waiting_due,
)
from callcontrol.tenants import Access, Room

RULES = Room(name="board", access=Access.OPEN, moderator_grace=120, max_wait=900, max_alone=600, max_duration=3600)
GATHERED = 1_795_000_000.0


def member(identity: int, since: float, moderator: bool = False) -> Member:
    """A member who has been there since then."""
    return Member(f"call-{identity}", identity, "", moderator, True, since, "local")


def room(*members: Member, phase: Phase = Phase.OPEN, since: float = GATHERED) -> RoomState:
    """A room that came together at GATHERED."""
    made = RoomState("acme.board", phase=phase, since=since, gathered=GATHERED)
    for one in members:
        made = made.with_member(one)
    return made


ANNA, BEN, CARL = member(1, 0.0), member(2, 30.0), member(3, 30.0)


# -- who waits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waited", "told", "due"),
    [
        (59.9, 0, []),
        (60.0, 0, [Remind(ANNA, 1, 1)]),
        (60.0, 1, []),
        (119.9, 1, []),
        (120.0, 1, [Remind(ANNA, 1, 2)]),
        (300.0, 1, [Remind(ANNA, 1, 5)]),  # the daemon was away: told once, not four times
        (899.9, 14, []),
        (900.0, 14, [GiveUp(ANNA, "moderator-absent")]),
        (5000.0, 0, [GiveUp(ANNA, "moderator-absent")]),
    ],
)
def test_who_waits_is_told_every_minute_and_at_last_goodbye(waited: float, told: int, due: list[Due]) -> None:
    assert waiting_due(room(ANNA), RULES, {ANNA.call: told} if told else {}, now=waited) == due


def test_each_hears_the_place_in_the_order_of_arrival_and_moderators_have_none() -> None:
    waiting = room(member(9, 10.0, moderator=True), CARL, BEN, ANNA)
    assert waiting_due(waiting, RULES, {}, now=95) == [Remind(ANNA, 1, 1), Remind(BEN, 2, 1), Remind(CARL, 3, 1)]


def test_places_count_who_is_not_reminded_now() -> None:
    assert waiting_due(room(ANNA, BEN), RULES, {ANNA.call: 1}, now=95) == [Remind(BEN, 2, 1)]


def test_nobody_who_is_not_there_is_reminded() -> None:
    assert waiting_due(room(), RULES, {ANNA.call: 3}, now=1000) == []


@given(st.lists(st.floats(0.0, 2.0), max_size=300))
def test_however_often_somebody_looks_each_minute_is_told_once(looks: list[float]) -> None:
    now, told, heard = 0.0, dict[str, int](), list[int]()
    for pause in looks:
        now += pause
        for due in waiting_due(room(ANNA), RULES, told, now):
            assert isinstance(due, Remind)
            told[due.member.call] = due.turn
            heard.append(due.turn)
    assert heard == list(range(1, int(now // 60) + 1))


# -- the room ----------------------------------------------------------------------------------------------------------

LONG_AGO = -10_000.0


@pytest.mark.parametrize(
    ("phase", "gone", "due"),
    [
        (Phase.ABANDONED, 119.9, []),
        (Phase.ABANDONED, 120.0, [GraceOver()]),
        (Phase.ABANDONED, 121.0, [GraceOver()]),
        *((phase, 500.0, []) for phase in Phase if phase != Phase.ABANDONED),
    ],
)
def test_the_grace_time_runs_only_while_moderators_are_missed(phase: Phase, gone: float, due: list[Due]) -> None:
    state = room(ANNA, BEN, phase=phase)
    assert room_due(state, RULES, None, False, now=0, epoch=GATHERED + gone) == due


@pytest.mark.parametrize(("alone", "due"), [(None, []), (599.9, []), (600.0, [GiveUp(ANNA, "alone-too-long")])])
def test_who_is_alone_for_too_long_is_shown_out(alone: float | None, due: list[Due]) -> None:
    since = None if alone is None else 1000 - alone
    assert room_due(room(ANNA), RULES, since, False, now=1000, epoch=GATHERED) == due


def test_in_an_empty_room_nobody_is_alone() -> None:
    assert room_due(room(), RULES, LONG_AGO, False, now=0, epoch=GATHERED) == []


@pytest.mark.parametrize(
    ("lasted", "warned", "due"),
    [
        (3299.9, False, []),
        (3300.0, False, [NearlyOver()]),
        (3300.0, True, []),
        (3599.9, True, []),
        (3600.0, True, [Over()]),
        (3600.0, False, [Over()]),
    ],
)
def test_a_meeting_is_told_that_its_time_is_nearly_over_and_then_ends(
    lasted: float, warned: bool, due: list[Due]
) -> None:
    assert room_due(room(ANNA, BEN), RULES, None, warned, now=0, epoch=GATHERED + lasted) == due


def test_a_meeting_that_is_ending_is_not_ended_once_more() -> None:
    state = room(ANNA, BEN, phase=Phase.ENDING)
    assert room_due(state, RULES, None, True, now=0, epoch=GATHERED + 3605) == []


@pytest.mark.parametrize("lasted", [0.0, 30.0, 299.0])
def test_a_meeting_of_five_minutes_or_less_is_not_told_that_five_are_left(lasted: float) -> None:
    rules = RULES.model_copy(update={"max_duration": 300})
    assert room_due(room(ANNA, BEN), rules, None, False, now=0, epoch=GATHERED + lasted) == []


def test_a_room_that_has_not_come_together_yet_does_not_end() -> None:
    assert room_due(replace(room(ANNA), gathered=0.0), RULES, None, False, now=0, epoch=GATHERED) == []


def test_several_things_may_be_due_at_once() -> None:
    state = room(ANNA, phase=Phase.ABANDONED)
    assert room_due(state, RULES, LONG_AGO, False, now=0, epoch=GATHERED + 4000) == [
        GraceOver(),
        GiveUp(ANNA, "alone-too-long"),
        Over(),
    ]
