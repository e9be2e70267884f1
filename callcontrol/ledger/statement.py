"""The statement of a tenant's month: who used how much of which room, what its extensions called, and what it costs.

Pure: usage in, lines out. A leg belongs to the month in which it came into the room, and a call of an extension to that
in which it began, also when they last beyond midnight. Legs that are still open
cost nothing yet and are listed, so that a row a crash left open is neither charged nor forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from itertools import groupby

from callcontrol.ledger.month import Month
from callcontrol.ledger.tariff import office_price, price, top_up, zero
from callcontrol.numbers import masked
from callcontrol.state.office_usage import OfficeUsage
from callcontrol.state.usage import OpenLeg, Usage
from callcontrol.tenants import Tariff, Tenant

_COUNTED = tuple(field.name for field in fields(Usage))[3:]  # behind room, number and name
_OFFICE_COUNTED = tuple(field.name for field in fields(OfficeUsage))[1:]  # behind the extension


@dataclass(frozen=True, slots=True)
class Line:
    """One participant in one room. ``amount`` is None without a tariff."""

    usage: Usage
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class RoomLines:
    """The lines of one room and their sum."""

    room: str
    lines: tuple[Line, ...]
    sum: Line


@dataclass(frozen=True, slots=True)
class OfficeLine:
    """One extension; ``name`` is that of the tenant's file. ``amount`` is None without a tariff."""

    usage: OfficeUsage
    name: str
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A month of a tenant. sum: of its rooms; office: its extensions; office_sum: of those.

    minimum: what was added to reach the tariff's minimum. total: what the month costs. Both None without a tariff.
    running: the month is not over. open: legs whose end is not known.
    """

    tenant: str
    name: str
    timezone: str
    month: Month
    running: bool
    tariff: Tariff | None
    rooms: tuple[RoomLines, ...]
    sum: Line
    office: tuple[OfficeLine, ...]
    office_sum: OfficeLine
    minimum: Decimal | None
    total: Decimal | None
    open: tuple[OpenLeg, ...]


def statement(
    tenant: Tenant,
    month: Month,
    usage: Sequence[Usage],
    open_legs: Sequence[OpenLeg],
    office: Sequence[OfficeUsage] = (),
    *,
    now: float,
) -> Statement:
    """The statement of ``usage``, which is sorted by room, and of ``office``.

    ``now`` (UTC epoch seconds) tells whether the month is over. Numbers are masked when the tenant wants it; extensions
    are not numbers of anybody outside.
    """
    tariff = tenant.tariff
    lines = [Line(_shown(one, tenant), price(one, tariff) if tariff else None) for one in usage]
    rooms = tuple(
        RoomLines(room, tuple(theirs), total_of(theirs, tariff, room))
        for room, theirs in ((room, list(group)) for room, group in groupby(lines, key=lambda line: line.usage.room))
    )
    whole = total_of(lines, tariff)
    desks = tuple(OfficeLine(one, _named(one, tenant), office_price(one, tariff) if tariff else None) for one in office)
    of_desks = office_total_of(desks, tariff)
    amount = whole.amount + of_desks.amount if whole.amount is not None and of_desks.amount is not None else None
    missing = top_up(amount, tariff) if tariff and amount is not None else None
    return Statement(
        tenant=tenant.id,
        name=tenant.name,
        timezone=tenant.timezone,
        month=month,
        running=now < month.bounds(tenant.timezone)[1],
        tariff=tariff,
        rooms=rooms,
        sum=whole,
        office=desks,
        office_sum=of_desks,
        minimum=missing,
        total=amount + missing if amount is not None and missing is not None else None,
        open=tuple(_shown_open(leg, tenant) for leg in open_legs),
    )


def total_of(lines: Iterable[Line], tariff: Tariff | None, room: str = "") -> Line:
    """The sum of lines, of what was rounded already."""
    counts = [0] * len(_COUNTED)
    amount = zero(tariff) if tariff else None
    for line in lines:
        counts = [count + getattr(line.usage, name) for count, name in zip(counts, _COUNTED, strict=True)]
        if amount is not None and line.amount is not None:
            amount += line.amount
    return Line(Usage(room, "", "", *counts), amount)


def office_total_of(lines: Iterable[OfficeLine], tariff: Tariff | None) -> OfficeLine:
    """As `total_of`, for extensions."""
    counts = [0] * len(_OFFICE_COUNTED)
    amount = zero(tariff) if tariff else None
    for line in lines:
        counts = [count + getattr(line.usage, name) for count, name in zip(counts, _OFFICE_COUNTED, strict=True)]
        if amount is not None and line.amount is not None:
            amount += line.amount
    return OfficeLine(OfficeUsage("", *counts), "", amount)


def _named(usage: OfficeUsage, tenant: Tenant) -> str:
    extension = tenant.extensions.get(usage.extension)
    return extension.name if extension is not None else ""


def _shown(usage: Usage, tenant: Tenant) -> Usage:
    if not tenant.mask_numbers:
        return usage
    return replace(usage, number=masked(usage.number), name=masked(usage.name))


def _shown_open(leg: OpenLeg, tenant: Tenant) -> OpenLeg:
    if not tenant.mask_numbers:
        return leg
    return replace(leg, number=masked(leg.number), name=masked(leg.name))
