"""Opens the database: SQLite with the settings two daemons on one file need, or PostgreSQL.

What is a pragma, a driver's argument or a file permission is here; statements are not.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from callcontrol.errors import ConfigError
from callcontrol.state._worker import THREADS

#: Execution option of a connection that is going to write.
WRITES = {"callcontrol_writes": True}


def open_engine(text: str, deadline: float) -> Engine:
    """The engine for a database URL. Raises ConfigError for a URL that names no database we can use.

    ``deadline``: seconds after which the caller no longer waits; locks and statements are given up a little before,
    so that the thread is free again.
    """
    url = database_url(text)
    patience = deadline * 0.8
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite(url, patience)
        return _postgresql(url, patience)
    except ModuleNotFoundError as error:
        raise ConfigError([f"database: {error} (install the driver: pip install 'psycopg[binary]')"]) from None


def database_url(text: str) -> URL:
    """The URL of a database we can use, its driver named. Raises ConfigError."""
    try:
        url = make_url(text)
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ConfigError(["database: not a database URL (such as sqlite:////var/lib/callcontrol/state.db)"]) from None
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        raise ConfigError([f"database: {url.get_backend_name()} is not supported (use an SQLite file or PostgreSQL)"])
    return url


def _sqlite(url: URL, patience: float) -> Engine:
    engine = create_engine(url, pool_size=THREADS, max_overflow=0)

    @event.listens_for(engine, "connect")
    def settle(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: sqlite3 of Python 3.11 says a deferred one
        connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
        connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL does not wait for the disk at each commit; a power cut may lose the last wrong PINs, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails at once, without waiting, when another writer came
        # in between (https://sqlite.org/lang_transaction.html, SQLITE_BUSY_SNAPSHOT).
        writes = connection.get_execution_options().get("callcontrol_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL, patience: float) -> Engine:
    milliseconds = int(patience * 1000)
    arguments = {
        "connect_timeout": 2,  # the least libpq takes
        "application_name": "callcontrol",
        "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}",
    }
    return create_engine(url, pool_size=THREADS, max_overflow=0, pool_pre_ping=True, connect_args=arguments)


def make_private(engine: Engine) -> None:
    """Create the SQLite file and its folder for our eyes only: it holds callers' numbers. Raises OSError."""
    if engine.dialect.name != "sqlite" or engine.url.database is None:
        return
    path = Path(engine.url.database)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives -wal and -shm the mode of this file
