"""The dialplan as the shipped configuration has it: two doors, and the safety net under every call.

Door: variables, `socket`, then on to what `cc_next` says. Net: two seconds of music and another try, fifteen times;
then an apology and NORMAL_TEMPORARY_FAILURE. It mirrors dialplan/*.xml; `net_seconds` is the fifteen rounds together.
"""

from __future__ import annotations

import re

from callcontrol.rehearsal.callflow import profile
from callcontrol.rehearsal.channel import micros
from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.template import Dialled
from callcontrol.rehearsal.transcript import Kind

CONTEXT = "callcontrol"  # where the extensions of the safety net are
ROUNDS = 15
_NUMBER = re.compile(r"([0-9A-Za-z+*#._-]{1,64})(?:;.*)?", re.DOTALL)
_WITHOUT_GROUPS = ("back", "end")
_AGAIN = re.compile(r"again(?:-([12]?[02468]))?")


def run(session: Session) -> None:
    """Take a new call from its door to its end."""
    call = session.channel.call
    assert isinstance(call, Dialled)
    match = _NUMBER.fullmatch(call.dialled)
    if call.door == "extensions" and call.extension is None:
        session.execute("hangup", "CALL_REJECTED")
    elif match is None:
        session.execute("hangup", "INVALID_NUMBER_FORMAT")
    else:
        given = f"cc_door={call.door}|cc_dialled={match[1]}|cc_next=again"
        session.execute("multiset", f"^^|{given}|socket_resume=true|sensitive_dtmf=true|max_forwards=70")
        _to_daemon(session)
        follow(session)
    session.hangup()  # the last instruction of the dialplan was executed


def _to_daemon(session: Session) -> None:
    host, port = session.hub.daemon
    session.execute("socket", f"{host}:{port} async full")
    if session.ready():
        session.execute("transfer", "${cc_next} XML callcontrol")


def follow(session: Session) -> None:
    """Go where the call is transferred to, until it is over or nothing is left to do."""
    channel = session.channel
    while session.transfer_to and not channel.down:
        target, session.transfer_to = session.transfer_to, ""
        now = micros()
        channel.past_profiles.append(profile(channel, transferred=now))
        channel.transfer(target, CONTEXT, now)
        if target not in _WITHOUT_GROUPS:
            channel.variables.set("DP_MATCH", target)  # mod_dialplan_xml.c:509: only where the expression has a bracket
        if int(session.variable("max_forwards")) <= 0:
            session.hangup("EXCHANGE_ROUTING_ERROR")
            return
        for state in ("CS_ROUTING", "CS_EXECUTE"):
            session.set_state(state)
            channel.running = state
            session.fire("CHANNEL_STATE")
            session.enter_dialplan()
        again = _AGAIN.fullmatch(target)
        if target.startswith("conference:"):
            session.execute("conference", target.removeprefix("conference:"))
        elif again is not None:
            _round(session, int(again[1] or 0))
        elif target == "back":
            _back(session)
        elif target == "end":
            session.execute("hangup", "NORMAL_CLEARING")
        else:
            _give_up(session)


def inside(session: Session, extension: str) -> None:
    """What the application `execute_extension` runs, and comes back from."""
    if extension == "take-call":
        question = "1 1 3 5000 # ${cc_question} silence_stream://250 cc_answer ^[19]$ 5000"
        session.execute("play_and_get_digits", question)
        session.execute("execute_extension", "answer-${cc_answer} XML callcontrol")
    elif extension.startswith("answer-") and extension != "answer-1":
        session.execute("hangup", "NORMAL_CLEARING")


def _back(session: Session) -> None:
    """Shown out of a room: a daemon has the last word."""
    session.execute("multiset", "cc_next=again socket_resume=true sensitive_dtmf=true max_forwards=70")
    _to_daemon(session)


def _round(session: Session, second: int) -> None:
    session.transcript.add(
        Kind.NET, "and waits for a daemon" if second == 0 else f"and waits on, try {second // 2 + 1}"
    )
    session.execute("multiset", f"cc_next=again-{second + 2} cc_music={second * 16000}")
    session.execute("multiset", "socket_resume=true sensitive_dtmf=true max_forwards=70 playback_ms=0 cc_keys=")
    session.net_limit = session.hub.net_seconds / ROUNDS
    music = f"{session.hub.globals['callcontrol_prompts']}/music/hold.wav@@${{cc_music}}"
    session.execute("playback", f"%[playback_timeout_sec=2,playback_terminators=none]{music}")
    session.net_limit = float("inf")
    session.execute("execute_extension", "waited-${playback_ms} XML callcontrol")
    if session.ready():
        _to_daemon(session)


def _give_up(session: Session) -> None:
    session.transcript.add(Kind.NET, "and told that nobody is there")
    values = session.hub.globals
    session.execute("set", f"sound_prefix={values['callcontrol_prompts']}/{values['callcontrol_language']}")
    session.execute("playback", "%[playback_terminators=none]not-available.wav")
    session.execute("hangup", "NORMAL_TEMPORARY_FAILURE")
