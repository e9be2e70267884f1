"""What flows of the office say to a caller who is not put through, and in which language."""

from __future__ import annotations

from callcontrol.flows.house import House
from callcontrol.guessing import caller_key, extension_key
from callcontrol.numbers import to_e164
from callcontrol.switch.call import Call
from callcontrol.tenants import Number, Tenant


def tell(call: Call, prompt: str, cause: str) -> str:
    """Say why not, before the call is answered, and end it with the cause that fits."""
    if call.answered:
        call.play(prompt)
    else:
        call.play_unanswered(prompt)
    call.hangup(cause)
    return cause


def language_of(call: Call, house: House, tenant: Tenant, dialled: Number | None = None) -> str:
    """The language this caller once chose at the tenant, or else the first of the tenant, or of the number dialled."""
    languages = dialled.languages if dialled is not None else tenant.languages
    proved = call.caller.authenticated
    number = to_e164(call.caller.number, tenant.region)
    if proved is not None:
        key = extension_key(tenant.id, f"{proved.extension}@{proved.domain}")
    elif number is not None:
        key = caller_key(number, "")
    else:
        return languages[0]
    chosen = house.state.language_of(tenant.id, key)
    return chosen if chosen in languages else languages[0]
