"""Who is calling, as far as FreeSWITCH can be trusted about it.

The caller's number is whatever the other side wrote into From, Remote-Party-ID or P-Asserted-Identity
(sofia.c:10844): on the trunk door it is the carrier's word, on the extensions door it is worth nothing. There only
the identity that passed digest authentication counts (`sip_authorized`, `user_name`, `domain_name`, sofia_reg.c:3448).
"""

from __future__ import annotations

from dataclasses import dataclass

from callcontrol.numbers import is_withheld
from callcontrol.switch.framing import Headers


@dataclass(frozen=True)
class Authenticated:
    """An extension that proved its password."""

    extension: str
    domain: str


@dataclass(frozen=True)
class Caller:
    """``number`` as received, ``""`` when withheld; ``authenticated`` only for our own extensions."""

    number: str
    authenticated: Authenticated | None = None


def read_caller(channel: Headers) -> Caller:
    """The caller of a channel, from its data."""
    authenticated = None
    if channel.get("variable_sip_authorized") == "true" and channel.get("variable_user_name"):
        authenticated = Authenticated(channel.get("variable_user_name"), channel.get("variable_domain_name"))
    number = channel.get("Caller-Caller-ID-Number")
    # With P-Asserted-Identity and `Privacy: id` the number is still there: hide it ourselves (sofia.c:11463).
    withheld = channel.get("Caller-Privacy-Hide-Number") == "true" or is_withheld(number)
    return Caller("" if withheld else number, authenticated)
