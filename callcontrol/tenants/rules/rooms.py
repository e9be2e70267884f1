"""Rooms: somebody can get in, somebody can moderate where a moderator is waited for, and whom they call exists."""

from __future__ import annotations

from collections.abc import Iterator

from callcontrol.numbers import is_costly
from callcontrol.tenants.draft import Draft, Finding, Part
from callcontrol.tenants.fields import known_timezones
from callcontrol.tenants.occurrences import never
from callcontrol.tenants.room import Access, Admission, DialOut, DialOutWhen, RoomEntry
from callcontrol.tenants.rules.common import reaches


def let_somebody_in(draft: Draft) -> Iterator[Finding]:
    """A room that asks for a PIN has one, a room with a whitelist lists somebody."""
    for name, room in draft.rooms.items():
        entry, path = room.value, (*room.path, "access")
        if not room.intact("access"):
            continue
        if entry.access.asks_for_pin and room.intact("pin") and entry.pin is None:
            yield Finding(path, f"room {name!r} asks for a PIN and has no pin", 'add pin: "..." of 4 to 10 digits')
        lists = entry.access in (Access.WHITELIST, Access.WHITELIST_OR_PIN)
        if lists and room.intact("whitelist", "moderators") and not entry.whitelist + entry.moderators:
            yield Finding(path, f"room {name!r} lets in listed numbers and lists none", "add whitelist: [...]")


def can_be_moderated(draft: Draft) -> Iterator[Finding]:
    """Where participants wait for a moderator, somebody can become one."""
    for name, room in draft.rooms.items():
        entry, key = room.value, _waiting_key(room)
        if key is None or not room.intact("access", "moderators", "moderator_pin"):
            continue
        asked = entry.access.asks_for_pin
        if not entry.moderators and not (entry.moderator_pin and asked):
            hint = "add moderator_pin or moderators" if asked else "nobody is asked for a PIN: add moderators"
            yield Finding((*room.path, key), f"room {name!r} waits for a moderator and nobody can be one", hint)


def _waiting_key(room: Part[RoomEntry]) -> str | None:
    if room.intact("wait_for_moderator") and room.value.wait_for_moderator:
        return "wait_for_moderator"
    manual = room.intact("admission") and room.value.admission is Admission.MANUAL
    return "admission" if manual else None


def ask_for_every_pin(draft: Draft) -> Iterator[Finding]:
    """A PIN in a room where nobody is ever asked for one protects nothing, whatever its author thought."""
    for room in draft.rooms.values():
        if not room.intact("access") or room.value.access.asks_for_pin:
            continue
        for key in ("pin", "moderator_pin"):
            if room.intact(key) and getattr(room.value, key) is not None:
                message = f"{key}: nobody is asked for it while access is {room.value.access}"
                yield Finding((*room.path, key), message, "access: pin or whitelist_or_pin", at_key=True)


def call_somebody(draft: Draft) -> Iterator[Finding]:
    """``dial_out`` names people who can be called, and a schedule that calls has somebody to call."""
    for room in draft.rooms.values():
        entries = list(draft.dial_outs(room))
        for entry in entries:
            if entry.intact("number"):
                yield from _called(draft, entry)
        if entries or not room.intact("dial_out"):
            continue
        hint, schedule = "add dial_out: to the room", room.value.schedule
        if room.intact("schedule") and schedule and schedule.dial_out:
            path = (*room.path, "schedule", "dial_out")
            yield Finding(path, "dial_out: the room lists nobody to call", hint)
        if room.intact("dial_out_when") and room.value.dial_out_when is DialOutWhen.ON_MODERATOR:
            yield Finding((*room.path, "dial_out_when"), "dial_out_when: the room lists nobody to call", hint)


def _called(draft: Draft, entry: Part[DialOut]) -> Iterator[Finding]:
    path, target = (*entry.path, "number"), entry.value.number
    yield from reaches(draft, path, target)
    if target.kind == "number" and is_costly(target.value):
        yield Finding(path, f"number: {target.value} is a premium, satellite or personal number", "it is never called")


def know_their_timezone(draft: Draft) -> Iterator[Finding]:
    """A schedule without timezone would be right in one country only."""
    for room in draft.rooms.values():
        path = (*room.path, "schedule")
        if draft.document.node(path) is not None and not draft.has("timezone"):
            yield Finding(path, "schedule: the tenant has no timezone", "timezone: Europe/Berlin", at_key=True)


def come_true(draft: Draft) -> Iterator[Finding]:
    """A schedule has at least one time: 30 February, or an end before the first time, closes a room for ever."""
    given = draft.raw.get("timezone")
    zone = given if isinstance(given, str) and given in known_timezones() else "UTC"
    for room in draft.rooms.values():
        schedule = room.value.schedule if room.intact("schedule") else None
        if schedule is not None and never(schedule, zone):
            yield Finding((*room.path, "schedule"), "schedule: has no time at all: the room would never be open")


RULES = (let_somebody_in, can_be_moderated, ask_for_every_pin, call_somebody, know_their_timezone, come_true)
