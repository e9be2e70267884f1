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
from callcontrol.rooms.room import Phase
from callcontrol.rooms.throttle import NAMED
from callcontrol.spoken import number
from callcontrol.tenants import Admission, Announce, Room

NAME_SECONDS = 4.0


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
    """Into the room or its lobby, or told that it is locked or full."""
    call, room, moderates = visit.call, entry.room, entry.role == Role.MODERATOR
    name = f"{visit.route.tenant.id}.{room.name}"
    visit.log.info("may enter", room=name, role=entry.role, reason=entry.reason)
    if not moderates and (obstacle := _obstacle(visit, name, room)):
        visit.log.info("refused", reason=obstacle, room=name)
        call.play(obstacle)
        call.hangup("USER_BUSY" if obstacle == "room-full" else "NORMAL_CLEARING")
        return obstacle
    try:
        if room.announce == Announce.NAME:
            _ask_name(visit, name)
        call.play(*company(visit, entry, name))
        visit.house.rooms.note_language(call.id, call.language)
        lobby = room.admission == Admission.MANUAL and not moderates
        target, wait = (f"{name}.lobby", True) if lobby else (name, room.wait_for_moderator)
        call.join(target, moderator=moderates, wait=wait, muted=not moderates and _joins_muted(visit, name))
    except CallControlError:
        visit.house.rooms.give_place_back(name, call.id)
        raise
    return "waits" if lobby else "joined"


def refuse(visit: Visit, reason: str, **details: object) -> str:
    """Not answered: the caller hears in the ringing that it is not accepted, pays nothing, and is told no reason."""
    visit.log.info("refused", reason=reason, **details)
    visit.call.language = remembered_language(visit) or visit.route.number.languages[0]
    visit.call.play_unanswered("not-accepted")
    visit.call.hangup("CALL_REJECTED")
    return "refused"


def company(visit: Visit, entry: Entry, name: str) -> tuple[str, ...]:
    """What the caller hears on the way in: whom to expect there."""
    room = visit.house.rooms.room(name)
    others = len(room.members) if room is not None else 0
    moderated = room is not None and bool(room.moderators)
    if entry.role == Role.MODERATOR:
        greeting = "moderator-joins"
    elif entry.room.admission == Admission.MANUAL and moderated:
        return ("waiting-to-be-let-in",)
    elif entry.room.admission == Admission.MANUAL or (entry.room.wait_for_moderator and not moderated):
        return ("waiting-for-moderator",)
    else:
        greeting = "joining"
    if not others:
        return greeting, "you-are-alone"
    return greeting, "others-here", *number(others, visit.call.language)


def _ask_name(visit: Visit, name: str) -> None:
    """The name the others will hear; only where the room is small enough for names."""
    house, call = visit.house, visit.call
    room = house.rooms.room(name)
    if room is None or len(room.members) < NAMED:
        call.play("name-after-tone")
        call.play_tone(house.prompts.tone("record"))
        call.record_name(house.names.path_for(call.id), NAME_SECONDS)


def _obstacle(visit: Visit, name: str, rules: Room) -> str:
    """The prompt that tells why a participant cannot come in now; empty when nothing stands in the way."""
    room = visit.house.rooms.room(name)
    if room is not None and room.locked:
        return "room-locked"
    return "" if _place_in(visit, name, rules.max_participants) else "room-full"


def _joins_muted(visit: Visit, name: str) -> bool:
    room = visit.house.rooms.room(name)
    return room is not None and (room.mute_all or room.phase in (Phase.CLOSED, Phase.HELD))


def _place_in(visit: Visit, room: str, at_most: int) -> bool:
    """A place for this caller. Without a link nobody feeds the registry, so the switch is asked as well."""
    house, call = visit.house, visit.call
    if not house.links_up() and call.members_of(room) >= at_most:
        return False
    lobby = house.rooms.room(f"{room}.lobby")
    return house.rooms.take_place(room, call.id, at_most - (len(lobby.members) if lobby is not None else 0))
