"""Calls to, from and between extensions, on the rehearsal switch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.rehearsal.phone import Phone
from callcontrol.rehearsal.telephone import Telephone
from callcontrol.rehearse import RehearsalHouse, rehearsal_house
from tests.patience import until

HOME = Path(__file__).parent.parent.parent
TENANTS = Path(__file__).parent / "office_tenants"
CLARA, MAX, INA, JO = (f"{number}@lighthouse.example" for number in (33, 34, 35, 36))
CLARAS_FRENCH_NUMBER = "+493023140133"
CLARAS_NUMBER, JOS_NUMBER, LAMP, OUR_NUMBER = "+493023140033", "+493023140036", "+493023140001", "+493023140000"
INAS_MOBILE, JOS_MOBILE, JOS_OTHER, MONAS_MOBILE = (f"+49171555100{n}" for n in (1, 2, 3, 4))
GUEST, OUTSIDE = "+49305557001", "+493099887766"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[RehearsalHouse]:
    with rehearsal_house(TENANTS, HOME, tmp_path, {}) as house:
        yield house


def telephone(house: RehearsalHouse, number: str, *presses: str) -> Telephone:
    """Somebody who can be called."""
    return house.switch.telephone(number, presses=presses)


def desk(house: RehearsalHouse, extension: str) -> Phone:
    """The telephone of an extension, to call from."""
    return house.switch.phone(door="extensions", extension=extension)


def guest(house: RehearsalHouse, number: str = GUEST, **options: bool) -> Phone:
    return house.switch.phone(number, **options)


def diversion_of(phone: Phone) -> str | None:
    assert phone.session is not None
    return phone.session.channel.variables.get("sip_h_Diversion")


def is_anonymous(phone: Phone) -> bool:
    assert phone.session is not None
    return phone.session.channel.variables.get("origination_privacy") == "hide_name:hide_number"


# -- an extension is called --------------------------------------------------------------------------------------------


def test_an_extension_is_called_from_outside_and_sees_who_calls(house: RehearsalHouse) -> None:
    clara = telephone(house, CLARA).rings_on()
    caller = guest(house).calls(CLARAS_NUMBER)
    clara.is_called(by=GUEST)
    clara.answers_now().talks(GUEST)
    caller.is_answered().talks().hears_nothing_else().hangs_up()
    clara.is_hung_up("NORMAL_CLEARING")


def test_colleagues_call_each_other_by_their_short_numbers(house: RehearsalHouse) -> None:
    clara = telephone(house, CLARA)
    caller = desk(house, MAX).calls("33")
    clara.is_called(by="34").talks("34").hangs_up()
    caller.is_hung_up("NORMAL_CLEARING")


def test_all_telephones_of_an_extension_ring_and_the_others_stop(house: RehearsalHouse) -> None:
    first, second = telephone(house, CLARA).rings_on(), telephone(house, CLARA).rings_on()
    caller = guest(house).calls(CLARAS_NUMBER)
    first.is_called()
    second.is_called()
    second.answers_now().talks(GUEST)
    first.stops_ringing("LOSE_RACE")
    caller.hangs_up()


def test_a_caller_who_gives_up_stops_the_ringing(house: RehearsalHouse) -> None:
    clara = telephone(house, CLARA).rings_on()
    caller = guest(house).calls(CLARAS_NUMBER)
    clara.is_called()
    caller.hangs_up()
    clara.stops_ringing("ORIGINATOR_CANCEL")
    until(lambda: house.switch.live_calls == 0)


def test_who_withholds_the_number_stays_anonymous(house: RehearsalHouse) -> None:
    clara = telephone(house, CLARA)
    guest(house, withheld=True).calls(CLARAS_NUMBER)
    clara.is_called(by="anonymous").hangs_up()
    assert is_anonymous(clara)


def test_a_call_from_outside_does_not_pass_for_a_colleagues(house: RehearsalHouse) -> None:
    clara = telephone(house, CLARA)
    guest(house, "34").calls(CLARAS_NUMBER)
    clara.is_called(by="anonymous").hangs_up()


def private_desk(house: RehearsalHouse, extension: str) -> Phone:
    """The telephone of an extension whose owner withholds the number."""
    return house.switch.phone(door="extensions", extension=extension, withheld=True)


def test_an_extension_that_withholds_its_number_is_anonymous_where_its_call_is_sent_on_to(
    house: RehearsalHouse,
) -> None:
    away, mobile = telephone(house, OUTSIDE), telephone(house, INAS_MOBILE).rings_on()
    caller = private_desk(house, CLARA).calls("38")
    away.is_called(by="anonymous").talks()
    assert is_anonymous(away)
    caller.hangs_up()
    caller = private_desk(house, CLARA).calls("35")
    mobile.is_called(by="anonymous")
    assert is_anonymous(mobile)
    caller.hangs_up()


def test_an_extension_that_withholds_its_number_is_anonymous_at_another_tenant(house: RehearsalHouse) -> None:
    rita = telephone(house, "33@reef.example")
    caller = private_desk(house, CLARA).calls("03023150033")
    rita.is_called(by="anonymous")
    assert is_anonymous(rita)
    caller.hangs_up()


def test_an_extension_of_another_tenant_is_no_colleague(house: RehearsalHouse) -> None:
    """Its short number would be somebody else's here, and it has none outside."""
    clara = telephone(house, CLARA)
    desk(house, "33@reef.example").calls(CLARAS_NUMBER)
    clara.is_called(by="anonymous").hangs_up()


