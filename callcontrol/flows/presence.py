"""What the switch knows of an extension at this moment: is a telephone registered, is it in a call."""

from __future__ import annotations

from collections.abc import Sequence

from callcontrol.forwarding import Called, Situation
from callcontrol.switch.call import Call
from callcontrol.switch.tables import talking


def situation(call: Call, called: Called, registered: Sequence[str]) -> Situation:
    """The situation of the extension ``call`` is for. The switch is asked for its calls only where that matters."""
    if called.extension.call_waiting or not called.tenant.domain:
        return Situation(bool(registered))
    number = called.extension.number
    channels = call.channels_like(f"sofia/extensions/{number}@")  # so is each channel called that is theirs
    talks = talking(channels, called.account)
    # The table behind `show` is written a moment later than calls end (switch_core_sqldb.c): each is asked for itself.
    return Situation(bool(registered), any(call.is_there(uuid) for uuid in talks))
