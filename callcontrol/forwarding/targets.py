"""Whether a call may be forwarded to a target: looked at when it is set, and again each time a call goes there.

What a star code stored, or what a file allowed last month, is no permission: numbers become dear, extensions leave,
block profiles change. Emergency numbers are never called by a rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcontrol.forwarding.values import Called
from callcontrol.outgoing import Refusal, callee
from callcontrol.tenants import Target
from callcontrol.tenants.blocks import blocking


class Objection(StrEnum):
    """Why nobody forwards there; what the person who dialled a star code is told."""

    EMPTY = "no target was given"
    ITSELF = "the extension itself"
    EMERGENCY = "an emergency number"
    COSTLY = "a premium, satellite or personal number"
    BLOCKED = "the block profile forbids to forward there"
    NOT_A_NUMBER = "no telephone number and no extension"
    NO_EXTENSION = "no such extension"
    NO_VOICEMAIL = "the extension has no mailbox"
    NO_TRUNK = "the tenant has no trunk"


_OUTGOING = {
    Refusal.EMERGENCY: Objection.EMERGENCY,
    Refusal.COSTLY: Objection.COSTLY,
    Refusal.NOT_A_NUMBER: Objection.NOT_A_NUMBER,
    Refusal.NO_TRUNK: Objection.NO_TRUNK,
}


@dataclass(frozen=True, slots=True)
class Allowed:
    """The target as it is called: a number outside that leads to an extension of the tenant is that extension."""

    target: Target


def inspect(target: Target, called: Called) -> Allowed | Objection:
    """Whether calls for ``called`` may be sent to ``target``. Loops are not looked at, but for the shortest."""
    match target.kind:
        case "busy":
            return Allowed(target)
        case "voicemail":
            return Allowed(target) if called.extension.voicemail is not None else Objection.NO_VOICEMAIL
        case "extension":
            return _extension(target, called)
        case "number":
            return _number(target, called)


def _extension(target: Target, called: Called) -> Allowed | Objection:
    if target.value == called.extension.number:
        return Objection.ITSELF
    return Allowed(target) if target.value in called.tenant.extensions else Objection.NO_EXTENSION


def _number(target: Target, called: Called) -> Allowed | Objection:
    tenant = called.tenant
    own = tenant.numbers.get(target.value)
    if own is not None and own.extension is not None:  # by the carrier and back, nobody could see a loop
        return _extension(Target("extension", own.extension), called)
    found = callee(target.value, tenant)
    if isinstance(found, Refusal):
        return _OUTGOING[found]
    if found.domain:  # a number is never read as an extension
        return Objection.NOT_A_NUMBER
    if blocked_by(called, "forwarded", found.number) is not None:
        return Objection.BLOCKED
    return Allowed(Target("number", found.number))


def blocked_by(called: Called, direction: str, e164: str) -> int | None:
    """Which entry (from 0) of the extension's block profile is about this number outside; None when none is.

    direction: ``outgoing``, ``incoming`` or ``forwarded``.
    """
    name = called.extension.block_profile
    if name is None:
        return None
    return blocking(getattr(called.tenant.block_profiles[name], direction), e164, called.tenant.region)
