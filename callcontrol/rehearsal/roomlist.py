"""`conference ... list` and `json_list`: how mod_conference describes rooms and members (mod_conference.c:98, 1363)."""

from __future__ import annotations

import time

from callcontrol.rehearsal.cjson import Json, compact, pretty
from callcontrol.rehearsal.member import Member
from callcontrol.rehearsal.rooms import Room
from callcontrol.rehearsal.roomsound import Recording


def members(room: Room, words: list[str]) -> str:
    """``NAME list [count | delim X]``: one line per member."""
    if words[2:3] == ["count"]:
        return str(room.size)
    return "".join(
        _line(member, words[3] if words[2:3] == ["delim"] and len(words) > 3 else ";") for member in room.members
    )


def describe(room: Room) -> str:
    """A room in ``list``: its line and those of its members."""
    flags = [("locked", room.locked), ("destruct", room.ended), ("wait_mod", room.wait_mod), ("running", True)]
    flags += [("answered", True), ("enforce_min", True), ("dynamic", True), ("exit_sound", True), ("enter_sound", True)]
    flags.append(("json_status", True))
    shown = "|".join(name for name, on in flags if on)
    plural = "" if room.size == 1 else "s"
    locked = " locked" if room.locked else ""
    head = f"+OK Conference {room.name} ({room.size} member{plural} rate: 16000{locked} flags: {shown})\n"
    return head + "".join(_line(member, ";") for member in room.members)


def _line(member: Member, delimiter: str) -> str:
    channel = member.session.channel
    on = not member.hold
    flags = [("hear", on and member.can_hear), ("speak", on and member.can_speak), ("talking", on and member.talking)]
    flags += [("hold", member.hold), ("floor", member.floor), ("moderator", member.moderator), ("ghost", member.ghost)]
    shown = "|".join(name for name, is_on in flags if is_on)
    fields = (str(member.id), channel.name, channel.uuid, *channel.caller, shown, "0", "0", "100")
    return delimiter.join(fields) + "\n"


def as_json(rooms: list[Room], small: bool) -> str:
    """``json_list``; ``small`` is its option ``compact``."""
    return (compact if small else pretty)([_as_json(room) for room in rooms])


def _as_json(room: Room) -> Json:
    now = time.time()
    numbers = {"member_count": room.size, "ghost_count": room.ghosts, "rate": 16000}
    off = dict.fromkeys(("video_bridge", "video_floor_only", "video_rfc4579"), False)
    nodes: list[Member | Recording] = [*room.members, *room.recordings]
    nodes.sort(key=lambda node: -node.place)
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
        "recording": bool(room.recordings),
        **off,
        "variables": room.variables,
        "members": [_node_json(node, now) for node in nodes],
    }


def _node_json(member: Member | Recording, now: float) -> Json:
    if isinstance(member, Recording):
        return {"type": "recording_node", "record_path": member.path, "join_time": int(member.began)}
    channel = member.session.channel
    return {
        "type": "caller",
        "id": member.id,
        "flags": _flags_json(member),
        "uuid": channel.uuid,
        "caller_id_name": channel.caller[0],
        "caller_id_number": channel.caller[1],
        "join_time": int(now - member.joined),
        "last_talking": 0,
        "energy": 100,
        **dict.fromkeys(("volume_in", "volume_out", "output-volume", "input-volume"), 0),
    }


def _flags_json(member: Member) -> Json:
    on = not member.hold
    return {
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
