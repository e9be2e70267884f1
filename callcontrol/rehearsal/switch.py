"""The rehearsal switch: FreeSWITCH as the daemon sees it, with scripted phones instead of people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from callcontrol.rehearsal.api import Api
from callcontrol.rehearsal.apps import APPS, App
from callcontrol.rehearsal.bridge import Bridge
from callcontrol.rehearsal.bus import Prompts, new_uuid
from callcontrol.rehearsal.channel import micros
from callcontrol.rehearsal.conferences import Rooms
from callcontrol.rehearsal.dial import Dial
from callcontrol.rehearsal.exchange import Exchange, Reaction
from callcontrol.rehearsal.inbound import Inbound
from callcontrol.rehearsal.life import arrive, launch
from callcontrol.rehearsal.outbound import hand_over
from callcontrol.rehearsal.phone import Phone
from callcontrol.rehearsal.rooms import Room
from callcontrol.rehearsal.session import Application, Hub, Session
from callcontrol.rehearsal.telephone import Telephone
from callcontrol.rehearsal.template import HOST, Dialled
from callcontrol.rehearsal.transcript import Transcript
from callcontrol.rehearsal.wire import Fault

CONTACT_PORT = 40000  # telephones that register get the ports after it


class RehearsalSwitch:
    """A switch in this process. Calls go to ``daemon``; the event socket listens on ``listen`` (port 0: any).

    prompts: tells names from paths; None shows the file's stem. pace: how long media lasts (0: no time, 1: really).
    net_seconds: how long the dialplan's safety net keeps a caller in music (FreeSWITCH's configuration: 30).
    gateways: the trunks it can call out by, by name; ``exchange.gateways`` may be changed.
    cdr: the folder where it writes what became of each call, as mod_json_cdr does; made when it starts.
    """

    patience = 5.0
    """Seconds a telephone's expectations wait unless the telephone is told otherwise."""

    def __init__(
        self,
        daemon: tuple[str, int],
        prompts: Prompts | None = None,
        password: str = "rehearsal",
        listen: tuple[str, int] = ("127.0.0.1", 0),
        pace: float = 0.0,
        net_seconds: float = 30.0,
        language: str = "en",
        gateways: Iterable[str] = (),
        cdr: Path | None = None,
    ) -> None:
        self.hub = Hub(daemon, prompts, pace, net_seconds)
        self.hub.cdr = cdr
        self.exchange = Exchange(gateways)
        dial = Dial(self.hub, self.exchange)
        self._rooms = Rooms()
        apps: dict[str, Application] = {**APPS, "socket": App(hand_over), "bridge": App(Bridge(dial))}
        self.hub.apps = {**apps, "conference": App(self._rooms.join, media=True)}
        self.hub.api = Api(self.hub, self._rooms, self.exchange, dial)
        self.hub.globals["callcontrol_language"] = language
        self._telephones = 0
        self._inbound = Inbound(self.hub, listen, password)

    def start(self) -> RehearsalSwitch:
        """Listen. Raises OSError when the address is taken or the folder ``cdr`` cannot be made."""
        if self.hub.cdr is not None:
            self.hub.cdr.mkdir(parents=True, exist_ok=True)
        self._inbound.start()
        return self

    def stop(self) -> None:
        """Hang up every call, without a record of it, and close every connection."""
        self.hub.cdr = None  # mod_json_cdr.c:450: none is written while FreeSWITCH goes down
        for session in list(self.hub.calls.values()):
            session.hangup("MANAGER_REQUEST")
        self._inbound.stop()

    def drop_link(self) -> None:
        """Close every client's connection to the event socket; they may come back."""
        self._inbound.drop()

    def fail_link(self, fault: Fault) -> None:
        """Let the next connection to the event socket fail after so many bytes of ours."""
        self._inbound.fault = fault

    @property
    def link_address(self) -> tuple[str, int]:
        """Where the event socket listens."""
        return self._inbound.address

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The conferences by name."""
        return self._rooms.by_name

    @property
    def live_calls(self) -> int:
        """How many calls are up; those that are over but held by a lingering daemon do not count."""
        return sum(not session.over for session in self.hub.calls.values())

    def phone(
        self,
        number: str = "",
        name: str | bytes = "",
        withheld: bool = False,
        door: str = "trunk",
        extension: str | None = None,
        headers: Mapping[str, str | bytes] | None = None,
        patience: float | None = None,
    ) -> Phone:
        """A telephone. ``number``: its caller id, ``""`` when it sends none; ``withheld``: asserted but private.

        extension: ``33@acme.example``, for the door ``extensions``. headers: SIP headers it sends, hostile or not.
        patience: how many seconds its expectations wait; None: as long as those of the switch's other telephones.
        """
        known = "" if number.lower() == "anonymous" else number
        call = Dialled(
            number=known or (extension or "").partition("@")[0],
            name=_text(name),
            withheld=withheld,
            door=door,
            extension=extension,
            headers={header: _text(value) for header, value in (headers or {}).items()},
        )
        return Phone(self, call, self.patience if patience is None else patience)

    def telephone(
        self, number: str, answers_after: float = 0.0, presses: Sequence[str] = (), patience: float | None = None
    ) -> Telephone:
        """A telephone that can be called: ``+491715550001`` by any gateway, or ``33@acme.example`` as an extension.

        An extension may have several; each is a registration of its own. Unless told otherwise somebody picks up after
        so many seconds and presses one group of ``presses`` at each question. A number nobody has is unallocated.
        """
        user, at, _ = number.partition("@")
        self._telephones += 1
        call = Dialled(number=user, door="extensions" if at else "trunk", extension=number if at else None)
        contact = f"sip:{user}@{HOST}:{CONTACT_PORT + self._telephones};ob" if at else ""
        waits = self.patience if patience is None else patience
        telephone = Telephone(self, self.exchange, call, waits, contact, Reaction(after=answers_after), presses)
        self.exchange.connect(telephone)
        return telephone

    def place(self, call: Dialled, transcript: Transcript, fault: Fault | None) -> Session:
        """Begin a call; what the phones use."""
        session = Session(self.hub, call, transcript)
        session.fault = fault
        return launch(session, arrive)

    def dialled(self, call: Dialled, number: str) -> Dialled:
        """A phone's call to ``number`` with fresh identifiers."""
        self.hub.sessions += 1
        return replace(call, dialled=number, uuid=new_uuid(), session_id=self.hub.sessions, created=micros())


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")
