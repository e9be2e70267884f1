"""Scripted phones that can be called: a test is their dialogue, whoever began the call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callcontrol.rehearsal import Kind, RehearsalSwitch
from tests.patience import until
from tests.rehearsal_daemon import TinyDaemon, Wire, dial_link

ANN = "+491715550001"
GATE = "sofia/gateway/carrier/"
ASK = "play_and_get_digits"


def asks_for_consent(wire: Wire) -> None:
    """``1`` joins, anything else is thanked."""
    wire.connect()
    keys = wire.execute(ASK, "1 1 1 10000 # /p/de/dialout-accept.wav silence_stream://10 keys '' 5000")
    if keys.get("variable_keys") == "1":
        wire.execute("multiset", "socket_resume=false cc_next=end")
        wire.start("conference", "acme.board@room")
    else:
        wire.execute("playback", "/p/de/declined-goodbye.wav")
        wire.execute("hangup", "NORMAL_CLEARING")


@pytest.fixture
def switch() -> Iterator[RehearsalSwitch]:
    daemon = TinyDaemon(asks_for_consent)
    switch = RehearsalSwitch(daemon.address, gateways=["carrier"]).start()
    yield switch
    switch.stop()
    daemon.stop()


def rings(switch: RehearsalSwitch, endpoint: str = f"{GATE}{ANN}", variables: str = "a=b") -> str:
    """Call out as a daemon does; what became of it."""
    return dial_link(switch.link_address).ask(f"api originate {{{variables}}}{endpoint} back XML callcontrol").rstrip()


def test_whoever_picks_up_talks_with_the_daemon_like_a_caller(switch: RehearsalSwitch) -> None:
    ann = switch.telephone(ANN, answers_after=0.05, presses=["1"])
    assert rings(switch).startswith("+OK ")
    ann.is_called().is_answered().hears("dialout-accept", language="de").joins("acme.board").hears_music().hangs_up()


def test_the_script_may_press_the_keys_itself(switch: RehearsalSwitch) -> None:
    ann = switch.telephone(ANN)
    rings(switch)
    ann.hears("dialout-accept").presses("9").hears("declined-goodbye").is_hung_up("NORMAL_CLEARING")


def test_silence_after_picking_up_costs_no_time(switch: RehearsalSwitch) -> None:
    ann = switch.telephone(ANN).stays_silent()
    rings(switch)
    ann.hears("declined-goodbye").is_hung_up()


def test_it_may_be_busy_first_and_pick_up_the_next_time(switch: RehearsalSwitch) -> None:
    ann = switch.telephone(ANN, presses=["1"]).busy(times=2)
    assert [rings(switch)[:4] for _ in range(3)] == ["-ERR", "-ERR", "+OK "]
    ann.is_called().is_called().is_called().joins("acme.board")
    assert ann.times_called == 3


def test_a_reaction_without_a_number_of_times_stays(switch: RehearsalSwitch) -> None:
    ann = switch.telephone(ANN).rejects()
    assert {rings(switch), rings(switch)} == {"-ERR CALL_REJECTED"}
    ann.busy()
    assert rings(switch) == "-ERR USER_BUSY"


def test_somebody_may_pick_up_or_refuse_while_it_rings(switch: RehearsalSwitch) -> None:
    ann = switch.telephone(ANN).rings_on()
    link = dial_link(switch.link_address)
    link.ask("event plain BACKGROUND_JOB")
    link.ask(f"bgapi originate {GATE}{ANN} back XML callcontrol")
    ann.is_called().hangs_up()
    assert link.event("BACKGROUND_JOB")["_body"] == "-ERR CALL_REJECTED\n"
    link.ask(f"bgapi originate {GATE}{ANN} back XML callcontrol")
    ann.is_called().answers_now().hears("dialout-accept")
    assert link.event("BACKGROUND_JOB")["_body"].startswith("+OK ")


def test_it_sees_who_calls(switch: RehearsalSwitch) -> None:
    ann = switch.telephone(ANN)
    rings(switch, variables="origination_caller_id_number=+4930863")
    ann.is_called(by="+4930863")
    with pytest.raises(AssertionError, match=r"expected: is called by \+4940"):
        switch.telephone("+49171", patience=0.1).is_called(by="+4940")


def test_a_telephone_nobody_called_says_so(switch: RehearsalSwitch) -> None:
    with pytest.raises(AssertionError, match=r"expected: is called; not within 0\.1 s"):
        switch.telephone(ANN, patience=0.1).is_called()


def test_it_can_call_back_itself(switch: RehearsalSwitch) -> None:
    ann = switch.telephone(ANN).busy()
    rings(switch)
    ann.calls("+49308631").hears("dialout-accept").presses("1").joins("acme.board")


# -- telephones of our own ---------------------------------------------------------------------------------------------


def contacts(switch: RehearsalSwitch, user: str) -> str:
    return dial_link(switch.link_address).ask(f"api sofia_contact extensions/{user}")


def test_an_extension_may_have_several_telephones(switch: RehearsalSwitch) -> None:
    desk, mobile = (switch.telephone("33@acme.example", presses=["1"]) for _ in range(2))
    found = contacts(switch, "33@acme.example").split(",")
    assert len(set(found)) == 2
    assert all(contact.startswith("sofia/extensions/sip:33@127.0.0.1:") for contact in found)
    desk.rings_on()
    assert rings(switch, ",".join(found)).startswith("+OK ")
    desk.stops_ringing("LOSE_RACE")
    mobile.joins("acme.board")


def test_an_extension_without_a_telephone_has_no_contact(switch: RehearsalSwitch) -> None:
    telephone = switch.telephone("33@acme.example")
    contact = contacts(switch, "33@acme.example")
    telephone.unregisters()
    assert contacts(switch, "33@acme.example") == contacts(switch, "34@acme.example") == "error/user_not_registered"
    assert rings(switch, contact) == "-ERR NORMAL_TEMPORARY_FAILURE"


# -- as a dialogue -----------------------------------------------------------------------------------------------------


def test_what_happened_is_written_down_in_order(switch: RehearsalSwitch) -> None:
    ann = switch.telephone(ANN, presses=["1"]).busy(times=1)
    rings(switch)
    rings(switch)
    ann.joins("acme.board").hangs_up()
    told = [f"{step.kind} {step.text}".strip() for step in ann.transcript.steps if step.kind is not Kind.MUSIC]
    assert told == [
        "is called by 0000000000",
        "refuses USER_BUSY",
        "is called by 0000000000",
        "picks up",
        "hears dialout-accept",
        "presses 1 key",
        "joins acme.board",
        "hangs up",
    ]


def test_a_number_that_is_given_back_is_nobodys(switch: RehearsalSwitch) -> None:
    switch.telephone(ANN).unregisters()
    assert rings(switch) == "-ERR UNALLOCATED_NUMBER"
    until(lambda: not switch.live_calls)
