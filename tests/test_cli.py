"""An operator at a terminal sees live rooms and steers them; nothing a caller sends steers the terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest
from click.testing import CliRunner, Result
from gevent import subprocess
from structlog.testing import capture_logs

from callcontrol.cli import main
from callcontrol.http import HttpServer, http_token
from callcontrol.metrics import Metrics
from callcontrol.rooms.api import ACTIONS
from callcontrol.rooms.calls import Begun, Refused
from tests.live_rooms import BOARD, EPOCH, LiveRooms, invitee
from tests.patience import PATIENCE, until

HOSTILE = "+49\x1b[2J\x1b]0;mine\x07[red]\u202e\n"
SHOWN = "+49\\x1b[2J\\x1b]0;mine\\x07[red]\\u202e\\n"


class Daemon:
    """The operator's window of a daemon, with a room of a moderator and a guest."""

    def __init__(self, state: Path) -> None:
        self.live = LiveRooms()
        self.live.comes("+49171555", moderator=True)
        self.live.comes("+4930111")
        self.live.told()
        self.server = HttpServer(
            ("127.0.0.1", 0), ready=list, status=dict, metrics=Metrics(), token=http_token(state), rooms=self.live.api
        )
        self._state = state

    @property
    def options(self) -> list[str]:
        return ["--http", f"127.0.0.1:{self.server.address[1]}", "--state", str(self._state)]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path)
    daemon.server.start()
    with capture_logs():  # the daemon's: it is in this process only here
        yield daemon
    daemon.server.stop()


def types(daemon: Daemon, *words: str) -> Result:
    """What the command prints. It blocks, so it runs beside this hub, as another process would."""

    def run() -> Result:
        return CliRunner().invoke(main, [*words, *daemon.options], env={"COLUMNS": "100"})

    return gevent.get_hub().threadpool.apply(run)


def test_rooms_shows_who_is_in_which_room(daemon):
    daemon.live.comes("+4930222", f"{BOARD}.lobby")
    daemon.live.conduct().change(hands=(2,), locked=True, mute_all=True, record="/recordings/x.wav", since=EPOCH)
    lines = types(daemon, "rooms").output.splitlines()
    assert lines[0].startswith("Live rooms at ")
    assert lines[2].startswith(f"{BOARD}: open since 20")  # another day than today: with its date
    assert lines[2].endswith(", locked, all muted, recording")
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert [row[:5] for row in cells] == [
        ["1", "+49171555", "moderator", "", ""],
        ["2", "+4930111", "participant", "muted", "raised, 1."],
        ["3", "+4930222", "waits", "", ""],
    ]


def test_rooms_says_so_when_there_are_none(daemon):
    daemon.live.registry.forget("local")
    assert types(daemon, "rooms").output.endswith(": none\n")


def test_a_program_gets_the_rooms_in_json(daemon):
    assert json.loads(types(daemon, "rooms", "--json").output) == {"rooms": daemon.live.api.rooms()}


def test_a_callers_number_cannot_steer_the_terminal(daemon):
    daemon.live.comes(HOSTILE)
    daemon.live.comes(HOSTILE)
    for words in (["rooms"], ["rooms", "--json"], ["room", BOARD, "mute", "3"], ["room", BOARD, "mute", HOSTILE]):
        output = types(daemon, *words).output
        assert {letter for letter in output if not letter.isprintable()} == {"\n"}
    assert SHOWN in types(daemon, "rooms").output
    assert SHOWN in types(daemon, "room", BOARD, "kick", HOSTILE).output


def test_a_number_without_end_is_cut(daemon):
    daemon.live.comes("9" * 60_000)
    assert len(types(daemon, "rooms").output) < 2_000


