"""One member's telephone keys, one by one, into what they mean. Pure: no clock, no switch, no log.

A sequence begins with ``*``. Outside a sequence digits and ``#`` mean nothing and nobody is told so: callers press
``#`` after their PIN and digits out of habit. A sequence that is bound counts with its last key; one that nothing bound
begins with is unknown with the key that makes it so, or when the gap to the next key is too long. A ``*`` that cannot
continue a sequence begins a new one.

A question (a confirmation, a number to dial) takes the keys until it is answered. A ``*`` that answers it with no also
begins a sequence, so that who changes his mind may go on at once; left alone, that ``*`` means nothing.

What a member typed as a number is in no repr, in no error and in no attribute that is kept after the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType

from callcontrol.tenants.keys import FOR_EVERYONE, KeyAction

#: Seconds between two keys of one sequence. mod_conference's own 0.5 s is missed by people who look for the next key.
GAP = 2.5
#: Digits after which a number is complete without ``#``; E.164 has 15 at most, and a prefix such as 00 comes before it.
LONGEST_NUMBER = 20
CONFIRM = "1"

_KEYS = frozenset("0123456789*#")


@dataclass(frozen=True)
class Action:
    """A bound sequence is complete."""

    action: KeyAction


@dataclass(frozen=True)
class Confirmed:
    """The question was answered with yes."""


@dataclass(frozen=True)
class Declined:
    """The question was answered with no, or not in time."""


@dataclass(frozen=True)
class Number:
    """The number asked for: 1 to LONGEST_NUMBER digits, which the repr does not show."""

    digits: str = field(repr=False)


@dataclass(frozen=True)
class Everybody:
    """Instead of a number: all who belong to the room."""


@dataclass(frozen=True)
class Unknown:
    """A sequence that has no meaning for this member."""


Pressed = Action | Confirmed | Declined | Number | Everybody | Unknown


class _Mode(Enum):
    SEQUENCES = auto()
    CONFIRMATION = auto()
    NUMBER = auto()
    NUMBER_OR_ALL = auto()


def table_for(keys: Mapping[str, KeyAction], moderator: bool) -> Mapping[str, KeyAction]:
    """The sequences of a tenant's table that count for a moderator (all), or for a participant."""
    return MappingProxyType({key: action for key, action in keys.items() if moderator or action in FOR_EVERYONE})


class KeyReader:
    """Reads one member's keys. All times are seconds on one clock that never goes back.

    ``table``: sequences that begin with ``*`` and have two keys or more, none the beginning of another (tenant files
    are checked for that). ``gap``: seconds to the next key of a sequence. Whoever owns a reader calls `expire` once
    ``deadline`` is reached; a key that comes first is read as one after it all the same.
    """

    def __init__(self, table: Mapping[str, KeyAction], gap: float = GAP) -> None:
        self._table = table
        self._gap = gap
        self._between = gap
        self._mode = _Mode.SEQUENCES
        self._typed = ""
        self._silent = False
        self._deadline: float | None = None

    @property
    def deadline(self) -> float | None:
        """When `expire` has to be called; None while nothing is unfinished."""
        return self._deadline

    def press(self, key: str, now: float) -> Pressed | None:
        """Take one key; what it completes, None while nothing is complete. Anything else (``A``) is ignored."""
        overdue = self.expire(now)
        if key not in _KEYS:
            return overdue
        pressed = self._take(key, now)
        # After a deadline nothing is unfinished, and no first key completes a sequence: only one of both is something.
        return overdue or pressed

    def expire(self, now: float) -> Pressed | None:
        """What it means that no further key came; None before ``deadline``."""
        if self._deadline is None or now < self._deadline:
            return None
        asked, silent = self._mode is not _Mode.SEQUENCES, self._silent
        self._rest()
        if asked:
            return Declined()
        return None if silent else Unknown()

    def expect_confirmation(self, now: float, seconds: float = 5.0) -> None:
        """Take the next key as the answer: ``1`` is yes, all others are no, and so is none within ``seconds``.

        The seconds begin now, so they include those in which the question is heard.
        """
        self._ask(_Mode.CONFIRMATION, now + seconds)

    def expect_number(
        self, now: float, seconds_between: float = 5.0, first_within: float = 10.0, *, or_all: bool = False
    ) -> None:
        """Take digits until ``#``; ``*`` is no, and so is a key that does not come in time.

        ``or_all``: ``#`` without digits means Everybody; otherwise it is no. ``first_within``: seconds to the first
        digit, including those in which the question is heard; ``seconds_between``: to each further key.
        """
        self._ask(_Mode.NUMBER_OR_ALL if or_all else _Mode.NUMBER, now + first_within)
        self._between = seconds_between

    # -- how -----------------------------------------------------------------------------------------------------------

    def _take(self, key: str, now: float) -> Pressed | None:
        match self._mode:
            case _Mode.CONFIRMATION:
                return self._answer(key, now)
            case _Mode.NUMBER | _Mode.NUMBER_OR_ALL:
                return self._dial(key, now)
            case _Mode.SEQUENCES:
                return self._continue(key, now)

    def _answer(self, key: str, now: float) -> Pressed:
        if key != CONFIRM:
            return self._decline(key, now)
        self._rest()
        return Confirmed()

    def _dial(self, key: str, now: float) -> Pressed | None:
        if key == "#" and not self._typed and self._mode is _Mode.NUMBER_OR_ALL:
            self._rest()
            return Everybody()
        if key == "*" or (key == "#" and not self._typed):
            return self._decline(key, now)
        if key != "#":
            self._typed += key
            self._deadline = now + self._between
            if len(self._typed) < LONGEST_NUMBER:
                return None
        digits = self._typed
        self._rest()
        return Number(digits)

    def _decline(self, key: str, now: float) -> Pressed:
        self._rest()
        if key == "*" and self._continue(key, now) is None:
            self._silent = True
        return Declined()

    def _continue(self, key: str, now: float) -> Pressed | None:
        typed = self._typed + key
        if key == "*" and not self._leads_on(typed):
            typed = key
        self._rest()
        if not typed.startswith("*"):
            return None
        if typed in self._table:
            return Action(self._table[typed])
        if not self._leads_on(typed):
            return Unknown()
        self._typed, self._deadline = typed, now + self._gap
        return None

    def _leads_on(self, typed: str) -> bool:
        return any(sequence.startswith(typed) for sequence in self._table)

    def _ask(self, mode: _Mode, deadline: float) -> None:
        self._rest()
        self._mode, self._deadline = mode, deadline

    def _rest(self) -> None:
        self._mode, self._typed, self._silent, self._deadline = _Mode.SEQUENCES, "", False, None
