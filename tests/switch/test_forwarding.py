"""Where calls go on a real FreeSWITCH: real telephones dial star codes, and the next call proves what they did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sip_carrier import DECLINES, Carrier
from tests.switch.conftest import Phones
from tests.switch.demo import Demo
from tests.switch.odd_caller import OddCall
from tests.switch.office import DOMAIN, PASSWORD, Office, dials, header, office_of, rings_for, run, talk
from tests.switch.phones import Phone, Switch

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(240)]

CLARA, EVA, MONA = "+493023170033", "+493023170036", "+493023170038"
MOBILE, OUTSIDE = "+491712317001", "+493023179001"
BERLIN, MUNICH, ALWAYS_THROUGH, VIENNA = "+4930555123", "+4989863000", "+491712345678", "+4315880000"


@pytest.fixture(scope="module")
def parts(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Carrier]]:
    with office_of(freeswitch_binary, tmp_path_factory.mktemp("rules"), "rules") as parts:
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
    for account in (*(f"{number}@{DOMAIN}" for number in (33, 34, 35, 36, 38, 41)), "33@rival.example"):
        demo.event_socket.api(f"sofia profile extensions flush_inbound_reg {account}")
    for number in ("33", "35"):
        run(demo, "forwarding", "office", number, "--reset")


def everything_set(demo: Demo) -> dict[str, Any]:
    """What is set for the extensions of both tenants."""
    who = {
        f"{tenant} {one['extension']}": (one["profile"], one["do_not_disturb"])
        for tenant in ("office", "rival")
        for one in run(demo, "who", tenant)["extensions"]
    }
    return who | {"rules": run(demo, "forwarding", "office", "33")}


def is_in_the_mailbox(office: Office, caller: Phone) -> None:
    """FreeSWITCH's mailbox has taken the call; what it says: test_voicemail.py."""
    caller.is_answered()
    events = office.demo.event_socket
    office.wait_for(lambda: events.variable(caller.uuid, "current_application") == "voicemail")
    caller.hangs_up()


def test_always_and_profiles_by_star_code(office: Office) -> None:
    clara, max_, ina = (office.desk(name, number) for name, number in (("Clara", "33"), ("Max", "34"), ("Ina", "35")))
    guest, away = office.caller("Guest"), office.outside("Away", OUTSIDE)

    def call() -> Phone:
        return guest.calls(CLARA, from_=BERLIN)

    dials(office, clara, "*103")
    rings_for(max_, call())
    dials(office, clara, "*102")
    rings_for(ina, call())
    dials(office, clara, "*1134", "profile 0, always")
    talk(call(), max_)
    dials(office, clara, "*1100493023179001")
    talk(call(), away)
    (invite,) = office.carrier.called(OUTSIDE)
    assert header(invite, "Diversion") == f"<sip:{CLARA}@{DOMAIN}>;reason=unconditional;counter=1"
    dials(office, clara, "*11*791")
    is_in_the_mailbox(office, call())
    dials(office, clara, "*1133", "star code refused")
    is_in_the_mailbox(office, call())
    dials(office, clara, "**11")
    talk(call(), clara)
    dials(office, clara, "*102")
    dials(office, clara, "*11*791", "profile 0, always")
    is_in_the_mailbox(office, call())


def test_the_other_conditions_by_star_code(office: Office) -> None:
    clara, max_, ina = (office.desk(name, number) for name, number in (("Clara", "33"), ("Max", "34"), ("Ina", "35")))
    guest = office.caller("Guest")

    def call() -> Phone:
        return guest.calls(CLARA, from_=BERLIN)

    dials(office, clara, "*1234")
    caller = call()
    clara.rings()
    max_.rings(within=12)
    clara.is_refused()
    talk(caller, max_)

    dials(office, clara, "*1335")
    clara.calls("34")
    max_.rings().answers()
    clara.is_answered()
    rings_for(ina, call())
    clara.speaks().hears_tone_of(max_.speaks())
    clara.speaks(False).hangs_up()
    max_.speaks(False).is_hung_up()
    caller = call()
    clara.rings().refuses(486)
    rings_for(ina, caller)

    dials(office, clara, "*15")
    rings_for(ina, call())  # where the rule for busy points
    dials(office, clara, "**13")
    call().is_refused("USER_BUSY")
    dials(office, clara, "**15")
    rings_for(clara, call())

    dials(office, clara, "*1435")
    rings_for(clara, call())
    clara.unregisters()
    rings_for(ina, call())
    dials(office, clara, "**14")
    rings_for(max_, call(), within=4)  # the rule for no answer, at once
    dials(office, clara, "**12")
    call().is_refused("NO_USER_RESPONSE")


