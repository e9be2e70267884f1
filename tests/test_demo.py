"""`callcontrol demo`: a newcomer sees a call at once, and nothing stays behind however it ends."""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from click.testing import CliRunner
from gevent import subprocess

from callcontrol.cli import main
from callcontrol.demo import main as demo_main
from callcontrol.demo.runner import DaemonProcess, Runner, freeswitch_part, run
from callcontrol.demo.script import play_scripted_call
from callcontrol.demo.settings import DemoSettings
from callcontrol.errors import ConfigError, SwitchError
from callcontrol.prompts import PromptBook
from callcontrol.rehearse import rehearsal_house
from tests.demo_process import REPOSITORY, Demo, command_lines
from tests.patience import PATIENCE, until
from tests.ports import free_ports
from tests.pseudo_terminal import PseudoTerminal


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    one = Demo(tmp_path)
    yield one
    one.close()


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Demo]:
    """A demo that waits for calls."""
    one = Demo(tmp_path, "--no-phone").start().is_ready()
    yield one
    one.close()


@pytest.fixture
def _signals_as_they_were() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def settings(folder: Path, tenants: Path = REPOSITORY / "tenants", home: Path = REPOSITORY) -> DemoSettings:
    sip, extensions, events, listen, http = free_ports(5)
    loopback = "127.0.0.1"
    return DemoSettings(
        home, tenants, folder / "state", sip, extensions, events, (loopback, listen), (loopback, http), (20000, 21000)
    )


def tenant(folder: Path, text: str) -> Path:
    """A folder with one tenant file."""
    (folder / "tenants").mkdir()
    (folder / "tenants" / "small.yaml").write_text(f"tenant: small\nregion: US\n{text}")
    return folder / "tenants"


# -- as a process -----------------------------------------------------------------------------------------------------


def test_without_a_terminal_one_call_is_played_to_its_end(demo: Demo) -> None:
    assert demo.start().ends() == 0
    lines = demo.out().splitlines()
    assert lines[0].startswith("ready")
    assert [line for line in lines if "joins" in line]
    assert lines[-1] == "  hangs up"
    assert demo.processes() == []


def test_it_says_ready_once_a_call_would_be_answered_and_keeps_the_password_to_itself(lasting: Demo) -> None:
    assert lasting.answers("/readyz") == 200
    password_file = lasting.state / "event-socket-password"
    assert stat.S_IMODE(password_file.stat().st_mode) == 0o600
    password = password_file.read_text().strip()
    assert len(password) >= 24
    assert not [line for _, line in command_lines() if password in " ".join(line)]
    assert password not in lasting.out() + lasting.err()


def test_a_daemon_that_is_killed_is_started_again(lasting: Demo) -> None:
    (first,) = lasting.processes("serve")
    os.kill(first, signal.SIGKILL)
    lasting.until(lambda: [pid for pid in lasting.processes("serve") if pid != first])
    lasting.until(lambda: lasting.answers("/readyz") == 200)
    assert lasting.sends(signal.SIGTERM).ends() == 0
    assert lasting.processes() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_to_and_leaves_nothing_behind(lasting: Demo, number: signal.Signals) -> None:
    assert lasting.sends(number).ends() == 0
    assert lasting.processes() == []


def test_it_ends_also_when_told_to_while_it_starts(demo: Demo) -> None:
    demo.start().until(lambda: demo.processes("serve"))
    assert demo.sends(signal.SIGTERM).ends() == 0
    assert demo.processes() == []


def test_killed_it_leaves_no_daemon_behind(lasting: Demo) -> None:
    lasting.sends(signal.SIGKILL).ends()
    lasting.until(lambda: not lasting.processes())


@pytest.mark.parametrize("option", ["listen", "http", "esl-port"])
def test_a_taken_port_is_named_in_one_line(demo: Demo, option: str) -> None:
    port = {"listen": demo.listen, "http": demo.http, "esl-port": demo.events}[option]
    with socket.create_server(("127.0.0.1", port)):
        assert demo.start().ends() == 1
    expected = f"port {port} of 127.0.0.1 cannot be used: Address already in use (choose another with --{option})"
    assert demo.err().splitlines() == [f"callcontrol: {expected}"]
    assert demo.out() == ""


