"""What is due in a room because time has passed. Pure: all times are arguments, in seconds.

``now`` is the monotonic clock that members' ``since`` is on; ``epoch`` is UTC epoch seconds, for what must outlive the
daemon (grace, duration).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from callcontrol.rooms.room import Member, Phase, RoomState
from callcontrol.tenants import Room

REMIND_EVERY = 60.0  # a waiting caller is told that the moderator is not here yet
NEARLY_OVER = 300.0  # before max_duration the room is told


@dataclass(frozen=True)
class Remind:
    """Tell a waiting member; ``place``: in the queue, counted from 1; ``turn``: how many times it is now."""

    member: Member
    place: int
    turn: int


@dataclass(frozen=True)
class GiveUp:
    """This member has waited, or been alone, for too long."""

    member: Member
    farewell: str


@dataclass(frozen=True)
class GraceOver:
    """The moderators have been gone for their grace time."""


@dataclass(frozen=True)
class NearlyOver:
    """The room ends in NEARLY_OVER seconds; one that may not last longer than that is told nothing."""


@dataclass(frozen=True)
class Over:
    """The room has lasted as long as it may."""


Due = Remind | GiveUp | GraceOver | NearlyOver | Over


def waiting_due(waiting: RoomState, rules: Room, reminded: Mapping[str, int], now: float) -> list[Due]:
    """Reminders and farewells for members who wait; ``reminded``: how often each call was told already."""
    due: list[Due] = []
    guests = [member for member in waiting.by_arrival if not member.moderator]
    for place, member in enumerate(guests, start=1):
        waited = now - member.since
        turn = int(waited // REMIND_EVERY)
        if waited >= rules.max_wait:
            due.append(GiveUp(member, "moderator-absent"))
        elif turn > reminded.get(member.call, 0):
            due.append(Remind(member, place, turn))
    return due


def room_due(
    room: RoomState, rules: Room, alone_since: float | None, warned: bool, now: float, epoch: float
) -> list[Due]:
    """What is due in the room itself. ``alone_since``: since when its only member is alone, None when not."""
    due: list[Due] = []
    if room.phase == Phase.ABANDONED and epoch - room.since >= rules.moderator_grace:
        due.append(GraceOver())
    if alone_since is not None and room.members and now - alone_since >= rules.max_alone:
        due.append(GiveUp(room.by_arrival[0], "alone-too-long"))
    if room.gathered and room.phase != Phase.ENDING:  # whoever is left of one that ends is shown out again by itself
        left = rules.max_duration - (epoch - room.gathered)
        if left <= 0:
            due.append(Over())
        elif not warned and left <= NEARLY_OVER < rules.max_duration:
            due.append(NearlyOver())
    return due
