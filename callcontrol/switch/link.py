"""The one inbound connection to a FreeSWITCH: events in, commands out, reconnecting for ever.

After every connect the subscription is made first and the state asked for second, so that nothing happens unseen
between the two; `on_up` then replaces what was known. FreeSWITCH may drop events silently when its queues are full
(mod_event_socket.c:35), therefore the state is asked for again every RESYNC_SECONDS, which also notices a dead switch.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

import gevent
import structlog
from gevent.event import Event as Signal
from gevent.socket import create_connection, socket

from callcontrol import greenlets
from callcontrol.errors import SwitchError, SwitchLost, SwitchRefused, SwitchTimeout
from callcontrol.switch._greenswitch import SafeProtocol
from callcontrol.switch.events import Event, read_event
from callcontrol.switch.framing import Frame

CONNECT_SECONDS = 5.0
AUTH_SECONDS = 5.0
RESYNC_SECONDS = 30.0
BACKOFF_FIRST, BACKOFF_MOST = 0.2, 5.0  # seconds; the wait is drawn between half and all of it

_log = structlog.get_logger("callcontrol.link")


class LinkListener(Protocol):
    """What the daemon does with a link. ``on_event`` runs in the reader and must not block."""

    def on_up(self, link: Link) -> None:
        """Connected and subscribed: ask for the state. Errors of the switch drop the link and it connects again."""

    def on_event(self, event: Event) -> None:
        """An event that was subscribed."""

    def on_down(self, link: Link) -> None:
        """The connection is lost; `on_up` will follow."""


class Link:
    """One FreeSWITCH. ``password`` is asked at every connect, so that a new one is used without a restart."""

    def __init__(
        self,
        name: str,
        address: tuple[str, int],
        password: Callable[[], str],
        listener: LinkListener,
        *,
        subscribe: str = "CUSTOM conference::maintenance",
    ) -> None:
        self.name = name
        self._address = address
        self._password = password
        self._listener = listener
        self._subscribe = subscribe
        self._socket: _LinkSocket | None = None
        self._stopping = Signal()
        self.up = False
        self.reconnects = -1

    def start(self) -> None:
        """Connect, and keep connected until `stop`."""
        greenlets.spawn(f"link {self.name}", self._run)

    def stop(self) -> None:
        """Close for good."""
        self._stopping.set()
        self._drop()

    def api(self, command: str, *, deadline: float = 5.0) -> str:
        """The answer of an API command. Raises SwitchLost, SwitchTimeout, SwitchRefused (``-ERR``)."""
        if self._socket is None:
            raise SwitchLost(f"no connection to {self.name}")
        frame = self._socket.send(f"api {command}", deadline=deadline)
        answer = frame.body.decode("utf-8", "surrogateescape").rstrip("\n") or frame.reply_text
        if answer.startswith("-ERR"):
            raise SwitchRefused(answer)
        return answer

    def _run(self) -> None:
        delay = BACKOFF_FIRST
        while not self._stopping.is_set():
            try:
                self._connect()
                delay = BACKOFF_FIRST
                self._keep_in_step()
            except (SwitchError, OSError) as error:
                _log.warning("link is down", switch=self.name, reason=str(error))
            finally:
                self._drop()
            self._stopping.wait(timeout=random.uniform(delay / 2, delay))
            delay = min(delay * 2, BACKOFF_MOST)

    def _connect(self) -> None:
        sock = create_connection(self._address, timeout=CONNECT_SECONDS)
        sock.settimeout(None)
        self._socket = _LinkSocket(sock, self.name, self._listener.on_event)
        self._socket.authenticate(self._password())
        self._expect_ok(self._socket.send(f"event json {self._subscribe}"))
        self.reconnects += 1
        self._listener.on_up(self)
        self.up = True
        _log.info("link is up", switch=self.name)

    def _keep_in_step(self) -> None:
        while self._socket is not None and not self._socket.closed.wait(timeout=RESYNC_SECONDS):
            self._listener.on_up(self)
        raise SwitchLost("the switch closed the connection")

    def _drop(self) -> None:
        was_up, self.up = self.up, False
        if self._socket is not None:
            self._socket.stop()
            self._socket = None
        if was_up:
            self._listener.on_down(self)

    @staticmethod
    def _expect_ok(reply: Frame) -> None:
        if not reply.reply_text.startswith("+OK"):
            raise SwitchRefused(reply.reply_text)


class _LinkSocket(SafeProtocol):
    def __init__(self, sock: socket, name: str, on_event: Callable[[Event], None]) -> None:
        super().__init__(sock, name)
        self._on_event = on_event
        self._asked = Signal()
        self.closed = Signal()
        self.start_event_handlers()

    def authenticate(self, password: str) -> None:
        """Wait for the switch to ask, and answer. D8: both waits have a deadline."""
        if "\n" in password or "\r" in password:
            raise SwitchRefused("the event socket password holds a line break")
        with gevent.Timeout(AUTH_SECONDS, SwitchTimeout("the switch did not ask for the password")):
            self._asked.wait()
        reply = self.send(f"auth {password}", deadline=AUTH_SECONDS)
        if reply.reply_text != "+OK accepted":
            raise SwitchRefused("the switch does not accept the event socket password")

    def on_frame(self, frame: Frame) -> None:
        if frame.content_type == b"auth/request":
            self._asked.set()
        elif frame.content_type in (b"text/disconnect-notice", b"text/rude-rejection"):
            self.give_up(SwitchLost(f"the switch ended the link ({frame.content_type.decode()})"))
        elif (event := read_event(frame)) is not None:
            self._on_event(event)

    def on_gone(self, error: SwitchError) -> None:
        self._asked.set()  # whoever waits for the question learns from `send` that the connection is over
        self.closed.set()
