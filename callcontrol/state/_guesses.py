"""Wrong PINs as they are kept: in the database, and in memory while the database is away.

What a wrong PIN means is decided in callcontrol/guessing.py; here it is only read and written.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol, TypeVar

from sqlalchemy import Connection, bindparam, delete, select

from callcontrol import guessing
from callcontrol.guessing import Attempts, RightPin, WrongPin
from callcontrol.state._schema import caller_guesses, lock, put, target_guesses

V = TypeVar("V")

_callers, _targets = caller_guesses.c, target_guesses.c
_CALLER = select(_callers.recent, _callers.blocked_until, _callers.blocks).where(_callers.caller == bindparam("key"))
_FORGET_CALLER = delete(caller_guesses).where(_callers.caller == bindparam("key"))
_TARGET = select(_targets.recent).where(_targets.target == bindparam("key"))

#: Callers and targets remembered in memory. An attack from more numbers than this forgets the oldest.
MOST_IN_MEMORY = 10_000


class Guesses(Protocol):
    """Where attempts are kept."""

    def caller(self, key: str) -> Attempts: ...
    def keep_caller(self, key: str, attempts: Attempts) -> None: ...
    def forget_caller(self, key: str) -> None: ...
    def target(self, key: str) -> tuple[float, ...]: ...
    def keep_target(self, key: str, times: tuple[float, ...]) -> None: ...


def count_wrong(guesses: Guesses, caller: str, target: str, now: float) -> WrongPin:
    """Count a wrong PIN and say what it led to."""
    before = guesses.caller(caller)
    after = guessing.after_wrong(before, now)
    times = guessing.after_wrong_at(guesses.target(target), now)
    guesses.keep_caller(caller, after)
    guesses.keep_target(target, times)
    return guessing.judge(before, after, times, now)


def accept_right(guesses: Guesses, caller: str, target: str, now: float, *, clears: bool) -> RightPin:
    """See StateStore.right_pin."""
    seconds = guessing.is_blocked(guesses.caller(caller), now)
    if clears and not seconds:
        guesses.forget_caller(caller)
    return RightPin(seconds, guessing.room_delay(guesses.target(target), now))


class MemoryGuesses:
    """Attempts of this process, lost with it."""

    def __init__(self) -> None:
        self._callers: OrderedDict[str, Attempts] = OrderedDict()
        self._targets: OrderedDict[str, tuple[float, ...]] = OrderedDict()

    def caller(self, key: str) -> Attempts:
        return self._callers.get(key, Attempts())

    def keep_caller(self, key: str, attempts: Attempts) -> None:
        _keep(self._callers, key, attempts)

    def forget_caller(self, key: str) -> None:
        self._callers.pop(key, None)

    def target(self, key: str) -> tuple[float, ...]:
        return self._targets.get(key, ())

    def keep_target(self, key: str, times: tuple[float, ...]) -> None:
        _keep(self._targets, key, times)


class StoredGuesses:
    """Attempts in the database, inside one write transaction. Always the caller first, then the target: no deadlock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def caller(self, key: str) -> Attempts:
        lock(self._connection, f"caller {key}")
        return stored_attempts(self._connection, key)

    def keep_caller(self, key: str, attempts: Attempts) -> None:
        row = {
            "caller": key,
            "recent": attempts.recent,
            "blocked_until": attempts.blocked_until,
            "blocks": attempts.blocks,
            "forget_at": guessing.forget_at(attempts),
        }
        put(self._connection, caller_guesses, row)

    def forget_caller(self, key: str) -> None:
        self._connection.execute(_FORGET_CALLER, {"key": key})

    def target(self, key: str) -> tuple[float, ...]:
        lock(self._connection, f"target {key}")
        return stored_times(self._connection, key)

    def keep_target(self, key: str, times: tuple[float, ...]) -> None:
        row = {"target": key, "recent": times, "forget_at": max(times) + guessing.TARGET_WINDOW}
        put(self._connection, target_guesses, row)


def stored_attempts(connection: Connection, key: str) -> Attempts:
    """Read the attempts of a caller key."""
    row = connection.execute(_CALLER, {"key": key}).one_or_none()
    return Attempts(tuple(row.recent), row.blocked_until, row.blocks) if row else Attempts()


def stored_times(connection: Connection, key: str) -> tuple[float, ...]:
    """Read the times of the wrong PINs at a target."""
    return tuple(connection.execute(_TARGET, {"key": key}).scalar_one_or_none() or ())


def _keep(kept: OrderedDict[str, V], key: str, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > MOST_IN_MEMORY:
        kept.popitem(last=False)
