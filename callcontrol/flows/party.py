"""Who calls an extension or for one: what is believed of them, and what those they call are shown.

A number the caller withholds is withheld from everybody, whatever the network told us. The number of an extension means
something inside its own tenant only: everybody else is shown the tenant's `caller_id`, and a call from outside with
such a number is anonymous on telephones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from callcontrol.forwarding import MOST_HOPS, Caller
from callcontrol.routing import Door
from callcontrol.switch.call import Call
from callcontrol.tenants import Tenant, Tenants

ANONYMOUS = "anonymous"
_WITHHELD = {
    "origination_caller_id_number": ANONYMOUS,
    "origination_caller_id_name": ANONYMOUS,
    "origination_privacy": "hide_name:hide_number",
}


@dataclass(frozen=True)
class Party:
    """The caller as the called tenant sees them. ``inside``, ``outside``: variables of the calls to its telephones and
    to the outside; none where FreeSWITCH shows the caller as they came, an extension with the name in the directory.
    ``before``: how often the call was sent on before it reached us.
    """

    caller: Caller
    inside: Mapping[str, str]
    outside: Mapping[str, str]
    before: int = 0


def party(call: Call, tenants: Tenants, tenant: Tenant) -> Party:
    """The one who calls somebody of ``tenant``."""
    proved = call.caller.authenticated
    if call.door == Door.EXTENSIONS and proved is not None:
        theirs = tenants.find_domain(proved.domain)
        shown = shown_of(call, theirs) if theirs is not None else _WITHHELD
        if theirs is not None and theirs.id == tenant.id:
            return Party(Caller.internal(proved.extension), {}, shown)
        return Party(Caller.outside(shown["origination_caller_id_number"], tenant.region), shown, shown)
    caller = Caller.outside(call.caller.number, tenant.region)
    poses = not caller.number and call.caller.number.lstrip("+") in tenant.extensions  # as a colleague
    shown = _WITHHELD if caller.withheld or poses else {}
    return Party(caller, shown, shown, diversions(call.diversion))


def shows(tenant: Tenant) -> Mapping[str, str]:
    """Variables of a call that is made for an extension: it comes from the tenant."""
    if tenant.caller_id is None:
        return _WITHHELD
    return {"origination_caller_id_number": tenant.caller_id, "origination_caller_id_name": tenant.id}


def shown_of(call: Call, tenant: Tenant) -> Mapping[str, str]:
    """As `shows`, for the extension of ``tenant`` that calls; it comes from nobody when that asks for privacy."""
    return shows(tenant) if call.caller.number else _WITHHELD


def diversions(header: str) -> int:
    """How often a call was sent on, as its Diversion headers say; MOST_HOPS at most, 0 without any."""
    headers = header[:4096].lower()
    told = [int(count) for count in re.findall(r";\s*counter=([0-9]{1,3})", headers)]
    return min(max(sum(told), len(re.findall(r"<(?:sips?|tel):", headers))), MOST_HOPS)