def test_nobody_answers_and_the_caller_is_told(house: RehearsalHouse) -> None:
    clara = telephone(house, CLARA).rings_out()
    guest(house).calls(CLARAS_NUMBER).hears("extension-unavailable", language="en").is_refused("NO_ANSWER")
    clara.stops_ringing()


def test_a_busy_telephone_is_busy_for_the_caller_too(house: RehearsalHouse) -> None:
    telephone(house, CLARA).busy()
    guest(house).calls(CLARAS_NUMBER).is_refused("USER_BUSY").hears_nothing_else()


def test_one_busy_telephone_does_not_make_the_extension_busy(house: RehearsalHouse) -> None:
    telephone(house, CLARA).busy()
    other = telephone(house, CLARA)
    caller = guest(house).calls(CLARAS_NUMBER)
    other.is_called().talks()
    caller.hangs_up()


def test_who_talks_is_busy_without_call_waiting(house: RehearsalHouse) -> None:
    clara = telephone(house, CLARA)
    first = guest(house).calls(CLARAS_NUMBER)
    clara.talks()
    guest(house, "+49305557002").calls(CLARAS_NUMBER).is_refused("USER_BUSY")
    assert clara.times_called == 1
    first.hangs_up()


def test_who_placed_a_call_is_busy_too(house: RehearsalHouse) -> None:
    telephone(house, CLARA)
    talking = telephone(house, MAX)
    clara = desk(house, CLARA).calls("34")
    talking.talks()
    guest(house).calls(CLARAS_NUMBER).is_refused("USER_BUSY")
    clara.hangs_up()


def test_who_calls_the_own_extension_is_talking(house: RehearsalHouse) -> None:
    second = telephone(house, CLARA)
    desk(house, CLARA).calls("33").is_refused("USER_BUSY")
    assert second.times_called == 0


def test_a_number_of_an_extension_speaks_its_own_language(house: RehearsalHouse) -> None:
    guest(house).calls(CLARAS_FRENCH_NUMBER).hears("extension-unavailable", language="fr").is_refused()
    house.daemon.state.remember_language("lighthouse", GUEST, "en", house.daemon.house.now())
    guest(house).calls(CLARAS_FRENCH_NUMBER).hears("extension-unavailable", language="en").is_refused()


def test_a_language_the_tenant_has_given_up_is_spoken_no_more(house: RehearsalHouse) -> None:
    house.daemon.state.remember_language("lighthouse", GUEST, "fr", house.daemon.house.now())
    guest(house).calls(CLARAS_NUMBER).hears("extension-unavailable", language="en").is_refused("NO_USER_RESPONSE")


def test_an_extension_without_a_telephone_is_told_at_once(house: RehearsalHouse) -> None:
    guest(house).calls(CLARAS_NUMBER).hears("extension-unavailable").is_refused("NO_USER_RESPONSE")


# -- mobiles -----------------------------------------------------------------------------------------------------------


def test_a_mobile_rings_along_and_takes_the_call_with_one(house: RehearsalHouse) -> None:
    ina, mobile = telephone(house, INA).rings_on(), telephone(house, INAS_MOBILE, "1")
    caller = desk(house, CLARA).calls("35")
    mobile.is_called(by=OUR_NUMBER).hears("take-call", language="en").talks()
    ina.stops_ringing("LOSE_RACE")
    caller.is_answered().hangs_up()


