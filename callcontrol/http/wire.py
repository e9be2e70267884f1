"""Beneath the pages: pywsgi with an end to everything, and what a reply is.

One request per connection, everything within DEADLINE, at most LONGEST_REQUEST bytes of headers and LONGEST_BODY of
body: whoever connects and says nothing, or reads nothing, is cut off and costs the calls nothing.
"""

from __future__ import annotations

import errno
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import gevent
from gevent import socket
from gevent.pywsgi import WSGIHandler

#: Seconds a connection may last, its request, answer and reading of the answer included.
DEADLINE = 10.0
#: Bytes of request line and headers together, and connections at once.
LONGEST_REQUEST = 16 * 1024
MOST_CONNECTIONS = 64
#: Bytes of a request's body: an action and a member's number are about 40.
LONGEST_BODY = 1024
#: Where the application finds the length of the body it may read; None: the client told none but sends one.
BODY_LENGTH = "callcontrol.body_length"

_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 24\r\n\r\n"
    b'{"error": "bad request"}'
)


@dataclass(frozen=True)
class Reply:
    """What a page answers."""

    code: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def as_json(code: int, content: dict[str, Any], *headers: tuple[str, str]) -> Reply:
    """A reply in JSON, ASCII only: control characters of callers' names and numbers are escaped."""
    return Reply(code, json.dumps(content).encode(), headers=headers)


class Handler(WSGIHandler):
    """pywsgi's handler with an end to everything: it has no deadline and takes 6 MB of headers by itself."""

    #: Of clients that are gone, and of those `handle` cut off; others are logged.
    ignored_socket_errors = (errno.EPIPE, errno.ECONNRESET, errno.EBADF)
    _body_length: int | None = 0

    def handle(self) -> None:
        """Serve the connection, for DEADLINE seconds at most."""
        self.rfile = _Limited(self.rfile, LONGEST_REQUEST)  # type: ignore[assignment]  # has all pywsgi calls
        cut = gevent.get_hub().loop.timer(DEADLINE)
        # Not gevent.Timeout: pywsgi catches it, and then writes its 500 to a client that does not read, for ever.
        cut.start(_shut, self.socket)
        try:
            super().handle()
        finally:
            cut.close()

    def read_request(self, raw_requestline: str) -> Any:
        """Read the headers, and forget those that would make pywsgi wait for more than LONGEST_BODY bytes."""
        accepted = super().read_request(raw_requestline)
        length = None if "Transfer-Encoding" in self.headers else self.content_length or 0
        for name in ("Content-Length", "Transfer-Encoding", "Expect", "Upgrade"):
            del self.headers[name]  # no error when it is missing; without them pywsgi reads no body
        self._body_length = length
        self.content_length = length if length and length <= LONGEST_BODY and self.command == "POST" else 0
        return accepted

    def get_environ(self) -> dict[str, Any]:
        """The WSGI environment, with the length of the body."""
        environ: dict[str, Any] = super().get_environ()
        environ[BODY_LENGTH] = self._body_length
        return environ

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        return "400", _BAD_REQUEST  # pywsgi prints a traceback for some of them


class _Limited:
    """A request's bytes; ValueError after ``left`` of them in lines. A body has its limit from `read_request`."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file = file
        self._left = left

    @property
    def closed(self) -> bool:
        return self._file.closed

    def readline(self, size: int = -1) -> bytes:
        line = self._file.readline(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise ValueError("request too long")
        return line

    def read(self, size: int) -> bytes:
        return self._file.read(size)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
