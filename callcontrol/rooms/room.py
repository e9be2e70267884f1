"""A live room as values: its members, its phase, and what moderators decided. Pure.

What mod_conference does not know itself (phase, lock, hands, ...) is kept in variables of the conference: they are in
``conference json_list``, live and die with the room, outlive any daemon, and are the same for all daemons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

# Not str.isdigit: int("²") fails, and so does int() of more than 4300 digits.
_IDS = re.compile(r"[0-9]{1,10}(:[0-9]{1,10})*")
_SECONDS = re.compile(r"[0-9]{1,12}")


class Phase(StrEnum):
    """What is going on in a room."""

    WAITING = "waiting"  # nobody has moderated yet; FreeSWITCH itself holds the members with music
    OPEN = "open"
    ABANDONED = "abandoned"  # the last moderator left; the grace time runs
    CLOSED = "closed"  # the grace time is over: everybody is muted and hears music until a moderator returns
    HELD = "held"  # a moderator put the room on hold
    ENDING = "ending"  # everybody is being shown out


@dataclass(frozen=True)
class Member:
    """One member. ``since``: seconds on the daemon's monotonic clock; ``language``: ``""`` while not known."""

    call: str
    id: int
    number: str
    moderator: bool
    can_speak: bool
    since: float
    switch: str
    language: str = ""


@dataclass(frozen=True)
class RoomState:
    """One room. ``hands``: member ids in the order they were raised; ``muted``: who muted themselves;
    ``silenced``: whom a moderator muted.

    ``music``: it was commanded for the whole room.
    ``since``: UTC epoch seconds at which the phase began; ``floor``: who may speak although all are muted;
    ``record``: path of the running recording, ``""`` for none; ``moderated``: a moderator has been there;
    ``gathered``: epoch seconds of the first member.
    """

    name: str
    members: Mapping[str, Member] = field(default_factory=lambda: MappingProxyType({}))
    phase: Phase = Phase.OPEN
    since: float = 0.0
    locked: bool = False
    mute_all: bool = False
    hands: tuple[int, ...] = ()
    muted: frozenset[int] = field(default=frozenset())
    silenced: frozenset[int] = field(default=frozenset())
    floor: frozenset[int] = field(default=frozenset())
    record: str = ""
    moderated: bool = False
    music: bool = False
    gathered: float = 0.0

    @property
    def moderators(self) -> tuple[Member, ...]:
        """Members who moderate, in order of arrival."""
        return tuple(member for member in self.by_arrival if member.moderator)

    @property
    def by_arrival(self) -> tuple[Member, ...]:
        """All members, the longest there first."""
        return tuple(sorted(self.members.values(), key=lambda member: (member.since, member.id)))

    @property
    def silent(self) -> bool:
        """Nobody can be heard by anybody, and there is music; FreeSWITCH plays it to one who is alone, too."""
        return len(self.members) < 2 or self.phase in (Phase.WAITING, Phase.CLOSED, Phase.HELD)

    def member(self, identity: int) -> Member | None:
        """The member with this id."""
        return next((member for member in self.members.values() if member.id == identity), None)

    def with_member(self, member: Member) -> RoomState:
        """The room after somebody came, or is known better."""
        return replace(self, members=MappingProxyType({**self.members, member.call: member}))

    def without(self, call: str) -> RoomState:
        """The room after somebody left: the hand goes down, the floor is given back."""
        gone = self.members.get(call)
        if gone is None:
            return self
        rest = {other: member for other, member in self.members.items() if other != call}
        return replace(
            self,
            members=MappingProxyType(rest),
            hands=tuple(identity for identity in self.hands if identity != gone.id),
            muted=self.muted - {gone.id},
            silenced=self.silenced - {gone.id},
            floor=self.floor - {gone.id},
        )


def variables_of(room: RoomState) -> dict[str, str]:
    """The conference variables that hold what FreeSWITCH does not know by itself; ASCII without blanks."""
    return {
        "cc_phase": room.phase.value,
        "cc_since": f"{room.since:.0f}",
        "cc_locked": _flag(room.locked),
        "cc_mute_all": _flag(room.mute_all),
        "cc_hands": _listed(room.hands),
        "cc_muted": _listed(sorted(room.muted)),
        "cc_silenced": _listed(sorted(room.silenced)),
        "cc_floor": _listed(sorted(room.floor)),
        "cc_record": room.record or "-",
        "cc_moderated": _flag(room.moderated),
        "cc_music": _flag(room.music),
        "cc_gathered": f"{room.gathered:.0f}",
    }


def with_variables(room: RoomState, variables: Mapping[str, str]) -> RoomState:
    """The room with what ``variables_of`` wrote; what is missing or unreadable stays as it is.

    Who is no member any longer, because he left while nobody watched, is in none of the lists.
    """
    phase = variables.get("cc_phase", "")
    return replace(
        room,
        phase=Phase(phase) if phase in set(Phase) else room.phase,
        since=_seconds(variables, "cc_since", room.since),
        locked=_truth(variables, "cc_locked", room.locked),
        mute_all=_truth(variables, "cc_mute_all", room.mute_all),
        hands=_present(room, _ids(variables, "cc_hands", room.hands)),
        muted=frozenset(_present(room, _ids(variables, "cc_muted", tuple(room.muted)))),
        silenced=frozenset(_present(room, _ids(variables, "cc_silenced", tuple(room.silenced)))),
        floor=frozenset(_present(room, _ids(variables, "cc_floor", tuple(room.floor)))),
        record=_path(variables, "cc_record", room.record),
        moderated=_truth(variables, "cc_moderated", room.moderated),
        music=_truth(variables, "cc_music", room.music),
        gathered=_seconds(variables, "cc_gathered", room.gathered),
    )


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _listed(ids: tuple[int, ...] | list[int]) -> str:
    return ":".join(map(str, ids)) or "-"


def _truth(variables: Mapping[str, str], name: str, otherwise: bool) -> bool:
    return {"true": True, "false": False}.get(variables.get(name, ""), otherwise)


def _ids(variables: Mapping[str, str], name: str, otherwise: tuple[int, ...]) -> tuple[int, ...]:
    text = variables.get(name, "")
    if text == "-":
        return ()
    return tuple(map(int, text.split(":"))) if _IDS.fullmatch(text) else otherwise


def _present(room: RoomState, ids: tuple[int, ...]) -> tuple[int, ...]:
    here = {member.id for member in room.members.values()}
    return tuple(identity for identity in dict.fromkeys(ids) if identity in here)


def _path(variables: Mapping[str, str], name: str, otherwise: str) -> str:
    text = variables.get(name, "")
    return "" if text == "-" else text or otherwise


def _seconds(variables: Mapping[str, str], name: str, otherwise: float) -> float:
    text = variables.get(name, "")
    return float(text) if _SECONDS.fullmatch(text) else otherwise
