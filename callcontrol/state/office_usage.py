"""What the ledger says about a tenant's office: each call, and calls and time of a month added up per extension.

As in callcontrol/state/usage.py the database adds up, in whole milliseconds. A call belongs to the month it began in.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, func, or_, select

from callcontrol.account import Service
from callcontrol.state._schema import office_calls
from callcontrol.state.leg import DAEMON, OPEN
from callcontrol.state.office import OfficeCall
from callcontrol.state.usage import MINUTE


@dataclass(frozen=True, slots=True)
class OfficeUsage:
    """What one extension used. Times are milliseconds of calls that are over; open ones are only counted.

    received: calls for it, from outside and inside; missed: those that nobody took, a mailbox neither. sent: calls it
    made to numbers outside that were answered; sent_on: calls for it that a mobile or another number outside took.
    inward: time of calls received; outward: of those sent and sent on; charged: what of that counts for the price.
    unseen: answered calls to the outside whose end no record of the switch tells.
    """

    extension: str
    received: int
    missed: int
    sent: int
    sent_on: int
    open: int
    inward: int
    outward: int
    charged: int
    unseen: int = 0


_OVER = office_calls.c.closed_by != OPEN
_ANSWERED = office_calls.c.answered_at.is_not(None)
_OUTSIDE = office_calls.c.outside
_TALKED = _OVER & _ANSWERED & _OUTSIDE
_MADE = office_calls.c.service == Service.OUT.value


def _sum(condition: ColumnElement[bool], value: ColumnElement[Any] | int) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((condition, value), else_=0)), 0)


def office_usage_of(
    connection: Connection, tenant: str, since: float, until: float, *, started: bool
) -> list[OfficeUsage]:
    """The usage of calls with ``since <= began_at < until`` (UTC epoch seconds), by extension.

    ``started``: minutes that have begun are charged in full.
    """
    length = cast(func.round((office_calls.c.ended_at - office_calls.c.answered_at) * 1000.0), BigInteger)
    charged = (length + (MINUTE - 1)) // MINUTE * MINUTE if started else length
    query = (
        select(
            office_calls.c.extension,
            _sum(~_OUTSIDE, 1),
            _sum(~_OUTSIDE & ~_ANSWERED, 1),
            _sum(_TALKED & _MADE, 1),
            _sum(_TALKED & ~_MADE, 1),
            _sum(~_OVER, 1),
            _sum(_OVER & _ANSWERED & ~_OUTSIDE, length),
            _sum(_TALKED, length),
            _sum(_TALKED, charged),
            _sum(_TALKED & (office_calls.c.closed_by == DAEMON), 1),
        )
        .where(office_calls.c.tenant == tenant, office_calls.c.began_at >= since, office_calls.c.began_at < until)
        .where(or_(~_OUTSIDE, ~_OVER, _ANSWERED))  # a number outside that nobody answered is no usage
        .group_by(office_calls.c.extension)
        .order_by(office_calls.c.extension)
    )
    return [OfficeUsage(row[0], *map(int, row[1:])) for row in connection.execute(query)]


def office_calls_of(connection: Connection, tenant: str, extension: str, since: float, most: int) -> list[OfficeCall]:
    """The calls that began since then (UTC epoch seconds), the latest first; of one extension, or "" for all."""
    columns = (office_calls.c[field.name] for field in fields(OfficeCall))
    query = select(*columns).where(office_calls.c.tenant == tenant, office_calls.c.began_at >= since)
    if extension:
        query = query.where(office_calls.c.extension == extension)
    latest = query.order_by(office_calls.c.began_at.desc(), office_calls.c.call).limit(most)
    return [OfficeCall(*row) for row in connection.execute(latest)]
