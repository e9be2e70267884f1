"""What the switch knows of an extension at this moment: is a telephone registered, is it in a call."""

from __future__ import annotations

import json
from collections.abc import Sequence

from callcontrol.forwarding import Called, Situation
from callcontrol.switch.call import Call

_TALKING = frozenset({"ACTIVE", "HELD", "UNHELD"})


def situation(call: Call, called: Called, registered: Sequence[str]) -> Situation:
    """The situation of the extension ``call`` is for. The switch is asked for its calls only where that matters."""
    if called.extension.call_waiting or not called.tenant.domain:
        return Situation(bool(registered))
    number = called.extension.number
    channels = call.channels_like(f"sofia/extensions/{number}@")  # so is each channel called that is theirs
    return Situation(bool(registered), is_talking(channels, f"{number}@{called.tenant.domain}"))


def is_talking(channels: str, account: str) -> bool:
    """Whether ``show channels as json`` has a call an extension placed, or one it has answered.

    ``presence_id`` is ours: of calls it places it comes from the directory, of calls to it from the dial string.
    """
    try:
        rows = json.loads(channels).get("rows", [])
    except (ValueError, AttributeError):
        return False
    return any(
        row.get("presence_id") == account and (row.get("direction") == "inbound" or row.get("callstate") in _TALKING)
        for row in rows
    )