def test_a_mobile_that_declines_leaves_the_call_to_the_rule_for_no_answer(office: Office) -> None:
    max_, mobile = office.desk("Max", "34"), office.outside("Mobile", MOBILE)
    guest = office.caller("Guest").calls(MONA, from_=BERLIN)
    mobile.rings().answers().hangs_up()
    rings_for(max_, guest)

    guest.calls(MONA, from_=BERLIN)
    mobile.rings().answers().presses("9")
    max_.rings(within=3)
    mobile.is_hung_up()
    talk(guest, max_)

    relays, office.carrier.numbers[MOBILE] = office.carrier.numbers[MOBILE], DECLINES
    guest.calls(MONA, from_=BERLIN).is_refused("USER_BUSY")  # refused by the network: busy, and no rule for it
    mona = office.desk("Mona", "38")
    guest.calls(MONA, from_=BERLIN)
    mona.rings()
    rings_for(max_, guest)

    office.carrier.numbers[MOBILE] = relays
    guest.calls(MONA, from_=BERLIN)
    mobile.rings().answers().hangs_up()
    mona.rings()
    rings_for(max_, guest)


def test_each_caller_goes_where_the_selective_rules_say(office: Office) -> None:
    names = (("Eva", "36"), ("Max", "34"), ("Ina", "35"), ("Assistant", "41"), ("Clara", "33"))
    eva, max_, ina, assistant, clara = (office.desk(name, number) for name, number in names)
    guest = office.caller("Guest")
    for from_, reached in ((MUNICH, max_), (BERLIN, ina), (ALWAYS_THROUGH, eva), (VIENNA, eva)):
        rings_for(reached, guest.calls(EVA, from_=from_))
    rings_for(assistant, clara.calls("36"))
    talk(assistant.calls("36"), eva)
    is_in_the_mailbox(office, guest.calls(EVA, from_=""))
    privacy = {"Privacy": "id", "P-Asserted-Identity": f"<sip:{MUNICH}@127.0.0.1>"}
    is_in_the_mailbox(office, guest.calls(EVA, from_=MUNICH, headers=privacy))
    rings_for(ina, guest.calls(EVA, from_=BERLIN, name="41", headers={"X-user_name": "41"}))


FORGED = {
    "X-cc_door": "extensions",
    "X-user_name": "33",
    "X-domain_name": DOMAIN,
    "X-sip_authorized": "true",
    "sip_h_X-cc_door": "extensions",
    "sip_h_X-user_name": "33",
    "P-Asserted-Identity": f"<sip:33@{DOMAIN}>",
    "Remote-Party-ID": f"<sip:33@{DOMAIN}>",
}
FRAUDS = ("*1134", "*15", "*102", "*11*791", "*1100493023179001")


def test_nobody_sets_what_is_not_theirs(office: Office) -> None:
    demo = office.demo
    office.desk("Clara", "33")
    before = everything_set(demo)

    stranger = office.caller("Stranger")
    for code in FRAUDS:
        stranger.calls(code, from_="33", name="33", headers=FORGED).is_refused()
    forged = f"<sip:33@{DOMAIN}>".encode()
    for parameters in (";gw=carrier", ";cc_door=extensions;user_name=33"):
        for door in (demo.switch.trunk, demo.switch.extensions):
            for number, behind in ((f"*15{parameters}", ""), ("*15", parameters)):
                with OddCall(door, number, from_=forged, headers=[b"X-user_name: 33"], parameters=behind) as call:
                    assert call.answer().code != 200
    assert everything_set(demo) == before

    mallory = office.caller("Mallory").registers("33", "rival.example", PASSWORD)
    for code in ("*15", "*1134"):
        mallory.calls(code, headers=FORGED).is_answered().is_hung_up("NORMAL_CLEARING", within=20)
    assert everything_set(demo) == before | {"rival 33": (0, True)}

    ina = office.desk("Ina", "35")
    ina.calls("*15", claims=f"33@{DOMAIN}", headers=FORGED).is_answered().is_hung_up("NORMAL_CLEARING")
    assert everything_set(demo) == before | {"rival 33": (0, True), "office 35": (0, True)}


def test_what_is_set_survives_the_death_of_the_daemon_and_of_freeswitch(office: Office) -> None:
    clara, max_ = office.desk("Clara", "33"), office.desk("Max", "34")
    dials(office, clara, "*1134")
    office.kill_daemon()
    talk(office.caller("Guest").calls(CLARA, from_=BERLIN), max_)
    office.kill_switch()
    clara, max_ = office.desk("Clara again", "33"), office.desk("Max again", "34")
    talk(office.caller("Guest again").calls(CLARA, from_=BERLIN), max_)
    dials(office, clara, "**11")
    office.kill_daemon()
    rings_for(clara, office.caller("Third").calls(CLARA, from_=BERLIN))
