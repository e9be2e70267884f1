"""A timezone as calendars want it: VTIMEZONE (RFC 5545 section 3.6.5), made from the zone's own changes. Pure.

icalendar can make one too, but lists each change up to 2038 and tells those of spring an hour late (7.3.0). Here a
change that comes back each year is one rule; any other is listed for HORIZON years.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard
from icalendar.prop import vRecur

HORIZON = 20
"""Years from the first meeting on whose changes are listed where they follow no rule."""

_DAY = timedelta(days=1)
_STEP = timedelta(days=7)  # no clock changes twice in a week
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of the clock. ``local``: on the clock before it, as RFC 5545 wants it; the rest holds afterwards."""

    local: datetime
    before: timedelta
    after: timedelta
    name: str
    summer: bool


def vtimezone(key: str, first: datetime) -> Timezone:
    """The zone of this name, from the year before ``first`` on."""
    zone = ZoneInfo(key)
    begin = datetime(first.year - 1, 1, 1, tzinfo=UTC)
    changes = list(_changes(zone, begin, begin.replace(year=begin.year + HORIZON + 2)))
    found = Timezone()
    found.add("TZID", key)
    if not changes or changes[0].local.replace(tzinfo=UTC) > first.astimezone(UTC) - _DAY:
        found.add_component(_observance([_as_it_was(zone, begin)]))
    alike = sorted(changes, key=lambda change: (change.before, change.after, change.name))
    for _, group in groupby(alike, key=lambda change: (change.before, change.after, change.name)):
        found.add_component(_observance(sorted(group, key=lambda change: change.local)))
    return found


def _changes(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[_Change]:
    day = begin
    while day < end:
        if _clock(zone, day) != _clock(zone, day + _STEP):
            yield _change_within(zone, day, day + _STEP)
        day += _STEP


def _change_within(zone: ZoneInfo, early: datetime, late: datetime) -> _Change:
    """The change between two moments, found to the second by halving."""
    before = _clock(zone, early)
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=int((late - early).total_seconds()) // 2)
        early, late = (middle, late) if _clock(zone, middle) == before else (early, middle)
    offset, name, summer = _clock(zone, late)
    return _Change((late + before[0]).replace(tzinfo=None), before[0], offset, name, summer)


def _as_it_was(zone: ZoneInfo, moment: datetime) -> _Change:
    offset, name, summer = _clock(zone, moment)
    return _Change(datetime(1970, 1, 1), offset, offset, name, summer)


def _clock(zone: ZoneInfo, moment: datetime) -> tuple[timedelta, str, bool]:
    local = moment.astimezone(zone)
    return local.utcoffset() or timedelta(), local.tzname() or "", bool(local.dst())


def _observance(changes: Sequence[_Change]) -> TimezoneDaylight | TimezoneStandard:
    first = changes[0]
    found = TimezoneDaylight() if first.summer else TimezoneStandard()
    found.add("DTSTART", first.local)
    found.add("TZOFFSETFROM", first.before)
    found.add("TZOFFSETTO", first.after)
    found.add("TZNAME", first.name)
    if rule := _yearly_rule(changes):
        found.add("RRULE", vRecur.from_ical(rule))
    elif len(changes) > 1:
        found.add("RDATE", [change.local for change in changes[1:]])
    return found


def _yearly_rule(changes: Sequence[_Change]) -> str:
    """``FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU`` when the changes come so, each year; else empty."""
    years = [change.local.year for change in changes]
    if len(changes) < HORIZON or years != list(range(years[0], years[0] + len(years))):
        return ""
    for place_of in (_place_from_end, _place_from_start):
        places = {(change.local.month, place_of(change.local), _weekday_and_time(change)) for change in changes}
        month, place, _ = places.pop()
        if not places and place:
            return f"FREQ=YEARLY;BYMONTH={month};BYDAY={place}{_WEEKDAYS[changes[0].local.weekday()]}"
    return ""


def _place_from_start(day: datetime) -> str:
    return str((day.day - 1) // 7 + 1)


def _place_from_end(day: datetime) -> str:
    """Only the last of its weekday in the month has a place; no zone counts backwards further."""
    return "-1" if (day + 7 * _DAY).month != day.month else ""


def _weekday_and_time(change: _Change) -> tuple[int, time]:
    return change.local.weekday(), change.local.time()
