"""How FreeSWITCH 1.10.12 writes events on the event socket, byte for byte. Pure: bytes in, bytes out.

Plain events encode header *values* only (names and bodies never), and not completely: ``%`` followed by two upper-case
hex digits stays as it is, so ``%0A`` typed by a caller cannot be told from an encoded line feed. JSON events are raw.
Sources: src/switch_utils.c ``switch_url_encode``, src/switch_event.c ``switch_event_serialize(_json_obj)``,
libs cJSON ``print_string_ptr``. What this module refuses to do: decode. The reader at the other end has its own rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

Value = str | tuple[str, ...]
"""A header value; a tuple is an array header (``ARRAY::a|:b`` in plain, a list in JSON)."""

Header = tuple[str, Value]

_KNOWN = 8192  # header lines kept encoded: most of a call's are the same as another's

# SWITCH_URL_UNSAFE (src/include/switch_utils.h:47) and everything outside 0x20..0x7e.
_UNSAFE = re.compile(rb'%(?![0-9A-F]{2})|[^\x20-\x7e]|[ "#&+:;<=>?@\[\\\]^`{|}]')
_PERCENT = [b"%%%02X" % code for code in range(256)]
_JSON_UNSAFE = re.compile(rb'[\x00-\x1f"\\]')
_JSON_SHORT = {0x22: b'\\"', 0x5C: b"\\\\", 0x08: b"\\b", 0x0C: b"\\f", 0x0A: b"\\n", 0x0D: b"\\r", 0x09: b"\\t"}
_JSON_ESCAPE = {code: _JSON_SHORT.get(code, b"\\u%04x" % code) for code in (*range(0x20), 0x22, 0x5C)}


def to_bytes(text: str) -> bytes:
    """The wire's bytes of ``text``; bytes that were no UTF-8 travel as surrogate escapes. A C string ends at NUL."""
    return text.encode("utf-8", "surrogateescape").split(b"\0", 1)[0]


def to_text(data: bytes) -> str:
    """The text of bytes from the wire, whatever they are."""
    return data.decode("utf-8", "surrogateescape")


def encode_value(value: bytes) -> bytes:
    """A header value as a plain event shows it, ``%XX`` quirk included."""
    return _UNSAFE.sub(lambda match: _PERCENT[match[0][0]], value)


def flat(value: Value) -> str:
    """A value as one string, arrays the way FreeSWITCH keeps them."""
    return value if isinstance(value, str) else "ARRAY::" + "|:".join(value)


@lru_cache(_KNOWN)
def plain_header(header: Header) -> bytes:
    """``Name: value\\n``; an empty value is written ``_undef_`` (switch_event.c:1602)."""
    name, value = header
    return to_bytes(name) + b": " + (encode_value(to_bytes(flat(value))) or b"_undef_") + b"\n"


@lru_cache(_KNOWN)
def json_header(header: Header) -> bytes:
    """``"Name":"value"`` as cJSON prints it: bytes above 0x7e raw, so the whole may be no valid UTF-8."""
    name, value = header
    if isinstance(value, str):
        return _json_string(name) + b":" + _json_string(value)
    return _json_string(name) + b":[" + b",".join(map(_json_string, value)) + b"]"


def plain_event(chunks: Iterable[bytes], body: str | None = None) -> bytes:
    """An event of plain headers that are already encoded; with a body, its length is the last header."""
    head = b"".join(chunks)
    if not body:
        return head + b"\n"
    data = to_bytes(body)
    return head + b"Content-Length: %d\n\n" % len(data) + data


def json_event(chunks: Iterable[bytes], body: str | None = None) -> bytes:
    """An event of JSON members that are already encoded; the body becomes ``_body``, without a trailing line feed."""
    members = [chunk for chunk in chunks if chunk]
    if body is not None:
        members += [json_header(("Content-Length", str(len(to_bytes(body))))), json_header(("_body", body))]
    return b"{" + b",".join(members) + b"}"


def event_frame(payload: bytes, style: str) -> bytes:
    """The outer frame of an event; ``style`` is ``plain`` or ``json`` (mod_event_socket.c:1441)."""
    return b"Content-Length: %d\nContent-Type: text/event-%s\n\n" % (len(payload), style.encode()) + payload


def reply_frame(text: str) -> bytes:
    """The answer to a command; ``text`` beginning with ``~`` brings its own headers (mod_event_socket.c:2772-2779)."""
    if text.startswith("~"):
        return b"Content-Type: command/reply\n" + to_bytes(text[1:])
    return b"Content-Type: command/reply\nReply-Text: " + to_bytes(text)[:511] + b"\n\n"


def api_frame(text: str) -> bytes:
    """The answer to ``api``; nothing said is ``-ERR no reply`` (mod_event_socket.c:1586)."""
    data = to_bytes(text) or b"-ERR no reply\n"
    return b"Content-Type: api/response\nContent-Length: %d\n\n" % len(data) + data


def json_text(text: str) -> str:
    """A text as a JSON string, quotes included; bytes that are no UTF-8 stay."""
    return to_text(_json_string(text))


def _json_string(text: str) -> bytes:
    return b'"' + _JSON_UNSAFE.sub(lambda match: _JSON_ESCAPE[match[0][0]], to_bytes(text)) + b'"'
