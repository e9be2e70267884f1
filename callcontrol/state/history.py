"""What happened, read from the ledger and from the calls out: meetings with their legs, rounds with their tries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from callcontrol.state._schema import invitees, legs, rounds, tries
from callcontrol.state.leg import Leg

#: Values in one IN (...): SQLite took 999 at most before 3.32.
_MOST_KEYS = 500
_MEETING = case((legs.c.meeting == "", legs.c.call), else_=legs.c.meeting)
_LEG = tuple(legs.c[field.name] for field in fields(Leg))


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked for: a tenant, one room or "" for all, from when (UTC epoch seconds), and how many at most."""

    tenant: str
    room: str
    since: float
    most: int


@dataclass(frozen=True, slots=True)
class TryMade:
    """One attempt to reach somebody. Times are UTC epoch seconds; ``result`` is empty while it is under way."""

    began_at: float
    answered_at: float | None
    ended_at: float | None
    result: str


@dataclass(frozen=True, slots=True)
class Called:
    """Somebody a round called, and each attempt."""

    name: str
    number: str
    moderator: bool
    state: str
    reason: str
    tries: tuple[TryMade, ...]


@dataclass(frozen=True, slots=True)
class RoundMade:
    """One calling of a room's participants. ``cause``: schedule, command, key or moderator."""

    id: str
    room: str
    cause: str
    due_at: float
    began_at: float
    ended_at: float | None
    outcome: str
    called: tuple[Called, ...]


def meetings_of(connection: Connection, span: Span) -> list[tuple[Leg, ...]]:
    """The legs of each meeting that somebody joined since then, the latest meeting first, its legs as they joined.

    A leg without meeting (only the switch's record tells of it, or nobody let it in) is one by itself.
    """
    theirs = [legs.c.tenant == span.tenant, legs.c.joined_at >= span.since]
    theirs += [legs.c.room == span.room] if span.room else []
    latest = select(_MEETING).where(*theirs).group_by(_MEETING).order_by(func.max(legs.c.joined_at).desc(), _MEETING)
    wanted = list(connection.execute(latest.limit(span.most)).scalars())
    found: dict[str, list[Leg]] = defaultdict(list)
    for keys in _portions(wanted):
        meant = or_(legs.c.meeting.in_(keys), and_(legs.c.call.in_(keys), legs.c.meeting == ""))
        query = select(*_LEG).where(legs.c.tenant == span.tenant, meant).order_by(legs.c.joined_at, legs.c.call)
        for row in connection.execute(query):
            leg = Leg(*row)
            found[leg.meeting or leg.call].append(leg)
    return [tuple(found[key]) for key in wanted if key in found]


def rounds_of(connection: Connection, span: Span) -> list[RoundMade]:
    """The rounds due since then, the latest first; missed occurrences too."""
    columns = ("id", "room", "cause", "due_at", "began_at", "ended_at", "outcome")
    theirs = [rounds.c.tenant == span.tenant, rounds.c.due_at >= span.since]
    theirs += [rounds.c.room == span.room] if span.room else []
    query = select(*(rounds.c[name] for name in columns)).where(*theirs)
    found = list(connection.execute(query.order_by(rounds.c.due_at.desc(), rounds.c.id).limit(span.most)))
    called = _called(connection, [row.id for row in found])
    return [RoundMade(**row._mapping, called=tuple(called[row.id])) for row in found]


def _called(connection: Connection, ids: Sequence[str]) -> dict[str, list[Called]]:
    made: dict[tuple[str, int], list[TryMade]] = defaultdict(list)
    for row in _all(connection, tries, ids, tries.c.round, tries.c.place, tries.c.number):
        made[row.round, row.place].append(TryMade(row.began_at, row.answered_at, row.ended_at, row.result))
    called: dict[str, list[Called]] = defaultdict(list)
    for row in _all(connection, invitees, ids, invitees.c.round, invitees.c.place):
        attempts = tuple(made[row.round, row.place])
        called[row.round].append(Called(row.name, row.number, row.moderator, row.state, row.reason, attempts))
    return called


def _all(connection: Connection, table: Any, ids: Sequence[str], *order: ColumnElement[Any]) -> Iterator[Any]:
    for keys in _portions(ids):
        yield from connection.execute(select(table).where(table.c.round.in_(keys)).order_by(*order))


def _portions(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[first : first + _MOST_KEYS] for first in range(0, len(keys), _MOST_KEYS))
