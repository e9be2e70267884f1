"""A running daemon gives up star codes when the tenant file says something new, and keeps them over a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callcontrol.daemon import Daemon
from callcontrol.forwarding import Called, Settings
from callcontrol.forwarding.effects import Done
from callcontrol.forwarding.starcodes import SetRule, read
from callcontrol.state.settings import SettingsStore
from tests.patience import until
from tests.test_daemon import TENANT, House

BEFORE = TENANT + '  "34": {name: Max, password: "long-enough-34", forwarding: {profiles: {0: {busy: "33"}}}}\n'
AFTER = BEFORE.replace("busy", "always")
EVENT = "the tenant file replaces what star codes set"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.write(BEFORE)
    yield house
    house.close()


def max_at(daemon: Daemon) -> Called:
    tenant = daemon.tenants.current.by_id["harbour"]
    return Called(tenant, tenant.extensions["34"])


def dials(daemon: Daemon, dialled: str) -> None:
    code = read(dialled)
    assert isinstance(code, SetRule)
    assert isinstance(daemon.desk.dial(code, max_at(daemon)), Done)


def test_a_star_code_counts_at_the_next_daemon_too(house: House) -> None:
    first = house.daemon()
    dials(first, "*1433")
    first.stop()
    first.run()
    found = house.daemon()
    settings = found.desk.settings(max_at(found))
    assert set(settings.profile.targets) == {"busy", "not_registered"}


def test_a_saved_file_replaces_the_star_code_and_the_log_says_so(house: House) -> None:
    daemon = house.daemon()
    dials(daemon, "*1433")
    with capture_logs() as logs:
        house.write(AFTER)
        until(lambda: any(line["event"] == EVENT for line in logs))
        now = daemon.desk.settings(max_at(daemon))
        assert now.profiles == Settings.of(max_at(daemon).extension).profiles
        assert SettingsStore(daemon.database).of("harbour", "34").rules is None
    said = next(line for line in logs if line["event"] == EVENT)
    assert (said["tenant"], said["extension"], said["replaced"]) == ("harbour", "34", "rules")


def test_a_file_that_changed_while_no_daemon_ran_replaces_it_at_the_start(house: House) -> None:
    first = house.daemon()
    dials(first, "*1433")
    first.stop()
    first.run()
    house.write(AFTER)
    with capture_logs() as logs:
        house.daemon()
        until(lambda: any(line["event"] == EVENT for line in logs))
