"""The star codes people dial on their telephones. The grammar alone, and pure.

    *10n         activate profile n                  *10      what is set?
    *11T ... *14T  always, no answer, busy, not registered -> T in profile 0, which becomes active
    **11 ... **14  cancel that rule of profile 0
    *15   **15   do not disturb on, off
    *791         my voicemail                         *80E     intercom to extension E

T is an extension, ``00...`` or ``+...`` (international), ``0...`` (national), or ``*791`` (my voicemail); *11 without T
asks for it. A # at the end is the end, as everywhere on a telephone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from callcontrol.forwarding.values import Condition

LONGEST = 32  # characters; the longest code with the longest number of E.164 has 21
VOICEMAIL = "*791"

CONDITIONS = {
    "1": Condition.ALWAYS,
    "2": Condition.NO_ANSWER,
    "3": Condition.BUSY,
    "4": Condition.NOT_REGISTERED,
}

_TARGET = r"\*[0-9]*|\+?[0-9]*"
_SET = re.compile(rf"\*1([1-4])({_TARGET})", re.ASCII)
_INTERCOM = re.compile(r"\*80([0-9]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class SetRule:
    """``*11T``: the target as dialled, not looked at yet."""

    condition: Condition
    target: str


@dataclass(frozen=True, slots=True)
class CancelRule:
    """``**11``."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Activate:
    """``*10n``."""

    profile: int


@dataclass(frozen=True, slots=True)
class Status:
    """``*10``: what is active, and its rules."""


@dataclass(frozen=True, slots=True)
class DoNotDisturb:
    """``*15`` and ``**15``."""

    on: bool


@dataclass(frozen=True, slots=True)
class Voicemail:
    """``*791``: the caller's own mailbox."""


@dataclass(frozen=True, slots=True)
class Intercom:
    """``*80E``."""

    extension: str


@dataclass(frozen=True, slots=True)
class NeedsTarget:
    """A code without what belongs to it: ask, then read ``code`` with the answer behind it."""

    code: str


@dataclass(frozen=True, slots=True)
class NotACode:
    """Nothing of this table."""


Code = SetRule | CancelRule | Activate | Status | DoNotDisturb | Voicemail | Intercom
Read = Code | NeedsTarget | NotACode


def read(dialled: str) -> Read:
    """What was dialled in one string. Total: any text has an answer."""
    if len(dialled) > LONGEST:
        return NotACode()
    keys = dialled.removesuffix("#")
    fixed = _FIXED.get(keys)
    if fixed is not None:
        return fixed
    if match := _SET.fullmatch(keys):
        digit, target = match.groups()
        return SetRule(CONDITIONS[digit], target) if target else NeedsTarget(keys)
    if match := _INTERCOM.fullmatch(keys):
        return Intercom(match[1]) if match[1] else NeedsTarget(keys)
    return NotACode()


def with_target(asked: NeedsTarget, answer: str) -> Read:
    """The code with what was pressed when its target was asked for; an empty answer leaves it a NeedsTarget."""
    return read(asked.code + answer.removesuffix("#"))


_FIXED: dict[str, Code] = {
    **{f"*10{digit}": Activate(digit) for digit in range(10)},
    **{f"**1{digit}": CancelRule(condition) for digit, condition in CONDITIONS.items()},
    "*10": Status(),
    "*15": DoNotDisturb(on=True),
    "**15": DoNotDisturb(on=False),
    VOICEMAIL: Voicemail(),
}
