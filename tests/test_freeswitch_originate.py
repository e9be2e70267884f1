"""The rehearsal switch calls out as FreeSWITCH does: the same commands, the same answers, the same records."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from callcontrol.rehearsal import RehearsalSwitch
from tests.own_freeswitch import Running, running
from tests.patience import PATIENCE, until
from tests.rehearsal_daemon import TinyDaemon, Wire, dial_link
from tests.sip_carrier import BUSY, DECLINES, Answers, Carrier, Refuses, Rings

pytestmark = pytest.mark.freeswitch

ANN, BERT, CARL, DORA, EVE, NOBODY = (f"+49301110000{n}" for n in range(1, 7))
NUMBERS = {ANN: Answers(), BERT: BUSY, CARL: DECLINES, DORA: Rings(), EVE: Refuses(480)}
GATE = "sofia/gateway/carrier/"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("real")
    with (
        Carrier(NUMBERS) as carrier,
        running(folder, CALLCONTROL_CARRIER_PROXY=carrier.address, CALLCONTROL_CDR=str(folder / "cdr")) as switch,
    ):
        yield switch


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[RehearsalSwitch]:
    daemon = TinyDaemon()
    switch = RehearsalSwitch(daemon.address, gateways=["carrier"], cdr=tmp_path / "cdr").start()
    switch.telephone(ANN, answers_after=0.2)
    switch.telephone(BERT).busy()
    switch.telephone(CARL).rejects()
    switch.telephone(DORA).rings_on()
    switch.telephone(EVE).is_unreachable()
    yield switch
    switch.stop()
    daemon.stop()


@pytest.fixture
def link(rehearsal: RehearsalSwitch) -> Wire:
    return dial_link(rehearsal.link_address)


def answer(link: Wire, command: str) -> str:
    return link.ask(f"api {command}").rstrip()


@pytest.mark.parametrize(
    "dial",
    [
        f"{GATE}{BERT}",
        f"{GATE}{CARL}",
        f"{GATE}{EVE}",
        f"{GATE}{NOBODY}",
        f"{{originate_timeout=1}}{GATE}{DORA}",
        f"[a=1]{GATE}{BERT},[a=2]{GATE}{NOBODY}",
        f"[a=1]{GATE}{NOBODY},[a=2]{GATE}{BERT}",
        f"{{originate_timeout=1}}{GATE}{BERT},{GATE}{DORA}",
        f"sofia/gateway/nosuch/{ANN},{GATE}{BERT}",
        f"{GATE}{BERT}|{GATE}{NOBODY}",
        f"{GATE}{BERT}|sofia/gateway/nosuch/{ANN}",
        f"{{originate_timeout=1}}{GATE}{DORA}|{GATE}{BERT}",
        f"sofia/gateway/nosuch/{ANN}",
        "sofia/gateway/carrier",
        "sofia/nosuch/sip:33@127.0.0.1",
        "sofia/extensions/33",
        "sofia/extensions/sip:33@127.0.0.1:9",
        "sofia/trunk",
        "error/user_busy",
        "user/33@acme.example",
        "nosuch/33",
        "{a=b}",
        f"{{a=b{GATE}{ANN}",
        "",
    ],
)
def test_nobody_is_reached_for_the_same_reason(real: Running, link: Wire, dial: str) -> None:
    command = f"originate {dial} &park"
    assert real.events.api(command).rstrip() == answer(link, command)


@pytest.mark.parametrize(
    "given",
    [
        r"{a=b\,c}",
        "{a='b,c'}",
        "{^^:a=b,c:d=e}",
        "{a=b=c}",
        "{a={b}}",
        "{a=1}{a=2}",
        "{a=${b}}",
        "[a=1][a=2]",
        "[a='b,c']",
        "[^^:a=b,c:d=e]",
        r"[a=b\,c]",
        "{a=1}[a=2]",
        "<a=1>[a=2]",
    ],
)
def test_variables_arrive_the_same(real: Running, link: Wire, given: str) -> None:
    uuid = f"leg-{secrets.token_hex(4)}"  # FreeSWITCH knows a uuid a moment longer than uuid_exists says
    place = given.find("[") if "[" in given else len(given)
    command = f"originate {given[:place]}[origination_uuid={uuid}]{given[place:]}{GATE}{ANN} &park"
    ask = f"uuid_getvar {uuid} a"
    assert real.events.api(command).rstrip() == answer(link, command) == f"+OK {uuid}"
    found = real.events.api(ask)
    real.events.api(f"uuid_kill {uuid}")
    assert answer(link, ask) == found


@pytest.mark.parametrize("reason", ["", " ORIGINATOR_CANCEL", " USER_BUSY", " nonsense"])
def test_killing_a_call_that_rings_is_answered_the_same(
    real: Running, rehearsal: RehearsalSwitch, link: Wire, reason: str
) -> None:
    uuid = f"leg-{secrets.token_hex(4)}"
    command = f"originate {{origination_uuid={uuid}}}{GATE}{DORA} &park"
    real.events.api(f"sched_api +1 none uuid_kill {uuid}{reason}")
    found = real.events.api(command).rstrip()
    killer = gevent.spawn(_kill, rehearsal, f"uuid_kill {uuid}{reason}")
    assert answer(link, command) == found
    killer.get(timeout=PATIENCE)


@pytest.mark.parametrize("number", [ANN, BERT, DORA])
def test_the_record_of_a_call_has_the_same_names(
    real: Running, rehearsal: RehearsalSwitch, link: Wire, number: str
) -> None:
    uuid = f"leg-{number}"
    caller = "origination_caller_id_number=+4930863,origination_caller_id_name=acme"
    command = f"originate {{origination_uuid={uuid},{caller},originate_timeout=1,cc_try=1}}{GATE}{number} &sleep(100)"
    assert real.events.api(command).rstrip() == answer(link, command)
    assert rehearsal.hub.cdr is not None
    theirs, ours = _record(real.folder / "cdr", uuid), _record(rehearsal.hub.cdr, uuid)
    assert list(ours) == list(theirs)
    for part in ("channel_data", "variables"):
        assert _names(ours[part]) == _names(theirs[part])
    assert ours["callflow"][0]["times"].keys() == theirs["callflow"][0]["times"].keys()
    assert ours["callflow"][0]["caller_profile"] == theirs["callflow"][0]["caller_profile"]
    for name in ("hangup_cause", "hangup_cause_q850", "sip_hangup_disposition", "caller_id", "cc_try"):
        assert ours["variables"][name] == theirs["variables"][name]


def _kill(rehearsal: RehearsalSwitch, command: str) -> None:
    until(lambda: rehearsal.live_calls)
    assert rehearsal.hub.api(command) == "+OK\n"


def _names(part: dict[str, Any]) -> set[str]:
    """What is there, but for the contact that a test's carrier does not give while it rings."""
    return {name for name in part if not name.startswith(("sip_contact_", "sip_recover_contact"))}


def _record(folder: Path, uuid: str) -> Any:
    path, expires = folder / f"{uuid}.cdr.json", time.monotonic() + PATIENCE
    while not (path.exists() and path.read_bytes().endswith(b"\n")):
        assert time.monotonic() < expires, f"no record of {uuid}"
        gevent.sleep(0.02)
    return json.loads(path.read_text("utf-8", "surrogateescape"))
