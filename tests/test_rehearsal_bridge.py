"""The application `bridge` of the rehearsal switch: as FreeSWITCH 1.10.12 does it, event by event."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.rehearsal import RehearsalSwitch
from callcontrol.rehearsal.phone import Phone
from tests.patience import until
from tests.rehearsal_daemon import TinyDaemon, Wire

ANN, BEN = "+491715550001", "+491715550002"
GATE = "sofia/gateway/carrier/"
PATIENT = "{ignore_early_media=true,originate_timeout=20}"


@pytest.fixture
def daemon() -> Iterator[TinyDaemon]:
    daemon = TinyDaemon()
    yield daemon
    daemon.stop()


@pytest.fixture
def switch(daemon: TinyDaemon) -> Iterator[RehearsalSwitch]:
    switch = RehearsalSwitch(daemon.address, gateways=["carrier"]).start()
    yield switch
    switch.stop()


@pytest.fixture
def caller(switch: RehearsalSwitch) -> Phone:
    return switch.phone("+49305550000").calls("+49308633")


@pytest.fixture
def wire(caller: Phone, daemon: TinyDaemon) -> Wire:
    wire = daemon.call()
    wire.connect()
    assert wire.ask(f"api uuid_setvar_multi {wire.channel['Unique-ID']} continue_on_fail=true") == "+OK\n"
    return wire


def bridges(wire: Wire, dial: str) -> None:
    """Command it, and wait until it has begun."""
    wire.start("bridge", dial)


def ended(wire: Wire) -> dict[str, str]:
    return wire.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="bridge-1")


def test_the_caller_is_answered_and_then_bridged(switch: RehearsalSwitch, caller: Phone, wire: Wire) -> None:
    ann = switch.telephone(ANN)
    bridges(wire, f"{PATIENT}{GATE}{ANN}")
    assert wire.event("CHANNEL_ANSWER")["Answer-State"] == "answered"
    bridged = wire.event("CHANNEL_BRIDGE")
    assert bridged["variable_originate_disposition"] == "SUCCESS"
    assert bridged["Bridge-B-Unique-ID"] == ann.session.channel.uuid
    ann.hangs_up()
    wire.event("CHANNEL_UNBRIDGE")
    assert ended(wire)["variable_bridge_hangup_cause"] == "NORMAL_CLEARING"
    assert switch.live_calls == 1
    caller.hangs_up()


def test_early_media_bridges_before_the_answer(switch: RehearsalSwitch, caller: Phone, wire: Wire) -> None:
    ann = switch.telephone(ANN).announces()
    bridges(wire, GATE + ANN)
    assert wire.event("CHANNEL_BRIDGE")["Answer-State"] == "early"
    ann.answers_now()
    assert wire.event("CHANNEL_ANSWER")["Answer-State"] == "answered"
    caller.hangs_up()
    ann.is_hung_up()


def test_early_media_and_then_a_refusal(switch: RehearsalSwitch, wire: Wire) -> None:
    ann = switch.telephone(ANN).announces()
    bridges(wire, GATE + ANN)
    wire.event("CHANNEL_BRIDGE")
    ann.session.hangup("USER_BUSY", by_phone=True)
    done = ended(wire)
    assert (done["variable_originate_disposition"], done["variable_bridge_hangup_cause"]) == ("SUCCESS", "USER_BUSY")
    assert done["Answer-State"] == "early"


def test_nobody_answers_and_the_caller_stays(switch: RehearsalSwitch, wire: Wire) -> None:
    switch.telephone(ANN).busy()
    bridges(wire, f"{PATIENT}{GATE}{ANN}")
    done = ended(wire)
    assert done["variable_originate_disposition"] == done["variable_originate_failed_cause"] == "USER_BUSY"
    assert switch.live_calls == 1


@pytest.mark.parametrize("preserved", ["", "false"])
def test_the_causes_of_bridges_before_stay_unless_they_are_not_wanted(
    switch: RehearsalSwitch, wire: Wire, preserved: str
) -> None:
    switch.telephone(ANN).busy()
    switch.telephone(BEN).rejects()
    wire.ask(f"api uuid_setvar {wire.channel['Unique-ID']} preserve_originated_vars {preserved}")
    told = [wire.execute("bridge", f"{PATIENT}{GATE}{number}")["variable_originate_causes"] for number in (ANN, BEN)]
    assert told[0].endswith(";USER_BUSY")
    assert told[1].startswith("ARRAY::") is not bool(preserved)
    assert told[1].endswith(";CALL_REJECTED")
    assert ("USER_BUSY" in told[1]) is not bool(preserved)


def test_without_continue_on_fail_a_refusal_ends_the_caller_too(
    switch: RehearsalSwitch, caller: Phone, wire: Wire
) -> None:
    switch.telephone(ANN).busy()
    wire.ask(f"api uuid_setvar {wire.channel['Unique-ID']} continue_on_fail")
    bridges(wire, f"{PATIENT}{GATE}{ANN}")
    caller.is_refused("USER_BUSY")


def test_each_leg_has_its_own_time(switch: RehearsalSwitch, wire: Wire) -> None:
    ann, ben = switch.telephone(ANN).rings_out(), switch.telephone(BEN).rings_out()
    bridges(wire, f"{PATIENT}[leg_timeout=5]{GATE}{ANN},[leg_timeout=5]{GATE}{BEN}")
    assert ended(wire)["variable_originate_disposition"] == "ALLOTTED_TIMEOUT"
    ann.stops_ringing("ALLOTTED_TIMEOUT")
    ben.stops_ringing("ALLOTTED_TIMEOUT")


def test_a_key_is_needed_where_one_is_asked_for(switch: RehearsalSwitch, caller: Phone, wire: Wire) -> None:
    ann = switch.telephone(ANN)
    bridges(wire, f"{PATIENT}[group_confirm_key=1,group_confirm_file=/prompts/en/take-call.wav]{GATE}{ANN}")
    ann.is_called().presses("5")
    assert not caller.session.channel.answered
    ann.presses("1")
    wire.event("CHANNEL_BRIDGE")
    caller.hangs_up()


ASK = (
    "[group_confirm_key=exec,group_confirm_file=execute_extension take-call XML callcontrol,cc_question=/p/en/ask.wav]"
)


@pytest.mark.parametrize("key", ["1", "9"])
def test_an_application_asks_whoever_answered_as_the_dialplan_says(
    switch: RehearsalSwitch, caller: Phone, wire: Wire, key: str
) -> None:
    ann = switch.telephone(ANN, presses=[key])
    bridges(wire, f"{PATIENT}{ASK}{GATE}{ANN}")
    ann.is_called().hears("ask")
    leg = ann.session
    assert leg is not None
    if key == "1":
        wire.event("CHANNEL_BRIDGE")
        caller.hangs_up()
    else:
        assert ended(wire)["variable_originate_causes"].endswith(";NORMAL_CLEARING")
    plan = (Path(__file__).parent.parent / "dialplan" / "callcontrol.xml").read_text()
    actions = {
        re.sub(r"\$\{cc_answer\}", key, argument).replace("${cc_question}", "/p/en/ask.wav")
        for argument in re.findall(r'data="([^"]*cc_answer[^"]*)"', plan)
    }
    assert {done.argument for done in leg.applications[1:3]} == actions


def test_a_caller_who_gives_up_ends_all_legs(switch: RehearsalSwitch, caller: Phone, wire: Wire) -> None:
    ann, ben = switch.telephone(ANN).rings_on(), switch.telephone(BEN).rings_on()
    bridges(wire, f"{PATIENT}{GATE}{ANN},{GATE}{BEN}")
    ann.is_called()
    ben.is_called()
    caller.hangs_up()
    ann.stops_ringing("ORIGINATOR_CANCEL")
    ben.stops_ringing("ORIGINATOR_CANCEL")
    until(lambda: not switch.live_calls)


@pytest.mark.parametrize("talking", [False, True])
def test_a_daemon_that_is_lost_with_resume_breaks_it_and_the_net_catches_the_caller(
    switch: RehearsalSwitch, daemon: TinyDaemon, wire: Wire, talking: bool
) -> None:
    ann = switch.telephone(ANN) if talking else switch.telephone(ANN).rings_on()
    bridges(wire, f"{PATIENT}{GATE}{ANN}")
    ann.is_called()
    if talking:
        wire.event("CHANNEL_BRIDGE")
    wire.close()
    ann.is_hung_up() if talking else ann.stops_ringing("ORIGINATOR_CANCEL")
    again = daemon.call()
    again.connect()
    assert again.channel["variable_cc_dialled"] == "+49308633"


def test_a_daemon_that_lets_go_leaves_the_two_alone(
    switch: RehearsalSwitch, caller: Phone, wire: Wire, daemon: TinyDaemon
) -> None:
    ann = switch.telephone(ANN)
    bridges(wire, f"{PATIENT}{GATE}{ANN}")
    wire.event("CHANNEL_BRIDGE")
    wire.ask(f"api uuid_setvar_multi {wire.channel['Unique-ID']} socket_resume=false;cc_next=end")
    wire.close()
    assert switch.live_calls == 2
    ann.hangs_up()
    caller.is_hung_up("NORMAL_CLEARING")
