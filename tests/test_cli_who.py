"""`callcontrol who` against a running daemon: an operator sees the office, a name steers no terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from callcontrol.cli import main
from callcontrol.rehearse import RehearsalHouse, rehearsal_house
from tests.patience import until

HOME = Path(__file__).parent.parent
TENANTS = Path(__file__).parent / "calls" / "star_tenants"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[RehearsalHouse]:
    with capture_logs(), rehearsal_house(TENANTS, HOME, tmp_path, {}) as house:
        yield house


def types(house: RehearsalHouse, state: Path, *words: str) -> Result:
    """What the command prints. It blocks, so it runs beside this hub, as another process would."""
    options = ["--http", f"127.0.0.1:{house.daemon.http.address[1]}", "--state", str(state)]

    def run() -> Result:
        return CliRunner().invoke(main, ["who", *words, *options], env={"COLUMNS": "120"})

    answer: Result = gevent.get_hub().threadpool.apply(run)
    return answer


def cells(output: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if line.startswith("│")]


def test_telephones_calls_and_settings_of_a_tenant(house: RehearsalHouse, tmp_path: Path) -> None:
    house.switch.telephone("33@pier.example")
    house.switch.telephone("33@pier.example")
    house.switch.phone(door="extensions", extension="33@pier.example").calls("*15").hears("do-not-disturb-on")
    until(lambda: house.switch.live_calls == 0)
    clara, max_ = cells(types(house, tmp_path, "pier").output)
    assert clara == ["33", "Clara Schmidt", "2", "idle", "do not disturb, profile 0"]
    assert max_ == ["34", "Max Weber", "", "not registered", "profile 2"]


def test_who_is_in_a_call_is_shown_with_whom(house: RehearsalHouse, tmp_path: Path) -> None:
    caller = house.switch.phone(door="extensions", extension="33@pier.example").calls("*11").hears("enter-target")
    clara, _ = cells(types(house, tmp_path, "pier").output)
    assert clara[3].startswith("talking: *11 since ")
    caller.hangs_up()


def test_a_program_gets_it_in_json(house: RehearsalHouse, tmp_path: Path) -> None:
    shown = json.loads(types(house, tmp_path, "quai", "--json").output)
    assert shown["tenant"] == "quai"
    assert [one["extension"] for one in shown["extensions"]] == ["33", "35"]
    assert shown["unreached"] == []


def test_a_tenant_that_is_none_is_told(house: RehearsalHouse, tmp_path: Path) -> None:
    answer = types(house, tmp_path, "nobody/../x\x1b[2J")
    assert answer.exit_code == 1
    assert "no tenant is called" in answer.output
    assert "\x1b" not in answer.output


def test_it_needs_the_token(house: RehearsalHouse, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert types(house, tmp_path / "other", "pier").exit_code == 1


def test_a_switch_without_a_link_is_named(house: RehearsalHouse, tmp_path: Path) -> None:
    house.switch.stop()
    until(lambda: bool(house.daemon.reasons()))
    assert "not asked, no connection: rehearsal" in types(house, tmp_path, "pier").output
