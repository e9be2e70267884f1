"""Intercom: an extension opens the loudspeaker of a colleague, who need not touch the telephone (`*80` and the number).

Tenant keys: `extensions` (`intercom`, `do_not_disturb`). Only where the colleague's extension allows it, and never
while it talks. Its forwarding has no say: nobody else is to be spoken to. Ends: they talk and FreeSWITCH alone holds
them; or the caller was told why not, or hears that it is busy.
"""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from callcontrol.account import OfficeAccount, Service
from callcontrol.flows.confirmation import refused
from callcontrol.flows.house import House
from callcontrol.flows.presence import situation
from callcontrol.flows.telling import tell
from callcontrol.forwarding import Called
from callcontrol.forwarding.effects import Refusal, WhyNot, intercom
from callcontrol.outgoing import Ringing, bridge, telephones
from callcontrol.switch.call import Call
from callcontrol.switch.talk import Connected

SECONDS = 10  # a telephone that does not answer by itself within these will not
_WHY_NOT: dict[Refusal, str] = {
    WhyNot.NO_INTERCOM: "intercom-refused",
    WhyNot.UNDISTURBED: "extension-undisturbed",
}


def open_intercom(call: Call, house: House, who: Called, extension: str, log: FilteringBoundLogger) -> str:
    """Connect ``who``, who dialled the code, with an extension of the tenant; returns the outcome."""
    found = who.tenant.extensions.get(extension)
    other = Called(who.tenant, found) if found is not None else None
    theirs = house.desk.settings(other) if other is not None else None
    why_not = intercom(extension, who, theirs)
    log.info("intercom", to=extension, refused=str(why_not.reason) if why_not is not None else "")
    if why_not is not None:
        prompt = _WHY_NOT.get(why_not.reason) or refused(why_not.reason)[0]
        return tell(call, prompt, "CALL_REJECTED")
    assert other is not None  # or else it was refused
    return _speak(call, other, OfficeAccount(who.tenant.id, extension, Service.INSIDE, who.extension.number), log)


def _speak(call: Call, other: Called, account: OfficeAccount, log: FilteringBoundLogger) -> str:
    registered = telephones(call.contacts(other.extension.number, other.tenant.domain or ""))
    # Call waiting lets a second call ring; a loudspeaker would break into the first.
    strict = Called(other.tenant, other.extension.model_copy(update={"call_waiting": False}))
    if situation(call, strict, registered).talking:
        call.hangup("USER_BUSY")
        return "busy"
    if not registered:
        return tell(call, "extension-unavailable", "NO_USER_RESPONSE")
    # Sofia makes `Call-Info: ...;answer-after=0` of it, and NOTIFY with `Event: talk` (mod_sofia.c:5124).
    variables = {"presence_id": other.account, "sip_auto_answer": "true"}
    dial, seconds = bridge([Ringing(endpoint, SECONDS, variables) for endpoint in registered])
    reached = call.connect(dial, seconds=seconds, noted=account.variables())
    if isinstance(reached, Connected):
        return "connected"
    log.info("the loudspeaker was not opened", causes=reached.causes)
    if "USER_BUSY" in reached.causes:
        call.hangup("USER_BUSY")
        return "busy"
    return tell(call, "extension-unavailable", "NO_USER_RESPONSE")
