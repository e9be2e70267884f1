"""Asking for digits: `read` and `play_and_get_digits` with FreeSWITCH's exact outcomes.

Sources: src/switch_ivr_play_say.c ``switch_ivr_read`` and ``switch_play_and_get_digits``, src/switch_ivr.c
``switch_ivr_collect_digits_count``, mod_dptools.c ``play_and_get_digits_function`` (all 1.10.12).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from callcontrol.rehearsal.arguments import number, split
from callcontrol.rehearsal.media import Status, play
from callcontrol.rehearsal.session import Session

_BUFFER = 128  # char digit_buffer[128]


@dataclass(frozen=True)
class Question:
    """The arguments of play_and_get_digits; timeouts in milliseconds."""

    least: int
    most: int
    tries: int
    timeout: int
    terminators: str
    prompt: str
    invalid: str
    variable: str
    regex: str
    digit_timeout: int
    transfer: str

    @classmethod
    def parse(cls, text: str) -> Question:
        """``min max tries timeout terminators prompt invalid variable regex digit_timeout transfer``."""
        words = split(text, 11)
        words += [""] * (11 - len(words))
        least = max(number(words[0]), 0)
        timeout = max(number(words[3]), 1000)
        return cls(
            least=least,
            most=max(number(words[1]), least),
            tries=number(words[2]),
            timeout=timeout,
            terminators=words[4] or "#",
            prompt=words[5],
            invalid=words[6],
            variable=words[7],
            regex=words[8],
            digit_timeout=number(words[9]) or timeout,
            transfer=words[10],
        )


def ask(session: Session, question: Question) -> Status:
    """play_and_get_digits: the answer is left in the variable; see the module's sources for what counts as one."""
    variables = session.channel.variables
    if question.regex and question.variable:
        variables.set(question.variable + "_invalid", None)
    for _ in range(max(question.tries, 0)):
        if not session.ready():
            break
        status, digits = read(session, question)
        if status is Status.RESTART:
            return status
        if status is Status.TIMEOUT and len(digits) >= question.least:
            status = Status.SUCCESS
        if question.least == 0 and not digits and session.variable("read_terminator_used"):
            return Status.SUCCESS
        if status is Status.SUCCESS and digits:
            if not question.regex or _fits(question.regex, digits):
                return Status.SUCCESS
            variables.set(question.variable, None)
            if question.variable:
                variables.set(question.variable + "_invalid", digits)
        if not session.ready():
            break
        play(session, question.invalid)
    if question.transfer:
        session.transfer(split(question.transfer, 4)[0])
    return Status.FALSE


def read(session: Session, question: Question) -> tuple[Status, str]:
    """One try: prompt, digits, the variables read_result, read_terminator_used and the answer's own."""
    variables = session.channel.variables
    variables.set("read_result", None)
    if question.variable:
        variables.set(question.variable, None)
    if max(question.least, question.most) > _BUFFER or not session.pre_answer():
        return Status.FALSE, ""
    digits, status = _prompt(session, question.prompt)
    if status is Status.SUCCESS:
        digits, status, used = _complete(session, question, digits)
        digits, status = _judge(session, question, digits, status, used)
        if status is not Status.RESTART and question.most == 1 and len(digits) == 1 and digits in question.terminators:
            digits = ""  # the only key was a terminator
    if question.variable and digits:
        variables.set(question.variable, digits)
    return status, digits


def _prompt(session: Session, prompt: str) -> tuple[str, Status]:
    """Play the prompt; the first key ends it and is the first digit."""
    caught: list[str] = []

    def on_key(key: str) -> Status:
        caught.append(key)
        return Status.BREAK

    if not prompt or prompt.lower() == "silence":
        return "", Status.SUCCESS
    status = play(session, prompt, on_key, eager=True)
    if not caught:
        session.answer_question()
    return "".join(caught), Status.SUCCESS if status is Status.BREAK else status


def _complete(session: Session, question: Question, digits: str) -> tuple[str, Status, str]:
    if not ((question.least and len(digits) < question.least) or len(digits) < question.most):
        return digits, Status.SUCCESS, ""
    first = question.digit_timeout if digits else question.timeout
    most = max(question.least, question.most)
    return collect(session, digits, most, question.terminators, first, question.digit_timeout)


def _judge(session: Session, question: Question, digits: str, status: Status, used: str) -> tuple[str, Status]:
    variables = session.channel.variables
    if used:
        variables.set("read_terminator_used", used)
        place = question.terminators.find(used)
        sign = question.terminators[place - 1] if place > 0 else ""
        if sign in ("+", "x") and sign:
            digits += used
            status = Status.RESTART if sign == "x" else status
    elif question.terminators.startswith("="):
        status = Status.TOO_SMALL
    if question.least and len(digits) < question.least:
        status = Status.TOO_SMALL
    result = {Status.SUCCESS: "success", Status.TIMEOUT: "timeout"}.get(status, "failure")
    variables.set("read_result", result)
    return digits, status


def collect(
    session: Session, digits: str, most: int, terminators: str, first_timeout: int, digit_timeout: int
) -> tuple[str, Status, str]:
    """Wait for keys up to ``most``; returns digits, how it ended, and the terminator pressed (``""`` for none)."""
    for place, digit in enumerate(digits):
        if digit in terminators:
            return digits[:place], Status.SUCCESS, digit
    effective = first_timeout if digit_timeout and first_timeout else digit_timeout or first_timeout
    began = time.monotonic()
    while session.ready():
        session.run_queued()
        left = effective / 1000 - (time.monotonic() - began) if effective else None
        if left is not None and (left <= 0 or session.gives_up_waiting()):
            return digits, Status.TIMEOUT, ""
        if not session.has_key():
            session.wait(left)
            continue
        effective, began = digit_timeout if effective else 0, time.monotonic()
        while session.has_key():
            key = session.take_key()
            if key in terminators:
                return digits, Status.SUCCESS, key
            digits += key
            if len(digits) >= most:
                return digits, Status.SUCCESS, ""
    return digits, Status.FALSE, ""


def _fits(regex: str, digits: str) -> bool:
    try:
        return re.search(regex, digits) is not None
    except re.error:
        return False
