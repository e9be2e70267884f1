"""The keys inside a room: what they do by default, and how a tenant moves them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

KEY = r"^\*[0-9*#]{1,3}$"


class KeyAction(StrEnum):
    """What a key sequence in a room does. ``help``, ``count``, ``mute`` and ``hand`` are for everyone."""

    HELP = "help"
    MUTE = "mute"
    HAND = "hand"
    COUNT = "count"
    CALL_IN = "call_in"
    RECORD = "record"
    HOLD = "hold"
    PUT_OUT = "put_out"
    LOCK = "lock"
    MUTE_ALL = "mute_all"
    ADMIT = "admit"
    END = "end"


FOR_EVERYONE = frozenset({KeyAction.HELP, KeyAction.MUTE, KeyAction.HAND, KeyAction.COUNT})

DEFAULT_KEYS: Mapping[str, KeyAction] = MappingProxyType(
    {
        "**": KeyAction.HELP,
        "*6": KeyAction.MUTE,
        "*9": KeyAction.HAND,
        "*#": KeyAction.COUNT,
        "*1": KeyAction.CALL_IN,
        "*2": KeyAction.RECORD,
        "*3": KeyAction.HOLD,
        "*4": KeyAction.PUT_OUT,
        "*5": KeyAction.LOCK,
        "*7": KeyAction.MUTE_ALL,
        "*8": KeyAction.ADMIT,
        "*0": KeyAction.END,
    }
)


def effective_keys(changes: Mapping[str, KeyAction | None]) -> Mapping[str, KeyAction]:
    """The table in force: an action that is given a key leaves its old one; ``None`` takes a key out of use."""
    moved = {action for action in changes.values() if action}
    kept = {key: action for key, action in DEFAULT_KEYS.items() if action not in moved and key not in changes}
    return MappingProxyType(kept | {key: action for key, action in changes.items() if action})
