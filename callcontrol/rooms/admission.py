"""Who may enter a room, and as what. Pure decisions: no socket, no clock, no log.

A number proves something only when it is known: a withheld number never matches a whitelist. In a room with a PIN the
PIN decides, compared against both roles; a number listed under `moderators` moderates with either PIN. A room with a
schedule is open around its times only, for moderators too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from callcontrol.numbers import NumberPattern
from callcontrol.tenants import Access, Room
from callcontrol.tenants.occurrences import window_at


class Role(StrEnum):
    """What a member may do in a room."""

    PARTICIPANT = "participant"
    MODERATOR = "moderator"


@dataclass(frozen=True)
class Entry:
    """The right to enter a room; ``reason`` says for the log what gave it. ``called``: the room called them."""

    room: Room
    role: Role
    reason: str
    called: bool = False


def entry_by_number(rooms: Sequence[Room], number: str | None) -> Entry | None:
    """The room that ``number`` (E.164, None when withheld) opens without a PIN; None when there is not exactly one."""
    entries = [entry for entry in (_by_number(room, number) for room in rooms) if entry is not None]
    return entries[0] if len(entries) == 1 else None


def entries_by_pin(rooms: Sequence[Room], number: str | None) -> Mapping[str, Entry]:
    """What each PIN opens. PINs differ from each other and none begins another: the tenant loader sees to it."""
    entries: dict[str, Entry] = {}
    for room in rooms:
        if not room.access.asks_for_pin:
            continue
        if room.pin is not None:
            entries[room.pin.get_secret_value()] = Entry(room, _role_of(room, number), "PIN")
        if room.moderator_pin is not None:
            entries[room.moderator_pin.get_secret_value()] = Entry(room, Role.MODERATOR, "moderator PIN")
    return entries


def is_open(room: Room, timezone: str, moment: datetime) -> bool:
    """Whether people may come in at an aware ``moment``, as far as the room's schedule goes. timezone: the tenant's."""
    return room.schedule is None or window_at(room.schedule, timezone, moment) is not None


def _by_number(room: Room, number: str | None) -> Entry | None:
    if room.access == Access.OPEN:
        return Entry(room, _role_of(room, number), "open room")
    if room.access == Access.PIN:
        return None
    if _listed(room.moderators, number) or _listed(room.whitelist, number):
        return Entry(room, _role_of(room, number), "listed number")
    return None


def _role_of(room: Room, number: str | None) -> Role:
    return Role.MODERATOR if _listed(room.moderators, number) else Role.PARTICIPANT


def _listed(patterns: Sequence[NumberPattern], number: str | None) -> bool:
    return any(pattern.matches(number) for pattern in patterns)
