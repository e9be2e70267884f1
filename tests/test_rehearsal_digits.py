"""Asking for digits ends as it ends on FreeSWITCH (switch_ivr_read, switch_play_and_get_digits)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from callcontrol.rehearsal import RehearsalSwitch
from callcontrol.rehearsal.digits import Question
from tests.rehearsal_daemon import TinyDaemon, Wire

PROMPT, WRONG = "/prompts/en/enter-pin.wav", "/prompts/en/wrong-pin.wav"
SILENCE = "."  # in a row of keys: the phone lets the wait run out


@pytest.fixture
def wire() -> Iterator[Wire]:
    daemon = TinyDaemon()
    switch = RehearsalSwitch(daemon.address).start()
    switch.hub.missing.add("gone")
    phone = switch.phone("+49171").calls("+49308631")
    wire = daemon.call()
    wire.phone = phone
    wire.connect()
    wire.execute("answer")
    yield wire
    switch.stop()
    daemon.stop()


@dataclass(frozen=True)
class Case:
    """least, most, tries, terminators, regex; the keys; what is left in variable, read_result and terminator used."""

    ask: str
    keys: str
    digits: str | None
    result: str | None
    used: str | None = None
    prompts: int = 1
    wrong: int = 0


CASES = [
    Case("1 6 1 #", "48213#", "48213", "success", "#"),
    Case("1 5 1 #", "48213", "48213", "success"),
    Case("1 5 1 #", "48213#", "48213", "success"),
    Case("1 6 1 #", ".", None, "failure", wrong=1),
    Case("1 6 1 #", "48.", "48", "timeout"),  # enough digits: good, but read_result says timeout
    Case("4 6 1 #", "48.", "48", "failure", wrong=1),  # too few: the part stays in the variable
    Case("1 6 1 #", "#", None, "failure", "#", wrong=1),
    Case("0 6 1 #", "#", None, "success", "#"),
    Case("0 6 1 #", ".", None, "timeout", wrong=1),
    Case("1 1 1 #", "5", "5", "success"),
    Case("1 1 1 #", "#", None, "success", wrong=1),  # the only key was a terminator: blanked
    Case("1 6 3 #", "..48#", "48", "success", "#", prompts=3, wrong=2),
    Case("1 6 2 #", "..", None, "failure", prompts=2, wrong=2),
    Case("1 6 1 *#", "48*", "48", "success", "*"),
    Case("1 6 1 =#", "48.", "48", "failure", wrong=1),  # the terminator is required
    Case("1 6 1 =#", "48#", "48", "success", "#"),
    Case("1 6 1 +#", "48#", "48#", "success", "#"),  # the terminator belongs to the answer
    Case(r"1 6 1 # ^\d{5}$", "48213#", "48213", "success", "#"),
    Case(r"1 6 1 # ^\d{5}$", "482#", None, "success", "#", wrong=1),  # the expression does not fit: unset
    Case("1 6 0 #", "48#", None, None, prompts=0),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.ask} <- {case.keys}")
def test_what_is_left_after_the_keys(wire: Wire, case: Case) -> None:
    least, most, tries, terminators, *regex = case.ask.split(" ")
    for key in case.keys:
        wire.phone.stays_silent() if key == SILENCE else wire.phone.presses(key)
    expression = regex[0].replace("\\", "\\\\") if regex else "''"
    done = wire.execute(
        "play_and_get_digits", f"{least} {most} {tries} 60000 {terminators} {PROMPT} {WRONG} keys {expression} 60000"
    )
    assert done.get("variable_keys") == case.digits
    assert done.get("variable_read_result") == case.result
    assert done.get("variable_read_terminator_used") == case.used
    heard = [step.text for step in wire.phone.transcript.steps if step.kind == "hears"]
    assert (heard.count("enter-pin"), heard.count("wrong-pin")) == (case.prompts, case.wrong)


def test_a_missing_prompt_means_no_waiting_at_all(wire: Wire) -> None:
    done = wire.execute("play_and_get_digits", f"1 6 1 60000 # /prompts/en/gone.wav {WRONG} keys '' 60000")
    assert "variable_read_result" not in done
    assert "variable_keys" not in done


def test_what_did_not_fit_is_kept_apart(wire: Wire) -> None:
    wire.phone.presses("12#")
    done = wire.execute("play_and_get_digits", f"1 6 1 60000 # {PROMPT} {WRONG} keys ^\\\\d{{5}}$ 60000")
    assert done["variable_keys_invalid"] == "12"


def test_the_deadlines_are_real_when_the_phone_does_nothing(wire: Wire) -> None:
    done = wire.execute("play_and_get_digits", f"1 6 1 1000 # {PROMPT} {WRONG} keys '' 1000")
    begun, ended = (int(done[name]) for name in ("Caller-Channel-Answered-Time", "Event-Date-Timestamp"))
    assert done["variable_read_result"] == "failure"
    assert 1_000_000 <= ended - begun < 2_000_000


def test_each_key_has_a_deadline_of_its_own(wire: Wire) -> None:
    wire.start("play_and_get_digits", f"1 6 1 60000 # {PROMPT} {WRONG} keys '' 100")
    wire.phone.hears("enter-pin").presses("4")
    done = wire.event("CHANNEL_EXECUTE_COMPLETE")
    assert (done["variable_keys"], done["variable_read_result"]) == ("4", "timeout")


def test_hanging_up_in_the_middle_leaves_the_part(wire: Wire) -> None:
    wire.ask("linger 2")
    wire.start("play_and_get_digits", f"4 6 1 60000 # {PROMPT} {WRONG} keys '' 60000")
    wire.phone.hears("enter-pin").presses("48")
    while len(wire.phone.session.keys):
        wire.phone.transcript.wait(lambda: not wire.phone.session.keys, 0.01)
    wire.phone.hangs_up()
    done = wire.event("CHANNEL_EXECUTE_COMPLETE", Application="play_and_get_digits")
    assert (done["variable_keys"], done["variable_read_result"], done["Answer-State"]) == ("48", "failure", "hangup")


def test_after_the_last_try_the_call_is_transferred_if_so_asked(wire: Wire) -> None:
    wire.phone.stays_silent()
    done = wire.execute("play_and_get_digits", f"1 6 1 60000 # {PROMPT} {WRONG} keys '' 60000 'end XML callcontrol'")
    assert done["Channel-State-Number"] == "2"
    wire.phone.is_hung_up("NORMAL_CLEARING")


def test_the_arguments_default_as_in_mod_dptools() -> None:
    question = Question.parse("3 2")
    assert (question.least, question.most, question.tries, question.timeout) == (3, 3, 0, 1000)
    assert (question.terminators, question.digit_timeout) == ("#", 1000)
