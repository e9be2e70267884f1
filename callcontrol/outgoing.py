"""Whom we call, and how FreeSWITCH is told. Pure; for rooms, for rounds that call out, and for calls of extensions.

What a moderator typed is hostile like all input, and so is what a telephone wrote into its registration: both become
part of a dial string only after they were found to be an extension of ours, an E.164 number, or a plain SIP address.
Numbers that cost more than a telephone call, or that must never be called by mistake, are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from callcontrol.account import Account
from callcontrol.errors import UnsafeText
from callcontrol.numbers import is_costly, is_emergency, to_e164
from callcontrol.switch.literals import number_literal, text_literal
from callcontrol.tenants import Tenant

RING_SECONDS = 35.0  # longer, and most calls reach a mailbox
ACCEPT_SECONDS = 12  # longer than it rings, so that whoever answers last hears the question (6 s) and can press a key
ANNOUNCED_SECONDS = 600.0  # that a network may speak before it answers; no limit of FreeSWITCH counts then
MOST_TELEPHONES = 10  # of one extension, like max-registrations-per-extension of the profile

# One value of {name=value,...}: of what text_literal lets through, a comma or = would begin another variable.
_VALUE = re.compile(r"[A-Za-z0-9_.+:@-]{1,320}", re.ASCII)
# A name of ours inside an endpoint or application: @ would begin a host or a profile there, + a PIN.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}", re.ASCII)
# What sofia_contact says of one registration. Of the telephone's own text in it only what is plain stays: no comma or
# bar (another leg), brackets (variables), ^ (another To), blank or quote. A % only escapes a byte.
_TEXT = r"(?:[A-Za-z0-9_.+*:@-]|%[0-9A-Fa-f]{2})"
# Who diverted, as SIP writes it; made of an E.164 number or an extension and a domain of ours only.
_DIVERSION = re.compile(r"<sip:[0-9+]{2,16}@[A-Za-z0-9.-]{1,253}>;reason=[a-z-]{1,32};counter=[1-9]", re.ASCII)
_FILE = re.compile(r"/[A-Za-z0-9_./-]{1,400}\.wav", re.ASCII)
_TELEPHONE = re.compile(
    r"sofia/extensions/sip:(?:[A-Za-z0-9_.+*-]|%[0-9A-Fa-f]{2}){1,64}@[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?"
    rf"(?:;[A-Za-z0-9_.+-]{{1,64}}(?:={_TEXT}{{1,256}})?){{0,16}}",
    re.ASCII,
)


class Refusal(StrEnum):
    """Why a number is not called."""

    NOT_A_NUMBER = "no telephone number and no extension"
    EMERGENCY = "an emergency number"
    COSTLY = "a premium, satellite or personal number"
    NO_TRUNK = "the tenant has no trunk"


@dataclass(frozen=True)
class Callee:
    """Somebody who may be called: an extension of ``domain``, or an E.164 number by the gateway ``trunk``."""

    number: str
    domain: str = ""
    trunk: str = ""


def callee(digits: str, tenant: Tenant) -> Callee | Refusal:
    """Whom the moderator means with ``digits``."""
    if digits in tenant.extensions and tenant.domain:
        return Callee(digits, domain=tenant.domain)
    if is_emergency(digits, tenant.region):
        return Refusal.EMERGENCY
    number = to_e164(digits, tenant.region)
    if number is None:
        return Refusal.NOT_A_NUMBER
    if is_costly(number):
        return Refusal.COSTLY
    if tenant.trunk is None:
        return Refusal.NO_TRUNK
    return Callee(number, trunk=tenant.trunk)


def line(who: Callee) -> str:
    """The endpoint of somebody outside. Raises UnsafeText."""
    return f"sofia/gateway/{_plain(_NAME, who.trunk)}/{number_literal(who.number)}"


def telephones(contacts: str) -> tuple[str, ...]:
    """The endpoints in FreeSWITCH's answer to ``sofia_contact``; a registration that is not plain is left out."""
    plain = [contact for contact in contacts.split(",") if _TELEPHONE.fullmatch(contact)]
    return tuple(dict.fromkeys(plain))[:MOST_TELEPHONES]


def shown(who: Callee, tenant: Tenant, room: str) -> dict[str, str]:
    """The variables that say who calls: the tenant's number and, to extensions, the room."""
    variables = {
        "origination_caller_id_number": tenant.caller_id or "anonymous",
        "origination_caller_id_name": room if who.domain else tenant.id,
    }
    if who.domain:
        variables["presence_id"] = f"{number_literal(who.number)}@{who.domain}"
        # A telephone that answers 302 would make us call whatever address it names, past every rule about numbers.
        variables["outbound_redirect_fatal"] = "true"
    return variables


