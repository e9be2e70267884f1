"""`*1`: the moderator calls somebody into the room, on real telephones that register, ring, answer and refuse."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from callcontrol.outgoing import RING_SECONDS
from tests.switch.conftest import Phones
from tests.switch.demo import Demo
from tests.switch.phones import Phone, Switch
from tests.switch.theatre import SECOND_HOST, Theatre, all_hear_all

pytestmark = pytest.mark.freeswitch

PARLOUR, PARLOUR_GERMAN, STUDY, VERANDA = (f"+493023128{n:03}" for n in (1, 2, 3, 4))
PARLOUR_ROOM, STUDY_ROOM = "agency.parlour", "agency.study"
DOMAIN = "agency.example"
CLARA, DIRK, EWA = ("33", "w8Kd-xm4R-agency"), ("34", "z3Ph-vq7N-agency"), ("35", "b6Tc-ny2L-agency")


class Agency(Theatre):
    """Callers and extensions of one test."""

    def telephone(self, name: str, account: tuple[str, str] = CLARA) -> Phone:
        """A telephone that is registered as an extension, and that says nothing yet."""
        return self._phones(name).speaks(False).registers(account[0], DOMAIN, account[1])

    def asked(self, number: str = PARLOUR, room: str = PARLOUR_ROOM) -> tuple[Phone, Phone]:
        """A guest, who is silent, and a moderator in a room, who wants to call somebody and is asked whom."""
        guest, host = self.meeting(number, room, "Guest")
        host.presses("*1")
        guest.speaks(False)
        return guest, host.hears("dial-number")

    def aside(self, callee: Phone, number: str = PARLOUR, room: str = PARLOUR_ROOM) -> tuple[Phone, Phone]:
        """A guest in a room, and a moderator who talks to the callee aside."""
        guest, host = self.asked(number, room)
        host.presses("33#").joins(f"{room}.aside", moderator=True)
        callee.rings().answers()
        host.hears("callee-hint").hears_tone_of(callee.speaks())
        callee.hears_tone_of(host)
        return guest.speaks(), host

    def forget_registrations(self) -> None:
        """The telephones of the last test are gone without a word; FreeSWITCH would ring them for half a minute."""
        for account in (CLARA, DIRK, EWA):
            self.demo.event_socket.api(f"sofia profile extensions flush_inbound_reg {account[0]}@{DOMAIN}")

    def calls(self) -> int:
        """How many calls FreeSWITCH has."""
        return int(self.demo.event_socket.api("show channels count").split()[0])

    def until(self, true: Callable[[], bool], within: float = 10.0) -> None:
        """Wait until it is true."""
        deadline = time.monotonic() + within
        while not true():
            assert time.monotonic() < deadline, self.demo.event_socket.api("show channels")
            time.sleep(0.05)


@pytest.fixture
def agency(theatre_demo: Demo, make_phones: Callable[[Switch], Phones]) -> Agency:
    agency = Agency(theatre_demo, make_phones)
    agency.forget_registrations()
    return agency


def test_a_moderator_calls_an_extension_talks_aside_and_brings_it_in(agency: Agency) -> None:
    clara = agency.telephone("Clara")
    guest, host = agency.asked()
    host.presses("33#").hears("calling").hears_music()
    guest.speaks()
    clara.rings().answers().joins(f"{PARLOUR_ROOM}.aside")
    host.hears("callee-hint", language="en").hears_tone_of(clara.speaks()).does_not_hear(guest)
    clara.hears_tone_of(host).does_not_hear(guest)
    guest.does_not_hear(host, clara, seconds=3.0)  # longer than the grace time of a room without moderator
    host.presses("*2").joins(PARLOUR_ROOM, moderator=True)
    clara.joins(PARLOUR_ROOM)
    all_hear_all(guest, host, clara)
    clara.presses("*6").hears("muted", language="en")
    host.does_not_hear(clara).presses("*#").hears("participants-count").hears_number(3, "en")
    assert not {"moderator-left", "moderator-back"} & set(guest.dialogue.split())


def test_a_moderator_drops_the_callee_and_returns(agency: Agency) -> None:
    clara = agency.telephone("Clara")
    guest, host = agency.aside(clara)
    host.presses("*3", by="info")
    clara.is_hung_up("NORMAL_CLEARING")
    host.joins(PARLOUR_ROOM, moderator=True).hears_tone_of(guest)
    guest.hears_tone_of(host)
    assert not agency.demo.event_socket.members(f"{PARLOUR_ROOM}.aside")


def test_keys_that_mean_nothing_aside_are_answered_with_what_can_be_done(agency: Agency) -> None:
    clara = agency.telephone("Clara")
    guest, host = agency.aside(clara)
    clara.speaks(False)
    host.presses("*7").hears("callee-hint")
    clara.speaks().presses("*3").hears_tone_of(host)
    host.hears_tone_of(clara).does_not_hear(guest)


@pytest.mark.parametrize("code", [486, 603, 404])
def test_a_callee_who_is_busy_or_refuses_gives_the_moderator_back(agency: Agency, code: int) -> None:
    clara = agency.telephone("Clara")
    guest, host = agency.asked()
    host.presses("33#").joins(f"{PARLOUR_ROOM}.aside", moderator=True)
    clara.rings().refuses(code)
    host.hears("callee-failed").joins(PARLOUR_ROOM, moderator=True).hears_tone_of(guest.speaks())
    guest.hears_tone_of(host)


def test_an_extension_without_telephone_cannot_be_called_and_the_moderator_stays(agency: Agency) -> None:
    guest, host = agency.asked()
    host.presses("35#").hears("callee-failed").joins(PARLOUR_ROOM, moderator=True).hears_tone_of(guest.speaks())


def test_the_callee_hangs_up_and_the_moderator_is_back(agency: Agency) -> None:
    clara = agency.telephone("Clara")
    guest, host = agency.aside(clara)
    clara.hangs_up()
    host.joins(PARLOUR_ROOM, moderator=True).hears_tone_of(guest)
    assert "callee-failed" not in host.dialogue


def test_the_moderator_hangs_up_aside_and_the_callee_is_let_go_and_the_room_is_without_moderator(
    agency: Agency,
) -> None:
    clara = agency.telephone("Clara")
    guest, host = agency.aside(clara)
    host.hangs_up()
    clara.is_hung_up("NORMAL_CLEARING")
    guest.hears("moderator-left").hears_music()  # the grace time is over


def test_the_moderator_hangs_up_while_it_rings_and_the_ringing_ends(agency: Agency) -> None:
    clara = agency.telephone("Clara")
    guest, host = agency.asked()
    host.presses("33#").joins(f"{PARLOUR_ROOM}.aside", moderator=True)
    clara.rings()
    host.hangs_up()
    clara.is_refused(within=5.0)
    guest.hears("moderator-left")


def test_a_moderator_who_was_alone_calls_somebody_gives_up_and_is_back(agency: Agency) -> None:
    clara = agency.telephone("Clara")
    host = agency.host(number=PARLOUR).joins(PARLOUR_ROOM, moderator=True).presses("*1").hears("dial-number")
    host.presses("33#").hears("calling")
    clara.rings()
    host.presses("*2").hears("calling").presses("*3").joins(PARLOUR_ROOM, moderator=True)
    clara.is_refused(within=5.0)
    host.presses("*1").hears("dial-number").presses("33#")
    clara.rings().answers()
    host.hears("callee-hint").presses("*2").joins(PARLOUR_ROOM, moderator=True)
    clara.speaks().joins(PARLOUR_ROOM)
    all_hear_all(host, clara)


def test_all_telephones_of_an_extension_ring_and_the_first_to_answer_has_the_call(agency: Agency) -> None:
    desk, mobile = agency.telephone("Desk"), agency.telephone("Mobile")
    _, host = agency.asked()
    host.presses("33#").joins(f"{PARLOUR_ROOM}.aside", moderator=True)
    desk.rings()
    mobile.rings().answers()
    host.hears("callee-hint").hears_tone_of(mobile.speaks())
    desk.is_refused()
    host.presses("*3")
    mobile.is_hung_up()


def test_one_telephone_of_two_refuses_and_the_other_rings_on(agency: Agency) -> None:
    desk, mobile = agency.telephone("Desk"), agency.telephone("Mobile")
    _, host = agency.asked()
    host.presses("33#").joins(f"{PARLOUR_ROOM}.aside", moderator=True)
    desk.rings().refuses(486)
    mobile.rings().answers()
    host.hears("callee-hint").hears_tone_of(mobile.speaks())


@pytest.mark.timeout(150)
def test_announcements_before_an_answer_and_ringing_without_end_are_no_answer(agency: Agency) -> None:
    """Two rooms at once, because each lasts as long as a telephone rings."""
    clara, dirk = agency.telephone("Clara"), agency.telephone("Dirk", DIRK)
    guest, host = agency.asked()
    second = agency.host("Second", STUDY, SECOND_HOST).joins(STUDY_ROOM, moderator=True)
    host.presses("33#").joins(f"{PARLOUR_ROOM}.aside", moderator=True)
    clara.rings().speaks().announces()
    second.presses("*1").hears("dial-number").presses("34#").joins(f"{STUDY_ROOM}.aside", moderator=True)
    dirk.rings()
    host.does_not_hear(clara)
    host.hears("callee-failed", within=RING_SECONDS + 5.0).joins(PARLOUR_ROOM, moderator=True)
    host.hears_tone_of(guest.speaks())
    second.hears("callee-failed").joins(STUDY_ROOM, moderator=True)
    assert "callee-hint" not in host.dialogue
    clara.is_refused()
    dirk.is_refused()
    assert not agency.demo.event_socket.members(f"{PARLOUR_ROOM}.aside")


def test_the_room_ends_while_one_is_aside_and_so_does_the_talk(agency: Agency) -> None:
    clara = agency.telephone("Clara")
    guest, host = agency.aside(clara)
    second = agency.host("Second", PARLOUR, SECOND_HOST).joins(PARLOUR_ROOM, moderator=True)
    guest.speaks(False)
    second.presses("*0").begins_to_hear("end-confirm").presses("1")
    for phone in (guest, host, second):
        phone.hears("room-ended").is_hung_up("NORMAL_CLEARING")
    clara.is_hung_up()
    agency.until(lambda: agency.calls() == 0)


def test_a_killed_daemon_leaves_both_talking_aside_and_the_next_one_knows_the_keys(agency: Agency) -> None:
    clara = agency.telephone("Clara")
    guest, host = agency.aside(clara)
    agency.kill_daemon()
    host.hears_tone_of(clara)
    clara.hears_tone_of(host)
    guest.is_told_nothing(3.0)
    host.presses("*2").joins(PARLOUR_ROOM, moderator=True)
    clara.joins(PARLOUR_ROOM)
    all_hear_all(guest, host, clara)
    host.presses("*6").hears("muted")


def test_a_daemon_killed_while_it_rings_is_followed_by_one_that_waits_on(agency: Agency) -> None:
    clara = agency.telephone("Clara")
    guest, host = agency.asked()
    host.presses("33#").joins(f"{PARLOUR_ROOM}.aside", moderator=True)
    clara.rings()
    agency.kill_daemon()
    guest.is_told_nothing(2.0)
    clara.answers()
    host.hears("callee-hint").hears_tone_of(clara.speaks()).presses("*3")
    clara.is_hung_up()
    host.joins(PARLOUR_ROOM, moderator=True).presses("*1").hears("dial-number").presses("33#")
    clara.rings()
    agency.kill_daemon()
    clara.refuses()
    host.hears("callee-failed").joins(PARLOUR_ROOM, moderator=True).hears_tone_of(guest.speaks())


@pytest.mark.parametrize(
    "number", ["09001234567", "110", "112", "00881612345678", "030123123", "99", "1234567890123456789"]
)
def test_a_number_that_may_not_be_called_is_refused_at_once(agency: Agency, number: str) -> None:
    """Premium, emergency, satellite, outside without trunk, none at all."""
    host = agency.host(number=VERANDA).joins("agency.veranda", moderator=True).presses("*1").hears("dial-number")
    host.presses(f"{number}#").hears("number-refused", within=2.0).joins("agency.veranda", moderator=True)


def test_while_one_is_being_called_in_no_other_is(agency: Agency) -> None:
    clara = agency.telephone("Clara")
    guest, host = agency.aside(clara)
    second = agency.host("Second", PARLOUR, SECOND_HOST).joins(PARLOUR_ROOM, moderator=True)
    guest.speaks(False)
    second.presses("*1").hears("dial-number").presses("34#").hears("number-refused").hears_tone_of(guest.speaks())
    second.hangs_up()  # the other moderator is aside: the room has one
    guest.is_told_nothing(3.0)
    host.presses("*2").joins(PARLOUR_ROOM, moderator=True)
    all_hear_all(guest, host, clara)


def test_the_room_hears_that_the_callee_comes_and_not_that_the_moderator_goes_and_returns(agency: Agency) -> None:
    clara = agency.telephone("Clara")
    guest, host = agency.aside(clara, STUDY, STUDY_ROOM)
    guest.is_told_nothing()
    host.presses("*2")
    clara.joins(STUDY_ROOM)
    all_hear_all(guest, host, clara)