def test_rooms_shows_whom_a_room_calls_and_how_that_stands(daemon):
    soon = time.time() - EPOCH + 59.5
    daemon.live.calls.people = {
        BOARD: (
            invitee("Max", "joined", "joined", tries=2),
            invitee("Clara", "waiting", "busy", due_in=soon),
            invitee("Ben", "waiting", due_in=0, tries=0),
            invitee("Kai", "waiting", "all lines of the tenant are in use", due_in=0, tries=0),
            invitee("Eve", "failed", "no answer", tries=3),
        )
    }
    lines = types(daemon, "rooms").output.splitlines()
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    shown = [(name, state, tries) for name, _, state, tries in (row for row in cells if len(row) == 4)]
    assert [(name, re.sub(r"\d+ s", "59 s", state), tries) for name, state, tries in shown] == [
        ("Max", "joined", "2"),
        ("Clara", "busy, again in 59 s", "1"),
        ("Ben", "is called next", ""),
        ("Kai", "all lines of the tenant are in use, is called next", ""),
        ("Eve", "failed: no answer", "3"),
    ]


def test_participants_are_called(daemon):
    daemon.live.calls.answer = Begun("r", (invitee("Max", "waiting"),), (invitee("Eve", "failed", "a premium number"),))
    result = types(daemon, "dialout", "acme/board", "33", "+49 171 5550001")
    max_, eve = invitee("Max", "waiting").number, invitee("Eve", "failed").number
    assert result.output.splitlines() == [
        f"{BOARD}: Max ({max_}) is called",
        f"{BOARD}: Eve ({eve}) is not called: a premium number",
    ]
    assert result.exit_code == 0
    ((room, _, _, numbers),) = daemon.live.calls.asked
    assert (room, numbers) == (BOARD, ("33", "+49 171 5550001"))
    assert json.loads(types(daemon, "dialout", BOARD, "--json").output)["round"] == "r"


def test_where_all_were_reached_nobody_is_called(daemon):
    daemon.live.calls.answer = Begun("", (), ())
    assert types(daemon, "dialout", "acme/board").output == f"{BOARD}: nobody is called, all have joined or declined\n"


def test_where_a_round_runs_that_calls_them_all_already_it_says_so_and_waits_for_it(daemon):
    calling, joined = invitee("Max", "calling"), invitee("Max", "joined", "joined")
    daemon.live.calls.answer = Begun("r", (), ())
    daemon.live.calls.people = {BOARD: (calling,)}
    later = gevent.spawn_later(0.5, lambda: daemon.live.calls.people.update({BOARD: (joined,)}))
    result = types(daemon, "dialout", "acme/board", "--wait")
    later.join()
    lines = result.output.splitlines()
    assert lines[0] == f"{BOARD}: those not reached yet are being called already"
    assert lines[-1] == "1 of 1 reached"
    assert result.exit_code == 0


def test_why_nobody_is_called_is_told(daemon):
    daemon.live.calls.answer = Refused("there is no such room")
    result = types(daemon, "dialout", "acme/bored")
    assert (result.exit_code, result.stderr) == (1, "callcontrol: nobody is called: there is no such room\n")


def test_who_waits_for_it_sees_what_becomes_of_the_calls(daemon):
    waiting, joined, lost = (
        invitee("Max", "waiting"),
        invitee("Max", "joined", "joined"),
        invitee("Eve", "failed", "busy"),
    )
    daemon.live.calls.answer = Begun("r", (waiting, lost), ())
    daemon.live.calls.people = {BOARD: (waiting, lost)}
    later = gevent.spawn_later(0.5, lambda: daemon.live.calls.people.update({BOARD: (joined, lost)}))
    result = types(daemon, "dialout", "acme/board", "--wait")
    later.join()
    told = [line.split(" ", 1)[1] for line in result.output.splitlines()[2:]]
    assert told == [
        f"Max ({joined.number}) is called next",
        f"Eve ({lost.number}) failed: busy",
        f"Max ({joined.number}) joined",
        "of 2 reached",
    ]
    assert result.exit_code == 1


def test_what_is_for_people_is_not_for_programs(daemon):
    assert types(daemon, "dialout", "acme/board", "--wait", "--json").exit_code == 2


