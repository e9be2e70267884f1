"""Why a call goes where it goes: the decisions of the engine that serves calls, told line by line.

Nothing is decided here. `routing`, `rooms.admission`, `forwarding` and `outgoing` are asked, as a call asks them, and
their answers are written down with the places in the tenant file they rest on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from callcontrol.forwarding import (
    Busy,
    Called,
    Caller,
    Chain,
    Forward,
    Missed,
    Reject,
    Ring,
    Settings,
    Situation,
    Step,
    Then,
    Voicemail,
    decide,
)
from callcontrol.forwarding.decide import DIRECT
from callcontrol.forwarding.targets import blocked_by
from callcontrol.numbers import is_emergency, to_e164
from callcontrol.outgoing import Callee, Refusal, callee
from callcontrol.rooms.admission import entry_by_number, is_open
from callcontrol.tenants import Extension, Room, Tenant
from callcontrol.tenants.document import KeyPath
from callcontrol.tenants.places import Places

See = Callable[[Extension], tuple[Situation, Settings]]
"""What is the matter with an extension, and what it has set."""


@dataclass(frozen=True, slots=True)
class Line:
    """One reason or outcome. path: the key it rests on, () for none; stars: a star code says so, not the file."""

    text: str
    depth: int = 0
    path: KeyPath = ()
    stars: bool = False


def leads_to(tenant: Tenant, number: str, to: str, places: Places) -> Line:
    """The entry of ``numbers`` (E.164), as the file writes it."""
    written = next((text for text in places.written("numbers") if to_e164(text, tenant.region) == number), number)
    return Line(f"{written} leads to {to}", path=("numbers", written))


def explain_rooms(tenant: Tenant, rooms: tuple[Room, ...], caller: Caller, at: datetime) -> Iterator[Line]:
    """Which of the rooms behind a number the caller gets into, at an aware moment."""
    entry = entry_by_number(rooms, caller.number or None)
    for room in rooms:
        path: KeyPath = ("rooms", room.name)
        yield Line(f"room {room.name}: access {room.access}", path=(*path, "access"))
        opened = is_open(room, tenant.timezone, at)
        if room.schedule is not None:
            text = f"{'open' if opened else 'closed'} by its schedule at {at:%Y-%m-%d %H:%M}"
            yield Line(text, 1, (*path, "schedule"))
        if not opened:
            yield Line("-> only whom the room has called comes in", 1)
        elif entry is not None and entry.room is room:
            yield Line(f"-> {caller} comes in as {entry.role}: {entry.reason}", 1)
        elif room.access.asks_for_pin:
            yield Line("-> opens with its PIN", 1, (*path, "pin"))
        else:
            yield Line(f"-> {caller} does not come in", 1, (*path, "whitelist"))


def explain_extension(called: Called, caller: Caller, see: See, chain: Chain = DIRECT) -> Iterator[Line]:
    """What becomes of a call to an extension, and to whom it is sent on, to the end."""
    number, depth = called.extension.number, chain.hops
    situation, settings = see(called.extension)
    yield Line(f"extension {number} ({called.extension.name})", depth, ("extensions", number))
    plan = decide(called, caller, situation, settings, chain)
    yield from _steps(plan.why, depth + 1)
    if not isinstance(plan, Ring):
        yield from _ending(plan, called, caller, see, depth + 1)
        return
    for missed in Missed:
        then = plan.after(missed)
        yield Line(f"{_WHEN[missed]}:", depth + 1)
        yield from _steps(tuple(step for step in then.why if step not in plan.why), depth + 2)
        yield from _ending(then, called, caller, see if missed is Missed.NO_ANSWER else None, depth + 2)


def explain_outside(caller: Called, digits: str) -> Iterator[Line]:
    """Whether an extension may call somebody outside, as flows/outward.py asks."""
    tenant, number = caller.tenant, caller.extension.number
    yield Line(f"extension {number} ({caller.extension.name})", 0, ("extensions", number))
    if is_emergency(digits, tenant.region):
        yield Line("an emergency number: neither a profile nor a limit stands before it", 1)
        trunk = f"by the carrier {tenant.trunk}" if tenant.trunk else f"the call ends: {Refusal.NO_TRUNK}"
        yield Line(f"-> {trunk}", 1, ("trunk",))
        return
    who = callee(digits, tenant)
    if isinstance(who, Refusal):
        yield Line(f"-> the call ends: {who}", 1, ("trunk",) if who is Refusal.NO_TRUNK else ())
        return
    yield from _outgoing(caller, who)


def _outgoing(caller: Called, who: Callee) -> Iterator[Line]:
    name = caller.extension.block_profile
    place = blocked_by(caller, "outgoing", who.number)
    if place is not None:
        path: KeyPath = ("block_profiles", str(name), "outgoing", place)
        yield Line(f"block profile {name} forbids calls to {who.number}", 1, path)
        yield Line("-> the call ends: the block profile does not allow it", 1)
        return
    if name is not None:
        yield Line(f"block profile {name} allows calls to {who.number}", 1, ("block_profiles", name, "outgoing"))
    shown = caller.tenant.caller_id or "no number"
    yield Line(f"{shown} is shown, while the limits of the tenant allow it", 1, ("caller_id",))
    yield Line(f"-> {who.number}, by the carrier {who.trunk}", 1, ("trunk",))


_WHEN = {
    Missed.NO_ANSWER: "when nobody answers",
    Missed.BUSY: "when the telephone is busy or declines",
    Missed.UNREACHABLE: "when no telephone can be reached",
}


def _steps(why: tuple[Step, ...], depth: int) -> Iterator[Line]:
    return (Line(step.text, depth, step.path, step.stars) for step in why)


def _ending(then: Then, called: Called, caller: Caller, see: See | None, depth: int) -> Iterator[Line]:
    """``see``: None when it is enough to say where the call goes."""
    yield Line(f"-> {_outcome(then, called)}", depth)
    if see is None or not isinstance(then, Forward) or then.to.kind != "extension":
        return
    colleague = Called(called.tenant, called.tenant.extensions[then.to.value])
    yield from explain_extension(colleague, caller, see, then.chain)


def _outcome(then: Then, called: Called) -> str:
    match then:
        case Forward(to=target):
            return f"forwarded to {'extension ' if target.kind == 'extension' else ''}{target}"
        case Voicemail():
            return f"the mailbox of extension {called.extension.number}"
        case Busy():
            return "the busy tone"
        case Reject(refused=refused):
            return f"the call ends: {refused}"
