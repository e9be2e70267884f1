"""The dialplan as the shipped configuration has it: two doors, and the safety net under every call.

Door: variables, `socket`, then on to what `cc_next` says. Net: two seconds of music and another try, fifteen times;
then an apology and NORMAL_TEMPORARY_FAILURE. It mirrors dialplan/*.xml; `net_seconds` is the fifteen rounds together.
"""

from __future__ import annotations

import re

from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.transcript import Kind

ROUNDS = 15
_NUMBER = re.compile(r"([0-9A-Za-z+*#._-]{1,64})(?:;.*)?", re.DOTALL)
_AGAIN = re.compile(r"again(-{0,14})")
_MUSIC = "file_string://local_stream://moh!tone_stream://%(200,1800,425)"


def run(session: Session) -> None:
    """Take a new call from its door to its end."""
    call = session.channel.call
    match = _NUMBER.fullmatch(call.dialled)
    if call.door == "extensions" and call.extension is None:
        session.execute("hangup", "CALL_REJECTED")
    elif match is None:
        session.execute("hangup", "INVALID_NUMBER_FORMAT")
    else:
        given = f"cc_door={call.door}|cc_dialled={match[1]}|cc_next=again"
        session.execute("multiset", f"^^|{given}|socket_resume=true|sensitive_dtmf=true|max_forwards=70")
        _to_daemon(session)
        _follow(session)
    session.hangup()  # the last instruction of the dialplan was executed


def _to_daemon(session: Session) -> None:
    host, port = session.hub.daemon
    session.execute("socket", f"{host}:{port} async full")
    if session.ready():
        session.execute("transfer", "${cc_next} XML callcontrol")


def _follow(session: Session) -> None:
    """Go where the call is transferred to, until it is over or nothing is left to do."""
    while session.transfer_to and not session.channel.down:
        target, session.transfer_to = session.transfer_to, ""
        forwards = int(session.variable("max_forwards") or 70) - 1
        session.channel.variables.set("max_forwards", str(forwards))
        if forwards <= 0:
            session.hangup("EXCHANGE_ROUTING_ERROR")
            return
        again = _AGAIN.fullmatch(target)
        if again is not None:
            _round(session, again[1])
        elif target == "end":
            session.execute("hangup", "NORMAL_CLEARING")
        else:
            _give_up(session)


def _round(session: Session, dashes: str) -> None:
    session.transcript.add(Kind.NET, f"music, round {len(dashes) + 1}")
    given = f"cc_next=again{dashes}-|socket_resume=true|sensitive_dtmf=true|max_forwards=70"
    session.execute("multiset", f"^^|{given}")
    session.net_limit = session.hub.net_seconds / ROUNDS
    session.execute("playback", f"%[playback_timeout_sec=2,playback_terminators=none]{_MUSIC}")
    session.net_limit = float("inf")
    if session.ready():
        _to_daemon(session)


def _give_up(session: Session) -> None:
    session.transcript.add(Kind.NET, "apology")
    session.execute("set", f"sound_prefix={session.hub.globals['sound_prefix']}")
    session.execute("playback", "%[playback_terminators=none]not-available.wav")
    session.execute("hangup", "NORMAL_TEMPORARY_FAILURE")
