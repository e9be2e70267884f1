"""`callcontrol try`: an administrator reads what a caller will live through, before a customer lives through it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gevent import subprocess

from callcontrol.cli import main
from callcontrol.errors import ConfigError
from callcontrol.rehearse import rehearsal_house, rehearse

HOME = Path(__file__).parent.parent


def tries(number: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["try", number, *options])


def test_a_caller_with_the_right_pin_gets_in_and_every_step_is_told() -> None:
    told = tries("+1 202 555 0103", "--from", "+49 (30) 555-0100", "--keys", "24861#")
    assert told.exit_code == 0
    assert told.output.splitlines() == [
        "calls +12025550103",
        "is answered",
        'hears "Welcome to the conference service." [en/welcome]',
        'hears "Please enter your PIN, followed by the hash key." [en/enter-pin]',
        "presses 6 keys",
        'hears "Your moderator is not here yet. Please wait." [en/waiting-for-moderator]',
        "joins globex.team",
    ]


def test_what_was_pressed_is_never_told() -> None:
    assert "24861" not in tries("+12025550103", "--keys", "24861#").output


def test_wrong_pins_end_in_goodbye_and_exit_status_1() -> None:
    told = tries("+12025550103", "--keys", "1111# 2222# 3333#")
    assert told.exit_code == 1
    assert told.output.count("[en/wrong-pin]") == 2
    assert told.output.endswith("[en/goodbye]\nis hung up NORMAL_CLEARING\n")


def test_a_caller_who_presses_nothing_is_told_goodbye_at_once() -> None:
    told = tries("+12025550103")
    assert told.exit_code == 1
    assert "[en/goodbye]" in told.output


def test_each_group_of_keys_answers_one_question() -> None:
    told = tries("+49308631", "--from", "+493055501077", "--keys", "3 907155")
    assert told.exit_code == 0
    assert "[fr/enter-pin]" in told.output
    assert told.output.endswith("joins acme.board as moderator\n")


@pytest.mark.parametrize("caller", ["anonymous", "Withheld", ""])
def test_a_withheld_number_is_refused_where_only_listed_ones_get_in(caller: str) -> None:
    told = tries("+12025550101", "--from", caller)
    assert told.exit_code == 1
    assert "is answered" not in told.output
    assert told.output.endswith("is refused CALL_REJECTED\n")


def test_an_extension_calls_from_the_inside() -> None:
    told = tries("0308634", "--from", "34@acme.example", "--keys", "2 73950", "--at", "2026-12-01 10:00")
    assert told.exit_code == 0
    assert told.output.endswith("joins acme.standup\n")


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        ("2026-12-02 09:44", "[en/room-not-open]\nis hung up NORMAL_CLEARING\n"),
        ("2026-12-02 09:45", "joins acme.standup\n"),
        ("2026-12-02 10:29", "joins acme.standup\n"),
        ("2026-12-02 10:31", "[en/room-not-open]\nis hung up NORMAL_CLEARING\n"),
        ("2026-12-05 10:00", "[en/room-not-open]\nis hung up NORMAL_CLEARING\n"),  # a Saturday
    ],
)
def test_a_call_at_another_time_shows_whether_the_room_is_open_then(at: str, ends: str) -> None:
    told = tries("+49308634", "--from", "+493055501079", "--keys", "2 73950", "--at", at)
    assert told.output.endswith(ends)


def test_a_time_that_is_none_is_refused() -> None:
    assert tries("+49308634", "--at", "tomorrow").exit_code == 2


@pytest.mark.parametrize("caller", ["99@acme.example", "33@elsewhere.example", "33@"])
def test_an_extension_of_nobody_cannot_call(caller: str) -> None:
    told = tries("+49308631", "--from", caller)
    assert told.exit_code == 1
    assert told.output == f"callcontrol: no tenant has an extension {caller}\n"


def test_a_caller_that_is_no_number_is_told_so() -> None:
    told = tries("+49308631", "--from", "me")
    assert told.exit_code == 1
    assert told.output.startswith("callcontrol: 'me' cannot call: give a number")


def test_a_number_of_nobody_is_not_in_service() -> None:
    told = tries("+49 30 9999999")
    assert told.exit_code == 1
    assert told.output.endswith("is refused UNALLOCATED_NUMBER\n")


def test_nothing_of_one_rehearsal_is_known_to_the_next() -> None:
    caller = ["+49308631", "--from", "+493055501078"]
    assert "language-key-1" in tries(*caller, "--keys", "2 48213").output
    assert "language-key-1" in tries(*caller, "--keys", "2 48213").output


def test_a_fault_in_any_file_is_told_once_with_its_place_before_anything_is_played(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("tenant: a\nregion: XX\n")
    (tmp_path / "b.yaml").write_text("tenant: b\nregion: US\n")
    told = tries("+49308631", "--tenants", str(tmp_path))
    assert told.exit_code == 2
    assert told.output.count(f"{tmp_path}/a.yaml:2:9: ") == 1
    assert "calls" not in told.output


def test_a_house_that_cannot_start_leaves_no_switch_behind(tmp_path: Path) -> None:
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants" / "a.yaml").write_text("tenant: [\n")
    with pytest.raises(ConfigError), rehearsal_house(tmp_path / "tenants", HOME, tmp_path / "state", {}):
        pytest.fail("it must not open")


def test_the_environment_fills_in_what_the_files_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARD_PIN", "35971")
    (tmp_path / "a.yaml").write_text(
        "tenant: a\nregion: US\nnumbers: {'+1 202 555 0161': {room: b}}\n"
        "rooms: {b: {access: pin, pin: '${BOARD_PIN}'}}\n"
    )
    lines: list[str] = []
    assert rehearse("+12025550161", "anonymous", "35971", tenants=tmp_path, home=HOME, say=lines.append) == 0
    assert lines[-1] == "joins a.b"


def test_whoever_reads_only_the_first_lines_sees_nothing_else() -> None:
    command = [sys.executable, "-m", "callcontrol", "try", "+12025550100"]
    with subprocess.Popen(command, cwd=HOME, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
