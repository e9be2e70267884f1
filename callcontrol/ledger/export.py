"""Statements for programs: JSON and CSV. Pure. Keys and columns only ever grow, at the end."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from callcontrol.ledger.month import local
from callcontrol.ledger.statement import Line, Statement
from callcontrol.ledger.tariff import minutes
from callcontrol.log import printable

_COUNTS = (
    *("calls", "called_calls", "visits", "open_calls"),
    *("wait_seconds", "room_seconds", "minutes", "called_minutes"),
)
COLUMNS = ("kind", "tenant", "month", "room", "number", "name", *_COUNTS, "currency", "amount", "unseen_calls")
"""Of the CSV. kind: ``participant``, or ``minimum`` for what was added to reach the minimum of the month."""


def as_csv(statement: Statement) -> str:
    """A line for each participant of each room; the column ``amount`` adds up to the total. RFC 4180."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([for_spreadsheet(cell) for cell in row] for row in _rows(statement))
    return out.getvalue()


def for_spreadsheet(cell: object) -> str:
    """A cell that no spreadsheet takes for a formula: a caller may be called ``=HYPERLINK(...)``, numbers begin with +.

    Such text gets a ' in front, as OWASP advises ("CSV Injection"); control characters are written as escapes.
    """
    text = printable(str(cell))
    begins = unicodedata.normalize("NFKC", text).lstrip()[:1]  # a full-width = is one to some
    dangerous = begins in ("=", "+", "-", "@", "|", "%") and not isinstance(cell, (int, Decimal))
    return f"'{text}" if dangerous else text


def as_json(statement: Statement) -> dict[str, Any]:
    """The whole statement; amounts and seconds are text with all their decimals."""
    tariff = statement.tariff
    return {
        "tenant": statement.tenant,
        "month": str(statement.month),
        "timezone": statement.timezone,
        "running": statement.running,
        "currency": tariff.currency if tariff else None,
        "rooms": [
            {
                "room": room.room,
                "participants": [
                    {"number": line.usage.number, "name": line.usage.name, **_counts(line)} for line in room.lines
                ],
                "sum": _counts(room.sum),
            }
            for room in statement.rooms
        ],
        "sum": _counts(statement.sum),
        "minimum": _money(statement.minimum),
        "total": _money(statement.total),
        "open": [
            {
                "call": leg.call,
                "room": leg.room,
                "number": leg.number,
                "name": leg.name,
                "direction": leg.direction,
                "joined": local(leg.joined_at, statement.timezone).isoformat(),
            }
            for leg in statement.open
        ],
    }


def _rows(statement: Statement) -> Iterator[Sequence[object]]:
    begin = (statement.tenant, statement.month)
    currency = statement.tariff.currency if statement.tariff else ""
    for room in statement.rooms:
        for line in room.lines:
            counts = _counts(line)
            amount = "" if line.amount is None else line.amount
            who = (room.room, line.usage.number, line.usage.name)
            yield (
                "participant",
                *begin,
                *who,
                *(counts[name] for name in _COUNTS),
                currency,
                amount,
                line.usage.unseen,
            )
    if statement.minimum:
        yield ("minimum", *begin, "", "", "", *("" for _ in _COUNTS), currency, statement.minimum, "")


def _counts(line: Line) -> dict[str, Any]:
    one = line.usage
    return {
        "calls": one.legs,
        "called_calls": one.called,
        "visits": one.visits,
        "open_calls": one.open,
        "wait_seconds": _seconds(one.waited),
        "room_seconds": _seconds(one.inside),
        "minutes": str(minutes(one.charged)),
        "called_minutes": str(minutes(one.charged_called)),
        "amount": _money(line.amount),
        "unseen_calls": one.unseen,
    }


def _seconds(milliseconds: int) -> str:
    return str(Decimal(milliseconds) / 1000)


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
