"""Mobiles that ring for an extension, on a real FreeSWITCH: 1 takes the call, 9 declines it, and nobody else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sip_carrier import Answers, Carrier
from tests.switch.conftest import Phones
from tests.switch.demo import Demo
from tests.switch.office import DOMAIN, Office, office_of
from tests.switch.phones import Phone, Switch
from tests.switch.sound import has_tone

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(120)]

INA, GUEST = "+493023160035", "+4930555123"
INAS_MOBILE, MONAS_MOBILE = "+491712316001", "+491712316002"
RINGING = 425  # Hz, one second in five
AT_ONCE = 2.0  # s


@pytest.fixture(scope="module")
def parts(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Carrier]]:
    with office_of(freeswitch_binary, tmp_path_factory.mktemp("mobiles")) as parts:
        yield parts


@pytest.fixture
def office(parts: tuple[Demo, Carrier], make_phones: Callable[[Switch], Phones]) -> Iterator[Office]:
    demo, carrier = parts
    carrier.numbers.clear()
    carrier.attempts.clear()
    office = Office(demo, make_phones)
    office.carrier = carrier
    yield office
    demo.event_socket.api("hupall")
    for number in (33, 34, 35):
        demo.event_socket.api(f"sofia profile extensions flush_inbound_reg {number}@{DOMAIN}")


def hears_it_ring(phone: Phone) -> None:
    """From now on there is the tone of a telephone that rings at the other end."""
    since = phone._attention.now()
    rings = lambda: has_tone(phone._attention.latest(0.4, since), RINGING)  # noqa: E731
    phone._until(rings, 7.0, "hear it ring", "hears it ring")


def talk(one: Phone, other: Phone) -> None:
    one.is_answered().speaks().hears_tone_of(other.speaks())
    other.hears_tone_of(one)


def test_nine_declines_at_once_and_the_telephones_ring_on(office: Office) -> None:
    ina, mobile = office.desk("Ina", "35"), office.outside("Mobile", INAS_MOBILE)
    caller = office.caller("Caller").calls(INA, from_=GUEST)
    ina.rings()
    mobile.rings().answers().begins_to_hear("take-call", language="en")
    hears_it_ring(caller)
    mobile.presses("9").is_hung_up("NORMAL_CLEARING", within=AT_ONCE)
    hears_it_ring(caller)
    ina.answers()
    talk(caller, ina)
    caller.hangs_up()


def test_nine_leaves_the_call_to_the_rule_for_no_answer_where_nothing_else_rings(office: Office) -> None:
    max_, mobile = office.desk("Max", "34"), office.outside("Mobile", MONAS_MOBILE)
    clara = office.desk("Clara", "33").calls("41")
    mobile.rings().answers().hears("take-call").presses("9")
    max_.rings(within=AT_ONCE).answers()  # though the rule says after 60 s
    mobile.is_hung_up("NORMAL_CLEARING")
    talk(clara, max_)
    clara.hangs_up()


def test_one_takes_the_call_when_it_is_asked_again(office: Office) -> None:
    ina, mobile = office.desk("Ina", "35"), office.outside("Mobile", INAS_MOBILE)
    caller = office.caller("Caller").calls(INA, from_=GUEST)
    ina.rings()
    mobile.rings().answers().hears("take-call").presses("5").hears("take-call").stays_silent()
    mobile.hears("take-call").presses("1")
    ina.is_refused()
    talk(caller, mobile)
    mobile.hangs_up()
    caller.is_hung_up("NORMAL_CLEARING")


def test_who_presses_nothing_is_asked_three_times_and_hung_up(office: Office) -> None:
    max_, mobile = office.desk("Max", "34"), office.outside("Mobile", MONAS_MOBILE)
    clara = office.desk("Clara", "33").calls("41")
    mobile.rings().answers()
    for _ in range(3):
        mobile.hears("take-call").stays_silent()
        hears_it_ring(clara)
    mobile.is_hung_up("NORMAL_CLEARING")
    max_.rings(within=AT_ONCE)
    clara.hangs_up()
    max_.is_refused()


@pytest.mark.parametrize("keys", ["2345", "##", "**0"])
def test_no_mailbox_takes_the_call_whatever_it_presses(office: Office, keys: str) -> None:
    ina = office.desk("Ina", "35")
    office.carrier.numbers[INAS_MOBILE] = Answers(keys=keys, thinks=0.5, once=False)
    caller = office.caller("Caller").calls(INA, from_=GUEST)
    ina.rings()
    mailbox = office.carrier.wait_for(INAS_MOBILE)
    office.carrier.until(lambda: mailbox.ended, 30, "the mailbox is hung up")
    hears_it_ring(caller)
    ina.answers()
    talk(caller, ina)
    caller.hangs_up()
