"""The README is true: its commands run, its numbers answer, its PINs open what it says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from callcontrol.cli import main
from callcontrol.config import load_config
from callcontrol.invitations.invitation import invitation
from callcontrol.rehearsal.transcript import Kind
from callcontrol.rehearse import RehearsalHouse, caller_phone, gets_into_a_room, rehearsal_house
from callcontrol.tenants import load_folder

HOME = Path(__file__).parent.parent
README = (HOME / "README.md").read_text(encoding="utf-8")
ROWS = [tuple(cell.strip() for cell in line.split("|")[1:4]) for line in README.splitlines() if line.startswith("| `")]
TYPED = re.findall(r"^\$ (.+)$", README, re.MULTILINE)
OURS = [line.removeprefix(".venv/bin/") for line in TYPED if line.startswith(".venv/bin/callcontrol ")]
NAMED = sorted(set(re.findall(r"`(callcontrol [^`]+)`", README)))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsalHouse]:
    with rehearsal_house(HOME / "tenants", HOME, tmp_path_factory.mktemp("state"), {}) as house:
        yield house


def gets(house: RehearsalHouse, number: str, caller: str, keys: str) -> str | None:
    """The room the caller gets into, ``... as moderator`` where that is so; None when they do not."""
    phone = caller_phone(house.switch, house.daemon.tenants.current, caller)
    joined = gets_into_a_room(phone, number, keys)
    if not joined:
        return None
    phone.hangs_up()
    return next(step.text for step in phone.transcript.steps if step.kind is Kind.JOINS)


def found(cell: str, pattern: str) -> list[str]:
    return re.findall(rf"`({pattern})`", cell)


def test_there_is_something_to_test() -> None:
    assert len(ROWS) >= 6
    assert len(OURS) >= 2
    assert len(NAMED) >= 4


@pytest.mark.parametrize(("number", "where", "needs"), ROWS, ids=[row[0].strip("`") for row in ROWS])
def test_each_number_of_the_table_does_what_its_row_says(
    house: RehearsalHouse, number: str, where: str, needs: str
) -> None:
    number = number.strip("`")
    entry = house.daemon.tenants.current.find_number(number)
    assert entry is not None
    tenant, service = entry
    rooms = [f"{tenant.id}.{name}" for name in found(where, "[a-z]+")]
    several = len(service.languages) > 1
    assert ("asks for a language" in where) == several
    language = "1 " if several else ""
    participants, _, moderators = needs.partition("moderators")
    pins = found(participants, "[0-9]{4,10}")
    stranger = "anonymous"
    for pin, room in zip(pins, rooms, strict=False):
        assert gets(house, number, stranger, f"{language}{pin}#") == room
    for pin in found(moderators, "[0-9]{4,10}"):
        assert gets(house, number, stranger, f"{language}{pin}#") == f"{rooms[0]} as moderator"
    for caller in found(needs, r"\+[0-9]+"):
        assert gets(house, number, caller, language) == rooms[0]
    is_open = needs.startswith("nothing")
    assert gets(house, number, stranger, language) == (rooms[0] if is_open else None)
    assert pins or is_open or found(needs, r"\+[0-9]+")
    assert ("waits for its moderator" in where) == any(
        tenant.rooms[name].wait_for_moderator for name in service.room_names
    )


@pytest.mark.parametrize("line", OURS)
def test_each_command_of_ours_runs_as_it_is_written(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HOME)
    told = CliRunner().invoke(main, shlex.split(line)[1:])
    assert told.exit_code == 0, told.output


@pytest.mark.parametrize("line", NAMED)
def test_each_command_named_in_passing_exists_with_its_options(line: str) -> None:
    words = shlex.split(line)[1:]
    command = main.commands[words[0]]
    assert isinstance(command, click.Command)
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("target", [line.split()[1] for line in TYPED if line.startswith("make ")])
def test_each_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (HOME / "Makefile").read_text(), re.MULTILINE)


def test_a_fault_is_printed_with_its_place_and_exit_status_1(tmp_path: Path) -> None:
    text = (HOME / "tenants" / "globex.yaml").read_text()
    (tmp_path / "globex.yaml").write_text(text.replace("moderator_pin", "moderater_pin", 1))
    told = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert told.exit_code == 1
    assert re.match(
        r".*/globex\.yaml:\d+:\d+: unknown key 'moderater_pin' \(did you mean 'moderator_pin'\?\)\n", told.output
    )


def test_the_configuration_it_shows_is_valid_and_an_empty_one_too(tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert block is not None
    (tmp_path / "event-socket-password").write_text("a-secret-of-the-socket\n")
    (tmp_path / "event-socket-password").chmod(0o600)
    file = tmp_path / "callcontrol.yaml"
    file.write_text("\n".join(line[3:] for line in block[1].splitlines()))
    shown = load_config(file, {})
    assert (shown.listen, shown.http) == (("127.0.0.1", 8084), ("127.0.0.1", 8085))
    assert shown.directory == tmp_path / "directory"
    file.write_text("")
    assert load_config(file, {}).listen == shown.listen


def test_the_invitation_it_shows_is_the_one_of_the_example_tenant() -> None:
    tenant = load_folder(HOME / "tenants", {})[0].by_id["acme"]
    now = datetime(2026, 11, 22, tzinfo=UTC)
    shown = invitation(tenant, tenant.rooms["standup"], "en", moderator=False, meeting=None, now=now)
    assert f"# callcontrol invite acme/standup --lang en\n{shown.text()}```" in README


def test_the_ports_it_tells_are_those_of_the_demo() -> None:
    defaults = {parameter.name: parameter.default for parameter in main.commands["demo"].params}
    assert f"127.0.0.1:{defaults['sip_port']}" in README
    assert f"http://{defaults['http']}" in README


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_each_page_it_points_to_is_there(link: str) -> None:
    assert (HOME / link).exists()
