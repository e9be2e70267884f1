"""On which days recurrence rules fall: against a library of another making, and against counting days by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from callcontrol.tenants.calendar import RuleDays
from callcontrol.tenants.recurrence import check_rule

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LEAP_DAY = date(2028, 2, 29)

starts = st.one_of(st.just(LEAP_DAY), st.dates(date(2016, 1, 1), date(2032, 12, 31)))
weekdays = st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4, unique=True)
month_days = st.lists(st.integers(-31, 31).filter(bool), min_size=1, max_size=3, unique=True)
months = st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True)


def joined(values: list[object]) -> str:
    return ",".join(map(str, values))


@st.composite
def rules(draw: Callable[..., object]) -> str:
    """Rules of every frequency, with filters that may let nothing through."""
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}"]
    filters: list[str] = []
    if draw(st.booleans()):
        filters.append(f"BYMONTH={joined(draw(months))}")
    if draw(st.booleans()):
        ordinals = 5 if filters else {"MONTHLY": 5, "YEARLY": 53}.get(frequency, 0)
        if frequency in ("MONTHLY", "YEARLY") and draw(st.booleans()):
            number = draw(st.integers(1 - ordinals, ordinals).filter(bool))  # rrule refuses -5 and -53
            filters.append(f"BYDAY={number}{draw(st.sampled_from(WEEKDAYS))}")
        else:
            filters.append(f"BYDAY={joined(draw(weekdays))}")
    if frequency != "WEEKLY" and draw(st.booleans()):
        filters.append(f"BYMONTHDAY={joined(draw(month_days))}")
    if frequency == "YEARLY" and not filters and draw(st.booleans()):
        filters.append(f"BYYEARDAY={joined(draw(st.lists(st.integers(1, 366), min_size=1, max_size=3)))}")
    parts += filters
    if filters and frequency in ("MONTHLY", "YEARLY") and draw(st.integers(0, 3)) == 0:
        parts.append(f"BYSETPOS={draw(st.sampled_from([1, 2, -1, -2]))}")
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.integers(1, 5))}")
    if draw(st.integers(0, 3)) == 0:
        parts.append(f"COUNT={draw(st.integers(1, 20))}")
    if draw(st.integers(0, 3)) == 0:
        parts.append(f"WKST={draw(st.sampled_from(WEEKDAYS))}")
    return ";".join(parts)


@given(rules(), starts, st.integers(0, 3000))
@settings(max_examples=400, deadline=None)
def test_days_are_those_another_library_finds(rule: str, start: date, skipped: int) -> None:
    """rrule is a binding of the Rust library rrule; it knows neither python-dateutil nor Python's calendar."""
    rrule = pytest.importorskip("rrule", reason="there is no wheel of rrule-fork for this Python or machine")
    assert check_rule(rule) == ""
    first, last = start + timedelta(days=skipped), start + timedelta(days=skipped + 1500)
    zone = ZoneInfo("UTC")
    theirs = rrule.build_rruleset(datetime(start.year, start.month, start.day, 12, tzinfo=zone), [f"RRULE:{rule}"])
    found = theirs.between(
        datetime.combine(first, datetime.min.time(), zone),
        datetime(last.year, last.month, last.day, 23, tzinfo=zone),
        5000,
    )
    assert list(RuleDays(rule, start).days(first, last)) == [moment.date() for moment in found]


# Counted by hand


def months_between(start: date, day: date) -> int:
    return (day.year - start.year) * 12 + day.month - start.month


def weeks_between(start: date, day: date, begins: int) -> int:
    monday = [each - timedelta(days=(each.weekday() - begins) % 7) for each in (start, day)]
    return (monday[1] - monday[0]).days // 7


def ordinals_of(day: date) -> set[str]:
    """1FR, -1FR: which of its weekdays a day is in its month."""
    name = WEEKDAYS[day.weekday()]
    length = ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day
    return {name, f"{(day.day - 1) // 7 + 1}{name}", f"{-((length - day.day) // 7 + 1)}{name}"}


def month_days_of(day: date) -> set[int]:
    length = ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day
    return {day.day, day.day - length - 1}


def by_hand(start: date, days: int, wanted: Callable[[date], bool]) -> list[date]:
    every = (start + timedelta(days=number) for number in range(days))
    return [day for day in every if wanted(day)]


@given(starts, weekdays, st.integers(1, 4), st.sampled_from(range(7)))
@settings(deadline=None)
def test_weekly_rules_counted_by_hand(start: date, chosen: list[str], interval: int, begins: int) -> None:
    rule = f"FREQ=WEEKLY;INTERVAL={interval};BYDAY={joined(chosen)};WKST={WEEKDAYS[begins]}"
    expected = by_hand(
        start,
        800,
        lambda day: WEEKDAYS[day.weekday()] in chosen and weeks_between(start, day, begins) % interval == 0,
    )
    assert list(RuleDays(rule, start).days(start, start + timedelta(days=799))) == expected


