"""One database and the threads that ask it: what every kind of stored knowledge stands on.

    database = Database("sqlite:////var/lib/callcontrol/callcontrol.db")
    database.write(lambda connection: connection.execute(insert(table), row))

Each question is one transaction, runs in a thread and has a deadline, so the hub is never blocked. `read` and `write`
raise StateUnavailable while the database does not answer; what then happens is decided by whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import structlog
from sqlalchemy import Connection, Engine

from callcontrol.state import _schema
from callcontrol.state._engine import WRITES, make_private, open_engine
from callcontrol.state._schema import StateTooNew
from callcontrol.state._worker import StateUnavailable, Worker

T = TypeVar("T")

#: Seconds a caller waits for the store at most, per question.
DEADLINE = 1.0
#: Seconds in which the store is not asked again after it did not answer in time.
PAUSE = 5.0
#: Seconds the daemon waits at least, at its start, for the tables to be made.
OPENING = 10.0

_log = structlog.get_logger("callcontrol.state")


def sqlite_url(folder: Path) -> str:
    """The default database: ``callcontrol.db`` in the state folder."""
    return f"sqlite:///{folder.absolute() / 'callcontrol.db'}"


class Database:
    """One database, shared by all daemons that name the same.

    ``url``: see sqlite_url, or ``postgresql://...``. Opens nothing yet. Raises ConfigError for a bad URL.
    ``deadline``: seconds a question takes at most, DEADLINE unless told otherwise; ``pause``: seconds without a new
    try after one took longer.
    """

    def __init__(self, url: str, *, deadline: float | None = None, pause: float = PAUSE) -> None:
        deadline = DEADLINE if deadline is None else deadline
        self._engine = open_engine(url, deadline)
        self._writer = self._engine.execution_options(**WRITES)
        self._worker = Worker(deadline, pause)
        self._opening = max(OPENING, deadline)
        self._prepared = False
        #: Whether the last question was answered.
        self.available = True
        #: How often the database went away.
        self.outages = 0

    def open(self) -> None:
        """Create or check the tables. Raises StateTooNew; a database that is away now is tried again later."""
        try:
            self._worker.run(self._prepare, deadline=self._opening)
        except StateTooNew:
            raise
        except StateUnavailable as error:
            self._note_outage(error)

    def close(self) -> None:
        """End the threads and connections. The database may be used again afterwards."""
        self._worker.close()
        self._engine.dispose()

    def read(self, question: Callable[[Connection], T], *, deadline: float | None = None) -> T:
        """The answer to a question that changes nothing. Raises StateUnavailable.

        ``deadline``: seconds, for what takes longer than a caller could wait (a statement of a month).
        """
        return self._ask(self._engine, question, deadline)

    def write(self, question: Callable[[Connection], T], *, deadline: float | None = None) -> T:
        """The answer to a question that may change something; all of it is done, or nothing. Raises StateUnavailable.

        A write given up at its deadline may be done all the same.
        """
        return self._ask(self._writer, question, deadline)

    def _ask(self, engine: Engine, question: Callable[[Connection], T], deadline: float | None) -> T:
        try:
            answer = self._worker.run(lambda: self._answer(engine, question), deadline=deadline)
        except StateUnavailable as error:
            self._note_outage(error)
            raise
        if not self.available:
            self.available = True
            _log.info("state store answers again")
        return answer

    def _answer(self, engine: Engine, question: Callable[[Connection], T]) -> T:
        """In a thread: one transaction, after the tables were checked."""
        self._prepare()
        with engine.begin() as connection:
            return question(connection)

    def _prepare(self) -> None:
        """In a thread: make sure of the tables, once, and again after an outage (the database may be another one)."""
        if not self._prepared:
            make_private(self._engine)
            with self._writer.begin() as connection:
                _schema.prepare(connection)
            self._prepared = True

    def _note_outage(self, error: StateUnavailable) -> None:
        self._prepared = False
        if self.available:
            self.available = False
            self.outages += 1
            _log.warning("state store unavailable, counting wrong PINs in memory", error=str(error))
