"""Whom we call, and what FreeSWITCH is told: nothing typed or registered is taken for syntax."""

from __future__ import annotations

import re
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.errors import UnsafeText
from callcontrol.outgoing import (
    MOST_TELEPHONES,
    Callee,
    Conference,
    Extension,
    Refusal,
    Ringing,
    bridge,
    callee,
    line,
    originate,
    shown,
    telephones,
)
from tests.tenant_files import tenant

RULES = """
domain: acme.example
trunk: carrier
caller_id: "+49 30 8630"
extensions:
  "33": {name: Clara, password: "k7Tz-pq9L-acme"}
"""
ACME = tenant(RULES)
BARE = tenant("languages: [en]\n")
CALL = "0b9a3c52-63a1-4f0e-9d53-0d6f2a5c1e77"
OTHER = "5d0e7b7e-58b5-4bb7-8d1b-1f3f0f8f6a10"
DESK = "sofia/extensions/sip:33@10.0.0.7:5060"
ASIDE = Conference("acme.board.aside", "room")
# Everything FreeSWITCH could take for something else, and what people really type and register.
HOSTILE = st.text(alphabet="0123456789+*#{}[]<>()|,;:=@^~%$`'\"\\/&! \n\r\0abcé", max_size=40)
WHO = st.builds(Callee, st.text("0123456789+,@", max_size=8), domain=HOSTILE, trunk=HOSTILE)


@pytest.mark.parametrize(
    ("digits", "who"),
    [
        ("33", Callee("33", domain="acme.example")),
        ("03086399", Callee("+493086399", trunk="carrier")),
        ("004930863990", Callee("+4930863990", trunk="carrier")),
        ("00442071838750", Callee("+442071838750", trunk="carrier")),
        ("08001234567", Callee("+498001234567", trunk="carrier")),
    ],
)
def test_extensions_and_numbers_are_called(digits: str, who: Callee) -> None:
    assert callee(digits, ACME) == who


@pytest.mark.parametrize(
    ("digits", "reason"),
    [
        ("112", Refusal.EMERGENCY),
        ("09001234567", Refusal.COSTLY),
        ("01806123456", Refusal.COSTLY),
        ("00881612345678", Refusal.COSTLY),
        ("00882123456789", Refusal.COSTLY),
        ("00979123456789", Refusal.COSTLY),
        ("115", Refusal.NOT_A_NUMBER),
        ("34", Refusal.NOT_A_NUMBER),
        ("", Refusal.NOT_A_NUMBER),
        ("*33", Refusal.NOT_A_NUMBER),
        ("99999999999999999999", Refusal.NOT_A_NUMBER),
    ],
)
def test_what_is_dear_dangerous_or_no_number_is_refused(digits: str, reason: Refusal) -> None:
    assert callee(digits, ACME) == reason


def test_without_a_trunk_nobody_outside_is_called_and_without_a_domain_no_extension() -> None:
    assert callee("03086399", BARE) == Refusal.NO_TRUNK
    assert callee("33", tenant("languages: [en]\n")) == Refusal.NOT_A_NUMBER


def test_the_command_names_each_telephone_the_number_shown_and_the_side_room() -> None:
    said = shown(Callee("33", domain="acme.example"), ACME, "acme.board") | {"cc_language": "fr"}
    second = "sofia/extensions/sip:33@10.0.0.8:5060;transport=tcp;fs_path=sip%3A33%4010.0.0.1"
    command = originate({CALL: DESK, OTHER: second}, said, ASIDE, 35.0)
    assert command == (
        "originate {ignore_early_media=true,originate_timeout=35,origination_caller_id_number=+49308630,"
        "origination_caller_id_name=acme.board,presence_id=33@acme.example,outbound_redirect_fatal=true,cc_language=fr}"
        f"[origination_uuid={CALL}]{DESK},[origination_uuid={OTHER}]{second} &conference(acme.board.aside@room)"
    )


def test_somebody_outside_sees_the_tenant_and_a_tenant_without_number_is_anonymous() -> None:
    who = Callee("+493086399", trunk="carrier")
    assert line(who) == "sofia/gateway/carrier/+493086399"
    command = originate({CALL: line(who)}, shown(who, BARE, "acme.board"), ASIDE, 3.0)
    assert "origination_caller_id_number=anonymous,origination_caller_id_name=acme}" in command
    assert "originate_timeout=3," in command


def test_who_answers_may_go_on_in_the_dialplan() -> None:
    command = originate({CALL: DESK}, {"cc_round": "acme.board@2026-12-01T10:00:00+01:00"}, Extension("back", "cc"))
    assert ",cc_round=acme.board@2026-12-01T10:00:00+01:00}" in command
    assert command.endswith(f"[origination_uuid={CALL}]{DESK} back XML cc")


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (DESK, (DESK,)),
        (f"{DESK},sofia/extensions/sip:33@10.0.0.8:5062;ob", (DESK, "sofia/extensions/sip:33@10.0.0.8:5062;ob")),
        (f"{DESK},{DESK}", (DESK,)),
        ("error/user_not_registered", ()),
        ("", ()),
        ("sofia/extensions/sip:33@10.0.0.7|sofia/gateway/carrier/+4990012345", ()),
        ("sofia/extensions/sip:33@10.0.0.7,sofia/gateway/carrier/+4990012345", ("sofia/extensions/sip:33@10.0.0.7",)),
        ("sofia/extensions/sip:33@10.0.0.7,[execute_on_answer=x]", ("sofia/extensions/sip:33@10.0.0.7",)),
        ("sofia/extensions/sip:33@10.0.0.7;x=^sip:evil@10.0.0.9", ()),
        ("sofia/extensions/sip:33@10.0.0.7 &hangup()", ()),
        ("sofia/extensions/sip:33@10.0.0.7:_:sofia/gateway/carrier/+4990012345", ()),
        ("sofia/extensions/sip:${system(id)}@10.0.0.7", ()),
        ("loopback/112/trunk", ()),
    ],
)
def test_only_plain_registrations_ring(answer: str, found: tuple[str, ...]) -> None:
    assert telephones(answer) == found


