"""The ledger: legs written per second beside bare inserts of the same rows, and what a statement of a month costs.

Each store is measured in a process that does nothing else, the database on the same machine. `bare` is SQLAlchemy Core
inserting finished rows into a table with the same columns and indexes, as many to a transaction as the ledger writes:
what the database itself costs. The ledger does more for each leg: it reads the row before it writes it, and writes it
three times (open, closed, settled by the switch's record).

PostgreSQL is measured when CALLCONTROL_TEST_POSTGRESQL names a database that may be filled; the tables made there are
dropped or emptied again.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, MetaData, Table, delete, func, insert, select

from bench.figures import across, table
from callcontrol.ledger.writer import BATCH
from callcontrol.state import Database, Leg, Legs, sqlite_url
from callcontrol.state._schema import legs as ledger
from callcontrol.state.leg import Closed, Entered, News, Opened, Settled

POSTGRESQL = "CALLCONTROL_TEST_POSTGRESQL"
MONTH, BEGAN = "2026-10", 1_790_805_600.0  # 2026-10-01 00:00 in Berlin
DAYS = 31
TENANT = "bench"
PATIENCE = 600.0
TENANT_FILE = f"""
tenant: {TENANT}
region: DE
timezone: Europe/Berlin
languages: [de]
tariff: {{currency: EUR, per_minute: "0.02"}}
numbers: {{"+49 30 23125000": {{room: board}}}}
rooms: {{board: {{access: open}}}}
"""


@dataclass(frozen=True)
class Plan:
    """``legs`` written for the rate, ``rounds`` times; ``rows`` in the table when statements are made."""

    legs: int
    rounds: int
    rows: int


FULL = Plan(10_000, 3, 1_000_000)
QUICK = Plan(500, 1, 5_000)


@dataclass(frozen=True)
class Rate:
    """Rows per second of one kind of writing, one value a round."""

    store: str
    what: str
    per_second: list[float]


@dataclass(frozen=True)
class Statement:
    """A month of ``rows`` legs: seconds of the whole command, three times, and of reading every row once."""

    store: str
    rows: int
    usage: list[float]
    history: list[float]
    reading: float


@dataclass(frozen=True)
class Result:
    """All stores."""

    rates: list[Rate]
    statements: list[Statement]


def measure(folder: Path, plan: Plan) -> Result:
    """Both stores, the second only where there is one."""
    stores = {"SQLite": sqlite_url(folder / "state")}
    if url := os.environ.get(POSTGRESQL):
        stores["PostgreSQL"] = url
    rates, statements = [], []
    for store, url in stores.items():
        database = Database(url, deadline=PATIENCE)
        database.open()
        try:
            rates += _rates(store, database, plan)
            statements.append(_statements(store, url, database, folder, plan))
        finally:
            _empty(database)
            database.close()
    return Result(rates, statements)


def report(result: Result) -> str:
    """Two tables."""
    rates = [(one.store, one.what, across(one.per_second)) for one in result.rates]
    costs = [
        (
            one.store,
            f"{one.rows:,}",
            across(one.usage, 1),
            across(one.history, 1),
            f"{one.reading:.1f}",
            f"{one.rows / one.reading:,.0f}",
        )
        for one in result.statements
    ]
    return "\n\n".join(
        (
            table(("store", "what", "per second"), rates),
            table(("store", "legs in the month", "usage s", "history s", "reading all s", "rows/s read"), costs),
        )
    )


# -- rates -------------------------------------------------------------------------------------------------------------


def _rates(store: str, database: Database, plan: Plan) -> list[Rate]:
    """Rounds of all kinds interleaved, so that a busy moment of the machine hits none of them alone."""
    rates = [Rate(store, what, []) for what in KINDS]
    for _ in range(plan.rounds):
        many = list(_legs(plan.legs))
        for rate in rates:
            seconds = KINDS[rate.what](database, many)
            rate.per_second.append(len(many) / seconds)
    return rates


def _bare(size: int) -> Callable[[Database, Sequence[Leg]], float]:
    def run(database: Database, many: Sequence[Leg]) -> float:
        copy = Table("bench_bare", MetaData(), *(column._copy() for column in ledger.columns))
        for index in ledger.indexes:
            type(index)(f"bench_{index.name}", *(copy.c[column.name] for column in index.columns))
        rows = [_values(leg) for leg in many]
        database.write(partial(copy.drop, checkfirst=True))
        database.write(copy.create)
        began = time.perf_counter()
        for first in range(0, len(rows), size):
            database.write(partial(_insert, into=copy, rows=rows[first : first + size]))
        seconds = time.perf_counter() - began
        database.write(copy.drop)
        return seconds

    return run


def _insert(connection: Connection, into: Table, rows: Sequence[dict[str, object]]) -> None:
    connection.execute(insert(into), rows)


def _ledger(stages: Sequence[Callable[[Leg], list[News]]], size: int) -> Callable[[Database, Sequence[Leg]], float]:
    def run(database: Database, many: Sequence[Leg]) -> float:
        books = Legs(database)
        fresh = [replace(leg, call=str(uuid.uuid4())) for leg in many]
        began = time.perf_counter()
        for stage in stages:
            for first in range(0, len(fresh), size):
                books.write([news for leg in fresh[first : first + size] for news in stage(leg)])
        return time.perf_counter() - began

    return run


def _open(leg: Leg) -> list[News]:
    blank = replace(leg, left_at=None, ended_at=None, end_reason="", closed_by="", room_seconds=0.0, meeting="")
    return [Opened(blank), Entered(leg.call, "near", leg.meeting, leg.joined_at)]


def _close(leg: Leg) -> list[News]:
    return [Closed(leg.call, leg.left_at or leg.joined_at)]


def _settle(leg: Leg) -> list[News]:
    return [Settled(leg)]


KINDS = {
    f"bare insert, {BATCH} to a transaction": _bare(BATCH),
    f"legs opened, {BATCH} pieces of news to a transaction": _ledger([_open], BATCH // 2),
    f"legs from open to settled, {BATCH} to a transaction": _ledger([_open, _close, _settle], BATCH // 2),
    "bare insert, 1 to a transaction": _bare(1),
    "legs opened, 1 to a transaction": _ledger([_open], 1),
}


# -- statements --------------------------------------------------------------------------------------------------------


def _statements(store: str, url: str, database: Database, folder: Path, plan: Plan) -> Statement:
    _empty(database)
    for chunk in _chunks(_legs(plan.rows), 10_000):
        database.write(partial(_insert, into=ledger, rows=[_values(leg) for leg in chunk]))
    assert database.read(lambda connection: _count(connection), deadline=PATIENCE) == plan.rows
    config = _config(folder, store, url)
    usage = [_seconds_of(["usage", TENANT, "--month", MONTH, "--csv", "--config", str(config)]) for _ in range(3)]
    history = [_seconds_of(["history", TENANT, "--since", "2026-10-01", "--config", str(config)]) for _ in range(3)]
    began = time.perf_counter()
    read = sum(1 for _ in Legs(database).rows(TENANT, BEGAN, BEGAN + DAYS * 86400))
    reading = time.perf_counter() - began
    assert read == plan.rows, f"{read} rows instead of {plan.rows}"
    return Statement(store, plan.rows, usage, history, reading)


def _seconds_of(arguments: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "callcontrol", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _config(folder: Path, store: str, url: str) -> Path:
    tenants = folder / "tenants"
    tenants.mkdir(exist_ok=True)
    (tenants / f"{TENANT}.yaml").write_text(TENANT_FILE)
    path = folder / f"{store}.yaml"
    path.write_text(f"tenants: {tenants}\nstate: {folder / 'state'}\ndatabase: {url}\n")
    return path


def _count(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).where(ledger.c.tenant == TENANT)).scalar_one())


def _empty(database: Database) -> None:
    database.write(lambda connection: connection.execute(delete(ledger).where(ledger.c.tenant == TENANT)))


# -- legs --------------------------------------------------------------------------------------------------------------


def _legs(count: int) -> Iterator[Leg]:
    """Closed legs spread over a month: 20 rooms with 100 callers each, meetings of 8 legs, 25 minutes on average."""
    draw = random.Random(count)
    for number in range(count):
        meeting = number // 8
        began = BEGAN + 60 + (DAYS * 86400 - 7200) * (number / count)
        left = began + 20 + draw.expovariate(1 / 1500)
        yield Leg(
            call=str(uuid.UUID(int=draw.getrandbits(128))),
            tenant=TENANT,
            room=f"room-{meeting % 20}",
            role="moderator" if number % 8 == 0 else "participant",
            direction="inbound" if number % 4 else "outbound",
            payer="caller" if number % 4 else "tenant",
            began_at=began,
            answered_at=began + 1,
            joined_at=began + 12,
            number=f"+49301{meeting % 20:02}{draw.randrange(100):04}",
            meeting=str(uuid.UUID(int=meeting)),
            switch="near",
            language="de",
            admitted_at=began + 12,
            left_at=left,
            ended_at=left,
            room_seconds=left - began - 12,
            end_reason="left",
            closed_by="switch",
        )


def _values(leg: Leg) -> dict[str, object]:
    return {column.name: getattr(leg, column.name) for column in ledger.columns}


def _chunks(many: Iterator[Leg], size: int) -> Iterator[list[Leg]]:
    while chunk := [leg for _, leg in zip(range(size), many, strict=False)]:
        yield chunk
