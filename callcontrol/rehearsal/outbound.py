"""The application `socket HOST:PORT|HOST:PORT async full`: one call handed to a daemon.

Sources: mod_event_socket.c ``socket_function`` and ``listener_run``. Two greenlets per call: this one is the call's own
(it parks), the other reads the daemon's commands.
"""

from __future__ import annotations

import gevent
from gevent import socket as gsocket
from gevent.event import Event

from callcontrol import greenlets
from callcontrol.rehearsal.arguments import split
from callcontrol.rehearsal.commands import answer, run_first
from callcontrol.rehearsal.line import true
from callcontrol.rehearsal.listener import Listener
from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.wire import CommandReader, Outlet

CONNECT_SECONDS = 25.0  # mod_event_socket.c:2704: how long the daemon may take to say anything
PARK_SECONDS = 0.001  # `connect` is found out by polling, so a quick daemon's first commands come before CHANNEL_PARK
GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"


def hand_over(session: Session, argument: str) -> None:
    """Connect, let the daemon command the call while it is parked, return when it lets go or the call ends."""
    words = split(argument, 80)
    sock = _connect(session, words[0]) if words else None
    if sock is None:
        return
    control = Control(session, sock, full="full" in words[1:])
    control.start()
    while session.ready() and not control.finished and not control.listener.connected:
        session.wait()
    gevent.sleep(PARK_SECONDS)
    session.park()
    session.run_queued()
    if not session.channel.down and _resumes(control.listener):
        session.channel.state = "CS_EXECUTE"


def _connect(session: Session, hosts: str) -> gsocket.socket | None:
    """The first host that accepts; a host without a port takes the port of the one before (es:454)."""
    port = 8084
    for entry in hosts.split("|"):
        host, colon, number = entry.rpartition(":")
        if colon:
            port = int(number.partition("/")[0])
        session.channel.variables.set("socket_host", host or entry)
        try:
            sock = gsocket.create_connection((host or entry, port))
        except OSError:
            continue
        sock.setsockopt(gsocket.IPPROTO_TCP, gsocket.TCP_NODELAY, 1)
        return sock
    return None


class Control:
    """The daemon's hold on one call: its listener, and the greenlet that reads its commands."""

    def __init__(self, session: Session, sock: gsocket.socket, full: bool) -> None:
        self.session = session
        self.finished = False
        self._sock = sock
        self._gone = Event()
        self._ending = False
        self._told = False  # the linger notice was sent
        fault = session.fault
        session.fault = None  # one fault per connection asked for
        self.listener = Listener(Outlet(sock, fault, self._failed), session, full)
        session.listeners.append(self.listener)
        session.controls.append(self)

    def start(self) -> None:
        """Begin to read commands."""
        self.listener.outlet.arm()
        greenlets.spawn("rehearsal-call-socket", self._run)

    @property
    def lingers(self) -> bool:
        """Whether the daemon has asked to hear of the call after its end."""
        return self.listener.linger is not None

    def call_ends(self, busy: bool) -> None:
        """The call was hung up this moment: without `linger` that is the last the daemon hears.

        busy: the call's thread needs a moment to find out, so that the notice comes before its last events.
        """
        if self.listener.linger is None:
            self.close()
        elif busy:
            self._tell_linger()

    def call_ended(self) -> None:
        """The call's last event is sent; from now on the daemon may linger."""
        if self.listener.linger is None:
            self.close()
        else:
            self._tell_linger()

    def _tell_linger(self) -> None:
        listener, channel = self.listener, self.session.channel
        if self._told or listener.linger is None or not listener.running:
            return
        self._told = True
        listener.outlet.write(
            f"Content-Type: text/disconnect-notice\nControlled-Session-UUID: {channel.uuid}\n"
            f"Content-Disposition: linger\nChannel-Name: {channel.name}\nLinger-Time: {listener.linger}\n"
            "Content-Length: 0\n\n".encode("utf-8", "surrogateescape")
        )
        if listener.linger >= 0:
            greenlets.spawn("rehearsal-linger", self._linger, float(listener.linger))

    def _linger(self, seconds: float) -> None:
        if not self._gone.wait(seconds):
            self.close()

    def _run(self) -> None:
        reader = CommandReader(self._sock)
        first = gevent.with_timeout(CONNECT_SECONDS, reader.read, timeout_value=None)
        if first is not None and not self.listener.outlet.stalled:
            run_first(self.session.hub, self.listener, first)
            while self.listener.running:
                command = reader.read()
                if command is None or self.listener.outlet.stalled:
                    break
                answer(self.session.hub, self.listener, command)
                if self._ending:
                    break
        if self.listener.outlet.stalled:
            while reader.read() is not None:
                pass  # nobody listens any more, but the socket stays open until the daemon gives up
            self.listener.outlet.finish()
        self.close()

    def _failed(self) -> None:
        """A fault closed the socket under us."""
        if self.listener.outlet.closed:
            self.close()

    def close(self) -> None:
        """Say goodbye, close, and let the call go."""
        if self.finished:
            return
        if self.listener.answering:
            self._ending = True  # a command of the daemon's own did it: its reply comes first
            return
        self.finished = True
        self.listener.running = False
        session = self.session
        session.hub.listeners.discard(self.listener)
        session.listeners.remove(self.listener)
        session.controls.remove(self)
        self.listener.outlet.write(notice(session.channel.uuid))
        session.release(_resumes(self.listener))
        session.destroy_when_free()
        self.listener.outlet.close()
        self._gone.set()


def notice(uuid: str = "") -> bytes:
    """The last thing FreeSWITCH says on a socket (es:631-659)."""
    whose = f"Controlled-Session-UUID: {uuid}\nContent-Disposition: disconnect\n" if uuid else ""
    return f"Content-Type: text/disconnect-notice\n{whose}Content-Length: {len(GOODBYE)}\n\n{GOODBYE}".encode()


def _resumes(listener: Listener) -> bool:
    assert listener.session is not None
    return listener.resume or true(listener.session.variable("socket_resume"))
