"""The state store as the flows use it. Its methods never raise because the database is away: a call goes on.

While the database does not answer,
- languages are unknown and choices are forgotten: the caller is asked again next time;
- wrong PINs are counted in the memory of this process: guessing stays limited, each daemon counting for itself. What
  was counted there is not carried over when the database answers again;
- one warning says so and one line says that it is over (`Database.available` and `outages` tell /metrics).

Times are UTC epoch seconds from the caller of each method: the daemon's clock decides, not the database server's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Table, and_, bindparam, delete, select, tuple_

from callcontrol import guessing
from callcontrol.guessing import RightPin, WrongPin
from callcontrol.state import _guesses, _schema
from callcontrol.state._guesses import MemoryGuesses, StoredGuesses
from callcontrol.state._schema import FADING, languages
from callcontrol.state._worker import StateUnavailable
from callcontrol.state.database import Database

T = TypeVar("T")

#: Seconds a chosen language is remembered: a year after the caller last chose.
LANGUAGE_KEPT = 365 * 86400.0
#: Rows dropped in one transaction, so that clearing up after an attack does not hold up the calls.
BATCH = 500

_WHOSE = and_(languages.c.tenant == bindparam("of_tenant"), languages.c.caller == bindparam("of_caller"))
_LANGUAGE = select(languages.c.language).where(_WHOSE)


class StateStore:
    """Languages and wrong PINs, shared by all daemons that name the same database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._memory = MemoryGuesses()

    def language_of(self, tenant: str, caller: str) -> str | None:
        """The language this caller once chose at this tenant; None when none is known."""
        who = {"of_tenant": tenant, "of_caller": caller}
        return self._read(lambda connection: connection.execute(_LANGUAGE, who).scalar_one_or_none(), lambda: None)

    def remember_language(self, tenant: str, caller: str, language: str, now: float) -> None:
        """Keep the caller's choice for a year."""
        row = {"tenant": tenant, "caller": caller, "language": language, "forget_at": now + LANGUAGE_KEPT}
        self._write(lambda connection: _schema.put(connection, languages, row), lambda: None)

    def blocked_for(self, key: str, now: float) -> float:
        """Seconds the caller of this key (guessing.caller_key) is still refused; 0.0 when not."""
        return self._read(
            lambda connection: guessing.is_blocked(_guesses.stored_attempts(connection, key), now),
            lambda: guessing.is_blocked(self._memory.caller(key), now),
        )

    def wrong_pin(self, key: str, room_key: str, now: float) -> WrongPin:
        """Count a wrong PIN against the caller and the target; counted exactly once whichever daemon counts."""
        return self._write(
            lambda connection: _guesses.count_wrong(StoredGuesses(connection), key, room_key, now),
            lambda: _guesses.count_wrong(self._memory, key, room_key, now),
        )

    def right_pin(self, key: str, room_key: str, now: float, *, clears: bool = True) -> RightPin:
        """Clear the caller's count (where a right PIN ``clears`` it), unless a block runs: then refuse the PIN.

        The block may have begun after this call was admitted: somebody guesses on many calls at once.
        """
        return self._write(
            lambda connection: _guesses.accept_right(StoredGuesses(connection), key, room_key, now, clears=clears),
            lambda: _guesses.accept_right(self._memory, key, room_key, now, clears=clears),
        )

    def prune(self, now: float) -> int:
        """Drop what says nothing any more; returns how many rows. Meant to be called every few minutes."""
        return sum(self._prune(table, now) for table in FADING)

    def _prune(self, table: Table, now: float) -> int:
        keys = tuple(table.primary_key)
        old = select(*keys).where(table.c.forget_at < now).limit(BATCH)
        query = delete(table).where(tuple_(*keys).in_(old))
        dropped = 0
        while batch := self._write(lambda connection: connection.execute(query).rowcount, lambda: 0):
            dropped += batch
        return dropped

    def _read(self, question: Callable[[Connection], T], otherwise: Callable[[], T]) -> T:
        try:
            return self.database.read(question)
        except StateUnavailable:
            return otherwise()

    def _write(self, question: Callable[[Connection], T], otherwise: Callable[[], T]) -> T:
        try:
            return self.database.write(question)
        except StateUnavailable:
            return otherwise()
