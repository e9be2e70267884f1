"""What star codes set, one row for each extension that used any. The tenant file is not changed by them.

A row holds values and, for each, a mark of what the file said when the code was dialled; what both mean, and that a
changed file wins, is decided above (callcontrol/forwarding/overlay.py). A change is one transaction: two codes dialled
at the same moment, on whichever daemons, are both kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, delete, select

from callcontrol.state._schema import extension_settings, lock, put
from callcontrol.state.database import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """What star codes set for one extension; None for what none has set.

    rules: of profile 0, as callcontrol/forwarding/overlay.py writes them. marks: name of a value -> what the tenant
    file said instead. changed_at: when a code last changed anything, UTC epoch seconds.
    """

    active: int | None = None
    do_not_disturb: bool | None = None
    rules: Mapping[str, Any] | None = None
    marks: Mapping[str, str] = field(default_factory=dict)
    changed_at: float = 0.0

    @property
    def empty(self) -> bool:
        """Whether nothing is set."""
        return self.active is None and self.do_not_disturb is None and self.rules is None


NOTHING = Stored()


class SettingsStore:
    """Rows of all tenants, shared by all daemons that name the same database. Every method raises StateUnavailable."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def of(self, tenant: str, extension: str) -> Stored:
        """What is stored for an extension."""
        return self.database.read(lambda connection: stored_of(connection, tenant, extension))

    def everybody(self) -> Mapping[tuple[str, str], Stored]:
        """All rows, by tenant and extension."""
        return self.database.read(all_stored)

    def change(self, tenant: str, extension: str, change: Callable[[Stored], tuple[Stored, T]]) -> T:
        """Replace a row by what ``change`` makes of it, in one transaction; what ``change`` answers besides.

        ``change`` runs in a thread, and must not ask the store.
        """

        def replace(connection: Connection) -> T:
            lock(connection, f"settings {tenant} {extension}")
            before = stored_of(connection, tenant, extension)
            after, answer = change(before)
            if after != before:
                _keep(connection, tenant, extension, after)
            return answer

        return self.database.write(replace)


def stored_of(connection: Connection, tenant: str, extension: str) -> Stored:
    """What is stored for an extension."""
    table = extension_settings
    row = connection.execute(
        select(table).where(table.c.tenant == tenant, table.c.extension == extension)
    ).one_or_none()
    return _stored(row) if row is not None else NOTHING


def all_stored(connection: Connection) -> Mapping[tuple[str, str], Stored]:
    """All rows, by tenant and extension."""
    return {(row.tenant, row.extension): _stored(row) for row in connection.execute(select(extension_settings))}


def _stored(row: Row[Any]) -> Stored:
    return Stored(row.active, row.do_not_disturb, row.rules, row.file_marks, row.changed_at)


def _keep(connection: Connection, tenant: str, extension: str, stored: Stored) -> None:
    table = extension_settings
    if stored.empty:
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.extension == extension))
        return
    row = {
        "tenant": tenant,
        "extension": extension,
        "active": stored.active,
        "do_not_disturb": stored.do_not_disturb,
        "rules": dict(stored.rules) if stored.rules is not None else None,
        "file_marks": dict(stored.marks),
        "changed_at": stored.changed_at,
    }
    put(connection, table, row)
