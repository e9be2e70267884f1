"""What callers live through, written once and run on the rehearsal switch and on a real FreeSWITCH.

Each scenario is a function of a `line`: `line.phone(number, ...)` gives a telephone. The tenant is
tests/calls/tenants/harbour.yaml. Callers' numbers differ between scenarios, because wrong PINs and languages are
remembered per number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

BOARD, PLAZA, CREW, PILOTS, SHARED = (f"+493023125{n:03}" for n in (1, 2, 3, 4, 5))
RAFT, MULTILINGUAL, EXTENSION, BOARD_IN_ENGLISH, BRIDGE, VAULT = (f"+493023125{n:03}" for n in (6, 7, 8, 9, 10, 11))
DAWN, NOON, DUSK, DAWN_OR_NOON, TIDE = (f"+493023125{n:03}" for n in (12, 13, 14, 15, 16))
LISTED = "+491712345678"


class Line(Protocol):
    """Where calls are made."""

    def phone(self, number: str, **options: Any) -> Any:
        """A telephone that calls from ``number``."""


Scenario = Callable[[Line], None]
SCENARIOS: list[Scenario] = []


def scenario(function: Scenario) -> Scenario:
    SCENARIOS.append(function)
    return function


@scenario
def the_right_pin_opens_the_room(line: Line) -> None:
    guest = line.phone("+49305550101").calls(BOARD).is_answered()
    guest.hears("welcome").hears("enter-pin", language="de").presses("48213#").hears("joining").joins("harbour.board")
    guest.hangs_up()


@scenario
def a_complete_pin_needs_no_hash_key(line: Line) -> None:
    line.phone("+49305550102").calls(BOARD).hears("welcome").hears("enter-pin").presses("48213").joins(
        "harbour.board"
    ).hangs_up()


@scenario
def the_moderator_pin_makes_a_moderator(line: Line) -> None:
    host = line.phone("+49305550103").calls(BOARD).hears("welcome").hears("enter-pin").presses("907155")
    host.hears("moderator-joins").joins("harbour.board", moderator=True).hangs_up()


@scenario
def an_english_number_speaks_english(line: Line) -> None:
    guest = line.phone("+49305550104").calls(BOARD_IN_ENGLISH).hears("welcome").hears("enter-pin", language="en")
    guest.presses("48213#").hears("joining", language="en").joins("harbour.board").hangs_up()


@scenario
def three_wrong_pins_end_in_goodbye(line: Line) -> None:
    guest = line.phone("+49305550105").calls(BOARD).hears("welcome").hears("enter-pin").presses("11112#")
    guest.hears("wrong-pin").presses("22223#").hears("wrong-pin").presses("33334#")
    guest.hears("goodbye").is_hung_up("NORMAL_CLEARING")


@scenario
def a_late_hash_key_does_not_cost_a_try(line: Line) -> None:
    guest = line.phone("+49305550106").calls(VAULT).hears("welcome").hears("enter-pin").presses("11112")
    guest.hears("wrong-pin").presses("#").hears("wrong-pin").presses("19673").joins("harbour.vault").hangs_up()


@scenario
def a_right_pin_after_a_wrong_one_joins(line: Line) -> None:
    guest = line.phone("+49305550107").calls(BOARD).hears("welcome").hears("enter-pin").presses("11112#")
    guest.hears("wrong-pin").presses("48213#").joins("harbour.board").hangs_up()


@scenario
def an_open_room_asks_nothing(line: Line) -> None:
    line.phone("+49305550108").calls(PLAZA).is_answered().hears("welcome").hears("joining").joins(
        "harbour.plaza"
    ).hangs_up()


@scenario
def a_listed_number_walks_in(line: Line) -> None:
    line.phone(LISTED).calls(CREW).is_answered().joins("harbour.crew").hangs_up()


@scenario
def a_number_of_a_listed_block_walks_in(line: Line) -> None:
    line.phone("+498999999812").calls(CREW).joins("harbour.crew").hangs_up()


@scenario
def an_unlisted_number_is_refused_and_never_answered(line: Line) -> None:
    line.phone("+49305550109").calls(CREW).hears("not-accepted").is_refused("CALL_REJECTED")


@scenario
def a_withheld_number_is_refused_and_never_answered(line: Line) -> None:
    line.phone("anonymous", withheld=True).calls(CREW).is_refused("CALL_REJECTED")


@scenario
def a_listed_number_that_asks_for_privacy_counts_as_withheld(line: Line) -> None:
    line.phone(LISTED, withheld=True).calls(CREW).is_refused("CALL_REJECTED")


@scenario
def a_display_name_cannot_forge_the_number(line: Line) -> None:
    forged = f"x%0ACaller-Caller-ID-Number: {LISTED}"
    line.phone("+49305550110", name=forged).calls(CREW).is_refused("CALL_REJECTED")


@scenario
def a_header_of_the_callers_own_cannot_forge_the_number(line: Line) -> None:
    forged = {"X-Note": f"a%0ACaller-Caller-ID-Number: {LISTED}"}
    line.phone("+49305550111", headers=forged).calls(CREW).is_refused("CALL_REJECTED")


@scenario
def a_listed_number_needs_no_pin_where_either_will_do(line: Line) -> None:
    line.phone("+491712345679").calls(PILOTS).joins("harbour.pilots").hangs_up()


@scenario
def an_unlisted_number_is_asked_for_the_pin_where_either_will_do(line: Line) -> None:
    guest = line.phone("+49305550112").calls(PILOTS).hears("welcome").hears("enter-pin").presses("73518#")
    guest.joins("harbour.pilots").hangs_up()


@scenario
def the_pin_picks_the_room_on_a_shared_number(line: Line) -> None:
    first = (
        line.phone("+49305550113")
        .calls(SHARED)
        .hears("welcome")
        .hears("enter-pin")
        .presses("48213#")
        .joins("harbour.board")
    )
    second = (
        line.phone("+49305550114")
        .calls(SHARED)
        .hears("welcome")
        .hears("enter-pin")
        .presses("52974#")
        .joins("harbour.galley")
    )
    first.hangs_up()
    second.hangs_up()


@scenario
def a_full_room_says_so_and_lets_the_moderator_in(line: Line) -> None:
    members = [line.phone(f"+4930555012{n}").calls(RAFT).joins("harbour.raft") for n in range(2)]
    line.phone("+49305550123").calls(RAFT).hears("welcome").hears("room-full").is_hung_up("USER_BUSY")
    members.append(line.phone("+491712345670").calls(RAFT).joins("harbour.raft", moderator=True))
    for member in members:
        member.hangs_up()


@scenario
def a_chosen_language_is_remembered(line: Line) -> None:
    guest = line.phone("+49305550130").calls(MULTILINGUAL).hears("language-key-1", language="de").presses("3")
    guest.hears("welcome").hears("enter-pin", language="fr").presses("48213#").hears("joining", language="fr").joins(
        "harbour.board"
    )
    guest.hangs_up()
    again = line.phone("+49305550130").calls(MULTILINGUAL).hears("welcome").hears("enter-pin", language="fr")
    again.hangs_up()


@scenario
def a_telephone_that_dials_an_invitation_gets_in_though_its_language_is_remembered(line: Line) -> None:
    """``tel:+493023125007,,3,,,48213%23``: the key of the language is no guess at a PIN."""
    guest = line.phone("+49305550135").calls(MULTILINGUAL).hears("language-key-1", language="de").presses("3")
    guest.hears("enter-pin", language="fr").presses("48213#").joins("harbour.board").hangs_up()
    for _ in range(4):  # six wrong PINs would block the caller
        guest = line.phone("+49305550135").calls(MULTILINGUAL).hears("enter-pin", language="fr").presses("3#")
        guest.hears("wrong-pin", language="fr").presses("3#").hears("wrong-pin").hangs_up()
    guest = line.phone("+49305550135").calls(MULTILINGUAL).hears("enter-pin", language="fr").presses("3#")
    guest.hears("wrong-pin").presses("48213#").joins("harbour.board").hangs_up()


@scenario
def a_number_that_is_nobodys_is_not_in_service(line: Line) -> None:
    line.phone("+49305550131").calls("+493023125999").hears("number-unknown").is_refused("UNALLOCATED_NUMBER")


@scenario
def an_early_hangup_leaves_nothing_behind(line: Line) -> None:
    line.phone("+49305550132").calls(BOARD).hears("welcome").hears("enter-pin").presses("48").hangs_up()
    line.phone("+49305550132").calls(BOARD).hears("welcome").hears("enter-pin").presses("48213").joins(
        "harbour.board"
    ).hangs_up()


@scenario
def six_wrong_pins_close_the_door_until_later(line: Line) -> None:
    for _ in range(2):
        guest = line.phone("+49305550140").calls(VAULT).hears("welcome").hears("enter-pin").presses("11112#")
        guest.hears("wrong-pin").presses("22223#").hears("wrong-pin").presses("33334#").is_hung_up("NORMAL_CLEARING")
    line.phone("+49305550140").calls(VAULT).is_refused("CALL_REJECTED")


@scenario
def participants_hear_music_until_the_moderator_comes(line: Line) -> None:
    guest = line.phone("+49305550150").calls(BRIDGE).hears("welcome").hears("enter-pin").presses("38145#")
    guest.hears("waiting-for-moderator").joins("harbour.bridge").hears_music()
    host = line.phone("+49305550151").calls(BRIDGE).hears("welcome").hears("enter-pin").presses("829306#")
    host.joins("harbour.bridge", moderator=True)
    host.hangs_up()
    guest.hangs_up()


# -- rooms with a schedule ---------------------------------------------------------------------------------------------


@scenario
def ten_minutes_early_is_early_enough(line: Line) -> None:
    guest = line.phone("+49305550160").calls(DAWN).hears("welcome").hears("enter-pin").presses("80461#")
    guest.hears("joining").joins("harbour.dawn").hangs_up()


@scenario
def half_a_day_early_the_right_pin_hears_that_it_is_not_open(line: Line) -> None:
    guest = line.phone("+49305550161").calls(NOON).hears("welcome").hears("enter-pin").presses("62907#")
    guest.hears("room-not-open", language="de").is_hung_up("NORMAL_CLEARING")


@scenario
def nor_is_it_open_for_a_moderator(line: Line) -> None:
    host = line.phone("+49305550162").calls(NOON).hears("welcome").hears("enter-pin").presses("730185#")
    host.hears("room-not-open").is_hung_up("NORMAL_CLEARING")


@scenario
def without_the_right_pin_nobody_learns_that_it_is_not_open(line: Line) -> None:
    guest = line.phone("+49305550163").calls(NOON).hears("welcome").hears("enter-pin").presses("11112#")
    guest.hears("wrong-pin").presses("22223#").hears("wrong-pin").presses("33334#")
    guest.hears("goodbye").is_hung_up("NORMAL_CLEARING")


@scenario
def a_conference_that_is_over_is_closed(line: Line) -> None:
    guest = line.phone("+49305550164").calls(DUSK).hears("welcome").hears("room-not-open")
    guest.is_hung_up("NORMAL_CLEARING")


@scenario
def on_a_shared_number_the_pin_picks_the_room_before_its_hours_count(line: Line) -> None:
    early = line.phone("+49305550165").calls(DAWN_OR_NOON).hears("welcome").hears("enter-pin").presses("80461#")
    early.joins("harbour.dawn").hangs_up()
    late = line.phone("+49305550166").calls(DAWN_OR_NOON).hears("welcome").hears("enter-pin").presses("62907#")
    late.hears("room-not-open").is_hung_up("NORMAL_CLEARING")


@scenario
def a_room_that_is_used_all_day_every_day_is_always_open(line: Line) -> None:
    line.phone("+49305550167").calls(TIDE).hears("welcome").hears("joining").joins("harbour.tide").hangs_up()
