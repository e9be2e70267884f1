"""Events of the switch, read lazily: most are dropped after a look at their name.

JSON is asked for everywhere because its values are raw, without the ``%XX`` ambiguity of the plain format
(switch_event.c:1818). Names and ids are found without parsing the rest: FreeSWITCH escapes every quotation mark inside
a value, so ``,"Application-UUID":"`` cannot stand inside one.
"""

from __future__ import annotations

import json
import re

from callcontrol.switch.framing import Frame, Headers

_NAME = re.compile(rb'\{(?:"Event-Subclass":"[^"\\]*",)?"Event-Name":"([A-Z_]+)"')
_APPLICATION_UUID = re.compile(rb',"Application-UUID":"([^"\\]*)"')


class Event:
    """One event. ``get`` answers ``""`` for a header that is missing."""

    __slots__ = ("_fields", "_raw", "name")

    def __init__(self, raw: bytes) -> None:
        found = _NAME.match(raw)
        self._raw = raw
        self._fields: dict[str, object] | None = None
        self.name = found.group(1).decode("ascii") if found else self.get("Event-Name")

    def get(self, header: str, default: str = "") -> str:
        """The value of ``header`` as text; the first of two equal names; a list as FreeSWITCH's own ``ARRAY::``."""
        if self._fields is None:
            self._fields = _parse(self._raw)
        value = self._fields.get(header)
        if value is None:
            return default
        if isinstance(value, list):
            return "ARRAY::" + "|:".join(str(item) for item in value)
        return value if isinstance(value, str) else str(value)

    @property
    def application_uuid(self) -> str:
        """The Event-UUID of the command that ran the application; found without parsing the event."""
        found = _APPLICATION_UUID.search(self._raw)
        return found.group(1).decode("ascii", "replace") if found else ""


class PlainEvent(Event):
    """An event in the plain format, for switches or filters that answer plain all the same."""

    __slots__ = ("_headers",)

    def __init__(self, raw: bytes) -> None:
        block, _, body = raw.partition(b"\n\n")
        self._headers = Headers(block)
        self._raw = body
        self._fields = None
        self.name = self._headers.get("Event-Name")

    def get(self, header: str, default: str = "") -> str:
        """As Event.get; ``_body`` is the text after the headers."""
        if header == "_body":
            return self._raw.decode("utf-8", "surrogateescape")
        return self._headers.get(header, default)

    @property
    def application_uuid(self) -> str:
        return self._headers.get("Application-UUID")


def read_event(frame: Frame) -> Event | None:
    """The event in ``frame``; None when the frame is no event."""
    if frame.content_type == b"text/event-json":
        return Event(frame.body)
    if frame.content_type == b"text/event-plain":
        return PlainEvent(frame.body)
    return None


def _parse(raw: bytes) -> dict[str, object]:
    text = raw.decode("utf-8", "surrogateescape")
    try:
        parsed = json.loads(text, strict=False, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
