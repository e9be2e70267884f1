"""What the ledger is told of somebody who comes into a room: whose call it is, and what it waits for there.

The name is the tenant's own for this number (an extension, a participant of the room), never one the caller gave.
"""

from __future__ import annotations

from callcontrol.account import Account
from callcontrol.flows.visit import Guest, Visit
from callcontrol.rooms.admission import Entry, Role
from callcontrol.state import Leg
from callcontrol.state.leg import ADMISSION, MODERATOR, NOTHING
from callcontrol.tenants import Room, Tenant


def account_of(guest: Guest, entry: Entry) -> Account:
    """Whose call this is, and who pays for it."""
    call, number = guest.call, _number(guest)
    return Account(
        tenant=guest.tenant.id,
        room=entry.room.name,
        role=str(entry.role),
        payer="tenant" if call.origin.outbound else "caller",
        number=number,
        name=_name(guest.tenant, entry.room, number),
        tries=max(1, call.summons.attempt) if call.summons is not None else 1,
        language=call.language,
    )


def book(guest: Guest, entry: Entry, *, lobby: bool) -> None:
    """Write the call into the ledger: it is in the room, or in its lobby, since now. Never waits."""
    account, origin, now = account_of(guest, entry), guest.call.origin, guest.house.books.now()
    waits = entry.room.wait_for_moderator and entry.role != Role.MODERATOR
    leg = Leg(
        call=guest.call.id,
        tenant=account.tenant,
        room=account.room,
        role=account.role,
        direction="outbound" if origin.outbound else "inbound",
        payer=account.payer,
        began_at=origin.began_at or now,
        answered_at=guest.call.answered_at or now,
        joined_at=now,
        number=account.number,
        name=account.name,
        tries=account.tries,
        language=account.language,
        waits_for=ADMISSION if lobby else MODERATOR if waits else NOTHING,
    )
    guest.house.books.joined(leg)


def _number(guest: Guest) -> str:
    call = guest.call
    if isinstance(guest, Visit):
        extension = call.caller.authenticated
        return guest.number or (extension.extension if extension is not None else "")
    return call.summons.number if call.summons is not None else ""


def _name(tenant: Tenant, room: Room, number: str) -> str:
    if number in tenant.extensions:
        return tenant.extensions[number].name
    return next((person.name for person in room.dial_out if number and str(person.number) == number), "")
