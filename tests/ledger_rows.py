"""Rows of a ledger for tests: a tenant whose months are known, written as the daemon writes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Table, insert

from callcontrol.state import Database, Leg, _schema, sqlite_url
from callcontrol.state.leg import DAEMON

BERLIN = ZoneInfo("Europe/Berlin")
MAX, EVA = "+491715550001", "+491715550002"


def at(text: str) -> float:
    """``2026-11-30 23:59:30`` on a clock in Berlin, as UTC epoch seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def leg(call: str, joined: str, seconds: float | None, **changed: object) -> Leg:
    """A leg that joined then and stayed so long; open when ``seconds`` is None."""
    came = at(joined)
    wait = float(str(changed.pop("wait", 0.0)))
    gone = None if seconds is None else came + wait + seconds
    values: dict[str, object] = {
        "call": call,
        "tenant": "acme",
        "room": "board",
        "meeting": f"meeting {joined[:10]}",
        "switch": "local",
        "role": "participant",
        "direction": "inbound",
        "payer": "caller",
        "number": MAX,
        "language": "de",
        "began_at": came - 9,
        "answered_at": came - 8,
        "joined_at": came,
        "admitted_at": came + wait,
        "left_at": gone,
        "ended_at": gone,
        "wait_seconds": wait,
        "room_seconds": seconds or 0.0,
        "end_reason": "" if gone is None else "left",
        "closed_by": "" if gone is None else DAEMON,
    }
    return Leg(**(values | changed))  # type: ignore[arg-type]


def called(call: str, joined: str, seconds: float | None, **changed: object) -> Leg:
    """A leg that the system called."""
    return leg(call, joined, seconds, **({"direction": "outbound", "payer": "tenant"} | changed))


def ledger(folder: Path, legs: Iterable[Leg], url: str | None = None) -> str:
    """A database with these rows; its URL."""
    url = url or sqlite_url(folder)
    database = Database(url)
    database.open()
    for one in legs:
        insert_row(
            database, _schema.legs, **{column.name: getattr(one, column.name) for column in _schema.legs.columns}
        )
    database.close()
    return url


def insert_row(database: Database, table: Table, **values: object) -> None:
    """A row; columns that are not told are empty."""
    empty = {c.name: "" if str(c.type) == "VARCHAR" else 0 for c in table.columns if not c.nullable}
    database.write(lambda connection: connection.execute(insert(table), empty | values))
