"""Conference rooms: members, the wait for a moderator, music, and what mod_conference says on the event socket.

Modelled on mod_conference of 1.10.12; no sound is mixed, so nobody talks unless a phone says so.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from callcontrol.rehearsal.bus import new_uuid
from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.member import Invitation, Member, flag
from callcontrol.rehearsal.roomsound import RATE, STREAM, Player, Recording, can_write, counted, note, parts
from callcontrol.rehearsal.session import Hub, Session
from callcontrol.rehearsal.transcript import Kind

DOMAIN = "cluecon.com"  # what mod_conference writes where neither name nor profile has a domain
MUSIC = "local_stream://moh"


class Room:
    """One conference. It lives while somebody is in it (dynamic conferences only). ``rooms``: where it is known."""

    def __init__(self, hub: Hub, rooms: dict[str, Room], invitation: Invitation) -> None:
        self.hub = hub
        self._rooms = rooms
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
        self.music = ""  # the asynchronous file
        self.music_since = 0.0  # monotonic
        self.recordings: list[Recording] = []
        self.record_path = ""  # the last one asked for
        self._places = 0
        self._player = Player(hub, self._begins, self._ends)
        rooms[self.name] = self
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
        if session is not None:
            session.transcript.changed()

    def _floor(self, new: Member | None) -> None:
        """Who speaks changes; the event names the room twice when somebody has the floor (conference_member.c:1140).

        Whoever had it is out of the list by then, so Old-ID tells nothing.
        """
        for member in self.members:
            member.floor = member is new
        rows: list[Header] = [*self.headers(), ("Action", "floor-change"), ("Old-ID", "none")]
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
            ("conference_moderator", flag(member.moderator)),
            ("conference_ghost", flag(member.ghost)),
            ("conference_recording", self.record_path),
            ("conference_uuid", self.uuid),
        ):
            variables.set(name, value)
        if (variables.get("conference_silent_entry") or "") != "true":
            self.event("add-member", member)
        role = " as moderator" if member.moderator else ""
        member.session.in_room = True
        member.session.transcript.add(Kind.JOINS, f"{self.name}{role}")
        if self.size > 1 and not (self.wait_mod and member.permanent_music):
            self.stop_music()
        if len(self.members) == 1:
            self._floor(member)
        self.tend()

    def leave(self, member: Member) -> None:
        """Remove a member; with the last one the room ends."""
        if member.floor:
            self._floor(None)
        self.members.remove(member)
        self.ghosts -= member.ghost
        self.event("del-member", member)
        member.session.in_room = False
        member.session.set_music(False)
        if not member.session.channel.down:
            member.session.transcript.add(Kind.LEAVES, self.name)
        member.player.stop(every=True)
        if member.ends_room:
            self.end()
        if self.members and not any(one.floor for one in self.members):
            self._floor(self.members[0])
        if self.wait_mod and self.members and not member.permanent_music:
            self.stop_music()
        self.tend()
        if not self.members:
            self._close()

    def end(self) -> None:
        """Send everybody away; who lacks hangup_after_conference=false is hung up (mod_conference.c:790-806)."""
        self.ended = True
        for member in list(self.members):
            member.leaving = member.ended = True
            member.session.wake()

    def _close(self) -> None:
        self.ended = True
        self.forget()
        self._player.stop(every=True)
        self.stop_music()
        for recording in list(self.recordings):
            self.stop_recording(recording)
        self.event("conference-destroy")

    def forget(self) -> None:
        """The next caller makes a new one."""
        self._rooms.pop(self.name, None)

    def next_place(self) -> int:
        """Members and recordings are listed in the order of their arrival, the newest first."""
        self._places += 1
        return self._places

    # -- what is heard in it ---------------------------------------------------------------------------------------

    def hearing(self) -> list[Member]:
        """Who hears what is played to all."""
        return [member for member in self.members if member.can_hear and not member.hold]

    def _lines(self) -> list[Session]:
        return [member.session for member in self.hearing()]

    def _begins(self, file: str) -> None:
        note(self._lines(), file)
        self.tend()

    def _ends(self, file: str, seconds: float) -> None:
        self.played(file, seconds)
        self.tend()

    def play(self, file: str) -> bool:
        """Play a file to all; False when there is none."""
        if not self.members or not parts(self.hub, file):
            return False
        self._player.play(file)
        return True

    def stop(self, every: bool) -> int:
        """Stop the file that plays or all of them, music included; how many those were."""
        return self._player.stop(every) + (self.stop_music() if every else 0)

    def start_music(self, file: str) -> bool:
        """Play a file beside all others, instead of the one before; False when there is none."""
        if not self.members or not parts(self.hub, file):
            return False
        self._end_music()
        self.music, self.music_since = file, time.monotonic()
        if not file.startswith(STREAM):
            note(self._lines(), file)
            self._end_music()
        self.tend()
        return True

    def stop_music(self) -> int:
        """Stop the asynchronous file; how many that were. It begins again where a moderator is missing."""
        if not self.music:
            return 0
        self._end_music()
        if self.members:
            self.tend()
        return 1

    def _end_music(self) -> None:
        file, self.music = self.music, ""
        if file:
            self.played(file, time.monotonic() - self.music_since, [("Async", "true")])

    def tend(self) -> None:
        """Music where a moderator is missing or somebody is alone (mod_conference.c:407); who hears it knows."""
        silent = not self.music and not self._player.current
        if silent and self.members and (self.wait_mod or self.size == 1):
            self.music, self.music_since = MUSIC, time.monotonic()
        music = self.music.startswith(STREAM) or self._player.current.startswith(STREAM)
        for member in self.members:
            member.session.set_music(music and member.can_hear)

    def played(self, file: str, seconds: float, after: Sequence[Header] = ()) -> None:
        """Tell that a file ended."""
        self.event("play-file-done", None, [("File", file), *after], _lasted(seconds))

    def played_to(self, member: Member, file: str, seconds: float) -> None:
        """Tell that a file for one member ended; the event names the room twice (conference_file.c:52)."""
        rows = [*self.headers(), *_lasted(seconds), ("Action", "play-file-member-done")]
        rows += [*self.headers(), *member.headers()] if member in self.members else []
        self.hub.fire_maintenance("play-file-done", [*rows, ("File", file)], member.session)

    # -- recordings ------------------------------------------------------------------------------------------------

    def record(self, path: str) -> None:
        """Begin a recording; the event tells when it could not be (conference_record.c:319)."""
        self.hub.members += 1
        self.record_path = path
        recording = Recording(path, self.next_place())
        if can_write(path):
            self.recordings.append(recording)
            self.event("start-recording", after=[("Path", path)])
            return
        failed: list[Header] = [("Path", path), ("Error", "File could not be opened for recording")]
        self.event("start-recording", after=failed)
        self._recorded(path, counted(0))

    def stop_recording(self, recording: Recording) -> None:
        """End a recording."""
        self.recordings.remove(recording)
        self._recorded(recording.path, recording.save())

    def _recorded(self, path: str, described: Sequence[Header]) -> None:
        others = ("Other-Recordings", flag(bool(self.recordings)))
        self.event("stop-recording", after=[("Path", path), others, *described])


def _lasted(seconds: float) -> list[Header]:
    whole = [("seconds", str(int(seconds))), ("milliseconds", str(int(seconds * 1000)))]
    return [*whole, ("samples", str(int(seconds * RATE)))]
