"""How a room's phase changes, and what the phase demands of FreeSWITCH. Pure.

Rule 1: a room's phase changes in this table and nowhere else.
Rule 2: muting, music and recording are never commanded step by step; `desired` says how it has to be, and whoever
steers compares that with what the switch has. So a command that got lost, or a daemon that died between two of them,
is made good at the next look.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcontrol.rooms.room import Member, Phase, RoomState
from callcontrol.tenants import AfterModerator, Room


class Turn(StrEnum):
    """What happens to a room as a whole."""

    MODERATOR_CAME = "a moderator came"
    MODERATORS_LEFT = "the last moderator left"
    GRACE_OVER = "the grace time is over"
    HOLD = "hold was asked for"
    RESUME = "the end of the hold was asked for"
    END = "the end was asked for"


_WAIT, _CONTINUE, _END = AfterModerator.WAIT, AfterModerator.CONTINUE, AfterModerator.END

# (phase, turn) -> phase, or one phase for each thing a room may do without its moderators.
_NEXT: dict[tuple[Phase, Turn], Phase | dict[AfterModerator, Phase]] = {
    (Phase.WAITING, Turn.MODERATOR_CAME): Phase.OPEN,
    # Only when a moderator came and went while nobody watched: wait-mod is over for ever then.
    (Phase.WAITING, Turn.MODERATORS_LEFT): {_WAIT: Phase.ABANDONED, _CONTINUE: Phase.OPEN, _END: Phase.ABANDONED},
    (Phase.WAITING, Turn.END): Phase.ENDING,
    (Phase.OPEN, Turn.MODERATORS_LEFT): {_WAIT: Phase.ABANDONED, _CONTINUE: Phase.OPEN, _END: Phase.ABANDONED},
    (Phase.OPEN, Turn.HOLD): Phase.HELD,
    (Phase.OPEN, Turn.END): Phase.ENDING,
    # A room on hold stays silent when its moderators are gone, except where it is to go on without them.
    (Phase.HELD, Turn.MODERATORS_LEFT): {_WAIT: Phase.CLOSED, _CONTINUE: Phase.OPEN, _END: Phase.ABANDONED},
    (Phase.HELD, Turn.RESUME): Phase.OPEN,
    (Phase.HELD, Turn.END): Phase.ENDING,
    (Phase.ABANDONED, Turn.MODERATOR_CAME): Phase.OPEN,
    (Phase.ABANDONED, Turn.GRACE_OVER): {_WAIT: Phase.CLOSED, _CONTINUE: Phase.OPEN, _END: Phase.ENDING},
    (Phase.ABANDONED, Turn.END): Phase.ENDING,
    (Phase.CLOSED, Turn.MODERATOR_CAME): Phase.OPEN,
    (Phase.CLOSED, Turn.END): Phase.ENDING,
}


def advance(phase: Phase, turn: Turn, afterwards: AfterModerator) -> Phase:
    """The phase after ``turn``; a turn that means nothing in this phase changes nothing."""
    following = _NEXT.get((phase, turn), phase)
    return following[afterwards] if isinstance(following, dict) else following


def first_phase(rules: Room) -> Phase:
    """The phase of a room nobody has moderated yet."""
    return Phase.WAITING if rules.wait_for_moderator else Phase.OPEN


def settled(phase: Phase, room: RoomState, rules: Room) -> Phase:
    """The phase once it is compared with who is there: what was missed while nobody watched is made good.

    ``phase``: the last one written, or `first_phase` for a room without any.
    """
    if room.moderators:
        return advance(phase, Turn.MODERATOR_CAME, rules.when_moderator_leaves)
    # Nobody has written anything down, and yet wait-mod is over: only a moderator can have ended it.
    opened_unseen = rules.wait_for_moderator and phase == Phase.OPEN and not room.gathered
    if room.moderated or opened_unseen:
        return advance(phase, Turn.MODERATORS_LEFT, rules.when_moderator_leaves)
    return phase


@dataclass(frozen=True)
class Desired:
    """How FreeSWITCH has to be. ``muted``: member ids; ``music``: played to the whole room."""

    muted: frozenset[int]
    music: bool


def desired(room: RoomState) -> Desired:
    """Who is muted, and whether there is music. While WAITING FreeSWITCH does both itself (wait-mod)."""
    silent = room.phase in (Phase.CLOSED, Phase.HELD)
    return Desired(
        muted=frozenset(member.id for member in room.members.values() if silent or _muted(room, member)),
        music=silent,
    )


def _muted(room: RoomState, member: Member) -> bool:
    by_all = room.mute_all and not member.moderator and member.id not in room.floor
    return by_all or member.id in room.muted or member.id in room.silenced