def test_a_mobile_is_shown_the_caller_and_who_sent_the_call_on(house: RehearsalHouse) -> None:
    mobile, other = telephone(house, JOS_MOBILE, "1"), telephone(house, JOS_OTHER).rings_on()
    caller = guest(house).calls(JOS_NUMBER)
    mobile.is_called(by=GUEST).talks(GUEST)
    other.stops_ringing("LOSE_RACE")
    assert diversion_of(mobile) == f"<sip:{JOS_NUMBER}@lighthouse.example>;reason=no-answer;counter=1"
    caller.hangs_up()


def test_each_time_a_mobile_sends_a_call_back_its_diversions_are_one_more(house: RehearsalHouse) -> None:
    """Or else nobody would ever count them, and the call would go round until all lines are in use."""
    mobile = telephone(house, JOS_MOBILE).rings_on()
    sent_back = {"Diversion": f"<sip:{JOS_NUMBER}@lighthouse.example>;reason=no-answer;counter=2"}
    caller = house.switch.phone(GUEST, headers=sent_back).calls(JOS_NUMBER)
    mobile.is_called()
    assert diversion_of(mobile) == f"<sip:{JOS_NUMBER}@lighthouse.example>;reason=no-answer;counter=3"
    caller.hangs_up()


def test_the_mailbox_of_a_mobile_does_not_steal_the_call(house: RehearsalHouse) -> None:
    ina, mobile = telephone(house, INA).rings_on(), telephone(house, INAS_MOBILE)
    caller = desk(house, CLARA).calls("35")
    mobile.is_called().never_presses_again().hears("take-call").hears("take-call").hears("take-call")
    mobile.is_hung_up("NORMAL_CLEARING")
    ina.is_called()
    ina.answers_now().talks("33")
    caller.hangs_up()


def test_a_mobile_declines_with_nine_and_the_telephones_ring_on(house: RehearsalHouse) -> None:
    ina, mobile = telephone(house, INA).rings_on(), telephone(house, INAS_MOBILE, "9")
    caller = desk(house, CLARA).calls("35")
    mobile.is_called().hears("take-call").is_hung_up("NORMAL_CLEARING")
    ina.is_called()
    ina.answers_now().talks("33")
    caller.hangs_up()


@pytest.mark.parametrize("hangs_up", [True, False])
def test_a_mobile_that_declines_leaves_the_call_to_the_rule_for_no_answer(
    house: RehearsalHouse, hangs_up: bool
) -> None:
    max_, mobile = telephone(house, MAX), telephone(house, MONAS_MOBILE, *([] if hangs_up else ["9"]))
    caller = desk(house, CLARA).calls("48")
    mobile.is_called().hears("take-call")
    if hangs_up:
        mobile.hangs_up()
    max_.is_called(by="33").talks("33")
    caller.hangs_up()


def test_mobiles_do_not_ring_when_the_tenants_lines_are_in_use(house: RehearsalHouse) -> None:
    jo, mobile = telephone(house, JO).rings_on(), telephone(house, JOS_MOBILE)
    away = telephone(house, OUTSIDE)
    talking = desk(house, CLARA).calls("030 9988 7766".replace(" ", ""))
    away.talks()
    caller = guest(house).calls(JOS_NUMBER)
    jo.is_called()
    assert mobile.times_called == 0
    caller.hangs_up()
    talking.hangs_up()


# -- forwarding --------------------------------------------------------------------------------------------------------


def test_a_call_is_sent_on_to_a_colleague_who_sees_by_whom(house: RehearsalHouse) -> None:
    max_ = telephone(house, MAX)
    caller = desk(house, CLARA).calls("37")
    max_.is_called(by="33").talks("33")
    assert diversion_of(max_) == "<sip:37@lighthouse.example>;reason=unconditional;counter=1"
    caller.hangs_up()


def test_a_call_is_sent_on_to_a_number_outside(house: RehearsalHouse) -> None:
    away = telephone(house, OUTSIDE)
    caller = desk(house, CLARA).calls("38")
    away.is_called(by=OUR_NUMBER).talks()
    assert diversion_of(away) == f"<sip:{OUR_NUMBER}@lighthouse.example>;reason=unconditional;counter=1"
    caller.hangs_up()


def test_who_declines_a_call_that_was_sent_on_has_declined_it(house: RehearsalHouse) -> None:
    """FreeSWITCH still knows what the telephones before said, and they said something else."""
    telephone(house, "47@lighthouse.example").rings_out()
    telephone(house, MAX).rejects()
    desk(house, CLARA).calls("47").is_refused("USER_BUSY").hears_nothing_else()


