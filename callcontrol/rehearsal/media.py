"""What is played to a call: files, several in one, tones, silence, music; and how long that takes.

Sources: src/switch_ivr_play_say.c ``switch_ivr_play_file``, mod_dptools.c ``file_string``. With a pace of 0 finite
media takes no time: nobody can press a key during it, so keys pressed early wait for the next question.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from enum import Enum

from callcontrol.rehearsal.bus import is_music
from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.transcript import Kind

RATE = 8000
_OPTIONS = re.compile(r"^(?:\{[^}]*\})+\s*")


class Status(Enum):
    """How a wait or a playback ended, in FreeSWITCH's words."""

    SUCCESS = "success"
    BREAK = "break"
    TIMEOUT = "timeout"
    NOTFOUND = "not found"
    FALSE = "false"
    TOO_SMALL = "too small"
    RESTART = "restart"


KeyHandler = Callable[[str], Status]
"""Told each key pressed while something plays; anything but SUCCESS ends the playback."""


def play(session: Session, file: str, on_key: KeyHandler | None = None, eager: bool = False) -> Status:
    """Play ``file`` to its end, a key that ``on_key`` minds, a break, or the end of the call.

    eager: a key that lies ready ends it at its start, whatever the pace (a question being asked).
    """
    if not session.pre_answer() or not file or not session.ready():
        return Status.FALSE
    items = _items(session, file)
    if not items:
        return Status.NOTFOUND
    session.fire("PLAYBACK_START", [*_kind(file), ("Playback-File-Path", file)])
    played = 0.0
    status = Status.SUCCESS
    limit = _limit(session)
    try:
        for item in items:
            began = time.monotonic()
            status = _play_one(session, item, on_key, eager, limit)
            whole = status is Status.SUCCESS and "://" not in item
            played += session.hub.seconds(item) if whole else time.monotonic() - began
            if status is not Status.SUCCESS:
                break
    finally:
        session.set_music(False)
    _played(session, played)
    done = "break" if status is Status.BREAK else "done"
    session.fire("PLAYBACK_STOP", [*_kind(file), ("Playback-File-Path", file), ("Playback-Status", done)])
    return status


def rest(session: Session, seconds: float, on_key: KeyHandler | None, eager: bool = False) -> Status:
    """Let time pass (``inf`` for ever), running what arrives meanwhile."""
    end = time.monotonic() + seconds
    while True:
        if not session.ready():
            return Status.FALSE
        if session.breaking:
            session.breaking = False
            return Status.BREAK
        session.run_queued()
        if on_key is not None and session.has_key() and (seconds > 0 or eager):
            status = on_key(session.take_key())
            if status is not Status.SUCCESS:
                return status
            continue
        left = end - time.monotonic()
        if left <= 0:
            return Status.SUCCESS
        session.wait(None if left == float("inf") else left)


def _play_one(session: Session, item: str, on_key: KeyHandler | None, eager: bool, limit: float) -> Status:
    """One file or stream; ``limit`` is the second on the clock when `playback_timeout_sec` ends it."""
    seconds = _announce(session, item)
    allowed = limit - time.monotonic()
    if session.lingering_at and session.lingering_at == session.hub.describe(item)[1]:
        seconds = float("inf")
    status = rest(session, min(seconds, allowed), on_key, eager)
    timed_out = status is Status.SUCCESS and seconds > allowed
    return Status.TIMEOUT if timed_out else status


def _announce(session: Session, item: str) -> float:
    """Note in the transcript what begins; returns how many seconds it lasts here."""
    scheme, separator, rest_of = item.partition("://")
    if not separator and is_music(item):
        session.transcript.add(Kind.MUSIC, session.hub.describe(item)[1])
        session.set_music(True)
        return session.hub.seconds(item) if session.hub.pace else float("inf")
    if not separator:
        language, name = session.hub.describe(item)
        session.transcript.add(Kind.HEARS, name, language)
        return session.hub.seconds(item) * session.hub.pace if session.hub.pace else 0.0
    if scheme == "local_stream":
        session.transcript.add(Kind.MUSIC, rest_of)
        session.set_music(True)
        return float("inf")
    if scheme == "silence_stream":
        milliseconds = int((re.match(r"-?\d+", rest_of) or ["0"])[0])
        return float("inf") if milliseconds < 0 else milliseconds / 1000 * session.hub.pace
    session.transcript.add(Kind.TONE, rest_of)
    return float("inf") if "loops=-1" in rest_of else session.hub.pace


def _items(session: Session, file: str) -> list[str]:
    """The files to play one after the other; those that cannot be opened are left out (mod_dptools.c next_file)."""
    file = _OPTIONS.sub("", file)
    scheme, separator, names = file.partition("://")
    parts = names.split("!") if separator and scheme == "file_string" else [file]
    found = []
    for part in parts:
        path = _OPTIONS.sub("", part)
        if "://" not in path and not path.startswith("/"):
            prefix = session.variable("sound_prefix") or session.hub.globals["sound_prefix"]
            path = f"{prefix}/{path}"
        if "://" not in path and "." not in path.rpartition("/")[2]:
            path += ".wav"
        if path and ("://" in path or session.hub.exists(path)):
            found.append(path)
    return found


def _limit(session: Session) -> float:
    text = session.variable("playback_timeout_sec")
    seconds = int(text) if text.isdigit() else 0
    allowed = seconds if seconds > 1 else float("inf")
    return time.monotonic() + min(allowed, session.net_limit)


def _kind(file: str) -> list[tuple[str, str]]:
    scheme = file.partition(":")[0]
    return [("Playback-File-Type", scheme)] if scheme in ("local_stream", "tone_stream") else []


def _played(session: Session, seconds: float) -> None:
    variables = session.channel.variables
    variables.set("playback_last_offset_pos", str(int(seconds * RATE)))
    variables.set("playback_seconds", str(int(seconds)))
    variables.set("playback_ms", str(int(seconds * 1000)))
    variables.set("playback_samples", str(int(seconds * RATE)))
