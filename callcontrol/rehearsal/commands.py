"""The commands of the event socket (mod_event_socket.c ``parse_command``), with its replies to the letter."""

from __future__ import annotations

from collections.abc import Callable

from callcontrol import greenlets
from callcontrol.rehearsal.bus import new_uuid
from callcontrol.rehearsal.encoding import api_frame, reply_frame
from callcontrol.rehearsal.listener import Listener
from callcontrol.rehearsal.session import Hub
from callcontrol.rehearsal.wire import Command

Reply = str | None
"""The text of the answer; None when it was written already (or is never written)."""

NOT_FOUND = "-ERR command not found"


def answer(hub: Hub, listener: Listener, command: Command) -> None:
    """Carry out one command of an authenticated connection and write its reply, then the events it caused."""
    listener.hold()
    try:
        reply = _obey(hub, listener, command)
        if reply is not None:
            listener.outlet.write(reply_frame(reply))
    finally:
        listener.let_go()


def run_first(hub: Hub, listener: Listener, command: Command) -> None:
    """The first command of a call's connection; only `connect` gets an answer (mod_event_socket.c:2713)."""
    _obey(hub, listener, command)


def _obey(hub: Hub, listener: Listener, command: Command) -> Reply:
    line = command.line
    low = line.lower()
    if low.startswith(("exit", "...")):
        listener.running = False
        return "+OK bye"
    if low.startswith("filter "):
        return listener.subscription.filter(line[7:])
    session = listener.session
    if session is not None:
        for word, act in _CALL_COMMANDS.items():
            if low.startswith(word):
                return act(hub, listener, line)
    if low.startswith("divert_events"):
        return _divert(listener, line)
    if low.startswith("sendmsg"):
        return _sendmsg(hub, listener, command)
    if session is not None and not listener.full:
        return NOT_FOUND
    for word, run in _FULL_COMMANDS.items():
        if low.startswith(word):
            return run(hub, listener, command)
    return NOT_FOUND


def _resume(hub: Hub, listener: Listener, line: str) -> Reply:
    assert listener.session is not None
    listener.resume = True
    listener.session.channel.variables.set("socket_resume", "true")
    return "+OK"


def _connect(hub: Hub, listener: Listener, line: str) -> Reply:
    assert listener.session is not None
    listener.connected = True
    listener.outlet.write(hub.connect_reply(listener.session.channel))
    listener.session.wake()
    return None


def _getvar(hub: Hub, listener: Listener, line: str) -> Reply:
    assert listener.session is not None
    name = line.partition(" ")[2]
    return (listener.session.variable(name) if name else "") or NOT_FOUND


def _myevents(hub: Hub, listener: Listener, line: str) -> Reply:
    reply = listener.subscription.myevents(listener.uuid, line)
    hub.listeners.discard(listener)
    return reply


_CALL_COMMANDS: dict[str, Callable[[Hub, Listener, str], Reply]] = {
    "resume": _resume,
    "connect": _connect,
    "getvar": _getvar,
    "myevents": _myevents,
}


def _divert(listener: Listener, line: str) -> Reply:
    if listener.session is None:
        return "-ERR not controlling a session."
    value = line[len("divert_events") :].strip()
    if not value:
        return "-ERR missing value."
    return "+OK events diverted" if value.lower() == "on" else "+OK events not diverted"


def _sendmsg(hub: Hub, listener: Listener, command: Command) -> Reply:
    """Only queues; ``+OK`` says no more than that. A full queue closes the connection without an answer."""
    uuid = command.line[len("sendmsg") :].strip() or command.header("session-id")
    session = hub.calls.get(uuid) if uuid else listener.session
    if session is None:
        return f"-ERR invalid session id [{uuid}]"
    if not session.queue(command):
        listener.running = False
        return None
    return "+OK"


def _api(hub: Hub, listener: Listener, command: Command) -> Reply:
    listener.outlet.write(api_frame(hub.api(command.line[4:].strip())))
    return None


def _bgapi(hub: Hub, listener: Listener, command: Command) -> Reply:
    job = command.header("job-uuid")[:36] or new_uuid()
    name, _, argument = command.line[6:].strip().partition(" ")

    def run() -> None:
        body = hub.api(f"{name} {argument}".strip()) or ""
        owner = [("Job-Owner-UUID", listener.uuid)] if listener.uuid else []
        what = [("Job-Command", name), *([("Job-Command-Arg", argument)] if argument else [])]
        hub.fire("BACKGROUND_JOB", after=[("Job-UUID", job), *owner, *what], body=body, owner=listener.session)

    listener.outlet.write(reply_frame(f"~Reply-Text: +OK Job-UUID: {job}\nJob-UUID: {job}\n\n"))
    greenlets.spawn("rehearsal-bgapi", run)
    return None


def _linger(hub: Hub, listener: Listener, command: Command) -> Reply:
    if listener.session is None:
        return "-ERR not controlling a session"
    text = command.line[len("linger") :].strip()
    if not text:
        listener.linger = -1
        return "+OK will linger"
    listener.linger = int(text) if text.isdigit() else 0
    return f"+OK will linger {listener.linger} seconds"


def _nolinger(hub: Hub, listener: Listener, command: Command) -> Reply:
    if listener.session is None:
        return "-ERR not controlling a session"
    listener.linger = None
    return "+OK will not linger"


def _event(hub: Hub, listener: Listener, command: Command) -> Reply:
    reply = listener.subscription.add(command.line.split(" ")[1:])
    _place(hub, listener)
    return reply


def _nixevent(hub: Hub, listener: Listener, command: Command) -> Reply:
    reply = listener.subscription.remove(command.line.split(" ")[1:])
    _place(hub, listener)
    return reply


def _noevents(hub: Hub, listener: Listener, command: Command) -> Reply:
    hub.listeners.discard(listener)
    return listener.subscription.clear()


def _place(hub: Hub, listener: Listener) -> None:
    """A connection without `myevents` takes the events of all calls."""
    if listener.subscription.on and not listener.subscription.mine_only:
        hub.listeners.add(listener)


def _log(hub: Hub, listener: Listener, command: Command) -> Reply:
    """Accepted, but this switch has no log to send."""
    listener.logging = True
    return f"+OK log level {command.line[3:].strip()} [7]"


def _nolog(hub: Hub, listener: Listener, command: Command) -> Reply:
    was, listener.logging = listener.logging, False
    return "+OK no longer logging" if was else "-ERR not loging"


def _sendevent(hub: Hub, listener: Listener, command: Command) -> Reply:
    """An event of the peer's own making to whoever subscribed; one for a live call goes to that call alone.

    A body brings a second Content-Length, as real ones do (FreeSWITCH issue #505).
    """
    uuid = new_uuid()
    name = command.line[len("sendevent") :].strip().upper() or "CUSTOM"
    if command.header("unique-id") not in hub.calls:
        hub.fire(name, after=[*command.rows, ("Event-UUID", uuid)], body=command.body or None)
    return f"+OK {uuid}"


_FULL_COMMANDS: dict[str, Callable[[Hub, Listener, Command], Reply]] = {
    "sendevent": _sendevent,
    "api ": _api,
    "bgapi ": _bgapi,
    "log": _log,
    "linger": _linger,
    "nolinger": _nolinger,
    "nolog": _nolog,
    "event": _event,
    "nixevent": _nixevent,
    "noevents": _noevents,
}
