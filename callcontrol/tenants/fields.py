"""The kinds of values in a tenant file: what each accepts, how it is refused, and what an editor is told about it.

A refusal is worded for the administrator here, next to the rule; ``faults.py`` adds the place. ``{found}`` in a wording
stands for what the file says there; it is used for no secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, SecretStr, ValidationInfo
from pydantic import WithJsonSchema as Schema
from pydantic.types import Strict
from pydantic_core import PydanticCustomError

from callcontrol.numbers import REGIONS, NumberPattern, is_emergency, to_e164

Language = Literal["de", "en", "fr"]
"""The languages that callcontrol has prompts in."""

Flag = Annotated[bool, Strict()]
"""``true`` or ``false``, nothing else."""

_Value = TypeVar("_Value")

UNKNOWN_REGION = "ZZ"
NAME = r"^[a-z][a-z0-9-]{0,31}$"
EXTENSION = r"^[1-9][0-9]{1,5}$"
ANY_VARIABLE = r"^.*\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}.*$"


class Model(BaseModel):
    """Base of everything read from a file: frozen, no unknown keys, never quoting a value in an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True, populate_by_name=True
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """What the values of one file are read with.

    region: ISO 3166 code for national numbers, UNKNOWN_REGION when the file names none that exists.
    """

    region: str = UNKNOWN_REGION


def refuse(text: str, hint: str = "") -> PydanticCustomError:
    """The error a validator raises; ``text`` follows the name of the key: ``pin: needs 4 to 10 digits``."""
    return PydanticCustomError("refused", "{text}", {"text": text, "hint": hint})


def no_number(text: str, wording: str, info: ValidationInfo, hint: str = "") -> PydanticCustomError:
    """The error about a text that is no number; not reported while nobody knows the region it would be read in."""
    if region_of(info) == UNKNOWN_REGION and not text.startswith("+"):
        return PydanticCustomError("unreadable", "cannot be read without region")
    return refuse(wording, hint)


def region_of(info: ValidationInfo) -> str:
    """The region that national numbers of this file are read in."""
    return info.context.region if isinstance(info.context, Reading) else UNKNOWN_REGION


def text_of(value: object) -> str:
    """``value`` when it is text; everything else is refused as pydantic refuses it for a plain ``str``."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "must be text")
    return value


def matching(pattern: str, text: str, hint: str) -> Callable[[str], str]:
    """A check that a text fits ``pattern``; ``text`` and ``hint`` are what is said when it does not."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise refuse(text, hint)
        return value

    return check


def _label(value: str) -> str:
    if not 1 <= len(value.strip()) <= 80 or not value.isprintable():
        raise refuse("needs 1 to 80 printable characters")
    return value.strip()


@cache
def known_timezones() -> frozenset[str]:
    """The timezones there are. Asked for once: looking takes 40 ms."""
    return frozenset(available_timezones())


def _timezone(value: str) -> str:
    if value not in known_timezones():
        raise refuse("unknown timezone {found}", "such as Europe/Berlin")
    return value


def _region(value: str) -> str:
    if value not in REGIONS:
        raise refuse("unknown region {found}", "two capital letters such as DE, AT, US")
    return value


def _e164(value: str, info: ValidationInfo) -> str:
    number = to_e164(value, region_of(info))
    if number is None:
        raise no_number(value, "{found} is no telephone number", info, 'with country code: "+49 30 8630"')
    return number


def _extension(value: str, info: ValidationInfo) -> str:
    if is_emergency(value, region_of(info)):
        raise refuse("{found} is an emergency number")
    return _EXTENSION(value)


def _pin(secret: SecretStr) -> SecretStr:
    pin = secret.get_secret_value()
    if not re.fullmatch(r"[0-9]{4,10}", pin):
        raise refuse("needs 4 to 10 digits")
    if is_guessable(pin):
        raise refuse("is too easy to guess", "no repeated digits, no 1234, no 4321")
    return secret


