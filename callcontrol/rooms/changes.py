"""What an event changed in a room: said by the registry, to whoever steers the room."""

from __future__ import annotations

from dataclasses import dataclass

from callcontrol.rooms.room import Member


@dataclass(frozen=True)
class Came:
    """Somebody became a member."""

    room: str
    member: Member


@dataclass(frozen=True)
class Left:
    """Somebody is no member any longer."""

    room: str
    member: Member


@dataclass(frozen=True)
class Changed:
    """Something about the room or a member changed: muted, recording, and so on."""

    room: str


@dataclass(frozen=True)
class RecordingBegan:
    """FreeSWITCH opened the file of a recording, or ``works`` is False: it could not."""

    room: str
    path: str
    works: bool


@dataclass(frozen=True)
class RecordingEnded:
    """FreeSWITCH writes no longer to this file: it was told to stop, or it could not."""

    room: str
    path: str


Change = Came | Left | Changed | RecordingBegan | RecordingEnded
