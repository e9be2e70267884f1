"""Words of those who ask for calls out, beyond those the rooms have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcontrol.rooms.calls import Refused


class Why(StrEnum):
    """Why nobody is called: how the reason of a refusal begins, and all of it where there is nothing to add."""

    NO_TENANT = "there is no such tenant"
    NO_ROOM = "there is no such room"
    NOBODY = "the room has nobody to call (dial_out)"
    NOT_CALLABLE = "cannot be called"
    DONE_BEFORE = "this occurrence was called before"
    TOO_LATE = "its time is over"
    UNAVAILABLE = "the state store does not answer"

    def refused(self, detail: str = "") -> Refused:
        """The refusal; ``detail`` is about a number."""
        return Refused(f"{self}: {detail}" if detail else str(self), for_now=self is Why.UNAVAILABLE)


@dataclass(frozen=True)
class Invited:
    """Who answered: for the flow that asks them. ``tries``: this one included.

    ``accepted``: they did, and the daemon that heard it was lost before they were in the room.
    """

    tenant: str
    room: str
    name: str
    number: str
    moderator: bool
    tries: int
    accepted: bool = False

    @property
    def room_name(self) -> str:
        """The conference in FreeSWITCH."""
        return f"{self.tenant}.{self.room}"