def is_guessable(pin: str) -> bool:
    """True for what people try first: 0000, 1212, 123123, 1234, 9876, 7890, 2468."""
    repeated = any(pin == (pin[:size] * len(pin))[: len(pin)] for size in range(1, len(pin) // 2 + 1))
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    return repeated or len(steps) == 1


def _password(secret: SecretStr) -> SecretStr:
    password = secret.get_secret_value()
    if not 8 <= len(password) <= 128 or not password.isascii() or not password.isprintable():
        raise refuse("needs 8 to 128 printable ASCII characters")
    if len(set(password)) < 4 or (password.isdigit() and len(password) < 12):
        raise refuse("is too easy to guess", "the internet tries SIP passwords all day: 12 random characters")
    return secret


def _pattern(value: object, info: ValidationInfo) -> NumberPattern:
    if isinstance(value, NumberPattern):
        return value
    text = text_of(value)
    try:
        return NumberPattern.parse(text, region_of(info))
    except ValueError as error:
        hint = 'a number, or its beginning and a *: "+49 89 999998*"'
        raise no_number(text, f"{{found}} {error}", info, hint) from None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call is sent: an extension of the same tenant, an outside number, voicemail, or nowhere: busy.

    kind: ``extension``, ``number``, ``voicemail`` (of the called extension) or ``busy`` (the busy tone).
    value: the extension, the number in E.164, or ``""``.
    """

    kind: Literal["extension", "number", "voicemail", "busy"]
    value: str = ""

    def __str__(self) -> str:
        return self.value or self.kind


def _outside_or_extension(value: object, info: ValidationInfo, also: str = "") -> Target:
    text = text_of(value).strip()
    region = region_of(info)
    if is_emergency(text, region):
        raise refuse("{found} is an emergency number", "calls are never sent there by a rule")
    if re.fullmatch(EXTENSION, text):
        return Target("extension", text)
    number = to_e164(text, region)
    if number is None:
        raise no_number(text, "{found} is neither an extension nor a telephone number" + also, info)
    return Target("number", number)


def _callee(value: object, info: ValidationInfo) -> Target:
    return value if isinstance(value, Target) else _outside_or_extension(value, info)


def _target(value: object, info: ValidationInfo) -> Target:
    if isinstance(value, Target):
        return value
    if value == "voicemail" or value == "busy":
        return Target(value)
    return _outside_or_extension(value, info, " nor voicemail nor busy")


def text_schema(pattern: str, **more: Any) -> Schema:
    """JSON Schema of a text: ``pattern``, or anything that takes a variable from the environment."""
    return Schema({"type": "string", "anyOf": [{"pattern": pattern}, {"pattern": ANY_VARIABLE}], **more})


_NAME_HINT = "a small letter, then small letters, digits and -; 32 at most"
_EXTENSION = matching(EXTENSION, "{found} is no extension", "2 to 6 digits, the first not 0")
_NUMBER_CHARACTERS = r"^\+?[0-9 ()./-]+$"

Name = Annotated[str, AfterValidator(matching(NAME, "{found} is no name", _NAME_HINT)), text_schema(NAME)]
"""Name of a tenant, room or block profile."""

Label = Annotated[str, AfterValidator(_label), Schema({"type": "string", "minLength": 1, "maxLength": 80})]
"""What people read: 1 to 80 printable characters."""

_DOMAIN_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"^(?=.{{1,253}}$)(?:{_DOMAIN_LABEL}\.)*{_DOMAIN_LABEL}$"
Domain = Annotated[
    str,
    AfterValidator(matching(_DOMAIN, "{found} is no domain name", "such as acme.example")),
    AfterValidator(str.lower),
    text_schema(_DOMAIN),
]

_GATEWAY = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
Gateway = Annotated[
    str,
    AfterValidator(matching(_GATEWAY, "{found} is no gateway name", "letters, digits, _ . and -")),
    text_schema(_GATEWAY),
]

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"  # RFC 5322 section 3.2.3; no quoting, so that it is the same in any header
_EMAIL = rf"^(?=[^@]{{1,64}}@.{{1,253}}$){_ATOM}(?:\.{_ATOM})*@(?:{_DOMAIN_LABEL}\.)*{_DOMAIN_LABEL}$"
Email = Annotated[
    str,
    AfterValidator(matching(_EMAIL, "{found} is no e-mail address", "such as clara@acme.example")),
    text_schema(_EMAIL),
]

Region = Annotated[str, AfterValidator(_region), Schema({"type": "string", "enum": sorted(REGIONS)})]
Timezone = Annotated[str, AfterValidator(_timezone), Schema({"type": "string", "examples": ["Europe/Berlin"]})]
E164 = Annotated[str, AfterValidator(_e164), text_schema(_NUMBER_CHARACTERS)]
Extension2To6 = Annotated[str, AfterValidator(_extension), text_schema(EXTENSION)]
Pin = Annotated[SecretStr, AfterValidator(_pin), text_schema("^[0-9]{4,10}$")]
Password = Annotated[SecretStr, AfterValidator(_password), Schema({"type": "string"})]
Pattern = Annotated[NumberPattern, PlainValidator(_pattern), text_schema(r"^\+?[0-9 ()./-]+\*?$")]
Callee = Annotated[Target, PlainValidator(_callee), text_schema(_NUMBER_CHARACTERS)]
TargetText = Annotated[Target, PlainValidator(_target), text_schema(r"^(voicemail|busy|\+?[0-9 ()./-]+)$")]


def _something(entries: tuple[_Value, ...]) -> tuple[_Value, ...]:
    if not entries:
        raise refuse("needs at least one entry")
    return entries


AtLeastOne = AfterValidator(_something), Field(json_schema_extra={"minItems": 1})
"""Annotations of a list that must not be empty; pydantic's own also complains when the only entry is faulty."""


def whole(low: int, high: int) -> Any:
    """Annotation of a whole number from ``low`` to ``high``."""
    return Field(ge=low, le=high, strict=True)
