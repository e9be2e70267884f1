"""A tiny daemon on raw sockets, for tests of the rehearsal switch: it shares nothing with callcontrol.switch."""

from __future__ import annotations

import gevent
from gevent import socket
from gevent.queue import Queue
from gevent.server import StreamServer

from tests.patience import PATIENCE


class Wire:
    """One socket to the switch: writes commands, reads frames as ``(headers, body)`` with raw bytes."""

    def __init__(self, sock):
        self.sock = sock
        self.raw = b""
        self._buffer = b""
        self.events = []

    def send(self, text):
        self.sock.sendall(text if isinstance(text, bytes) else text.encode() + b"\n\n")

    def frame(self, seconds=PATIENCE):
        """The next frame, or None at the end of the stream."""
        with gevent.Timeout(seconds):
            while b"\n\n" not in self._buffer:
                if not self._fill():
                    return None
            head, self._buffer = self._buffer.split(b"\n\n", 1)
            length = dict(line.split(b": ", 1) for line in head.split(b"\n") if line).get(b"Content-Length", b"0")
            while len(self._buffer) < int(length):
                if not self._fill():
                    return None
        body, self._buffer = self._buffer[: int(length)], self._buffer[int(length) :]
        return head, body

    def _fill(self):
        data = self.sock.recv(65536)
        self.raw += data
        self._buffer += data
        return bool(data)

    def ask(self, text):
        """Send a command and return its reply's text; events meanwhile are kept."""
        self.send(text)
        while True:
            head, body = self.frame()
            if b"text/event" in head:
                self.events.append(fields(body))
            elif b"api/response" in head:
                return body.decode("utf-8", "surrogateescape")
            else:
                return fields(head).get("Reply-Text", head.decode("utf-8", "surrogateescape"))

    def event(self, name=None, **wanted):
        """The next event of that name whose headers have these values (``_`` for ``-``)."""
        while True:
            if self.events:
                found = self.events.pop(0)
            else:
                frame = self.frame()
                assert frame is not None, f"closed while waiting for {name}"
                found = fields(frame[1] or frame[0])
            if name in (None, found.get("Event-Name")) and all(
                found.get(key.replace("_", "-")) == value for key, value in wanted.items()
            ):
                return found

    def execute(self, app, argument="", **headers):
        """Run an application to its end; returns its CHANNEL_EXECUTE_COMPLETE."""
        uuid = headers.pop("uuid", f"{app}-1")
        lines = ["sendmsg", "call-command: execute", f"execute-app-name: {app}", f"event-uuid: {uuid}"]
        if argument:
            lines.append(f"execute-app-arg: {argument}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        assert self.ask("\n".join(lines)) == "+OK"
        return self.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID=uuid)

    def start(self, app, argument="", uuid=None):
        """Begin an application; returns its CHANNEL_EXECUTE."""
        uuid = uuid or f"{app}-1"
        line = f"execute-app-arg: {argument}\n" if argument else ""
        sent = f"sendmsg\ncall-command: execute\nexecute-app-name: {app}\n{line}event-uuid: {uuid}"
        assert self.ask(sent) == "+OK"
        return self.event("CHANNEL_EXECUTE", Application_UUID=uuid)

    def connect(self, events="myevents"):
        """The opening every daemon does; returns the call's data."""
        self.send("connect")
        head, _ = self.frame()
        self.channel = fields(head)
        if events:
            assert self.ask(events).startswith("+OK")
        return self.channel

    def close(self):
        self.sock.close()


def fields(data):
    """Headers of a plain block, values decoded by FreeSWITCH's documented rule: ``%XX`` is a byte; ``_body`` is raw."""
    found = {}
    head, _, body = data.partition(b"\n\n")
    for line in head.split(b"\n"):
        name, colon, value = line.partition(b": ")
        if colon:
            found.setdefault(name.decode(), unquote(value))
    return found | ({"_body": body.decode("utf-8", "surrogateescape")} if body else {})


def unquote(value):
    parts = value.split(b"%")
    out = parts[0]
    for part in parts[1:]:
        try:
            out += bytes([int(part[:2], 16)]) + part[2:]
        except ValueError:
            out += b"%" + part
    return out.decode("utf-8", "surrogateescape")


class TinyDaemon:
    """Accepts calls; each waits in ``accepted`` until a test takes it, or is given to ``serve``."""

    def __init__(self, serve=None, port=0):
        self._accepted = Queue()
        self._serve = serve
        self.server = StreamServer(("127.0.0.1", port), self._take, backlog=2048)
        self.server.start()
        self.sockets = []

    @property
    def address(self):
        return "127.0.0.1", self.server.server_port

    def _take(self, sock, _):
        wire = Wire(sock)
        self.sockets.append(sock)
        if self._serve is not None:
            self._serve(wire)
            return
        done = gevent.event.Event()
        wire.close = lambda: (sock.close(), done.set())
        self._accepted.put(wire)
        done.wait()

    def call(self, seconds=PATIENCE):
        """The next call that came in."""
        return self._accepted.get(timeout=seconds)

    def stop(self):
        self.server.stop(timeout=0)
        for sock in self.sockets:
            sock.close()


def dial_link(address, password="rehearsal"):
    """A connection to the switch's event socket, authenticated."""
    wire = Wire(socket.create_connection(address))
    head, _ = wire.frame()
    assert head == b"Content-Type: auth/request"
    assert wire.ask(f"auth {password}") == "+OK accepted"
    return wire
