"""One person on the line at one service: the call, the tenant, who the caller is, and the call's own log."""

from __future__ import annotations

from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from callcontrol.flows.house import House
from callcontrol.guessing import caller_key, extension_key
from callcontrol.numbers import to_e164
from callcontrol.routing import Door, RoomRoute
from callcontrol.switch.call import Call
from callcontrol.tenants import Tenant


@dataclass(frozen=True)
class Guest:
    """Somebody on the line who may come into a room of ``tenant``, having called or having been called."""

    call: Call
    house: House
    tenant: Tenant
    log: FilteringBoundLogger


@dataclass(frozen=True)
class Visit(Guest):
    """Somebody who called. ``number``: the caller's, E.164, None when withheld or not to be believed.

    ``key``: whose wrong PINs are counted together.
    """

    route: RoomRoute
    number: str | None
    key: str

    @classmethod
    def begin(cls, call: Call, house: House, route: RoomRoute, log: FilteringBoundLogger) -> Visit:
        """Decide what is believed of the caller: the carrier's number on the trunk, the password on the other door."""
        tenant = route.tenant
        extension = call.caller.authenticated
        if call.door == Door.EXTENSIONS and extension is not None:
            key = extension_key(tenant.id, f"{extension.extension}@{extension.domain}")
            return cls(call, house, tenant, log, route, None, key)
        number = to_e164(call.caller.number, tenant.region)
        return cls(call, house, tenant, log, route, number, caller_key(number, route.number.e164))

    @property
    def recognised(self) -> bool:
        """Whether this caller can be known again at the next call."""
        return not self.key.startswith("anonymous:")
