"""Conference rooms: members, the wait for a moderator, mute, and what mod_conference says about it on the event socket.

Modelled on mod_conference of 1.10.12; no sound is mixed, so nobody talks unless a phone says so.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.hub import Hub, new_uuid
from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.transcript import Kind

DOMAIN = "cluecon.com"  # what mod_conference writes where neither name nor profile has a domain
MUSIC = "local_stream://moh"


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
    """One caller in a room. ``leaving`` is set when he is to go."""

    def __init__(self, number: int, session: Session, flags: frozenset[str]) -> None:
        self.id = number
        self.session = session
        self.moderator = "moderator" in flags
        self.ghost = "ghost" in flags
        self.ends_room = "endconf" in flags
        self.can_speak = "mute" not in flags
        self.can_hear = "deaf" not in flags
        self.hold = self.talking = self.floor = False
        self.joined = time.time()
        self.leaving = False
        self.ended = False  # the whole conference was ended under him

    def headers(self) -> list[Header]:
        """conference_member.c:236-273, with the channel's basic data."""
        basic = [header for part in self.session.channel.basic() for header in part.headers]
        return [
            ("Floor", _flag(self.floor)),
            *basic,
            ("Video", "false"),
            ("Hear", _flag(self.can_hear)),
            ("See", "true"),
            ("Speak", _flag(self.can_speak)),
            ("Talking", _flag(self.talking)),
            ("Mute-Detect", "false"),
            ("Hold", _flag(self.hold)),
            ("Member-ID", str(self.id)),
            ("Member-Type", "moderator" if self.moderator else "member"),
            ("Member-Ghost", _flag(self.ghost)),
            ("Energy-Level", "100"),
            ("Current-Energy", "5719" if self.talking else "0"),
        ]


class Room:
    """One conference. It lives while somebody is in it (dynamic conferences only)."""

    def __init__(self, hub: Hub, invitation: Invitation) -> None:
        self.hub = hub
        self.name = invitation.name
        self.profile = invitation.profile
        self.uuid = new_uuid()
        self.created = time.time()
        self.members: list[Member] = []
        self.ghosts = 0
        self.wait_mod = "wait-mod" in invitation.flags
        self.locked = False
        self.ended = False
        self.variables: dict[str, str] = {}
        self.settings = {"max_members": "0", "endconference_grace_time": "0", "sound_prefix": ""}
        self.music_since = 0.0  # monotonic; 0 while no music plays
        hub.rooms[self.name] = self
        self.event("conference-create")

    @property
    def size(self) -> int:
        """Members that are no ghosts."""
        return len(self.members) - self.ghosts

    def event(
        self,
        action: str,
        member: Member | None = None,
        after: list[Header] | None = None,
        before: Sequence[Header] = (),
    ) -> None:
        """Tell what happened; ``before`` and ``after`` stand around the Action."""
        session = member.session if member else None
        rows = [*self.headers(), *(member.headers() if member else ()), *before, ("Action", action), *(after or ())]
        self.hub.fire_maintenance(action, rows, session)

    def _floor(self, old: Member | None, new: Member | None) -> None:
        """Who speaks changes; the event names the room twice when somebody has the floor (conference_member.c:1140)."""
        names = [("Action", "floor-change"), ("Old-ID", str(old.id) if old else "none")]
        for member in self.members:
            member.floor = member is new
        rows: list[Header] = [*self.headers(), *names]
        if new is not None:
            rows += [*self.headers(), *new.headers()]
        rows.append(("New-ID", str(new.id) if new else "none"))
        self.hub.fire_maintenance("floor-change", rows, new.session if new else None)

    def headers(self) -> list[Header]:
        """conference_event.c:741-751, and the room's variables."""
        return [
            ("Conference-Name", self.name),
            ("Conference-Domain", DOMAIN),
            ("Conference-Size", str(self.size)),
            ("Conference-Ghosts", str(self.ghosts)),
            ("Conference-Profile-Name", self.profile),
            ("Conference-Unique-ID", self.uuid),
            *self.variables.items(),
        ]

    def enter(self, member: Member) -> None:
        """Add a member; the first moderator ends the wait for good (conference_member.c:902)."""
        if member.moderator:
            self.wait_mod = False
        self.members.insert(0, member)  # the newest comes first in every list
        self.ghosts += member.ghost
        variables = member.session.channel.variables
        for name, value in (
            ("conference_name", self.name),
            ("app_session_uuid", self.uuid),
            ("conference_member_id", str(member.id)),
            ("conference_moderator", _flag(member.moderator)),
            ("conference_ghost", _flag(member.ghost)),
            ("conference_uuid", self.uuid),
        ):
            variables.set(name, value)
        if (variables.get("conference_silent_entry") or "") != "true":
            self.event("add-member", member)
        role = " as moderator" if member.moderator else ""
        member.session.in_room = True
        member.session.transcript.add(Kind.JOINS, f"{self.name}{role}")
        if len(self.members) == 1:
            self._floor(None, member)
        self._moods()

    def leave(self, member: Member) -> None:
        """Remove a member; with the last one the room ends."""
        if member.floor:
            member.floor = False
            if len(self.members) > 1:
                self._floor(member, None)
        self.members.remove(member)
        self.ghosts -= member.ghost
        self.event("del-member", member)
        member.session.in_room = False
        member.session.set_music(False)
        if not member.session.channel.down:
            member.session.transcript.add(Kind.LEAVES, self.name)
        if member.ends_room:
            self.end()
        if self.members and not any(one.floor for one in self.members):
            self._floor(None, self.members[0])
        self._moods()
        if not self.members:
            self.ended = True
            self.hub.rooms.pop(self.name, None)
            self.event("conference-destroy")

    def end(self) -> None:
        """Send everybody away; who lacks hangup_after_conference=false is hung up (mod_conference.c:790-806)."""
        self.ended = True
        for member in list(self.members):
            member.leaving = member.ended = True
            member.session.wake()

    def hears_music(self) -> bool:
        """Whether the members hear the room's music: a moderator is missing, or somebody is alone."""
        return self.wait_mod or self.size == 1

    def _moods(self) -> None:
        music = self.hears_music()
        if music == bool(self.music_since):  # nothing changed but for who just came
            for member in self.members[:1]:
                member.session.set_music(music)
            return
        if not music and self.music_since:
            self.played(MUSIC, time.monotonic() - self.music_since, [("Async", "true")])
        self.music_since = (self.music_since or time.monotonic()) if music else 0.0
        for member in self.members:
            member.session.set_music(music)

    def played(self, file: str, seconds: float, after: Sequence[Header] = ()) -> None:
        """Tell that a file ended."""
        lasted = [("seconds", str(int(seconds))), ("milliseconds", str(int(seconds * 1000)))]
        self.event("play-file-done", None, [("File", file), *after], [*lasted, ("samples", str(int(seconds * 16000)))])


