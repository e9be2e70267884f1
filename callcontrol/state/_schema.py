"""The tables, their version, and the few statements that SQLite and PostgreSQL write differently."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Double,
    Executable,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from callcontrol.state._worker import StateUnavailable

#: Raised with each change of the tables.
VERSION = 1

metadata = MetaData()

meta = Table("meta", metadata, Column("name", String, primary_key=True), Column("value", String, nullable=False))

languages = Table(
    "languages",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("caller", String, primary_key=True),
    Column("language", String, nullable=False),
    Column("forget_at", Double, nullable=False, index=True),
)

#: `recent`, `blocked_until`, `blocks` are guessing.Attempts.
caller_guesses = Table(
    "caller_guesses",
    metadata,
    Column("caller", String, primary_key=True),
    Column("recent", JSON, nullable=False),
    Column("blocked_until", Double, nullable=False),
    Column("blocks", Integer, nullable=False),
    Column("forget_at", Double, nullable=False, index=True),
)

#: `recent` is what guessing.room_delay judges.
target_guesses = Table(
    "target_guesses",
    metadata,
    Column("target", String, primary_key=True),
    Column("recent", JSON, nullable=False),
    Column("forget_at", Double, nullable=False, index=True),
)

#: Tables whose rows end by themselves: UTC epoch seconds in `forget_at`.
FADING = (languages, caller_guesses, target_guesses)


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


class StateTooNew(StateUnavailable):
    """The database was written by a newer callcontrol, which this one must not touch."""


def prepare(connection: Connection) -> None:
    """Create the tables if there are none, inside a write transaction. Raises StateTooNew."""
    lock(connection, "schema")
    if not inspect(connection).has_table(meta.name):
        metadata.create_all(connection)
        connection.execute(insert(meta).values(name="schema_version", value=str(VERSION)))
        return
    found = int(connection.execute(select(meta.c.value).where(meta.c.name == "schema_version")).scalar_one())
    if found > VERSION:
        raise StateTooNew(
            f"the state database has schema {found}, this callcontrol knows {VERSION} at most "
            "(install the newer callcontrol again, or name another database)"
        )


def lock(connection: Connection, key: str) -> None:
    """Let no other process read and then write what ``key`` names, until the transaction ends.

    PostgreSQL has no row to lock before the first insert, hence an advisory lock. In SQLite the write transaction
    (BEGIN IMMEDIATE, callcontrol/state/_engine.py) already keeps every other writer out.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"callcontrol {key}"}
        )


def put(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Insert the row, or replace all of it but its primary key. ``row`` has a value for each column."""
    connection.execute(_upsert(connection.dialect.name, table), row)


@cache  # building a statement takes longer than running it: 110 against 34 µs
def _upsert(dialect: str, table: Table) -> Executable:
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    changes = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)
