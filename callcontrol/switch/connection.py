"""The outbound socket of one call: commands, completions by our own ids, and the end of the call told to everybody.

A completion is matched by the Event-UUID we gave (it comes back as Application-UUID), never by the application's name.
Some applications end without any completion (unknown application, call already down, no media:
switch_core_session.c:2733-2811), so every wait also ends by hang-up and by a deadline.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from itertools import count

import structlog
from gevent.event import AsyncResult
from gevent.event import Event as Signal
from gevent.socket import socket

from callcontrol.errors import HungUp, SwitchError
from callcontrol.switch._greenswitch import Command, Pending, SafeProtocol, encoded, wait
from callcontrol.switch.events import Event, read_event
from callcontrol.switch.framing import Frame, FramingError, Headers
from callcontrol.switch.literals import one_line
from callcontrol.switch.talk import Talk

CONNECT_SECONDS = 5.0
# `myevents` limits events to this channel and turns on 23 types (mod_event_socket.c:2096), each with all variables,
# about 6 kB, serialised by FreeSWITCH for us alone: all are turned off again but the two we wait for.
_OPENING = (
    b"connect\n\n",
    b"myevents json\n\n",
    b"nixevent ALL\n\n",
    b"event json CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP\n\n",
)

_log = structlog.get_logger("callcontrol.call")

Fits = Callable[[Event], bool]


class CallSocket(SafeProtocol):
    """One call's event socket. Every wait ends with HungUp when the caller or the socket is gone."""

    _ids = count(1)
    # Ids of a daemon that died on this very call must not be taken for ours.
    _process = secrets.token_hex(4)

    def __init__(self, sock: socket, name: str) -> None:
        super().__init__(sock, name)
        self._executions: dict[str, tuple[Fits, AsyncResult[Event]]] = {}
        self._cause = ""
        self._gone = Signal()
        self.start_event_handlers()

    def open(self, *, deadline: float = CONNECT_SECONDS) -> Headers:
        """Ask for the channel's data, and narrow the events to those we wait for.

        Raises HungUp when the caller is gone, SwitchTimeout when the switch says nothing for `deadline` seconds.
        """
        channel = Pending()
        result = channel.expect()
        self.post_many([(_OPENING[0], channel), *((command, Pending()) for command in _OPENING[1:])])
        return wait(result, deadline, "the switch opened a socket and sent no channel data").headers

    def execute(self, application: str, argument: str = "", *, deadline: float) -> Event:
        """Run an application on the call and wait for its end, `deadline` seconds at most.

        Arguments must have passed `literals` where any part of them comes from outside. Raises HungUp, SwitchTimeout,
        UnsafeText for a line break.
        """
        identity = self._identity()
        return self._run_until(identity, _of("CHANNEL_EXECUTE_COMPLETE", identity), application, argument, deadline)

    def start(self, application: str, argument: str = "", *, deadline: float) -> Event:
        """Run an application on the call and wait until FreeSWITCH has begun it, `deadline` seconds at most.

        Meant for the last application of a conversation: from here on each further one costs an event of 6 kB more.
        """
        identity = self._identity()
        begun = _of("CHANNEL_EXECUTE", identity)
        return self._run_until(identity, begun, application, argument, deadline, b"event json CHANNEL_EXECUTE\n\n")

    def bridge(self, talk: Talk, argument: str, *, deadline: float) -> Event:
        """Run `bridge` and wait until two talk (then ``talk`` says so) or it has ended, `deadline` seconds at most."""
        identity = self._identity()
        ended = _of("CHANNEL_EXECUTE_COMPLETE", identity)

        def fits(event: Event) -> bool:
            return talk.goes_on(event) or ended(event)

        return self._run_until(identity, fits, "bridge", argument, deadline, Talk.EVENTS)

    def api(self, command: str, *, deadline: float = 5.0) -> str:
        """The answer of an API command (``-ERR`` too), as text without its last line end."""
        frame = self.send(f"api {one_line(command)}", deadline=deadline)
        return frame.body.decode("utf-8", "surrogateescape").rstrip("\n") or frame.reply_text

    def hangup(self, cause: str) -> None:
        """Tell FreeSWITCH to end the call; does not wait for it."""
        self.post(f"sendmsg\ncall-command: hangup\nhangup-cause: {one_line(cause)}")

    def wait_gone(self, *, deadline: float) -> None:
        """Wait until the call is over, ``deadline`` seconds at most; it being over is no error here."""
        self._gone.wait(timeout=deadline)

    def on_frame(self, frame: Frame) -> None:
        if frame.content_type == b"text/disconnect-notice":
            # With linger FreeSWITCH would go on sending events; the conversation is over all the same.
            self.give_up(SwitchError("the switch said goodbye"))
            return
        event = read_event(frame)
        if event is None:
            return
        if event.name == "CHANNEL_HANGUP":
            self._cause = event.get("Hangup-Cause")
            self.give_up(SwitchError("the caller hung up"))
            return
        for fits, result in self._executions.values():
            if fits(event):
                result.set(event)

    def on_gone(self, error: SwitchError) -> None:
        if isinstance(error, FramingError):
            _log.warning("a call's event socket is unusable", reason=str(error), socket=self.name)
        self._gone.set()
        executions, self._executions = self._executions, {}
        for _, result in executions.values():
            if not result.ready():
                result.set_exception(self.gone_error(error))

    def gone_error(self, error: SwitchError) -> Exception:
        return HungUp(self._cause)

    def _identity(self) -> str:
        return f"{self._process}-{next(self._ids)}"

    def _run_until(
        self, identity: str, fits: Fits, application: str, argument: str, deadline: float, subscribe: bytes = b""
    ) -> Event:
        command = f"sendmsg\ncall-command: execute\nexecute-app-name: {one_line(application)}\nEvent-UUID: {identity}"
        if argument:
            command += f"\nexecute-app-arg: {one_line(argument)}"
        result: AsyncResult[Event] = AsyncResult()
        self._executions[identity] = (fits, result)
        try:
            reply = Pending(lambda frame: self._refused(identity, frame))
            before: list[Command] = [(subscribe, Pending())] if subscribe else []
            self.post_many([*before, (encoded(command), reply)])
            return wait(result, deadline, f"the switch says nothing of {application}")
        finally:
            self._executions.pop(identity, None)

    def _refused(self, identity: str, reply: Frame) -> None:
        """A command FreeSWITCH does not take is a call that is going down (switch_ivr.c parse_event)."""
        if reply.reply_text.startswith("-ERR") and identity in self._executions:
            self._executions[identity][1].set_exception(HungUp(self._cause))


def _of(event_name: str, identity: str) -> Fits:
    """An event of the application that was run with this Event-UUID."""
    return lambda event: event.name == event_name and event.application_uuid == identity
