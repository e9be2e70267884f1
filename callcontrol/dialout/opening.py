"""How a round begins: what it is, whom it leaves out, and what is answered to whoever asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from callcontrol.dialout.dialer import OWN_SECONDS
from callcontrol.dialout.exchange import Exchange
from callcontrol.dialout.reports import reported
from callcontrol.rooms.calls import Begun, Cause
from callcontrol.state.rounds import Invitee, Round
from callcontrol.tenants import Room, Tenant
from callcontrol.tenants.occurrences import window_at

#: Seconds from pressing 1, which may end a round, until the first who was called is in the room: the longest prompts,
#: a spoken name among them.
ON_THE_WAY = 15.0


def new_round(
    exchange: Exchange, tenant: Tenant, room: Room, cause: Cause, round_id: str, due_at: float | None
) -> Round:
    """A round of this daemon, not opened yet. ``round_id``: ``""`` when it has no name; ``due_at``: None means now."""
    now = exchange.now()
    due = now if due_at is None else due_at
    return Round(
        id=round_id or f"{tenant.id}.{room.name}@{cause}-{exchange.new_call()}",
        tenant=tenant.id,
        room=room.name,
        cause=str(cause),
        due_at=due,
        began_at=now,
        ends_at=_end(tenant, room, cause, due),
        owner=exchange.identity,
        owner_until=now + OWN_SECONDS,
    )


def not_reached(
    exchange: Exchange, round_: Round, room: Room, invited: tuple[Invitee, ...], ended: float
) -> tuple[Invitee, ...]:
    """Those whom an earlier round of the same meeting reached are not called again, but counted as reached.

    When the meeting began is asked of the ledger: all daemons know that, whichever of them saw the last one end.
    ``ended``: when that was, for the one that saw it; 0.0 for others.
    """
    meeting = exchange.meeting_of(round_.room_name)
    if not meeting:
        return invited
    began = exchange.store.meeting_began(meeting) or round_.began_at
    rounds = exchange.store.rounds_of(round_.tenant, max(round_.began_at - room.max_duration, ended), round_.began_at)
    ids = [one.id for one in rounds if one.room == round_.room and _over_since(one, began - ON_THE_WAY)]
    reached = {one.number: one for one in exchange.store.invitees_of(*ids) if one.state in ("joined", "declined")}
    return tuple(
        replace(one, state=before.state, reason=before.reason) if (before := reached.get(one.number)) else one
        for one in invited
    )


def begun(round_id: str, invited: Sequence[Invitee]) -> Begun:
    """The answer to whoever asked for a round."""
    called = [one for one in invited if one.pending]
    return Begun(round_id, reported(called), reported([one for one in invited if one.state == "failed"]))


def _over_since(round_: Round, moment: float) -> bool:
    return round_.outcome == "over" and (round_.ended_at or 0.0) >= moment


def _end(tenant: Tenant, room: Room, cause: Cause, due: float) -> float:
    """When a round is given up: an occurrence at the end of its time, any other when a meeting would be.

    Within a time of the room's schedule any round ends with it, as nobody else gets in afterwards.
    """
    if room.schedule is None:
        return due + room.max_duration
    if cause is Cause.SCHEDULE:
        return due + room.schedule.duration * 60.0
    window = window_at(room.schedule, tenant.timezone, datetime.fromtimestamp(due, UTC))
    return window.closes.timestamp() if window is not None else due + room.max_duration