def test_a_circle_of_forwards_ends_with_an_announcement(house: RehearsalHouse) -> None:
    phones = [telephone(house, f"{number}@lighthouse.example").rings_out() for number in (41, 42, 43)]
    desk(house, CLARA).calls("41").hears("forwarded-too-often").is_refused("EXCHANGE_ROUTING_ERROR")
    assert [phone.times_called for phone in phones] == [1, 1, 1]


def test_what_became_of_the_call_before_does_not_count_for_the_next_extension(house: RehearsalHouse) -> None:
    telephone(house, "41@lighthouse.example").rings_out()
    telephone(house, "42@lighthouse.example").busy()
    max_ = telephone(house, MAX)
    caller = desk(house, CLARA).calls("41")
    max_.is_called().talks()
    assert diversion_of(max_) == "<sip:42@lighthouse.example>;reason=user-busy;counter=2"
    caller.hangs_up()


def test_an_anonymous_call_is_not_put_through_where_the_block_profile_says_so(house: RehearsalHouse) -> None:
    jo = telephone(house, JO)
    guest(house, withheld=True).calls(JOS_NUMBER).hears("not-accepted").is_refused("CALL_REJECTED")
    assert jo.times_called == 0


# -- an extension calls outside ----------------------------------------------------------------------------------------


def test_an_extension_calls_outside_with_the_tenants_number(house: RehearsalHouse) -> None:
    away = telephone(house, OUTSIDE)
    caller = desk(house, CLARA).calls("03099887766")
    away.is_called(by=OUR_NUMBER).talks()
    caller.is_answered().talks(OUTSIDE).hangs_up()
    away.is_hung_up()


def test_an_extension_reaches_a_service_of_ours_without_the_carrier(house: RehearsalHouse) -> None:
    desk(house, CLARA).calls("03023140001").hears("joining").joins("lighthouse.lamp").hangs_up()


def test_the_network_is_heard_before_anybody_answers(house: RehearsalHouse) -> None:
    away = telephone(house, OUTSIDE).announces()
    caller = desk(house, CLARA).calls("03099887766")
    away.is_called()
    until(lambda: caller.session is not None and caller.session.channel.early)
    away.answers_now()
    caller.is_answered().talks(OUTSIDE).hangs_up()


@pytest.mark.parametrize(
    ("extension", "dialled", "prompt", "cause"),
    [
        (CLARA, "09001234567", "number-refused", "CALL_REJECTED"),
        (CLARA, "090012345678", "number-refused", "CALL_REJECTED"),  # the same with one key more
        (CLARA, "011833", "number-refused", "CALL_REJECTED"),
        (CLARA, "00881612345678", "number-refused", "CALL_REJECTED"),
        (CLARA, "03012345699", "number-unknown", "UNALLOCATED_NUMBER"),
        (CLARA, "99", "number-unknown", "UNALLOCATED_NUMBER"),
        (JO, "00442071838750", "number-refused", "OUTGOING_CALL_BARRED"),
        (JO, "0306661234", "number-refused", "OUTGOING_CALL_BARRED"),
    ],
)
def test_what_cannot_be_called_is_said(
    house: RehearsalHouse, extension: str, dialled: str, prompt: str, cause: str
) -> None:
    desk(house, extension).calls(dialled).hears(prompt, language="en").is_refused(cause)


def test_a_busy_number_is_busy(house: RehearsalHouse) -> None:
    telephone(house, OUTSIDE).busy()
    desk(house, CLARA).calls("03099887766").is_refused("USER_BUSY").hears_nothing_else()


def test_more_calls_than_the_tenant_has_lines_are_refused_and_counted_again_when_one_ends(
    house: RehearsalHouse,
) -> None:
    first, second = telephone(house, OUTSIDE), telephone(house, "+493099887755")
    one, two = desk(house, CLARA).calls("03099887766"), desk(house, MAX).calls("03099887755")
    first.talks()
    second.talks()
    desk(house, INA).calls("03099887744").hears("lines-busy").is_refused("NORMAL_CIRCUIT_CONGESTION")
    one.hangs_up()
    first.is_hung_up()
    house.daemon.lines.look(begun=0.0)
    third = telephone(house, "+493099887744")
    again = desk(house, INA).calls("03099887744")
    third.talks()
    again.hangs_up()
    two.hangs_up()


