"""Statements for programs: JSON and CSV. Pure. Keys and columns only ever grow, at the end."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from callcontrol.ledger.month import local
from callcontrol.ledger.statement import Line, OfficeLine, Statement
from callcontrol.ledger.tariff import minutes
from callcontrol.log import printable

_COUNTS = (
    *("calls", "called_calls", "visits", "open_calls"),
    *("wait_seconds", "room_seconds", "minutes", "called_minutes"),
)
_OFFICE_COUNTS = ("received_calls", "missed_calls", "sent_on_calls", "inward_seconds", "outward_seconds")
COLUMNS = (
    *("kind", "tenant", "month", "room", "number", "name", *_COUNTS, "currency", "amount", "unseen_calls"),
    *_OFFICE_COUNTS,
)
"""Of the CSV. kind: ``participant``, ``extension`` (its ``calls`` are those it made to the outside), or ``minimum`` for
what was added to reach the minimum of the month."""


def as_csv(statement: Statement) -> str:
    """A line for each participant of each room, and each extension; ``amount`` adds up to the total. RFC 4180."""
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
        "extensions": [
            {"extension": line.usage.extension, "name": line.name, **_office_counts(line)} for line in statement.office
        ],
        "extensions_sum": _office_counts(statement.office_sum),
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
                *("" for _ in _OFFICE_COUNTS),
            )
    for desk in statement.office:
        yield _office_row(desk, begin, currency)
    if statement.minimum:
        nothing = ("" for _ in _COUNTS)
        yield ("minimum", *begin, "", "", "", *nothing, currency, statement.minimum, "", *("" for _ in _OFFICE_COUNTS))


def _office_row(line: OfficeLine, begin: Sequence[object], currency: str) -> Sequence[object]:
    counts = _office_counts(line)
    amount = "" if line.amount is None else line.amount
    return (
        *("extension", *begin, "", line.usage.extension, line.name),
        *(counts.get(name, "") for name in _COUNTS),
        *(currency, amount, line.usage.unseen),
        *(counts[name] for name in _OFFICE_COUNTS),
    )


def _office_counts(line: OfficeLine) -> dict[str, Any]:
    one = line.usage
    return {
        "calls": one.sent,
        "open_calls": one.open,
        "received_calls": one.received,
        "missed_calls": one.missed,
        "sent_on_calls": one.sent_on,
        "inward_seconds": _seconds(one.inward),
        "outward_seconds": _seconds(one.outward),
        "minutes": str(minutes(one.charged)),
        "amount": _money(line.amount),
        "unseen_calls": one.unseen,
    }


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
