"""One person on the line at one service: the call, the tenant, who the caller is, and the call's own log."""

from __future__ import annotations

from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from callcontrol.flows.house import House
from callcontrol.guessing import caller_key, extension_key
from callcontrol.numbers import to_e164
from callcontrol.routing import Door, RoomRoute
from callcontrol.switch.call import Call
from callcontrol.tenants import Number, Tenant


@dataclass(frozen=True)
class Guest:
    """Somebody on the line who may come into a room of ``tenant``, having called or having been called."""

    call: Call
    house: House
    tenant: Tenant
    log: FilteringBoundLogger


@dataclass(frozen=True)
class Arrival(Guest):
    """Somebody who called. ``dialled``: the number of ours. ``number``: the caller's, E.164, None when withheld or not
    to be believed. ``key``: whose wrong PINs are counted together.
    """

    dialled: Number
    number: str | None
    key: str

    @property
    def recognised(self) -> bool:
        """Whether this caller can be known again at the next call."""
        return not self.key.startswith("anonymous:")

    @classmethod
    def at(cls, call: Call, house: House, tenant: Tenant, dialled: Number, log: FilteringBoundLogger) -> Arrival:
        """Somebody at a number that leads to no room."""
        return cls(call, house, tenant, log, dialled, *believed(call, tenant, dialled))


@dataclass(frozen=True)
class Visit(Arrival):
    """Somebody who called a number of rooms."""

    route: RoomRoute

    @classmethod
    def begin(cls, call: Call, house: House, route: RoomRoute, log: FilteringBoundLogger) -> Visit:
        """Whoever called ``route``."""
        tenant, dialled = route.tenant, route.number
        return cls(call, house, tenant, log, dialled, *believed(call, tenant, dialled), route)


def believed(call: Call, tenant: Tenant, dialled: Number) -> tuple[str | None, str]:
    """Number and key of the caller: the carrier's word on the trunk, the password on the other door."""
    extension = call.caller.authenticated
    if call.door == Door.EXTENSIONS and extension is not None:
        return None, extension_key(tenant.id, f"{extension.extension}@{extension.domain}")
    number = to_e164(call.caller.number, tenant.region)
    return number, caller_key(number, dialled.e164)