def test_no_more_telephones_ring_than_may_register() -> None:
    many = ",".join(f"sofia/extensions/sip:33@10.0.0.7:{5000 + n}" for n in range(50))
    assert len(telephones(many)) == MOST_TELEPHONES


@given(HOSTILE)
def test_whatever_is_typed_is_refused_or_becomes_a_plain_endpoint(digits: str) -> None:
    who = callee(digits, ACME)
    if isinstance(who, Callee):
        assert re.fullmatch(r"\+?[0-9]{2,15}", who.number)
        assert who.domain or re.fullmatch(r"sofia/gateway/carrier/\+[0-9]{5,15}", line(who))


@given(HOSTILE, HOSTILE)
def test_whatever_a_telephone_registers_no_telephone_holds_syntax(contact: str, more: str) -> None:
    for endpoint in telephones(f"{DESK}{contact},sofia/extensions/sip:{more}@10.0.0.7{contact}"):
        assert endpoint.startswith("sofia/extensions/sip:")
        assert not set(endpoint) & set("{}[]<>()|,^$`'\"\\ \n\r\0!&")
        assert "/" not in endpoint.removeprefix("sofia/extensions/")


@given(WHO, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_value_of_a_command_can_be_anything_but_itself(
    who: Callee, call: str, aside: str, language: str, number: str, name: str
) -> None:
    """Even values the tenant loader and the registry would never let through."""
    hostile = ACME.model_copy(update={"caller_id": number or None, "id": name, "trunk": who.trunk})
    try:
        said = shown(who, hostile, aside) | {"cc_language": language}
        command = originate({call: line(who) if who.trunk else DESK}, said, Conference(aside, "room"))
    except UnsafeText:
        return
    words = command.split(" ")
    assert len(words) == 3
    shape = re.fullmatch(r"\{([^][{}]*)\}\[origination_uuid=([^][{},=]*)\]([^][{},|]*)", words[1])
    assert shape is not None
    assert re.fullmatch(r"&conference\([A-Za-z0-9_.-]+@room\)", words[2])
    assert [pair.count("=") for pair in shape[1].split(",")] == [1] * (6 if who.domain else 5)


@given(st.dictionaries(HOSTILE, st.just(DESK), min_size=1, max_size=3))
def test_no_uuid_can_be_anything_but_one(legs: dict[str, str]) -> None:
    try:
        command = originate(legs, {"cc_language": "en"}, ASIDE)
    except UnsafeText:
        return
    assert set(chain.from_iterable(legs)) <= set("0123456789abcdefghijklmnopqrstuvwxyz.-_")
    assert command.count("[") == len(legs)


@given(HOSTILE, HOSTILE)
def test_no_place_in_the_dialplan_can_be_anything_but_itself(name: str, context: str) -> None:
    try:
        command = originate({CALL: DESK}, {}, Extension(name, context))
    except UnsafeText:
        return
    assert re.fullmatch(r"originate \S+ [A-Za-z0-9_.-]+ XML [A-Za-z0-9_.-]+", command)


# -- bridge ------------------------------------------------------------------------------------------------------------

ACCEPT = "/usr/share/callcontrol/prompts/de/take-call.wav"
DIVERSION = "<sip:+4930863033@acme.example>;reason=no-answer;counter=1"
MOBILE = "sofia/gateway/carrier/+491712345678"


def test_all_telephones_ring_together_each_for_its_time_and_a_mobile_asks_for_a_key() -> None:
    desk = Ringing(DESK, 20, {"presence_id": "33@acme.example"})
    mobile = Ringing(MOBILE, 20, {"origination_uuid": CALL}, accept=ACCEPT, diversion=DIVERSION)
    dial, seconds = bridge([desk, mobile])
    assert seconds == 32.0
    assert dial == (
        "{ignore_early_media=true,outbound_redirect_fatal=true,originate_timeout=32}"
        f"[leg_timeout=20,presence_id=33@acme.example]{DESK},"
        f"[leg_timeout=20,origination_uuid={CALL},group_confirm_key=exec,"
        f"group_confirm_file=execute_extension take-call XML callcontrol,cc_question={ACCEPT},"
        f"group_confirm_timeout=32,sip_h_Diversion={DIVERSION}]{MOBILE}"
    )


def test_the_network_is_heard_only_where_one_telephone_rings() -> None:
    dial, seconds = bridge([Ringing(MOBILE, 60)], early_media=True)
    assert "ignore_early_media" not in dial
    assert seconds > 600  # an announcement may be long
    assert "ignore_early_media=true" in bridge([Ringing(MOBILE, 60), Ringing(DESK, 60)], early_media=True)[0]


@given(HOSTILE, HOSTILE, HOSTILE)
def test_nothing_hostile_becomes_part_of_what_bridge_is_told(value: str, file: str, diversion: str) -> None:
    try:
        dial, _ = bridge([Ringing(MOBILE, 20, {"presence_id": value}, accept=file, diversion=diversion)])
    except UnsafeText:
        return
    assert dial.startswith("{")
    assert dial.endswith(f"]{MOBILE}")
    assert dial.count("[") == dial.count("{") == dial.count("}") == 1
    assert not set("$|'\\\n\r\0`") & set(dial)
