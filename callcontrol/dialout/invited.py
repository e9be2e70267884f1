"""Whom a round calls: the people a room lists, or numbers somebody named. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from callcontrol.dialout.words import Refused, Why
from callcontrol.outgoing import Callee, callee
from callcontrol.state.rounds import Invitee
from callcontrol.tenants import Room, Tenant


def whom(tenant: Tenant, room: Room, numbers: Sequence[str], now: float) -> tuple[Invitee, ...] | Refused:
    """The people to call now, each number once, in their order.

    ``numbers``: as typed; with none, the room's list. A number somebody named and that cannot be called refuses all; of
    a list the others are called, and the report tells why this one is not.
    """
    if numbers:
        return _named(tenant, room, numbers, now)
    listed = _once(_listed(tenant, room, now))
    if not listed:
        return Refused(Why.NOBODY)
    if all(one.state == "failed" for one in listed):
        return Refused(Why.NOT_CALLABLE, f"{listed[0].number} ({listed[0].reason})")
    return listed


def _listed(tenant: Tenant, room: Room, now: float) -> Iterable[Invitee]:
    for place, entry in enumerate(room.dial_out):
        who = callee(entry.number.value, tenant)
        one = Invitee(place, entry.name, entry.number.value, entry.moderator, due_at=now)
        yield (
            one
            if isinstance(who, Callee)
            else Invitee(place, entry.name, one.number, entry.moderator, state="failed", reason=str(who), due_at=now)
        )


def _named(tenant: Tenant, room: Room, numbers: Sequence[str], now: float) -> tuple[Invitee, ...] | Refused:
    known = {entry.number.value: entry for entry in room.dial_out}
    found = []
    for place, text in enumerate(numbers):
        who = callee(text.strip(), tenant)
        if not isinstance(who, Callee):
            return Refused(Why.NOT_CALLABLE, f"{text} ({who})")
        entry = known.get(who.number)
        name, moderator = (entry.name, entry.moderator) if entry else (who.number, False)
        found.append(Invitee(place, name, who.number, moderator, due_at=now))
    return _once(found)


def _once(people: Iterable[Invitee]) -> tuple[Invitee, ...]:
    """Each number once, the first time it is listed."""
    by_number: dict[str, Invitee] = {}
    for one in people:
        by_number.setdefault(one.number, one)
    return tuple(by_number.values())
