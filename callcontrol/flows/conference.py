"""A call to a conference number: from the first ring to the room, or to the reason why not.

Tenant keys: `numbers` (`room`, `rooms`, `languages`) and of each room `access`, `pin`, `moderator_pin`, `whitelist`,
`moderators`, `wait_for_moderator`, `max_participants`.
Ends: the caller is in the room and FreeSWITCH alone holds the call; or they heard why not and we hang up. A caller
without any right to enter is refused without being answered.
"""

from __future__ import annotations

from callcontrol.errors import CallControlError
from callcontrol.flows.language import choose_language, remembered_language
from callcontrol.flows.pin import entry_by_pin
from callcontrol.flows.visit import Visit
from callcontrol.rooms.admission import Entry, Role, entries_by_pin, entry_by_number


def enter_conference(visit: Visit) -> str:
    """Let the caller into a conference room; returns the outcome for log and metrics."""
    call, house = visit.call, visit.house
    entry = entry_by_number(visit.route.rooms, visit.number)
    if entry is None and not entries_by_pin(visit.route.rooms, visit.number):
        return refuse(visit, "caller is not listed")
    if entry is None and (seconds := house.state.blocked_for(visit.key, house.now())):
        return refuse(visit, "caller is blocked for guessing", seconds_left=round(seconds))
    call.answer()
    choose_language(visit)
    if entry is None:
        entry = entry_by_pin(visit)
    else:
        call.play("welcome")
    if entry is None:
        call.hangup()
        return "no right PIN"
    return join(visit, entry)


def join(visit: Visit, entry: Entry) -> str:
    """Into the room, or told that it is full."""
    call, room = visit.call, entry.room
    name = f"{visit.route.tenant.id}.{room.name}"
    visit.log.info("may enter", room=name, role=entry.role, reason=entry.reason)
    if entry.role != Role.MODERATOR and not _place_in(visit, name, room.max_participants):
        visit.log.info("refused", reason="room is full", room=name, at_most=room.max_participants)
        call.play("room-full")
        call.hangup("USER_BUSY")
        return "room full"
    try:
        call.play(_greeting(visit, entry, name))
        call.join(name, moderator=entry.role == Role.MODERATOR, wait=room.wait_for_moderator)
    except CallControlError:
        visit.house.rooms.give_place_back(name, call.id)
        raise
    return "joined"


def refuse(visit: Visit, reason: str, **details: object) -> str:
    """Not answered: the caller hears in the ringing that it is not accepted, pays nothing, and is told no reason."""
    visit.log.info("refused", reason=reason, **details)
    visit.call.language = remembered_language(visit) or visit.route.number.languages[0]
    visit.call.play_unanswered("not-accepted")
    visit.call.hangup("CALL_REJECTED")
    return "refused"


def _greeting(visit: Visit, entry: Entry, room: str) -> str:
    if entry.role == Role.MODERATOR:
        return "moderator-joins"
    waits = entry.room.wait_for_moderator and not visit.house.rooms.has_moderator(room)
    return "waiting-for-moderator" if waits else "joining"


def _place_in(visit: Visit, room: str, at_most: int) -> bool:
    """A place for this caller. Without a link nobody feeds the registry, so the switch is asked as well."""
    house, call = visit.house, visit.call
    if not house.links_up() and call.members_of(room) >= at_most:
        return False
    return house.rooms.take_place(room, call.id, at_most)
