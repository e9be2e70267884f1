"""The raised hands of a room: member ids in the order in which they were raised. Pure.

A hand goes down when its owner lowers it, when a moderator calls on it, or when its owner leaves (`RoomState.without`).
"""

from __future__ import annotations


def toggle(hands: tuple[int, ...], identity: int) -> tuple[tuple[int, ...], int]:
    """Raise this member's hand, or lower it; the new queue and the place in it from 1, or 0 when it was lowered."""
    rest = tuple(other for other in hands if other != identity)
    if len(rest) < len(hands):
        return rest, 0
    return (*hands, identity), len(hands) + 1


def next_hand(hands: tuple[int, ...]) -> tuple[int | None, tuple[int, ...]]:
    """Whose turn it is, None when nobody's, and the queue without them."""
    return (hands[0], hands[1:]) if hands else (None, ())
