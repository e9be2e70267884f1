"""An extension (a person's SIP account) and its call forwarding as the tenant file describes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, model_validator
from pydantic import WithJsonSchema as Schema

from callcontrol.numbers import NumberPattern
from callcontrol.tenants.blocks import BlockName
from callcontrol.tenants.fields import (
    E164,
    EXTENSION,
    Email,
    Flag,
    Label,
    Model,
    Password,
    Pin,
    TargetText,
    no_number,
    refuse,
    region_of,
    text_of,
    text_schema,
    whole,
)


@dataclass(frozen=True, slots=True)
class Source:
    """Whom a selective rule is about.

    kind: ``extension``, ``number`` (a beginning in E.164), ``internal`` or ``anonymous``; value: what the kind needs.
    """

    kind: Literal["extension", "number", "internal", "anonymous"]
    value: str = ""


def _source(value: object, info: ValidationInfo) -> Source:
    if isinstance(value, Source):
        return value
    text = text_of(value).strip()
    if text == "internal":
        return Source("internal")
    if text == "anonymous":
        return Source("anonymous")
    if re.fullmatch(EXTENSION, text):
        return Source("extension", text)
    try:
        return Source("number", NumberPattern.parse(text.rstrip("*") + "*", region_of(info)).digits)
    except ValueError:
        hint = 'an extension, the beginning of a number such as "+49 89", internal or anonymous'
        raise no_number(text, "{found} names no caller", info, hint) from None


def _profile_number(value: object) -> int:
    if isinstance(value, str) and re.fullmatch("[0-9]", value):
        return int(value)
    raise refuse("{found} is no profile number", "0 to 9")


def _short_form(value: Any) -> Any:
    return {"to": value} if isinstance(value, str) else value


class NoAnswer(Model):
    """Where an unanswered call goes, and after how long."""

    to: TargetText
    """An extension, a telephone number, voicemail or busy."""
    after: Annotated[int, whole(5, 120)] = 20
    """Seconds (5 to 120) it rings before."""


NoAnswerRule = Annotated[
    NoAnswer,
    BeforeValidator(_short_form),
    Schema(
        {
            "description": "Where an unanswered call goes: a target (after 20 s), or {to: target, after: seconds}.",
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["to"],
                    "properties": {
                        "to": {"type": "string", "description": "An extension, a telephone number, voicemail or busy."},
                        "after": {
                            "type": "integer",
                            "minimum": 5,
                            "maximum": 120,
                            "default": 20,
                            "description": "Seconds (5 to 120) it rings before.",
                        },
                    },
                },
            ],
        }
    ),
]


class Rules(Model):
    """Where calls go. always beats not_registered, that beats busy, that beats no_answer."""

    always: TargetText | None = None
    """Target of every call: an extension, a telephone number, voicemail or busy."""
    no_answer: NoAnswerRule | None = None
    """Target after ringing: a target, or {to, after}."""
    busy: TargetText | None = None
    """Target while the extension talks and call_waiting is false."""
    not_registered: TargetText | None = None
    """Target while no telephone of the extension is registered."""

    @property
    def targets(self) -> Mapping[str, Any]:
        """Rule name -> target, of the rules that are set."""
        named = {
            "always": self.always,
            "no_answer": self.no_answer.to if self.no_answer else None,
            "busy": self.busy,
            "not_registered": self.not_registered,
        }
        return {name: target for name, target in named.items() if target}


class Selective(Rules):
    """Rules for certain callers; the longest match wins."""

    source: Annotated[
        Annotated[Source, PlainValidator(_source), text_schema(r"^(internal|anonymous|\+?[0-9 ()./-]+\*?)$")],
        Field(alias="from"),
    ]
    """Who calls: an extension, the beginning of a number ("+49 89"), internal or anonymous."""
    ring: Flag = False
    """true: ring as usual, whatever the profile says."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.ring and self.targets:
            raise refuse("has both ring and a target", "keep one of them")
        if not self.ring and not self.targets:
            raise refuse("leads nowhere", "ring: true, or always, no_answer, busy or not_registered")
        return self


class ForwardingProfile(Rules):
    """One of ten sets of rules; *10n activates it."""

    name: Label | None = None
    """What people call the profile."""
    selective: tuple[Selective, ...] = ()
    """Rules for certain callers, before the rules of the profile."""


class Forwarding(Model):
    """Profiles of call forwarding and which of them is in force."""

    active: Annotated[int, whole(0, 9)] = 0
    """Profile in force until a star code activates another one (0 to 9)."""
    profiles: Mapping[
        Annotated[int, PlainValidator(_profile_number), Schema({"type": "string", "pattern": "^[0-9]$"})],
        ForwardingProfile,
    ] = Field(default_factory=dict)
    """Profile number (0 to 9) -> its rules. Star codes write profile 0; it always exists, without selective rules."""


class Voicemail(Model):
    """The mailbox of an extension."""

    pin: Pin
    """PIN of the mailbox, 4 to 10 digits, in quotes."""
    email: Email | None = None
    """Where new messages are sent as attachment."""
    delete_after_email: Flag = False
    """Delete a message once it was sent."""

    @model_validator(mode="after")
    def _deletes_only_what_was_sent(self) -> Self:
        if self.delete_after_email and not self.email:
            raise refuse("delete_after_email without email would lose every message")
        return self


class ExtensionEntry(Model):
    """A person's telephone: SIP account, mailbox, forwarding."""

    name: Label
    """The person's name, shown to whom is called."""
    password: Password
    """SIP password, 8 characters at least; take it from the environment: ${ACME_33_PASSWORD}."""
    mobile: Annotated[tuple[E164, ...], Field(max_length=5)] = ()
    """Up to five numbers that ring in parallel."""
    voicemail: Voicemail | None = None
    """The mailbox; without it there is none."""
    call_waiting: Flag = False
    """A second call rings while the extension talks."""
    intercom: Flag = False
    """*80 may open the loudspeaker of this extension."""
    do_not_disturb: Flag = False
    """Calls do not ring; *15 and **15 change it."""
    block_profile: BlockName | None = None
    """Name of one of the tenant's block_profiles, or internal_only, international, premium, mobile."""
    forwarding: Forwarding = Forwarding()
    """Call forwarding."""


class Extension(ExtensionEntry):
    """An extension of a loaded tenant, with its number."""

    number: str
    """2 to 6 digits; also the user name of its SIP account."""
