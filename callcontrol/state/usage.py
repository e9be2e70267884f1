"""What the ledger says about a month: time added up per participant and room, and the rows that are still open.

The database adds up, so that a million legs become a few lines without passing through Python. Time is added in whole
milliseconds: sums of them are exact and the same in any order, sums of seconds as the ledger keeps them are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, distinct, func, or_, select

from callcontrol.state._schema import legs
from callcontrol.state.leg import UNKNOWN

MINUTE = 60_000
"""Milliseconds."""


@dataclass(frozen=True, slots=True)
class Counting:
    """What of a leg's time is charged. waiting: also that before the room; started: in full minutes."""

    waiting: bool = False
    started: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What one participant used in one room. Times are milliseconds of closed legs; open ones are only counted.

    number: E.164, an extension, or empty when withheld; name: what they were last known as.
    legs: closed ones; called: those of them that the system called; unseen: those of them whose end nobody saw.
    visits: meetings they were in; a withheld number without name is nobody who could be recognised, so each leg is one.
    charged, charged_called: time that counts for the price, of all legs and of those that were called.
    """

    room: str
    number: str
    name: str
    legs: int
    called: int
    visits: int
    open: int
    waited: int
    inside: int
    charged: int
    charged_called: int
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class OpenLeg:
    """A leg that came and of which nothing tells that it left. Times are UTC epoch seconds."""

    call: str
    room: str
    number: str
    name: str
    direction: str
    joined_at: float


_CLOSED = legs.c.closed_by != ""
_CALLED = legs.c.direction == "outbound"


def _sum(condition: ColumnElement[bool], value: ColumnElement[Any] | int) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((condition, value), else_=0)), 0)


def _milliseconds(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.round(column * 1000.0), BigInteger)


def usage_of(connection: Connection, tenant: str, since: float, until: float, counting: Counting) -> list[Usage]:
    """The usage of legs with ``since <= joined_at < until`` (UTC epoch seconds), by room, who used most first."""
    waited, inside = _milliseconds(legs.c.wait_seconds), _milliseconds(legs.c.room_seconds)
    charged = inside + waited if counting.waiting else inside
    if counting.started:
        charged = (charged + (MINUTE - 1)) // MINUTE * MINUTE
    somebody = case((legs.c.number != "", ""), else_=legs.c.name)  # whom we know by name only: extensions
    nobody = (legs.c.number == "") & (legs.c.name == "")
    visit = case((or_(nobody, legs.c.meeting == ""), legs.c.call), else_=legs.c.meeting)
    query = (
        select(
            legs.c.room,
            legs.c.number,
            func.max(legs.c.name),
            _sum(_CLOSED, 1),
            _sum(_CLOSED & _CALLED, 1),
            func.count(distinct(case((_CLOSED, visit)))),
            _sum(~_CLOSED, 1),
            _sum(_CLOSED, waited),
            _sum(_CLOSED, inside),
            _sum(_CLOSED, charged),
            _sum(_CLOSED & _CALLED, charged),
            _sum(_CLOSED & (legs.c.end_reason == UNKNOWN), 1),
        )
        .where(legs.c.tenant == tenant, legs.c.joined_at >= since, legs.c.joined_at < until)
        .group_by(legs.c.room, legs.c.number, somebody)
    )
    found = [Usage(*row[:3], *map(int, row[3:])) for row in connection.execute(query)]
    return sorted(found, key=lambda one: (one.room, -one.inside, one.number, one.name))


def open_legs(connection: Connection, tenant: str, since: float, until: float) -> Sequence[OpenLeg]:
    """The legs of that time that are still open, by time of joining."""
    columns = (legs.c.call, legs.c.room, legs.c.number, legs.c.name, legs.c.direction, legs.c.joined_at)
    theirs = (legs.c.tenant == tenant, legs.c.joined_at >= since, legs.c.joined_at < until, legs.c.closed_by == "")
    query = select(*columns).where(*theirs).order_by(legs.c.joined_at, legs.c.call)
    return [OpenLeg(*row) for row in connection.execute(query)]
