"""The pages about live rooms: GET /rooms shows them, POST /rooms/NAME/ACTION does something in one.

The body of a POST is empty or a JSON object with one key, ``{"member": "+491712345678"}``, or for the action `dialout`,
which needs nobody in the room, ``{"numbers": ["33", "+491715550001"]}``. What a room can do, and when, is not known
here: `Rooms` says so with the errors below, which become 400, 404 and 409.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from callcontrol.errors import CallControlError, SwitchError, SwitchTimeout
from callcontrol.http.wire import BODY_LENGTH, LONGEST_BODY, Reply, as_json

PREFIX = "/rooms/"
DIAL_OUT = "dialout"


class NotUnderstood(CallControlError):
    """No such action, or its member is missing or too much. ``actions``: those there are."""

    def __init__(self, text: str, actions: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.actions = tuple(actions)


class NotThere(CallControlError):
    """No such room or member."""


class NotNow(CallControlError):
    """Not possible as the room is now; the text says why."""


class Rooms(Protocol):
    """What the pages ask."""

    def rooms(self) -> list[dict[str, Any]]:
        """All live rooms, ready for JSON."""

    def perform(self, room: str, action: str, member: str | None = None) -> dict[str, Any]:
        """Do it. Raises NotUnderstood, NotThere, NotNow, SwitchError."""

    def call(self, room: str, numbers: Sequence[str] = ()) -> dict[str, Any]:
        """Call participants, whether somebody is in the room or not. Raises NotThere, NotNow."""


def rooms_page(rooms: Rooms) -> Reply:
    """All live rooms."""
    return as_json(200, {"rooms": rooms.rooms()})


def control_page(rooms: Rooms, environ: Mapping[str, Any]) -> Reply:
    """Do what the path says in the room it names."""
    room, slash, action = environ["PATH_INFO"].removeprefix(PREFIX).partition("/")
    if not slash or "/" in action:
        return as_json(404, {"error": "no such page (it is POST /rooms/NAME/ACTION)"})
    try:
        body = _read(environ)
        if isinstance(body, Reply):
            return body
        if action == DIAL_OUT:
            return as_json(200, rooms.call(room, _numbers(body)))
        return as_json(200, rooms.perform(room, action, _member(body)))
    except NotUnderstood as error:
        return as_json(400, {"error": str(error)} | ({"actions": error.actions} if error.actions else {}))
    except NotThere as error:
        return as_json(404, {"error": str(error)})
    except NotNow as error:
        return as_json(409, {"error": str(error)})
    except SwitchTimeout as error:  # it may be done all the same, a moment later
        return as_json(504, {"error": str(error)})
    except SwitchError as error:
        return as_json(503, {"error": f"the switch cannot be reached: {error}"})


def _read(environ: Mapping[str, Any]) -> bytes | Reply:
    length = environ[BODY_LENGTH]
    if length is None:
        return as_json(411, {"error": "needs Content-Length"})
    if length > LONGEST_BODY:
        return as_json(413, {"error": f"the body may have {LONGEST_BODY} bytes"})
    try:
        body: bytes = environ["wsgi.input"].read(length)
    except OSError as error:  # the client went away in the middle of it
        raise NotUnderstood("the body is shorter than Content-Length says") from error
    return body


def _member(body: bytes) -> str | None:
    """The member a body names; a number is a member's id."""
    member = _only(body, "member", "+491712345678")
    if isinstance(member, int) and not isinstance(member, bool):
        return f"id:{member}"
    if member is not None and not isinstance(member, str):
        raise NotUnderstood("member must be a text or a number")
    return member


def _numbers(body: bytes) -> list[str]:
    """The telephone numbers a body names; none: all of the room's list."""
    numbers = _only(body, "numbers", ["+491712345678"])
    if numbers is None:
        return []
    if not isinstance(numbers, list) or not all(isinstance(number, str) for number in numbers):
        raise NotUnderstood("numbers must be a list of texts")
    return numbers


def _only(body: bytes, key: str, example: object) -> object:
    """The value of the one key a body may have; None without it."""
    if not body.strip():
        return None
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or content.keys() - {key}:
        raise NotUnderstood(f"the body must be empty or a JSON object like {json.dumps({key: example})}")
    found: object = content.get(key)
    return found
