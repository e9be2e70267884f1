"""Calls that are sent on and on, on a real FreeSWITCH: how far, in circles, and where they must not go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sip_carrier import Carrier
from tests.switch.conftest import Phones
from tests.switch.demo import Demo
from tests.switch.office import DOMAIN, Office, dials, header, office_of, rings_for, run, talk
from tests.switch.phones import Phone, Switch

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(240)]

CLARA, FIRST, SECOND = "+493023180033", "+493023180051", "+493023180052"
BERLIN, VIENNA, OUTSIDE = "+4930555123", "+4315880001", "+493023189001"
FILE = Path(__file__).with_name("chains") / "office.yaml"


@pytest.fixture(scope="module")
def parts(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Carrier]]:
    with office_of(freeswitch_binary, tmp_path_factory.mktemp("chains"), "chains") as parts:
        yield parts


@pytest.fixture
def office(parts: tuple[Demo, Carrier], make_phones: Callable[[Switch], Phones]) -> Iterator[Office]:
    """The office as its file says: what star codes set is forgotten, and nobody is registered."""
    demo, carrier = parts
    carrier.numbers.clear()
    carrier.attempts.clear()
    office = Office(demo, make_phones)
    office.carrier = carrier
    yield office
    demo.event_socket.api("hupall")
    for number in ("33", "34", "35", "56"):
        demo.event_socket.api(f"sofia profile extensions flush_inbound_reg {number}@{DOMAIN}")
        run(demo, "forwarding", "office", number, "--reset")


def is_told(caller: Phone, prompt: str, cause: str) -> None:
    """The call was never answered and ends with this announcement."""
    caller.hears(prompt, language="en").is_refused(cause).hears_nothing_else()


def diversion(called: Phone) -> str:
    """Of the INVITE a telephone got."""
    lines = str(called._had("incoming")["message"]).splitlines()
    return next((line for line in lines if line.startswith("Diversion:")), "")


def test_five_forwards_arrive_and_a_sixth_does_not(office: Office) -> None:
    ina, guest = office.desk("Ina", "35"), office.caller("Guest").calls(SECOND, from_=BERLIN)
    ina.rings()
    assert "counter=5" in diversion(ina)
    talk(guest, ina)
    ina._new_call("waits")
    is_told(guest.calls(FIRST, from_=BERLIN), "forwarded-too-often", "EXCHANGE_ROUTING_ERROR")
    sent_on = {"Diversion": "<sip:+4930556677@carrier.example>;reason=unconditional;counter=1"}
    is_told(guest.calls(SECOND, from_=BERLIN, headers=sent_on), "forwarded-too-often", "EXCHANGE_ROUTING_ERROR")
    assert not ina._had("incoming")


def test_the_fifth_forward_may_lead_outside_and_the_sixth_never_reaches_the_carrier(office: Office) -> None:
    away, guest = office.outside("Away", OUTSIDE), office.caller("Guest")
    dials(office, office.desk("Sixth", "56"), "*101", "profile 1")
    talk(guest.calls(SECOND, from_=BERLIN), away)
    (invite,) = office.carrier.attempts
    assert "counter=5" in header(invite, "Diversion")
    is_told(guest.calls(FIRST, from_=BERLIN), "forwarded-too-often", "EXCHANGE_ROUTING_ERROR")
    assert office.carrier.attempts == [invite]


def test_three_who_forward_to_each_other_leave_the_caller_with_an_announcement(office: Office) -> None:
    clara, max_, ina = (office.desk(name, number) for name, number in (("Clara", "33"), ("Max", "34"), ("Ina", "35")))
    for phone, code in ((clara, "*1134"), (max_, "*1135"), (ina, "*1133")):
        dials(office, phone, code, "profile 0, always")
        phone._new_call("waits")
    guest = office.caller("Guest")
    is_told(guest.calls(CLARA, from_=BERLIN), "forwarded-too-often", "EXCHANGE_ROUTING_ERROR")
    assert not any(phone._had("incoming") for phone in (clara, max_, ina))
    dials(office, ina, "**11")
    rings_for(ina, guest.calls(CLARA, from_=BERLIN))


def test_what_became_of_the_call_before_does_not_count_for_the_next_telephone(office: Office) -> None:
    """Clara does not answer, Max is busy: his rule for busy counts, whatever Clara's telephone did."""
    clara, max_, ina = (office.desk(name, number) for name, number in (("Clara", "33"), ("Max", "34"), ("Ina", "35")))
    dials(office, clara, "*1234", "no_answer")
    dials(office, max_, "*1335", "busy")
    guest = office.caller("Guest").calls(CLARA, from_=BERLIN)
    clara.rings()
    max_.rings(within=12).refuses(486)
    talk(guest, ina)


