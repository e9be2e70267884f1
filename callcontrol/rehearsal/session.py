"""One call inside the switch: its thread, the commands queued for it, its keys, and what it is doing now.

A session's thread runs one application at a time. While an application waits it runs the commands that arrived, inside
itself (src/switch_ivr.c ``switch_ivr_parse_all_events``), unless one of them asked for the event lock.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from callcontrol.rehearsal import names, template
from callcontrol.rehearsal.bus import Bus, Prompts, new_uuid
from callcontrol.rehearsal.channel import micros
from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.line import Line, true
from callcontrol.rehearsal.placed import Placed
from callcontrol.rehearsal.transcript import Transcript
from callcontrol.rehearsal.wire import Command

QUEUE_LIMIT = 256  # src/include/private/switch_core_pvt.h:65
DEPTH_LIMIT = 32  # switch_ivr.c:917 SWITCH_MAX_STACKS
_SCOPE = re.compile(r"%([^\[])?\[([^\]]*)\]")
_VARIABLE = re.compile(r"\$?\$\{([^{}]*)\}")


class Executed(NamedTuple):
    """An application that was run; ``began`` in microseconds since 1970."""

    name: str
    argument: str
    began: int


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


class Hub(Bus):
    """The bus, with the calls that live and what they may run. ``daemon``: where the dialplan hands calls over.

    net_seconds: how long the dialplan's safety net keeps a caller in music.
    """

    def __init__(self, daemon: tuple[str, int], prompts: Prompts | None, pace: float, net_seconds: float) -> None:
        super().__init__(prompts, pace)
        self.daemon = daemon
        self.net_seconds = net_seconds
        self.apps: Mapping[str, Application] = {}
        self.api: Callable[[str], str] = str
        self.calls: dict[str, Session] = {}
        self.members = 0  # the last Member-ID given
        self.sessions = 0  # the last session number given
        self.peak = 0
        self.cdr: Path | None = None  # where what became of each call is written
        self.globals = {"hostname": "rehearsal", "domain": "127.0.0.1", "sound_prefix": "/prompts/en"}
        self.globals |= {"callcontrol_prompts": "/prompts", "callcontrol_language": "en"}


class Session(Line):
    """A live call: its line and its thread."""

    def __init__(self, hub: Hub, call: template.Dialled | Placed, transcript: Transcript) -> None:
        super().__init__(hub, call, transcript)
        self.hub: Hub = hub
        self.applications: list[Executed] = []  # in the order they were begun
        self._private: deque[Command] = deque()
        self._locks = 0
        self._depth = 0

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
                    self.hangup(names.cause(command.header("hangup-cause") or "NORMAL_CLEARING"), by_command=True)
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
                return False
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
        if not true(self.variable("disable_app_log")):
            self.applications.append(Executed(app, argument, micros()))
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

    def destroy_when_free(self) -> None:
        """Forget the call once its thread has ended and no daemon holds it any more."""
        if self.over and not self.controls and self.hub.calls.pop(self.channel.uuid, None) is not None:
            self.channel.state = self.channel.running = "CS_DESTROY"
            self.fire("CHANNEL_STATE")
            self.fire("CHANNEL_DESTROY")

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
