"""Guessing PINs becomes slow for the guesser and stays possible for everybody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callcontrol import guessing
from callcontrol.guessing import Attempts, after_wrong, after_wrong_at, forget_at, is_blocked, room_delay

NOW = 1_795_000_000.0
MINUTE = 60.0
DAY = 24 * 3600.0

gaps = st.lists(st.floats(min_value=0.0, max_value=3 * DAY, allow_nan=False), max_size=60)


def guess(times: int, attempts: Attempts | None = None, at: float = NOW, every: float = 1.0) -> Attempts:
    """The attempts after so many wrong PINs, the first at ``at``."""
    attempts = attempts or Attempts()
    for number in range(times):
        attempts = after_wrong(attempts, at + number * every)
    return attempts


def test_the_sixth_wrong_pin_within_a_quarter_of_an_hour_refuses_the_caller_for_a_quarter_of_an_hour():
    assert is_blocked(guess(5), NOW + 4) == 0
    assert is_blocked(guess(6), NOW + 5) == 15 * MINUTE
    assert is_blocked(guess(6), NOW + 5 + 15 * MINUTE) == 0


def test_six_wrong_pins_spread_over_more_than_a_quarter_of_an_hour_refuse_nobody():
    assert is_blocked(guess(60, every=3.1 * MINUTE), NOW + 59 * 3.1 * MINUTE) == 0


def test_each_further_block_is_twice_as_long_and_none_longer_than_a_day():
    attempts, now, lengths = Attempts(), NOW, []
    for _ in range(9):
        attempts = guess(6, attempts, now)
        lengths.append(is_blocked(attempts, now + 5))
        now = attempts.blocked_until + 1
    assert [length / MINUTE for length in lengths] == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]


def test_a_day_without_a_wrong_pin_after_a_block_makes_the_next_block_a_first_one_again():
    again = guess(6, guess(6), NOW + 2 * DAY)
    assert is_blocked(again, NOW + 2 * DAY + 5) == 15 * MINUTE
    assert again.blocks == 1


def test_a_caller_who_spreads_guesses_between_blocks_is_not_forgiven_by_that():
    attempts = guess(6)
    attempts = after_wrong(attempts, NOW + 20 * 3600)
    attempts = guess(6, attempts, NOW + 40 * 3600)
    assert attempts.blocks == 2


def test_calls_that_were_past_the_check_when_the_block_began_do_not_lengthen_it():
    blocked = guess(6)
    assert guess(300, blocked, NOW + 6, every=0.01) == blocked


def test_a_clock_set_back_by_a_year_refuses_nobody_for_more_than_a_day():
    assert is_blocked(guess(6), NOW - 365 * DAY) == guessing.LONGEST_BLOCK


@given(gaps)
def test_no_history_refuses_a_caller_for_more_than_a_day_or_keeps_more_than_five_times(gaps):
    attempts, now = Attempts(), NOW
    for gap in gaps:
        now += gap
        attempts = after_wrong(attempts, now)
        assert 0 <= is_blocked(attempts, now) <= guessing.LONGEST_BLOCK
        assert len(attempts.recent) < guessing.CALLER_LIMIT
        assert all(now - time < guessing.CALLER_WINDOW for time in attempts.recent)


@given(gaps)
def test_in_no_quarter_of_an_hour_does_a_caller_get_more_than_six_tries(gaps):
    attempts, now, heard = Attempts(), NOW, []
    for gap in gaps:
        now += gap
        if not is_blocked(attempts, now):
            heard.append(now)
            attempts = after_wrong(attempts, now)
    for start in heard:
        # A block of exactly 15 minutes ends where the window does, so the window is half open.
        assert len([time for time in heard if start <= time < start + guessing.CALLER_WINDOW]) <= guessing.CALLER_LIMIT


@given(gaps, st.floats(min_value=0.0, max_value=3 * DAY))
def test_what_the_store_may_drop_makes_no_difference_to_the_caller(gaps, later):
    attempts, now = Attempts(), NOW
    for gap in gaps:
        now += gap
        attempts = after_wrong(attempts, now)
    now += later
    if now > forget_at(attempts):
        assert is_blocked(attempts, now) == 0
        assert after_wrong(attempts, now) == after_wrong(Attempts(), now)


def test_everything_is_forgotten_in_the_end():
    assert forget_at(guess(5)) == NOW + 4 + 15 * MINUTE
    assert forget_at(guess(6)) == NOW + 5 + 15 * MINUTE + DAY


def test_from_the_twentieth_wrong_pin_in_an_hour_on_each_try_at_the_room_waits_and_the_alarm_is_on():
    times: tuple[float, ...] = ()
    alarms = []
    for number in range(22):
        times = after_wrong_at(times, NOW + number)
        alarms.append(guessing.judge(Attempts(), Attempts(), times, NOW + number).alarm)
    assert alarms == [False] * 19 + [True] * 3
    assert room_delay(times, NOW + 21) == 5.0
    assert room_delay(times, NOW + 21 + 3600) == 0.0


@given(st.lists(st.floats(min_value=0.0, max_value=7200.0), max_size=80))
def test_a_room_is_delayed_exactly_when_the_last_hour_had_twenty_wrong_pins(gaps):
    kept: tuple[float, ...] = ()
    every: list[float] = []
    now = NOW
    for gap in gaps:
        now += gap
        kept = after_wrong_at(kept, now)
        every.append(now)
        in_the_hour = [time for time in every if now - time < guessing.TARGET_WINDOW]
        assert (room_delay(kept, now) > 0) == (len(in_the_hour) >= guessing.TARGET_LIMIT)
        assert len(kept) <= guessing.TARGET_LIMIT


def test_only_the_wrong_pin_that_began_a_block_is_told_as_new():
    before = guess(5)
    after = after_wrong(before, NOW + 5)
    assert guessing.judge(before, after, (), NOW + 5).newly_blocked
    assert not guessing.judge(after, after_wrong(after, NOW + 6), (), NOW + 6).newly_blocked
    assert guessing.judge(after, after, (), NOW + 6).blocked == 15 * MINUTE - 1


def test_callers_without_a_number_share_a_count_per_number_dialled():
    assert guessing.caller_key("+491712345678", "+49308631") == "+491712345678"
    assert guessing.caller_key(None, "+49308631") == "anonymous:+49308631"
    assert guessing.caller_key(None, "+49308632") == "anonymous:+49308632"


def test_invented_caller_text_gets_no_count_of_its_own():
    for text in ("", "anonymous:+49308632", "x%0A+49", "+49171\n", "+", "+12345678901234567", "+４９"):
        assert guessing.caller_key(text, "+49308631") == "anonymous:+49308631"


def test_a_wrong_pin_on_a_shared_number_counts_against_that_number_and_not_against_its_rooms():
    assert guessing.target_key("acme", "+49308631", ["board"]) == "room:acme/board"
    assert guessing.target_key("acme", "+49308632", ["board", "sales"]) == "number:+49308632"


def test_an_extension_is_counted_by_who_it_is():
    assert guessing.extension_key("acme", "33") == "extension:acme/33"
