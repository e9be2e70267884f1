"""The telephone in the terminal: a newcomer calls a number, presses keys, and reads what a caller hears."""

from __future__ import annotations

import os
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest

from callcontrol.demo.telephone import Telephone
from callcontrol.demo.terminal import Note, Terminal
from callcontrol.prompts import PromptBook
from callcontrol.rehearse import RehearsalHouse, rehearsal_house
from tests.patience import PATIENCE
from tests.pseudo_terminal import PseudoTerminal

HOME = Path(__file__).parent.parent
DIAL, WHO = r"dial \(\? helps\)> $", r"call \+?[0-9*#]+ from .*> $"


@pytest.fixture
def person() -> Iterator[PseudoTerminal]:
    terminal = PseudoTerminal()
    yield terminal
    terminal.close()


@contextmanager
def telephone(person: PseudoTerminal, state: Path) -> Iterator[tuple[RehearsalHouse, gevent.Greenlet[..., object]]]:
    """The example tenants, and the telephone in this person's terminal; everybody has hung up when it was put away."""
    with rehearsal_house(HOME / "tenants", HOME, state, {}) as house:

        def use() -> None:
            with Terminal(person.keyboard, person.screen) as terminal:
                Telephone(house.switch, house.daemon.tenants.current, PromptBook(HOME / "prompts"), terminal).use()

        using = gevent.spawn(use)
        try:
            yield house, using
        finally:
            using.kill()


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "150")


@pytest.fixture
def calls(person: PseudoTerminal, tmp_path: Path) -> Iterator[PseudoTerminal]:
    with telephone(person, tmp_path):
        yield person


def test_the_list_tells_what_each_number_needs_and_no_pin(calls: PseudoTerminal) -> None:
    calls.sees("Acme GmbH").sees(
        r"#1 .*\+49308631 .*room board .*PIN; music until a moderator is there; asks for a lang"
    )
    calls.sees(r"rooms board, sales .*the PIN picks the room").sees(r"registered as 33@acme\.example")
    calls.sees(r"room standup .*PIN; open at its scheduled times")
    calls.sees("Globex").sees("open to everybody").sees(r"listed callers only \(\+12025550171, \+12025550172, \+4989")
    calls.sees(r"PIN, none for listed callers \(\+12025550171\)").sees(DIAL)
    calls.sees_nothing_like("48213|907155|6604|73106|24861")


