"""Who is calling, as far as FreeSWITCH can be trusted about it.

The caller's number is whatever the other side wrote into From, Remote-Party-ID or P-Asserted-Identity
(sofia.c:10844): on the trunk door it is the carrier's word, on the extensions door it is worth nothing. There only
the identity that passed digest authentication counts (`sip_authorized`, `user_name`, `domain_name`, sofia_reg.c:3448).

Whom we called ourselves is known by the variables we gave the call. A SIP header never becomes one of them (Sofia gives
it the prefix `sip_h_`), and they count on calls only that the switch made, not on those it received.
"""

from __future__ import annotations

import re
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


@dataclass(frozen=True)
class Summons:
    """What somebody was called for. ``room``: TENANT.ROOM; ``attempt``: which try, from 1; ``number``: theirs.

    What is missing or unreadable is empty or 0: then no round knows this call.
    """

    room: str
    round: str
    place: int
    attempt: int
    number: str
    moderator: bool


def read_summons(channel: Headers) -> Summons | None:
    """What we called this channel for; None when it called us."""
    if channel.get("Call-Direction") != "outbound" or channel.get("variable_cc_door") != "dialout":
        return None
    return Summons(
        room=channel.get("variable_cc_room"),
        round=channel.get("variable_cc_round"),
        place=_whole(channel.get("variable_cc_place")),
        attempt=_whole(channel.get("variable_cc_try")),
        number=channel.get("variable_cc_dialled"),
        moderator=channel.get("variable_cc_role") == "moderator",
    )


@dataclass(frozen=True)
class Origin:
    """How a call came to be. Times are UTC epoch seconds of the switch, 0.0 when it has not happened."""

    outbound: bool
    began_at: float
    answered_at: float


def read_origin(channel: Headers) -> Origin:
    """How this channel came to be, from its data."""
    return Origin(
        outbound=channel.get("Call-Direction") == "outbound",
        began_at=_seconds(channel.get("Caller-Channel-Created-Time")),
        answered_at=_seconds(channel.get("Caller-Channel-Answered-Time")),
    )


def read_caller(channel: Headers) -> Caller:
    """The caller of a channel, from its data."""
    authenticated = None
    if channel.get("variable_sip_authorized") == "true" and channel.get("variable_user_name"):
        authenticated = Authenticated(channel.get("variable_user_name"), channel.get("variable_domain_name"))
    number = channel.get("Caller-Caller-ID-Number")
    # With P-Asserted-Identity and `Privacy: id` the number is still there: hide it ourselves (sofia.c:11463).
    withheld = channel.get("Caller-Privacy-Hide-Number") == "true" or is_withheld(number)
    return Caller("" if withheld else number, authenticated)


def _whole(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def _seconds(microseconds: str) -> float:
    return int(microseconds) / 1e6 if re.fullmatch("[0-9]{1,17}", microseconds, re.ASCII) else 0.0
