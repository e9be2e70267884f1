"""The one inbound connection to a FreeSWITCH: events in, commands out, reconnecting for ever.

After every connect the subscription is made first and the state asked for second, so that nothing happens unseen
between the two; `on_up` then replaces what was known. FreeSWITCH may drop events silently when its queues are full
(mod_event_socket.c:35), therefore the state is asked for again every `resync` seconds, which also finds a switch that
hangs: its silence is a SwitchTimeout in `on_up`, and that drops the link.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from gevent.event import Event as Signal
from gevent.socket import create_connection, socket

from callcontrol import greenlets
from callcontrol.errors import SwitchError, SwitchLost, SwitchRefused, SwitchTimeout, UnsafeText
from callcontrol.switch._greenswitch import SafeProtocol
from callcontrol.switch.events import Event, read_event
from callcontrol.switch.framing import Frame
from callcontrol.switch.literals import one_line

_log = structlog.get_logger("callcontrol.link")


@dataclass(frozen=True)
class LinkTimes:
    """Deadlines and pauses of a link, in seconds.

    ``connect``: TCP. ``reply``: the question for the password, and each answer while the link is made. ``resync``: how
    often the state is asked for. The wait before the next attempt doubles from ``backoff_first`` to ``backoff_most``
    and is drawn between half and all of it, so that many daemons do not come back at the same moment.
    """

    connect: float = 5.0
    reply: float = 5.0
    resync: float = 30.0
    backoff_first: float = 0.2
    backoff_most: float = 5.0


class LinkListener(Protocol):
    """What the daemon does with a link. ``on_event`` runs in the reader and must not wait."""

    def on_up(self, link: Link) -> None:
        """Connected and subscribed, and again every `resync` seconds: ask for the state. An error drops the link."""

    def on_event(self, event: Event) -> None:
        """An event that was subscribed. An error is logged and changes nothing else."""

    def on_down(self, link: Link) -> None:
        """The connection for which `on_up` was called is lost; `on_up` will follow."""


class Link:
    """One FreeSWITCH. ``password`` is asked at every connect, so that a new one is used without a restart.

    ``up``: connected, and `on_up` has run. ``reconnects``: connections made after the first.
    """

    def __init__(
        self,
        name: str,
        address: tuple[str, int],
        password: Callable[[], str],
        listener: LinkListener,
        *,
        subscribe: str = "CUSTOM conference::maintenance",
        times: LinkTimes = LinkTimes(),
    ) -> None:
        self.name = name
        self._address = address
        self._password = password
        self._listener = listener
        self._subscribe = subscribe
        self._times = times
        self._socket: _LinkSocket | None = None
        self._stopping = Signal()
        self._connections = 0
        self.up = False

    @property
    def reconnects(self) -> int:
        return max(0, self._connections - 1)

    def start(self) -> None:
        """Connect, and keep connected until `stop`."""
        greenlets.spawn(f"link {self.name}", self._run)

    def stop(self) -> None:
        """Close for good."""
        self._stopping.set()
        if self._socket is not None:
            self._socket.stop()

    def api(self, command: str, *, deadline: float = 5.0) -> str:
        """The answer of an API command. Raises SwitchLost, SwitchTimeout, SwitchRefused (``-ERR``, ``-USAGE``)."""
        if self._socket is None or not self._socket.subscribed:
            raise SwitchLost(f"no connection to {self.name}")
        frame = self._socket.send(f"api {one_line(command)}", deadline=deadline)
        answer = frame.body.decode("utf-8", "surrogateescape").rstrip("\n") or frame.reply_text
        if answer.startswith(("-ERR", "-USAGE")):
            raise SwitchRefused(answer)
        return answer

    def begin(self, command: str, job: str, *, deadline: float = 5.0) -> None:
        """Start an API command that may take long; its end is a BACKGROUND_JOB event with ``job`` as Job-UUID."""
        if self._socket is None or not self._socket.subscribed:
            raise SwitchLost(f"no connection to {self.name}")
        self._socket.send(f"bgapi {one_line(command)}\nJob-UUID: {one_line(job)}", deadline=deadline)

    def _run(self) -> None:
        delay = self._times.backoff_first
        while not self._stopping.is_set():
            try:
                self._serve_one_connection()
            except (SwitchError, OSError) as error:
                if not self._stopping.is_set():
                    _log.warning("link is down", switch=self.name, reason=str(error))
            except Exception:  # noqa: BLE001 - whatever broke in a listener, the next connection may do without it
                _log.exception("link is down", switch=self.name)
            finally:
                delay = self._times.backoff_first if self.up else delay
                self._drop()
            self._stopping.wait(timeout=random.uniform(delay / 2, delay))
            delay = min(delay * 2, self._times.backoff_most)

    def _serve_one_connection(self) -> None:
        """Connect, and stay until the connection is over; always ends with an error."""
        sock = create_connection(self._address, timeout=self._times.connect)
        sock.settimeout(None)
        connection = self._socket = _LinkSocket(sock, self.name, self._listener.on_event)
        if self._stopping.is_set():  # `stop` found nothing to close while we were connecting
            raise SwitchLost("stopped")
        connection.authenticate(self._password(), deadline=self._times.reply)
        connection.subscribe(self._subscribe, deadline=self._times.reply)
        self._connections += 1
        self._listener.on_up(self)
        self.up = True
        _log.info("link is up", switch=self.name)
        while not connection.closed.wait(timeout=self._times.resync):
            self._listener.on_up(self)
        raise connection.gone_error(connection.lost)

    def _drop(self) -> None:
        connection, self._socket, self.up = self._socket, None, False
        if connection is None:
            return
        connection.stop()
        if connection.subscribed:
            try:
                self._listener.on_down(self)
            except Exception:  # noqa: BLE001 - a listener's mistake must not end the link for ever
                _log.exception("listener failed", switch=self.name, at="on_down")


class _LinkSocket(SafeProtocol):
    def __init__(self, sock: socket, name: str, on_event: Callable[[Event], None]) -> None:
        super().__init__(sock, name)
        self._on_event = on_event
        self._asked = Signal()
        self.closed = Signal()
        self.subscribed = False
        self.start_event_handlers()

    def authenticate(self, password: str, *, deadline: float) -> None:
        """Wait for the switch to ask, and answer. D8: both waits have a deadline."""
        try:
            command = f"auth {one_line(password)}"
        except UnsafeText:
            raise SwitchRefused("the event socket password holds a line break") from None
        if not self._asked.wait(timeout=deadline):
            raise SwitchTimeout("the switch did not ask for the password")
        if self.send(command, deadline=deadline).reply_text != "+OK accepted":
            raise SwitchRefused("the switch does not accept the event socket password")

    def subscribe(self, events: str, *, deadline: float) -> None:
        """Ask for events, as JSON."""
        reply = self.send(f"event json {one_line(events)}", deadline=deadline)
        if not reply.reply_text.startswith("+OK"):
            raise SwitchRefused(reply.reply_text)
        self.subscribed = True

    def on_frame(self, frame: Frame) -> None:
        if frame.content_type == b"auth/request":
            self._asked.set()
        elif frame.content_type == b"text/rude-rejection":
            self.give_up(SwitchLost("the switch refuses our address (apply-inbound-acl of its event socket)"))
        elif frame.content_type == b"text/disconnect-notice":
            self.give_up(SwitchLost("the switch said goodbye"))
        elif (event := read_event(frame)) is not None:
            self._dispatch(event)

    def on_gone(self, error: SwitchError) -> None:
        self._asked.set()  # whoever waits for the question learns from `send` that the connection is over
        self.closed.set()

    def _dispatch(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:  # noqa: BLE001 - one bad event must not end the link
            _log.exception("listener failed", switch=self.name, at=event.name)
