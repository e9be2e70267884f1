"""Where a call to an extension goes, and what star codes change about that. Everything here is pure.

    decide(Called(tenant, extension), Caller.outside("+4930863000", "DE"), Situation(registered=False), settings)

answers with a plan: `Ring`, `Forward`, `Voicemail`, `Busy` or `Reject`, each with its reasons and the places in the
tenant file they rest on. `starcodes` reads what was dialled, `effects` says what that does to the settings.
"""

from callcontrol.forwarding.decide import decide
from callcontrol.forwarding.settings import Settings
from callcontrol.forwarding.values import (
    MOST_HOPS,
    Busy,
    Called,
    Caller,
    Chain,
    Condition,
    Forward,
    Missed,
    Plan,
    Refused,
    Reject,
    Ring,
    Situation,
    Step,
    Then,
    Voicemail,
)

__all__ = [
    "MOST_HOPS",
    "Busy",
    "Called",
    "Caller",
    "Chain",
    "Condition",
    "Forward",
    "Missed",
    "Plan",
    "Refused",
    "Reject",
    "Ring",
    "Settings",
    "Situation",
    "Step",
    "Then",
    "Voicemail",
    "decide",
]
