"""Into a room: what everybody lives through who has the right to enter, whether they called or were called.

Room keys: `schedule`, `max_participants`, `admission`, `wait_for_moderator`, `announce`.
Ends: FreeSWITCH alone holds the call, in the room or its lobby; or they heard why not and we hung up.
"""

from __future__ import annotations

from datetime import UTC, datetime

from callcontrol.errors import CallControlError
from callcontrol.flows.booking import account_of, book
from callcontrol.flows.visit import Guest
from callcontrol.rooms.admission import Entry, Role, is_open
from callcontrol.rooms.room import Phase
from callcontrol.rooms.throttle import NAMED
from callcontrol.spoken import number
from callcontrol.tenants import Admission, Announce

NAME_SECONDS = 4.0


def come_in(guest: Guest, entry: Entry) -> str:
    """Into the room or its lobby, or told why not; returns the outcome."""
    if reason := obstacle(guest, entry):
        return turn_away(guest, entry, reason)
    return enter(guest, entry)


def obstacle(guest: Guest, entry: Entry) -> str:
    """The prompt that tells why they cannot come in now. Empty when they can: then a place is held for them.

    Whom the room called for one of its times may answer late; whether they are still wanted is asked before.
    """
    name, now = _name(guest, entry), datetime.fromtimestamp(guest.house.now(), UTC)
    if not entry.called and not is_open(entry.room, guest.tenant.timezone, now):
        return "room-not-open"
    if entry.role == Role.MODERATOR:
        return ""
    room = guest.house.rooms.room(name)
    if room is not None and room.locked and not entry.called:
        return "room-locked"
    return "" if _place_in(guest, name, entry.room.max_participants) else "room-full"


def give_place_back(guest: Guest, entry: Entry) -> None:
    """They do not come in after all."""
    guest.house.rooms.give_place_back(_name(guest, entry), guest.call.id)


def turn_away(guest: Guest, entry: Entry, reason: str) -> str:
    """Tell why not, and goodbye."""
    guest.log.info("refused", reason=reason, room=_name(guest, entry))
    guest.call.play(reason)
    guest.call.hangup("USER_BUSY" if reason == "room-full" else "NORMAL_CLEARING")
    return reason


def enter(guest: Guest, entry: Entry) -> str:
    """Into the room or its lobby; nothing stands in the way."""
    call, room, moderates, name = guest.call, entry.room, entry.role == Role.MODERATOR, _name(guest, entry)
    guest.log.info("may enter", room=name, role=entry.role, reason=entry.reason)
    try:
        if room.announce == Announce.NAME:
            _ask_name(guest, name)
        lobby = _waits_in_lobby(guest, entry, name)
        call.play(*_company(guest, entry, name, lobby=lobby))
        guest.house.rooms.note_language(call.id, call.language)
        target, wait = (f"{name}.lobby", True) if lobby else (name, room.wait_for_moderator)
        muted, noted = not moderates and _joins_muted(guest, name), account_of(guest, entry).variables()
        call.join(target, moderator=moderates, wait=wait, muted=muted, noted=noted)
    except CallControlError:
        give_place_back(guest, entry)
        raise
    book(guest, entry, lobby=lobby)
    return "waits" if lobby else "joined"


def _name(guest: Guest, entry: Entry) -> str:
    """The conference in FreeSWITCH."""
    return f"{guest.tenant.id}.{entry.room.name}"


def _company(guest: Guest, entry: Entry, name: str, *, lobby: bool) -> tuple[str, ...]:
    """What they hear on the way in: whom to expect there."""
    room = guest.house.rooms.room(name)
    others = len(room.members) if room is not None else 0
    moderated = _moderated(guest, name)
    if entry.role == Role.MODERATOR:
        greeting = "moderator-joins"
    elif lobby:
        return ("waiting-to-be-let-in" if moderated else "waiting-for-moderator",)
    elif entry.room.wait_for_moderator and not moderated:
        return ("waiting-for-moderator",)
    else:
        greeting = "joining"
    if not others:
        return greeting, "you-are-alone"
    return greeting, "others-here", *number(others, guest.call.language)


def _ask_name(guest: Guest, name: str) -> None:
    """The name the others will hear; only where the room is small enough for names."""
    house, call = guest.house, guest.call
    room = house.rooms.room(name)
    if room is None or len(room.members) < NAMED:
        call.play("name-after-tone")
        call.play_tone(house.prompts.tone("record"))
        call.record_name(house.names.path_for(call.id), NAME_SECONDS)


def _waits_in_lobby(guest: Guest, entry: Entry, name: str) -> bool:
    """Whether a moderator has to let them in; whom a moderator called need not be let in by one who is there."""
    if entry.role == Role.MODERATOR or entry.room.admission == Admission.AUTOMATIC:
        return False
    return not (entry.called and _moderated(guest, name))


def _moderated(guest: Guest, name: str) -> bool:
    room = guest.house.rooms.room(name)
    return room is not None and bool(room.moderators)


def _joins_muted(guest: Guest, name: str) -> bool:
    room = guest.house.rooms.room(name)
    return room is not None and (room.mute_all or room.phase in (Phase.CLOSED, Phase.HELD))


def _place_in(guest: Guest, room: str, at_most: int) -> bool:
    """A place for this caller. Without a link nobody feeds the registry, so the switch is asked as well."""
    house, call = guest.house, guest.call
    if not house.links_up() and call.members_of(room) >= at_most:
        return False
    lobby = house.rooms.room(f"{room}.lobby")
    return house.rooms.take_place(room, call.id, at_most - (len(lobby.members) if lobby is not None else 0))
