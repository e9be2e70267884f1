"""The event socket's listening side: password, then commands and events of the whole switch."""

from __future__ import annotations

import contextlib

import gevent
from gevent import socket as gsocket
from gevent.server import StreamServer

from callcontrol.rehearsal.commands import answer
from callcontrol.rehearsal.encoding import reply_frame
from callcontrol.rehearsal.listener import Listener
from callcontrol.rehearsal.outbound import notice
from callcontrol.rehearsal.session import Hub
from callcontrol.rehearsal.wire import Command, CommandReader, Fault, Outlet

AUTH_SECONDS = 25.0  # mod_event_socket.c:2726


class Inbound:
    """Serves event-socket clients. ``fault`` is how the next connection fails, once."""

    def __init__(self, hub: Hub, listen: tuple[str, int], password: str) -> None:
        self._hub = hub
        self._password = password
        self._server = StreamServer(listen, self._serve)
        self._sockets: set[gsocket.socket] = set()
        self.fault: Fault | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on, once started."""
        return str(self._server.server_host), int(self._server.server_port or 0)

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._sockets)

    def start(self) -> None:
        """Bind and serve. Raises OSError."""
        self._server.start()

    def drop(self) -> None:
        """Close every connection at once, as when FreeSWITCH dies; new ones are accepted."""
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):  # already gone
                sock.shutdown(gsocket.SHUT_RDWR)

    def stop(self) -> None:
        """Close everything."""
        self._server.stop(timeout=0.1)
        self.drop()

    def _serve(self, sock: gsocket.socket, address: object) -> None:
        sock.setsockopt(gsocket.IPPROTO_TCP, gsocket.TCP_NODELAY, 1)
        self._sockets.add(sock)
        fault, self.fault = self.fault, None
        listener = Listener(Outlet(sock, fault))
        listener.outlet.arm()
        try:
            self._converse(listener, CommandReader(sock))
        finally:
            self._hub.listeners.discard(listener)
            self._sockets.discard(sock)
            listener.outlet.write(notice())
            listener.outlet.finish()

    def _converse(self, listener: Listener, reader: CommandReader) -> None:
        listener.outlet.write(b"Content-Type: auth/request\n\n")
        while not listener.authed and listener.running:
            command = gevent.with_timeout(AUTH_SECONDS, reader.read, timeout_value=None)
            if command is None:
                return
            self._authenticate(listener, command)
        while listener.authed and listener.running:
            command = reader.read()
            if command is None or listener.outlet.closed:
                return
            if not listener.outlet.stalled:
                answer(self._hub, listener, command)

    def _authenticate(self, listener: Listener, command: Command) -> None:
        if command.line.lower().startswith(("exit", "...")):
            listener.running = False
            listener.outlet.write(reply_frame("+OK bye"))
        elif command.line.lower().startswith("auth "):
            listener.authed = command.line[5:] == self._password
            listener.running = listener.authed
            listener.outlet.write(reply_frame("+OK accepted" if listener.authed else "-ERR invalid"))
        else:
            listener.outlet.write(reply_frame("-ERR command not found"))
