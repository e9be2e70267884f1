"""How a guest reaches a room by telephone: which numbers, what is typed, what a telephone dials at one tap. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import phonenumbers

from callcontrol.tenants import Number, Room, Tenant

# A comma is a pause of about two seconds on mobile telephones. The first two let the call be answered; after the key of
# the language comes more than the five seconds after which a single key counts as entered, for those who are not asked
# for a language because they chose one in an earlier call.
_ANSWERED = ",,"
_CHOSEN = ",,,"


@dataclass(frozen=True, slots=True)
class DialIn:
    """A number that leads to the room. ``shown`` as people write it; ``tap`` dials it and types what is asked for."""

    e164: str
    shown: str
    languages: tuple[str, ...]
    tap: str


def dial_ins(tenant: Tenant, room: Room, language: str, pin: str) -> tuple[DialIn, ...]:
    """All numbers that lead to the room: those that begin in ``language`` first, then those that offer it.

    ``pin``: what the guest will type; empty when nothing is asked.
    """
    leading = [number for number in tenant.numbers.values() if room.name in number.room_names]
    leading.sort(key=lambda number: _preference(number, language))
    return tuple(
        DialIn(number.e164, shown(number.e164), number.languages, one_tap(number, language, pin)) for number in leading
    )


def _preference(number: Number, language: str) -> tuple[bool, int, int, str]:
    """Where a number stands: those that speak the language at once, those that ask, those that do not speak it."""
    speaks = language in number.languages
    return not speaks, number.languages.index(language) if speaks else 0, len(number.languages), number.e164


def one_tap(number: Number, language: str, pin: str) -> str:
    """``tel:+49308631,,48213%23``: number, pause, PIN and #. The key of the language comes first where one is asked."""
    keys = f"{_ANSWERED}{pin}#" if pin else ""
    if len(number.languages) > 1:
        chosen = number.languages.index(language) + 1 if language in number.languages else 1
        keys = f"{_ANSWERED}{chosen}" + (f"{_CHOSEN}{pin}#" if pin else "")
    return f"tel:{number.e164}{quote(keys, safe=',*')}"


def shown(e164: str) -> str:
    """A number as people write it: ``+49 30 8631``."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return e164
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
