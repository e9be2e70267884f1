"""Who gets to which mailbox, on the rehearsal switch: it takes no messages, but tells who was let in where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.guessing import CALLER_LIMIT
from callcontrol.rehearsal.phone import Phone
from callcontrol.rehearse import RehearsalHouse, rehearsal_house

HOME = Path(__file__).parent.parent.parent
BERT, ALL, LOFT = "+493023140034", "+493023140099", "+493023140050"
LISTENS_33 = "voicemail:check default attic.example 33"
LISTENS_34 = "voicemail:check default attic.example 34"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[RehearsalHouse]:
    with rehearsal_house(Path(__file__).parent / "mailbox_tenants", HOME, tmp_path, {}) as house:
        yield house


def desk(house: RehearsalHouse, extension: str) -> Phone:
    return house.switch.phone(door="extensions", extension=f"{extension}@attic.example")


def variable(phone: Phone, name: str) -> str | None:
    assert phone.session is not None
    return phone.session.channel.variables.get(name)


def enters(phone: Phone, extension: str, pin: str) -> Phone:
    return phone.hears("mailbox-enter-extension").presses(f"{extension}#").hears("enter-pin").presses(f"{pin}#")


def test_a_call_nobody_can_take_ends_in_the_mailbox_in_the_callers_language(house: RehearsalHouse) -> None:
    caller = house.switch.phone("+4930555123").calls(BERT)
    caller.is_answered().hears("voicemail:default attic.example 34", language="en").is_hung_up("NORMAL_CLEARING")
    assert variable(caller, "voicemail_authorized") == "false"
    assert variable(caller, "socket_resume") == "false"


def test_whoever_withholds_the_number_is_nobody_in_the_message(house: RehearsalHouse) -> None:
    caller = house.switch.phone("+4930555123", "Petra Privat", withheld=True).calls(BERT)
    caller.hears("voicemail:default attic.example 34")
    assert variable(caller, "effective_caller_id_number") == "anonymous"
    assert variable(caller, "effective_caller_id_name") == "anonymous"


def test_the_own_telephone_needs_no_pin_and_opens_its_own_mailbox_only(house: RehearsalHouse) -> None:
    clara = desk(house, "33").calls("*791")
    clara.is_answered().hears(LISTENS_33).is_hung_up("NORMAL_CLEARING").hears_nothing_else()
    desk(house, "34").calls("*791").hears(LISTENS_34).hears_nothing_else()


def test_who_has_no_mailbox_is_told_so(house: RehearsalHouse) -> None:
    desk(house, "35").calls("*791").hears("target-no-voicemail").is_refused("UNALLOCATED_NUMBER")


def test_the_code_of_the_own_mailbox_is_nothing_from_outside(house: RehearsalHouse) -> None:
    house.switch.phone("+4930555123").calls("*791").hears("number-unknown").is_refused("UNALLOCATED_NUMBER")


def test_from_outside_extension_and_pin_open_a_mailbox(house: RehearsalHouse) -> None:
    enters(house.switch.phone("+4930555123").calls(ALL), "33", "90714").hears(LISTENS_33).is_hung_up("NORMAL_CLEARING")


@pytest.mark.parametrize(("extension", "pin"), [("33", "61825"), ("35", "90714"), ("99", "90714"), ("33", "9071")])
def test_what_was_wrong_is_not_told_and_the_third_try_is_the_last(
    house: RehearsalHouse, extension: str, pin: str
) -> None:
    caller = enters(house.switch.phone("+4930555123").calls(ALL), extension, pin)
    for _ in range(2):
        enters(caller.hears("mailbox-wrong"), extension, pin)
    caller.hears("goodbye").is_hung_up("NORMAL_CLEARING").hears_nothing_else()


def test_whoever_guesses_at_mailboxes_is_refused_even_with_the_right_pin(house: RehearsalHouse) -> None:
    for _ in range(CALLER_LIMIT // 3):
        caller = enters(house.switch.phone("+4930555999").calls(ALL), "33", "11111")
        for _ in range(2):
            enters(caller.hears("mailbox-wrong"), "33", "11111")
        caller.is_hung_up()
    house.switch.phone("+4930555999").calls(ALL).hears("not-accepted").is_refused("CALL_REJECTED")
    enters(house.switch.phone("+4930555123").calls(ALL), "33", "90714").hears(LISTENS_33)


def test_the_own_pin_in_between_does_not_let_anybody_guess_on(house: RehearsalHouse) -> None:
    """All mailboxes are behind one number: whoever owns one, or knows a room, could else try all PINs of the others."""
    for _ in range(CALLER_LIMIT // 2 - 1):
        caller = enters(house.switch.phone("+4930555999").calls(ALL), "33", "11111")
        enters(caller.hears("mailbox-wrong"), "33", "22222")
        enters(caller.hears("mailbox-wrong"), "36", "83371").is_hung_up()
        house.switch.phone("+4930555999").calls(LOFT).presses("4417#").joins("attic.loft").hangs_up()
    caller = enters(house.switch.phone("+4930555999").calls(ALL), "33", "33333")
    enters(caller.hears("mailbox-wrong"), "33", "44444").hears("goodbye").is_hung_up()
    house.switch.phone("+4930555999").calls(ALL).hears("not-accepted").is_refused("CALL_REJECTED")


def test_a_key_pressed_too_much_is_no_guess_at_the_next_question(house: RehearsalHouse) -> None:
    caller = house.switch.phone("+4930555123").calls(ALL).hears("mailbox-enter-extension").stays_silent(times=2)
    caller.hears("goodbye").is_hung_up()
