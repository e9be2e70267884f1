"""Block profiles: calls that an extension may not make, get or forward to, by kind of number or by pattern.

Four profiles are there without being written; a tenant file may not give their names another meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated

import phonenumbers
from phonenumbers import PhoneNumberType
from pydantic import AfterValidator, PlainValidator, ValidationInfo
from pydantic import WithJsonSchema as Schema

from callcontrol.numbers import NO_COUNTRY, NumberPattern, is_costly, kind_of
from callcontrol.tenants.fields import NAME, Model, matching, no_number, refuse, region_of, text_of, text_schema
from callcontrol.tenants.spelling import suggestion

# Of the services without a country, the one with premium numbers (ITU-T E.169.2); the others are mostly satellites.
_PREMIUM_EVERYWHERE = "+979"


class BlockClass(StrEnum):
    """Kinds of calls a block profile names by a word."""

    ANONYMOUS = "anonymous"
    EXTERNAL = "external"
    INTERNATIONAL = "international"
    MOBILE = "mobile"
    PREMIUM = "premium"
    SATELLITE = "satellite"


Entry = BlockClass | NumberPattern


def _block_entry(value: object, info: ValidationInfo) -> Entry:
    if isinstance(value, (BlockClass, NumberPattern)):
        return value
    text = text_of(value)
    if text in set(BlockClass):
        return BlockClass(text)
    if text.isalpha():
        raise refuse("unknown kind of calls {found}", suggestion(text, BlockClass))
    try:
        return NumberPattern.parse(text, region_of(info))
    except ValueError as error:
        hint = 'a number, or its beginning and a *: "+1 900*"'
        raise no_number(text, f"{{found}} {error}", info, hint) from None


BlockEntry = Annotated[
    BlockClass | NumberPattern,
    PlainValidator(_block_entry),
    Schema({"anyOf": [{"enum": list(BlockClass)}, {"type": "string", "pattern": r"^\+?[0-9 ()./-]+\*?$"}]}),
]


class BlockProfile(Model):
    """Calls that an extension may not make, get or forward to."""

    outgoing: tuple[BlockEntry, ...] = ()
    """Calls that are not made: premium, mobile, international, external, satellite or patterns such as "+1 900*"."""
    incoming: tuple[BlockEntry, ...] = ()
    """Calls that are not put through: anonymous, external, international, mobile or patterns."""
    forwarded: tuple[BlockEntry, ...] = ()
    """Targets nobody may forward to: as outgoing."""


def _outward(*entries: Entry) -> BlockProfile:
    return BlockProfile(outgoing=entries, forwarded=entries)


PREDEFINED: Mapping[str, BlockProfile] = MappingProxyType(
    {
        "internal_only": BlockProfile(
            outgoing=(BlockClass.EXTERNAL,), incoming=(BlockClass.EXTERNAL,), forwarded=(BlockClass.EXTERNAL,)
        ),
        "international": _outward(BlockClass.INTERNATIONAL),
        "premium": _outward(BlockClass.PREMIUM, BlockClass.SATELLITE),
        "mobile": _outward(BlockClass.MOBILE),
    }
)
"""Profiles an extension may name though no file describes them. None of them ever holds back an emergency call."""

_REFERENCE = NAME.removesuffix("$") + "$|^internal_only$"
_HINT = "one of block_profiles, or " + ", ".join(PREDEFINED)
BlockName = Annotated[str, AfterValidator(matching(_REFERENCE, "{found} is no name", _HINT)), text_schema(_REFERENCE)]
"""What ``block_profile`` of an extension says."""


@lru_cache(maxsize=8192)  # 40 us when asked for the first time
def classes_of(e164: str, region: str) -> frozenset[BlockClass]:
    """What kinds of call a call to or from this number outside is, seen from ``region`` (ISO 3166)."""
    kinds = {BlockClass.EXTERNAL}
    if e164.startswith(NO_COUNTRY) and not e164.startswith(_PREMIUM_EVERYWHERE):
        kinds |= {BlockClass.SATELLITE}
    elif is_costly(e164):
        kinds |= {BlockClass.PREMIUM}
    number, kind = phonenumbers.parse(e164), kind_of(e164)
    if kind == PhoneNumberType.MOBILE:
        kinds |= {BlockClass.MOBILE}
    if number.country_code != phonenumbers.country_code_for_region(region):
        kinds |= {BlockClass.INTERNATIONAL}
    elif kind != PhoneNumberType.TOLL_FREE and phonenumbers.region_code_for_number(number) not in (region, None):
        kinds |= {BlockClass.INTERNATIONAL}  # +1 is many countries
    return frozenset(kinds)


def blocking(entries: Iterable[Entry], e164: str, region: str) -> int | None:
    """Which of ``entries`` (from 0) is about a call with this number outside; None when none is."""
    for place, entry in enumerate(entries):
        if entry.matches(e164) if isinstance(entry, NumberPattern) else _is_a(entry, e164, region):
            return place
    return None


def _is_a(kind: BlockClass, e164: str, region: str) -> bool:
    if kind in (BlockClass.ANONYMOUS, BlockClass.EXTERNAL):
        return kind is BlockClass.EXTERNAL
    return kind in classes_of(e164, region)