@given(starts, st.integers(-5, 5).filter(bool), st.sampled_from(WEEKDAYS), st.integers(1, 3))
@settings(deadline=None)
def test_the_nth_weekday_of_a_month_counted_by_hand(start: date, number: int, weekday: str, interval: int) -> None:
    rule = f"FREQ=MONTHLY;INTERVAL={interval};BYDAY={number}{weekday}"
    expected = by_hand(
        start,
        1500,
        lambda day: f"{number}{weekday}" in ordinals_of(day) and months_between(start, day) % interval == 0,
    )
    assert list(RuleDays(rule, start).days(start, start + timedelta(days=1499))) == expected


@given(starts, month_days, weekdays)
@settings(deadline=None)
def test_days_of_a_month_counted_by_hand(start: date, numbers: list[int], chosen: list[str]) -> None:
    rule = f"FREQ=MONTHLY;BYMONTHDAY={joined(numbers)};BYDAY={joined(chosen)}"
    expected = by_hand(
        start, 1500, lambda day: bool(month_days_of(day) & set(numbers)) and WEEKDAYS[day.weekday()] in chosen
    )
    assert list(RuleDays(rule, start).days(start, start + timedelta(days=1499))) == expected


@given(starts, weekdays, st.sampled_from([1, 2, -1]), st.sampled_from(range(7)))
@settings(deadline=None)
def test_positions_in_a_week_count_from_its_first_day_even_in_the_week_of_the_start(
    start: date, chosen: list[str], position: int, begins: int
) -> None:
    rule = f"FREQ=WEEKLY;BYDAY={joined(chosen)};BYSETPOS={position};WKST={WEEKDAYS[begins]}"
    order = sorted((WEEKDAYS.index(name) - begins) % 7 for name in chosen)
    place = position - 1 if position > 0 else len(order) + position
    wanted = order[place] if 0 <= place < len(order) else None
    expected = by_hand(start, 400, lambda day: (day.weekday() - begins) % 7 == wanted)
    assert list(RuleDays(rule, start).days(start, start + timedelta(days=399))) == expected


# Examples people know


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        ("FREQ=MONTHLY", "2026-01-31", ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31"]),
        ("FREQ=YEARLY", "2028-02-29", ["2028-02-29", "2032-02-29", "2036-02-29", "2040-02-29"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "2026-01-01",
            ["2026-01-30", "2026-02-27", "2026-03-31", "2026-04-30"],
        ),
        ("FREQ=YEARLY;BYWEEKNO=1", "2026-01-01", ["2026-01-01", "2027-01-07", "2028-01-06", "2029-01-04"]),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997-05-12", ["1997-05-12", "1998-05-11", "1999-05-17", "2000-05-15"]),
        ("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", ["1997-05-19", "1998-05-18", "1999-05-17", "2000-05-15"]),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-28", ["2026-11-30", "2026-12-01", "2026-12-02", "2026-12-03"]),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=3", "2026-11-28", ["2026-11-28", "2026-12-12", "2026-12-26"]),
    ],
)
def test_known_rules(rule: str, start: str, expected: list[str]) -> None:
    days = RuleDays(rule, date.fromisoformat(start)).days(date(1990, 1, 1), date(2060, 1, 1))
    assert [day.isoformat() for day, _ in zip(days, range(4), strict=False)] == expected


@pytest.fixture
def years(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The years dateutil is asked for: what a rule costs."""
    asked: list[int] = []
    really = rrule.rrule

    def counted(frequency: int, *, dtstart: datetime, **more: object) -> rrule.rrule:
        asked.append(dtstart.year)
        return really(frequency, dtstart=dtstart, **more)

    monkeypatch.setattr(rrule, "rrule", counted)
    return asked


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=9",
    ],
)
def test_a_rule_that_never_matches_is_not_followed_for_ever(years: list[int], rule: str) -> None:
    assert list(RuleDays(rule, date(2026, 12, 1)).days(date(2026, 12, 1), date(2126, 12, 1))) == []
    assert 100 <= len(years) == len(set(years)) <= 102


def test_a_rule_that_began_ten_years_ago_is_not_followed_from_its_start(years: list[int]) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC).date()
    rule = RuleDays("FREQ=DAILY", date(2016, 11, 22))
    assert next(rule.days(now, date(2100, 1, 1))) == now
    assert years == [2026]
