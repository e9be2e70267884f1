"""The call a demo without a terminal plays by itself: somebody gets into a room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from callcontrol.demo import guide
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.rehearse import caller_phone, gets_into_a_room, is_over, tell
from callcontrol.tenants import Access, Number, Room, Tenant, Tenants


@dataclass(frozen=True)
class WayIn:
    """How somebody gets into a room: from which number, with which keys at each question (never shown)."""

    caller: str
    keys: str


def play_scripted_call(
    switch: RehearsalSwitch, tenants: Tenants, prompts: PromptBook, say: Callable[[str], None]
) -> int:
    """One call into a room, told line by line; 0 when the caller got in, or there is no number to call."""
    chosen = _choose(tenants)
    if chosen is None:
        say("no number of these tenants leads into a room: there is nothing to play")
        return 0
    tenant, number, way = chosen
    say(f"a call from {way.caller} to {number.e164} of {tenant.name} ({guide.leads_to(number)}):")
    phone = caller_phone(switch, tenants, way.caller)
    joined = gets_into_a_room(phone, number.e164, way.keys)
    if not is_over(phone):
        phone.hangs_up()
    for step in list(phone.transcript.steps):
        say(f"  {tell(step, prompts)}")
    return 0 if joined else 1


def _choose(tenants: Tenants) -> tuple[Tenant, Number, WayIn] | None:
    """A number that asks for a PIN and for nothing else, when there is one: that shows most."""
    ways = [(tenant, number, _way_in(tenant, number)) for tenant, number in guide.numbers(tenants)]
    open_ones = [(tenant, number, way) for tenant, number, way in ways if way is not None]
    return min(open_ones, key=lambda found: (-bool(found[2].keys), len(found[1].languages)), default=None)


def _way_in(tenant: Tenant, number: Number) -> WayIn | None:
    language = "1 " if len(number.languages) > 1 else ""
    for room in (tenant.rooms[name] for name in number.room_names):
        if room.access.asks_for_pin and (pin := room.pin or room.moderator_pin):
            return WayIn(guide.USUAL_CALLER, language + pin.get_secret_value())
        if room.access == Access.OPEN:
            return WayIn(guide.USUAL_CALLER, language)
        if caller := _listed_caller(room):
            return WayIn(caller, language)
    return None


def _listed_caller(room: Room) -> str | None:
    return next((str(one) for one in (*room.whitelist, *room.moderators) if not one.prefix), None)
