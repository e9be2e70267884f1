"""The ledger in the database: one row per leg, changed by news and never deleted.

    legs = Legs(database)
    legs.write([Opened(leg), Closed(leg.call, at)])     # one transaction; raises StateUnavailable
    for leg in legs.rows("acme", since, until): ...     # pages, so that a million rows need no memory

What news makes of a row is decided in callcontrol/state/leg.py. Nothing is pruned: this is accounting, and how long it
must be kept is a matter of law and of the operator (docs/operations.md). All daemons on one database may write the
same news: writers take turns, and news already known changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, bindparam, or_, select

from callcontrol.state import _schema
from callcontrol.state._schema import legs, sightings
from callcontrol.state.database import Database
from callcontrol.state.leg import MODERATOR, OPEN, Closed, Entered, Leg, News, Opened, Settled, after, reckoned

__all__ = ["Closed", "Entered", "Leg", "Legs", "News", "Opened", "Settled"]

#: Rows read in one transaction.
PAGE = 5000
#: Seconds a page, or a batch of news, may take. Nobody on a telephone waits for either.
PATIENCE = 20.0
#: Values in one IN (...): SQLite took 999 at most before 3.32.
MOST_KEYS = 500

_COLUMNS = tuple(legs.c[field.name] for field in fields(Leg))
_ROWS = select(*_COLUMNS)
_OF_MEETINGS = _ROWS.where(legs.c.meeting.in_(bindparam("keys", expanding=True)))
_BY_CALL = _ROWS.where(legs.c.call.in_(bindparam("keys", expanding=True)))
_MODERATORS = _OF_MEETINGS.where(legs.c.role == "moderator")
_WAITING = _OF_MEETINGS.where(legs.c.waits_for == MODERATOR)
_OPEN_ROWS = _ROWS.where(legs.c.closed_by == OPEN).order_by(legs.c.joined_at)
_SEEN = select(sightings.c.seen_at).where(sightings.c.switch == bindparam("of_switch"))
_PAGE = (
    _ROWS.where(
        legs.c.tenant == bindparam("of_tenant"),
        legs.c.joined_at >= bindparam("since"),
        legs.c.joined_at < bindparam("until"),
        or_(legs.c.joined_at > bindparam("since"), legs.c.call > bindparam("behind")),
    )
    .order_by(legs.c.joined_at, legs.c.call)
    .limit(PAGE)
)


class Legs:
    """The table `legs`. Every method raises StateUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, leg: Leg) -> None:
        """A call is in a room."""
        self.write([Opened(leg)])

    def close(self, call: str, at: float) -> None:
        """A call left its room at ``at`` (UTC epoch seconds); changes nothing in a row that a CDR settled."""
        self.write([Closed(call, at)])

    def settle(self, leg: Leg) -> None:
        """What the CDR of a call says; the same CDR again changes nothing."""
        self.write([Settled(leg)])

    def write(self, news: Sequence[News]) -> int:
        """Take in news, in this order, all of it or nothing; how many rows changed. To be batched: it is one commit."""
        return self._database.write(lambda connection: _write(connection, news), deadline=PATIENCE)

    def get(self, call: str) -> Leg | None:
        """The row of one call."""
        found = self.of_calls([call])
        return found[0] if found else None

    def open_rows(self) -> tuple[Leg, ...]:
        """All rows that are not closed, the oldest first."""
        return self._database.read(
            lambda connection: tuple(Leg(*row) for row in connection.execute(_OPEN_ROWS)), deadline=PATIENCE
        )

    def rows(self, tenant: str, since: float, until: float) -> Iterator[Leg]:
        """All rows of a tenant with ``since <= joined_at < until``, by time of joining; open ones included.

        They come in pages of PAGE rows, each a transaction of its own: a row written meanwhile may be among them.
        """
        behind = ""
        while True:
            place = {"of_tenant": tenant, "since": since, "until": until, "behind": behind}
            page = self._database.read(partial(_page, place=place), deadline=PATIENCE)
            yield from page
            if len(page) < PAGE:
                return
            since, behind = page[-1].joined_at, page[-1].call

    def of_calls(self, calls: Sequence[str]) -> tuple[Leg, ...]:
        """The rows of these calls; those without a row are left out."""
        if not calls:
            return ()
        return self._database.read(lambda connection: tuple(_select(connection, _BY_CALL, calls)), deadline=PATIENCE)

    def sighted(self, switch: str, at: float) -> None:
        """At ``at`` each open row of this switch was compared with the calls that it has."""
        row = {"switch": switch, "seen_at": at}
        self._database.write(lambda connection: _schema.put(connection, sightings, row))

    def last_sighting(self, switch: str) -> float:
        """When that was last done; 0.0 when never."""
        return self._database.read(
            lambda connection: connection.execute(_SEEN, {"of_switch": switch}).scalar_one_or_none() or 0.0
        )


def _page(connection: Connection, place: dict[str, Any]) -> list[Leg]:
    return [Leg(*row) for row in connection.execute(_PAGE, place)]


def _write(connection: Connection, news: Sequence[News]) -> int:
    """Read the rows that are meant, change them, write what changed.

    The lock keeps another daemon from changing a row between our reading and our writing it.
    """
    _schema.lock(connection, "legs")
    before = {leg.call: leg for leg in _select(connection, _BY_CALL, [one.call for one in news])}
    rows = dict(before)
    for one in news:
        row = after(rows.get(one.call), one)
        if row is not None:
            rows[one.call] = row
    concerned = {call: row for call, row in rows.items() if row != before.get(call)}
    opened = _opened(connection, concerned)
    for leg in _select(connection, _WAITING, [leg.meeting for leg in concerned.values() if leg.role == "moderator"]):
        before.setdefault(leg.call, leg)
        concerned.setdefault(leg.call, leg)
    finished = [reckoned(leg, opened.get(leg.meeting)) for leg in concerned.values()]
    changed = [_values(leg) for leg in finished if leg != before.get(leg.call)]
    if changed:
        _schema.put_all(connection, legs, changed)
    return len(changed)


def _opened(connection: Connection, concerned: dict[str, Leg]) -> dict[str, float]:
    """When the first moderator of each meeting joined."""
    meetings = [leg.meeting for leg in concerned.values()]
    known = {leg.call: leg for leg in _select(connection, _MODERATORS, meetings)} | concerned
    opened: dict[str, float] = {}
    for leg in known.values():
        if leg.role == "moderator" and leg.meeting:
            opened[leg.meeting] = min(opened.get(leg.meeting, leg.joined_at), leg.joined_at)
    return opened


def _select(connection: Connection, query: Select[Any], keys: Iterable[str]) -> list[Leg]:
    """Rows by keys, which may be many; empty keys name nothing."""
    wanted = [key for key in dict.fromkeys(keys) if key]
    found = []
    for first in range(0, len(wanted), MOST_KEYS):
        found += [Leg(*row) for row in connection.execute(query, {"keys": wanted[first : first + MOST_KEYS]})]
    return found


def _values(leg: Leg) -> dict[str, Any]:
    return {column.name: getattr(leg, column.name) for column in _COLUMNS}