def join(session: Session, argument: str) -> None:
    """The application `conference`: in, until the caller leaves, is sent away or hangs up."""
    invitation = Invitation.parse(argument)
    extra = session.variable("conference_member_flags")
    flags = invitation.flags | (frozenset(extra.replace(",", "|").split("|")) - {""})
    room = session.hub.rooms.get(invitation.name)
    if room is None or room.ended:
        room = Room(session.hub, Invitation(invitation.name, invitation.profile, flags))
    session.answer()
    if session.channel.down or (room.locked and "moderator" not in flags) or _full(session, room, flags):
        if not room.members:
            room.hub.rooms.pop(room.name, None)
        return
    member = Member(_member_id(session), session, flags)
    session.channel.codec = ("L16", "8000", "128000")
    room.enter(member)
    while session.ready() and not member.leaving:
        session.run_queued()
        while session.has_key():
            session.take_key()
        if session.ready() and not member.leaving:
            session.wait()
    session.channel.codec = ("PCMA", "8000", "64000")
    for name, value in (("read_codec", "PCMA"), ("read_rate", "8000")):
        session.channel.variables.set(name, value)
    room.leave(member)
    keep = session.variable("hangup_after_conference") == "false"
    if member.ended and not keep:
        session.hangup()


def _full(session: Session, room: Room, flags: frozenset[str]) -> bool:
    text = session.variable("conference_max_members")
    return text.isdigit() and int(text) > 1 and room.size >= int(text) and "ghost" not in flags


def _member_id(session: Session) -> int:
    """A number for the whole switch; a channel that joins again keeps its own (mod_conference.c:2409)."""
    known = session.channel.variables.get("conference_member_id")
    if known:
        return int(known)
    session.hub.members += 1
    return session.hub.members


def _flag(value: bool) -> str:
    return "true" if value else "false"
