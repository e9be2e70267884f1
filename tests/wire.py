"""The other end of the wire, by hand: frames as FreeSWITCH writes them, captured conversations, and a raw peer.

Nothing here is shared with callcontrol/switch: what is tested must not test itself.
"""

from __future__ import annotations

import json
import os
import socket as plain_socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import gevent
from gevent.socket import create_connection, socket

from callcontrol import greenlets
from tests.patience import PATIENCE, until

CAPTURES = Path(__file__).parent / "data" / "captures"
CALLS = ("moderated-room.outbound", "hangup-during-digits.outbound", "bridge-outcomes.outbound")
ALL_CAPTURES = (*CALLS, "moderated-room.inbound")

# switch_utils.h:47 and switch_utils.c:3492: what FreeSWITCH's plain encoder escapes, and how it takes `%41` for done.
_UNSAFE = frozenset(b'\r\n #%&+:;<=>?@[\\]^`{|}"')
_HEX = frozenset(b"0123456789ABCDEF")

OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
# mod_event_socket.c:631.
GOODBYE = (
    b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: 1\nContent-Disposition: disconnect\n"
    b"Content-Length: 67\n\nDisconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
)


@cache
def frames_of(name: str, direction: str = "from-switch") -> tuple[bytes, ...]:
    """The frames of one direction of a capture, in their order."""
    lines = (CAPTURES / f"{name}.jsonl").read_text("ascii").splitlines()
    records = [json.loads(line) for line in lines]
    return tuple(record["text"].encode("latin-1") for record in records if record["dir"] == direction)


def stream_of(name: str) -> bytes:
    """Everything the switch wrote in a capture."""
    return b"".join(frames_of(name))


def encode_value(value: bytes) -> bytes:
    """A header value as FreeSWITCH writes it in plain events: a port of switch_url_encode."""
    out = bytearray()
    for at, byte in enumerate(value):
        done = byte == 0x25 and len(value) - at > 2 and value[at + 1] in _HEX and value[at + 2] in _HEX
        if not done and (byte < 0x20 or byte > 0x7E or byte in _UNSAFE):
            out += b"%%%02X" % byte
        else:
            out.append(byte)
    return bytes(out) if value else b"_undef_"


def plain_block(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Header lines of a plain event or of the channel data, without the empty line behind them."""
    return b"".join(name + b": " + encode_value(value) + b"\n" for name, value in headers)


def channel_data(headers: list[tuple[bytes, bytes]] | None = None) -> bytes:
    """The reply to `connect`: never JSON, no Content-Length (mod_event_socket.c:2020)."""
    known = [(b"Event-Name", b"CHANNEL_DATA"), (b"Unique-ID", b"c0ffee"), *(headers or [])]
    return plain_block(known) + (
        b"Content-Type: command/reply\nReply-Text: %2BOK%0A\nSocket-Mode: async\nControl: full\n\n"
    )


def framed(body: bytes, content_type: bytes = b"text/event-json") -> bytes:
    """A frame with a body, in FreeSWITCH's order of headers."""
    return b"Content-Length: %d\nContent-Type: %s\n\n%s" % (len(body), content_type, body)


def event(name: str, **headers: object) -> bytes:
    """A JSON event; `_` in a keyword stands for `-`, except behind `variable`."""
    fields: dict[str, object] = {"Event-Name": name, "Core-UUID": "05936b5f"}
    for key, value in headers.items():
        fields[key if key.startswith("variable_") else key.replace("_", "-")] = value
    return framed(json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogateescape"))


def api_response(text: str) -> bytes:
    body = text.encode()
    return b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(body), body)


def reply(text: str) -> bytes:
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode()


class Peer:
    """FreeSWITCH's end of a connection, moved by the test."""

    def __init__(self, sock: socket) -> None:
        self.sock = sock
        self._unread = b""

    def command(self, deadline: float = PATIENCE) -> str:
        """The next command without the empty line that ends it; EOFError when the other side closed."""
        with gevent.Timeout(deadline):
            while b"\n\n" not in self._unread:
                data = self.sock.recv(65536)
                if not data:
                    raise EOFError
                self._unread += data
        command, _, self._unread = self._unread.partition(b"\n\n")
        return command.decode("utf-8", "surrogateescape")

    def commands(self, count: int) -> list[str]:
        return [self.command() for _ in range(count)]

    def say(self, *frames: bytes) -> None:
        self.sock.sendall(b"".join(frames))

    def open_call(self, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        """Answer the opening of a CallSocket as FreeSWITCH does."""
        self.commands(4)
        self.say(channel_data(headers), reply("+OK Events Enabled"), reply("+OK events nixed"))
        self.say(reply("+OK event listener enabled json"))

    def application(self) -> tuple[str, str]:
        """Confirm the next `execute`; its application and the id its completion must carry."""
        headers = headers_of(self.command())
        self.say(OK)
        return headers["execute-app-name"], headers["Event-UUID"]

    def complete(self, identity: str, **headers: object) -> None:
        self.say(event("CHANNEL_EXECUTE_COMPLETE", Application_UUID=identity, **headers))

    def closed_by_other_side(self, deadline: float = PATIENCE) -> bool:
        """Whether the other side closes within the deadline; what it still writes is read and dropped."""
        with gevent.Timeout(deadline, False):
            try:
                while self.sock.recv(65536):
                    pass
            except ConnectionError:
                pass
            return True
        return False

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Close with RST: SO_LINGER with zero seconds."""
        self.sock.setsockopt(plain_socket.SOL_SOCKET, plain_socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def headers_of(command: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in command.split("\n") if ": " in line)


def connect(address: tuple[str, int]) -> Peer:
    """FreeSWITCH opening an outbound socket to us."""
    return Peer(create_connection(address, timeout=PATIENCE))


def tcp_pair() -> tuple[socket, Peer]:
    """Our end and FreeSWITCH's end of a new connection over loopback."""
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ours = create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    return ours, Peer(theirs)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Greenlets and file descriptors are as many after the block as before it."""
    gevent.get_hub().threadpool  # noqa: B018 - made on first use, with a descriptor of its own
    gevent.sleep(0)
    greenlets_before, files_before = greenlets.count(), open_files()
    yield
    until(lambda: greenlets.count() <= greenlets_before, "greenlets ended")
    until(lambda: open_files() <= files_before, "sockets closed")
