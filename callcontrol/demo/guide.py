"""What there is to call, in words: every number with what it leads to and what a caller needs to get in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from callcontrol.numbers import NumberPattern
from callcontrol.tenants import Access, Extension, Number, Room, Tenant, Tenants

USUAL_CALLER = "+49305550100"  # a number kept free for films and examples
MOST_LISTED = 3  # callers of a whitelist that are shown


def numbers(tenants: Tenants) -> Iterator[tuple[Tenant, Number]]:
    """Every number, tenant by tenant."""
    return ((tenant, number) for tenant in tenants.by_id.values() for number in tenant.numbers.values())


def extensions(tenants: Tenants) -> Iterator[tuple[str, Extension]]:
    """Every extension with its account, such as ``33@acme.example``."""
    return (
        (f"{extension.number}@{tenant.domain}", extension)
        for tenant in tenants.by_id.values()
        for extension in tenant.extensions.values()
    )


def leads_to(number: Number) -> str:
    """Where a number leads, such as ``room board``."""
    if number.extension is not None:
        return f"extension {number.extension}"
    if number.voicemail:
        return "the mailboxes"
    return f"room{'s' * (len(number.room_names) > 1)} {', '.join(number.room_names)}"


def needs(tenant: Tenant, number: Number) -> str:
    """What a caller of ``number`` is asked for, such as ``PIN; asks for a language (de, en)``. Shows no PIN."""
    rooms = [tenant.rooms[name] for name in number.room_names]
    if number.voicemail:
        return "extension and PIN of the mailbox"
    if not rooms:
        return f"a telephone registered as {number.extension}@{tenant.domain}"
    words = [_to_get_in(rooms)]
    if len(rooms) == 1 and rooms[0].wait_for_moderator:
        words.append("music until a moderator is there")
    if len(rooms) == 1 and rooms[0].schedule is not None:
        words.append("open at its scheduled times")
    if len(number.languages) > 1:
        words.append(f"asks for a language ({', '.join(number.languages)})")
    return "; ".join(words)


def _to_get_in(rooms: Sequence[Room]) -> str:
    if len(rooms) > 1:
        return "the PIN picks the room"
    room = rooms[0]
    listed = _listed([*room.whitelist, *room.moderators])
    match room.access:
        case Access.OPEN:
            return "open to everybody"
        case Access.PIN:
            return "PIN"
        case Access.WHITELIST:
            return f"listed callers only ({listed})"
        case Access.WHITELIST_OR_PIN:
            return f"PIN, none for listed callers ({listed})"


def _listed(patterns: Sequence[NumberPattern]) -> str:
    shown = [str(pattern) for pattern in patterns[:MOST_LISTED]]
    return ", ".join([*shown, "..."] if len(patterns) > MOST_LISTED else shown) or "nobody"
