"""Raised hands wait in the order in which they went up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callcontrol.rooms.hands import next_hand, toggle

QUEUES = st.lists(st.integers(0, 20), unique=True, max_size=10).map(tuple)


def test_the_first_hand_is_number_one_and_the_next_is_number_two() -> None:
    hands, place = toggle((), 7)
    assert (hands, place) == ((7,), 1)
    assert toggle(hands, 3) == ((7, 3), 2)


def test_who_presses_again_lowers_the_hand_and_the_others_move_up() -> None:
    assert toggle((7, 3, 9), 3) == ((7, 9), 0)
    assert toggle((7, 9), 3) == ((7, 9, 3), 3)


def test_the_moderator_calls_on_the_hand_that_was_raised_first() -> None:
    assert next_hand((7, 3)) == (7, (3,))
    assert next_hand(()) == (None, ())


@given(QUEUES, st.integers(0, 20))
def test_nobody_else_changes_place_when_a_hand_goes_up_or_down(hands: tuple[int, ...], identity: int) -> None:
    changed, place = toggle(hands, identity)
    assert tuple(other for other in changed if other != identity) == tuple(
        other for other in hands if other != identity
    )
    assert (identity in changed) == (identity not in hands)
    assert place == (changed.index(identity) + 1 if identity in changed else 0)


@given(QUEUES)
def test_everybody_is_called_on_once_in_order(hands: tuple[int, ...]) -> None:
    called, rest = [], hands
    while rest:
        first, rest = next_hand(rest)
        called.append(first)
    assert tuple(called) == hands


@given(st.lists(st.integers(0, 5), max_size=30))
def test_whatever_is_pressed_nobody_is_in_the_queue_twice(presses: list[int]) -> None:
    hands: tuple[int, ...] = ()
    for identity in presses:
        hands, _ = toggle(hands, identity)
        assert len(set(hands)) == len(hands)
    assert set(hands) == {identity for identity in presses if presses.count(identity) % 2}
