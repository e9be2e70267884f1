"""Whom a round calls: the people a room lists, or numbers somebody named. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from callcontrol.dialout.words import Why
from callcontrol.outgoing import Callee, callee
from callcontrol.rooms.calls import Refused
from callcontrol.state.rounds import Invitee
from callcontrol.tenants import DialOut, Room, Tenant


def whom(tenant: Tenant, room: Room, numbers: Sequence[str], now: float) -> tuple[Invitee, ...] | Refused:
    """The people to call now, each number once, in their order.

    ``numbers``: as typed; with none, the room's list. A number somebody named and that cannot be called refuses all; of
    a list the others are called, and the report tells why this one is not.
    """
    if numbers:
        return _named(tenant, room, numbers, now)
    listed = _once(_listed(tenant, room, now))
    if not listed:
        return Why.NOBODY.refused()
    if all(one.state == "failed" for one in listed):
        return Why.NOT_CALLABLE.refused(f"{listed[0].number} ({listed[0].reason})")
    return listed


def _listed(tenant: Tenant, room: Room, now: float) -> Iterable[Invitee]:
    for place, entry in enumerate(room.dial_out):
        who = callee(entry.number.value, tenant)
        one = _invitee(place, entry, now)
        yield one if isinstance(who, Callee) else replace(one, state="failed", reason=str(who))


def _named(tenant: Tenant, room: Room, numbers: Sequence[str], now: float) -> tuple[Invitee, ...] | Refused:
    listed = {entry.number.value: entry for entry in room.dial_out}
    found = []
    for place, text in enumerate(numbers):
        who = callee(text.strip(), tenant)
        if not isinstance(who, Callee):
            return Why.NOT_CALLABLE.refused(f"{text} ({who})")
        entry = listed.get(who.number)
        found.append(_invitee(place, entry, now) if entry else Invitee(place, who.number, who.number, due_at=now))
    return _once(found)


def _invitee(place: int, entry: DialOut, now: float) -> Invitee:
    return Invitee(place, entry.name, entry.number.value, entry.moderator, entry.language or "", due_at=now)


def _once(people: Iterable[Invitee]) -> tuple[Invitee, ...]:
    """Each number once, the first time it is listed."""
    by_number: dict[str, Invitee] = {}
    for one in people:
        by_number.setdefault(one.number, one)
    return tuple(by_number.values())
