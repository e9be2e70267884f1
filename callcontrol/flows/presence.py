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
    talks = talking(channels, f"{number}@{called.tenant.domain}")
    # The table behind `show` is written a moment later than calls end (switch_core_sqldb.c): each is asked for itself.
    return Situation(bool(registered), any(call.is_there(uuid) for uuid in talks))


def talking(channels: str, account: str) -> tuple[str, ...]:
    """The calls in ``show channels as json`` that an extension placed, or has answered.

    ``presence_id`` is ours: of calls it places it comes from the directory, of calls to it from the dial string.
    """
    try:
        rows = json.loads(channels).get("rows", [])
    except (ValueError, AttributeError):
        return ()
    theirs = (row for row in rows if row.get("presence_id") == account)
    return tuple(
        str(row.get("uuid", ""))
        for row in theirs
        if row.get("direction") == "inbound" or row.get("callstate") in _TALKING
    )
