"""Why a call goes where it goes: the decisions of the engine that serves calls, told line by line.

Nothing is decided here. `routing.route`, `rooms.admission` and `forwarding.decide` are asked, as a call asks them, and
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
from callcontrol.numbers import to_e164
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
