"""Live rooms as they are shown to operators and programs: values ready for JSON, times in UTC epoch seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from callcontrol.rooms.calls import InviteeReport, InviteeState
from callcontrol.rooms.room import Member, RoomState


def shown(name: str, live: Mapping[str, RoomState], calls: Sequence[InviteeReport], started: float) -> dict[str, Any]:
    """A room with its lobby, its side room and whom it calls.

    ``started``: the epoch second at which the members' clock was 0.
    """
    room = live.get(name) or RoomState(name)
    lobby, aside = (live.get(f"{name}.{part}") or RoomState(name) for part in ("lobby", "aside"))
    return {
        "room": name,
        "phase": room.phase.value if room.members else None,
        "since": round(room.since) or None,
        "locked": room.locked,
        "mute_all": room.mute_all,
        "record": room.record or None,
        "members": [_person(room, member, started) for member in room.by_arrival],
        "waiting": [_person(lobby, member, started) for member in lobby.by_arrival],
        "aside": [_person(aside, member, started) for member in aside.by_arrival],
        "calls": people_called(calls),
    }


def people_called(people: Sequence[InviteeReport]) -> list[dict[str, Any]]:
    """People who are called. ``next_try``: when, of one who waits for it."""
    return [
        {
            "name": one.name,
            "number": one.number,
            "state": one.state.value,
            "reason": one.reason or None,
            "tries": one.tries,
            "next_try": round(one.due_at) if one.state == InviteeState.WAITING else None,
        }
        for one in people
    ]


def _person(room: RoomState, member: Member, started: float) -> dict[str, Any]:
    return {
        "id": member.id,
        "number": member.number,
        "role": "moderator" if member.moderator else "participant",
        "muted": not member.can_speak,
        "hand": room.hands.index(member.id) + 1 if member.id in room.hands else None,
        "floor": member.id in room.floor,
        "since": round(started + member.since),
        "language": member.language or None,
        "call": member.call,
        "switch": member.switch,
    }