def test_a_block_profile_counts_for_numbers_of_other_tenants_of_this_installation(house: RehearsalHouse) -> None:
    """What is not called through the carrier is not called past it."""
    rita = telephone(house, "33@reef.example")
    desk(house, JO).calls("03023150033").hears("number-refused").is_refused("OUTGOING_CALL_BARRED")
    assert rita.times_called == 0
    caller = desk(house, CLARA).calls("03023150033")
    rita.is_called(by=OUR_NUMBER).talks()
    caller.hangs_up()


@pytest.mark.parametrize("dialled", ["112#", "1-1-2"])
def test_an_emergency_call_is_made_however_a_telephone_writes_the_number(house: RehearsalHouse, dialled: str) -> None:
    help_ = telephone(house, "112")
    caller = desk(house, JO).calls(dialled)
    help_.is_called(by=OUR_NUMBER).talks()
    caller.hangs_up()


def test_an_emergency_call_shows_the_number_also_from_a_telephone_that_withholds_it(house: RehearsalHouse) -> None:
    help_ = telephone(house, "112")
    caller = private_desk(house, JO).calls("112")
    help_.is_called(by=OUR_NUMBER).talks()
    assert help_.session is not None
    assert help_.session.channel.variables.get("origination_privacy") == "screen"
    caller.hangs_up()


def test_an_emergency_call_passes_every_limit_and_every_profile(house: RehearsalHouse) -> None:
    first, second, help_ = (telephone(house, number) for number in (OUTSIDE, "+493099887755", "112"))
    desk(house, CLARA).calls("03099887766")
    desk(house, MAX).calls("03099887755")
    first.talks()
    second.talks()
    caller = desk(house, JO).calls("112")
    help_.is_called(by=OUR_NUMBER).talks()
    caller.hangs_up()


# -- intercom ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialled", ["*8044", "*80"])
def test_the_loudspeaker_of_a_colleague_who_allows_it_opens(house: RehearsalHouse, dialled: str) -> None:
    loud = telephone(house, "44@lighthouse.example")
    caller = desk(house, CLARA).calls(dialled)
    if dialled == "*80":
        caller.hears("enter-target").presses("44#")
    loud.is_called(by="33").talks("33")
    assert loud.session is not None
    assert loud.session.channel.variables.get("sip_auto_answer") == "true"
    caller.is_answered().hangs_up()


@pytest.mark.parametrize(
    ("dialled", "prompt"),
    [
        ("*8034", "intercom-refused"),
        ("*8045", "extension-undisturbed"),
        ("*8033", "target-itself"),
        ("*8099", "target-unknown-extension"),
    ],
)
def test_an_intercom_that_is_not_wanted_is_refused(house: RehearsalHouse, dialled: str, prompt: str) -> None:
    others = [telephone(house, MAX), telephone(house, "45@lighthouse.example"), telephone(house, CLARA)]
    desk(house, CLARA).calls(dialled).hears(prompt, language="en").is_refused("CALL_REJECTED")
    assert [other.times_called for other in others] == [0, 0, 0]


@pytest.mark.parametrize("extension", ["44", "46"])  # without call waiting, and with it
def test_an_intercom_does_not_break_into_a_talk(house: RehearsalHouse, extension: str) -> None:
    telephone(house, MAX)
    loud = telephone(house, f"{extension}@lighthouse.example")
    talking = desk(house, f"{extension}@lighthouse.example").calls("34").talks("34")
    desk(house, CLARA).calls(f"*80{extension}").is_refused("USER_BUSY")
    assert loud.times_called == 0
    talking.hangs_up()


def test_an_intercom_without_a_telephone_is_told(house: RehearsalHouse) -> None:
    desk(house, CLARA).calls("*8044").hears("extension-unavailable").is_refused("NO_USER_RESPONSE")


# -- daemons die -------------------------------------------------------------------------------------------------------


def test_the_talk_goes_on_without_the_daemon(house: RehearsalHouse) -> None:
    """Its socket is closed, and nothing of ours stands between the two."""
    clara = telephone(house, CLARA)
    caller = guest(house).calls(CLARAS_NUMBER)
    clara.talks()
    until(lambda: house.daemon.calls.live == 0)
    assert house.switch.live_calls == 2
    caller.hangs_up()
    clara.is_hung_up("NORMAL_CLEARING")
    until(lambda: house.switch.live_calls == 0)
