"""What rounds are asked and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why a round was begun."""

    SCHEDULE = "schedule"
    COMMAND = "command"
    KEY = "key"
    MODERATOR = "moderator"


class Why(StrEnum):
    """Why nobody is called."""

    NO_TENANT = "there is no such tenant"
    NO_ROOM = "there is no such room"
    NOBODY = "the room has nobody to call (dial_out)"
    ALL_REACHED = "all have been reached"
    NOT_CALLABLE = "cannot be called"
    DONE_BEFORE = "this occurrence was called before"
    TOO_LATE = "its time is over"
    UNAVAILABLE = "the state store does not answer"


@dataclass(frozen=True)
class Refused:
    """Nobody is called. ``detail``: which number, and what is wrong with it."""

    why: Why
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.detail}: {self.why}" if self.detail else str(self.why)


@dataclass(frozen=True)
class Begun:
    """A round runs. ``called``: how many people are going to be called; ``joined``: it ran already."""

    round: str
    called: int
    joined: bool = False


@dataclass(frozen=True)
class InviteeReport:
    """How it stands with somebody. ``state``: waiting, calling, joined, declined, failed or cancelled.

    ``reason``: the last result in words, ``""`` before the first. ``due_at``: of the next try while waiting, epoch
    seconds.
    """

    name: str
    number: str
    moderator: bool
    state: str
    reason: str
    tries: int
    due_at: float | None


@dataclass(frozen=True)
class Invited:
    """Who answered: for the flow that asks them. ``room_name``: TENANT.ROOM. ``tries``: this one included."""

    tenant: str
    room: str
    name: str
    number: str
    moderator: bool
    tries: int

    @property
    def room_name(self) -> str:
        """The conference in FreeSWITCH."""
        return f"{self.tenant}.{self.room}"
