"""Taking a dial string apart: ``{vars}[vars]ENDPOINT,[vars]ENDPOINT|ENDPOINT``. Pure.

Sources: switch_ivr_originate.c:2301 and 2800-2880, switch_event.c ``switch_event_create_brackets``.
"""

from __future__ import annotations

from dataclasses import dataclass

from callcontrol.rehearsal.arguments import split
from callcontrol.rehearsal.encoding import Header

_UNQUOTED, _QUOTED = "\x01", "\x02"  # stand for commas inside [...] while the legs are told apart
MOST_LEGS = 128  # switch_ivr_originate.c MAX_PEERS


class BadDialString(ValueError):
    """Brackets that never close."""


@dataclass(frozen=True)
class Leg:
    """One endpoint with the variables of its own."""

    endpoint: str
    variables: tuple[Header, ...] = ()


@dataclass(frozen=True)
class DialString:
    """The variables of all legs, and groups of legs: those of one ring together, the next group when all failed."""

    variables: tuple[Header, ...]
    groups: tuple[tuple[Leg, ...], ...]


def parse(text: str) -> DialString:
    """What FreeSWITCH makes of a dial string. Raises BadDialString."""
    text = text.lstrip(" ")
    rows, rest = _brackets(text, "<", ">", ",")
    more, rest = _brackets(rest, "{", "}", ",")
    groups = [
        tuple(map(_leg, split(_guarded(group), MOST_LEGS, ","))) for group in split(rest.lstrip(" "), MOST_LEGS, "|")
    ]
    return DialString((*rows, *more), tuple(group for group in groups if group))


def _leg(text: str) -> Leg:
    rows, endpoint = _brackets(text.lstrip(" "), "[", "]", _UNQUOTED)
    return Leg(endpoint.lstrip(" "), tuple((name, str(value).replace(_QUOTED, ",")) for name, value in rows))


def _guarded(text: str) -> str:
    """The text with its commas inside [...] hidden, so that the others part the legs (switch_ivr_originate.c:2818)."""
    out: list[str] = []
    quoted = own = False
    end = -1
    for place, char in enumerate(text):
        if end < 0 and char == "[":
            end = _closing(text[place:], "[", "]")
            end = place + end if end >= 0 else -1
            own, quoted = text[place + 1 : place + 3] == "^^", False
        if char == "'":
            quoted = not quoted
        if place < end and char == "," and text[place - 1] != "\\":
            char = _QUOTED if quoted or own else _UNQUOTED
        if place == end:
            end = -1
        out.append(char)
    return "".join(out)


def _brackets(text: str, opening: str, closing: str, delimiter: str) -> tuple[list[Header], str]:
    """The variables of all brackets a text begins with, and what follows."""
    rows: list[Header] = []
    while text.startswith(opening):
        end = _closing(text, opening, closing)
        if end < 0:
            raise BadDialString(text)
        for pair in split(text[1:end], 1024, delimiter):
            name, *value = split(pair, 2, "=")
            if value:
                rows.append((name, value[0]))
        text = text[end + 1 :]
    return rows, text


def _closing(text: str, opening: str, closing: str) -> int:
    """Where the bracket closes that the text begins with; -1 when it never does."""
    depth = 0
    for place, char in enumerate(text):
        depth += (char == opening) - (char == closing)
        if depth == 0:
            return place
    return -1
