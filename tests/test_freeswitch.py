"""Starting and stopping FreeSWITCH: an operator learns at once why it does not start, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gevent import subprocess
from pydantic import SecretStr

from callcontrol.directory import write_directory
from callcontrol.errors import SwitchError, SwitchTimeout
from callcontrol.freeswitch import FreeSwitchProcess, carrier_variables, find_freeswitch
from callcontrol.tenants import Extension, Tenant, Tenants
from tests.own_freeswitch import BINARY, REPOSITORY, running
from tests.patience import PATIENCE, until
from tests.ports import free_ports
from tests.sip_caller import Caller

PASSWORD = "event-socket-password"


def program(folder: Path, text: str) -> Path:
    """Something that is started in FreeSWITCH's place."""
    path = folder / "freeswitch"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def process(folder: Path, binary: Path, **changed: Any) -> FreeSwitchProcess:
    trunk, extensions, events = free_ports(3)
    arguments: dict[str, Any] = {
        "run_folder": folder / "run",
        "conf": REPOSITORY / "freeswitch-conf",
        "dialplan": REPOSITORY / "dialplan",
        "prompts": folder / "prompts",
        "directory": folder / "directory",
        "trunk_port": trunk,
        "extension_port": extensions,
        "esl_port": events,
        "esl_password": PASSWORD,
        "daemons": "127.0.0.1:8084",
    }
    return FreeSwitchProcess(binary, **(arguments | changed))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()


def test_freeswitch_is_found_by_its_variable_then_on_the_path(tmp_path: Path) -> None:
    binary = program(tmp_path, "exit 0")
    elsewhere = {"PATH": str(tmp_path / "nothing-here")}
    assert find_freeswitch({"FREESWITCH": str(binary)} | elsewhere) == binary
    assert find_freeswitch({"PATH": str(tmp_path)}) == binary
    assert find_freeswitch({"FREESWITCH": "", "PATH": str(tmp_path)}) == binary
    assert find_freeswitch(elsewhere) is None


@pytest.mark.parametrize("name", ["missing", ".", "freeswitch.xml"])
def test_a_wrong_variable_is_told_instead_of_rehearsing_silently(tmp_path: Path, name: str) -> None:
    (tmp_path / "freeswitch.xml").write_text("<document/>")
    with pytest.raises(SwitchError, match="not a program"):
        find_freeswitch({"FREESWITCH": str(tmp_path / name)})


@pytest.mark.parametrize("password", ["", "ClueCon"])
def test_the_event_socket_never_has_a_password_everybody_knows(tmp_path: Path, password: str) -> None:
    with pytest.raises(ValueError, match="password of its own"):
        process(tmp_path, tmp_path / "freeswitch", esl_password=password)


@pytest.mark.parametrize("value", ["a&b", 'a"b', "<a>", "$${conf_dir}", "a\nb"])
def test_a_value_that_would_break_the_configuration_is_refused_without_being_shown(tmp_path: Path, value: str) -> None:
    with pytest.raises(ValueError, match="CALLCONTROL_ESL_PASSWORD") as refusal:
        process(tmp_path, tmp_path / "freeswitch", esl_password=value)
    assert value not in str(refusal.value)


@pytest.mark.parametrize("name", ["a,b", "what!", "[old]", "it's", "me@home"])
def test_a_folder_freeswitch_could_not_play_from_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="FreeSWITCH cannot play files from"):
        process(tmp_path, tmp_path / "freeswitch", prompts=tmp_path / name)


def test_only_the_carrier_is_taken_from_the_environment_and_nothing_that_is_empty() -> None:
    environ = {
        "CALLCONTROL_CARRIER_PROXY": "sip.voipco.example",
        "CALLCONTROL_CARRIER_USER": "",
        "ACME_33_PASSWORD": "x",
    }
    assert carrier_variables(environ) == {"CALLCONTROL_CARRIER_PROXY": "sip.voipco.example"}


def test_the_password_and_other_secrets_of_the_daemon_stay_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_33_PASSWORD", "s3cret-of-33")
    binary = program(tmp_path, f'echo "$@" > {tmp_path}/arguments; env > {tmp_path}/environment')
    switch = process(tmp_path, binary)
    switch.start()
    until(lambda: not switch.alive())
    environment = (tmp_path / "environment").read_text()
    assert PASSWORD not in (tmp_path / "arguments").read_text()
    assert f"CALLCONTROL_ESL_PASSWORD={PASSWORD}" in environment
    assert "s3cret-of-33" not in environment


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_of_another_program_is_named_before_anything_starts(tmp_path: Path, kind: int) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        switch = process(tmp_path, program(tmp_path, "sleep 60"), trunk_port=port)
        with pytest.raises(SwitchError, match=f"port {port} of 127.0.0.1 cannot be used: Address already in use"):
            switch.start()
    assert switch.pid is None


def test_a_freeswitch_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    switch = process(tmp_path, program(tmp_path, "echo Cannot Initialize; exit 255"))
    switch.start()
    with pytest.raises(SwitchError, match=r"Cannot Initialize \(exit status 255"):
        switch.wait_ready(PATIENCE)


def test_a_freeswitch_that_never_answers_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    switch = process(tmp_path, program(tmp_path, "exec sleep 60"))
    switch.start()
    with pytest.raises(SwitchTimeout, match=r"not ready after 0\.3 s"):
        switch.wait_ready(0.3)
    switch.stop(5)
    assert not switch.alive()


