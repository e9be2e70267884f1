"""`api conference ...`: the commands of mod_conference (conference_api.c, 1.10.12) with their replies to the letter."""

from __future__ import annotations

import time
from collections.abc import Callable

from callcontrol.rehearsal.arguments import number, split
from callcontrol.rehearsal.cjson import Json, compact, pretty
from callcontrol.rehearsal.hub import Hub
from callcontrol.rehearsal.rooms import Member, Room
from callcontrol.rehearsal.transcript import Kind

WORDS = 25  # conference_api.c:199 char *argv[25]: more words of a command are one word


def conference(hub: Hub, text: str) -> str:
    """The answer to ``conference TEXT``; ``""`` is what the event socket shows as ``-ERR no reply``."""
    words = split(text, WORDS)
    if not words:
        return ""
    room = hub.rooms.get(words[0])
    if room is not None:
        return _room_command(room, words) if len(words) > 1 else "Conference command, not specified.\nTry 'help'\n"
    match words[0].lower():
        case "list":
            return "".join(map(_list_room, hub.rooms.values())) or "+OK No active conferences.\n"
        case "count":
            return str(len(hub.rooms))
        case "json_list":
            return _json(list(hub.rooms.values()), words[1:2] == ["compact"] and len(words) == 2)
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
        _heard(member, data)
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
    room.event("dtmf-member", member)
    return f"+OK sent {data} to {member.id}\n"


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
    "dtmf": (_dtmf, "<[member_id|all|last|non_moderator]> <digits>"),
}


def _list(room: Room, words: list[str]) -> str:
    if words[2:3] == ["count"]:
        return f"{room.size}\n"
    return "".join(
        _line(member, words[3] if words[2:3] == ["delim"] and len(words) > 3 else ";") for member in room.members
    )


def _list_room(room: Room) -> str:
    flags = [("locked", room.locked), ("destruct", room.ended), ("wait_mod", room.wait_mod), ("running", True)]
    flags += [("answered", True), ("enforce_min", True), ("dynamic", True), ("exit_sound", True), ("enter_sound", True)]
    shown = "|".join(name for name, on in flags if on)
    plural = "" if room.size == 1 else "s"
    locked = " locked" if room.locked else ""
    head = f"+OK Conference {room.name} ({room.size} member{plural} rate: 16000{locked} flags: {shown})\n"
    return head + "".join(_line(member, ";") for member in room.members)


def _line(member: Member, delimiter: str) -> str:
    call = member.session.channel.call
    on = not member.hold
    flags = [("hear", on and member.can_hear), ("speak", on and member.can_speak), ("talking", on and member.talking)]
    flags += [("hold", member.hold), ("floor", member.floor), ("moderator", member.moderator), ("ghost", member.ghost)]
    shown = "|".join(name for name, is_on in flags if is_on)
    fields = (str(member.id), call.channel_name, call.uuid, call.display, call.user, shown, "0", "0", "0")
    return delimiter.join(fields) + "\n"


def _json_list(room: Room, words: list[str]) -> str:
    return _json([room], words[2:] == ["compact"])


def _json(rooms: list[Room], small: bool) -> str:
    return (compact if small else pretty)([_as_json(room) for room in rooms])


def _as_json(room: Room) -> Json:
    now = time.time()
    numbers = {"member_count": room.size, "ghost_count": len(room.members) - room.size, "rate": 16000}
    off = dict.fromkeys(("recording", "video_bridge", "video_floor_only", "video_rfc4579"), False)
    return {
        "conference_name": room.name,
        **numbers,
        "run_time": int(now - room.created),
        "conference_uuid": room.uuid,
        **dict.fromkeys(("canvas_count", "max_bw_in", "force_bw_in", "video_floor_packets"), 0),
        "locked": room.locked,
        "destruct": room.ended,
        "wait_mod": room.wait_mod,
        "audio_always": False,
        **dict.fromkeys(("running", "answered", "enforce_min"), True),
        "bridge_to": False,
        **dict.fromkeys(("dynamic", "exit_sound", "enter_sound"), True),
        **off,
        "variables": room.variables,
        "members": [_member_json(member, now) for member in room.members],
    }


def _member_json(member: Member, now: float) -> Json:
    call = member.session.channel.call
    on = not member.hold
    flags: dict[str, Json] = {
        "can_hear": on and member.can_hear,
        "can_see": on,
        "can_speak": on and member.can_speak,
        "hold": member.hold,
        "mute_detect": False,
        "talking": member.talking,
        "has_video": False,
        "video_bridge": False,
        "has_floor": member.floor,
        "is_moderator": member.moderator,
        "end_conference": member.ends_room,
        "mandatory_member_end_conference": False,
        "pass_digits": False,
    }
    levels = ("last_talking", "energy", "volume_in", "volume_out", "output-volume", "input-volume")
    return {
        "type": "caller",
        "id": member.id,
        "flags": flags,
        "uuid": call.uuid,
        "caller_id_name": call.display,
        "caller_id_number": call.user,
        "join_time": int(now - member.joined),
        **dict.fromkeys(levels, 0),
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
        "count_ghosts": str(len(room.members) - room.size),
        "max_members": "0",
        "rate": "16000",
        "profile_name": room.profile,
        "is_locked": "locked" if room.locked else "",
        "endconference_grace_time": "0",
        "uuid": room.uuid,
        "wait_mod": "true" if room.wait_mod else "",
    }
    return values.get(words[2].lower(), "get <parameter-name>")


def _getvar(room: Room, words: list[str]) -> str:
    return room.variables.get(words[2] if len(words) > 2 else "", "")


def _setvar(room: Room, words: list[str]) -> str:
    if len(words) > 3:
        room.variables[words[2]] = words[3]
    return ""


def _play(room: Room, words: list[str]) -> str:
    """``play FILE [async | MEMBER [nomux]]``; only that member hears it when one is named."""
    if len(words) < 3:
        return "play <file_path> [async|<member_id> [nomux]]"
    file, target = words[2], words[3] if len(words) > 3 else ""
    if target and target.lower() != "async":
        found = [member for member in room.members if str(member.id) == target]
        if not found:
            return f"-ERR Member: {target} not found.\n"
        if not _heard(found[0], file):
            return f"-ERR (play) File: {file} not found.\n"
        room.event("play-file-member", found[0])
        return f"+OK (play) Playing file {file} to member {found[0].id}\n"
    if not room.members or not all(_heard(member, file) for member in list(room.members)):
        return f"-ERR (play) File: {file} not found.\n"
    asynchronous = "true" if target else "false"
    room.event("play-file", after=[("File", file), ("Async", asynchronous)])
    return f"+OK (play) Playing file {file}\n"


def _stop(room: Room, words: list[str]) -> str:
    return "+OK Stopped 0 files.\n"


def _heard(member: Member, file: str) -> bool:
    """Note that a member hears a file; False when there is none."""
    path = file.rpartition("}")[2]
    hub = member.session.hub
    if path.startswith("local_stream://"):
        member.session.transcript.add(Kind.MUSIC, path.partition("://")[2])
        return True
    if "://" not in path and not hub.exists(path):
        return False
    for part in path.removeprefix("file_string://").split("!"):
        language, name = hub.describe(part)
        member.session.transcript.add(Kind.HEARS, name, language)
    return True


_ON_ROOM: dict[str, Callable[[Room, list[str]], str]] = {
    "list": _list,
    "json_list": _json_list,
    "count": _count,
    "lock": _lock,
    "unlock": _lock,
    "get": _get,
    "getvar": _getvar,
    "setvar": _setvar,
    "play": _play,
    "stop": _stop,
}
