"""greenswitch's protocol class, made safe. The only module that imports greenswitch.

greenswitch 0.0.19 is the protocol's home: its command FIFO (`_commands_sent`), its `connected` flag, its greenlet that
reads, its words for the two directions. What is unsafe in it is overridden here, one named method per group of
defects; `tests/test_greenswitch_defects.py` shows each defect in the original beside this class.

Deliberately not inherited: OutboundSession's verbs (no deadline, completion matched by application name),
OutboundESLServer (accept by polling, backlog 100), ESLEvent (decodes before it splits).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import TypeVar, cast

import gevent
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore
from gevent.socket import IPPROTO_TCP, TCP_NODELAY, socket
from greenswitch import esl as greenswitch

from callcontrol import greenlets
from callcontrol.errors import SwitchError, SwitchLost, SwitchTimeout
from callcontrol.switch.framing import Frame, FrameParser, FramingError

RECEIVE_BYTES = 16384
# A switch that talks without a pause must not keep the hub to itself: recv does not wait while there are bytes.
TURNS_BEFORE_OTHERS = 16

T = TypeVar("T")


def wait(result: AsyncResult[T], deadline: float, complaint: str) -> T:
    """The value of ``result``; SwitchTimeout with ``complaint`` when there is none after ``deadline`` seconds.

    A gevent.Timeout that somebody else set around us passes through as what it is.
    """
    timer = gevent.Timeout.start_new(deadline)
    try:
        return cast(T, result.get())
    except gevent.Timeout as expired:
        if expired is not timer:
            raise
        raise SwitchTimeout(f"{complaint} within {deadline:g} s") from None
    finally:
        timer.close()


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
        """The reply has come. Runs in the reader."""
        if self._result is not None:
            self._result.set(frame)
        if self.on_reply is not None:
            self.on_reply(frame)

    def failed(self, error: Exception) -> None:
        """No reply will come."""
        if self._result is not None:
            self._result.set_exception(error)


# A whole command with its end, and the place for its reply.
Command = tuple[bytes, Pending]


def encoded(command: str) -> bytes:
    """The bytes of a command with the empty line that ends it."""
    return command.encode("utf-8", "surrogateescape") + b"\n\n"


class SafeProtocol(greenswitch.ESLProtocol):  # type: ignore[misc]  # greenswitch has no types
    """greenswitch.ESLProtocol without its defects (numbers as in the tests: D1, D2, ...).

    Subclasses say what a frame means (`on_frame`), what the end of the conversation means (`on_gone`), and with which
    error waiters are woken (`gone_error`).
    """

    # FreeSWITCH reads commands one byte per recv (mod_event_socket.c:1260): 10 s for a small command means it is stuck.
    send_seconds = 10.0

    def __init__(self, sock: socket, name: str) -> None:
        super().__init__()
        # D11, D18: greenswitch polls this queue once a second in a second greenlet per call; we dispatch while reading.
        self._esl_event_queue = None
        self._commands_sent: list[Pending] = []
        self._sending = BoundedSemaphore(1)
        self.lost = SwitchLost("the connection is closed")
        self.name = name
        self.sock = sock
        self.connected = True
        with suppress(OSError):  # a peer that is gone already: the reader will tell
            sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)

    # -- what subclasses define ------------------------------------------------------------------------------------

    def on_frame(self, frame: Frame) -> None:
        """An event, notice or other frame that answers no command. Runs in the reader: must not block."""
        raise NotImplementedError

    def on_gone(self, error: SwitchError) -> None:
        """The connection is over; called once, in whatever greenlet noticed. Must not block."""

    def gone_error(self, error: SwitchError) -> Exception:
        """The error one waiter gets when the connection is over; a new one each, as each is raised on its own."""
        return SwitchLost(str(error))

    # -- overrides of greenswitch, each for the defects it names -----------------------------------------------------

    def start_event_handlers(self) -> None:
        """D11, D18: one greenlet that reads and dispatches, instead of two and a poll every second."""
        self._receive_events_greenlet = greenlets.spawn(f"read {self.name}", self.receive_events)

    def receive_events(self) -> None:
        """D1-D4, D7, D9, D22: frames by the outer length, end of stream and every error end the connection for all."""
        try:
            self._read_frames(FrameParser())
        except OSError as error:
            self.give_up(SwitchLost(f"the connection broke: {error.strerror or error}"))
        except SwitchError as error:
            self.give_up(error)
        finally:  # a mistake of ours, or killed: nobody would be woken any more
            self.give_up(SwitchLost("the reader has ended"))

    def _read_frames(self, parser: FrameParser) -> None:
        for turn in count(1):
            data = self.sock.recv(RECEIVE_BYTES)
            if not data:
                raise SwitchLost("the switch closed the connection")
            for frame in parser.feed(data):
                self.handle_event(frame)
                if not self.connected:
                    return
            if turn % TURNS_BEFORE_OTHERS == 0:
                gevent.sleep(0)

    def handle_event(self, frame: Frame) -> None:
        """D3, D9, D22: decided by the outer Content-Type alone; an unexpected reply is an error, not an IndexError."""
        if frame.content_type in (b"command/reply", b"api/response"):
            if not self._commands_sent:
                raise FramingError("a reply to nothing we asked")
            self._commands_sent.pop(0).answered(frame)
        else:
            self.on_frame(frame)

    def process_events(self) -> None:
        """D11: there is no queue of events to process."""
        raise NotImplementedError("events are dispatched by the reader")

    def send(self, data: str, *, deadline: float = 10.0) -> Frame:
        """D5-D9: write one command whole and wait for its reply, `deadline` seconds at most.

        Raises SwitchTimeout, or `gone_error` when the connection ends first. A reply that comes late is dropped by its
        own place in the queue, so that the next command does not get it.
        """
        if gevent.getcurrent() is self._receive_events_greenlet:
            raise SwitchError("the reader cannot wait for what it reads itself: ask from another greenlet")
        pending = Pending()
        result = pending.expect()
        self.post_many([(encoded(data), pending)])
        return wait(result, deadline, f"no reply to {data.split(maxsplit=1)[0]!r}")

    def post(self, data: str) -> None:
        """Write one command whole, without waiting for its reply. Raises as `post_many`."""
        self.post_many([(encoded(data), Pending())])

    def post_many(self, commands: list[Command]) -> None:
        """Write several commands in one piece of TCP (D5: sendall; D6: waiters and bytes in one order).

        Raises `gone_error` when the connection is over, or when nothing can be written for `send_seconds`.
        """
        with self._sending:
            if not self.connected:
                raise self.gone_error(self.lost)
            self._commands_sent.extend(pending for _, pending in commands)
            try:
                self._write(b"".join(data for data, _ in commands))
            except SwitchLost as error:
                self.give_up(error)
                raise self.gone_error(self.lost) from None
            except BaseException:  # killed, or somebody else's timeout: half a command may be on the wire
                self.give_up(SwitchLost("interrupted while writing"))
                raise

    def _write(self, data: bytes) -> None:
        try:
            with gevent.Timeout(self.send_seconds, SwitchLost("the switch does not read")):
                self.sock.sendall(data)
        except OSError as error:
            raise SwitchLost(f"cannot write: {error.strerror or error}") from None

    def stop(self) -> None:
        """D7, D21: close at once and wake everybody; nothing is sent, nobody is waited for."""
        self.give_up(SwitchLost("closed by us"))

    def give_up(self, error: SwitchError) -> None:
        """D7: the connection is over: close it and wake every waiter with an error. Harmless when repeated."""
        if not self.connected:
            return
        self.connected = False
        self._run = False
        self.lost = SwitchLost(str(error))
        self.sock.close()
        waiting, self._commands_sent = self._commands_sent, []
        for pending in waiting:
            pending.failed(self.gone_error(error))
        self.on_gone(error)
