"""Whom a moderator may call into a room, and how FreeSWITCH is told. Pure.

What a moderator typed is hostile like all input: it becomes part of a dial string only as one of our extensions or as
an E.164 number. Numbers that cost more than a telephone call, or that must never be called by mistake, are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType

from callcontrol.numbers import is_emergency, to_e164
from callcontrol.switch.literals import number_literal, text_literal
from callcontrol.tenants import Tenant

RING_SECONDS = 35  # longer, and most calls reach a mailbox

_COSTLY = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.PAGER,
    }
)
# International services without a country: satellites, universal and premium numbers (ITU-T E.164, 87x, 88x, 979).
_NO_COUNTRY = ("+870", "+878", "+881", "+882", "+883", "+888", "+979")


class Refusal(StrEnum):
    """Why a number is not called."""

    NOT_A_NUMBER = "no telephone number and no extension"
    EMERGENCY = "an emergency number"
    COSTLY = "a premium, satellite or personal number"
    NO_TRUNK = "the tenant has no trunk"


@dataclass(frozen=True)
class Callee:
    """Somebody who may be called. ``endpoint``: FreeSWITCH's dial string without variables."""

    number: str
    endpoint: str


def callee(digits: str, tenant: Tenant) -> Callee | Refusal:
    """Whom the moderator means with ``digits``."""
    if digits in tenant.extensions:
        return Callee(digits, f"user/{number_literal(digits)}@{text_literal(tenant.domain or '')}")
    if is_emergency(digits, tenant.region):
        return Refusal.EMERGENCY
    number = to_e164(digits, tenant.region)
    if number is None:
        return Refusal.NOT_A_NUMBER
    if number.startswith(_NO_COUNTRY) or phonenumbers.number_type(phonenumbers.parse(number)) in _COSTLY:
        return Refusal.COSTLY
    if tenant.trunk is None:
        return Refusal.NO_TRUNK
    return Callee(number, f"sofia/gateway/{text_literal(tenant.trunk)}/{number_literal(number)}")


def originate(who: Callee, call: str, aside: str, tenant: Tenant, language: str) -> str:
    """The command that calls somebody into the side room ``aside``. ``call``: the uuid the new call is to have."""
    shown = tenant.caller_id or "anonymous"
    variables = {
        "origination_uuid": text_literal(call),
        "origination_caller_id_number": text_literal(shown),
        "origination_caller_id_name": text_literal(tenant.id),
        "ignore_early_media": "true",  # a call that only announces is no call that was answered
        "originate_timeout": str(RING_SECONDS),
        "hangup_after_conference": "false",
        "cc_language": text_literal(language),
        "cc_next": "end",
    }
    written = ",".join(f"{name}={value}" for name, value in variables.items())
    return f"originate {{{written}}}{who.endpoint} &conference({text_literal(aside)}@room)"
