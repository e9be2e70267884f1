"""The tables, their version, and the few statements that SQLite and PostgreSQL write differently."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Double,
    Executable,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from callcontrol.state._worker import StateUnavailable

#: Raised with each change of the tables.
VERSION = 2

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

#: One calling of a room's participants. ``id`` is the same for all daemons when it is an occurrence of a schedule.
#: ``owner`` drives it until ``owner_until``; then any daemon may. ``ends_at``: when it is given up at the latest.
#: ``outcome``: running, over, joined (its participants were added to a round that ran already), missed.
rounds = Table(
    "rounds",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("room", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("ends_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("outcome", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("owner_until", Double, nullable=False),
    Index("rounds_of_tenant", "tenant", "due_at"),
    Index("rounds_by_outcome", "outcome", "ended_at"),
)

#: Whom a round calls. ``state``: waiting (next try at `due_at`), calling, joined, declined, failed, cancelled.
#: ``counts_from``: tries up to this number were made before somebody asked to call again, and count no longer.
invitees = Table(
    "invitees",
    metadata,
    Column("round", String, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("number", String, nullable=False),
    Column("moderator", Boolean, nullable=False),
    Column("language", String, nullable=False),
    Column("state", String, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("reason", String, nullable=False),
    Column("counts_from", Integer, nullable=False),
)

#: Each try to reach an invitee, written before the call is made: a try is never made twice. ``legs``: uuids of its
#: calls, joined by ":", on ``switch``. ``outside``: over the tenant's trunk. ``result``: empty while it is under way.
tries = Table(
    "tries",
    metadata,
    Column("round", String, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("switch", String, nullable=False),
    Column("legs", String, nullable=False),
    Column("outside", Boolean, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("answered_at", Double),
    Column("ended_at", Double),
    Column("result", String, nullable=False),
    Index("tries_of_tenant", "tenant", "began_at"),
)

#: The ledger: one row per leg that was in a room, written open and closed when it leaves; see callcontrol/state/leg.py
#: for the meaning of each column.
legs = Table(
    "legs",
    metadata,
    Column("call", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("room", String, nullable=False),
    Column("meeting", String, nullable=False),
    Column("switch", String, nullable=False),
    Column("role", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("number", String, nullable=False),
    Column("name", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("payer", String, nullable=False),
    Column("language", String, nullable=False),
    Column("waits_for", String, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("answered_at", Double, nullable=False),
    Column("joined_at", Double, nullable=False),
    Column("admitted_at", Double),
    Column("left_at", Double),
    Column("ended_at", Double),
    Column("wait_seconds", Double, nullable=False),
    Column("room_seconds", Double, nullable=False),
    Column("end_reason", String, nullable=False),
    Column("closed_by", String, nullable=False),
    Index("legs_of_tenant", "tenant", "joined_at", "call"),
    Index("legs_of_meeting", "meeting"),
    Index("legs_open", "closed_by"),
)

#: The ledger of offices: one row per call of an extension; see callcontrol/state/office.py. ``outside``: by the
#: tenant's trunk, written before the call is made. ``closed_by``: as in `legs`.
office_calls = Table(
    "office_calls",
    metadata,
    Column("call", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("extension", String, nullable=False),
    Column("service", String, nullable=False),
    Column("outside", Boolean, nullable=False),
    Column("number", String, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("answered_at", Double),
    Column("ended_at", Double),
    Column("end_reason", String, nullable=False),
    Column("closed_by", String, nullable=False),
    Index("office_calls_of_tenant", "tenant", "began_at"),
    Index("office_calls_open", "closed_by"),
)

#: When a daemon last compared the open rows of a switch with the calls that switch has; UTC epoch seconds. One row is
#: about the open `office_calls` of all switches.
sightings = Table(
    "sightings",
    metadata,
    Column("switch", String, primary_key=True),
    Column("seen_at", Double, nullable=False),
)

#: What star codes set for an extension, NULL for what none has set; see callcontrol/state/settings.py. ``rules``: of
#: forwarding profile 0. ``file_marks``: what the tenant file said when each was set.
extension_settings = Table(
    "extension_settings",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("extension", String, primary_key=True),
    Column("active", Integer),
    Column("do_not_disturb", Boolean),
    Column("rules", JSON(none_as_null=True)),
    Column("file_marks", JSON, nullable=False),
    Column("changed_at", Double, nullable=False),
)

#: Messages of mailboxes that were mailed, by FreeSWITCH's uuid of each.
mailed_messages = Table(
    "mailed_messages",
    metadata,
    Column("message", String, primary_key=True),
    Column("forget_at", Double, nullable=False, index=True),
)

#: Tables whose rows end by themselves: UTC epoch seconds in `forget_at`.
FADING = (languages, caller_guesses, target_guesses, mailed_messages)


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


class StateTooNew(StateUnavailable):
    """The database was written by a newer callcontrol, which this one must not touch."""


def prepare(connection: Connection) -> None:
    """Create the tables if there are none, inside a write transaction. Raises StateTooNew.

    From schema 1 to 2 only tables were added, so creating what is missing is all an older database needs.
    """
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
    if found < VERSION:
        metadata.create_all(connection)
        connection.execute(update(meta).where(meta.c.name == "schema_version").values(value=str(VERSION)))


def lock(connection: Connection, key: str) -> None:
    """Let no other process read and then write what ``key`` names, until the transaction ends.

    PostgreSQL has no row to lock before the first insert, hence an advisory lock. In SQLite the write transaction
    (BEGIN IMMEDIATE, callcontrol/state/_engine.py) already keeps every other writer out.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"key": f"callcontrol {key}"})


def put(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Insert the row, or replace all of it but its primary key. ``row`` has a value for each column."""
    connection.execute(_upsert(connection.dialect.name, table), row)


def put_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """As `put`, for many rows with different primary keys."""
    connection.execute(_upsert(connection.dialect.name, table), rows)


@cache  # building a statement takes longer than running it: 110 against 34 µs
def _upsert(dialect: str, table: Table) -> Executable:
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    changes = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)