def test_a_freeswitch_that_does_not_want_to_stop_is_killed_at_the_deadline(tmp_path: Path) -> None:
    switch = process(tmp_path, program(tmp_path, f"trap '' TERM; touch {tmp_path}/deaf; while :; do sleep 1; done"))
    switch.start()
    until((tmp_path / "deaf").exists)
    switch.stop(0.2)
    assert not switch.alive()
    switch.stop(0.2)  # harmless


def test_starting_twice_is_refused(tmp_path: Path) -> None:
    switch = process(tmp_path, program(tmp_path, "exec sleep 60"))
    switch.start()
    try:
        with pytest.raises(SwitchError, match="running already"):
            switch.start()
    finally:
        switch.stop(5)


def test_ctrl_c_in_the_terminal_does_not_reach_freeswitch(tmp_path: Path) -> None:
    switch = process(tmp_path, program(tmp_path, "exec sleep 60"))
    switch.start()
    try:
        assert os.getpgid(switch.pid or 0) != os.getpgid(0)
        assert os.getsid(switch.pid or 0) != os.getsid(0)
    finally:
        switch.stop(5)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux only")
def test_no_freeswitch_stays_behind_when_its_parent_is_killed(tmp_path: Path) -> None:
    binary = program(tmp_path, f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 60")
    story = (
        "import sys, time; from pathlib import Path; from tests.test_freeswitch import process\n"
        "process(Path(sys.argv[1]), Path(sys.argv[2])).start(); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", story, str(tmp_path), str(binary)], cwd=REPOSITORY)
    until((tmp_path / "pid").exists)
    child = int((tmp_path / "pid").read_text())
    assert not gone(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until(lambda: gone(child))


@pytest.mark.freeswitch
def test_freeswitch_comes_up_with_both_doors_before_there_is_any_tenant_and_again_after_a_stop(tmp_path: Path) -> None:
    with running(tmp_path) as switch:
        first = switch.process.pid
        switch.process.stop(15)
        switch.process.start()
        switch.process.wait_ready(30)
        assert switch.process.pid != first
        assert not (tmp_path / "directory").exists()
        assert "[ERR]" not in switch.log()
        assert "[CRIT]" not in switch.log()
        secret = [
            path for path in (tmp_path / "freeswitch").rglob("*") if path.is_file() and path.stat().st_mode & 0o077
        ]
        assert secret == []


@pytest.mark.freeswitch
@pytest.mark.parametrize(
    ("user", "password", "status"),
    [("33", "s3cret-of-33", 200), ("33", None, 401), ("33", "", 403), ("33", "s3cret-of-34", 403), ("99", "x", 403)],
)
def test_a_telephone_registers_with_its_password_only(
    registrar: int, user: str, password: str | None, status: int
) -> None:
    with Caller(registrar, user=user, domain="acme.example", password=password) as telephone:
        assert telephone.register().final() == status


@pytest.mark.freeswitch
def test_a_telephone_of_one_tenant_is_none_of_another(registrar: int) -> None:
    with Caller(registrar, user="33", domain="globex.example", password="s3cret-of-33") as telephone:
        assert telephone.register().final() == 403


@pytest.mark.freeswitch
@pytest.mark.parametrize("given", [{}, {"CALLCONTROL_ESL_PASSWORD": ""}], ids=["unset", "empty"])
def test_an_event_socket_without_a_password_is_closed_to_everybody(tmp_path: Path, given: dict[str, str]) -> None:
    if BINARY is None:
        pytest.skip("no FreeSWITCH here")
    trunk, extensions, events = free_ports(3)
    environment = given | {
        "PATH": os.environ["PATH"],
        "CALLCONTROL_TRUNK_PORT": str(trunk),
        "CALLCONTROL_EXTENSION_PORT": str(extensions),
        "CALLCONTROL_ESL_PORT": str(events),
    }
    for name in ("log", "db", "run"):
        (tmp_path / name).mkdir()
    folders = [word for name in ("log", "db", "run") for word in (f"-{name}", str(tmp_path / name))]
    command = [str(BINARY), "-nonat", "-nf", "-nc", "-conf", "freeswitch-conf", *folders]
    with subprocess.Popen(command, env=environment, cwd=REPOSITORY) as switch:
        try:
            for password in ("ClueCon", "", "none-was-given"):
                assert login(events, password) == "-ERR invalid"
        finally:
            switch.terminate()


def login(port: int, password: str) -> str:
    """What the event socket says to a password, once it listens."""
    until(lambda: listens(port))
    with socket.create_connection(("127.0.0.1", port)) as ours, ours.makefile("rb") as lines:
        ours.sendall(f"auth {password}\n\n".encode())
        return next(line for line in lines if line.startswith(b"Reply-Text")).decode().split(": ")[1].strip()


def listens(port: int) -> bool:
    with socket.socket() as ours:
        return ours.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def registrar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("registrar")

    def tenant(name: str, password: str) -> Tenant:
        account = Extension.model_construct(number="33", name="X-PRE-PROCESS", password=SecretStr(password))
        return Tenant.model_construct(
            id=name, domain=f"{name}.example", region="DE", numbers={}, extensions={"33": account}
        )

    everybody = Tenants.of(
        [tenant("acme", "s3cret-of-33"), tenant("globex", "other-secret"), tenant("x-pre-process", "third-secret")]
    )
    write_directory(folder / "directory", everybody)
    with running(folder) as switch:
        yield switch.extensions