def test_the_list_fits_a_narrow_terminal(
    person: PseudoTerminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with telephone(person, tmp_path):
        person.sees(DIAL)
    assert max(map(len, person.lines().split("\n"))) < 80


def test_a_number_of_the_list_is_called_and_a_pin_opens_the_room(calls: PseudoTerminal) -> None:
    calls.sees(DIAL).types("#9\n").sees(WHO).types("\n").sees("calls .12025550103").sees(r"\[en/enter-pin\]")
    calls.sees("phone 1> ").types("24861#\n").sees("presses 6 keys").sees(r"\[en/waiting-for-moderator\]")
    calls.sees("joins globex.team").types("r\n").sees("globex.team: phone 1; music until a moderator is there")
    calls.types("h\n").sees("hangs up").sees("the call is over").sees(DIAL)
    calls.types("rooms\n").sees("nobody is in a room")


def test_a_number_is_dialled_as_people_write_it(calls: PseudoTerminal) -> None:
    calls.types("+1 (202) 555-0100\n").sees(r"call \+12025550100 from").types("+49 30 555 0100\n")
    calls.sees("joins globex.lobby")


def test_a_moderator_comes_to_a_waiting_participant(calls: PseudoTerminal) -> None:
    calls.types("#9\n\n").sees("enter-pin").types("24861#\n").sees("joins globex.team").types("n\n").sees(DIAL)
    calls.types("#9\n+49 30 5550101\n").sees(r"\[phone 2\] .*enter-pin").types("90417#\n").sees(
        "joins globex.team as moderator"
    )
    calls.types("r\n").sees(r"globex.team: phone 1, phone 2 \(moderator\)\r?\n")
    calls.types("p1\n").sees("phone 1> ").types("h\n").sees(r"\[phone 1\] the call is over").sees(DIAL)
    calls.types("p1\n").sees("phone 1 is in no call").types("p2\n").sees("phone 2> ")


def test_an_extension_calls_and_an_unknown_one_is_asked_again(calls: PseudoTerminal) -> None:
    calls.types("0308634\n").sees(WHO).types("99@acme.example\n").sees("no tenant has an extension 99@acme.example")
    calls.sees(WHO).types("?\n").sees(r"33@acme\.example, 34@acme\.example").sees(WHO).types("34@acme.example\n")
    calls.sees(r"\[de/language-key-1\]")


def test_a_caller_that_is_no_number_is_asked_again(calls: PseudoTerminal) -> None:
    calls.types("#6\nme\n").sees("'me' cannot call: give a number").sees(WHO).types("+49 30 5550103\n")
    calls.sees("joins globex.lobby")


def test_a_withheld_caller_is_told_why_the_call_ended(calls: PseudoTerminal) -> None:
    calls.types("#7\nanonymous\n").sees(r"\[en/not-accepted\]").sees("is refused CALL_REJECTED")
    calls.sees(r"\[phone 1\] the call is over").sees(DIAL)


def test_garbage_brings_help_and_nothing_else(calls: PseudoTerminal) -> None:
    calls.sees(DIAL).types("\n").sees("dial that number of the list").types("what?\n").sees("dial any number")
    calls.types("#99\n").sees("dial any number").types("p7\n").sees("phone 7 is in no call")
    calls.types("\x1b[A\x1b[Büß\x00\x7f\x7f\n").sees("dial any number").types("list\n").sees("Acme GmbH").sees(DIAL)
    calls.types("#1\n\n").sees("language-key-1").types("x\n").sees("press these keys").sees("phone 1> ")


@pytest.mark.parametrize("end", ["q\n", "\x04"], ids=["q", "Ctrl-D"])
@pytest.mark.parametrize("before", ["", "#1\n", "#1\n\n"], ids=["dialling", "choosing the caller", "in a call"])
def test_it_ends_from_everywhere_and_hangs_up(person: PseudoTerminal, tmp_path: Path, before: str, end: str) -> None:
    with telephone(person, tmp_path) as (house, using):
        person.sees(DIAL).types(before)
        if before == "#1\n\n":
            person.sees("enter|language-key-1")
        person.types(end)
        using.join(timeout=PATIENCE)
        assert using.dead
        assert house.switch.live_calls == 0


def test_what_is_half_typed_stays_readable_while_the_caller_hears_something(
    person: PseudoTerminal, tmp_path: Path
) -> None:
    with Terminal(person.keyboard, person.screen) as terminal:
        answer = gevent.spawn(terminal.ask, "phone 1> ")
        person.sees("phone 1> ").types("482").sees("482")
        terminal.say("  [phone 1] hears music")
        person.sees(r"\[phone 1\] hears music\r?\nphone 1> 482").types("13#\n")
        assert answer.get(timeout=PATIENCE) == "48213#"
        person.sees("13#\r\n")
        assert person.lines().split("\n")[:2] == ["  [phone 1] hears music", "phone 1> 48213#"]


def test_keys_meant_for_a_call_that_is_over_are_not_dialled(calls: PseudoTerminal) -> None:
    calls.types("#3\n+49 30 5550102\n").sees("enter-pin").types("1111#\n").sees("wrong-pin").types("2222#\n")
    calls.sees("wrong-pin").types("3333#\n").sees("goodbye").sees("the call is over").sees(DIAL)


def test_backspace_and_ctrl_u_correct_a_line(person: PseudoTerminal) -> None:
    with Terminal(person.keyboard, person.screen) as terminal:
        answer = gevent.spawn(terminal.ask, "> ")
        person.sees("> ").types("99\x15123\x7f4\n")
        assert answer.get(timeout=PATIENCE) == "124"


def test_lines_typed_ahead_are_shown_with_their_questions(person: PseudoTerminal) -> None:
    with Terminal(person.keyboard, person.screen) as terminal:
        person.types("one\ntwo\n")
        assert terminal.ask("first> ") == "one"
        assert terminal.ask("second> ") == "two"
        person.sees("first> one\r\nsecond> two\r\n")


def test_whoever_waits_for_a_line_can_be_woken(person: PseudoTerminal) -> None:
    with Terminal(person.keyboard, person.screen) as terminal:
        answer = gevent.spawn(terminal.ask, "> ")
        person.sees("> ").types("12").sees("12")
        terminal.wake()
        assert answer.get(timeout=PATIENCE) is Note.WOKEN
        terminal.discard()
        again = gevent.spawn(terminal.ask, "dial> ")
        person.sees("dial> ").types("3\n")
        assert again.get(timeout=PATIENCE) == "3"


def test_the_terminal_is_left_as_it_was(person: PseudoTerminal) -> None:
    before = termios.tcgetattr(person.keyboard)
    with Terminal(person.keyboard, person.screen):
        assert not termios.tcgetattr(person.keyboard)[3] & termios.ECHO
    assert termios.tcgetattr(person.keyboard) == before
    assert os.get_blocking(person.keyboard)


def test_a_closed_window_is_the_end_of_input() -> None:
    person = PseudoTerminal()
    with Terminal(person.keyboard, person.screen) as terminal:
        answer = gevent.spawn(terminal.ask, "> ")
        person.sees("> ").hangs_up()
        assert answer.get(timeout=PATIENCE) is Note.END
        terminal.say("nobody reads this")