def test_a_room_is_steered(daemon):
    result = types(daemon, "room", BOARD, "mute", "+4930111")
    assert (result.exit_code, result.output) == (0, f"{BOARD}: member 2 (+4930111) is muted\n")
    assert f"conference {BOARD} mute 2 quiet" in daemon.live.told()
    assert types(daemon, "room", BOARD, "mute", "2").output == f"{BOARD}: member 2 (+4930111) was muted already\n"


def test_a_program_gets_the_answer_in_json(daemon):
    assert json.loads(types(daemon, "room", BOARD, "lock", "--json").output) == {
        "room": BOARD,
        "action": "lock",
        "changed": True,
        "text": "it is locked",
    }


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ((BOARD, "explode"), 2, "there is no action 'explode'; there are admit, end, hold, kick, lock,"),
        ((BOARD, "kick"), 2, "kick needs a member"),
        ((BOARD, "kick", "9"), 1, f"callcontrol: no member or waiting caller of {BOARD} is '9'"),
        (("acme.sales", "lock"), 1, "callcontrol: nobody is in a room called 'acme.sales'"),
        ((BOARD, "admit"), 1, "callcontrol: nobody waits to be let in"),
    ],
)
def test_what_cannot_be_done_says_why_and_changes_nothing(daemon, words, status, says):
    result = types(daemon, "room", *words)
    assert result.exit_code == status
    assert says in result.output
    assert daemon.live.told() == []


def test_the_help_names_all_actions():
    words = CliRunner().invoke(main, ["room", "--help"]).output.replace(",", " ").split()
    assert set(ACTIONS) <= set(words)


@pytest.mark.parametrize("words", [["rooms"], ["rooms", "--watch"], ["room", BOARD, "lock"]])
def test_without_a_daemon_the_command_says_so_and_ends(daemon, words):
    options = daemon.options
    daemon.server.stop()
    result = CliRunner().invoke(main, [*words, *options])
    assert result.exit_code == 1
    assert "no answer from a daemon at 127.0.0.1:" in result.output


def test_without_a_token_nothing_is_asked(daemon, tmp_path):
    (tmp_path / "http-token").unlink()
    result = types(daemon, "rooms")
    assert result.exit_code == 1
    assert "http-token" in result.output


def test_watching_is_not_for_programs(daemon):
    assert types(daemon, "rooms", "--watch", "--json").exit_code == 2


def test_watching_shows_changes_outlives_a_restart_of_the_daemon_and_ends_with_ctrl_c(daemon):
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "callcontrol", "rooms", "--watch", *daemon.options]
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    with running(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environ) as watching:
        os.close(terminal)
        seen: list[str] = []
        reader = gevent.get_hub().threadpool.spawn(_read, screen, seen)
        until(lambda: "+4930111" in "".join(seen))
        daemon.live.comes("+4930222")
        until(lambda: "+4930222" in "".join(seen))
        daemon.server.stop()
        until(lambda: "no answer from a daemon" in "".join(seen))
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=PATIENCE) == 0
        reader.get(timeout=PATIENCE)
    os.close(screen)
    assert "Traceback" not in "".join(seen)
    assert "\x1b[?1049h" in "".join(seen)
    assert "".join(seen).rindex("\x1b[?1049l") > "".join(seen).rindex("\x1b[?1049h")  # the terminal is as it was


def test_watching_without_a_terminal_prints_one_look_after_the_other(daemon):
    command = [sys.executable, "-m", "callcontrol", "rooms", "--watch", *daemon.options]
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as watching, gevent.Timeout(PATIENCE):
        looks = [line for line in (watching.stdout.readline() for _ in range(30)) if line.startswith(b"Live rooms at ")]
        watching.send_signal(signal.SIGINT)
        assert watching.wait() == 0
    assert len(looks) > 1


@contextmanager
def running(command: list[str], **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not outlive the test."""
    with subprocess.Popen(command, **how) as process:
        try:
            yield process
        finally:
            process.kill()


def _read(screen: int, seen: list[str]) -> None:
    """Collect what a terminal shows until its last program ends (Linux then answers EIO)."""
    try:
        while piece := os.read(screen, 65536):
            seen.append(piece.decode("utf-8", "replace"))
    except OSError:
        return
