"""Every scenario on the rehearsal switch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.rehearse import rehearsal_house
from tests.calls.scenarios import SCENARIOS, Scenario
from tests.calls.times import times

HOME = Path(__file__).parent.parent.parent


@pytest.fixture
def line(tmp_path: Path) -> Iterator[RehearsalSwitch]:
    with rehearsal_house(Path(__file__).parent / "tenants", HOME, tmp_path, times()) as house:
        yield house.switch


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_on_the_rehearsal_switch(scenario: Scenario, line: RehearsalSwitch) -> None:
    scenario(line)
