"""Numbers, keys and names as the prompt files that say them, to be strung together into one announcement.

The order of the words of a number is that of FreeSWITCH's own ``say`` (``play_group`` in mod_say_de.c, mod_say_en.c,
mod_say_fr.c, 1.10.12, method ``pronounced``, gender masculine), so callers hear a number alike wherever it is said. Its
grammar is kept with its oddities: French says "un mille" and "quarante un". Only names are here; PromptBook knows the
files.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from string import ascii_lowercase, digits

import phonenumbers

from callcontrol.prompts import PAUSE

LARGEST = 999_999

_Group = Callable[[int, int, int, bool], Iterator[str]]  # hundreds, tens, ones, whether these are thousands


def number(n: int, language: str) -> tuple[str, ...]:
    """Prompt names that say ``n`` (0..999999): 21 in German is ``("digits/1_n", "currency/and", "digits/20")``.

    In a language whose grammar is not known here the digits are said one by one. Raises ValueError out of range.
    """
    if not 0 <= n <= LARGEST:
        raise ValueError(f"no words for the number {n}, only for 0 to {LARGEST}")
    group = _GROUPS.get(language)
    if n == 0 or group is None:
        return tuple(f"digits/{digit}" for digit in str(n))
    thousands, rest = divmod(n, 1000)
    words = list(group(*_places(thousands), True))
    if thousands:
        words.append("digits/thousand")
    return (*words, *group(*_places(rest), False))


def key(sequence: str, language: str) -> tuple[str, ...]:
    """Prompt names that say keys one by one: ``*6`` is ``("key-star", "digits/6")``. Raises ValueError for no key."""
    names: list[str] = []
    for pressed in sequence:
        if pressed in _SIGNS:
            names.append(_SIGNS[pressed])
        elif pressed in digits:
            names += number(int(pressed), language)
        else:
            raise ValueError(f"no words for the key {pressed!r}")
    return tuple(names)


def spell(text: str, language: str) -> tuple[str, ...]:
    """Prompt names that spell a tenant's or a room's name: ``r2-d`` is ``letters/r digits/2 letters/dash letters/d``.

    An accent is left out (é is said as e); whatever is no letter of the alphabet, digit or ``-`` is skipped.
    """
    names: list[str] = []
    for character in unicodedata.normalize("NFKD", text.casefold()):
        if character in ascii_lowercase:
            names.append(f"letters/{character}")
        elif character in digits:
            names += number(int(character), language)
        elif character == "-":
            names.append("letters/dash")
    return tuple(names)


def telephone_number(e164: str, language: str, region: str = "") -> tuple[str, ...]:
    """Prompt names that say a telephone number digit by digit, in small groups with a pause between them.

    region: ISO 3166 code of who listens; a number of that country is said as it is dialled there, ``+49308630`` in
    ``DE`` as "0 3 0, 8 6 3 0", any other with its country code, "plus 4 9, 3 0, 8 6 3 0". Of what is no telephone
    number the digits are said, of which there may be none.
    """
    names: list[str] = []
    for group in _groups(e164, region):
        if names:
            names.append(PAUSE)
        names += ["ascii/43"] if group.startswith("+") else []
        names += [f"digits/{digit}" for digit in group if digit in digits]
    return tuple(names)


def reached(joined: int, called: int, language: str) -> tuple[str, ...]:
    """Prompt names that say how many of those called were reached: "three of five participants reached".

    joined: 0..called; called: 0..999999. Raises ValueError out of range.
    """
    if not 0 <= joined <= called:
        raise ValueError(f"{joined} of {called} cannot have been reached")
    if called == 0:
        return ("nobody-to-call",)
    if joined == 0:
        return ("nobody-reached",)
    if joined == called:
        return ("all-reached",)
    first = ("reached-one-of",) if joined == 1 else (*number(joined, language), "reached-of")
    return (*first, *number(called, language), "reached")


def _groups(e164: str, region: str) -> Iterator[str]:
    """The digits as people write them, the country code with its ``+``; what follows the first group in small ones."""
    code, *rest = _written(e164, region).split() or [""]
    yield from [code] if rest or code.startswith("+") else _small(code)
    for group in rest:
        yield from _small(group)


def _written(e164: str, region: str) -> str:
    """The number with spaces, in the national form of its own region; what is no number as its digits alone."""
    styles = phonenumbers.PhoneNumberFormat
    try:
        parsed = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return "".join(sign for sign in e164 if sign in digits)
    if phonenumbers.format_number(parsed, styles.E164) != e164:  # +31 0 2034: no number, and the 0 would be lost
        return f"+{parsed.country_code} {e164.removeprefix(f'+{parsed.country_code}')}"
    at_home = phonenumbers.country_code_for_region(region) == parsed.country_code
    text = phonenumbers.format_number(parsed, styles.NATIONAL if at_home else styles.INTERNATIONAL)
    return "".join(sign if sign in digits or sign == "+" else " " for sign in text)


def _small(group: str) -> Iterator[str]:
    """Cut in threes what has more than four digits; two to four are left at the end."""
    while len(group) > 4:
        yield group[:3]
        group = group[3:]
    if group:
        yield group


_SIGNS: Mapping[str, str] = {"*": "key-star", "#": "key-hash"}


def _places(below_thousand: int) -> tuple[int, int, int]:
    return below_thousand // 100, below_thousand // 10 % 10, below_thousand % 10


def _german(hundreds: int, tens: int, ones: int, thousands: bool) -> Iterator[str]:
    """The ones come before the tens, and one is "ein" before anything that follows it."""
    if hundreds:
        yield from (_german_one(hundreds), "digits/hundred")
    if tens > 1:
        if ones:
            yield from (_german_one(ones), "currency/and")
        yield f"digits/{tens}0"
    elif tens:
        yield f"digits/1{ones}"
    elif ones:
        yield _german_one(ones) if thousands else f"digits/{ones}"


def _german_one(digit: int) -> str:
    return "digits/1_n" if digit == 1 else f"digits/{digit}"


def _english(hundreds: int, tens: int, ones: int, thousands: bool) -> Iterator[str]:
    """American: no "and" after the hundreds."""
    if hundreds:
        yield from (f"digits/{hundreds}", "digits/hundred")
    if tens > 1:
        yield f"digits/{tens}0"
    if tens == 1 or ones:
        yield f"digits/1{ones}" if tens == 1 else f"digits/{ones}"


def _french(hundreds: int, tens: int, ones: int, thousands: bool) -> Iterator[str]:
    """Up to 19, and 21 and 31, have a file each; 71 to 79 and 91 to 99 count on from 60 and 80."""
    if hundreds > 1:
        yield f"digits/{hundreds}"
    if hundreds:
        yield "digits/hundred"
    below_hundred = 10 * tens + ones
    if below_hundred <= 19 or below_hundred in (21, 31):
        if below_hundred:
            yield f"digits/{below_hundred}"
    elif ones == 0:
        yield f"digits/{tens}0"
    else:
        counts_on = tens in (7, 9)
        yield f"digits/{tens - counts_on}0"
        yield f"digits/{ones + 10 * counts_on}"


_GROUPS: Mapping[str, _Group] = {"de": _german, "en": _english, "fr": _french}