def test_faults_in_the_tenant_files_are_told_with_their_places(tmp_path: Path) -> None:
    demo = Demo(tmp_path, tenants=tenant(tmp_path, "rooms:\n  a: {acess: open}\n")).start()
    assert demo.ends() == 2
    assert "small.yaml:4:7: unknown key 'acess' (did you mean 'access'?)" in demo.err()
    assert "Traceback" not in demo.err()


def test_a_freeswitch_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    fake = tmp_path / "freeswitch"
    fake.write_text("#!/bin/sh\necho Cannot Initialize\nexit 255\n")
    fake.chmod(0o700)
    demo = Demo(tmp_path, freeswitch=str(fake)).start()
    assert demo.ends() == 1
    assert "callcontrol: FreeSWITCH did not start: Cannot Initialize" in demo.err()
    assert demo.processes() == []


# -- with a terminal --------------------------------------------------------------------------------------------------


@pytest.fixture
def person() -> Iterator[PseudoTerminal]:
    terminal = PseudoTerminal()
    yield terminal
    terminal.close()


def start_in(person: PseudoTerminal, demo: Demo) -> subprocess.Popen[bytes]:
    demo.process = person.run(demo.command, cwd=REPOSITORY, env=demo.environ)
    person.sees("ready").sees(r"log: .*daemon\.log").sees(r"dial \(\? helps\)> ")
    return demo.process


def test_a_newcomer_calls_from_the_terminal_and_the_log_stays_out_of_the_way(
    demo: Demo, person: PseudoTerminal
) -> None:
    process = start_in(person, demo)
    person.types("#7\nanonymous\n").sees("calls").sees("not-accepted").sees("the call is over").types("q\n")
    assert process.wait(30) == 0
    assert "caller is not listed" in (demo.state / "daemon.log").read_text()
    assert stat.S_IMODE((demo.state / "daemon.log").stat().st_mode) == 0o600
    person.sees_nothing_like("caller is not listed|call arrived")
    assert demo.processes() == []


@pytest.mark.parametrize("before", ["", "#1\n\n"], ids=["dialling", "in a call"])
def test_ctrl_c_ends_it(demo: Demo, person: PseudoTerminal, before: str) -> None:
    process = start_in(person, demo)
    person.types(before)
    if before:
        person.sees("is answered")
    person.types("\x03")
    assert process.wait(30) == 0
    assert demo.processes() == []


# -- piece by piece ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_signals_as_they_were")
def test_the_scripted_call_gets_into_a_room(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert demo_main.run_demo(settings(tmp_path), {"PATH": ""}, phone=True) == 0
    told = capfd.readouterr().out
    assert "from +49305550100 to +4917208632 of Acme GmbH (rooms board, sales)" in told
    assert "[en/enter-pin]" in told
    assert "48213" not in told


PIN = 'numbers: {"+1 202 555 0161": {room: a}}\nrooms: {a: {access: pin, pin: "48213"}}\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"languages: [de, en]\n{PIN}", "de/enter-pin"),
        ('numbers: {"+1 202 555 0161": {room: a}}\nrooms: {a: {access: open}}\n', "joins small.a"),
        (
            'numbers: {"+1 202 555 0161": {room: a}}\n'
            'rooms: {a: {access: whitelist, whitelist: ["+1 202*", "+1 202 555 0171"]}}\n',
            "a call from +12025550171",
        ),
        ("", "there is nothing to play"),
    ],
    ids=["PIN and languages", "open", "listed callers", "no numbers"],
)
def test_every_kind_of_tenant_has_a_call_to_play(tmp_path: Path, text: str, told: str) -> None:
    lines: list[str] = []
    prompts = PromptBook(REPOSITORY / "prompts")
    with rehearsal_house(tenant(tmp_path, text), REPOSITORY, tmp_path / "state", {}) as house:
        assert play_scripted_call(house.switch, house.daemon.tenants.current, prompts, lines.append) == 0
    assert told in "\n".join(lines)


