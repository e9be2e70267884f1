"""A room is told who comes and goes, and is not flooded with it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcontrol.rooms.throttle import INTERVAL, NAMED, Announcement, Name, Summary, Throttle, Tone
from callcontrol.tenants import Announce

TONE, NAME, NONE = Announce.TONE, Announce.NAME, Announce.NONE


def test_one_who_joins_is_announced_at_once() -> None:
    assert Throttle().joined(TONE, 2, 7, now=0) == Tone(join=True)
    assert Throttle().joined(NAME, 2, 7, now=0) == Name(7, join=True)
    assert Throttle().left(TONE, 2, 7, now=0) == Tone(join=False)
    assert Throttle().left(NAME, 2, 7, now=0) == Name(7, join=False)


@pytest.mark.parametrize("announce", list(Announce))
def test_nobody_hears_of_having_come_to_an_empty_room_and_an_empty_room_hears_nothing(announce: Announce) -> None:
    throttle = Throttle()
    assert throttle.joined(announce, 1, 7, now=0) is None
    assert throttle.left(announce, 0, 7, now=20) is None
    assert throttle.deadline is None


def test_a_room_that_wants_no_announcements_hears_none() -> None:
    throttle = Throttle()
    assert [throttle.joined(NONE, size, size, now=size) for size in range(1, 60)] == [None] * 59
    assert throttle.deadline is None
    assert throttle.expire(1000) is None


def test_names_are_said_up_to_ten_members_and_a_tone_is_heard_beyond() -> None:
    assert Throttle().joined(NAME, NAMED, 7, now=0) == Name(7, join=True)
    assert Throttle().joined(NAME, NAMED + 1, 7, now=0) == Tone(join=True)
    assert Throttle().left(NAME, NAMED, 7, now=0) == Name(7, join=False)
    assert Throttle().left(NAME, NAMED + 1, 7, now=0) == Tone(join=False)


def test_fifty_who_join_in_one_second_are_one_tone_and_one_summary() -> None:
    throttle = Throttle()
    heard = [throttle.joined(TONE, size, size, now=size / 50) for size in range(2, 52)]
    assert [one for one in heard if one is not None] == [Tone(join=True)]
    assert throttle.deadline == 2 / 50 + INTERVAL
    assert throttle.expire(4.9) is None
    assert throttle.expire(throttle.deadline) == Summary(came=49, went=0)
    assert throttle.deadline is None


def test_a_single_one_who_joined_too_soon_is_announced_later_like_any_other() -> None:
    throttle = Throttle()
    throttle.joined(NAME, 2, 1, now=0)
    assert throttle.joined(NAME, 3, 2, now=1) is None
    assert throttle.expire(5) == Name(2, join=True)


def test_who_joins_after_the_pause_but_before_the_summary_belongs_to_it() -> None:
    throttle = Throttle()
    throttle.joined(TONE, 2, 1, now=0)
    throttle.joined(TONE, 3, 2, now=1)
    assert throttle.left(TONE, 2, 1, now=5.5) == Summary(came=1, went=1)
    assert throttle.joined(TONE, 3, 4, now=10.4) is None
    assert throttle.deadline == 10.5


def test_who_comes_and_goes_between_two_announcements_is_not_mentioned() -> None:
    throttle = Throttle()
    throttle.joined(TONE, 2, 1, now=0)
    throttle.joined(TONE, 3, 2, now=1)
    throttle.left(TONE, 2, 2, now=2)
    assert throttle.deadline is None
    assert throttle.expire(5) is None


def test_the_last_one_there_hears_who_left_and_not_who_came() -> None:
    assert Throttle().left(NAME, 1, 7, now=0) == Name(7, join=False)
    throttle = Throttle()
    throttle.joined(TONE, 2, 1, now=0)
    throttle.joined(TONE, 3, 2, now=1)
    throttle.left(TONE, 2, 1, now=2)
    throttle.left(TONE, 1, 3, now=3)
    assert throttle.expire(5) == Summary(came=0, went=2)


def test_what_the_last_one_left_does_not_interest_the_next() -> None:
    throttle = Throttle()
    throttle.joined(TONE, 3, 1, now=0)
    throttle.left(TONE, 1, 2, now=1)
    throttle.left(TONE, 0, 3, now=2)
    assert throttle.deadline is None
    throttle.joined(TONE, 1, 5, now=3)
    throttle.joined(TONE, 2, 4, now=3)
    assert throttle.expire(5) == Tone(join=True)


def test_a_tenant_who_turns_announcements_off_hears_no_summary_any_more() -> None:
    throttle = Throttle()
    throttle.joined(TONE, 2, 1, now=0)
    throttle.joined(TONE, 3, 2, now=1)
    throttle.joined(NONE, 4, 3, now=2)
    assert throttle.deadline is None


EVENTS = st.lists(st.tuples(st.booleans(), st.floats(0, 7), st.booleans()), max_size=60)


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.integers(0, 20), st.sampled_from(Announce))
def test_whatever_happens_announcements_keep_their_distance_and_tell_the_truth(
    events: list[tuple[bool, float, bool]], at_first: int, announce: Announce
) -> None:
    throttle, members = Throttle(), list(range(at_first))
    now, next_id, heard = 0.0, 1000, list[tuple[float, Announcement]]()
    for join, pause, looks in events:
        now += pause
        if looks and (late := throttle.expire(now)) is not None:
            heard.append((now, late))
            assert_fits(late, announce, len(members))
        if join or not members:
            members.append(next_id)
            told = throttle.joined(announce, len(members), next_id, now)
            next_id += 1
        else:
            gone = members.pop()
            told = throttle.left(announce, len(members), gone, now)
        if told is not None:
            heard.append((now, told))
            assert_fits(told, announce, len(members))
    if throttle.deadline is not None:
        assert throttle.expire(max(throttle.deadline, now)) is not None
    assert throttle.deadline is None
    # Times add up with rounding.
    assert all(later - earlier > INTERVAL - 1e-6 for (earlier, _), (later, _) in pairwise(heard))


def assert_fits(announcement: Announcement, announce: Announce, size: int) -> None:
    """Nothing where nothing is wanted or heard, names only where they are wanted and few."""
    assert announce != Announce.NONE
    leaves_only = isinstance(announcement, Tone | Name) and not announcement.join
    assert size > (0 if leaves_only or (isinstance(announcement, Summary) and not announcement.came) else 1)
    match announcement:
        case Name():
            assert announce == Announce.NAME
            assert size <= NAMED
        case Tone():
            assert announce == Announce.TONE or size > NAMED
        case Summary(came=came, went=went):
            assert came >= 0
            assert went >= 0
            assert came + went > 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_everybody_who_comes_and_stays_is_counted_in_exactly_one_announcement(pauses: list[float]) -> None:
    throttle, now, told = Throttle(), 0.0, list[Announcement | None]()
    for number, pause in enumerate(pauses):
        now += pause
        told.append(throttle.joined(TONE, number + 2, number, now))
    told.append(throttle.expire(now + INTERVAL))
    assert sum(one.came if isinstance(one, Summary) else 1 for one in told if one is not None) == len(pauses)
