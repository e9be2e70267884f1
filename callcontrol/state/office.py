"""Calls of offices: those with numbers outside are counted against the tenant's limits, and all are accounted for.

A call to the outside is written before it is made, by its uuid on the switch, so that two daemons never exceed a limit
together; `answered` and `end` are what daemons see of it. The switch's record of any call of an office settles its row,
once and for all, and makes the row of one that no daemon wrote down: calls that come in, or stay inside, cost the
tenant nothing and have none before. Nothing is pruned: this is accounting, as `legs` is. Every method raises
StateUnavailable.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Double, bindparam, case, insert, select, update

from callcontrol.account import OfficeAccount, Service
from callcontrol.state import _schema
from callcontrol.state._claims import beyond_lines
from callcontrol.state._rows import Held, Limits
from callcontrol.state._schema import lock, office_calls, sightings
from callcontrol.state.database import Database
from callcontrol.state.leg import DAEMON, OPEN, SWITCH

#: Seconds a batch of records may take to be written; nobody on a telephone waits for it.
PATIENCE = 20.0

_OPEN = office_calls.c.closed_by == OPEN
_ALL = "calls of offices"  # among the sightings; no switch has a name with blanks
_SEEN = bindparam("seen", type_=Double)
_LOST = (
    update(office_calls)
    .where(office_calls.c.call == bindparam("lost"), _OPEN)
    .values(
        ended_at=case(
            (office_calls.c.answered_at > _SEEN, office_calls.c.answered_at),
            (office_calls.c.began_at > _SEEN, office_calls.c.began_at),
            else_=_SEEN,
        ),
        closed_by=DAEMON,
    )
)


@dataclass(frozen=True)
class OfficeCall:
    """One call (channel) of an office. Times are UTC epoch seconds; None: not answered, not over (as far as is known).

    ``extension``: whose call it is; ``service``: a Service; ``number``: the other end. ``closed_by``: as in Leg.
    """

    call: str
    tenant: str
    extension: str
    service: str
    number: str
    began_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    end_reason: str = ""
    closed_by: str = OPEN

    @classmethod
    def of(cls, call: str, account: OfficeAccount, began_at: float) -> OfficeCall:
        """A call that is about to be made for this account."""
        return cls(call, account.tenant, account.extension, str(account.service), account.number, began_at)

    def values(self) -> dict[str, Any]:
        """The row as it is written."""
        row = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**row, "outside": Service(self.service).payer == "tenant"}


class OfficeCalls:
    """The table of them, shared by all daemons that name the same database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def take(self, calls: Sequence[OfficeCall], limits: Limits, now: float) -> Held | None:
        """Write calls of one tenant to the outside, all or none; the limit that forbids them, or None."""
        tenant = calls[0].tenant

        def write(connection: Connection) -> Held | None:
            lock(connection, f"tenant calls {tenant}")
            held = beyond_lines(connection, tenant, len(calls), limits, now)
            if held is None:
                connection.execute(insert(office_calls), [call.values() for call in calls])
            return held.held if held is not None else None

        return self.database.write(write)

    def answered(self, call: str, at: float) -> None:
        """Somebody took this call."""
        row = update(office_calls).where(office_calls.c.call == call, _OPEN)
        self.database.write(lambda connection: connection.execute(row.values(answered_at=at)))

    def end(self, calls: Collection[str], now: float) -> None:
        """These calls are over; what has ended already stays as it is."""
        over = update(office_calls).where(office_calls.c.call.in_(list(calls)), _OPEN)
        self.database.write(lambda connection: connection.execute(over.values(ended_at=now, closed_by=DAEMON)))

    def lost(self, calls: Mapping[str, float]) -> None:
        """These calls are over and nobody saw their end: to each the moment it was last known to be there."""
        rows = [{"lost": call, "seen": at} for call, at in calls.items()]
        self.database.write(lambda connection: connection.execute(_LOST, rows))

    def open(self) -> dict[str, float]:
        """The calls whose end nobody has written yet, and when they began."""
        query = select(office_calls.c.call, office_calls.c.began_at).where(_OPEN)
        return self.database.read(lambda connection: {row.call: row.began_at for row in connection.execute(query)})

    def looked(self, at: float) -> None:
        """At ``at`` every open call was looked for, and those that stayed open were there."""
        row = {"switch": _ALL, "seen_at": at}
        self.database.write(lambda connection: _schema.put(connection, sightings, row))

    def last_look(self) -> float:
        """When some daemon last did that; 0.0 when none ever did."""
        query = select(sightings.c.seen_at).where(sightings.c.switch == _ALL)
        found: float | None = self.database.read(lambda connection: connection.execute(query).scalar_one_or_none())
        return found or 0.0

    def settle(self, calls: Sequence[OfficeCall]) -> None:
        """What the switch's records say of calls that are over; the same again changes nothing."""
        rows = [{**call.values(), "closed_by": SWITCH} for call in calls]
        self.database.write(lambda connection: _schema.put_all(connection, office_calls, rows), deadline=PATIENCE)
