"""The calendar entry says the same times as the schedule, in every calendar that follows RFC 5545."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from callcontrol.invitations.calendar import calendar_entry
from callcontrol.invitations.invitation import Meeting, NothingToInviteTo, invitation
from callcontrol.invitations.timezone import vtimezone
from callcontrol.tenants import Schedule, Tenant
from callcontrol.tenants.occurrences import occurrences
from tests.tenant_files import tenant

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 9, 0, 30, tzinfo=BERLIN)
ZONES = (
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata", "Europe/Dublin"),
    *("Africa/Casablanca", "Pacific/Chatham", "America/Havana", "Asia/Jerusalem", "Europe/Istanbul", "UTC"),
)


def with_schedule(schedule: str, zone: str = "Europe/Berlin", more: str = "") -> Tenant:
    return tenant(
        f"timezone: {zone}\nname: Müller, Söhne; & Co\n"
        'numbers: {"+49 30 8631": {room: board}}\n'
        f'rooms: {{board: {{access: pin, pin: "48213", schedule: {schedule}{more}}}}}\n'
    )


def entry_of(owner: Tenant, *, now: datetime = NOW, meeting: Meeting | None = None, room: str = "board") -> Calendar:
    invited = invitation(owner, owner.rooms[room], "en", moderator=False, meeting=meeting, now=now)
    return Calendar.from_ical(calendar_entry(invited, now))


def event_of(owner: Tenant, **how: Any) -> Any:
    [event] = entry_of(owner, **how).walk("VEVENT")
    return event


def expanded(event: Any, most: int) -> list[datetime]:
    """The first times of an event as a calendar computes them: wall-clock times of its rule, then the timezone."""
    start = event["DTSTART"].dt
    if "RRULE" not in event:
        return [start.astimezone(UTC)]
    rule = event["RRULE"].to_ical().decode()
    zone = start.tzinfo
    parts = dict(part.split("=") for part in rule.split(";"))
    until = parts.pop("UNTIL", None)
    naive = rrulestr(";".join(f"{k}={v}" for k, v in parts.items()), dtstart=start.replace(tzinfo=None))
    moments = (moment.replace(tzinfo=zone).astimezone(UTC) for moment in islice(naive, most))
    if until is None:
        return list(moments)
    last = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return [moment for moment in moments if moment <= last]


def test_a_recurring_entry_is_complete() -> None:
    owner = with_schedule(
        '{start: "2026-12-01 10:00", duration: 30, repeat: weekdays}', more=", owner: clara@acme.example"
    )
    calendar = entry_of(owner)
    event = calendar.walk("VEVENT")[0]
    assert (calendar["VERSION"], calendar["METHOD"]) == ("2.0", "PUBLISH")
    assert event["UID"] == "acme.board@callcontrol.invalid"
    assert event["DTSTART"].to_ical() == b"20261201T100000"
    assert event["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert event["DTEND"].to_ical() == b"20261201T103000"
    assert event["DTSTAMP"].to_ical() == b"20261122T080030Z"
    assert event["RRULE"].to_ical() == b"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    assert event["ORGANIZER"] == "mailto:clara@acme.example"
    assert event["ORGANIZER"].params["CN"] == "Müller, Söhne; & Co"
    assert event["SUMMARY"] == "Conference call board (Müller, Söhne; & Co)"
    assert event["LOCATION"] == "+49 30 8631"
    assert "PIN: 48213#\n" in event["DESCRIPTION"]
    assert "December" not in event["DESCRIPTION"], "the calendar knows the dates"


def test_an_entry_without_owner_claims_no_organizer_and_no_method() -> None:
    calendar = entry_of(with_schedule('{start: "2026-12-01 10:00"}'))
    assert "METHOD" not in calendar
    assert "ORGANIZER" not in calendar.walk("VEVENT")[0]


def test_a_later_invitation_replaces_the_earlier_one() -> None:
    first = event_of(with_schedule('{start: "2026-12-01 10:00", repeat: daily}'))
    later = event_of(with_schedule('{start: "2026-12-01 11:00", repeat: daily}'), now=NOW + timedelta(minutes=1))
    assert first["UID"] == later["UID"]
    assert later["SEQUENCE"] == first["SEQUENCE"] + 1
    assert later["SEQUENCE"] < 2**31


def test_lines_are_folded_and_end_as_rfc_5545_wants() -> None:
    owner = with_schedule('{start: "2026-12-01 10:00", repeat: daily}')
    data = calendar_entry(invitation(owner, owner.rooms["board"], "fr", moderator=False, meeting=None, now=NOW), NOW)
    assert data.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(len(line) for line in data.split(b"\r\n")) <= 75


def test_a_date_of_an_open_room_is_an_entry_of_its_own() -> None:
    owner = tenant(
        "timezone: Europe/Berlin\ndomain: acme.example\n"
        'numbers: {"+49 30 8631": {room: a}}\nrooms: {a: {access: open}}\n'
    )
    dates = [datetime(2026, 12, day, 10, tzinfo=BERLIN) for day in (1, 2)]
    first, second = (event_of(owner, room="a", meeting=Meeting(start, 45)) for start in dates)
    assert (first["UID"], second["UID"]) == ("acme.a.20261201T1000@acme.example", "acme.a.20261202T1000@acme.example")
    assert first["DTEND"].dt - first["DTSTART"].dt == timedelta(minutes=45)
    assert "RRULE" not in first
    with pytest.raises(NothingToInviteTo, match="acme/a is always open: a calendar entry needs a date"):
        entry_of(owner, room="a")


def test_a_meeting_at_ten_stays_at_ten_when_the_clocks_change() -> None:
    owner = with_schedule('{start: "2027-03-26 10:00", repeat: daily}')
    event = event_of(owner)
    assert [f"{moment:%d %H:%M}" for moment in expanded(event, 4)] == ["26 09:00", "27 09:00", "28 08:00", "29 08:00"]


def test_a_meeting_across_the_change_of_the_clocks_ends_when_it_is_over() -> None:
    owner = tenant('timezone: Europe/Berlin\nnumbers: {"+49 30 8631": {room: a}}\nrooms: {a: {access: open}}\n')
    event = event_of(owner, room="a", meeting=Meeting(datetime(2027, 3, 28, 1, 30, tzinfo=BERLIN), 60))
    assert (event["DTSTART"].to_ical(), event["DTEND"].to_ical()) == (b"20270328T013000", b"20270328T033000")


def test_a_tenant_in_utc_needs_no_timezone() -> None:
    calendar = entry_of(with_schedule('{start: "2026-12-01 10:00", repeat: weekly}', zone="UTC"))
    assert calendar.walk("VTIMEZONE") == []
    assert calendar.walk("VEVENT")[0]["DTSTART"].to_ical() == b"20261201T100000Z"


@pytest.mark.parametrize(
    ("schedule", "rule"),
    [
        ('{start: "2026-12-01 10:00"}', None),
        ('{start: "2026-12-01 10:00", repeat: monthly, until: "2027-06-30"}', "FREQ=MONTHLY;UNTIL=20270630T215959Z"),
        ('{start: "2026-12-01 10:00", rule: "RRULE:FREQ=WEEKLY;BYDAY=MO,TH"}', "FREQ=WEEKLY;BYDAY=MO,TH"),
        ('{start: "2026-12-01 10:00", rule: "FREQ=DAILY;UNTIL=20270131"}', "FREQ=DAILY;UNTIL=20270131T225959Z"),
        ('{start: "2026-12-01 10:00", rule: "FREQ=DAILY;UNTIL=20270131T120000"}', "FREQ=DAILY;UNTIL=20270131T110000Z"),
        ('{start: "2026-12-01 10:00", rule: "FREQ=DAILY;UNTIL=20270131T120000Z"}', "FREQ=DAILY;UNTIL=20270131T120000Z"),
        (
            '{start: "2026-12-01 10:00", rule: "FREQ=DAILY;UNTIL=20270131T120000Z", until: "2027-01-01"}',
            "FREQ=DAILY;UNTIL=20270101T225959Z",
        ),
        ('{start: "2026-12-01 10:00", rule: "FREQ=DAILY;COUNT=10", until: "2026-12-03"}', "FREQ=DAILY;COUNT=3"),
        ('{start: "2026-12-01 10:00", rule: "FREQ=DAILY;COUNT=2", until: "2026-12-31"}', "FREQ=DAILY;COUNT=2"),
    ],
)
def test_the_rule_ends_where_the_schedule_does(schedule: str, rule: str | None) -> None:
    event = event_of(with_schedule(schedule))
    assert ("RRULE" in event) == (rule is not None)
    if rule is not None:
        written = event["RRULE"].to_ical().decode()
        assert sorted(written.split(";")) == sorted(rule.split(";"))
        assert written.startswith("FREQ=")


RULES = st.sampled_from(
    [
        *("FREQ=DAILY", "FREQ=DAILY;INTERVAL=3;BYDAY=MO", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA", "FREQ=WEEKLY;COUNT=7"),
        *(
            "FREQ=MONTHLY",
            "FREQ=MONTHLY;BYDAY=-1FR",
            "FREQ=MONTHLY;BYMONTHDAY=-1",
            "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=2",
        ),
        *("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "FREQ=MONTHLY;INTERVAL=2;BYMONTH=4,6,8,11"),
    ]
)
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)).map(
    lambda moment: moment.replace(second=0, microsecond=0)
)


@settings(max_examples=60, deadline=None)
@given(RULES, STARTS, st.sampled_from(ZONES), st.none() | st.integers(0, 200))
def test_a_calendar_computes_the_times_that_the_room_is_open(
    rule: str, start: datetime, zone: str, days: int | None
) -> None:
    until = None if days is None or "COUNT" in rule else start.date() + timedelta(days=days)
    schedule = Schedule.model_validate({"start": f"{start:%Y-%m-%d %H:%M}", "rule": rule, "until": until})
    begin, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)
    ours = [moment.astimezone(UTC) for moment in islice(occurrences(schedule, zone, begin, end), 20)]
    if not ours:
        return
    base = with_schedule('{start: "2999-01-01 10:00"}', zone)
    owner = base.model_copy(update={"rooms": {"board": base.rooms["board"].model_copy(update={"schedule": schedule})}})
    event = event_of(owner, now=ours[0] - timedelta(days=1))
    theirs = expanded(event, 20)
    if len(ours) == 20:  # a moment that two days share after a skipped hour is one to us
        assert theirs[: len(ours)] == ours
    else:
        assert theirs == ours


@pytest.mark.parametrize("zone", ZONES)
def test_the_timezone_of_the_entry_is_the_real_one(zone: str) -> None:
    """Read by icalendar into a timezone of its own, which knows nothing but the text."""
    first = datetime(2026, 12, 1, 10, tzinfo=ZoneInfo(zone))
    text = vtimezone(zone, first).to_ical()
    written: Any = Calendar.from_ical(text)
    read = written.to_tz(lookup_tzid=False)
    real = ZoneInfo(zone)
    for hours in range(0, 3 * 365 * 24, 83):
        moment = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hours)
        local = moment.astimezone(real)
        if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
            continue  # said twice: which of the two is meant cannot be asked of a wall clock
        assert read.utcoffset(local.replace(tzinfo=None)) == local.utcoffset(), local


def test_a_change_that_comes_each_year_is_one_rule() -> None:
    text = vtimezone("Europe/Berlin", datetime(2026, 12, 1, tzinfo=BERLIN)).to_ical().decode()
    assert "DTSTART:20250330T020000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\n" in text
    assert "DTSTART:20251026T030000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n" in text
    assert "RDATE" not in text


def test_a_zone_without_changes_has_one_observance() -> None:
    text = vtimezone("Asia/Kolkata", datetime(2026, 12, 1, tzinfo=ZoneInfo("Asia/Kolkata"))).to_ical().decode()
    assert text.count("BEGIN:STANDARD") == 1
    assert "DTSTART:19700101T000000\r\n" in text


@given(st.text(max_size=60))
def test_no_name_of_a_tenant_breaks_out_of_its_line(text: str) -> None:
    name = "".join(letter for letter in text if letter.isprintable()).strip() or "x"  # as the tenant file is checked
    base = with_schedule('{start: "2026-12-01 10:00", repeat: daily}', more=", owner: clara@acme.example")
    owner = base.model_copy(update={"name": name})
    calendar = entry_of(owner)
    [event] = calendar.walk("VEVENT")
    shown = name.replace("\\", "/")
    assert event["SUMMARY"] == f"Conference call board ({shown})"
    assert event["ORGANIZER"] == "mailto:clara@acme.example"
    assert event["ORGANIZER"].params["CN"] == shown
    assert sorted(event.keys()) == sorted(
        ["UID", "DTSTAMP", "SEQUENCE", "DTSTART", "DTEND", "RRULE", "SUMMARY", "DESCRIPTION", "LOCATION", "ORGANIZER"]
    )
