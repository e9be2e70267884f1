"""`api conference ...`: the commands of mod_conference (conference_api.c, 1.10.12) with their replies to the letter."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from callcontrol.rehearsal import roomlist, roomplay
from callcontrol.rehearsal.arguments import number, split
from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.member import Member
from callcontrol.rehearsal.rooms import Room
from callcontrol.rehearsal.roomsound import note

WORDS = 25  # conference_api.c:199 char *argv[25]: more words of a command are one word


def conference(rooms: Mapping[str, Room], text: str) -> str:
    """The answer to ``conference TEXT``; ``""`` is what the event socket shows as ``-ERR no reply``."""
    words = split(text, WORDS)
    if not words:
        return ""
    room = rooms.get(words[0])
    if room is not None:
        return _room_command(room, words) if len(words) > 1 else "Conference command, not specified.\nTry 'help'\n"
    match words[0].lower():
        case "list":
            return "".join(map(roomlist.describe, rooms.values())) or "+OK No active conferences.\n"
        case "count":
            return str(len(rooms))
        case "json_list":
            return roomlist.as_json(list(rooms.values()), words[1:] == ["compact"])
    return f"-ERR Conference {words[0]} not found\n"


def _room_command(room: Room, words: list[str]) -> str:
    command = words[1].lower()
    if command in _ON_MEMBERS:
        return _on_members(room, command, words[2:])
    if command in _ON_ROOM:
        return _ON_ROOM[command](room, words)
    return f"-ERR Conference command '{words[1]}' not found.\n"


def _on_members(room: Room, command: str, words: list[str]) -> str:
    """conference_api.c:4190-4263: an id, ``all``, ``non_moderator``, ``last`` or ``variable=value``."""
    act, usage = _ON_MEMBERS[command]
    target = words[0] if words else ""
    data = words[1] if len(words) > 1 else ""
    if number(target):
        found = [member for member in room.members if member.id == number(target)]
        return act(room, found[0], data) if found else f"-ERR Non-Existant ID {number(target)}\n"
    match target.lower():
        case "all":
            return "".join(act(room, member, data) for member in list(room.members))
        case "non_moderator":
            return "".join(_unless_moderator(act, room, member, data) for member in list(room.members))
        case "last":
            return act(room, max(room.members, key=lambda member: member.id), data) if room.members else ""
    name, sign, value = target.partition("=")
    if sign:
        found = [member for member in room.members if member.session.variable(name) == value]
        return act(room, found[0], data) if found else "-ERR Non-Existant member\n"
    return f"{command} {usage}"


Act = Callable[[Room, Member, str], str]


def _unless_moderator(act: Act, room: Room, member: Member, data: str) -> str:
    return f"Skipping moderator (member id {member.id}).\n" if member.moderator else act(room, member, data)


def _mute(room: Room, member: Member, data: str) -> str:
    member.can_speak = member.talking = False
    room.event("mute-member", member)
    return f"+OK mute {member.id}\n"


def _unmute(room: Room, member: Member, data: str) -> str:
    member.can_speak = True
    room.event("unmute-member", member)
    return f"+OK unmute {member.id}\n"


def _tmute(room: Room, member: Member, data: str) -> str:
    return (_mute if member.can_speak else _unmute)(room, member, data)


def _deaf(room: Room, member: Member, data: str) -> str:
    member.can_hear = False
    room.event("deaf-member", member)
    return f"+OK deaf {member.id}\n"


def _undeaf(room: Room, member: Member, data: str) -> str:
    member.can_hear = True
    room.event("undeaf-member", member)
    return f"+OK undeaf {member.id}\n"


def _hold(room: Room, member: Member, data: str) -> str:
    member.hold = True
    if data:
        note([member.session], data)
    room.event("hold-member", member)
    return f"+OK hold {member.id}\n"


def _unhold(room: Room, member: Member, data: str) -> str:
    member.hold = False
    room.event("unhold-member", member)
    return f"+OK unhold {member.id}\n"


def _kick(room: Room, member: Member, data: str) -> str:
    """Out of the room; the call goes on with what comes after the conference."""
    member.leaving = True
    room.event("kick-member", member)
    member.session.wake()
    return f"+OK kicked {member.id}\n"


def _hup(room: Room, member: Member, data: str) -> str:
    member.leaving = True
    room.event("hup-member", member)
    member.session.wake()
    return f"+OK hup {member.id}\n"


def _dtmf(room: Room, member: Member, data: str) -> str:
    if not data:
        return "-ERR Invalid input!\n"
    room.event("dtmf-member", member, [("Digits", data)])
    return f"+OK sent {data} to {member.id}\n"


def _get_uuid(room: Room, member: Member, data: str) -> str:
    return member.session.channel.uuid


_TARGETS = "<[member_id|all]|last|non_moderator>"
_ON_MEMBERS: dict[str, tuple[Act, str]] = {
    "mute": (_mute, f"{_TARGETS} [<quiet>]"),
    "unmute": (_unmute, f"{_TARGETS} [<quiet>]"),
    "tmute": (_tmute, f"{_TARGETS} [<quiet>]"),
    "deaf": (_deaf, _TARGETS),
    "undeaf": (_undeaf, _TARGETS),
    "hold": (_hold, f"{_TARGETS} [file]"),
    "unhold": (_unhold, _TARGETS),
    "kick": (_kick, "<[member_id|all|last|non_moderator]> [<optional sound file>]"),
    "hup": (_hup, "<[member_id|all|last|non_moderator]>"),
    "get-uuid": (_get_uuid, "<member_id|last>"),
    "dtmf": (_dtmf, "<[member_id|all|last|non_moderator]> <digits>"),
}


def _count(room: Room, words: list[str]) -> str:
    return str(room.size)


def _lock(room: Room, words: list[str]) -> str:
    room.locked = words[1].lower() == "lock"
    room.event("lock" if room.locked else "unlock")
    return f"+OK {room.name} {'locked' if room.locked else 'unlocked'}\n"


def _get(room: Room, words: list[str]) -> str:
    if len(words) != 3:
        return "get <parameter-name>"
    values = {
        "run_time": str(int(time.time() - room.created)),
        "count": str(room.size),
        "count_ghosts": str(room.ghosts),
        "max_members": room.settings["max_members"],
        "rate": "16000",
        "profile_name": room.profile,
        "is_locked": "locked" if room.locked else "",
        "endconference_grace_time": room.settings["endconference_grace_time"],
        "uuid": room.uuid,
        "wait_mod": "true" if room.wait_mod else "",
    }
    return values.get(words[2].lower(), "get <parameter-name>")


def _getvar(room: Room, words: list[str]) -> str:
    return room.variables.get(words[2] if len(words) > 2 else "", "")


def _setvar(room: Room, words: list[str]) -> str:
    """One set again moves to the end; without a value it is removed (mod_conference.c:2674)."""
    if len(words) > 2:
        room.variables.pop(words[2], None)
    if len(words) > 3:
        room.variables[words[2]] = words[3]
    return "+OK\n"


def _set(room: Room, words: list[str]) -> str:
    """``set PARAMETER VALUE`` answers with the old value."""
    if len(words) != 4 or words[2] not in room.settings:
        return "set <max_members|sound_prefix|caller_id_name|caller_id_number|endconference_grace_time> <value>"
    old, room.settings[words[2]] = room.settings[words[2]], words[3]
    return old


def _transfer(room: Room, words: list[str]) -> str:
    """Members leave for another conference: ``transfer ROOM@PROFILE ID ...`` (conference_api.c:3662)."""
    if len(words) <= 3:
        return "transfer <conference_name> <member id> [...<member id>]"
    told = []
    for target in words[3:]:
        found = [member for member in room.members if str(member.id) == target]
        if not found:
            told.append(f"-ERR No Member {target} in conference {room.name}.\n")
            continue
        found[0].session.go_to_room(words[2])
        found[0].session.channel.variables.set("last_transfered_conference", words[2].partition("@")[0])
        names: list[Header] = [("Old-Conference-Name", room.name), ("New-Conference-Name", words[2])]
        room.event("transfer", found[0], before=names)
        told.append(f"+OK Member '{target}' sent to conference {words[2]}.\n")
    return "".join(told)


_ON_ROOM: dict[str, Callable[[Room, list[str]], str]] = {
    "list": roomlist.members,
    "json_list": lambda room, words: roomlist.as_json([room], words[2:] == ["compact"]),
    "count": _count,
    "lock": _lock,
    "unlock": _lock,
    "get": _get,
    "getvar": _getvar,
    "setvar": _setvar,
    "play": roomplay.play,
    "stop": roomplay.stop,
    "set": _set,
    "transfer": _transfer,
    "record": roomplay.record,
    "norecord": roomplay.norecord,
}
