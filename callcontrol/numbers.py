"""Telephone numbers as the rest of callcontrol sees them: E.164 text such as ``+49308630``, or nothing.

Everything a caller, a carrier or an administrator wrote goes through here once. What this module refuses to do: guess.
A local number without its area code, an emergency or short number, a name, a number with letters or an extension
is no E.164 number, and the answer is ``None``.

``to_e164`` is on the path of every call and therefore cached: 0.2 us instead of 20 us for a number seen before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, ValidationResult, shortnumberinfo

REGIONS: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""ISO 3166 codes ``phonenumbers`` can read national numbers of: DE, AT, FR, US, ..."""

# What a person writes between the digits; phonenumbers itself would also read "call 030 8630" and "0800 FLOWERS".
_WRITTEN = re.compile(r"\+?[0-9 ()./\-\u00a0\u2010-\u2013\u202f]+")
_LONGEST_EXTENSION = 6  # digits, callcontrol/tenants/fields.py
_LONGEST = 48  # characters; the longest E.164 number with a separator after every digit has 32
_SEPARATORS = str.maketrans("", "", " ()./-\u00a0\u2010\u2011\u2012\u2013\u202f")
_E164 = re.compile(r"\+[1-9][0-9]{4,14}")
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")

_COSTLY = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.PAGER,
    }
)
_SHORTEST = 9999  # no dear number has so few digits
# International services without a country: satellites, universal and premium numbers (ITU-T E.164, 87x, 88x, 979).
NO_COUNTRY = ("+870", "+878", "+881", "+882", "+883", "+888", "+979")

# freeswitch-facts, "Caller identity": what Sofia reports for an anonymous From, and switch_types.h:115 for none at all.
_WITHHELD_WORDS = frozenset(
    {
        *("anonymous", "restricted", "unavailable", "unknown", "private", "withheld", "blocked", "invalid"),
        *(
            "coinlinepayphone",
            "interactionwithotherservice",
            "interaction with other service",
            "asterisk",
            "null",
            "none",
        ),
    }
)


def to_e164(text: str, region: str) -> str | None:
    """``text`` as E.164, for example ``"030 8630"`` in region ``"DE"`` as ``"+49308630"``; ``None`` when it is none.

    region: ISO 3166 code that national numbers are read in; an unknown one (``"ZZ"``) leaves international forms only.
    ``49308630``, as some carriers send it, is read as ``+49308630`` in region DE.
    Emergency and short numbers (112, 116117), local numbers without area code and extensions are not E.164.
    """
    return _to_e164(text, region) if len(text) <= _LONGEST else None  # the cache must not keep a caller's 60 kB


@lru_cache(maxsize=8192)
def _to_e164(text: str, region: str) -> str | None:
    stripped = text.strip()
    if not _WRITTEN.fullmatch(stripped) or is_withheld(stripped):
        return None
    digits = stripped.translate(_SEPARATORS)
    if is_emergency(digits, region) or _is_short(digits, region):
        return None
    return next(filter(None, map(_possible, _international_forms(digits, region))), None)


def _possible(international: str) -> str | None:
    """The E.164 form of ``+`` and digits when such a number can exist, else ``None``."""
    try:
        number = phonenumbers.parse(international)
    except NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not _E164.fullmatch(written):
        return None
    # phonenumbers takes a 0 after the country code off, "+49 (0)30"; when there is another one it is no number.
    return written if written == international or _possible(written) == written else None


def _international_forms(digits: str, region: str) -> Iterator[str]:
    """What ``digits`` can mean when dialled in ``region``, as ``+`` and country code; the likeliest first.

    Where a trunk prefix is dialled before the area code (0 in DE), digits without it are a local number, nothing
    here. In the plan of +1, and where there is no such prefix (IT, ES), national numbers stand as they are.
    """
    if digits.startswith("+"):
        yield digits
        return
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region) if region in REGIONS else None
    if metadata is None:
        return
    country = str(metadata.country_code)
    abroad = re.match(metadata.international_prefix or "00", digits)
    trunk = phonenumbers.ndd_prefix_for_region(region, True)
    if abroad:
        yield "+" + digits[abroad.end() :]
    elif trunk and digits.startswith(trunk):
        yield f"+{country}{digits.removeprefix(trunk)}"
    elif not trunk or country == "1":
        yield f"+{country}{digits}"
    if not abroad and digits.startswith(country):
        yield "+" + digits


def national_prefix(region: str) -> str:
    """What is dialled before an area code in ``region``: 0 in DE, 1 in US, nothing ("") in ES."""
    return (phonenumbers.ndd_prefix_for_region(region, True) or "") if region in REGIONS else ""


def is_withheld(text: str) -> bool:
    """True when the caller's number says that there is none: empty, ``anonymous``, ``Restricted``, ``0000000000``."""
    word = text.strip().strip("\"'<>").split("@")[0].removeprefix("sip:").strip().lower()
    return word in _WITHHELD_WORDS or not word.strip("+0")


def is_costly(e164: str) -> bool:
    """Whether a call to this E.164 number costs more than a telephone call: premium, satellite, personal number.

    Short numbers, too, which have no country code: whoever writes one before them wants past their refusal.
    """
    return e164.startswith(NO_COUNTRY) or kind_of(e164) in _COSTLY or _is_disguised(e164)


