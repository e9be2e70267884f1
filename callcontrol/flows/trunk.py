"""A caller is put through to a number outside: on a line of the tenant, which is given back when nobody takes the call.

Tenant keys: `outgoing`. The caller hears what the network says before anybody answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from callcontrol.account import OfficeAccount
from callcontrol.flows.house import House
from callcontrol.outgoing import Ringing, bridge
from callcontrol.state.rounds import Held
from callcontrol.switch.call import Call
from callcontrol.switch.talk import Connected, NotReached
from callcontrol.tenants import Tenant

_NONE: Mapping[str, str] = MappingProxyType({})
_TONES = frozenset({"USER_BUSY", "CALL_REJECTED"})  # telephones say that themselves


def by_trunk(
    call: Call, house: House, tenant: Tenant, account: OfficeAccount, ring: Ringing, noted: Mapping[str, str] = _NONE
) -> Connected | NotReached | Held:
    """Make the call ``ring`` for ``account``, unless a limit of the tenant holds it. ``noted``: see `Call.connect`."""
    taken = house.lines.take(tenant, [account])
    if isinstance(taken, Held):
        return taken
    named = replace(ring, variables={"origination_uuid": taken[0], **account.variables(), **ring.variables})
    reached = past_limits(call, named, noted)
    if isinstance(reached, Connected):
        house.lines.taken_by(reached.other, taken)
    else:
        house.lines.give_back(taken)
    return reached


def past_limits(call: Call, ring: Ringing, noted: Mapping[str, str] = _NONE) -> Connected | NotReached:
    """Make the call whatever the limits: an emergency."""
    dial, seconds = bridge([ring], early_media=not call.answered)
    return call.connect(dial, seconds=seconds, noted=noted)


def needs_no_words(reached: NotReached) -> bool:
    """Whether the caller knows why by a tone, or has heard it from the network."""
    return reached.heard or reached.cause in _TONES
