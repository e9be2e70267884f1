"""What is told to FreeSWITCH about one room: API commands on the link, nothing decided here.

Members come and go while we talk, so a command to somebody who just left is no error. Every name that becomes part of
a command is one of ours (tenant and room names, prompt paths, member ids) and passes `text_literal` all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from callcontrol.errors import SwitchRefused
from callcontrol.prompts import PromptBook
from callcontrol.rooms.room import Member, RoomState
from callcontrol.switch.literals import text_literal
from callcontrol.switch.questions import call_exists, contacts_of

MUSIC = "local_stream://moh"
PAUSE = "silence_stream://400"  # between two sentences that would run together
PROFILE = "room"
# mod_conference splits a command into 25 words (conference_api.c); four are taken by the command itself.
IDS_PER_COMMAND = 20

_log = structlog.get_logger("callcontrol.rooms")


class RoomCommands:
    """Commands to one conference. ``api`` sends one and returns the answer; it raises the errors of a Link.

    ``music``: whether there is music now and nobody speaks, so that what is said takes the place of the music.
    """

    def __init__(
        self, name: str, api: Callable[[str], str], prompts: PromptBook, music: Callable[[], bool] = lambda: False
    ) -> None:
        self._name = text_literal(name)
        self._api = api
        self._prompts = prompts
        self._music = music

    def say(self, member: Member, *names: str, behind: str = "") -> None:
        """Play prompts to one member, in their language; the others do not hear it. ``behind``: a file before them."""
        instead = " nomux" if self._music() else ""
        self._tell(f"play {self._files(member.language, names, behind)} {member.id}{instead}")

    def hush(self, member: Member) -> None:
        """End what is being said to this member alone."""
        self._tell(f"stop all {member.id}")

    def say_all(self, room: RoomState, *names: str, but: Iterable[int] = (), behind: str = "") -> None:
        """Play prompts to all members, each in their language, behind a file that is the same for all (a name)."""
        skipped = set(but)
        listeners = [member for member in room.members.values() if member.id not in skipped]
        if not skipped and not self._music() and len({member.language for member in listeners}) == 1:
            self._tell(f"play {self._files(listeners[0].language, names, behind)}")
            return
        for member in listeners:
            self.say(member, *names, behind=behind)

    def play_all(self, room: RoomState, path: str) -> None:
        """Play a file to the whole room: a tone."""
        if not self._music():
            self._tell(f"play {text_literal(path)}")
            return
        for member in room.members.values():
            self._tell(f"play {text_literal(path)} {member.id} nomux")

    def mute(self, identity: int) -> None:
        """Take the microphone; without mod_conference's own words."""
        self._tell(f"mute {identity} quiet")

    def unmute(self, identity: int) -> None:
        """Give the microphone back."""
        self._tell(f"unmute {identity} quiet")

    def music(self, on: bool) -> None:
        """Music to the whole room, on or off.

        Not played `async`: whoever joins ends that (conference_member.c:909). While ours plays FreeSWITCH begins no
        music for one who is alone (mod_conference.c:407); what it began before is ended, or both would be heard.
        """
        if on:
            self._tell(f"play {MUSIC}")
            self._tell("stop async")
        else:
            self._tell("stop all")

    def remember(self, variables: Mapping[str, str]) -> None:
        """Write variables of the conference."""
        for name, value in variables.items():
            self._tell(f"setvar {text_literal(name)} {text_literal(value)}")

    def record(self, path: str) -> bool:
        """Begin to record into a file; whether FreeSWITCH does it."""
        answer = self._send(f"conference {self._name} record {text_literal(path)}")
        if not answer.startswith("+OK"):
            _log.error("FreeSWITCH cannot record", room=self._name, path=path)
        return answer.startswith("+OK")

    def stop_recording(self, path: str) -> None:
        """End that recording."""
        self._tell(f"norecord {text_literal(path)}")

    def show_out(self, member: Member, farewell: str) -> None:
        """Out of the conference; the dialplan brings the caller back to a daemon, which says ``farewell``.

        Not by `kick`: a member who came out of a lobby has no dialplan left to go on in (conference_api.c:3662).
        """
        self._send(f"uuid_setvar {text_literal(member.call)} cc_farewell {text_literal(farewell)}")
        self._send(f"uuid_transfer {text_literal(member.call)} back XML callcontrol")

    def move(self, ids: Sequence[int], to: str) -> None:
        """Transfer members into another conference."""
        for first in range(0, len(ids), IDS_PER_COMMAND):
            words = " ".join(map(str, ids[first : first + IDS_PER_COMMAND]))
            self._tell(f"transfer {text_literal(to)}@{PROFILE} {words}")

    def move_moderator(self, moderator: Member, to: str) -> None:
        """Transfer a moderator, who stays one: only a variable carries flags along (conference_api.c:3662).

        Each transfer takes one off ``max_forwards``, and FreeSWITCH hangs up at 0: a long meeting must not get there.
        """
        variables = "conference_member_flags=moderator;max_forwards=70"
        self._send(f"uuid_setvar_multi {text_literal(moderator.call)} {variables}")
        self.move([moderator.id], to)

    def let_go(self, call: str) -> None:
        """Hang up."""
        self._send(f"uuid_kill {text_literal(call)}")

    def variable(self, call: str, name: str) -> str:
        """A variable of a member's channel; ``""`` when it has none."""
        answer = self._send(f"uuid_getvar {text_literal(call)} {text_literal(name)}")
        return "" if answer == "_undef_" else answer

    def note(self, call: str, name: str, value: str) -> None:
        """Write a variable of a member's channel."""
        self._send(f"uuid_setvar {text_literal(call)} {text_literal(name)} {text_literal(value)}")

    def exists(self, call: str) -> bool:
        """Whether FreeSWITCH has this call, ringing or answered."""
        return call_exists(self._send, call)

    def contacts(self, extension: str, domain: str) -> str:
        """Where the telephones of an extension are registered, as FreeSWITCH and they wrote it: see `telephones`."""
        return contacts_of(self._send, extension, domain)

    def _files(self, language: str, names: Sequence[str], behind: str) -> str:
        known = language if language in self._prompts.languages else self._prompts.languages[0]
        paths = [PAUSE if name == PAUSE else text_literal(self._prompts.file(known, name)) for name in names]
        paths[:0] = [text_literal(behind)] if behind else []
        return paths[0] if len(paths) == 1 else "file_string://" + "!".join(paths)

    def _tell(self, command: str) -> None:
        self._send(f"conference {self._name} {command}")

    def _send(self, command: str) -> str:
        try:
            return self._api(command)
        except SwitchRefused as error:
            _log.debug("too late for the switch", room=self._name, command=command.split()[0], answer=str(error))
            return ""
