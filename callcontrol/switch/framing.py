"""Bytes of the event socket into frames. Pure: no socket, no clock.

A frame is a block of header lines ended by an empty line and, when the block has a Content-Length, that many bytes of
body. Only the *outer* Content-Length frames: bodies hold further headers of that name (mod_event_socket.c:1441, and
sofia::notify_refer writes a second one). Lines are split on LF first and values decoded after, because FreeSWITCH
leaves a caller's own ``%0A`` in a value as it is (switch_utils.c:3499), so that decoding first lets a caller's display
name write headers of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from callcontrol.errors import SwitchError

# A SIP header of 60 kB reaches us encoded at up to three times its size, in more than one variable.
MAX_HEADER_BYTES = 4 * 1024 * 1024
# `show channels as json` with 10,000 channels is about 10 MB.
MAX_BODY_BYTES = 64 * 1024 * 1024


class FramingError(SwitchError):
    """The byte stream is no event socket conversation; the connection cannot be used any further."""


class Headers:
    """One block of ``Name: value`` lines, kept as it came; a value is found and decoded when it is asked for.

    The first of two equal names wins. Bytes that are no UTF-8 come back as surrogate escapes: one Latin-1 letter in a
    display name must not end a call. A channel has some 200 headers of which we read ten: as a dict they would take
    28 kB for as long as the call talks to us, and twice the time.
    """

    __slots__ = ("_block",)

    def __init__(self, block: bytes) -> None:
        self._block = b"\n" + block

    def get(self, name: str, default: str = "") -> str:
        """The value of ``name``, percent-decoded; ``default`` when it is missing or FreeSWITCH wrote ``_undef_``."""
        value = self.raw(name.encode("ascii"))
        if value is None or value == b"_undef_":
            return default
        if b"%" in value:
            value = unquote_to_bytes(value)
        return value.decode("utf-8", "surrogateescape")

    def raw(self, name: bytes) -> bytes | None:
        """The undecoded value, for outer headers, which FreeSWITCH does not encode."""
        start = self._block.find(b"\n" + name + b":")
        if start < 0:
            return None
        start += len(name) + 2
        end = self._block.find(b"\n", start)
        value = self._block[start : end if end >= 0 else None]
        return value[1:] if value[:1] == b" " else value


class Frame:
    """One message of the switch: its outer headers and its body (empty without Content-Length)."""

    __slots__ = ("body", "content_type", "headers")

    def __init__(self, headers: Headers, body: bytes) -> None:
        self.headers = headers
        self.body = body
        self.content_type = headers.raw(b"Content-Type") or b""

    @property
    def reply_text(self) -> str:
        """Reply-Text without its end of line; decoded, because the reply to ``connect`` is encoded."""
        return self.headers.get("Reply-Text").rstrip("\n")


class FrameParser:
    """Collects bytes in any portions and yields whole frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._headers: Headers | None = None
        self._missing = 0
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Every frame completed by ``data``. FramingError when the stream cannot be understood."""
        self._buffer += data
        while True:
            headers = self._headers or self._read_headers()
            if headers is None or len(self._buffer) < self._missing:
                self._headers = headers
                return
            body = bytes(self._buffer[: self._missing])
            del self._buffer[: self._missing]  # a bytearray drops its beginning without moving the rest
            self._headers, self._missing = None, 0
            yield Frame(headers, body)

    @property
    def idle(self) -> bool:
        """True between two frames: an end of stream here has cut nothing."""
        return not self._buffer and self._headers is None

    def _read_headers(self) -> Headers | None:
        while self._buffer.startswith(b"\n"):  # an empty line between two frames means nothing
            del self._buffer[:1]
            self._searched = 0
        end = self._buffer.find(b"\n\n", self._searched)
        if end < 0:
            if len(self._buffer) > MAX_HEADER_BYTES:
                raise FramingError("a header block without an end")
            self._searched = max(0, len(self._buffer) - 1)
            return None
        headers = Headers(bytes(self._buffer[:end]))
        self._missing = _content_length(headers)
        del self._buffer[: end + 2]
        self._searched = 0
        return headers


def _content_length(headers: Headers) -> int:
    value = headers.raw(b"Content-Length")
    if value is None:
        return 0
    if not value.isdigit() or len(value) > 9 or int(value) > MAX_BODY_BYTES:
        raise FramingError("a Content-Length that is no length")
    return int(value)
