"""The files that tell what became of each call: as mod_json_cdr writes them with the shipped configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callcontrol.rehearsal import RehearsalSwitch
from tests.patience import until
from tests.rehearsal_daemon import TinyDaemon, Wire, dial_link

ANN = "+491715550001"
GATE = "sofia/gateway/carrier/"


def room(wire: Wire) -> None:
    wire.connect()
    wire.execute("answer")
    wire.execute("multiset", "socket_resume=false cc_next=end cc_tenant=acme")
    wire.start("conference", "acme.board@room")


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[RehearsalSwitch]:
    daemon = TinyDaemon(room)
    switch = RehearsalSwitch(daemon.address, gateways=["carrier"], cdr=tmp_path / "cdr").start()
    yield switch
    switch.stop()
    daemon.stop()


def dial(switch: RehearsalSwitch, command: str) -> str:
    return dial_link(switch.link_address).ask(f"api originate {command} back XML callcontrol")


def record(switch: RehearsalSwitch, uuid: str) -> Any:
    assert switch.hub.cdr is not None
    path = switch.hub.cdr / f"{uuid}.cdr.json"
    until(path.exists)
    data = path.read_bytes()
    assert data.endswith(b"}\n")
    assert data.count(b"\n") == 1
    return json.loads(data)


def test_a_call_that_comes_in_leaves_a_record(switch: RehearsalSwitch) -> None:
    ann = switch.phone(ANN).calls("+49308631").joins("acme.board")
    assert ann.session is not None
    ann.hangs_up()
    found = record(switch, ann.session.channel.uuid)
    assert list(found) == ["core-uuid", "switchname", "channel_data", "callStats", "variables", "app_log", "callflow"]
    assert found["channel_data"]["direction"] == "inbound"
    assert found["channel_data"]["state"] == "CS_REPORTING"
    variables = found["variables"]
    assert variables["cc_tenant"] == "acme"
    assert variables["cc_dialled"] == "+49308631"
    assert variables["hangup_cause"] == "NORMAL_CLEARING"
    assert variables["sip_hangup_disposition"] == "recv_bye"
    assert variables["last_app"] == "conference"
    assert variables["conference_uuid"]
    assert variables["conference_member_id"] == "1"
    applications = [(one["app_name"], one.get("app_data")) for one in found["app_log"]["applications"]]
    assert applications[2:] == [
        ("answer", None),
        ("multiset", "socket_resume=false cc_next=end cc_tenant=acme"),
        ("conference", "acme.board@room"),
    ]


def test_times_are_microseconds_and_seconds_are_counted_by_the_clock(switch: RehearsalSwitch) -> None:
    """A call from 10.9 to 11.1 lasted one second to FreeSWITCH."""
    ann = switch.phone(ANN).calls("+49308631").joins("acme.board")
    assert ann.session is not None
    ann.hangs_up()
    found = record(switch, ann.session.channel.uuid)
    variables = {name: int(value) for name, value in found["variables"].items() if name.endswith(("poch", "sec"))}
    assert variables["start_uepoch"] <= variables["answer_uepoch"] <= variables["end_uepoch"]
    assert variables["billsec"] == variables["end_epoch"] - variables["answer_epoch"]
    assert variables["billusec"] == variables["end_uepoch"] - variables["answer_uepoch"]
    assert variables["flow_billsec"] == variables["end_epoch"] - variables["start_epoch"]
    assert int(found["callflow"][0]["times"]["hangup_time"]) == variables["end_uepoch"]


def test_a_call_out_leaves_a_record_with_both_profiles(switch: RehearsalSwitch) -> None:
    ann = switch.telephone(ANN)
    given = "origination_uuid=leg-1,cc_try=7,origination_caller_id_number=+4930863,origination_caller_id_name=acme"
    assert dial(switch, f"{{{given}}}{GATE}{ANN}") == "+OK leg-1\n"
    ann.joins("acme.board").hangs_up()
    found = record(switch, "leg-1")
    assert found["channel_data"]["direction"] == "outbound"
    assert found["variables"]["cc_try"] == "7"
    now, before = found["callflow"]
    assert now["caller_profile"]["caller_id_number"] == ANN
    assert now["caller_profile"]["destination_number"] == "back"
    assert before["caller_profile"]["caller_id_number"] == "+4930863"
    assert before["caller_profile"]["destination_number"] == ANN
    assert before["times"]["transfer_time"] == now["times"]["profile_created_time"]
    assert before["times"]["hangup_time"] == "0"


def test_a_call_nobody_took_leaves_a_record_too(switch: RehearsalSwitch) -> None:
    switch.telephone(ANN).busy()
    assert dial(switch, f"{{origination_uuid=leg-1}}{GATE}{ANN}") == "-ERR USER_BUSY\n"
    found = record(switch, "leg-1")
    assert "app_log" not in found
    assert found["callStats"] == {}
    variables = found["variables"]
    assert (variables["hangup_cause"], variables["hangup_cause_q850"]) == ("USER_BUSY", "17")
    assert (variables["sip_hangup_disposition"], variables["sip_term_status"]) == ("recv_refuse", "486")
    assert (variables["answer_epoch"], variables["billsec"]) == ("0", "0")


def test_a_cause_of_freeswitchs_own_is_no_number_of_q850(switch: RehearsalSwitch) -> None:
    switch.telephone(ANN)
    switch.telephone("+49171").rings_on()
    assert dial(switch, f"[origination_uuid=leg-1]{GATE}+49171,{GATE}{ANN}").startswith("+OK ")
    variables = record(switch, "leg-1")["variables"]
    assert (variables["hangup_cause"], variables["hangup_cause_q850"]) == ("LOSE_RACE", "16")


def test_variables_are_written_as_they_are(switch: RehearsalSwitch) -> None:
    """What looks encoded stays, and so do bytes that are no text (encode-values=false)."""
    ann = switch.phone(ANN, name=b'J%41 "\xff').calls("+49308631").joins("acme.board")
    assert ann.session is not None
    ann.hangs_up()
    assert switch.hub.cdr is not None
    path = switch.hub.cdr / f"{ann.session.channel.uuid}.cdr.json"
    until(path.exists)
    assert b'"sip_from_display":"J%41 \\"\xff"' in path.read_bytes()


def test_a_folder_that_is_gone_ends_no_call_differently(switch: RehearsalSwitch) -> None:
    assert switch.hub.cdr is not None
    switch.hub.cdr.rmdir()
    switch.phone(ANN).calls("+49308631").joins("acme.board").hangs_up()
    until(lambda: not switch.live_calls)
