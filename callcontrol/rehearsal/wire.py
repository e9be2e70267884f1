"""The socket's two directions: an outlet that never blocks a call (and can fail on purpose), and a reader of commands.

FreeSWITCH writes events from a queue of its own, so a peer that does not read never stops a call; the outlet keeps
that by buffering and writing from a greenlet that lives only while there is something to write.
"""

from __future__ import annotations

import re
import socket as stdsocket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import gevent.event
from gevent import socket as gsocket

from callcontrol import greenlets
from callcontrol.rehearsal.encoding import to_text

_BLOCK_END = re.compile(rb"\n\r*\n")
_MAX_COMMAND = 10 * 1024 * 1024  # mod_event_socket.c:1227: a longer block is cut there


class FaultKind(StrEnum):
    """What happens to a socket: closed in order, reset (RST), or silent for ever."""

    CLOSE = "close"
    RESET = "reset"
    STALL = "stall"


@dataclass(frozen=True)
class Fault:
    """Let a socket fail after exactly ``at`` bytes were written to it (0 = before the first)."""

    kind: FaultKind
    at: int


class Outlet:
    """What the switch writes on one socket, in order. ``sent`` counts the bytes handed to the kernel."""

    def __init__(self, sock: gsocket.socket, fault: Fault | None = None, failed: Callable[[], None] | None = None):
        self._sock = sock
        self._fault = fault
        self._failed = failed
        self._buffer = bytearray()
        self._writing = False
        self._idle = gevent.event.Event()
        self._idle.set()
        self.sent = 0
        self.stalled = False
        self.closed = False

    def arm(self) -> None:
        """From now on the fault may happen; one at byte 0 happens here."""
        self._check_fault()

    def write(self, data: bytes) -> None:
        """Queue bytes; returns at once, also when the peer does not read. After the end they are dropped."""
        if self.closed or self.stalled:
            return
        self._buffer += data
        if not self._writing:
            self._writing = True
            self._idle.clear()
            greenlets.spawn("rehearsal-write", self._flush)

    def close(self, seconds: float = 1.0) -> None:
        """Close as soon as what is queued is written, at most ``seconds`` from now; returns at once."""
        if self.stalled:
            return  # silent for ever: only the peer can end it
        if self._writing:
            greenlets.spawn("rehearsal-close", self.finish, seconds)
        else:
            self._shut()

    def finish(self, seconds: float = 1.0) -> None:
        """Wait until what is queued is written, at most ``seconds``, and close."""
        self._idle.wait(seconds)
        self._shut()

    def _flush(self) -> None:
        try:
            while self._buffer and not self.closed and not self.stalled:
                count = len(self._buffer)
                if self._fault is not None:
                    count = min(count, self._fault.at - self.sent)
                chunk = bytes(self._buffer[: min(count, 65536)])
                del self._buffer[: len(chunk)]
                self._sock.sendall(chunk)
                self.sent += len(chunk)
                self._check_fault()
        except OSError:
            self._shut()
        finally:
            self._writing = False
            self._idle.set()

    def _check_fault(self) -> None:
        fault = self._fault
        if fault is None or self.sent < fault.at or self.closed or self.stalled:
            return
        self._buffer.clear()
        if fault.kind is FaultKind.STALL:
            self.stalled = True
        else:
            if fault.kind is FaultKind.RESET:
                linger = struct.pack("ii", 1, 0)
                self._sock.setsockopt(stdsocket.SOL_SOCKET, stdsocket.SO_LINGER, linger)
            self._shut(abrupt=fault.kind is FaultKind.RESET)
        if self._failed is not None:
            self._failed()

    def _shut(self, abrupt: bool = False) -> None:
        if self.closed:
            return
        self.closed = True
        self._buffer.clear()
        try:
            if not abrupt:
                self._sock.shutdown(stdsocket.SHUT_RDWR)
        except OSError:
            pass  # the peer was faster
        self._sock.close()


@dataclass(frozen=True)
class Command:
    """One command: its first line, its headers as they came and by lower-case name (the first wins), its body."""

    line: str
    rows: tuple[tuple[str, str], ...] = ()
    body: str = ""

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name."""
        return {name.lower(): value for name, value in reversed(self.rows)}

    def header(self, name: str) -> str:
        """A header's value, ``""`` when absent."""
        return self.headers.get(name, "")


class CommandReader:
    """Cuts a peer's bytes into commands as mod_event_socket.c ``read_packet`` does."""

    def __init__(self, sock: gsocket.socket) -> None:
        self._sock = sock
        self._buffer = b""

    def read(self) -> Command | None:
        """The next command, or None when the peer is gone. Raises ``gevent.Timeout`` if the caller set one."""
        while True:
            self._buffer = self._buffer.lstrip(b"\r\n")
            end = _BLOCK_END.search(self._buffer)
            if end or len(self._buffer) >= _MAX_COMMAND:
                break
            if not self._fill():
                return None
        cut = end.end() if end else _MAX_COMMAND
        block, self._buffer = self._buffer[:cut], self._buffer[cut:]
        return self._parse(block)

    def _parse(self, block: bytes) -> Command | None:
        lines = [to_text(line) for line in re.split(rb"[\r\n]+", block.strip(b"\r\n"))]
        rows: list[tuple[str, str]] = []
        body = b""
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                continue
            rows.append((name, value.lstrip(" ")))
            if name.lower() == "content-length" and value.strip().isdigit():
                taken = self._take(int(value))
                if taken is None:
                    return None
                body = taken
        return Command(lines[0], tuple(rows), to_text(body))

    def _take(self, count: int) -> bytes | None:
        while len(self._buffer) < count:
            if not self._fill():
                return None
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def _fill(self) -> bool:
        try:
            data = self._sock.recv(65536)
        except OSError:
            return False
        self._buffer += data
        return bool(data)
