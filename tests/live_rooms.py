"""Live rooms for tests: a real registry filled by events, and rooms that obey, without a switch behind them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from callcontrol.prompts import PromptBook
from callcontrol.rooms.api import RoomsApi
from callcontrol.rooms.calls import Begun, Cause, InviteeReport, InviteeState, Refused
from callcontrol.rooms.commands import RoomCommands
from callcontrol.rooms.conduct import Conduct
from callcontrol.rooms.registry import RoomRegistry
from callcontrol.rooms.steward import NoSuchRoom
from callcontrol.switch.events import Event
from callcontrol.tenants import Room
from tests.tenant_files import tenant

PROMPTS = PromptBook(Path(__file__).parent.parent / "prompts")
RULES = 'rooms: {board: {access: pin, pin: "4821", moderator_pin: "9137", record: moderator}}\n'
BOARD = "acme.board"
#: The clocks of these tests: the registry's, and the epoch second at the same moment.
NOW, EPOCH = 1000.0, 1_795_000_000.0

T = TypeVar("T")


def invitee(name: str, state: str, reason: str = "", *, due_in: float = 0.0, tries: int = 1) -> InviteeReport:
    """Somebody who is called; the number is made of the name."""
    number = f"+49305550{len(name)}{ord(name[0]):03}"
    return InviteeReport(name, number, InviteeState(state), reason, tries, EPOCH + due_in)


class CallsOut:
    """Calls to participants as dialout makes them. ``asked`` and ``cancelled``: what it was told to do."""

    def __init__(self) -> None:
        self.answer: Begun | Refused = Begun("acme.board@key-1", (), ())
        self.people: dict[str, tuple[InviteeReport, ...]] = {}
        self.asked: list[tuple[str, Cause, str, tuple[str, ...]]] = []
        self.cancelled: list[str] = []

    def begin(
        self, tenant: str, room: str, cause: Cause, *, round_id: str = "", numbers: Sequence[str] = ()
    ) -> Begun | Refused:
        self.asked.append((f"{tenant}.{room}", cause, round_id, tuple(numbers)))
        return self.answer

    def cancel(self, room_name: str, reason: str) -> None:
        self.cancelled.append(room_name)

    def report(self, room_name: str) -> tuple[InviteeReport, ...]:
        return self.people.get(room_name, ())

    def reports(self) -> Mapping[str, tuple[InviteeReport, ...]]:
        return self.people


class LiveRooms:
    """Rooms of the tenant acme. ``commands``: what FreeSWITCH was told; ``calls``: who calls participants."""

    def __init__(self, rules: str = RULES) -> None:
        self.rules: Room = tenant(rules).rooms["board"]
        self.registry = RoomRegistry(lambda: NOW)
        self.commands: list[str] = []
        self.calls = CallsOut()
        self.api = RoomsApi(self.registry, self.calls, self, clock=lambda: NOW, epoch=lambda: EPOCH)
        self._people = 0

    def comes(self, number: str, room: str = BOARD, *, moderator: bool = False) -> int:
        """Somebody becomes a member; the member's id."""
        self._people += 1
        self._event(
            room,
            "add-member",
            **{
                "Unique-ID": f"call-{self._people}",
                "Member-ID": str(self._people),
                "Caller-Caller-ID-Number": number,
                "Member-Type": "moderator" if moderator else "member",
                "Speak": "true",
            },
        )
        if moderator:
            self.conduct(room).change(moderated=True)
        return self._people

    def conduct(self, room: str = BOARD) -> Conduct:
        """The controls of a room, as its actor has them."""
        return Conduct(
            room,
            self.registry,
            rules=lambda: self.rules,
            commands=RoomCommands(room, self._obey, PROMPTS),
            lobby=RoomCommands(f"{room}.lobby", self._obey, PROMPTS),
            now=lambda: EPOCH,
            recording_path=lambda name: f"/recordings/{name}.wav",
        )

    def submit(self, name: str, action: Callable[[Conduct], T]) -> T:
        """A steward that does at once what is asked."""
        if self.registry.room(name) is None and self.registry.room(f"{name}.lobby") is None:
            raise NoSuchRoom(name)
        return action(self.conduct(name))

    def told(self) -> list[str]:
        """What FreeSWITCH was told since the last look, prompts by their names, without what it has to remember."""
        told = [" ".join(map(_named, command.split())) for command in self.commands if " setvar " not in command]
        self.commands.clear()
        return told

    def _obey(self, command: str) -> str:
        self.commands.append(command)
        words = command.split()
        if words[0] == "conference" and words[2] in ("mute", "unmute"):
            member = self.conduct(words[1]).room.member(int(words[3]))
            assert member is not None
            self._event(words[1], f"{words[2]}-member", **{"Unique-ID": member.call})
        return "+OK"

    def _event(self, room: str, action: str, **headers: str) -> None:
        fields = {"Event-Name": "CUSTOM", "Conference-Name": room, "Action": action, **headers}
        self.registry.apply("local", Event(json.dumps(fields).encode()))


def _named(word: str) -> str:
    found = PROMPTS.identify(word)
    return found[1] if found else word
