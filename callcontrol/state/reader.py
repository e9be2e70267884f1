"""Reads the database for statements and reports, without a daemon and without changing anything.

    reader = Reader("sqlite:////var/lib/callcontrol/callcontrol.db")
    usage = reader.read(lambda connection: usage_of(connection, ...))

SQLite is opened read-only, PostgreSQL in read-only transactions: a report can neither make tables nor lock out a
daemon. Unlike Database it blocks its caller, so it is nothing for a daemon.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from callcontrol.state._engine import database_url
from callcontrol.state._schema import VERSION, meta
from callcontrol.state._worker import StateUnavailable, reason_of

T = TypeVar("T")

#: Seconds one question may take.
PATIENCE = 300.0
#: Seconds SQLite waits for a lock: readers of WAL wait for nobody but the last daemon while it ends.
_LOCKS = 5.0
#: Steps of SQLite's machine between two looks at the clock, about a millisecond.
_STEPS = 100_000


class NoDatabaseYet(StateUnavailable):
    """There is no database, or nothing in it: no daemon has been started with it so far."""


class Reader:
    """One database, read-only. Raises ConfigError for a bad URL; opens nothing yet."""

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self._url = database_url(url)
        self._patience = patience
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self._engine = self._open_sqlite() if self._sqlite else self._open_postgresql()

    def read(self, question: Callable[[Connection], T]) -> T:
        """The answer, from one moment of the database. Raises StateUnavailable, and NoDatabaseYet when there is none.

        A question that takes longer than ``patience`` seconds is given up.
        """
        if self._sqlite and not Path(str(self._url.database)).exists():
            raise NoDatabaseYet(f"there is no database yet at {self._url.database}: the daemon makes it when it starts")
        try:
            with self._engine.begin() as connection:
                _check(connection)
                return question(connection)
        except SQLAlchemyError as error:
            raise StateUnavailable(f"the database does not answer: {reason_of(error)}") from error

    def _open_sqlite(self) -> Engine:
        path = quote(str(Path(str(self._url.database)).absolute()))

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_LOCKS)
            connection.isolation_level = None  # SQLAlchemy's BEGIN below: one moment for all statements of a question
            until = monotonic() + self._patience
            connection.set_progress_handler(lambda: monotonic() > until, _STEPS)
            return connection

        engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        return engine

    def _open_postgresql(self) -> Engine:
        arguments = {
            "connect_timeout": 5,
            "application_name": "callcontrol reports",
            "options": "-c default_transaction_read_only=on -c default_transaction_isolation=repeatable\\ read "
            f"-c statement_timeout={int(self._patience * 1000)}",
        }
        return create_engine(self._url, poolclass=NullPool, connect_args=arguments)


def _check(connection: Connection) -> None:
    """The tables are those this version knows."""
    if not inspect(connection).has_table(meta.name):
        raise NoDatabaseYet("the database is empty: the daemon makes its tables when it starts")
    found = int(connection.execute(select(meta.c.value).where(meta.c.name == "schema_version")).scalar_one())
    if found < VERSION:
        raise StateUnavailable(
            f"the database has schema {found}, which holds no ledger: a daemon of this version adds it"
        )
    if found > VERSION:
        raise StateUnavailable(
            f"the database has schema {found}, this callcontrol knows {VERSION} at most (use the newer callcontrol)"
        )
