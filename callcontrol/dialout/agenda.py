"""When which room calls its participants because of its schedule, and what to do with a time that has come. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from callcontrol.tenants import Schedule, Tenants
from callcontrol.tenants.occurrences import next_occurrence, occurrences

MADE_UP = timedelta(minutes=10)
"""How long after its start an occurrence is still called, as when a daemon was being restarted."""

REPORTED = timedelta(days=7)
"""How far back missed occurrences are reported after all daemons were down."""


@dataclass(frozen=True)
class Calling:
    """A room that calls its participants at the times of its schedule."""

    tenant: str
    room: str
    timezone: str
    schedule: Schedule

    @property
    def room_name(self) -> str:
        """The conference in FreeSWITCH."""
        return f"{self.tenant}.{self.room}"

    def due(self, after: datetime, until: datetime) -> Iterator[Occurrence]:
        """The occurrences after ``after`` up to and including ``until``."""
        for start in occurrences(self.schedule, self.timezone, after, until):
            yield Occurrence(self, start)

    def next_due(self, after: datetime) -> datetime | None:
        """The first start after that; None when there is none within 100 years."""
        return next_occurrence(self.schedule, self.timezone, after)


@dataclass(frozen=True)
class Occurrence:
    """One time of a schedule. ``start``: aware, by the tenant's clock."""

    calling: Calling
    start: datetime

    @property
    def id(self) -> str:
        """The same for all daemons, before and after a restart: ``acme.board@2026-12-01T10:00:00+01:00``."""
        return f"{self.calling.room_name}@{self.start.isoformat()}"


class Do(Enum):
    """What an occurrence that is due needs."""

    CALL = auto()
    REPORT = auto()


def calling_rooms(tenants: Tenants) -> dict[str, Calling]:
    """The rooms that call at the times of a schedule, by name."""
    found = [
        Calling(tenant.id, room.name, tenant.timezone, room.schedule)
        for tenant in tenants.by_id.values()
        for room in tenant.rooms.values()
        if room.schedule is not None and room.schedule.dial_out
    ]
    return {calling.room_name: calling for calling in found}


def looks_back_to(attended: datetime | None, now: datetime) -> datetime:
    """From when on the occurrences of a schedule that is new to this daemon are looked at.

    attended: up to when some daemon was awake and dealt with all that was due; None when nobody ever was.
    """
    made_up = now - MADE_UP
    return made_up if attended is None else max(min(attended, made_up), now - REPORTED)


def judged(occurrence: Occurrence, now: datetime) -> Do:
    """Late is called, too late is reported."""
    return Do.CALL if now - occurrence.start.astimezone(UTC) <= MADE_UP else Do.REPORT
