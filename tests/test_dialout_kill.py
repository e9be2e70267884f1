"""`kill -9` in the middle of calling out: nobody is called twice for the same try, and the rest are called."""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from callcontrol.cli import main
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.state import Database, sqlite_url
from callcontrol.state.rounds import RoundStore
from tests.patience import until
from tests.test_dialout_daemon import ACCEPTS, BUSY, RINGS_OUT, SILENT, TENANT
from tests.test_serving import HOME, PASSWORD, Served

KILLS = 4


class Watched:
    """The commands that call out, as the switch gets them: who was called for which try."""

    def __init__(self, switch: RehearsalSwitch) -> None:
        self.tries: list[tuple[str, ...]] = []
        self.at_each: Callable[[], None] = lambda: None
        obeyed = switch.hub.api

        def api(line: str) -> str:
            if line.startswith("originate"):
                self.tries.append(tuple(re.findall(r"cc_(?:place|try)=(\d+)", line)))
                self.at_each()
            return obeyed(line)

        switch.hub.api = api  # type: ignore[assignment]


@pytest.fixture
def switch() -> Iterator[RehearsalSwitch]:
    prompts = PromptBook(HOME / "prompts")
    switch = RehearsalSwitch(("127.0.0.1", 0), prompts=prompts, password=PASSWORD, gateways=["carrier"]).start()
    yield switch
    switch.stop()


@pytest.fixture
def served(tmp_path: Path, switch: RehearsalSwitch) -> Iterator[Served]:
    served = Served(tmp_path, switch)
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants" / "harbour.yaml").write_text(TENANT)
    again = {"times": 2, "after": 1}
    served.values |= {"tenants": str(tmp_path / "tenants"), "state": str(served.state)}
    served.values["dial_out"] = {"ring_seconds": 5, "busy": again, "no_answer": again, "no_key": again}
    served.config.write_text(json.dumps(served.values))
    yield served
    served.close()


def test_each_try_is_made_once_whenever_the_daemon_is_killed(served, switch):
    """Killed at the moment the switch is told to call, four times in a row, and started again each time."""
    watched = Watched(switch)
    switch.telephone(ACCEPTS, presses=["1"])
    switch.telephone(SILENT).rejects()
    switch.telephone(BUSY).busy()
    switch.telephone(RINGS_OUT).rings_out()
    dead: list[int] = []

    def kill() -> None:
        pid = served.process.pid
        if len(dead) < KILLS and pid not in dead:
            os.kill(pid, signal.SIGKILL)
            dead.append(pid)

    watched.at_each = kill
    served.start().is_ready()
    asked = CliRunner().invoke(
        main, ["dialout", "harbour/board", "--state", str(served.state), "--http", f"127.0.0.1:{served.http}"]
    )
    assert asked.exit_code == 0, asked.output
    for nth in range(1, KILLS + 1):
        until(lambda nth=nth: len(dead) == nth, served.log)
        served.process.wait()
        served.start()
    database = Database(sqlite_url(served.state))
    store = RoundStore(database)
    until(lambda: not store.running(), served.log)
    round_ = store.ended_since(0.0)[0]
    states = {one.name: one.state for one in store.invitees_of(round_.id)}
    made = store.look(round_.id)[1]
    database.close()
    assert set(Counter(watched.tries).values()) == {1}
    assert {(str(one.place), str(one.number)) for one in made} >= set(watched.tries)
    assert max(Counter(one.place for one in made).values()) <= 5
    assert all(one.result for one in made)
    assert states == {
        "Accepts": "joined",
        "Silent": "declined",
        "Busy": "failed",
        "Rings out": "failed",
        "Unknown": "failed",
    }
    assert [name for name, room in switch.rooms.items() if room.members] == ["harbour.board"]
