"""When a scheduled room is open: clocks that change, months without a 31st, the last day, early comers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcontrol.tenants import Repeat, Schedule
from callcontrol.tenants.occurrences import next_occurrence, occurrences, rule_of, window_at
from tests.tenant_files import problems, tenant

BERLIN, NEW_YORK, SYDNEY, KOLKATA = "Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata"
LONG_AGO, FAR = datetime(1999, 1, 1, tzinfo=UTC), datetime(2098, 1, 1, tzinfo=UTC)


def schedule(start: str, **keys: object) -> Schedule:
    return Schedule.model_validate({"start": start, **keys})


def local(text: str, zone: str = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def starts(of: Schedule, zone: str = BERLIN, *, first: datetime = LONG_AGO, number: int = 4) -> list[str]:
    return [start.isoformat() for start, _ in zip(occurrences(of, zone, first, FAR), range(number), strict=False)]


# Repeating


@pytest.mark.parametrize(
    ("repeat", "start", "expected"),
    [
        ("none", "2026-12-01 10:00", ["12-01"]),
        ("daily", "2026-12-01 10:00", ["12-01", "12-02", "12-03", "12-04"]),
        ("weekdays", "2026-12-04 10:00", ["12-04", "12-07", "12-08", "12-09"]),
        ("weekdays", "2026-12-05 10:00", ["12-07", "12-08", "12-09", "12-10"]),
        ("weekly", "2026-12-01 10:00", ["12-01", "12-08", "12-15", "12-22"]),
        ("monthly", "2026-01-31 10:00", ["01-31", "03-31", "05-31", "07-31"]),
        ("monthly", "2026-01-30 10:00", ["01-30", "03-30", "04-30", "05-30"]),
    ],
)
def test_a_schedule_repeats_as_its_words_say(repeat: str, start: str, expected: list[str]) -> None:
    assert [text[5:10] for text in starts(schedule(start, repeat=repeat))] == expected


def test_the_last_day_counts_and_is_a_day_of_the_tenant() -> None:
    late = schedule("2026-12-01 23:30", repeat="daily", until="2026-12-03")
    assert [text[:16] for text in starts(late, NEW_YORK)] == [
        "2026-12-01T23:30",
        "2026-12-02T23:30",
        "2026-12-03T23:30",
    ]


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20261203", "2026-12-03"),
        ("20261203T090000Z", "2026-12-03"),  # 10:00 in Berlin
        ("20261203T085959Z", "2026-12-02"),
        ("20261203T100000", "2026-12-03"),
        ("20261203T095959", "2026-12-02"),
        ("29991231T235959Z", "2026-12-04"),
    ],
)
def test_the_end_of_a_rule_is_a_moment_a_time_of_the_clock_or_a_whole_day(until: str, last: str) -> None:
    ends = schedule("2026-12-01 10:00", rule=f"FREQ=DAILY;UNTIL={until}")
    assert starts(ends)[-1][:10] == last


def test_of_until_and_the_end_of_the_rule_the_earlier_counts() -> None:
    counted = schedule("2026-12-01 10:00", rule="FREQ=DAILY;COUNT=3", until="2026-12-02")
    assert len(starts(counted)) == 2
    assert len(starts(schedule("2026-12-01 10:00", rule="FREQ=DAILY;COUNT=3", until="2026-12-31"))) == 3


def test_a_counted_rule_is_counted_from_its_start_whenever_it_is_asked() -> None:
    counted = schedule("2026-12-01 10:00", rule="FREQ=DAILY;COUNT=3")
    assert starts(counted, first=local("2026-12-02 12:00")) == ["2026-12-03T10:00:00+01:00"]


# Clocks that change


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        (BERLIN, "2026-03-28 02:30", ["2026-03-28T02:30:00+01:00", "2026-03-29T03:30:00+02:00"]),
        (BERLIN, "2026-03-28 10:00", ["2026-03-28T10:00:00+01:00", "2026-03-29T10:00:00+02:00"]),
        (BERLIN, "2026-10-24 02:30", ["2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00"]),
        (NEW_YORK, "2026-03-07 02:30", ["2026-03-07T02:30:00-05:00", "2026-03-08T03:30:00-04:00"]),
        (NEW_YORK, "2026-10-31 01:30", ["2026-10-31T01:30:00-04:00", "2026-11-01T01:30:00-04:00"]),
        (SYDNEY, "2026-10-03 02:30", ["2026-10-03T02:30:00+10:00", "2026-10-04T03:30:00+11:00"]),
        (SYDNEY, "2026-04-04 02:30", ["2026-04-04T02:30:00+11:00", "2026-04-05T02:30:00+11:00"]),
        (KOLKATA, "2026-03-28 02:30", ["2026-03-28T02:30:00+05:30", "2026-03-29T02:30:00+05:30"]),
    ],
)
def test_a_daily_time_at_the_change_of_the_clock(zone: str, start: str, expected: list[str]) -> None:
    assert starts(schedule(start, repeat="daily"), zone, number=2) == expected


def test_a_day_that_the_clock_skipped_is_no_second_conference() -> None:
    """Samoa had no 30 December 2011."""
    samoa = starts(schedule("2011-12-29 10:00", repeat="daily"), "Pacific/Apia", number=3)
    assert samoa == ["2011-12-29T10:00:00-10:00", "2011-12-31T10:00:00+14:00", "2012-01-01T10:00:00+14:00"]


zones = st.sampled_from([BERLIN, NEW_YORK, SYDNEY, KOLKATA, "UTC"])
moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(lambda moment: moment.replace(second=0))
rules = st.sampled_from(
    [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,WE;WKST=SU",
        "FREQ=MONTHLY",
        "FREQ=MONTHLY;BYDAY=-1SU",
        "FREQ=MONTHLY;BYDAY=2SU",
        "FREQ=YEARLY",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=DAILY;BYMONTH=3,4,10,11;COUNT=90",
        "FREQ=DAILY;UNTIL=20310301T013000Z",
    ]
)


@given(rules, moments, st.sampled_from([(0, 30), (1, 30), (2, 0), (2, 30), (3, 0), (10, 0)]), zones)
@settings(max_examples=200, deadline=None)
def test_moments_are_those_another_library_finds(
    rule: str, day: datetime, clock: tuple[int, int], timezone: str
) -> None:
    """rrule is a binding of the Rust library rrule, with its own calendar and its own database of time zones."""
    rrule = pytest.importorskip("rrule", reason="there is no wheel of rrule-fork for this Python or machine")
    begins = datetime(day.year, day.month, day.day, *clock)
    zone = ZoneInfo(timezone)
    if begins.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != begins:
        return  # its first time must exist
    first, last = begins.replace(tzinfo=UTC) + timedelta(days=40), begins.replace(tzinfo=UTC) + timedelta(days=1300)
    theirs = rrule.build_rruleset(begins.replace(tzinfo=zone), [f"RRULE:{rule}"])
    expected = [
        moment.astimezone(UTC) for moment in theirs.between(first.astimezone(zone), last.astimezone(zone), 5000)
    ]
    found = occurrences(Schedule(start=begins, rule=rule), timezone, first, last)
    assert [moment.astimezone(UTC) for moment in found] == [moment for moment in expected if moment > first]


@given(st.sampled_from(Repeat), moments, zones, st.integers(5, 1440), st.integers(-20000, 200000), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_room_is_open_exactly_from_a_quarter_of_an_hour_before_until_its_end(
    repeat: Repeat, begins: datetime, timezone: str, duration: int, minutes: int, by_rule: bool
) -> None:
    begins = begins.replace(microsecond=0)
    moment = begins.replace(tzinfo=UTC) + timedelta(minutes=minutes)
    plan = Schedule(start=begins, duration=duration, repeat=repeat)
    if by_rule:
        plan = Schedule(start=begins, duration=duration, rule=rule_of(plan))
    around = list(occurrences(plan, timezone, moment - timedelta(days=3), moment + timedelta(days=3)))
    lasts, early = timedelta(minutes=duration), timedelta(minutes=15)
    containing = [start for start in around if start.astimezone(UTC) - early <= moment <= start.astimezone(UTC) + lasts]
    window = window_at(plan, timezone, moment)
    assert (window is not None) == bool(containing)
    if window is not None:
        begun = [start for start in containing if start <= moment]
        assert window.start == (begun[-1] if begun else containing[0])
        assert window.opens.astimezone(UTC) == window.start.astimezone(UTC) - early
        assert window.closes.astimezone(UTC) == window.start.astimezone(UTC) + lasts


# Open and closed


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-12-01 09:44:59", False),
        ("2026-12-01 09:45:00", True),
        ("2026-12-01 10:30:00", True),
        ("2026-12-01 11:00:00", True),
        ("2026-12-01 11:00:01", False),
        ("2026-12-02 10:00:00", True),
        ("2026-12-05 10:00:00", False),  # a Saturday
    ],
)
def test_a_room_is_open_around_its_time(now: str, is_open: bool) -> None:
    plan = schedule("2026-12-01 10:00", repeat="weekdays")
    assert (window_at(plan, BERLIN, local(now)) is not None) == is_open


def test_of_two_times_that_overlap_the_room_is_open_for_the_one_that_began_last() -> None:
    plan = schedule("2026-12-01 10:00", repeat="daily", duration=1440)
    assert window_at(plan, BERLIN, local("2026-12-02 09:50")).start == local("2026-12-01 10:00")
    assert window_at(plan, BERLIN, local("2026-12-02 10:00")).start == local("2026-12-02 10:00")


def test_a_room_that_is_open_in_the_night_of_the_change_is_open_as_long_as_in_any_other() -> None:
    window = window_at(schedule("2026-10-25 01:30", duration=120), BERLIN, local("2026-10-25 01:30"))
    assert window is not None
    assert window.closes.isoformat() == "2026-10-25T02:30:00+01:00"
    assert window.opens.isoformat() == "2026-10-25T01:15:00+02:00"
    assert window_at(schedule("2026-10-25 01:30", duration=60), BERLIN, local("2026-10-25 03:00")) is None


def test_next_time_is_later_than_now_and_may_be_none() -> None:
    daily = schedule("2026-12-01 10:00", repeat="daily", until="2026-12-02")
    assert next_occurrence(daily, BERLIN, LONG_AGO) == local("2026-12-01 10:00")
    assert next_occurrence(daily, BERLIN, local("2026-12-01 10:00")) == local("2026-12-02 10:00")
    assert next_occurrence(daily, BERLIN, local("2026-12-02 10:00")) is None


def test_a_leap_day_is_waited_for() -> None:
    leap = schedule("2028-02-29 10:00", rule="FREQ=YEARLY")
    assert next_occurrence(leap, BERLIN, local("2028-03-01 00:00")) == local("2032-02-29 10:00")


# In a tenant file


@pytest.mark.parametrize(
    "keys",
    [
        "rule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "rule: FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "rule: FREQ=DAILY;UNTIL=20261201T085959Z",
        "repeat: weekdays, start: 2026-12-05 10:00, until: 2026-12-06",
    ],
)
def test_a_schedule_without_any_time_is_refused(keys: str) -> None:
    start = "" if "start" in keys else "start: 2026-12-01 10:00, "
    text = f"timezone: Europe/Berlin\nrooms:\n  a: {{access: open, schedule: {{{start}{keys}}}}}\n"
    found = [problem.split(": ", 1)[1] for problem in problems(text)]
    assert found == ["schedule: has no time at all: the room would never be open"]


@pytest.mark.parametrize("key", ["start: 1999-12-31 10:00", "start: 2026-12-01 10:00, until: 9999-12-31"])
def test_years_that_nobody_means_are_refused(key: str) -> None:
    text = f"timezone: Europe/Berlin\nrooms:\n  a: {{access: open, schedule: {{{key}}}}}\n"
    (found,) = problems(text)
    assert "is not between the years 2000 and 2999" in found


def test_a_schedule_that_is_over_is_no_fault() -> None:
    text = "timezone: Europe/Berlin\nrooms:\n  a: {access: open, schedule: {start: 2020-02-29 10:00}}\n"
    plan = tenant(text).rooms["a"].schedule
    assert plan is not None
    assert plan.start.date() == date(2020, 2, 29)
