"""What is written on a channel so that the switch itself can tell what a call was: variables `cc_*`. Pure.

They are set before a call enters a room or rings at an extension, and end up in its call detail record, so that a leg
can be accounted for even when no daemon lived to write it down. A reader trusts none of it further than its shape: the
folder of records is another process's output.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

#: Side rooms of a room: waiting to be let in, and the talk before a callee is brought in. A room of a tenant may be
#: called so too, but has one dot only.
SIDES = ("lobby", "aside")

_SLUG = r"[a-z][a-z0-9-]{0,31}"
_ROOM = re.compile(rf"({_SLUG})\.({_SLUG})", re.ASCII)
_OFFICE = re.compile(r"([a-z]{1,16})\.([0-9]{1,16})", re.ASCII)
_TENANT = re.compile(_SLUG, re.ASCII)
_NUMBER = re.compile(r"[0-9*#+]{1,32}", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}", re.ASCII)
_ENCODED = re.compile(r"(?:[A-Za-z0-9]|\.[0-9A-F]{2}){1,300}", re.ASCII)
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_MOST_TRIES = 99
_LONGEST_NAME = 80
_LONGEST_CODE = 480  # of what may be sent to the switch as one value (callcontrol/switch/literals.py)


@dataclass(frozen=True)
class Account:
    """Whose call this is. Fields as in callcontrol.state.leg.Leg."""

    tenant: str
    room: str
    role: str
    payer: str
    number: str = ""
    name: str = ""
    tries: int = 1
    language: str = ""

    def variables(self) -> dict[str, str]:
        """Variables for the channel, of characters that may stand in any command to FreeSWITCH."""
        return {
            "cc_tenant": self.tenant,
            "cc_room": f"{self.tenant}.{self.room}",
            "cc_role": self.role,
            "cc_payer": self.payer,
            **({"cc_number": self.number} if self.number else {}),
            **({"cc_name": encoded(self.name)} if self.name else {}),
        }


def account_of(variable: Callable[[str], str]) -> Account | None:
    """The account on a channel; ``variable`` answers "" for one it does not have. None when the call is not ours."""
    found = _ROOM.fullmatch(variable("cc_room"))
    if found is None or variable("cc_tenant") not in ("", found.group(1)):
        return None
    role, payer = variable("cc_role"), variable("cc_payer")
    tries = variable("cc_try")
    return Account(
        tenant=found.group(1),
        room=found.group(2),
        role=role if role == "moderator" else "participant",
        payer=payer if payer in ("caller", "tenant") else _payer(variable("direction")),
        number=_shaped(_NUMBER, variable("cc_number")),
        name=decoded(variable("cc_name")),
        tries=int(tries) if re.fullmatch("[1-9][0-9]?", tries, re.ASCII) and int(tries) <= _MOST_TRIES else 1,
        language=_shaped(_LANGUAGE, variable("cc_language")),
    )


class Service(StrEnum):
    """What a call of an office is."""

    IN = "in"
    """Somebody outside calls the extension; the caller pays."""
    INSIDE = "inside"
    """A colleague calls the extension; nobody pays."""
    OUT = "out"
    """The extension calls a number outside."""
    FORWARD = "forward"
    """A call for the extension is sent on to a number outside."""
    MOBILE = "mobile"
    """A mobile rings for the extension."""

    @property
    def payer(self) -> str:
        """As `Account.payer`; "" when nobody pays."""
        return {Service.IN: "caller", Service.INSIDE: ""}.get(self, "tenant")


@dataclass(frozen=True)
class OfficeAccount:
    """Whose call of an office this is. ``number``: the other end, E.164 or an extension; "" when withheld."""

    tenant: str
    extension: str
    service: Service
    number: str = ""

    def variables(self) -> dict[str, str]:
        """Variables for the channel, of characters that may stand in any command to FreeSWITCH."""
        return {
            "cc_tenant": self.tenant,
            "cc_office": f"{self.service}.{self.extension}",
            **({"cc_number": self.number} if self.number else {}),
        }


def office_account_of(variable: Callable[[str], str]) -> OfficeAccount | None:
    """As `account_of`, for a call of an office."""
    found, tenant = _OFFICE.fullmatch(variable("cc_office")), variable("cc_tenant")
    if found is None or found.group(1) not in set(Service) or not _TENANT.fullmatch(tenant):
        return None
    return OfficeAccount(tenant, found.group(2), Service(found.group(1)), _shaped(_NUMBER, variable("cc_number")))


def side_of(conference: str) -> tuple[str, str]:
    """``TENANT.ROOM`` and the side of it ("" for the room itself) that a conference is: ``acme.board.lobby``."""
    room, dot, side = conference.rpartition(".")
    return (room, side) if dot and side in SIDES and "." in room else (conference, "")


def main_room(conference: str) -> str:
    """The room that a conference is, or belongs to as its lobby or side room."""
    return side_of(conference)[0]


def encoded(name: str) -> str:
    """A name as letters, digits and ``.XX`` for every other byte of its UTF-8; what does not fit is left out."""
    code = ""
    for letter in name[:_LONGEST_NAME]:
        more = "".join(chr(byte) if byte in _PLAIN else f".{byte:02X}" for byte in letter.encode("utf-8", "replace"))
        if len(code) + len(more) > _LONGEST_CODE:
            break
        code += more
    return code


def decoded(text: str) -> str:
    """The name again; "" when it is not what `encoded` writes, or holds what cannot be shown."""
    if not _ENCODED.fullmatch(text):
        return ""
    data = re.sub(r"\.([0-9A-F]{2})", lambda found: chr(int(found.group(1), 16)), text).encode("latin-1")
    name = data.decode("utf-8", "replace")
    return name if name.isprintable() else ""


def _payer(direction: str) -> str:
    return "tenant" if direction == "outbound" else "caller"


def _shaped(pattern: re.Pattern[str], text: str) -> str:
    return text if pattern.fullmatch(text) else ""
