"""Which service of which tenant a call is for. Pure: knows no socket, clock or log; a miss is a value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcontrol.numbers import emergency_dialled, to_e164
from callcontrol.tenants import Extension, Number, Room, Tenant, Tenants
from callcontrol.tenants.blocks import blocking

STAR = "*"


class Door(StrEnum):
    """Where a call comes in."""

    TRUNK = "trunk"
    EXTENSIONS = "extensions"


@dataclass(frozen=True)
class RoomRoute:
    """The number leads to one room, or to several of which the PIN picks one."""

    tenant: Tenant
    number: Number
    rooms: tuple[Room, ...]


@dataclass(frozen=True)
class ExtensionRoute:
    """An extension; ``number`` leads to it, None when its own short number was dialled."""

    tenant: Tenant
    extension: str
    number: Number | None = None


@dataclass(frozen=True)
class StarRoute:
    """A star code, for the extension that dials it."""

    tenant: Tenant
    extension: Extension


@dataclass(frozen=True)
class OutwardRoute:
    """An extension dials somebody who is none of ours, or whom its block profile forbids; ``digits`` as dialled."""

    tenant: Tenant
    digits: str


@dataclass(frozen=True)
class MailboxRoute:
    """The number where people of the tenant listen to their mailboxes."""

    tenant: Tenant
    number: Number


@dataclass(frozen=True)
class NoRoute:
    """Nobody has this number; ``reason`` is for the log."""

    reason: str
    tenant: Tenant | None = None


Route = RoomRoute | ExtensionRoute | StarRoute | MailboxRoute | OutwardRoute | NoRoute


def route(tenants: Tenants, door: str, dialled: str, domain: str = "", extension: str = "") -> Route:
    """Where ``dialled`` leads. ``extension``, ``domain``: who was authenticated, on the extensions door."""
    if door == Door.TRUNK:
        return _from_trunk(tenants, dialled)
    if door == Door.EXTENSIONS:
        return _from_extension(tenants, dialled, domain, extension)
    return NoRoute("the call came through no door we know")


def _from_trunk(tenants: Tenants, dialled: str) -> Route:
    """Carriers write numbers internationally or as their country does, so each region's reading is tried."""
    for region in tenants.regions:
        number = to_e164(dialled, region)
        found = tenants.find_number(number) if number is not None else None
        if found is not None:
            return _service(*found)
    return NoRoute("no tenant has this number")


def _from_extension(tenants: Tenants, dialled: str, domain: str, extension: str) -> Route:
    """A colleague, then a service of ours, then somebody outside. Emergency numbers come before all."""
    tenant = tenants.find_domain(domain)
    if tenant is None:
        return NoRoute("no tenant has this domain")
    if dialled.startswith(STAR):
        own = tenant.extensions.get(extension)
        return StarRoute(tenant, own) if own is not None else NoRoute("a star code of nobody's extension", tenant)
    if urgent := emergency_dialled(dialled, tenant.region):
        return OutwardRoute(tenant, urgent)
    dialled = dialled.removesuffix("#")  # where a # ends what is dialled, some telephones send it, too
    if dialled in tenant.extensions:
        return ExtensionRoute(tenant, dialled)
    number = to_e164(dialled, tenant.region)
    if number is None:
        return NoRoute("no extension and no number", tenant)
    found = tenants.find_number(number)
    if found is None or (found[0] is not tenant and _forbidden(tenant, extension, number)):
        return OutwardRoute(tenant, dialled)
    return _service(*found)


def _forbidden(tenant: Tenant, extension: str, number: str) -> bool:
    """Whether the extension may not call this number of another tenant, who is as far away as everybody outside."""
    caller = tenant.extensions.get(extension)
    if caller is None or caller.block_profile is None:
        return False
    return blocking(tenant.block_profiles[caller.block_profile].outgoing, number, tenant.region) is not None


def _service(tenant: Tenant, number: Number) -> Route:
    if number.extension is not None:
        return ExtensionRoute(tenant, number.extension, number)
    if number.voicemail:
        return MailboxRoute(tenant, number)
    return RoomRoute(tenant, number, tuple(tenant.rooms[name] for name in number.room_names))
