"""Past meetings and calls out as they are shown: on the tenant's clock, numbers masked where it wants that. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callcontrol.ledger.month import local
from callcontrol.numbers import masked
from callcontrol.state.history import Called, RoundMade
from callcontrol.state.leg import OPEN, Leg
from callcontrol.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Attendance:
    """One call of somebody in a meeting. ``left`` is None while it is not known; seconds are those of the ledger."""

    number: str
    name: str
    role: str
    direction: str
    tries: int
    payer: str
    language: str
    joined: datetime
    admitted: datetime | None
    left: datetime | None
    wait_seconds: float
    room_seconds: float
    end_reason: str
    open: bool
    call: str


@dataclass(frozen=True, slots=True)
class Meeting:
    """What happened in a room from first to last. ``ended`` is None while somebody's leaving is not known."""

    id: str
    room: str
    began: datetime
    ended: datetime | None
    attendances: tuple[Attendance, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to reach somebody; ``result`` is empty while it is under way."""

    began: datetime
    result: str


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody who was called, each time, and what came of it in the end."""

    number: str
    name: str
    moderator: bool
    state: str
    reason: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """One calling of a room's participants. ``reached``: how many of ``invited`` came into the room."""

    id: str
    room: str
    cause: str
    due: datetime
    outcome: str
    reached: int
    invited: tuple[Invited, ...]


def meeting(legs: Sequence[Leg], tenant: Tenant) -> Meeting:
    """The meeting of these legs, which are sorted by time of joining and at least one."""
    first = legs[0]
    ends = [leg.left_at for leg in legs]
    known = [end for end in ends if end is not None]
    over = len(known) == len(ends)
    return Meeting(
        id=first.meeting or first.call,
        room=first.room,
        began=local(first.joined_at, tenant.timezone),
        ended=local(max(known), tenant.timezone) if over else None,
        attendances=tuple(_attendance(leg, tenant) for leg in legs),
    )


def round_made(made: RoundMade, tenant: Tenant) -> Round:
    """A round as it is shown."""
    return Round(
        id=made.id,
        room=made.room,
        cause=made.cause,
        due=local(made.due_at, tenant.timezone),
        outcome=made.outcome,
        reached=sum(called.state == "joined" for called in made.called),
        invited=tuple(_invited(called, tenant) for called in made.called),
    )


def as_json(tenant: Tenant, meetings: Sequence[Meeting], rounds: Sequence[Round]) -> dict[str, Any]:
    """Everything, the latest first; times are ISO 8601 with the offset of the tenant's clock."""
    return {
        "tenant": tenant.id,
        "timezone": tenant.timezone,
        "meetings": [plain(one) for one in meetings],
        "rounds": [plain(one) for one in rounds],
    }


def plain(value: Any) -> Any:
    """Dataclasses as mappings, moments as text: what JSON has."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def _attendance(leg: Leg, tenant: Tenant) -> Attendance:
    zone = tenant.timezone
    return Attendance(
        number=_shown(leg.number, tenant),
        name=_shown(leg.name, tenant),
        role=leg.role,
        direction=leg.direction,
        tries=leg.tries,
        payer=leg.payer,
        language=leg.language,
        joined=local(leg.joined_at, zone),
        admitted=None if leg.admitted_at is None else local(leg.admitted_at, zone),
        left=None if leg.left_at is None else local(leg.left_at, zone),
        wait_seconds=round(leg.wait_seconds, 3),
        room_seconds=round(leg.room_seconds, 3),
        end_reason=leg.end_reason,
        open=leg.closed_by == OPEN,
        call=leg.call,
    )


def _invited(called: Called, tenant: Tenant) -> Invited:
    return Invited(
        number=_shown(called.number, tenant),
        name=_shown(called.name, tenant),
        moderator=called.moderator,
        state=called.state,
        reason=called.reason,
        attempts=tuple(Attempt(local(one.began_at, tenant.timezone), one.result) for one in called.tries),
    )


def _shown(text: str, tenant: Tenant) -> str:
    return masked(text) if tenant.mask_numbers else text
