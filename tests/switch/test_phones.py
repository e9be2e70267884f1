"""The phones themselves, on a FreeSWITCH that does nothing but what ``laboratory/freeswitch.xml`` says."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.switch.conftest import Phones
from tests.switch.handset import PhoneDied
from tests.switch.odd_caller import OddCall
from tests.switch.phones import Phone, Switch

pytestmark = pytest.mark.freeswitch


@pytest.fixture()
def phone(make_phones: Callable[[Switch], Phones], laboratory: Switch) -> Phones:
    """Phones on the laboratory."""
    return make_phones(laboratory)


def test_a_caller_hears_the_own_voice_through_an_echo(phone: Phones) -> None:
    """What a phone says arrives at FreeSWITCH, and what FreeSWITCH says arrives at the phone."""
    caller, stranger = phone("caller"), phone("stranger")
    caller.calls("echo").is_answered().hears_tone_of(caller).does_not_hear(stranger)


def test_two_in_a_room_hear_each_other_and_a_third_outside_does_not(phone: Phones) -> None:
    """Who hears whom is told by the tone each phone speaks."""
    anna, ben, carl = phone("Anna"), phone("Ben"), phone("Carl")
    anna.calls("moderator-acme.board").joins("acme.board", moderator=True)
    ben.calls("room-acme.board").joins("acme.board")
    carl.calls("room-acme.sales").joins("acme.sales")
    anna.hears_tone_of(ben)
    ben.hears_tone_of(anna)
    carl.does_not_hear(anna).does_not_hear(ben)
    anna.does_not_hear(carl)


@pytest.mark.parametrize("language", ["de", "en", "fr"])
def test_a_prompt_is_recognised_with_its_language(phone: Phones, language: str) -> None:
    """A caller knows what was said, and that the line went dead after it."""
    phone().calls(f"prompt-{language}/goodbye").hears("goodbye", language=language).is_hung_up("NORMAL_CLEARING")


def test_a_prompt_before_the_answer_is_heard_and_the_call_still_counts_as_refused(phone: Phones) -> None:
    """Early media: FreeSWITCH may speak without answering."""
    phone().calls("early-en/goodbye").hears("goodbye", language="en").is_refused("CALL_REJECTED")


def test_the_wrong_prompt_fails_with_the_dialogue(phone: Phones) -> None:
    """Who reads the failure sees what was heard instead."""
    caller = phone("caller").calls("prompt-de/goodbye")
    with pytest.raises(
        AssertionError, match=r"(?s)calls prompt-de/goodbye.*hears de/goodbye at.*should have: hear welcome"
    ):
        caller.hears("welcome", language="de")


def test_a_prompt_nobody_asked_for_is_not_passed_over(phone: Phones) -> None:
    """A call that ends with an unexpected announcement does not pass as hung up."""
    with pytest.raises(AssertionError, match="goodbye"):
        phone().calls("prompt-de/goodbye").is_answered().is_hung_up()


@pytest.mark.parametrize("by", ["rfc2833", "info"])
def test_keys_arrive(phone: Phones, laboratory: Switch, by: str) -> None:
    """Keys arrive as telephone events and as SIP INFO, each of them once."""
    caller = (
        phone().calls("keys-de/goodbye!de/enter-pin").hears("goodbye").hears("enter-pin").presses("90*71155#", by=by)
    )
    uuid = caller.uuid
    caller.hears_silence(0.5)
    assert laboratory.events.variable(uuid, "lab_keys") == "90*71155"


def test_a_key_pressed_into_a_prompt_ends_it(phone: Phones, laboratory: Switch) -> None:
    """Barge-in: the caller need not hear the prompt to its end, and the rest is not counted as heard."""
    caller = (
        phone()
        .calls("keys-en/goodbye!en/enter-pin")
        .hears("goodbye", language="en")
        .begins_to_hear("enter-pin", language="en")
    )
    uuid = caller.presses("1#").hears_silence(0.5).uuid
    assert laboratory.events.variable(uuid, "lab_keys") == "1"
    assert "enter-pin (cut short)" in caller.dialogue


@pytest.mark.parametrize("cause", ["CALL_REJECTED", "USER_BUSY", "NORMAL_TEMPORARY_FAILURE", "UNALLOCATED_NUMBER"])
def test_a_refused_caller_knows_the_cause(phone: Phones, cause: str) -> None:
    """Never answered, and told why."""
    phone().calls(f"refuse-{cause}").is_refused(cause)


def test_music_on_hold_is_music_and_a_prompt_is_not(phone: Phones) -> None:
    """Any sound will not do."""
    phone().calls("music").hears_music()
    with pytest.raises(AssertionError, match="hear music within 2 s"):
        phone().calls("echo").is_answered().hears_music(within=2)


def test_a_hostile_display_name_and_headers_arrive_unchanged(phone: Phones, laboratory: Switch) -> None:
    """What a stranger writes into the INVITE reaches FreeSWITCH as written."""
    name = "x%0ACaller-Caller-ID-Number: +491712345678"
    headers = {"X-Note": "a%0AUnique-ID: b", "P-Asserted-Identity": "<sip:+49301@127.0.0.1>", "Privacy": "id"}
    caller = phone().calls("wait", from_="+4989", name=name, headers=headers).is_answered()
    uuid = caller.uuid
    told = {
        key: laboratory.events.variable(uuid, key)
        for key in ("sip_from_display", "sip_from_user", "sip_h_X-Note", "sip_Privacy")
    }
    assert told == {
        "sip_from_display": name,
        "sip_from_user": "+4989",
        "sip_h_X-Note": "a%0AUnique-ID: b",
        "sip_Privacy": "id",
    }


def test_latin_1_bytes_and_60_kb_headers_arrive_too(laboratory: Switch) -> None:
    """For what no SIP library would send there is a caller made of bytes."""
    odd = [b"X-Latin: J\xfcrgen", b"X-Long: " + 60_000 * b"a"]
    with OddCall(laboratory.trunk, "wait", from_=b'"J\xfcrgen" <sip:+4989@127.0.0.1>', headers=odd) as call:
        assert call.answer().code == 200
        uuid = laboratory.events.channel_of(call.call_id)
        assert laboratory.events.variable(uuid, "sip_h_X-Latin") == "J\udcfcrgen"
        assert laboratory.events.variable(uuid, "sip_h_X-Long") == 60_000 * "a"


def test_a_caller_made_of_bytes_is_told_why_it_is_refused(laboratory: Switch) -> None:
    """The odd caller understands a refusal."""
    with OddCall(laboratory.trunk, "refuse-CALL_REJECTED") as call:
        assert call.answer().cause == "CALL_REJECTED"


def test_an_extension_registers_calls_and_is_called(phone: Phones) -> None:
    """Digest authentication, and a phone that rings."""
    clara, max_ = phone("Clara"), phone("Max")
    clara.registers("33", "acme.example", "lab-33")
    max_.registers("34", "acme.example", "lab-34").calls("33")
    clara.rings().answers().hears_tone_of(max_)
    max_.is_answered().hears_tone_of(clara).hangs_up()
    clara.is_hung_up("NORMAL_CLEARING")


def test_a_wrong_password_does_not_register(phone: Phones) -> None:
    """The registrar's refusal is an expected outcome."""
    phone().registers("33", "acme.example", "wrong", code=403)


def test_one_phone_can_call_again(phone: Phones) -> None:
    """Each call has its own recording and its own dialogue to assert."""
    caller: Phone = phone()
    caller.calls("prompt-de/goodbye").hears("goodbye").is_hung_up()
    caller.calls("prompt-en/goodbye").hears("goodbye", language="en").is_hung_up()


def test_a_phone_that_dies_is_an_error_with_its_last_words(phone: Phones) -> None:
    """A crash in the SIP stack is told as what it is, not as a fault of the switch."""
    caller = phone("Anna").calls("echo").is_answered()
    os.kill(caller.pid, signal.SIGSEGV)
    with pytest.raises(PhoneDied, match="the process of Anna ended with -11"):
        caller.hears("welcome")
