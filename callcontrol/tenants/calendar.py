"""On which days a recurrence rule falls. Pure; python-dateutil knows the calendar, this module keeps its work bounded.

dateutil would look for a rule's next day until the year 9999 and from its first day on. So it is asked year by year
which days the rule's filters let through, and what RFC 5545 section 3.3.10 says of INTERVAL, BYSETPOS and COUNT is done
here, period by period. A rule has no part finer than a day (``recurrence.check_rule``), so days are all there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby, islice
from typing import Any

from dateutil import rrule

HORIZON_YEARS = 100
"""How far ahead a rule is followed; a rule without a day in so many years counts as one that never comes."""

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_ONE_YEAR = 9999  # an INTERVAL that makes dateutil stop after the year it began with
_CHOICES = ("BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY")


@dataclass(frozen=True, slots=True)
class RuleDays:
    """A recurrence rule and the day it begins with; that day is one of its days only when the rule says so.

    rule: one that ``recurrence.check_rule`` accepts. Its UNTIL is not looked at: it is a moment, not a day.
    """

    rule: str
    start: date

    def days(self, first: date, last: date) -> Iterator[date]:
        """The rule's days from ``first`` to ``last``, both included, in order."""
        parts = rule_parts(self.rule)
        count = parts.get("COUNT")
        if count is None:
            found = self._uncounted(parts, max(first, self.start), last)
        else:
            found = islice(self._uncounted(parts, self.start, last), int(count))
        return (day for day in found if day >= first)

    def _uncounted(self, parts: Mapping[str, str], first: date, last: date) -> Iterator[date]:
        interval = int(parts.get("INTERVAL", "1"))
        positions = _numbers(parts.get("BYSETPOS", ""))
        period_of = _PERIODS[parts["FREQ"]]
        week_begins = _WEEKDAYS.index(parts.get("WKST", "MO"))
        origin = period_of(self.start, week_begins)
        allowed = self._allowed(parts, _earlier(first), last)
        for period, members in groupby(allowed, key=lambda day: period_of(day, week_begins)):
            days = list(members)
            if days[0] > last:
                return
            if (period - origin) % interval == 0:
                yield from (day for day in _at(days, positions) if first <= day <= last)

    def _allowed(self, parts: Mapping[str, str], first: date, last: date) -> Iterator[date]:
        """Days of whole years that pass the rule's filters, whatever INTERVAL, BYSETPOS and COUNT say."""
        filters = self._filters(parts)
        every = int(parts.get("INTERVAL", "1")) if parts["FREQ"] == "YEARLY" else 1
        for year in range(first.year, last.year + 2):  # the week of `last` may end in the next year
            if (year - self.start.year) % every == 0:
                new_year = datetime(year, 1, 1)
                found = rrule.rrule(rrule.YEARLY, dtstart=new_year, interval=_ONE_YEAR, **filters)
                yield from (moment.date() for moment in found)

    def _filters(self, parts: Mapping[str, str]) -> dict[str, Any]:
        """The BY parts, with what the rule leaves open taken from its first day, as the RFC has it."""
        asked = {name: parts[name] for name in ("BYMONTH", *_CHOICES) if name in parts}
        frequency, chosen = parts["FREQ"], any(name in parts for name in _CHOICES)
        if frequency == "DAILY":
            asked.setdefault("BYDAY", ",".join(_WEEKDAYS))
        elif frequency == "WEEKLY" or (chosen and not asked.keys() & {"BYYEARDAY", "BYMONTHDAY"}):
            asked.setdefault("BYDAY", _WEEKDAYS[self.start.weekday()])
        elif not chosen:
            asked["BYMONTHDAY"] = str(self.start.day)
            if frequency == "YEARLY":
                asked.setdefault("BYMONTH", str(self.start.month))
        if frequency == "MONTHLY":  # makes 1FR the first Friday of a month, not of the year
            asked.setdefault("BYMONTH", ",".join(map(str, range(1, 13))))
        return {
            name.lower().replace("byday", "byweekday"): _weekdays(value) if name == "BYDAY" else _numbers(value)
            for name, value in asked.items()
        }


def rule_parts(rule: str) -> dict[str, str]:
    """The parts of an accepted rule, in capital letters."""
    return dict(part.split("=", 1) for part in rule.upper().removeprefix("RRULE:").split(";"))


def _earlier(day: date) -> date:
    """A week earlier: the whole week of ``day`` is needed to count positions in it."""
    return date.fromordinal(max(day.toordinal() - 7, 1))


def _day(day: date, _week_begins: int) -> int:
    return day.toordinal()


def _week(day: date, week_begins: int) -> int:
    return (day.toordinal() - 1 - week_begins) // 7  # day 1 of the calendar was a Monday


def _month(day: date, _week_begins: int) -> int:
    return day.year * 12 + day.month


def _year(day: date, _week_begins: int) -> int:
    return day.year


_PERIODS = {"DAILY": _day, "WEEKLY": _week, "MONTHLY": _month, "YEARLY": _year}


def _at(days: list[date], positions: list[int]) -> list[date]:
    """The days at these positions of a period, counted from 1, or from its end when negative."""
    if not positions:
        return days
    places = {position - 1 if position > 0 else len(days) + position for position in positions}
    return [day for place, day in enumerate(days) if place in places]


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _weekdays(text: str) -> list[rrule.weekday]:
    return [rrule.weekday(_WEEKDAYS.index(day[-2:]), int(day[:-2]) if day[:-2] else None) for day in text.split(",")]
