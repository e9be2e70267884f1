"""When the times of a schedule are: wall-clock times of the tenant's timezone, as moments. Pure.

A time that the clock skips in spring happens at the offset before the change (02:30 is then 03:30 of summer), one that
comes twice in autumn is the first of the two (RFC 5545 section 3.3.5). A day that does not exist (the 31st, 29
February) is left out, not moved (section 3.3.10).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from callcontrol.tenants.calendar import HORIZON_YEARS, RuleDays, rule_parts
from callcontrol.tenants.schedule import Repeat, Schedule

EARLY = timedelta(minutes=15)
"""How long before the start people may come in."""

_RULES = {
    Repeat.NONE: "FREQ=DAILY;COUNT=1",
    Repeat.DAILY: "FREQ=DAILY",
    Repeat.WEEKDAYS: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    Repeat.WEEKLY: "FREQ=WEEKLY",
    Repeat.MONTHLY: "FREQ=MONTHLY",
}
_DAY = timedelta(days=1)
_MARGIN = timedelta(days=3)  # more than any two clocks of the world, or a clock and its summer time, differ


@dataclass(frozen=True, slots=True)
class Window:
    """One time of a schedule: when it starts, and from when to when (both included) the room is open for it."""

    start: datetime
    opens: datetime
    closes: datetime


def rule_of(schedule: Schedule) -> str:
    """How the schedule repeats, as a recurrence rule of RFC 5545 (``FREQ=WEEKLY``). ``until`` is not part of it."""
    return schedule.rule.removeprefix("RRULE:") if schedule.rule else _RULES[schedule.repeat]


def occurrences(schedule: Schedule, timezone: str, after: datetime, before: datetime) -> Iterator[datetime]:
    """The starts later than ``after``, up to and including ``before``, in order, in the tenant's timezone.

    after, before: any aware moments. What is found is looked for year by year, so stopping early costs nothing.
    """
    zone, at, rule = ZoneInfo(timezone), schedule.start.time(), rule_of(schedule)
    until = rule_parts(rule).get("UNTIL", "")
    after, before = after.astimezone(UTC), before.astimezone(UTC)  # two times of one zone compare as clocks do
    first, last = (after - _MARGIN).date(), (before + _MARGIN).date()
    previous: datetime | None = None
    for day in RuleDays(rule, schedule.start.date()).days(first, min(last, schedule.until or last)):
        wall = datetime.combine(day, at, zone)
        start = wall.astimezone(UTC).astimezone(zone)  # a clock that exists
        if start > before or _beyond(until, wall):
            return
        if start > after and start != previous:  # the clock may skip a whole day: two days, one moment
            yield start
        previous = start


def next_occurrence(schedule: Schedule, timezone: str, after: datetime) -> datetime | None:
    """The first start later than ``after``; None when there is none within 100 years."""
    begins = max(after, schedule.start.replace(tzinfo=UTC))
    return next(occurrences(schedule, timezone, after, begins + _DAY * 365 * HORIZON_YEARS), None)


def never(schedule: Schedule, timezone: str) -> bool:
    """Whether the schedule has no time at all (none within 100 years of its start)."""
    if schedule.rule is None and schedule.until is None:
        return False
    return next_occurrence(schedule, timezone, schedule.start.replace(tzinfo=UTC) - _MARGIN) is None


def window_at(schedule: Schedule, timezone: str, moment: datetime) -> Window | None:
    """The time of the schedule that the room is open for at ``moment``; None when it is closed.

    Where two overlap it is the one that began last; the next one only where none runs.
    """
    moment, lasts = moment.astimezone(UTC), timedelta(minutes=schedule.duration)
    just_before = moment - lasts - timedelta.resolution
    starts = list(occurrences(schedule, timezone, just_before, moment + EARLY))
    begun = [start for start in starts if start <= moment]
    if not starts:
        return None
    start = begun[-1] if begun else starts[0]
    return Window(start, _shifted(start, -EARLY), _shifted(start, lasts))


def _shifted(moment: datetime, by: timedelta) -> datetime:
    """``by`` later in real time: adding to a wall clock would be an hour off where its offset changes."""
    return (moment.astimezone(UTC) + by).astimezone(moment.tzinfo)


def _beyond(until: str, wall: datetime) -> bool:
    """Whether a time is later than a rule's UNTIL: a moment with Z, else of the tenant's clock; a date is all day."""
    if until.endswith("Z"):
        return wall.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ") > until
    return wall.strftime("%Y%m%dT%H%M%S")[: len(until)] > until
