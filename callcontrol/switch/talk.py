"""What becomes of a call that is made for a caller: they talk, or nobody took it and why."""

from __future__ import annotations

import re
from dataclasses import dataclass

from callcontrol.switch.events import Event

# What the caller hears while it rings at the other end, from the first answer of a telephone on: 425 Hz, 1 s in 5.
RINGBACK = "%(1000,4000,425)"


@dataclass(frozen=True)
class Connected:
    """The caller talks with somebody; FreeSWITCH alone holds them. ``other``: uuid of the call that was taken."""

    other: str = ""


@dataclass(frozen=True)
class NotReached:
    """Nobody took the call.

    ``cause``: FreeSWITCH's name of a Q.850 cause; ``causes``: that of each telephone. ``heard``: the far end's network
    spoke, so that the caller knows why.
    """

    cause: str
    causes: tuple[str, ...] = ()
    heard: bool = False


class Talk:
    """Whether two talk, told by the events of the caller's own channel; for `CallSocket.bridge`.

    FreeSWITCH bridges before the answer when it lets the far end's early media through; they talk when both have
    happened, in either order (switch_ivr_bridge.c:1700 answers first, else the answer passes through the bridge).
    """

    EVENTS = b"event json CHANNEL_BRIDGE CHANNEL_ANSWER\n\n"
    #: Of the caller's channel: it comes back when nobody takes the call, hears it ring, hands on no headers of its own,
    #: and forgets what became of the calls before (unset, `originate_causes` grows: switch_ivr_originate.c:2134).
    VARIABLES = (
        f"continue_on_fail=true;hangup_after_bridge=false;ringback={RINGBACK};transfer_ringback={RINGBACK};"
        "sip_copy_custom_headers=false;preserve_originated_vars=false"
    )

    def __init__(self) -> None:
        self.bridged = self.begun = False
        self.other = ""

    def goes_on(self, event: Event) -> bool:
        """Take one event; True once they talk."""
        if event.name not in ("CHANNEL_BRIDGE", "CHANNEL_ANSWER"):
            return False
        self.bridged |= event.name == "CHANNEL_BRIDGE"
        self.other = event.get("Bridge-B-Unique-ID") or self.other
        self.begun = self.bridged and event.get("Answer-State") == "answered"
        return self.begun

    def failed(self, event: Event) -> NotReached:
        """Why nobody took the call, from the CHANNEL_EXECUTE_COMPLETE of `bridge`."""
        # By early media alone, `originate` has succeeded and the bridge has failed.
        reached = event.get("variable_originate_disposition") == "SUCCESS"
        cause = event.get("variable_bridge_hangup_cause" if reached else "variable_originate_failed_cause")
        each = re.findall(r";([A-Z_]+)", event.get("variable_originate_causes"))
        return NotReached(cause or "NORMAL_TEMPORARY_FAILURE", tuple(each), self.bridged)
