"""What callers notice when things die, and what they do not: a real FreeSWITCH, real phones, kill -9."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.switch.conftest import REPOSITORY, Phones
from tests.switch.demo import Demo
from tests.switch.odd_caller import OddCall
from tests.switch.phones import Switch

pytestmark = pytest.mark.freeswitch

BOARD, PLAZA, CREW, VAULT = "+493023125001", "+493023125002", "+493023125003", "+493023125011"
IN_FORCE = 2.5  # s; the promise is 2 s after the save, plus the look at it


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(REPOSITORY / "tests/calls/tenants", tmp_path_factory.mktemp("survival") / "tenants"))


@pytest.fixture(scope="module")
def demo(freeswitch_binary: Path, tenants: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(freeswitch_binary, tenants, tmp_path_factory.mktemp("demo") / "state")
    try:
        yield running
    finally:
        assert running.close() == 0


@pytest.fixture
def phones(demo: Demo, make_phones: Callable[[Switch], Phones]) -> Phones:
    return make_phones(demo.switch)


def test_two_callers_in_a_room_hear_each_other_and_nobody_else(phones: Phones) -> None:
    ann, bob, eve = phones("Ann"), phones("Bob"), phones("Eve")
    ann.calls(PLAZA, from_="+49305551001").joins("harbour.plaza")
    bob.calls(PLAZA, from_="+49305551002").joins("harbour.plaza")
    eve.calls(VAULT, from_="+49305551003").hears("welcome", "enter-pin").presses("19673").joins("harbour.vault")
    ann.hears_tone_of(bob).does_not_hear(eve)
    bob.hears_tone_of(ann).does_not_hear(eve)
    eve.does_not_hear(ann)


def test_a_killed_daemon_loses_nobody(demo: Demo, phones: Phones) -> None:
    """Two talk and one is asked for the PIN: the two talk on, the third hears music, is asked again, and joins."""
    ann, bob, carol = phones("Ann"), phones("Bob"), phones("Carol")
    ann.calls(PLAZA, from_="+49305551011").joins("harbour.plaza")
    bob.calls(PLAZA, from_="+49305551012").joins("harbour.plaza")
    carol.calls(BOARD, from_="+49305551013").hears("welcome", "enter-pin")
    demo.kill_daemon()
    carol.hears_music(within=5.0)
    ann.hears_tone_of(bob)
    bob.hears_tone_of(ann)
    carol.hears("enter-pin", within=20.0).presses("48213").joins("harbour.board")
    ann.hears_tone_of(bob)


def test_a_call_that_comes_while_the_daemon_is_dead_is_served_when_it_is_back(demo: Demo, phones: Phones) -> None:
    demo.kill_daemon()
    phones("Dora").calls(BOARD, from_="+49305551014").hears("enter-pin", within=20.0).presses("48213").joins(
        "harbour.board"
    )


def test_a_changed_pin_is_in_force_within_two_seconds_and_a_broken_file_changes_nothing(
    tenants: Path, phones: Phones
) -> None:
    file = tenants / "harbour.yaml"
    good = file.read_text()
    file.write_text(good.replace('pin: "19673"', 'pin: "86421"'))
    time.sleep(IN_FORCE)
    phones("Finn").calls(VAULT, from_="+49305551021").hears("welcome", "enter-pin").presses("86421").joins(
        "harbour.vault"
    )
    file.write_text(good.replace("access: pin", "acess: pin"))
    time.sleep(IN_FORCE)
    phones("Gus").calls(VAULT, from_="+49305551022").hears("welcome", "enter-pin").presses("86421").joins(
        "harbour.vault"
    )
    file.write_text(good)
    time.sleep(IN_FORCE)


def test_a_latin1_name_and_a_60_kb_header_disturb_nobody(demo: Demo, phones: Phones) -> None:
    ann = phones("Ann").calls(PLAZA, from_="+49305551031").joins("harbour.plaza")
    latin1 = b'"Ren\xe9 M\xfcller" <sip:+49305551032@127.0.0.1>'
    with OddCall(demo.switch.trunk, PLAZA, from_=latin1) as call:
        assert call.answer().code == 200
    large = b"X-Large: " + b"a%0A" * 15_000
    with OddCall(demo.switch.trunk, CREW, headers=[large]) as call:
        assert call.answer().code in (513, 603)  # FreeSWITCH may find it too large; a listed caller it is not
    bob = phones("Bob").calls(PLAZA, from_="+49305551033").joins("harbour.plaza")
    ann.hears_tone_of(bob)


def test_an_extension_proves_its_password_and_a_stranger_gets_nowhere(demo: Demo, phones: Phones) -> None:
    clara = phones("Clara").registers("33", "harbour.example", "k7Tz-pq9L-harbour")
    clara.calls(PLAZA).joins("harbour.plaza")
    phones("Mallory").registers("33", "harbour.example", "guessed", code=403)
    with OddCall(demo.switch.extensions, PLAZA) as call:
        assert call.answer().code in (401, 403, 407)


def test_freeswitch_dies_and_the_demo_serves_calls_again(demo: Demo, phones: Phones) -> None:
    (pid,) = (pid for pid in demo.children() if pid != demo.daemon_pid())
    os.kill(pid, signal.SIGKILL)
    expires = time.monotonic() + 30.0
    while True:
        with OddCall(demo.switch.trunk, PLAZA) as call:
            try:
                if call.answer(within=2.0).code == 200:
                    break
            except (AssertionError, OSError):
                assert time.monotonic() < expires, demo.text()
    assert any(line["event"] == "died, starting it again" and line.get("part") == "switch" for line in demo.log())


def test_everything_is_gone_after_sigterm(freeswitch_binary: Path, tenants: Path, tmp_path: Path) -> None:
    brief = Demo(freeswitch_binary, tenants, tmp_path / "state")
    children = brief.children()
    assert len(children) == 2
    assert brief.close() == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