CODES = {
    "11": "cancelled-always",
    "12": "cancelled-no-answer",
    "13": "cancelled-busy",
    "14": "cancelled-not-registered",
}


def test_rules_cancelled_while_another_profile_is_active_are_gone_when_profile_zero_is_back(office: Office) -> None:
    clara, max_, ina = (office.desk(name, number) for name, number in (("Clara", "33"), ("Max", "34"), ("Ina", "35")))
    guest = office.caller("Guest")
    for code in CODES:
        dials(office, clara, f"*{code}34")
    dials(office, clara, "*102", "profile 2")
    for code, said in CODES.items():
        clara.calls(f"**{code}").is_answered().hears(said, "profile-active", language="en").hears_number(2, "en")
        clara.is_hung_up("NORMAL_CLEARING")
        rings_for(ina, guest.calls(CLARA, from_=BERLIN))  # profile 2 is active as before
    clara.calls("**11").is_answered().hears("rule-was-not-set", "profile-active").hears_number(2, "en")
    clara.is_hung_up("NORMAL_CLEARING")

    dials(office, clara, "*100", "profile 0")
    guest.calls(CLARA, from_=BERLIN)
    clara.rings().refuses(486)
    guest.is_refused("USER_BUSY")
    clara.unregisters()
    is_told(guest.calls(CLARA, from_=BERLIN), "extension-unavailable", "NO_USER_RESPONSE")
    assert not max_._had("incoming")


def test_a_premium_number_is_refused_aloud_and_nothing_is_changed(office: Office) -> None:
    clara, guest = office.desk("Clara", "33"), office.caller("Guest")
    for code in ("*1109001234567", "*11090012345678", "*1100499001234567", "*1100881612345678"):
        clara.calls(code).is_answered().hears("target-blocked", "nothing-changed", language="en").is_hung_up()
        rings_for(clara, guest.calls(CLARA, from_=BERLIN))
    assert not office.carrier.attempts


def test_a_target_the_administrator_blocks_later_is_called_no_more(office: Office) -> None:
    clara, vienna, guest = office.desk("Clara", "33"), office.outside("Vienna", VIENNA), office.caller("Guest")
    dials(office, clara, f"*1100{VIENNA[1:]}", f"profile 0, always: {VIENNA}")
    talk(guest.calls(CLARA, from_=BERLIN), vienna)
    assert len(office.carrier.called(VIENNA)) == 1

    file = office.demo.state.parent / "tenants" / "office.yaml"
    blocked = FILE.read_text().replace("    name: Clara\n", "    name: Clara\n    block_profile: international\n")
    office.puts_in_force(file, blocked)
    try:
        is_told(guest.calls(CLARA, from_=BERLIN), "extension-unavailable", "NO_USER_RESPONSE")
        clara.calls(f"*1200{VIENNA[1:]}").is_answered().hears("target-blocked", "nothing-changed").is_hung_up()
    finally:
        office.puts_in_force(file, FILE.read_text())
    assert len(office.carrier.attempts) == 1
    talk(guest.calls(CLARA, from_=BERLIN), vienna)