def test_the_password_is_kept_and_an_empty_or_open_file_is_repaired(tmp_path: Path) -> None:
    one = settings(tmp_path)
    first = one.prepare()
    assert one.prepare() == first
    one.password_file.write_text("")
    one.password_file.chmod(0o644)
    second = one.prepare()
    assert second not in ("", first)
    assert one.password_file.read_text().strip() == second
    assert stat.S_IMODE(one.password_file.stat().st_mode) == 0o600


def test_a_sip_port_of_another_program_is_named(tmp_path: Path) -> None:
    one = settings(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", one.sip_port))
        with pytest.raises(SwitchError, match=rf"port {one.sip_port} .*choose another with --sip-port"):
            one.refuse_taken_ports(with_sip=True)
        one.refuse_taken_ports(with_sip=False)


def test_a_folder_freeswitch_cannot_play_from_is_told(tmp_path: Path) -> None:
    one = settings(tmp_path, home=tmp_path / "it's here")
    with pytest.raises(SwitchError, match="FreeSWITCH cannot play files from"):
        freeswitch_part(tmp_path / "freeswitch", one, "secret-of-the-socket")


def test_a_daemon_that_cannot_start_ends_the_demo_with_a_hint(tmp_path: Path) -> None:
    one = settings(tmp_path)
    one.prepare()
    one.config_file.write_text("listen: nowhere\n")
    daemon = DaemonProcess(one, dict(os.environ), log=one.log_file)
    with pytest.raises(SwitchError, match=rf"the last lines of {one.log_file} say why"):
        run(Runner(Thing(), daemon), lambda: None)
    assert "nowhere" in one.log_file.read_text()


@pytest.mark.parametrize("ports", ["1-2-3", "20000", "20000-10000", "80-90", "a-b"])
def test_a_range_of_sound_ports_is_checked(ports: str) -> None:
    told = CliRunner().invoke(main, ["demo", "--rtp-ports", ports])
    assert told.exit_code == 2
    assert "is not LOW-HIGH, for example 16384-32768" in told.output


def test_sound_ports_reach_freeswitch(tmp_path: Path) -> None:
    part = freeswitch_part(tmp_path / "freeswitch", settings(tmp_path), "secret-of-the-socket")
    assert part._environment()["CALLCONTROL_RTP_START"] == "20000"
    assert part._environment()["CALLCONTROL_RTP_END"] == "21000"


def test_broken_tenants_are_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        demo_main.run_demo(settings(tmp_path, tenant(tmp_path, "nonsense: 1\n")), {}, phone=False)
    assert len(refusal.value.problems) == 1
    assert not (tmp_path / "state").exists()


class Thing:
    """Something the demo watches; it counts its starts, and may refuse them."""

    def __init__(self) -> None:
        self.starts = 0
        self.lives = False
        self.refuses = False

    def start(self) -> None:
        self.starts += 1
        if self.refuses:
            raise SwitchError("port 5080 of 127.0.0.1 cannot be used")
        self.lives = True

    def alive(self) -> bool:
        return self.lives

    def stop(self, deadline: float) -> None:
        self.lives = False


def test_what_cannot_be_started_again_is_tried_again_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callcontrol.demo.runner.RESTART_PAUSES", (0.0,))
    monkeypatch.setattr("callcontrol.demo.runner.WATCH_SECONDS", 0.01)
    switch, daemon = Thing(), Thing()
    daemon.lives, switch.refuses = True, True
    runner = Runner(switch, daemon)  # type: ignore[arg-type]
    watching = gevent.spawn(runner.watch)
    until(lambda: switch.starts > 2)
    switch.refuses = False
    until(lambda: switch.lives)
    runner.stopping.set()
    watching.join(timeout=PATIENCE)
    assert watching.dead
    assert daemon.starts == 0