@lru_cache(maxsize=8192)  # 30 us when asked for the first time
def kind_of(e164: str) -> int:
    """The PhoneNumberType of an E.164 number; of one that is too long, that of the longest number it begins with.

    Networks connect as soon as a number is whole and take no notice of what is dialled behind it, so that
    0900 1234567 8 is as dear as 0900 1234567, of which nobody knows the first.
    """
    number = phonenumbers.parse(e164)
    kind = phonenumbers.number_type(number)
    while kind == PhoneNumberType.UNKNOWN and (number.national_number or 0) > _SHORTEST:
        number.national_number = (number.national_number or 0) // 10
        kind = phonenumbers.number_type(number)
    return kind


@lru_cache(maxsize=8192)  # 50 us when asked for the first time
def _is_disguised(e164: str) -> bool:
    """Whether this is a short number such as 11833 with a country code before it."""
    number = phonenumbers.parse(e164)
    unknown = phonenumbers.number_type(number) == PhoneNumberType.UNKNOWN
    return unknown and bool(shortnumberinfo.is_valid_short_number(number))


def masked(text: str) -> str:
    """A number for reports that must not show it: ``+491712345601`` as ``+49 171 *****01``.

    Country and area code stay, and two digits of a subscriber's number with five or more. Extensions and names are
    shown as they are, unless a name is as long and as full of digits as a number (callers call themselves so).
    """
    digits = re.sub(r"\D", "", text)
    if len(digits) <= _LONGEST_EXTENSION:
        return text
    try:
        number = phonenumbers.parse(text if _E164.fullmatch(text) else "")
    except NumberParseException:
        return "*" * (len(digits) - 2) + digits[-2:]
    national = phonenumbers.national_significant_number(number)
    area = national[: phonenumbers.length_of_national_destination_code(number)]
    subscriber = national.removeprefix(area)
    shown = subscriber[-2:] if len(subscriber) >= 5 else ""
    return " ".join(filter(None, (f"+{number.country_code}", area, "*" * (len(subscriber) - len(shown)) + shown)))


def is_emergency(text: str, region: str) -> bool:
    """True for 110 and 112 in DE, 911 in US and so on; ``text`` as dialled, without separators."""
    return len(text) <= 8 and region in REGIONS and bool(shortnumberinfo.is_emergency_number(text, region))


def emergency_dialled(text: str, region: str) -> str:
    """The emergency number that somebody dialled, as its digits; ``""`` when it is none.

    As telephones send it: ``112``, ``1-1-2`` from an address book, ``112#`` where a # ends what is dialled.
    """
    digits = text.removesuffix("#").translate(_SEPARATORS)
    return digits if digits.isascii() and digits.isdigit() and is_emergency(digits, region) else ""


def _is_short(digits: str, region: str) -> bool:
    """True for service numbers that exist in one country only (115, 116117, 22833)."""
    if len(digits) > 8 or digits.startswith(("+", "0")) or region not in REGIONS:
        return False
    short = phonenumbers.PhoneNumber(
        country_code=phonenumbers.country_code_for_region(region), national_number=int(digits or "0")
    )
    return bool(shortnumberinfo.is_valid_short_number_for_region(short, region))


@dataclass(frozen=True, slots=True)
class NumberPattern:
    """One number, or with a trailing ``*`` all numbers that begin with it: ``"+49 171 2345678"``, ``"+49 89 999998*"``.

    digits: E.164 number or its beginning, always with ``+`` and country code.
    prefix: True when numbers only have to begin with ``digits``.
    """

    digits: str
    prefix: bool = False

    @classmethod
    def parse(cls, text: str, region: str) -> NumberPattern:
        """Read what an administrator wrote, national forms in ``region``. Raises ValueError with the reason."""
        written = text.strip()
        if written.endswith("*"):
            return cls(_international_prefix(written[:-1], region), prefix=True)
        number = to_e164(written, region)
        if number is None:
            raise ValueError("is no telephone number")
        return cls(number)

    def matches(self, e164: str | None) -> bool:
        """True when this E.164 number is meant. ``None`` and anything that is not E.164 never match."""
        if e164 is None or not (e164.startswith(self.digits) if self.prefix else e164 == self.digits):
            return False
        return _E164.fullmatch(e164) is not None

    def __str__(self) -> str:
        return f"{self.digits}*" if self.prefix else self.digits


def _international_prefix(text: str, region: str) -> str:
    """The beginning of a number (``"089 99"``, ``"0049 89"``, ``"+49"``) as the beginning of an E.164 number.

    phonenumbers reads whole numbers only, so the dialling prefixes of the region are taken off here.
    """
    if not text.strip():
        raise ValueError("needs at least a country code before the *")
    if not _WRITTEN.fullmatch(text.strip()) or "(0)" in text:
        raise ValueError("is no pattern: only digits, one + in front and one * at the end, without (0)")
    prefix = next(_international_forms(text.translate(_SEPARATORS), region), None)
    if prefix is None or not _PREFIX.fullmatch(prefix):
        raise ValueError("needs the country code or the 0 in front of the area code")
    return prefix
