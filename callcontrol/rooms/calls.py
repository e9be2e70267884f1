"""Calls to a room's participants as the room sees them: it asks for them and tells of them; `dialout` makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Cause(StrEnum):
    """Why a round of calls began."""

    SCHEDULE = "schedule"
    COMMAND = "command"
    KEY = "key"
    MODERATOR = "moderator"


class InviteeState(StrEnum):
    """How far it is with somebody a round calls. The first two go on; the others are the end of it."""

    WAITING = "waiting"
    CALLING = "calling"
    JOINED = "joined"
    DECLINED = "declined"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def goes_on(self) -> bool:
        """Whether there is, or will be, a call to them."""
        return self in (InviteeState.WAITING, InviteeState.CALLING)


@dataclass(frozen=True)
class InviteeReport:
    """Somebody a round calls. ``reason``: of the last try's end, ``""`` for none; ``due_at``: epoch seconds of the next
    try of one who waits for it."""

    name: str
    number: str
    state: InviteeState
    reason: str
    tries: int
    due_at: float


@dataclass(frozen=True)
class Begun:
    """``called``: by this round from now on; ``refused``: never. Both may be empty: all reached."""

    round_id: str
    called: tuple[InviteeReport, ...]
    refused: tuple[InviteeReport, ...]


@dataclass(frozen=True)
class Refused:
    """Nobody is called; ``reason`` is for people. ``for_now``: it may be different when asked again in a while."""

    reason: str
    for_now: bool = False


class Calls(Protocol):
    """Whoever calls participants. ``room_name`` is TENANT.ROOM. `begin` may take a second, nothing else waits."""

    def begin(
        self, tenant: str, room: str, cause: Cause, *, round_id: str = "", numbers: Sequence[str] = ()
    ) -> Begun | Refused:
        """Call the room's participants, or ``numbers`` as typed; of a round that runs, those not reached yet.

        ``round_id``: of something that is called once, whoever asks how often.
        """

    def cancel(self, room_name: str, reason: str) -> None:
        """The room is over: nobody is called for it any more."""

    def report(self, room_name: str) -> tuple[InviteeReport, ...]:
        """Everybody of the round that runs, or ran within the last ten minutes; else nobody."""

    def reports(self) -> Mapping[str, tuple[InviteeReport, ...]]:
        """The same for all rooms that have something to report, by name."""
