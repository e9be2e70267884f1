"""The applications `sendmsg execute` and the dialplan may run, by FreeSWITCH's names."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from callcontrol.rehearsal import dialplan, digits
from callcontrol.rehearsal.arguments import number, split
from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.line import true
from callcontrol.rehearsal.media import RATE, Status, play, rest
from callcontrol.rehearsal.names import SIP_CAUSES
from callcontrol.rehearsal.names import cause as cause_named
from callcontrol.rehearsal.roomsound import can_write, write_silence
from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.transcript import Kind


@dataclass(frozen=True)
class App:
    """One application. media: pre-answers a ringing call; zombie: also runs on a call that is over."""

    run: Callable[[Session, str], None]
    media: bool = False
    zombie: bool = False


def _answer(session: Session, _: str) -> None:
    session.answer()


def _pre_answer(session: Session, _: str) -> None:
    session.pre_answer()


def _playback(session: Session, argument: str) -> None:
    """mod_dptools.c:3028: every key pressed meanwhile is eaten; `playback_terminators` (`*`) end it."""
    variables = session.channel.variables
    variables.set("playback_terminator_used", None)

    def on_key(key: str) -> Status:
        terminators = session.variable("playback_terminators") or "*"
        terminators = {"any": "1234567890*#", "none": ""}.get(terminators.lower(), terminators)
        if key not in terminators:
            return Status.SUCCESS
        variables.set("playback_terminator_used", key)
        return Status.BREAK

    status = play(session, argument.partition("@@")[0], on_key)
    responses = {Status.SUCCESS: "FILE PLAYED", Status.BREAK: "FILE PLAYED", Status.NOTFOUND: "FILE NOT FOUND"}
    variables.set("current_application_response", responses.get(status, "PLAYBACK ERROR"))


def _play_and_get_digits(session: Session, argument: str) -> None:
    if argument:
        digits.ask(session, digits.Question.parse(argument))


def _read(session: Session, argument: str) -> None:
    """mod_dptools.c:2755: ``min max prompt variable timeout terminators digit_timeout``, at least one digit."""
    words = split(argument, 7) + [""] * 7
    least = max(number(words[0]), 1)
    timeout = max(number(words[4]), 1000)
    question = digits.Question(
        least=least,
        most=max(number(words[1]), least),
        tries=1,
        timeout=timeout,
        terminators=words[5] or "#",
        prompt=words[2],
        invalid="",
        variable=words[3],
        regex="",
        digit_timeout=number(words[6]) or timeout,
        transfer="",
    )
    digits.read(session, question)


def _set(session: Session, argument: str) -> None:
    """`set` expands the value a second time (mod_dptools.c:1668)."""
    name, sign, value = argument.partition("=" if "=" in argument else ",")
    if name and sign:
        session.channel.variables.set(name.strip(), session.expand(value.strip()))
    elif name:
        session.channel.variables.set(name.strip(), None)


def _multiset(session: Session, argument: str) -> None:
    for pair in split(argument, 256):
        _set(session, pair)


def _unset(session: Session, argument: str) -> None:
    session.channel.variables.set(argument.strip(), None)


def _export(session: Session, argument: str) -> None:
    """`export` without a second leg: the variable, and its name in export_vars (`nolocal:` stays part of it)."""
    name = argument.partition("=")[0].strip()
    known = session.variable("export_vars")
    _set(session, argument)
    if name:
        session.channel.variables.set("export_vars", f"{known},{name}" if known else name)


def _sleep(session: Session, argument: str) -> None:
    """A key ends a sleep and stays queued (switch_ivr.c:256), unless `sleep_eat_digits` is set."""
    eats = true(session.variable("sleep_eat_digits"))
    if not argument:
        return
    seconds = number(argument) / 1000 * session.hub.pace
    if eats:
        rest(session, seconds, lambda key: Status.SUCCESS)
    elif not session.has_key():
        rest(session, seconds, None)


def _park(session: Session, _: str) -> None:
    session.park()


def _hangup(session: Session, argument: str) -> None:
    session.hangup(cause_named(argument.strip() or "NORMAL_CLEARING"))


def _respond(session: Session, argument: str) -> None:
    """Answer the INVITE with a SIP status; from 400 on the call is over."""
    code = number(argument)
    if session.channel.answered or code < 300:
        return
    session.hangup(SIP_CAUSES.get(code, "NORMAL_UNSPECIFIED" if code < 500 else "NORMAL_TEMPORARY_FAILURE"))


def _say(session: Session, argument: str) -> None:
    """``say LANGUAGE TYPE METHOD TEXT``: noted as one step, spoken from the files of the sound_prefix."""
    words = split(argument, 4)
    if len(words) == 4 and session.pre_answer():
        session.transcript.add(Kind.HEARS, f"say:{words[1]}:{words[3]}", words[0].partition(":")[0])


def _voicemail(session: Session, argument: str) -> None:
    """``voicemail [check] PROFILE DOMAIN ID``: noted as one step. No message is taken or kept here."""
    if session.pre_answer():
        session.transcript.add(Kind.HEARS, f"voicemail:{argument}", session.variable("default_language") or "")


def _record_session(session: Session, argument: str) -> None:
    """``record_session FILE [+SECONDS]``: goes on beside what is played (mod_dptools.c:3312, switch_ivr_async.c)."""
    words = split(argument, 5)
    if not words:
        return
    if not can_write(words[0]):
        session.channel.variables.set("record_completion_cause", "uri-failure")
        return
    limit = number(words[1].removeprefix("+")) if len(words) > 1 and words[1].startswith("+") else 0
    session.records[words[0]] = (time.monotonic(), float(limit or "inf"))
    session.fire("RECORD_START", [("Record-File-Path", words[0])])


def _stop_record_session(session: Session, argument: str) -> None:
    """``stop_record_session FILE | all``."""
    for path in list(session.records) if argument == "all" else [argument]:
        if path in session.records:
            _recorded(session, path)


def _recorded(session: Session, path: str) -> None:
    began, limit = session.records.pop(path)
    lasted = time.monotonic() - began
    samples = int(min(lasted, limit) * 50) * (RATE // 50)
    write_silence(path, RATE, samples)
    ended = [("record_completion_cause", "success-maxtime")] if lasted >= limit else []
    values = [("record_file_size", os.path.getsize(path)), ("record_samples", samples)]
    values += [("record_seconds", samples // RATE), ("record_ms", samples // (RATE // 1000))]
    for name, value in [*values, *ended]:
        session.channel.variables.set(name, str(value))
    cause: list[Header] = [("Record-Completion-Cause", text) for _, text in ended]
    session.fire("RECORD_STOP", [("Record-File-Path", path), *cause])


def _transfer(session: Session, argument: str) -> None:
    session.transfer(split(argument, 3)[0] if argument else "")


def _execute_extension(session: Session, argument: str) -> None:
    dialplan.inside(session, split(argument, 3)[0] if argument else "")


def _nothing(session: Session, _: str) -> None:
    """Applications that change nothing anybody here could notice."""


APPS: dict[str, App] = {
    "answer": App(_answer),
    "pre_answer": App(_pre_answer),
    "playback": App(_playback, media=True),
    "play_and_get_digits": App(_play_and_get_digits, media=True),
    "read": App(_read, media=True),
    "set": App(_set, zombie=True),
    "multiset": App(_multiset, zombie=True),
    "unset": App(_unset),
    "export": App(_export, zombie=True),
    "sleep": App(_sleep),
    "park": App(_park),
    "hangup": App(_hangup),
    "respond": App(_respond),
    "say": App(_say, media=True),
    "voicemail": App(_voicemail, media=True),
    "record_session": App(_record_session),
    "stop_record_session": App(_stop_record_session),
    "transfer": App(_transfer),
    "log": App(_nothing, zombie=True),
    "info": App(_nothing),
    "execute_extension": App(_execute_extension),
    "flush_dtmf": App(lambda session, _: session.keys.clear()),
}
