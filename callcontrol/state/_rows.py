"""What is kept about calls out, as values: one class for each table, and the words claims are made with."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import Row


class _Kept:
    """A row of a table whose columns are our fields."""

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """The row as we see it."""
        return cls(**row._mapping)

    def values(self) -> dict[str, Any]:
        """The row as it is written."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


@dataclass(frozen=True)
class Round(_Kept):
    """One calling of a room's participants. Times: UTC epoch seconds.

    ``cause``: schedule, command, key or moderator. ``outcome``: running, over, joined or missed.
    ``ends_at``: given up then at the latest. ``owner`` drives it until ``owner_until``.
    """

    id: str
    tenant: str
    room: str
    cause: str
    due_at: float
    began_at: float
    ends_at: float
    owner: str
    owner_until: float
    outcome: str = "running"
    ended_at: float | None = None

    @property
    def room_name(self) -> str:
        """The conference in FreeSWITCH."""
        return f"{self.tenant}.{self.room}"


@dataclass(frozen=True)
class Invitee(_Kept):
    """Somebody a round calls.

    ``number``: E.164 or an extension. ``language``: of the list, empty when it says none. ``state``: waiting, calling,
    joined, declined, failed or cancelled; ``due_at``: of the next try while waiting. ``reason``: what happened last.
    ``counts_from``: tries up to this number were made before somebody asked to call again.
    """

    place: int
    name: str
    number: str
    moderator: bool = False
    language: str = ""
    state: str = "waiting"
    due_at: float = 0.0
    reason: str = ""
    counts_from: int = 0
    round: str = ""

    @property
    def pending(self) -> bool:
        """Something is still to come."""
        return self.state in ("waiting", "calling")


@dataclass(frozen=True)
class Ticket:
    """One try: the how-manieth (from 1) to reach the invitee at a place of a round."""

    round: str
    place: int
    number: int


@dataclass(frozen=True)
class Try(_Kept):
    """One attempt to reach somebody. ``legs``: uuids of its calls, joined by ``:``. ``result``: empty while open."""

    round: str
    place: int
    number: int
    tenant: str
    switch: str
    legs: str
    outside: bool
    began_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    result: str = ""

    @property
    def ticket(self) -> Ticket:
        """Its primary key."""
        return Ticket(self.round, self.place, self.number)

    @property
    def calls(self) -> tuple[str, ...]:
        """The uuids of its calls; the first is the name of the job that makes them."""
        return tuple(filter(None, self.legs.split(":")))


@dataclass(frozen=True)
class Standing:
    """How it stands with an invitee after a try; ``due_at`` counts while waiting."""

    state: str
    reason: str
    due_at: float = 0.0


@dataclass(frozen=True)
class Limits:
    """Per tenant, over all daemons. ``under_way``: tries at once. ``spacing``: seconds between two new calls.

    ``lines``: outside calls at once, those in rooms counted. ``per_day``: outside calls in any 24 hours.
    """

    under_way: int
    spacing: float
    lines: int
    per_day: int


class Held(StrEnum):
    """Why a try may not be made now."""

    OVER = "the round is over, or another daemon drives it"
    NOT_WAITING = "nobody waits for this try"
    UNDER_WAY = "enough calls are under way"
    SPACING = "a call was made within the last second"
    LINES = "all lines of the tenant are in use"
    PER_DAY = "the tenant's calls of a day are used up"


@dataclass(frozen=True)
class Claim:
    """The answer to a claim: ``held`` says why the try must not be made; ``wait``: seconds after which to ask again."""

    held: Held | None = None
    wait: float = 0.0

    @property
    def granted(self) -> bool:
        """The try is ours to make."""
        return self.held is None


@dataclass(frozen=True)
class Opening:
    """``opened``: the round is new, and ours. ``running``: the id of the round that runs in the room, ours or not.

    Neither opened nor running: this round was opened before, and is over.
    """

    opened: bool
    running: str = ""
