"""The phones themselves, on a FreeSWITCH that does nothing but what ``laboratory/freeswitch.xml`` says."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.switch.conftest import Phones
from tests.switch.handset import PhoneDied
from tests.switch.odd_caller import OddCall
from tests.switch.phones import Switch

pytestmark = pytest.mark.freeswitch


@pytest.fixture
def phones(make_phones: Callable[[Switch], Phones], laboratory: Switch) -> Phones:
    """Here phones call the laboratory, not callcontrol."""
    return make_phones(laboratory)


def test_a_caller_hears_the_own_voice_through_an_echo(phones: Phones) -> None:
    """What a phone says arrives at FreeSWITCH, and what FreeSWITCH says arrives at the phone."""
    caller, stranger = phones(), phones()
    caller.calls("echo").is_answered().hears_tone_of(caller).does_not_hear(stranger)


def test_two_in_a_room_hear_each_other_and_a_third_outside_does_not(phones: Phones) -> None:
    """Who hears whom is told by the tone each phone speaks."""
    anna, ben, carl = phones("Anna"), phones("Ben"), phones("Carl")
    anna.calls("moderator-acme.board").joins("acme.board", moderator=True)
    ben.calls("room-acme.board").joins("acme.board")
    carl.calls("room-acme.sales").joins("acme.sales")
    anna.hears_tone_of(ben)
    ben.hears_tone_of(anna)
    carl.does_not_hear(anna).does_not_hear(ben)
    anna.does_not_hear(carl)
    with pytest.raises(AssertionError, match="should have: not hear Ben"):
        anna.does_not_hear(ben)
    with pytest.raises(AssertionError, match=r"join acme\.board as moderator within 1 s"):
        ben.joins("acme.board", moderator=True, within=1)


@pytest.mark.parametrize("language", ["de", "en", "fr"])
def test_a_prompt_is_recognised_with_its_language(phones: Phones, language: str) -> None:
    """A caller knows what was said, and that the line went dead after it."""
    phones().calls(f"prompt-{language}/goodbye").hears("goodbye", language=language).is_hung_up("NORMAL_CLEARING")


def test_a_prompt_before_the_answer_is_heard_and_the_call_still_counts_as_refused(phones: Phones) -> None:
    """Early media: FreeSWITCH may speak without answering."""
    phones().calls("early-en/goodbye").hears("goodbye", language="en").is_refused("CALL_REJECTED")


def test_the_wrong_prompt_fails_with_the_dialogue(phones: Phones) -> None:
    """Who reads the failure sees what was heard instead."""
    caller = phones("Anna").calls("prompt-de/goodbye")
    with pytest.raises(AssertionError, match=r"(?s)Anna.*calls prompt.*hears de/goodbye\n.*should have: hear welcome"):
        caller.hears("welcome", language="de")


def test_a_prompt_nobody_asked_for_can_be_told(phones: Phones) -> None:
    """An announcement that was skipped is not forgotten."""
    caller = phones().calls("keys-de/goodbye!de/enter-pin").hears("enter-pin")
    with pytest.raises(AssertionError, match="also heard de/goodbye"):
        caller.hears_nothing_else()
    phones().calls("prompt-de/goodbye").hears("goodbye").is_hung_up().hears_nothing_else()


@pytest.mark.parametrize("by", ["rfc2833", "info"])
def test_keys_arrive(phones: Phones, laboratory: Switch, by: str) -> None:
    """Keys arrive as telephone events and as SIP INFO, each of them once."""
    caller = (
        phones().calls("keys-de/goodbye!de/enter-pin").hears("goodbye").hears("enter-pin").presses("90*71155#", by=by)
    )
    uuid = caller.uuid
    caller.hears_silence(0.5)
    assert laboratory.events.variable(uuid, "lab_keys") == "90*71155"


def test_a_key_pressed_into_a_prompt_ends_it(phones: Phones, laboratory: Switch) -> None:
    """Barge-in: the caller need not hear the prompt to its end, and the rest is not counted as heard."""
    caller = (
        phones()
        .calls("keys-en/goodbye!en/enter-pin")
        .hears("goodbye", language="en")
        .begins_to_hear("enter-pin", language="en")
    )
    uuid = caller.presses("1#").hears_silence(0.5).uuid
    assert laboratory.events.variable(uuid, "lab_keys") == "1"
    assert "enter-pin (cut short)" in caller.dialogue


@pytest.mark.parametrize("cause", ["CALL_REJECTED", "USER_BUSY", "NORMAL_TEMPORARY_FAILURE", "UNALLOCATED_NUMBER"])
def test_a_refused_caller_knows_the_cause(phones: Phones, cause: str) -> None:
    """Never answered, and told why."""
    phones().calls(f"refuse-{cause}").is_refused(cause)


def test_music_on_hold_is_music_and_a_prompt_is_not(phones: Phones) -> None:
    """Any sound will not do."""
    phones().calls("music").hears_music()
    with pytest.raises(AssertionError, match="hear music within 2 s"):
        phones().calls("echo").is_answered().hears_music(within=2).hangs_up()


def test_music_ends_when_a_second_comes_and_a_member_can_be_put_out(phones: Phones, laboratory: Switch) -> None:
    """Alone in a room there is music; FreeSWITCH tells who is in and who is out."""
    anna, ben = phones("Anna"), phones("Ben")
    anna.calls("room-acme.lounge").joins("acme.lounge").hears_music()
    ben.calls("room-acme.lounge").joins("acme.lounge")
    anna.hears_no_music().hears_tone_of(ben)
    laboratory.events.api("conference acme.lounge kick last")
    ben.leaves("acme.lounge")
    anna.does_not_hear(ben).joins("acme.lounge")


def test_who_stays_silent_gives_the_next_prompt_more_time(phones: Phones) -> None:
    """The time callcontrol waits for a key is not held against the prompt behind it."""
    phones().calls("late-en/goodbye").stays_silent().hears("goodbye", within=0.1)


def test_a_hostile_display_name_and_headers_arrive_unchanged(phones: Phones, laboratory: Switch) -> None:
    """What a stranger writes into the INVITE reaches FreeSWITCH as written."""
    name = "x%0ACaller-Caller-ID-Number: +491712345678"
    headers = {"X-Note": "a%0AUnique-ID: b", "P-Asserted-Identity": "<sip:+49301@127.0.0.1>", "Privacy": "id"}
    caller = phones().calls("park", from_="+4989", name=name, headers=headers).is_answered()
    wanted = {
        "sip_from_display": name,
        "sip_from_user": "+4989",
        "sip_h_X-Note": headers["X-Note"],
        "sip_Privacy": "id",
    }
    assert wanted == {key: laboratory.events.variable(caller.uuid, key) for key in wanted}


def test_latin_1_bytes_and_60_kb_headers_arrive_too(laboratory: Switch) -> None:
    """For what no SIP library would send there is a caller made of bytes."""
    odd = [b"X-Latin: J\xfcrgen", b"X-Long: " + 60_000 * b"a"]
    with OddCall(laboratory.trunk, "park", from_=b'"J\xfcrgen" <sip:+4989@127.0.0.1>', headers=odd) as call:
        assert call.answer().code == 200
        uuid = laboratory.events.channel_of(call.call_id)
        assert laboratory.events.variable(uuid, "sip_h_X-Latin") == "J\udcfcrgen"
        assert laboratory.events.variable(uuid, "sip_h_X-Long") == 60_000 * "a"


def test_a_caller_made_of_bytes_is_told_why_it_is_refused(laboratory: Switch) -> None:
    """The odd caller understands a refusal."""
    with OddCall(laboratory.trunk, "refuse-CALL_REJECTED") as call:
        assert call.answer().cause == "CALL_REJECTED"


def test_an_extension_registers_calls_and_is_called(phones: Phones) -> None:
    """Digest authentication, and a phone that rings."""
    clara, max_ = phones(), phones()
    clara.registers("33", "acme.example", "lab-33")
    max_.registers("34", "acme.example", "lab-34").calls("33")
    clara.rings().answers().hears_tone_of(max_)
    max_.is_answered().hears_tone_of(clara).hangs_up()
    clara.is_hung_up("NORMAL_CLEARING")


def test_a_wrong_password_does_not_register(phones: Phones) -> None:
    """The registrar's refusal is an expected outcome."""
    phones().registers("33", "acme.example", "wrong", code=403)


def test_one_phone_can_call_again(phones: Phones) -> None:
    """Each call has its own recording and its own dialogue to assert."""
    caller = phones()
    caller.calls("prompt-de/goodbye").hears("goodbye").is_hung_up()
    caller.calls("prompt-en/goodbye").hears("goodbye", language="en").is_hung_up()


def test_a_phone_that_dies_is_an_error_with_its_last_words(phones: Phones) -> None:
    """A crash in the SIP stack is told as what it is, not as a fault of the switch."""
    caller = phones("Anna").calls("echo").is_answered()
    os.kill(caller.pid, signal.SIGSEGV)
    with pytest.raises(PhoneDied, match="the process of Anna ended with -11"):
        caller.hears("welcome")
