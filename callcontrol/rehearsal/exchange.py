"""Who can be called: the carriers' gateways, the numbers behind them, and the telephones registered here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.template import PROFILE_PORT

UNREGISTERED = "error/user_not_registered"


@dataclass(frozen=True)
class Reaction:
    """What a telephone does when it is called.

    after: seconds it rings. cause: how it refuses, ``""`` when somebody picks up. rings: 180. announces: 183 with a
    voice in it. endless: nobody ever picks up or refuses. hopeless: ... and nobody wants to wait for that.
    """

    after: float = 0.0
    cause: str = ""
    rings: bool = True
    announces: bool = False
    endless: bool = False
    hopeless: bool = False


NOBODY = Reaction(cause="UNALLOCATED_NUMBER", rings=False)
SILENT = Reaction(cause="NORMAL_TEMPORARY_FAILURE", rings=False)


class Callee(Protocol):
    """A telephone that can be called."""

    number: str
    extension: str  # 33@acme.example, or ""
    contact: str  # sip:... of its registration, or ""

    def is_rung(self, session: Session) -> Reaction:
        """A call for it arrives."""


@dataclass(frozen=True)
class Route:
    """Where an endpoint leads. ``callee`` is None when nobody has the number; ``silence`` is how that shows."""

    door: str
    dialled: str
    gateway: str = ""
    host: str = ""
    callee: Callee | None = None
    nobody: Reaction = NOBODY


class Exchange:
    """Gateways and telephones of one switch."""

    def __init__(self, gateways: Iterable[str] = ()) -> None:
        self.gateways = set(gateways)
        self._numbers: dict[str, Callee] = {}
        self._registered: dict[str, list[Callee]] = {}

    def connect(self, callee: Callee) -> None:
        """From now on a telephone can be called; another of the same number is so no more."""
        if callee.extension:
            self._registered.setdefault(callee.extension.lower(), []).append(callee)
        else:
            self._numbers[callee.number] = callee

    def disconnect(self, callee: Callee) -> None:
        """The telephone's registration has ended, or its number is nobody's any more."""
        if callee.extension:
            self._registered[callee.extension.lower()].remove(callee)
        else:
            del self._numbers[callee.number]

    @property
    def registered(self) -> list[Callee]:
        """Every telephone that is registered."""
        return [callee for callees in self._registered.values() for callee in callees]

    def contacts(self, text: str) -> str:
        """The API command ``sofia_contact [PROFILE/]USER@DOMAIN`` (mod_sofia.c ``sofia_contact_function``)."""
        profile, slash, user = text.rpartition("/")
        known = self._registered.get(user.lower(), []) if not slash or profile in ("extensions", "*") else []
        return ",".join(f"sofia/extensions/{callee.contact}" for callee in known) or UNREGISTERED

    def route(self, endpoint: str) -> Route | str:
        """Where an endpoint leads, or the cause why FreeSWITCH does not even create a channel for it."""
        kind, _, rest = endpoint.partition("/")
        match kind.lower():
            case "sofia":
                return self._sofia(rest)
            case "error":
                return rest.upper()
            case "user":
                return "SUBSCRIBER_ABSENT"
        return "CHAN_NOT_IMPLEMENTED"

    def _sofia(self, text: str) -> Route | str:
        """mod_sofia.c ``sofia_outgoing_channel``: a gateway and a number, or a profile and a contact."""
        profile, slash, target = text.partition("/")
        if profile.lower() == "gateway":
            gateway, slash, number = target.partition("/")
            if not slash:
                return "INVALID_URL"
            if gateway not in self.gateways:
                return "INVALID_GATEWAY"
            return Route("trunk", number, gateway=gateway, callee=self._numbers.get(number))
        if not slash:
            return "INVALID_URL"
        if profile not in PROFILE_PORT:
            return "INVALID_PROFILE"
        if not target.lower().startswith("sip:"):
            return "USER_NOT_REGISTERED" if "@" not in target else "DESTINATION_OUT_OF_ORDER"
        user, _, host = target[4:].partition("@")
        return Route(profile, user, host=host, callee=self._at(target), nobody=SILENT)

    def _at(self, contact: str) -> Callee | None:
        return next((callee for callee in self.registered if callee.contact == contact), None)
