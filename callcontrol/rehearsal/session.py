"""One call inside the switch: its thread, the commands queued for it, its keys, and what it is doing now.

A session's thread runs one application at a time. While an application waits it runs the commands that arrived, inside
itself (src/switch_ivr.c ``switch_ivr_parse_all_events``), unless one of them asked for the event lock.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from gevent.event import Event as Wake

from callcontrol.rehearsal import names, template
from callcontrol.rehearsal.channel import Channel
from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.hub import Hub, new_uuid
from callcontrol.rehearsal.transcript import Kind, Transcript
from callcontrol.rehearsal.wire import Command, Fault

if TYPE_CHECKING:
    from callcontrol.rehearsal.listener import Listener
    from callcontrol.rehearsal.outbound import Control

QUEUE_LIMIT = 256  # src/include/private/switch_core_pvt.h:65
SILENCE = ""  # stands in the queue of keys where the phone lets a wait run out
DEPTH_LIMIT = 32  # switch_ivr.c:917 SWITCH_MAX_STACKS
_SCOPE = re.compile(r"%([^\[])?\[([^\]]*)\]")
_VARIABLE = re.compile(r"\$?\$\{([^{}]*)\}")


class Application(Protocol):
    """What `sendmsg execute` can run."""

    @property
    def media(self) -> bool:
        """Whether a ringing call is pre-answered first."""

    @property
    def zombie(self) -> bool:
        """Whether it also runs on a call that is over."""

    @property
    def run(self) -> Callable[[Session, str], None]:
        """The application itself."""


class Session:
    """A live call. ``transcript`` is what its phone hears and does."""

    def __init__(self, hub: Hub, call: template.Dialled, transcript: Transcript) -> None:
        self.hub = hub
        self.channel = Channel(call)
        self.transcript = transcript
        self.listeners: list[Listener] = []
        self.keys: deque[str] = deque()
        self.silent = False  # every wait for a key runs out at once
        self.breaking = False  # uuid_break
        self.controlled = False  # parked under a listener
        self.transfer_to = ""  # an extension of the dialplan; leaves every application
        self.room_leave: Callable[[], None] | None = None
        self.music = False
        self.lingering_at: str = ""  # the prompt the phone keeps listening to
        self.over = False  # the thread has ended
        self.hung_up_by_phone = False
        self.fault: Fault | None = None  # how the next socket to the daemon fails
        self.controls: list[Control] = []
        self.net_limit = float("inf")  # seconds the music of the safety net lasts
        self._scopes: list[dict[str, str]] = []
        self._private: deque[Command] = deque()
        self._locks = 0
        self._depth = 0
        self._wake = Wake()

    # -- state ---------------------------------------------------------------------------------------------------

    def ready(self) -> bool:
        """Whether an application may go on (switch_channel.c ``switch_channel_test_ready``)."""
        return not self.channel.down and self.channel.state != "CS_RESET" and not self.transfer_to

    def wake(self) -> None:
        """Make the thread look again at what it waits for."""
        self._wake.set()

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until something happens to the call, at most ``seconds`` long."""
        self._wake.wait(seconds)
        self._wake.clear()

    def fire(self, name: str, after: list[Header] | None = None, before: list[Header] | None = None) -> None:
        """Send an event about this call."""
        self.hub.fire(name, self, after or (), before or ())

    def answer(self) -> None:
        """200 OK: media, CHANNEL_ANSWER, call state ACTIVE. Nothing when already answered."""
        channel = self.channel
        if channel.down or channel.answered:
            return
        if not channel.early:
            self._set_all(template.media_started(channel.call))
        channel.stamp("answered")
        channel.answered = True
        self.fire("CHANNEL_ANSWER")
        channel.variables.set("endpoint_disposition", "ANSWER")
        self.set_callstate("ACTIVE")
        self._set_all(template.acknowledged(channel.call))
        self.transcript.add(Kind.ANSWERED)

    def pre_answer(self) -> bool:
        """183 with media; False when the call is over."""
        channel = self.channel
        if channel.down:
            return False
        if not channel.answered and not channel.early:
            self._set_all(template.media_started(channel.call))
            channel.stamp("progress_media")
            channel.early = True
            channel.variables.set("endpoint_disposition", "EARLY MEDIA")
            self.fire("CHANNEL_PROGRESS_MEDIA")
            self.set_callstate("EARLY")
            self.transcript.add(Kind.RINGS_BACK)
        return True

    def hangup(self, cause: str = "NORMAL_CLEARING", by_phone: bool = False) -> None:
        """End the call at once; its thread finds out. ``by_phone``: BYE or CANCEL came from the far end."""
        channel = self.channel
        if channel.down:
            return
        if by_phone:
            cause = self._phone_hung_up(cause)
        elif channel.answered:
            channel.variables.set("sip_hangup_disposition", "send_bye")
        channel.state = "CS_HANGUP"
        channel.hangup_cause = cause
        channel.stamp("hangup")
        self.fire("CHANNEL_HANGUP")
        self.wake()

    def _phone_hung_up(self, cause: str) -> str:
        self.hung_up_by_phone = True
        if not self.channel.answered:
            self._set_all([("sip_hangup_disposition", "recv_cancel")])
            return "ORIGINATOR_CANCEL"
        self._set_all([("sip_term_status", "200"), ("proto_specific_hangup_cause", "sip:200")])
        self._set_all([("sip_term_cause", "16"), ("sip_hangup_disposition", "recv_bye")])
        return cause

    def transfer(self, extension: str) -> None:
        """Leave every application for an extension of the dialplan."""
        self.transfer_to = extension
        self.wake()

    def park(self) -> None:
        """Wait for commands until the listener lets go or the call ends (switch_ivr.c:953)."""
        if self.controlled or self.channel.state == "CS_RESET":
            return
        self.controlled = True
        self.fire("CHANNEL_PARK")
        while self.ready() and self.controlled:
            self.run_queued()
            while self.hub.pace and self.has_key():
                self.take_key()  # a parked call loses keys; without pace nobody has time to press one
            if self.ready() and self.controlled:
                self.wait()
        self.controlled = False
        self.fire("CHANNEL_UNPARK")

    def release(self, resume: bool) -> None:
        """The listener is gone: `resume` breaks whatever runs, otherwise only the park ends (es:2805-2845)."""
        if resume and self.ready():
            self.channel.state = "CS_RESET"
        self.controlled = False
        self.wake()

    def set_music(self, on: bool) -> None:
        """Note whether music is what the phone hears now."""
        if on != self.music:
            self.music = on
            self.transcript.changed()

    def variable(self, name: str) -> str:
        """A variable as an application sees it, those of its own scope first; ``""`` when unset."""
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return self.channel.variables.get(name) or ""

    def _set_all(self, headers: list[Header]) -> None:
        for name, value in headers:
            self.channel.variables.set(name, value)

    def set_callstate(self, state: str) -> None:
        """Change what events show as Channel-Call-State, and tell it."""
        previous, self.channel.callstate = self.channel.callstate, state
        if previous != state:
            self.fire("CHANNEL_CALLSTATE", [("Original-Channel-Call-State", previous)])

    # -- keys ----------------------------------------------------------------------------------------------------

    def has_key(self) -> bool:
        """Whether a key lies ready (a wait the phone lets run out is none)."""
        return bool(self.keys) and self.keys[0] != SILENCE

    def take_key(self) -> str:
        """The next key; tells the event socket about it unless `sensitive_dtmf` is set (switch_channel.c:508)."""
        key = self.keys.popleft()
        if not true(self.variable("sensitive_dtmf")):
            self.fire("DTMF", [("DTMF-Digit", key), ("DTMF-Duration", "1600"), ("DTMF-Source", "RTP")])
        return key

    def gives_up_waiting(self) -> bool:
        """Whether the phone lets this wait for a key run out; uses up one `stays_silent`."""
        if self.keys and self.keys[0] == SILENCE:
            self.keys.popleft()
            return True
        return self.silent and not self.keys

    # -- commands ------------------------------------------------------------------------------------------------

    def queue(self, command: Command) -> bool:
        """Queue a sendmsg; False when the queue is full (FreeSWITCH then closes the socket)."""
        if len(self._private) >= QUEUE_LIMIT:
            return False
        self._private.append(command)
        self.wake()
        return True

    def drop_queued(self) -> None:
        """Forget what is queued (``uuid_break all``)."""
        self._private.clear()

    def run_queued(self) -> None:
        """Run the commands that arrived, inside the application that calls this."""
        if self._depth > DEPTH_LIMIT:
            return
        self._depth += 1
        try:
            while self._private and not self._locks:
                self._run(self._private.popleft())
        finally:
            self._depth -= 1

    def _run(self, command: Command) -> None:
        lock = true(command.header("event-lock"))
        self._locks += lock
        try:
            match command.header("call-command"):
                case "execute":
                    self._execute(command)
                case "hangup":
                    self.hangup(names.cause(command.header("hangup-cause") or "NORMAL_CLEARING"))
        finally:
            self._locks -= lock

    def _execute(self, command: Command) -> None:
        """switch_ivr.c:536-670: loops, Event-UUID, argument from the body."""
        app = command.header("execute-app-name")
        argument = command.header("execute-app-arg")
        if not argument and command.header("content-type").lower() == "text/plain":
            argument = command.body
        loops = _number(command.header("loops"), 1)
        turn = 0
        variables = self.channel.variables
        while app and (turn < loops or loops < 0):
            began = time.monotonic()
            variables.set("app_uuid", command.header("event-uuid"))
            variables.set("app_uuid_name", command.header("event-uuid-name"))
            variables.set("current_loop", str(turn + 1))
            variables.set("total_loops", str(loops))
            turn += 1
            if not self.execute(app, argument) or not self.ready() or time.monotonic() - began < 0.5:
                break
        variables.set("current_loop", None)
        variables.set("total_loops", None)

    def execute(self, app: str, argument: str = "") -> bool:
        """Run an application with its two events; False when it never started (switch_core_session.c:2725)."""
        found = self.hub.apps.get(app)
        if self.channel.down:
            if found is None or not found.zombie:
                return found is not None
        elif found is None:
            self.hangup("DESTINATION_OUT_OF_ORDER")
            return False
        elif found.media and not self.channel.answered and not self.pre_answer():
            return False
        self._run_application(app, found, argument)
        return True

    def _run_application(self, app: str, found: Application, argument: str) -> None:
        variables = self.channel.variables
        uuid = variables.get("app_uuid") or new_uuid()
        named = variables.get("app_uuid_name")
        variables.set("app_uuid", None)
        variables.set("app_uuid_name", None)
        scope: dict[str, str] = {}
        if not true(self.variable("app_disable_expand_variables")):
            scope, argument = scope_variables(self.expand(argument))
        variables.set("current_application", app)
        variables.set("current_application_data", argument, checked=False)
        variables.set("current_application_response", None)
        data: list[Header] = [("Application-Data", argument)] if argument else []
        tail: list[Header] = [("Application-UUID", uuid), *([("Application-UUID-Name", named)] if named else [])]
        self.fire("CHANNEL_EXECUTE", [("Application", app), *data, *tail])
        self.breaking = False
        variables.set("current_application", app)
        self._scopes.append(scope)
        try:
            found.run(self, argument)
        finally:
            self._scopes.pop()
        response = variables.get("current_application_response") or "_none_"
        self.fire("CHANNEL_EXECUTE_COMPLETE", [("Application", app), *data, ("Application-Response", response), *tail])

    def expand(self, text: str) -> str:
        """``${name}`` and ``$${name}`` replaced, also in what that brings in (switch_channel.c:3995)."""
        for _ in range(100):
            match = _VARIABLE.search(text)
            if match is None:
                break
            text = text[: match.start()] + self._looked_up(match[1]) + text[match.end() :]
        return text

    def _looked_up(self, name: str) -> str:
        call, bracket, rest = name.partition("(")
        if bracket or " " in name:
            line = f"{call} {rest.removesuffix(')')}" if bracket else name
            return self.hub.api(line).rstrip("\n")
        return self.variable(name) or self.hub.globals.get(name, "")


def true(text: str) -> bool:
    """FreeSWITCH's idea of true (switch_utils.h ``switch_true``)."""
    known = ("yes", "on", "true", "t", "enabled", "active", "allow")
    return text.lower() in known or (text.isdigit() and int(text) != 0)


def scope_variables(argument: str) -> tuple[dict[str, str], str]:
    """``%[a=b,c=d]rest`` (or ``%;[a=b;c=d]rest``) into the variables of one application and its argument."""
    match = _SCOPE.match(argument)
    if match is None:
        return {}, argument
    pairs = (pair.partition("=") for pair in match[2].split(match[1] or ","))
    return {name: value for name, _, value in pairs}, argument[match.end() :]


def _number(text: str, default: int) -> int:
    try:
        return int(text)
    except ValueError:
        return default
