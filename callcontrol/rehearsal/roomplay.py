"""`conference ROOM play | stop | record | norecord` with mod_conference's replies to the letter (conference_api.c)."""

from __future__ import annotations

from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.rooms import Room
from callcontrol.rehearsal.roomsound import parts

_PLAY = "play <file_path> [async|<member_id> [nomux]]"


def play(room: Room, words: list[str]) -> str:
    """``play FILE [async | MEMBER [nomux]]``; only that member hears it when one is named."""
    if len(words) < 3:
        return _PLAY
    file, target = words[2], words[3] if len(words) > 3 else ""
    if target and target.lower() != "async":
        return _play_to(room, file, target)
    told: list[Header] = [("File", file), ("Async", "true" if target else "false")]
    if not room.members or not parts(room.hub, file):
        room.event("play-file", after=[*told, ("Error", "File could not be played")])
        return f"-ERR (play) File: {file} not found.\n"
    if target:
        room.start_music(file)
        room.event("play-file", after=told)
    else:
        room.event("play-file", after=told)
        room.play(file)
    return f"+OK (play) Playing file {file}\n"


def _play_to(room: Room, file: str, target: str) -> str:
    found = [member for member in room.members if str(member.id) == target]
    if not found:  # FreeSWITCH prints the address of the text as a number (conference_api.c:2863)
        return f"-ERR Member: {id(target) % 2**32} not found.\n{_PLAY}"
    if not parts(room.hub, file) or found[0].leaving:
        return f"-ERR (play) File: {file} not found.\n"
    room.event("play-file-member", found[0], [("File", file)])
    found[0].player.play(file)
    return f"+OK (play) Playing file {file} to member {found[0].id}\n"


def stop(room: Room, words: list[str]) -> str:
    """``stop [current | all | async] [MEMBER]``."""
    what = words[2].lower() if len(words) > 2 else "all"
    if what not in ("current", "all", "async"):
        return "stop <[current|all|async|last]> [<member_id>]"
    if len(words) > 3:
        found = [member for member in room.members if str(member.id) == words[3]]
        if not found:
            return f"-ERR Member: {words[3]} not found.\n"
        return f"+OK Stopped {found[0].player.stop(every=what == 'all')} files.\n"
    return f"+OK Stopped {room.stop_music() if what == 'async' else room.stop(every=what == 'all')} files.\n"


def record(room: Room, words: list[str]) -> str:
    """``record FILE``; whether the file can be written is told by an event only."""
    if len(words) < 3:
        return "record <filename>"
    if any(recording.path == words[2] for recording in room.recordings):
        return f"-ERR file [{words[2]}] is already being used for recording.\n"
    room.record(words[2])
    return f"+OK Record file {words[2]}\n"


def norecord(room: Room, words: list[str]) -> str:
    """``norecord FILE | all``: the count is taken before the recording's thread has ended, so it is always 0."""
    if len(words) < 3:
        return "norecord <[filename|all]>"
    every = words[2].lower() == "all"
    told = ""
    for recording in [one for one in room.recordings if every or one.path == words[2]]:
        room.stop_recording(recording)
        told += f"Stopped recording file {recording.path}\n"
    if not told and not every:
        told = f"-ERR non-existant recording '{words[2]}'\n"
    return f"{told}+OK Stopped recording 0 files\n"
