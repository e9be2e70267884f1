"""Keys of the rooms: each is possible, and none is the beginning of another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from callcontrol.tenants.draft import Draft, Finding
from callcontrol.tenants.keys import KEY, KeyAction, effective_keys


def can_be_pressed(draft: Draft) -> Iterator[Finding]:
    """``*`` and one to three more keys: a bare digit would be pressed by accident."""
    for key in _changes(draft):
        if not re.fullmatch(KEY, key):
            hint = '* and one to three of 0-9, * and #, in quotes: "*5"'
            yield Finding(("keys", key), f"{key[:40]!r} is no key sequence", hint, at_key=True)


def can_be_told_apart(draft: Draft) -> Iterator[Finding]:
    """No key sequence in force begins with another: the shorter one would always win."""
    changes = {key: action for key, action in _changes(draft).items() if re.fullmatch(KEY, key)}
    table = effective_keys({key: _action(action) for key, action in changes.items()})
    for key in table:
        for other in table:
            if key != other and key.startswith(other):
                mine, its = (key, other) if key in changes else (other, key)
                message = f"{mine!r} cannot be told apart from {its!r} ({table[its]})"
                yield Finding(("keys", mine), message, f'"{its}": null takes it out of use', at_key=True)


def _changes(draft: Draft) -> dict[str, Any]:
    changes = draft.raw.get("keys")
    return changes if isinstance(changes, dict) else {}


def _action(value: object) -> KeyAction | None:
    """A faulty action is reported elsewhere; its key is in use all the same."""
    if value is None:
        return None
    return KeyAction(value) if isinstance(value, str) and value in set(KeyAction) else KeyAction.HELP


RULES = (can_be_pressed, can_be_told_apart)
