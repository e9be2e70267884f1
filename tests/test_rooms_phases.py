"""What becomes of a room when moderators come and go, and what that demands of FreeSWITCH."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcontrol.rooms.phases import Desired, Turn, advance, desired, first_phase, settled
from callcontrol.rooms.room import Member, Phase, RoomState
from callcontrol.tenants import Access, AfterModerator, Room

# phase, turn -> the phase for when_moderator_leaves wait, continue, end. Every other turn leaves the phase as it is.
CHANGES = """
    waiting    MODERATOR_CAME    open       open  open
    waiting    MODERATORS_LEFT   abandoned  open  abandoned
    waiting    END               ending     ending ending
    open       MODERATORS_LEFT   abandoned  open  abandoned
    open       HOLD              held       held  held
    open       END               ending     ending ending
    held       MODERATORS_LEFT   closed     open  abandoned
    held       RESUME            open       open  open
    held       END               ending     ending ending
    abandoned  MODERATOR_CAME    open       open  open
    abandoned  GRACE_OVER        closed     open  ending
    abandoned  END               ending     ending ending
    closed     MODERATOR_CAME    open       open  open
    closed     END               ending     ending ending
"""
EXPECTED = {
    (Phase(phase), Turn[turn], afterwards): Phase(following)
    for phase, turn, *all_following in map(str.split, CHANGES.strip().splitlines())
    for afterwards, following in zip(
        (AfterModerator.WAIT, AfterModerator.CONTINUE, AfterModerator.END), all_following, strict=True
    )
}


def rules(afterwards: AfterModerator = AfterModerator.WAIT, waits: bool = True) -> Room:
    """A room as a tenant file has it."""
    return Room(name="board", access=Access.OPEN, wait_for_moderator=waits, when_moderator_leaves=afterwards)


def room(guests: int = 0, moderators: int = 0, **state: object) -> RoomState:
    """A room with so many participants (ids from 1) and so many moderators (ids from 101)."""
    made = RoomState("acme.board", **state)  # type: ignore[arg-type]
    for identity in [*range(1, guests + 1), *range(101, 101 + moderators)]:
        made = made.with_member(
            Member(f"call-{identity}", identity, "", identity > 100, True, float(identity), "local")
        )
    return made


# -- the table ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "turn", "afterwards"), list(product(Phase, Turn, AfterModerator)), ids=lambda value: value.name.lower()
)
def test_each_turn_leads_to_one_phase(phase: Phase, turn: Turn, afterwards: AfterModerator) -> None:
    assert advance(phase, turn, afterwards) == EXPECTED.get((phase, turn, afterwards), phase)


@given(st.sampled_from(Turn), st.sampled_from(AfterModerator))
def test_a_room_that_ends_stays_so(turn: Turn, afterwards: AfterModerator) -> None:
    assert advance(Phase.ENDING, turn, afterwards) == Phase.ENDING


def test_a_room_that_waits_for_its_moderator_begins_with_waiting() -> None:
    assert first_phase(rules(waits=True)) == Phase.WAITING
    assert first_phase(rules(waits=False)) == Phase.OPEN


# -- making good what was missed ---------------------------------------------------------------------------------------


def test_a_moderator_who_came_while_nobody_watched_opens_the_room() -> None:
    for phase in (Phase.WAITING, Phase.ABANDONED, Phase.CLOSED):
        assert settled(phase, room(guests=3, moderators=1), rules()) == Phase.OPEN


def test_a_room_on_hold_stays_so_while_a_moderator_is_there() -> None:
    assert settled(Phase.HELD, room(guests=3, moderators=1), rules()) == Phase.HELD


def test_moderators_who_left_while_nobody_watched_are_missed() -> None:
    left = room(guests=3, moderated=True)
    assert settled(Phase.OPEN, left, rules(AfterModerator.WAIT)) == Phase.ABANDONED
    assert settled(Phase.OPEN, left, rules(AfterModerator.CONTINUE)) == Phase.OPEN
    assert settled(Phase.OPEN, left, rules(AfterModerator.END)) == Phase.ABANDONED


def test_a_moderator_who_came_and_left_while_nobody_watched_is_missed_too() -> None:
    assert settled(Phase.WAITING, room(guests=3, moderated=True), rules()) == Phase.ABANDONED


@pytest.mark.parametrize("waits", [True, False])
def test_a_room_that_nobody_moderated_is_as_it_began(waits: bool) -> None:
    set_up = rules(waits=waits)
    assert settled(first_phase(set_up), room(guests=3), set_up) == first_phase(set_up)


LIVES = st.lists(
    st.tuples(st.sampled_from(["comes", "leaves", Turn.HOLD, Turn.RESUME, Turn.GRACE_OVER]), st.booleans()), max_size=25
)


@settings(max_examples=400, deadline=None)
@given(LIVES, st.sampled_from(AfterModerator), st.booleans(), st.booleans())
def test_whatever_was_missed_the_phase_is_in_the_end_what_those_who_are_there_demand(
    life: list[tuple[str, bool]], afterwards: AfterModerator, waits: bool, ends: bool
) -> None:
    """FreeSWITCH knows who is there, and by wait-mod whether a room that waits was ever moderated."""
    set_up = rules(afterwards, waits)
    phase, moderators, known = first_phase(set_up), 0, False
    for event, seen in life:
        if event == "comes":
            moderators += 1
            known = known or seen or waits
            phase = advance(phase, Turn.MODERATOR_CAME, afterwards) if seen else phase
        elif event == "leaves":
            gone, moderators = moderators == 1, max(moderators - 1, 0)
            known = known or (seen and gone)  # only of a member that was known can be seen that he leaves
            phase = advance(phase, Turn.MODERATORS_LEFT, afterwards) if seen and gone else phase
        else:
            phase = advance(phase, Turn(event), afterwards)
    if ends:
        phase = advance(phase, Turn.END, afterwards)
    there = room(guests=2, moderators=moderators, moderated=known, gathered=1.0)
    final = settled(phase, there, set_up)
    assert final in demanded(phase, there, set_up)
    assert settled(final, there, set_up) == final


def demanded(phase: Phase, there: RoomState, set_up: Room) -> set[Phase]:
    """The phases that fit those who are there, when the last one written down was ``phase``."""
    if phase == Phase.ENDING:
        return {Phase.ENDING}
    if there.moderators:
        return {Phase.HELD} if phase == Phase.HELD else {Phase.OPEN}
    if not there.moderated:
        return {first_phase(set_up), Phase.HELD}
    match set_up.when_moderator_leaves:
        case AfterModerator.WAIT:
            return {Phase.ABANDONED, Phase.CLOSED}
        case AfterModerator.CONTINUE:
            return {Phase.OPEN}
        case AfterModerator.END:
            return {Phase.ABANDONED}


# -- what the phase demands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.HELD, Phase.CLOSED])
def test_in_a_room_on_hold_or_closed_all_hear_music_and_nobody_speaks(phase: Phase) -> None:
    silent = room(guests=2, moderators=1, phase=phase, floor=frozenset({1}))
    assert desired(silent) == Desired(muted=frozenset({1, 2, 101}), music=True)


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.OPEN, Phase.ABANDONED, Phase.ENDING])
def test_otherwise_all_may_speak_and_there_is_no_music_of_ours(phase: Phase) -> None:
    assert desired(room(guests=2, moderators=1, phase=phase)) == Desired(muted=frozenset(), music=False)


def test_when_all_are_muted_moderators_and_who_has_the_floor_may_speak() -> None:
    state = room(guests=3, moderators=1, mute_all=True, floor=frozenset({2}))
    assert desired(state).muted == {1, 3}


def test_who_joins_later_is_muted_like_all() -> None:
    state = room(guests=3, moderators=1, mute_all=True)
    later = state.with_member(Member("late", 50, "", False, True, 200.0, "local"))
    assert 50 in desired(later).muted


def test_who_muted_himself_stays_muted_moderator_or_not() -> None:
    state = room(guests=2, moderators=1, muted=frozenset({1, 101}), floor=frozenset({1}))
    assert desired(state).muted == {1, 101}


def test_who_has_left_is_not_muted() -> None:
    state = room(guests=1, muted=frozenset({1, 77}), mute_all=True)
    assert desired(state).muted == {1}


def test_a_room_found_open_though_it_waits_was_opened_by_a_moderator_who_left_unseen() -> None:
    assert settled(Phase.OPEN, room(guests=2), rules()) == Phase.ABANDONED
    assert settled(Phase.OPEN, room(guests=2), rules(waits=False)) == Phase.OPEN
    assert settled(Phase.OPEN, room(guests=2, gathered=1.0), rules()) == Phase.OPEN
