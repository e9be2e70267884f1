"""Members of conference rooms, and how they are invited."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.line import true
from callcontrol.rehearsal.roomsound import Player, note
from callcontrol.rehearsal.session import Session


@dataclass(frozen=True)
class Invitation:
    """The argument of the application: ``NAME@PROFILE+PIN+flags{a|b}`` taken apart (mod_conference.c:1955-2012)."""

    name: str
    profile: str = "default"
    flags: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Invitation:
        """Cut at the first ``+flags{``, then at the first ``+``, then at the last ``@``."""
        rest, marker, tail = text.partition("+flags{")
        flags = frozenset(tail.partition("}")[0].replace(",", "|").split("|")) - {""} if marker else frozenset()
        name = rest.partition("+")[0].strip()
        name, at, profile = name.rpartition("@") if "@" in name else (name, "", "")
        return cls(name, profile if at else "default", flags)


class Member:
    """One caller in a room. ``leaving`` is set when he is to go.

    place: among the room's arrivals. played: told of each file for him alone that ended, and its seconds.
    """

    def __init__(
        self,
        number: int,
        place: int,
        session: Session,
        flags: frozenset[str],
        played: Callable[[Member, str, float], None],
    ) -> None:
        self.id = number
        self.session = session
        self.place = place
        self.player = Player(session.hub, lambda file: note([session], file), lambda *end: played(self, *end))
        self.moderator = "moderator" in flags
        self.ghost = "ghost" in flags
        self.ends_room = "endconf" in flags
        self.can_speak = "mute" not in flags
        self.can_hear = "deaf" not in flags
        self.hold = self.talking = self.floor = False
        self.joined = time.time()
        self.leaving = False
        self.ended = False  # the whole conference was ended under him

    @property
    def permanent_music(self) -> bool:
        """Whether the wait for a moderator goes on undisturbed by this member (conference_member.c:908, 1341)."""
        return true(self.session.variable("conference_permanent_wait_mod_moh"))

    def headers(self) -> list[Header]:
        """conference_member.c:236-273, with the channel's basic data."""
        basic = [header for part in self.session.channel.basic() for header in part.headers]
        return [
            ("Floor", flag(self.floor)),
            *basic,
            ("Video", "false"),
            ("Hear", flag(self.can_hear)),
            ("See", "true"),
            ("Speak", flag(self.can_speak)),
            ("Talking", flag(self.talking)),
            ("Mute-Detect", "false"),
            ("Hold", flag(self.hold)),
            ("Member-ID", str(self.id)),
            ("Member-Type", "moderator" if self.moderator else "member"),
            ("Member-Ghost", flag(self.ghost)),
            ("Energy-Level", "100"),
            ("Current-Energy", "5719" if self.talking else "0"),
        ]


def flag(value: bool) -> str:
    """A truth as mod_conference writes it."""
    return "true" if value else "false"


def member_id(session: Session) -> int:
    """A number for the whole switch; a channel that joins again keeps its own (mod_conference.c:2409)."""
    known = session.channel.variables.get("conference_member_id")
    if known:
        return int(known)
    session.hub.members += 1
    return session.hub.members
