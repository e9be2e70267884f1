"""One caller at one service: the call, the tenant, who the caller is, and the call's own log and outcome."""

from __future__ import annotations

from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from callcontrol.flows.house import House
from callcontrol.guessing import caller_key, extension_key
from callcontrol.numbers import to_e164
from callcontrol.routing import Door, RoomRoute
from callcontrol.switch.call import Call


@dataclass(frozen=True)
class Visit:
    """``number``: the caller's, E.164, None when withheld or not to be believed.

    ``key``: whose wrong PINs are counted together.
    """

    call: Call
    house: House
    route: RoomRoute
    number: str | None
    key: str
    log: FilteringBoundLogger

    @classmethod
    def begin(cls, call: Call, house: House, route: RoomRoute, log: FilteringBoundLogger) -> Visit:
        """Decide what is believed of the caller: the carrier's number on the trunk, the password on the other door."""
        tenant = route.tenant
        extension = call.caller.authenticated
        if call.door == Door.EXTENSIONS and extension is not None:
            key = extension_key(tenant.id, f"{extension.extension}@{extension.domain}")
            return cls(call, house, route, None, key, log)
        number = to_e164(call.caller.number, tenant.region)
        return cls(call, house, route, number, caller_key(number, route.number.e164), log)

    @property
    def recognised(self) -> bool:
        """Whether this caller can be known again at the next call."""
        return not self.key.startswith("anonymous:")
