"""greenswitch's protocol class, made safe. The only module that imports greenswitch.

greenswitch 0.0.19 is the protocol's home: its command FIFO (`_commands_sent`), its `connected` flag, its greenlet that
reads, its words for the two directions. What is unsafe in it is overridden here, one named method per group of
defects; `tests/test_greenswitch_defects.py` shows each defect in the original beside this class.

Deliberately not inherited: OutboundSession's verbs (no deadline, completion matched by application name),
OutboundESLServer (accept by polling, backlog 100), ESLEvent (decodes before it splits).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar, cast

import gevent
import greenswitch
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore
from gevent.socket import IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_NODELAY, socket

from callcontrol import greenlets
from callcontrol.errors import SwitchError, SwitchLost, SwitchTimeout
from callcontrol.switch.framing import Frame, FrameParser

RECEIVE_BYTES = 65536
# FreeSWITCH reads commands one byte per recv (mod_event_socket.c:1260), so 10 s for a small command means it is stuck.
SEND_SECONDS = 10.0

T = TypeVar("T")


def wait(result: AsyncResult[T], deadline: float, complaint: str) -> T:
    """The value of ``result``; SwitchTimeout with ``complaint`` when there is none after ``deadline`` seconds."""
    try:
        return cast(T, result.get(timeout=deadline))
    except gevent.Timeout:
        raise SwitchTimeout(f"{complaint} within {deadline:g} s") from None


class Pending:
    """A command that is on its way: the answer belongs to it even when nobody waits for it any longer."""

    __slots__ = ("_result", "on_reply")

    def __init__(self, on_reply: Callable[[Frame], None] | None = None) -> None:
        self._result: AsyncResult[Frame] | None = None
        self.on_reply = on_reply

    def expect(self) -> AsyncResult[Frame]:
        """The result to wait on; made only for commands somebody waits for."""
        if self._result is None:
            self._result = AsyncResult()
        return self._result

    def answered(self, frame: Frame) -> None:
        if self._result is not None:
            self._result.set(frame)
        if self.on_reply is not None:
            self.on_reply(frame)

    def failed(self, error: Exception) -> None:
        if self._result is not None and not self._result.ready():
            self._result.set_exception(error)


class SafeProtocol(greenswitch.ESLProtocol):  # type: ignore[misc]  # greenswitch has no types
    """greenswitch.ESLProtocol without its defects (numbers as in the tests: D1, D2, ...).

    Subclasses say what an event means (`on_event`), what the end of the conversation means (`on_gone`), and with which
    error waiters are woken (`gone_error`).
    """

    def __init__(self, sock: socket, name: str) -> None:
        super().__init__()
        # D11, D18: greenswitch polls this queue once a second in a second greenlet per call; we dispatch while reading.
        self._esl_event_queue = None
        self._commands_sent: deque[Pending] = deque()
        self._sending = BoundedSemaphore(1)
        self.name = name
        self.sock = sock
        self.connected = True
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        sock.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)

    # -- what subclasses define ------------------------------------------------------------------------------------

    def on_frame(self, frame: Frame) -> None:
        """An event, notice or other frame that answers no command. Runs in the reader: must not block."""
        raise NotImplementedError

    def on_gone(self, error: SwitchError) -> None:
        """The connection is over; called once, in whatever greenlet noticed. Must not block."""

    def gone_error(self, error: SwitchError) -> Exception:
        """The error that waiters of commands get when the connection is over."""
        return error

    # -- overrides of greenswitch, each for the defects it names -----------------------------------------------------

    def start_event_handlers(self) -> None:
        """D11, D18: one greenlet that reads and dispatches, instead of two and a poll every second."""
        self._receive_events_greenlet = greenlets.spawn(f"read {self.name}", self.receive_events)

    def receive_events(self) -> None:
        """D1-D4, D7, D9, D22: frames by the outer length, end of stream and every error end the connection for all."""
        parser = FrameParser()
        try:
            while self.connected:
                data = self.sock.recv(RECEIVE_BYTES)
                if not data:
                    self.give_up(SwitchLost("the switch closed the connection"))
                    return
                for frame in parser.feed(data):
                    self.handle_event(frame)
        except OSError as error:
            self.give_up(SwitchLost(f"the connection broke: {error.strerror or error}"))
        except SwitchError as error:
            self.give_up(error)
        except Exception as error:
            self.give_up(SwitchLost(f"the reader failed: {type(error).__name__}"))
            raise

    def handle_event(self, frame: Frame) -> None:
        """D3, D9, D22: decided by the outer Content-Type alone; an unexpected reply is an error, not an IndexError."""
        if frame.content_type in (b"command/reply", b"api/response"):
            if not self._commands_sent:
                raise SwitchLost("a reply to nothing we asked")
            self._commands_sent.popleft().answered(frame)
        else:
            self.on_frame(frame)

    def process_events(self) -> None:
        """D11: there is no queue of events to process."""
        raise NotImplementedError("events are dispatched by the reader")

    def send(self, data: str, body: bytes = b"", *, deadline: float = 10.0) -> Frame:
        """D5-D9: write one command whole and wait for its reply, `deadline` seconds at most.

        Raises SwitchTimeout, or `gone_error` when the connection ends first. A reply that comes late is dropped by its
        own place in the queue, so that the next command does not get it.
        """
        pending = Pending()
        result = pending.expect()
        self.post(data, body, pending)
        return wait(result, deadline, f"no reply to {data.split(maxsplit=1)[0]!r}")

    def post(self, data: str, body: bytes = b"", pending: Pending | None = None) -> None:
        """Write one command whole, without waiting for its reply (D5: sendall; D6: waiter and bytes in one order)."""
        if body:
            data = f"{data}\ncontent-type: text/plain\ncontent-length: {len(body)}"
        self.post_many([(data.encode("utf-8", "surrogateescape") + b"\n\n" + body, pending or Pending())])

    def post_many(self, commands: list[tuple[bytes, Pending]]) -> None:
        """Write several commands in one piece of TCP; each is its bytes with their end and the place for its reply."""
        with self._sending:
            if not self.connected:
                raise self.gone_error(SwitchLost("the connection is closed"))
            self._commands_sent.extend(pending for _, pending in commands)
            try:
                with gevent.Timeout(SEND_SECONDS, SwitchLost("the switch does not read")):
                    self.sock.sendall(b"".join(data for data, _ in commands))
            except (OSError, SwitchLost) as error:
                lost = error if isinstance(error, SwitchLost) else SwitchLost(f"cannot write: {error.strerror}")
                self.give_up(lost)
                raise self.gone_error(lost) from None

    def stop(self) -> None:
        """D7, D21: close at once and wake everybody; nothing is sent, nobody is waited for."""
        self.give_up(SwitchLost("closed by us"))

    def give_up(self, error: SwitchError) -> None:
        """D7: the connection is over: close it and wake every waiter with an error. Harmless when repeated."""
        if not self.connected:
            return
        self.connected = False
        self._run = False
        self.sock.close()
        reason = self.gone_error(error)
        while self._commands_sent:
            self._commands_sent.popleft().failed(reason)
        self.on_gone(error)
