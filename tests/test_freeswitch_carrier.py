"""freeswitch-conf calls out through the carrier it was told of, and writes down what became of each call."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callcontrol.outgoing import Callee, Extension, shown
from callcontrol.outgoing import originate as command_of
from callcontrol.tenants import Tenant
from tests.own_freeswitch import Running, running
from tests.patience import until
from tests.sip_caller import Caller
from tests.sip_carrier import BUSY, DECLINES, Answers, Carrier, Forwards, Rings

pytestmark = pytest.mark.freeswitch

ANN, BERT, CARL, DORA, EVE = (f"+49301110000{n}" for n in range(1, 6))
NUMBERS = {ANN: Answers("1", stays=2.0), BERT: BUSY, CARL: DECLINES, DORA: Rings()}
ACME = Tenant.model_construct(id="acme", caller_id="+49308630")
CALL_ID = "0f6e1a52-7c0b-4f5c-9d0e-00000000000"


def originate(number: str, *, uuid: str = "", ring: int = 3, gateway: str = "carrier") -> str:
    named = f"origination_uuid={uuid}," if uuid else ""
    caller = "origination_caller_id_number=+49308630,origination_caller_id_name=acme"
    options = f"{named}{caller},ignore_early_media=true,originate_timeout={ring},cc_room=acme.board"
    return f"originate {{{options}}}sofia/gateway/{gateway}/{number} &park()"


def record(folder: Path, uuid: str) -> dict[str, Any]:
    """The call detail record of this call, once it is complete: FreeSWITCH ends it by a line feed. Not always UTF-8."""
    path = folder / "cdr" / f"{uuid}.cdr.json"
    until(lambda: path.exists() and path.read_bytes().endswith(b"\n"))
    read: dict[str, Any] = json.loads(path.read_text("utf-8", "surrogateescape"))
    return read


@pytest.fixture(scope="module")
def carrier() -> Iterator[Carrier]:
    with Carrier(NUMBERS) as carrier:
        yield carrier


@pytest.fixture(scope="module")
def switch(carrier: Carrier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("carrier")
    given = {"CALLCONTROL_CARRIER_PROXY": carrier.address, "CALLCONTROL_CDR": str(folder / "cdr")}
    with running(folder, **given) as switch:
        yield switch


def test_without_a_carrier_freeswitch_starts_without_complaint_and_calls_nobody_outside(tmp_path: Path) -> None:
    with running(tmp_path) as switch:
        assert "[ERR]" not in switch.log()
        assert switch.events.api(originate(ANN)) == "-ERR INVALID_GATEWAY"


def test_a_call_shows_the_tenants_number_in_both_places_carriers_look(switch: Running, carrier: Carrier) -> None:
    assert switch.events.api(originate(ANN, uuid=CALL_ID + "1")) == f"+OK {CALL_ID}1"
    invite = carrier.wait_for(ANN).text
    assert f"INVITE sip:{ANN}@{carrier.address}" in invite
    assert re.search(r'(?m)^From: "acme" <sip:\+49308630@127\.0\.0\.1>', invite)
    assert re.search(r'(?m)^P-Asserted-Identity: "acme" <sip:\+49308630@127\.0\.0\.1>', invite)


@pytest.mark.parametrize(
    ("number", "cause", "code"),
    [
        (BERT, "USER_BUSY", "486"),
        (CARL, "CALL_REJECTED", "603"),
        (DORA, "NO_ANSWER", "487"),
        (EVE, "UNALLOCATED_NUMBER", "404"),
    ],
)
def test_who_cannot_be_reached_is_told_apart_at_once_and_in_the_record(
    switch: Running, carrier: Carrier, number: str, cause: str, code: str
) -> None:
    uuid = f"{CALL_ID}{number[-1]}"
    assert switch.events.api(originate(number, uuid=uuid)) == f"-ERR {cause}"
    written = record(switch.folder, uuid)["variables"]
    assert (written["hangup_cause"], written["sip_invite_failure_status"]) == (cause, code)
    assert (written["cc_room"], written["direction"], written["answer_epoch"]) == ("acme.board", "outbound", "0")


def test_the_record_of_a_call_out_tells_to_the_microsecond_when_it_was_answered_and_ended(
    switch: Running, carrier: Carrier
) -> None:
    uuid = f"{CALL_ID}a"
    began = time.time()
    assert switch.events.api(originate(ANN, uuid=uuid)) == f"+OK {uuid}"
    written = record(switch.folder, uuid)["variables"]
    answered, ended = int(written["answer_uepoch"]) / 1e6, int(written["end_uepoch"]) / 1e6
    assert began < answered < began + 2
    assert 1.9 < ended - answered < 2.5
    assert written["hangup_cause"] == "NORMAL_CLEARING"


def test_the_record_of_a_call_in_has_its_text_as_the_caller_wrote_it_and_no_part_of_it_in_the_name(
    switch: Running,
) -> None:
    before = set((switch.folder / "cdr").iterdir())
    hostile = "X-Note: ../%41\xfc\r\n"  # no UTF-8
    with Caller(switch.trunk, "100%41..%2F", user="../+49171", headers=hostile) as caller:
        caller.dial()
        assert caller.final() == 484
    until(lambda: set((switch.folder / "cdr").iterdir()) - before)
    (new,) = set((switch.folder / "cdr").iterdir()) - before
    assert re.fullmatch(r"[0-9a-f-]{36}\.cdr\.json", new.name)
    assert record(switch.folder, new.name.removesuffix(".cdr.json"))["variables"]["sip_h_X-Note"] == "../%41\udcfc"


def test_records_are_for_their_owner_alone(switch: Running) -> None:
    assert all(path.stat().st_mode & 0o077 == 0 for path in (switch.folder / "cdr").iterdir())


def test_a_telephone_cannot_send_us_elsewhere_and_a_carrier_can(switch: Running, carrier: Carrier) -> None:
    said = shown(Callee("33", domain="acme.example"), ACME, "acme.board")
    with Carrier() as elsewhere, Carrier({"33": Forwards(elsewhere.address)}) as telephone:
        door = f"sofia/extensions/sip:33@{telephone.address}"
        command = command_of({CALL_ID + "b": door}, said, Extension("back", "callcontrol"))
        assert switch.events.api(command) == "-ERR REQUESTED_CHAN_UNAVAIL"
        carrier.numbers[EVE] = Forwards(elsewhere.address)
        assert switch.events.api(originate(EVE)) == "-ERR UNALLOCATED_NUMBER"
        assert [attempt.number for attempt in elsewhere.attempts] == [EVE]


def test_a_carrier_with_an_account_is_registered_with_and_called_by_its_digest(tmp_path: Path) -> None:
    with Carrier({ANN: Answers(stays=1.0)}, account=("acme-7", "s3cret-of-acme")) as carrier:
        given = {"PROXY": carrier.address, "NAME": "voipco", "USER": "acme-7", "PASSWORD": "s3cret-of-acme"}
        given |= {"REGISTER": "true", "DOMAIN": "voipco.example"}
        with running(tmp_path, **{f"CALLCONTROL_CARRIER_{name}": value for name, value in given.items()}) as switch:
            carrier.until(lambda: carrier.registrations, 15, "a registration")
            until(lambda: "REGED" in switch.events.api("sofia status gateway voipco"))
            assert switch.events.api(originate(ANN, gateway="voipco")).startswith("+OK ")
            assert "<sip:+49308630@voipco.example>" in carrier.wait_for(ANN).text
            assert "s3cret-of-acme" not in switch.log()


def test_a_number_called_at_the_registered_contact_is_the_one_in_to(tmp_path: Path) -> None:
    """Until a daemon comes there is music; the name of the channel's number tells which number was dialled."""
    with Carrier(account=("acme-7", "s3cret-of-acme")) as carrier:
        given = {"PROXY": carrier.address, "USER": "acme-7", "PASSWORD": "s3cret-of-acme", "REGISTER": "true"}
        with running(tmp_path, **{f"CALLCONTROL_CARRIER_{name}": value for name, value in given.items()}) as switch:
            carrier.until(lambda: carrier.registrations, 15, "a registration")
            (user,) = re.findall(r"sip:([^@]+)@", carrier.registrations[0])
            with Caller(switch.trunk, "+49308631", contact=user) as caller:
                caller.dial()
                until(lambda: any(channel["dest"] == "again" for channel in switch.events.channels()))
                (channel,) = switch.events.channels()
                assert switch.events.variable(channel["uuid"], "cc_dialled") == "+49308631"
