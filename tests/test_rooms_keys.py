"""What a member's keys mean: in order, out of order, too slow, too many, and while a question is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcontrol.rooms.keys import (
    GAP,
    Action,
    Confirmed,
    Declined,
    Everybody,
    KeyReader,
    Number,
    Pressed,
    Unknown,
    table_for,
)
from callcontrol.tenants.keys import DEFAULT_KEYS, FOR_EVERYONE, KeyAction, effective_keys

DOCS = Path(__file__).parent.parent / "docs"
PARTICIPANT = table_for(DEFAULT_KEYS, moderator=False)
MODERATOR = table_for(DEFAULT_KEYS, moderator=True)
MUTE, HELP, LOCK, END = Action(KeyAction.MUTE), Action(KeyAction.HELP), Action(KeyAction.LOCK), Action(KeyAction.END)

Strokes = Sequence[tuple[str, float]]


def typed(reader: KeyReader, keys: str, at: float = 0.0, every: float = 0.3) -> list[Pressed | None]:
    """What each key brought, pressed one every so many seconds."""
    return [reader.press(key, at + number * every) for number, key in enumerate(keys)]


def meant(reader: KeyReader, keys: str, at: float = 0.0, every: float = 0.3) -> list[Pressed]:
    """What came of the keys, what is left unfinished included."""
    pressed = [*typed(reader, keys, at, every), reader.expire(at + len(keys) * every + 60)]
    return [one for one in pressed if one is not None]


# -- the table ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sequence", "action"), DEFAULT_KEYS.items())
def test_a_moderator_has_every_key(sequence: str, action: KeyAction) -> None:
    assert typed(KeyReader(MODERATOR), sequence) == [None, Action(action)]


@pytest.mark.parametrize(("sequence", "action"), DEFAULT_KEYS.items())
def test_a_participant_has_the_keys_for_everyone_and_no_others(sequence: str, action: KeyAction) -> None:
    expected = Action(action) if action in FOR_EVERYONE else Unknown()
    assert typed(KeyReader(PARTICIPANT), sequence) == [None, expected]


def test_a_key_that_a_tenant_moved_works_where_it_is_now() -> None:
    keys = effective_keys({"*55": KeyAction.LOCK, "*4": None})
    moderator = KeyReader(table_for(keys, moderator=True))
    assert meant(moderator, "*55") == [LOCK]
    assert meant(moderator, "*4", at=100) == [Unknown()]
    assert meant(KeyReader(table_for(keys, moderator=False)), "*55") == [Unknown()]


def test_who_has_no_key_at_all_is_told_so() -> None:
    assert meant(KeyReader({}), "*6") == [Unknown()]


# -- order, speed, noise -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", ["#", "1", "48213#", "6*", "0#9", "", "A", "*A6"])
def test_keys_pressed_out_of_habit_before_a_sequence_are_not_answered(keys: str) -> None:
    reader = KeyReader(MODERATOR)
    assert set(typed(reader, keys)) <= {None, MUTE}


def test_the_hash_after_the_pin_does_not_disturb_the_next_key() -> None:
    assert meant(KeyReader(PARTICIPANT), "48213#*6") == [MUTE]


def test_keys_in_the_wrong_order_end_in_an_unknown_key() -> None:
    reader = KeyReader(MODERATOR)
    assert typed(reader, "6*") == [None, None]
    assert reader.expire(0.3 + GAP) == Unknown()


def test_what_nothing_begins_with_is_unknown_at_once_and_the_keys_after_it_are_not_answered() -> None:
    assert typed(KeyReader(PARTICIPANT), "*554#") == [None, Unknown(), None, None, None]


def test_a_second_sequence_may_follow_at_once() -> None:
    assert meant(KeyReader(MODERATOR), "*6*6**#*5", every=0.08) == [MUTE, MUTE, HELP, LOCK]


def test_a_star_that_continues_nothing_begins_anew() -> None:
    without_help = {"*6": KeyAction.MUTE, "*55": KeyAction.LOCK}
    assert meant(KeyReader(without_help), "**6") == [MUTE]
    assert meant(KeyReader(without_help), "*5*6") == [MUTE]
    assert meant(KeyReader({"*55": KeyAction.LOCK, "**": KeyAction.HELP}), "*5**") == [HELP]


def test_a_key_a_moment_before_the_gap_is_over_still_counts() -> None:
    reader = KeyReader(MODERATOR)
    assert typed(reader, "*6", every=GAP - 0.01) == [None, MUTE]


def test_a_key_that_comes_too_late_continues_nothing() -> None:
    reader = KeyReader(MODERATOR)
    assert typed(reader, "*6", every=GAP) == [None, Unknown()]
    assert reader.deadline is None


def test_a_star_that_comes_too_late_ends_one_sequence_and_begins_the_next() -> None:
    reader = KeyReader(MODERATOR)
    assert typed(reader, "**", every=GAP) == [None, Unknown()]
    assert reader.press("6", GAP + 1) == MUTE


def test_each_key_of_a_long_sequence_has_the_whole_gap() -> None:
    reader = KeyReader({"*123": KeyAction.MUTE})
    assert typed(reader, "*123", every=2.4) == [None, None, None, MUTE]


def test_a_sequence_left_unfinished_is_unknown_once_and_not_before_its_deadline() -> None:
    reader = KeyReader(MODERATOR)
    reader.press("*", 10)
    assert reader.deadline == 10 + GAP
    assert reader.expire(10 + GAP - 0.01) is None
    assert reader.expire(10 + GAP) == Unknown()
    assert reader.deadline is None
    assert reader.expire(1000) is None


@pytest.mark.parametrize("signal", ["A", "D", "F", "", "66", "٣", "²", "*6", "\n"])
def test_what_is_no_key_neither_breaks_a_sequence_nor_makes_it_last_longer(signal: str) -> None:
    reader = KeyReader(MODERATOR)
    reader.press("*", 0)
    assert reader.press(signal, 2) is None
    assert reader.deadline == GAP
    assert reader.press("6", 2.1) == MUTE


# -- a question with yes and no ----------------------------------------------------------------------------------------


def asked(seconds: float = 5.0) -> KeyReader:
    """A moderator who is asked for confirmation at 0."""
    reader = KeyReader(MODERATOR)
    reader.expect_confirmation(0, seconds)
    return reader


def test_one_confirms() -> None:
    reader = asked()
    assert reader.press("1", 4.9) == Confirmed()
    assert reader.deadline is None
    assert reader.press("1", 5) is None


@pytest.mark.parametrize("key", "023456789#*")
def test_every_other_key_declines(key: str) -> None:
    assert asked().press(key, 1) == Declined()


def test_silence_declines() -> None:
    reader = asked(seconds=7)
    assert reader.deadline == 7
    assert reader.expire(6.9) is None
    assert reader.expire(7) == Declined()
    assert reader.deadline is None


def test_a_confirmation_that_comes_too_late_declines_and_means_nothing_else() -> None:
    assert meant(asked(), "1", at=5) == [Declined()]


def test_a_sequence_that_comes_too_late_declines_and_counts() -> None:
    assert typed(asked(), "*6", at=5) == [Declined(), MUTE]


def test_another_sequence_instead_of_the_confirmation_declines_and_counts() -> None:
    assert typed(asked(), "*5", at=1) == [Declined(), LOCK]
    assert typed(asked(), "*0", at=1) == [Declined(), END]


def test_a_star_alone_that_declines_is_not_called_unknown_afterwards() -> None:
    assert meant(asked(), "*") == [Declined()]
    assert meant(asked(), "**") == [Declined(), HELP]


def test_what_is_no_key_does_not_answer_the_question() -> None:
    assert typed(asked(), "A1") == [None, Confirmed()]


def test_a_question_takes_the_place_of_an_unfinished_sequence() -> None:
    reader = KeyReader(MODERATOR)
    reader.press("*", 0)
    reader.expect_confirmation(1)
    assert reader.expire(1 + GAP) is None
    assert reader.press("1", 4) == Confirmed()


# -- a number to dial --------------------------------------------------------------------------------------------------


def dialling() -> KeyReader:
    """A moderator who is asked for a number at 0."""
    reader = KeyReader(MODERATOR)
    reader.expect_number(0)
    return reader


def test_a_number_ends_with_hash() -> None:
    reader = dialling()
    assert typed(reader, "03086304#")[-1] == Number("03086304")
    assert reader.deadline is None


def test_the_question_may_be_heard_out_before_the_first_digit() -> None:
    assert meant(dialling(), "33#", at=9.9) == [Number("33")]
    assert meant(dialling(), "33#", at=10) == [Declined()]


def test_each_digit_has_five_seconds() -> None:
    assert meant(dialling(), "030863#", every=4.9) == [Number("030863")]
    assert meant(dialling(), "03", every=5) == [Declined()]


def test_a_number_without_hash_is_not_dialled() -> None:
    reader = dialling()
    assert set(typed(reader, "0308630")) == {None}
    assert reader.expire(1.8 + 4.9) is None
    assert reader.expire(1.8 + 5) == Declined()


def test_star_cancels_the_number_and_may_begin_a_sequence() -> None:
    assert meant(dialling(), "030*") == [Declined()]
    assert meant(dialling(), "030*1", at=1) == [Declined(), Action(KeyAction.CALL_IN)]


def test_hash_without_a_digit_cancels() -> None:
    assert meant(dialling(), "#") == [Declined()]


def test_hash_without_a_digit_means_everybody_where_there_is_somebody_to_call() -> None:
    reader = KeyReader(MODERATOR)
    reader.expect_number(0, or_all=True)
    assert reader.press("#", 1) == Everybody()
    assert reader.deadline is None
    assert reader.press("#", 2) is None


def test_where_all_may_be_called_a_number_still_may() -> None:
    for keys, meaning in [("33#", [Number("33")]), ("*", [Declined()]), ("3*", [Declined()])]:
        reader = KeyReader(MODERATOR)
        reader.expect_number(0, or_all=True)
        assert meant(reader, keys) == meaning
    reader.expect_number(0, or_all=True)
    assert reader.expire(10) == Declined()


def test_no_number_is_longer_than_twenty_digits() -> None:
    assert meant(dialling(), "1" * 25 + "#") == [Number("1" * 20)]


def test_the_digits_of_a_number_are_in_no_text() -> None:
    reader = dialling()
    typed(reader, "491715550")
    assert "491715550" not in repr(reader)
    number = reader.press("#", 3)
    assert number == Number("491715550")
    assert "491715550" not in f"{number!r} {number} {vars(reader)}"


# -- whatever is pressed -----------------------------------------------------------------------------------------------

SIGNALS = st.one_of(st.sampled_from("0123456789*#"), st.sampled_from(["A", "D", "", "12"]), st.text(max_size=2))
STREAMS = st.lists(st.tuples(SIGNALS, st.floats(0, 8)), max_size=30)
NOISE = st.lists(st.tuples(st.sampled_from("0123456789#ABCD"), st.floats(0, 8)), max_size=20)


@st.composite
def tables(draw: st.DrawFn) -> Mapping[str, KeyAction]:
    """Prefix-free tables of what tenants may write."""
    rest = st.text("0123456789*#", min_size=1, max_size=3)
    table: dict[str, KeyAction] = {}
    for sequence in draw(st.lists(rest.map("*".__add__), max_size=12)):
        if not any(other.startswith(sequence) or sequence.startswith(other) for other in table):
            table[sequence] = draw(st.sampled_from(list(KeyAction)))
    return table


def stream_into(reader: KeyReader, stream: Strokes) -> tuple[list[Pressed], float]:
    """What came of the keys, each so many seconds after the one before; and the time after the last."""
    now, pressed = 0.0, []
    for key, pause in stream:
        now += pause
        if (one := reader.press(key, now)) is not None:
            pressed.append(one)
    return pressed, now


@settings(max_examples=300, deadline=None)
@given(tables(), STREAMS, st.sampled_from(["nothing", "confirmation", "number", "number or all"]))
def test_whatever_is_pressed_every_reader_is_idle_after_its_deadline(
    table: Mapping[str, KeyAction], stream: Strokes, question: str
) -> None:
    reader = KeyReader(table)
    if question == "confirmation":
        reader.expect_confirmation(0)
    elif question != "nothing":
        reader.expect_number(0, or_all=question == "number or all")
    _, now = stream_into(reader, stream)
    if reader.deadline is not None:
        assert reader.deadline > now
        assert reader.expire(now) is None
        reader.expire(reader.deadline)
    assert reader.deadline is None
    assert reader.press("1", now + 100) is None


@settings(max_examples=300, deadline=None)
@given(tables(), STREAMS)
def test_without_a_question_nothing_is_confirmed_declined_or_dialled(
    table: Mapping[str, KeyAction], stream: Strokes
) -> None:
    pressed, _ = stream_into(KeyReader(table), stream)
    assert all(isinstance(one, Action | Unknown) for one in pressed)


@settings(max_examples=300, deadline=None)
@given(STREAMS, st.booleans())
def test_keys_without_a_star_are_never_answered(stream: Strokes, moderator: bool) -> None:
    reader = KeyReader(table_for(DEFAULT_KEYS, moderator))
    pressed, _ = stream_into(reader, [(key, pause) for key, pause in stream if key != "*"])
    assert pressed == []
    assert reader.deadline is None


@settings(max_examples=300, deadline=None)
@given(tables().filter(bool), NOISE, st.data())
def test_every_sequence_is_recognised_after_any_ignored_keys(
    table: Mapping[str, KeyAction], noise: Strokes, data: st.DataObject
) -> None:
    sequence = data.draw(st.sampled_from(sorted(table)))
    reader = KeyReader(table)
    _, now = stream_into(reader, noise)
    assert type_slowly(reader, sequence, now, data)[-1] == Action(table[sequence])


@settings(max_examples=300, deadline=None)
@given(tables().filter(bool), STREAMS, st.data())
def test_every_sequence_is_recognised_after_anything_at_all_and_a_pause(
    table: Mapping[str, KeyAction], before: Strokes, data: st.DataObject
) -> None:
    sequence = data.draw(st.sampled_from(sorted(table)))
    reader = KeyReader(table)
    _, now = stream_into(reader, before)
    pressed = type_slowly(reader, sequence, now + GAP, data)
    assert set(pressed[:-1]) <= {None, Unknown()}
    assert pressed[-1] == Action(table[sequence])


def type_slowly(reader: KeyReader, sequence: str, now: float, data: st.DataObject) -> list[Pressed | None]:
    """The keys of one sequence, each with any pause shorter than the gap after it."""
    pressed = []
    for key in sequence:
        pressed.append(reader.press(key, now))
        now += data.draw(st.floats(0, GAP - 0.01))
    return pressed


# -- the manual --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["keys.md", "tenants.md"])
def test_the_manual_lists_the_keys_as_they_are(page: str) -> None:
    rows = re.findall(r"^\| `(\*.)` \| `(\w+)` \| (.*)$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert {key: KeyAction(action) for key, action, _ in rows} == DEFAULT_KEYS
    assert len(rows) == len(DEFAULT_KEYS)


def test_the_manual_says_which_keys_a_participant_has() -> None:
    text = (DOCS / "keys.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\*.)` \| `\w+` \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert {key for key, participant, _ in rows if participant != "-"} == set(PARTICIPANT)
    assert all(moderator != "-" for _, _, moderator in rows)
