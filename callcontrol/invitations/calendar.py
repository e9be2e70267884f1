"""The calendar entry of an invitation: iCalendar, RFC 5545. Pure.

All invitations to a room are one entry (UID), and a later one replaces an earlier (SEQUENCE counts the minutes since
1970, as nobody keeps how often a room was changed). Times are wall-clock times of the tenant's timezone, so that a
meeting at ten stays at ten when the clocks change.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress
from icalendar.prop import vRecur

from callcontrol import __version__
from callcontrol.invitations.invitation import Invitation, NothingToInviteTo
from callcontrol.invitations.timezone import vtimezone
from callcontrol.tenants import Schedule
from callcontrol.tenants.occurrences import next_occurrence, occurrences, rule_of

METHOD = "PUBLISH"
"""RFC 5546: an entry to be taken over, that nobody is asked to answer."""


def calendar_entry(invitation: Invitation, now: datetime) -> bytes:
    """The ``.ics`` file. Raises NothingToInviteTo for a room that is always open and no date was given for."""
    start, end, rule = _times(invitation)
    event = Event()
    event.add("UID", _uid(invitation, start))
    event.add("DTSTAMP", now.astimezone(UTC))
    event.add("SEQUENCE", int(now.timestamp()) // 60)
    event.add("DTSTART", start)
    event.add("DTEND", end)
    if rule:
        event.add("RRULE", vRecur.from_ical(rule))
    event.add("SUMMARY", _plain(invitation.subject))
    event.add("DESCRIPTION", _plain(invitation.text(times=False)))
    if invitation.numbers:
        event.add("LOCATION", invitation.numbers[0].shown)
    if owner := invitation.room.owner:
        organizer = vCalAddress(f"mailto:{owner}")
        organizer.params["CN"] = _plain(invitation.tenant.name)
        event.add("ORGANIZER", organizer)
    return _calendar(invitation, event, start)


def _calendar(invitation: Invitation, event: Event, start: datetime) -> bytes:
    calendar = Calendar()
    calendar.add("PRODID", f"-//callcontrol//callcontrol {__version__}//EN")
    calendar.add("VERSION", "2.0")
    if invitation.room.owner:  # RFC 5546 section 3.2.1: PUBLISH needs an organizer
        calendar.add("METHOD", METHOD)
    if start.tzinfo is not UTC:
        calendar.add_component(vtimezone(invitation.tenant.timezone, start))
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _plain(text: str) -> str:
    """Without backslashes, which icalendar writes as line breaks before an N and misreads at the end of a parameter."""
    return text.replace("\\", "/")


def _uid(invitation: Invitation, start: datetime) -> str:
    """The same for each invitation to a room with a schedule; for each date of a room without."""
    tenant = invitation.tenant
    date = f".{start:%Y%m%dT%H%M}" if invitation.room.schedule is None else ""
    return f"{tenant.id}.{invitation.room.name}{date}@{tenant.domain or 'callcontrol.invalid'}"


def _times(invitation: Invitation) -> tuple[datetime, datetime, str]:
    """First start, its end, and the rule by which it comes again, if it does."""
    schedule, zone = invitation.room.schedule, invitation.tenant.timezone
    if invitation.meeting is not None:
        start = invitation.meeting.start
        return _clock(start, zone), _clock(_later(start, invitation.meeting.minutes), zone), ""
    if schedule is None:
        name = f"{invitation.tenant.id}/{invitation.room.name}"
        raise NothingToInviteTo(f'{name} is always open: a calendar entry needs a date (--at "2026-12-01 10:00")')
    first = next_occurrence(schedule, zone, datetime.min.replace(year=1999, tzinfo=UTC))
    if first is None:
        raise NothingToInviteTo("the schedule never comes true")
    rule = _recurrence(schedule, zone, first)
    if not rule:
        return _clock(first, zone), _clock(_later(first, schedule.duration), zone), ""
    wall = datetime.combine(first.date(), schedule.start.time(), first.tzinfo)  # also where the clock skips it
    return _clock(wall, zone), _clock(wall + timedelta(minutes=schedule.duration), zone), rule


def _recurrence(schedule: Schedule, zone: str, first: datetime) -> str:
    """The rule, its end as RFC 5545 wants it beside a start with timezone: a moment in UTC."""
    parts = dict(part.split("=", 1) for part in rule_of(schedule).split(";"))
    if parts.get("COUNT") == "1":
        return ""
    end = _end(schedule, parts.pop("UNTIL", ""), zone)
    if end is not None and "COUNT" in parts:  # both are not allowed: as many as there are until then
        parts["COUNT"] = str(sum(1 for _ in occurrences(schedule, zone, first - timedelta(days=1), end)))
    elif end is not None:
        parts["UNTIL"] = f"{end.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _end(schedule: Schedule, until: str, zone: str) -> datetime | None:
    """The last moment of a schedule: of its ``until`` and its rule's UNTIL whichever comes first."""
    ends = []
    if schedule.until:
        ends.append(datetime.combine(schedule.until, time(23, 59, 59), ZoneInfo(zone)))
    if until.endswith("Z"):
        ends.append(datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))
    elif until:
        local = datetime.strptime(until if "T" in until else f"{until}T235959", "%Y%m%dT%H%M%S")
        ends.append(local.replace(tzinfo=ZoneInfo(zone)))
    return min(ends, key=lambda end: end.astimezone(UTC), default=None)


def _later(moment: datetime, minutes: int) -> datetime:
    """Real minutes later, whatever the clock does meanwhile."""
    return (moment.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(moment.tzinfo)


def _clock(moment: datetime, zone: str) -> datetime:
    """As it is written: in UTC when the tenant's timezone is that, else with the timezone's name."""
    return moment.astimezone(UTC) if zone == "UTC" else moment
