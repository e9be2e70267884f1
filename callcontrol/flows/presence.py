"""What the switch knows of an extension at this moment: is a telephone registered, is it in a call."""

from __future__ import annotations

import time
from collections.abc import Sequence

import gevent

from callcontrol.forwarding import Called, Situation
from callcontrol.switch.call import Call
from callcontrol.switch.tables import talking

# A telephone is told that its call is over 13 to 20 ms before FreeSWITCH ends it, and up to 40 ms before the other side
# (measured on 1.10.12, idle; more under load). Who calls within that time would hear busy for nobody.
SETTLES_SECONDS = 0.4
LOOK_SECONDS = 0.05


def situation(call: Call, called: Called, registered: Sequence[str]) -> Situation:
    """The situation of the extension ``call`` is for. The switch is asked for its calls only where that matters."""
    if called.extension.call_waiting or not called.tenant.domain:
        return Situation(bool(registered))
    if _calls_itself(call, called):
        return Situation(bool(registered), talking=True)
    channels = call.channels_like(f"sofia/extensions/{called.extension.number}@")  # so is each channel called of theirs
    return Situation(bool(registered), _goes_on(call, talking(channels, called.account)))


def _calls_itself(call: Call, called: Called) -> bool:
    """Whether this is the extension's own call, sent on to it or not; the switch's table may not have it yet."""
    proved = call.caller.authenticated
    return proved is not None and f"{proved.extension}@{proved.domain}".lower() == called.account.lower()


def _goes_on(call: Call, talks: Sequence[str]) -> bool:
    """Whether one of these calls is not just ending; takes SETTLES_SECONDS when one goes on.

    Each is asked for itself: the table behind `show` is written up to half a second late (switch_core_sqldb.c).
    """
    until = time.monotonic() + SETTLES_SECONDS
    while talks := [uuid for uuid in talks if call.is_there(uuid)]:
        if time.monotonic() >= until:
            return True
        gevent.sleep(LOOK_SECONDS)
    return False
