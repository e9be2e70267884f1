"""`callcontrol serve` as the operator's system runs it: it says what is wrong, serves, and ends when it is told to."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from click.testing import CliRunner
from gevent import subprocess

from callcontrol.cli import main
from callcontrol.config import load_config
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.serving import serve_until_signal
from tests.patience import PATIENCE, until
from tests.ports import free_ports

HOME = Path(__file__).parent.parent
PIN_NUMBER, OPEN_NUMBER = "+12025550103", "+12025550100"
PASSWORD = "of-the-switch-beside"


@pytest.fixture
def switch() -> Iterator[RehearsalSwitch]:
    prompts = PromptBook(HOME / "prompts")
    switch = RehearsalSwitch(("127.0.0.1", 0), prompts=prompts, password=PASSWORD, net_seconds=PATIENCE).start()
    yield switch
    switch.stop()


@pytest.fixture
def _signals_as_they_were() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Served:
    """A process `callcontrol serve` beside a switch."""

    def __init__(self, folder: Path, switch: RehearsalSwitch, drain: int = 20) -> None:
        listen, self.http = free_ports(2)
        switch.hub.daemon = ("127.0.0.1", listen)
        host, port = switch.link_address
        self.config = folder / "callcontrol.yaml"
        self.state = folder / "state"
        self.values = {
            "listen": f"127.0.0.1:{listen}",
            "http": f"127.0.0.1:{self.http}",
            "switches": [{"name": "beside", "host": host, "port": port, "password": "${SWITCH_PASSWORD}"}],
            "tenants": str(HOME / "tenants"),
            "prompts": str(HOME / "prompts"),
            "drain_seconds": drain,
        }
        self.config.write_text(json.dumps(self.values))
        self._log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Served:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "callcontrol", "serve", "--config", str(self.config)],
                cwd=HOME,
                env=os.environ | {"SWITCH_PASSWORD": PASSWORD},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def is_ready(self) -> Served:
        until(lambda: self.answers("/readyz") == 200, self.log)
        return self

    def answers(self, page: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=2)
        try:
            connection.request("GET", page)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def told(self, number: signal.Signals) -> Served:
        assert self.process is not None
        self.process.send_signal(number)
        return self

    def ends(self) -> int:
        process = self.process
        assert process is not None
        until(lambda: process.poll() is not None, self.log)
        return process.wait()

    def log(self) -> str:
        return self._log.read_text()

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def served(tmp_path: Path, switch: RehearsalSwitch) -> Iterator[Served]:
    served = Served(tmp_path, switch)
    yield served
    served.close()


def test_it_serves_a_call_and_tells_each_decision_in_a_line_of_json(served: Served, switch: RehearsalSwitch) -> None:
    served.start().is_ready()
    switch.phone("+493055501000").calls(PIN_NUMBER).hears("enter-pin").presses("24861#").joins("globex.team")
    until(lambda: "conversation over" in served.log() and '"event":"joined"' in served.log(), served.log)
    lines = [json.loads(line) for line in served.log().splitlines()]
    story = [line["event"] for line in lines if line.get("call")]
    assert story[:2] == ["call arrived", "may enter"]
    assert sorted(story[2:]) == ["conversation over", "joined"]  # told by the call and by the room, in either order
    assert "24861" not in served.log()
    assert PASSWORD not in served.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_ends_with_status_0(served: Served, number: signal.Signals) -> None:
    assert served.start().is_ready().told(number).ends() == 0
    assert '"event":"stopped"' in served.log()


def test_told_to_end_it_lets_a_caller_finish(served: Served, switch: RehearsalSwitch) -> None:
    served.start().is_ready()
    guest = switch.phone("+493055501000").calls(PIN_NUMBER).hears("enter-pin")
    served.told(signal.SIGTERM)
    until(lambda: '"event":"draining"' in served.log(), served.log)
    guest.presses("24861#").joins("globex.team")
    assert served.ends() == 0


def test_a_caller_who_takes_too_long_hears_music_and_reaches_the_next_daemon(
    tmp_path: Path, switch: RehearsalSwitch
) -> None:
    first = Served(tmp_path, switch, drain=1)
    try:
        first.start().is_ready()
        guest = switch.phone("+493055501000").calls(PIN_NUMBER).hears("enter-pin")
        assert first.told(signal.SIGTERM).ends() == 0
        guest.hears_music()
        first.start().is_ready()
        guest.hears("enter-pin").presses("24861#").joins("globex.team")
    finally:
        first.close()


def test_killed_it_leaves_those_who_talk_alone(served: Served, switch: RehearsalSwitch) -> None:
    served.start().is_ready()
    guest = switch.phone("+493055501000").calls(OPEN_NUMBER).joins("globex.lobby")
    until(lambda: '"event":"conversation over"' in served.log(), served.log)
    assert served.told(signal.SIGKILL).ends() == -signal.SIGKILL
    served.start().is_ready()
    assert guest.session is not None
    assert not guest.session.over
    told = CliRunner().invoke(
        main, ["status", "--json", "--http", f"127.0.0.1:{served.http}", "--state", str(served.state)]
    )
    assert [room["room"] for room in json.loads(told.output)["rooms"]] == ["globex.lobby"]


def test_status_and_health_are_shown_to_an_operator(served: Served) -> None:
    address = ["--http", f"127.0.0.1:{served.http}"]
    served.start().is_ready()
    told = CliRunner().invoke(main, ["status", *address, "--state", str(served.state)])
    assert told.exit_code == 0
    assert "ready, 0 callers in conversation" in told.output
    assert "beside" in told.output
    assert PIN_NUMBER in told.output
    assert CliRunner().invoke(main, ["health", *address]).output == "alive, ready\n"
    served.told(signal.SIGTERM).ends()
    assert CliRunner().invoke(main, ["health", *address]).exit_code == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("listne: 127.0.0.1:8084\n", r"callcontrol\.yaml:1:1: unknown key 'listne' \(did you mean 'listen'\?\)"),
        (None, ""),
    ],
    ids=["a fault", "no file"],
)
def test_a_configuration_that_cannot_be_used_is_told_with_its_place(
    served: Served, text: str | None, problem: str
) -> None:
    served.config.unlink()
    if text is not None:
        served.config.write_text(text)
    assert served.start().ends() == 2
    assert "Traceback" not in served.log()
    assert re.search(problem, served.log())


def test_an_address_of_another_program_is_named(served: Served, switch: RehearsalSwitch) -> None:
    served.config.write_text(json.dumps(served.values | {"listen": "{}:{}".format(*switch.link_address)}))
    assert served.start().ends() == 1
    last = served.log().splitlines()[-1]
    assert last.startswith("callcontrol: ")
    assert "Address already in use" in last
    assert str(switch.link_address[1]) in last


@pytest.mark.usefixtures("_signals_as_they_were")
def test_the_signal_of_the_system_begins_to_drain(served: Served, switch: RehearsalSwitch) -> None:
    environ = {"SWITCH_PASSWORD": PASSWORD}
    serving = gevent.spawn(serve_until_signal, load_config(served.config, environ), environ)
    switch.phone("+493055501000").calls(OPEN_NUMBER).joins("globex.lobby")
    os.kill(os.getpid(), signal.SIGTERM)
    serving.join(timeout=PATIENCE)
    assert serving.dead
    assert serving.exception is None