def accounted(who: Callee, tenant: Tenant, room: str, *, moderator: bool = False) -> dict[str, str]:
    """The variables that say for whom a call is made, so that the ledger knows it.

    ``room``: TENANT.ROOM.
    """
    role = "moderator" if moderator else "participant"
    return Account(tenant.id, room.removeprefix(f"{tenant.id}."), role, "tenant", who.number).variables()


def originate(
    legs: Mapping[str, str], variables: Mapping[str, str], then: Conference | Extension, seconds: float = RING_SECONDS
) -> str:
    """The command that rings all ``legs`` (uuid of the new call -> endpoint); the first to answer goes on to ``then``.

    ``legs``: endpoints made by `line` or `telephones`. ``variables``: of every leg; their names are ours.
    ``seconds``: how long it rings. Raises UnsafeText for a value that could be anything but itself.
    """
    ringing = {
        "ignore_early_media": "true",  # a call that only announces is no call that was answered
        "originate_timeout": str(round(seconds)),
    }
    written = ",".join(f"{name}={_plain(_VALUE, value)}" for name, value in (ringing | dict(variables)).items())
    ring = ",".join(f"[origination_uuid={_plain(_NAME, call)}]{endpoint}" for call, endpoint in legs.items())
    return f"originate {{{written}}}{ring} {then.written()}"


@dataclass(frozen=True)
class Ringing:
    """One telephone that rings for a caller. ``endpoint``: made by `line` or `telephones`.

    ``seconds``: how long it rings at most. ``accept``: the file that asks whoever answers to take the call with 1 or
    decline it with 9, as FreeSWITCH sees it; nobody is put through before, so no mailbox takes the call. ``diversion``:
    the header of this name.
    """

    endpoint: str
    seconds: int
    variables: Mapping[str, str] = field(default_factory=dict)
    accept: str = ""
    diversion: str = ""

    def written(self) -> str:
        """As ``bridge`` reads it. Raises UnsafeText."""
        given = {"leg_timeout": str(self.seconds)} | dict(self.variables)
        pairs = [f"{name}={_plain(_VALUE, value)}" for name, value in given.items()]
        if self.accept:
            # Who is on the line when the application has ended has taken the call (switch_ivr_originate.c:233).
            pairs += ["group_confirm_key=exec", "group_confirm_file=execute_extension take-call XML callcontrol"]
            pairs += [f"cc_question={_plain(_FILE, self.accept)}"]
            pairs += [f"group_confirm_timeout={self.seconds + ACCEPT_SECONDS}"]
        if self.diversion:
            pairs.append(f"sip_h_Diversion={_matching(_DIVERSION, self.diversion)}")
        return f"[{','.join(pairs)}]{self.endpoint}"


def bridge(rings: Iterable[Ringing], *, early_media: bool = False) -> tuple[str, float]:
    """What ``bridge`` is told so that all ring together and the first to take it talks; and for how long at most.

    ``early_media``: the caller hears what the far end's network says before anybody answers; for one telephone only.
    A telephone that answers 302 would send our caller wherever it likes (sofia.c:6850), so that counts as a refusal.
    """
    legs = tuple(rings)
    longest = max(leg.seconds + (ACCEPT_SECONDS if leg.accept else 2) for leg in legs)
    early_media = early_media and len(legs) == 1
    heard = {} if early_media else {"ignore_early_media": "true"}
    # A limit of all would end the call while somebody is asked for the key, so each leg has its own.
    common = heard | {"outbound_redirect_fatal": "true", "originate_timeout": str(longest)}
    written = ",".join(f"{name}={value}" for name, value in common.items())
    at_most = longest + (ANNOUNCED_SECONDS if early_media else 0.0)
    return f"{{{written}}}{','.join(leg.written() for leg in legs)}", at_most


@dataclass(frozen=True)
class Conference:
    """What whoever answers finds: ``conference``, and which room with which profile."""

    room: str
    profile: str

    def written(self) -> str:
        """As ``originate`` reads it; it ends at the first bracket."""
        return f"&conference({_plain(_NAME, self.room)}@{_plain(_NAME, self.profile)})"


@dataclass(frozen=True)
class Extension:
    """The place in the dialplan where whoever answers goes on."""

    name: str
    context: str

    def written(self) -> str:
        """As ``originate`` reads it."""
        return f"{_plain(_NAME, self.name)} XML {_plain(_NAME, self.context)}"


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise UnsafeText("not a value that may stand in a dial string")
    return text


def _plain(pattern: re.Pattern[str], text: str) -> str:
    return _matching(pattern, text_literal(text))
