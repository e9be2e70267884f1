"""What offices use is in the ledger: FreeSWITCH's own records settle each call, and those no daemon saw the end of."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sip_carrier import Answers, Carrier
from tests.switch.conftest import REPOSITORY, Phones
from tests.switch.demo import Demo
from tests.switch.office import Office, office_of
from tests.switch.phones import Switch

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(240)]

CLARA, INA, AWAY = "+493023160033", "+493023160035", "+493023160037"
MOBILE, OUTSIDE, SENT_ON, GUEST = "+491712316001", "+493023169002", "+493023169001", "+4930555444"


@pytest.fixture(scope="module")
def parts(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Carrier]]:
    with office_of(freeswitch_binary, tmp_path_factory.mktemp("books")) as parts:
        yield parts


@pytest.fixture
def office(parts: tuple[Demo, Carrier], make_phones: Callable[[Switch], Phones]) -> Iterator[Office]:
    office = Office(parts[0], make_phones)
    office.carrier = parts[1]
    yield office
    office.demo.event_socket.api("hupall")


def calls(office: Office) -> list[dict[str, Any]]:
    """What `callcontrol calls office --json` says, the first call first."""
    command = [sys.executable, "-m", "callcontrol", "calls", "office", "--json"]
    command += ["--config", str(office.demo.state / "callcontrol.yaml")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)["calls"]
    return found[::-1]


def settled(office: Office, number: int) -> list[tuple[Any, ...]]:
    """So many calls, once all are over: whose, what, with whom, answered."""
    office.wait_for(lambda: len(calls(office)) == number and not any(one["open"] for one in calls(office)))
    return sorted((one["extension"], one["service"], one["number"], one["answered"]) for one in calls(office))


def test_each_call_of_an_office_is_in_the_ledger_with_what_it_cost(office: Office) -> None:
    clara, away, mobile = office.desk("Clara", "33"), office.outside("Away", OUTSIDE), office.outside("Mobile", MOBILE)
    guest = office.caller("Guest")
    clara.calls("03023169002")
    away.rings()
    (open_,) = calls(office)
    assert (open_["service"], open_["number"], open_["open"]) == ("out", OUTSIDE, True)
    away.answers()
    clara.is_answered().hangs_up()
    away.is_hung_up()

    guest.calls(CLARA, from_=GUEST)
    clara.rings()
    guest.hangs_up()
    clara.is_refused()

    guest.calls(INA, from_=GUEST)
    mobile.rings().answers().hears("take-call", language="en").presses("1")
    guest.is_answered().hangs_up()
    mobile.is_hung_up()

    office.carrier.numbers[SENT_ON] = Answers()
    guest.calls(AWAY, from_=GUEST).is_answered().hangs_up()
    assert settled(office, 6) == [
        ("33", "in", GUEST, False),
        ("33", "out", OUTSIDE, True),
        ("35", "in", GUEST, True),
        ("35", "mobile", MOBILE, True),
        ("37", "forward", SENT_ON, True),
        ("37", "in", GUEST, True),
    ]
    mobiles = next(one for one in calls(office) if one["service"] == "mobile")
    taken = next(one for one in calls(office) if (one["extension"], one["service"]) == ("35", "in"))
    assert mobiles["talked"] > taken["talked"] > 0  # the mobile pays for hearing who calls, the caller does not


def test_a_talk_no_daemon_saw_the_end_of_is_in_the_ledger_all_the_same(office: Office) -> None:
    before = len(calls(office))
    clara, away = office.desk("Clara", "33"), office.outside("Away", OUTSIDE)
    clara.calls("03023169002")
    away.rings().answers()
    clara.is_answered()
    office.demo.kill_daemon()
    clara.hangs_up()
    away.is_hung_up()
    office.wait_for(lambda: not any(one["open"] for one in calls(office)), within=30)
    last = calls(office)[before]
    assert (last["service"], last["answered"], last["end_reason"]) == ("out", True, "NORMAL_CLEARING")
