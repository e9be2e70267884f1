"""Calls to, from and between extensions on a real FreeSWITCH, with real telephones that are registered there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sip_carrier import BUSY, Answers, Carrier, Forwards
from tests.switch.conftest import Phones
from tests.switch.demo import Demo
from tests.switch.office import Office, header, office_of
from tests.switch.phones import Phone, Switch

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(120)]

CLARA, INA, AWAY = "+493023160033", "+493023160035", "+493023160037"
MOBILE, OUTSIDE, FORWARDED = "+491712316001", "+493023169002", "+493023169001"
OURS, GUEST = "+493023160000", "+4930555123"


@pytest.fixture(scope="module")
def parts(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Carrier]]:
    with office_of(freeswitch_binary, tmp_path_factory.mktemp("office")) as parts:
        yield parts


@pytest.fixture
def office(parts: tuple[Demo, Carrier], make_phones: Callable[[Switch], Phones]) -> Iterator[Office]:
    demo, carrier = parts
    carrier.numbers.clear()
    carrier.attempts.clear()
    office = Office(demo, make_phones)
    office.carrier = carrier
    yield office
    office.demo.event_socket.api("hupall")
    for extension in ("33", "34", "35", "38", "40"):
        office.demo.event_socket.api(f"sofia profile extensions flush_inbound_reg {extension}@office.example")


def they_talk(one: Phone, other: Phone) -> None:
    """Each hears the other, and goes on doing so."""
    one.speaks().hears_tone_of(other.speaks())
    other.hears_tone_of(one)


def shown_to(phone: Phone) -> str:
    """Whom a telephone says the call is from."""
    return str(phone._had("incoming")["caller"])


def test_all_telephones_of_an_extension_ring_and_one_takes_the_call(office: Office) -> None:
    first, second = office.desk("First", "33"), office.desk("Second", "33")
    caller = office.caller("Caller").calls(CLARA, from_=GUEST)
    first.rings()
    second.rings()
    assert GUEST in shown_to(first)
    second.answers()
    first.is_refused()
    caller.is_answered()
    they_talk(caller, second)
    second.hangs_up()
    caller.is_hung_up("NORMAL_CLEARING")


def test_colleagues_talk_and_see_each_others_names(office: Office) -> None:
    clara, max_ = office.desk("Clara", "33"), office.desk("Max", "34")
    max_.calls("33")
    clara.rings().answers()
    assert '"Max Weber" <sip:34@' in shown_to(clara)
    max_.is_answered()
    they_talk(clara, max_)
    max_.hangs_up()
    clara.is_hung_up()


def test_who_withholds_the_number_is_anonymous_on_the_telephone(office: Office) -> None:
    clara = office.desk("Clara", "33")
    caller = office.caller("Caller")
    caller.calls(CLARA, from_=GUEST, headers={"Privacy": "id", "P-Asserted-Identity": f"<sip:{GUEST}@127.0.0.1>"})
    clara.rings()
    assert "nonymous" in shown_to(clara)
    assert GUEST.lstrip("+") not in shown_to(clara)
    caller.hangs_up()
    clara.is_refused()


def test_an_extension_calls_outside_with_the_tenants_number(office: Office) -> None:
    clara, away = office.desk("Clara", "33"), office.outside("Away", OUTSIDE)
    clara.calls("03023169002", headers={"X-Secret": "of the house", "P-Charging": "somebody else"})
    away.rings()
    away.answers()
    clara.is_answered()
    they_talk(clara, away)
    invite = office.carrier.called(OUTSIDE)[0]
    assert f"<sip:{OURS}@" in header(invite, "From")
    assert f"<sip:{OURS}@" in header(invite, "P-Asserted-Identity")
    assert "of the house" not in invite.text
    assert "somebody else" not in invite.text
    clara.hangs_up()
    away.is_hung_up()


def test_the_network_is_heard_before_the_answer(office: Office) -> None:
    clara, away = office.desk("Clara", "33"), office.outside("Away", OUTSIDE)
    clara.calls("03023169002")
    away.speaks().rings().announces()
    clara.hears_tone_of(away)
    away.answers()
    clara.is_answered()
    they_talk(clara, away)
    clara.hangs_up()


def test_what_cannot_be_reached_outside_is_said(office: Office) -> None:
    clara = office.desk("Clara", "33")
    clara.calls("03023169999").hears("number-unknown", language="en").is_refused("UNALLOCATED_NUMBER")
    office.carrier.numbers[OUTSIDE] = BUSY
    clara.calls("03023169002").is_refused("USER_BUSY")
    clara.calls("09001234567").hears("number-refused").is_refused("CALL_REJECTED")
    assert [attempt.number for attempt in office.carrier.attempts] == ["+493023169999", OUTSIDE]


def test_an_emergency_call_goes_to_the_carrier_as_dialled(office: Office) -> None:
    clara, help_ = office.desk("Clara", "33"), office.outside("Help", "112")
    clara.calls("112")
    help_.rings().answers()
    clara.is_answered().hangs_up()


def test_a_network_that_redirects_does_not_send_our_caller_anywhere(office: Office) -> None:
    clara, thief = office.desk("Clara", "33"), office.caller("Thief")
    office.carrier.numbers[OUTSIDE] = Forwards(thief.address)
    clara.calls("03023169002").hears("not-reached").is_refused()
    assert len(office.carrier.called(OUTSIDE)) == 1


def test_the_mailbox_of_a_mobile_does_not_steal_the_call(office: Office) -> None:
    ina = office.desk("Ina", "35")
    office.carrier.numbers[MOBILE] = Answers()
    caller = office.caller("Caller").calls(INA, from_=GUEST)
    ina.rings()
    office.carrier.until(lambda: office.carrier.wait_for(MOBILE).answered, 10, "the mailbox answers")
    caller.is_told_nothing(3)
    ina.answers()
    caller.is_answered()
    they_talk(caller, ina)
    caller.hangs_up()


def test_a_mobile_takes_the_call_with_a_key_and_is_shown_who_calls(office: Office) -> None:
    ina, mobile = office.desk("Ina", "35"), office.outside("Mobile", MOBILE)
    caller = office.caller("Caller").calls(INA, from_=GUEST)
    ina.rings()
    mobile.rings().answers().hears("take-call", language="en").presses("1")
    caller.is_answered()
    ina.is_refused()
    they_talk(caller, mobile)
    invite = office.carrier.called(MOBILE)[0]
    assert f"<sip:{GUEST}@" in header(invite, "From")
    assert header(invite, "Diversion") == f"<sip:{INA}@office.example>;reason=no-answer;counter=1"
    caller.hangs_up()
    mobile.is_hung_up()


def test_busy_is_busy(office: Office) -> None:
    """A telephone that refuses with 486, and an extension that talks: then it does not even ring."""
    clara, max_ = office.desk("Clara", "33"), office.desk("Max", "34")
    caller = office.caller("Caller").calls(CLARA, from_=GUEST)
    clara.rings().refuses(486)
    caller.is_refused("USER_BUSY")
    max_.calls("33")
    clara.rings().answers()
    max_.is_answered()
    caller.calls(CLARA, from_=GUEST).is_refused("USER_BUSY")
    office.desk("Ina", "35").calls("34").is_refused("USER_BUSY")  # who placed the call talks too
    they_talk(clara, max_)


def test_an_extension_without_a_telephone_is_told(office: Office) -> None:
    caller = office.caller("Caller").calls(CLARA, from_=GUEST)
    caller.hears("extension-unavailable", language="en").is_refused("NO_USER_RESPONSE")


def test_a_caller_who_gives_up_stops_the_ringing(office: Office) -> None:
    clara = office.desk("Clara", "33")
    caller = office.caller("Caller").calls(CLARA, from_=GUEST)
    clara.rings()
    caller.hangs_up()
    clara.is_refused()


def test_who_does_not_answer_is_forwarded_for(office: Office) -> None:
    patient, max_ = office.desk("Patient", "38"), office.desk("Max", "34")
    clara = office.desk("Clara", "33").calls("38")
    patient.rings()
    max_.rings(within=12)
    patient.is_refused()
    max_.answers()
    clara.is_answered()
    they_talk(clara, max_)


def test_a_forward_outside_names_who_forwarded(office: Office) -> None:
    away = office.outside("Away", FORWARDED)
    caller = office.caller("Caller").calls(AWAY, from_=GUEST)
    away.rings().answers()
    caller.is_answered()
    they_talk(caller, away)
    invite = office.carrier.called(FORWARDED)[0]
    assert f"<sip:{GUEST}@" in header(invite, "From")
    assert header(invite, "Diversion") == f"<sip:{AWAY}@office.example>;reason=unconditional;counter=1"


def test_a_circle_of_forwards_ends_with_an_announcement(office: Office) -> None:
    office.desk("Clara", "33").calls("36").hears("forwarded-too-often").is_refused()


def test_an_intercom_asks_the_telephone_to_answer_by_itself(office: Office) -> None:
    clara, loud = office.desk("Clara", "33"), office.desk("Loud", "40")
    clara.calls("*8040")
    loud.rings()
    assert "answer-after=0" in loud._had("incoming")["message"]
    loud.answers()
    clara.is_answered()
    they_talk(clara, loud)
    clara.hangs_up()


def test_the_talk_goes_on_when_the_daemon_is_killed(office: Office) -> None:
    clara, max_ = office.desk("Clara", "33"), office.desk("Max", "34")
    max_.calls("33")
    clara.rings().answers()
    max_.is_answered()
    they_talk(clara, max_)
    office.demo.kill_daemon()
    they_talk(clara, max_)
    office.wait_for(lambda: office.demo.text().count('"event":"ready"') > 1)
    they_talk(clara, max_)
    max_.hangs_up()
    clara.is_hung_up("NORMAL_CLEARING")


def test_a_daemon_killed_while_it_rings_is_replaced_and_it_rings_again(office: Office) -> None:
    clara = office.desk("Clara", "33")
    caller = office.caller("Caller").calls(CLARA, from_=GUEST)
    clara.rings()
    office.kill_daemon()
    clara.is_refused()
    clara._new_call("waits")
    clara.rings(within=30).answers()
    caller.is_answered()
    they_talk(caller, clara)
    caller.hangs_up()
