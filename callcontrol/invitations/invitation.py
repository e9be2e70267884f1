"""An invitation to one room for one guest: what it says. Pure: a tenant, a moment and wishes in, text out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from callcontrol.errors import CallControlError
from callcontrol.invitations.dialin import DialIn, dial_ins
from callcontrol.invitations.phrases import PHRASES, Phrases, day_name, day_number, moment_in_words
from callcontrol.tenants import Access, Admission, KeyAction, Repeat, Room, Schedule, Tenant
from callcontrol.tenants.occurrences import next_occurrence

MOST_DATES = 3


class NothingToInviteTo(CallControlError):
    """Nobody could follow the invitation; the text says why and what to change."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """A single date of a room without schedule. ``start`` is on the tenant's clock; ``minutes``: how long."""

    start: datetime
    minutes: int


@dataclass(frozen=True, slots=True, repr=False)  # holds PINs
class Invitation:
    """What a guest is told. ``dates``: the next ones, on the tenant's clock; none for a room that is always open."""

    tenant: Tenant
    room: Room
    language: str
    moderator: bool
    meeting: Meeting | None
    dates: tuple[datetime, ...]
    numbers: tuple[DialIn, ...]
    pin: str

    @property
    def subject(self) -> str:
        """One line for a mail or a calendar."""
        return PHRASES[self.language].subject.format(room=self.room.name, tenant=self.tenant.name)

    def text(self, *, times: bool = True) -> str:
        """The whole invitation; ``times``: with when it is, which a calendar entry says by itself."""
        words = PHRASES[self.language]
        parts = [[self.subject, "=" * len(self.subject)]]
        if self.moderator:
            parts.append([words.for_moderator])
        if times:
            parts.append([words.when + words.colon, *_indented(self._times(words))])
        parts.append(list(self._notes(words)))
        if self.numbers:
            parts += [[words.numbers + words.colon, *_indented(self._numbers(words))], list(self._entry(words))]
            parts += [[words.tap + words.colon, *_indented(number.tap for number in self.numbers)]]
        parts.append(list(self._keys(words)))
        return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"

    def _times(self, words: Phrases) -> Iterator[str]:
        schedule = self.room.schedule
        zone = self.tenant.timezone
        if not self.dates:
            yield words.anytime
            return
        if schedule is not None and (rhythm := _rhythm(schedule, words, self.language)):
            yield rhythm
        for date in self.dates:
            yield moment_in_words(date, self.language)
        minutes = schedule.duration if schedule else self.meeting.minutes if self.meeting else 0
        yield words.lasts.format(minutes=minutes, zone=zone)

    def _notes(self, words: Phrases) -> Iterator[str]:
        schedule = self.room.schedule
        if schedule is not None and self.numbers:
            yield words.early
        if schedule is not None and schedule.dial_out:
            yield words.called

    def _numbers(self, words: Phrases) -> Iterator[str]:
        widest = max(len(number.shown) for number in self.numbers)
        for number in self.numbers:
            languages = ", ".join(words.languages[language] for language in number.languages)
            yield f"{number.shown:<{widest}}  {languages}"

    def _entry(self, words: Phrases) -> Iterator[str]:
        access = self.room.access
        guests = self.room.pin.get_secret_value() if self.room.pin and access.asks_for_pin else ""
        if self.moderator:
            yield words.moderator_pin.format(pin=self.pin)
            if guests:
                yield words.guests_pin.format(pin=guests)
        elif access is Access.WHITELIST:
            yield words.listed_only
        else:
            yield words.pin.format(pin=self.pin) if self.pin else words.no_pin
        if access is Access.WHITELIST_OR_PIN and not self.moderator:
            yield words.listed_too
        if not self.moderator and self.room.admission is Admission.MANUAL:
            yield words.admitted
        elif not self.moderator and self.room.wait_for_moderator:
            yield words.wait

    def _keys(self, words: Phrases) -> Iterator[str]:
        keys = {action: key for key, action in self.tenant.keys.items()}
        told = ((KeyAction.MUTE, words.mute), (KeyAction.HAND, words.hand), (KeyAction.HELP, words.help))
        bound = [f"{keys[action]} {meaning}" for action, meaning in told if action in keys]
        if bound:
            yield f"{words.keys}{words.colon} {', '.join(bound)}"


def invitation(
    tenant: Tenant, room: Room, language: str, *, moderator: bool, meeting: Meeting | None, now: datetime
) -> Invitation:
    """The invitation as of ``now`` (aware). ``meeting``: the date of a room without schedule, if it has one.

    Raises NothingToInviteTo for a room nobody can call and that calls nobody, whose schedule is over, or without PIN
    for a moderator.
    """
    name = f"{tenant.id}/{room.name}"
    secret = room.moderator_pin if moderator else room.pin
    if moderator and secret is None:
        raise NothingToInviteTo(f"{name} has no moderator_pin that an invitation could tell")
    pin = secret.get_secret_value() if secret and room.access.asks_for_pin else ""
    numbers = dial_ins(tenant, room, language, pin)
    if not numbers and not room.dial_out:
        raise NothingToInviteTo(
            f"no number leads to {name}, and it calls nobody (give one of numbers: room: {room.name})"
        )
    dates = (meeting.start,) if meeting else tuple(islice(_dates(room, tenant, now), MOST_DATES))
    if room.schedule and not dates:
        raise NothingToInviteTo(f"the schedule of {name} is over")
    return Invitation(tenant, room, language, moderator, meeting, dates, numbers, pin)


def _dates(room: Room, tenant: Tenant, now: datetime) -> Iterator[datetime]:
    """The next times of the room's schedule; one that is under way is the first."""
    after = now - timedelta(minutes=room.schedule.duration if room.schedule else 0)
    while room.schedule and (start := next_occurrence(room.schedule, tenant.timezone, after)):
        yield start
        after = start


def _rhythm(schedule: Schedule, words: Phrases, language: str) -> str:
    """How a schedule repeats, in words; empty for a single date and for rules, whose dates speak for themselves."""
    start = schedule.start
    rhythms = {
        Repeat.DAILY: words.daily,
        Repeat.WEEKDAYS: words.weekdays,
        Repeat.WEEKLY: words.weekly,
        Repeat.MONTHLY: words.monthly,
    }
    if schedule.rule or schedule.repeat not in rhythms:
        return ""
    return rhythms[schedule.repeat].format(
        time=f"{start:%H:%M}", day=day_name(start, language), number=day_number(start, language)
    )


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
