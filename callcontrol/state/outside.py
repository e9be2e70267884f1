"""Calls of extensions to numbers outside, counted against the tenant's limits together with those of its rooms.

A call is written before it is made, by its uuid on the switch, so that two daemons never exceed a limit together; who
finds that the switch has it no longer writes its end. Every method raises StateUnavailable.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, insert, select, update

from callcontrol.state._claims import DAY, beyond_lines
from callcontrol.state._rows import Held, Limits
from callcontrol.state._schema import lock, outside_calls
from callcontrol.state.database import Database


class OutsideCalls:
    """The table of them, shared by all daemons that name the same database. Times: UTC epoch seconds."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def take(self, tenant: str, calls: Sequence[str], limits: Limits, now: float) -> Held | None:
        """Write calls that are about to be made, all or none; the limit that forbids them, or None."""

        def write(connection: Connection) -> Held | None:
            lock(connection, f"tenant calls {tenant}")
            held = beyond_lines(connection, tenant, len(calls), limits, now)
            if held is None:
                row = {"tenant": tenant, "began_at": now, "ended_at": None, "forget_at": now + 2 * DAY}
                connection.execute(insert(outside_calls), [{"call": call, **row} for call in calls])
            return held.held if held is not None else None

        return self.database.write(write)

    def end(self, calls: Collection[str], now: float) -> None:
        """These calls are over; what has ended already stays as it is."""
        over = update(outside_calls).where(outside_calls.c.call.in_(list(calls)), outside_calls.c.ended_at.is_(None))
        self.database.write(lambda connection: connection.execute(over.values(ended_at=now)))

    def open(self, before: float) -> tuple[str, ...]:
        """The calls of before then whose end nobody has written yet."""
        query = select(outside_calls.c.call).where(
            outside_calls.c.ended_at.is_(None), outside_calls.c.began_at < before
        )
        return self.database.read(lambda connection: tuple(connection.execute(query).scalars()))
