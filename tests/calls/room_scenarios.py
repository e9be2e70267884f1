"""What callers live through inside moderated rooms, written once for the rehearsal switch and a real FreeSWITCH.

The tenant is tests/calls/tenants/regatta.yaml. Guests call from numbers of their own, hosts from numbers that moderate.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from tests.calls.scenarios import Line, Scenario

DECK, DECK_GERMAN, DECK_FRENCH, QUAY, JETTY = (f"+493023128{n:03}" for n in (1, 2, 3, 4, 5))
PIER, SLIP, HULK, BUOY, DINGHY = (f"+493023128{n:03}" for n in (6, 7, 8, 9, 10))
MAST, KEEL, RAFT, ISLET = (f"+493023128{n:03}" for n in (11, 12, 13, 14))

SCENARIOS: list[Scenario] = []
_guests = count(1)


def scenario(function: Scenario) -> Scenario:
    SCENARIOS.append(function)
    return function


def guest(line: Line, number: str = DECK, **options: Any) -> Any:
    """Somebody who does not moderate dials."""
    return line.phone(f"+4930555{next(_guests):04}", **options).calls(number).hears("welcome")


def host(line: Line, number: str = DECK, which: int = 1) -> Any:
    """A moderator dials."""
    return line.phone(f"+49171300000{which}").calls(number).hears("welcome", "moderator-joins")


def meeting(line: Line, number: str, room: str, guests: int) -> list[Any]:
    """A moderator and guests, all in the room and past what they hear on the way in."""
    phones = [host(line, number).joins(room, moderator=True)]
    for _ in range(guests):
        phones.append(guest(line, number).hears("joining", "others-here").joins(room))
    for phone in phones:
        phone.hears_no_music() if guests else phone
    return phones


def all_hang_up(*phones: Any) -> None:
    for phone in phones:
        phone.hangs_up()


# -- waiting and opening -----------------------------------------------------------------------------------------------


@scenario
def guests_wait_in_music_until_a_moderator_opens_the_room_for_all(line: Line) -> None:
    ann = guest(line).hears("waiting-for-moderator").joins("regatta.deck").hears_music().cannot_speak()
    ben = guest(line).hears("waiting-for-moderator").joins("regatta.deck").hears_music().cannot_speak()
    boss = host(line).hears("others-here", "digits/2").joins("regatta.deck", moderator=True)
    for phone in (ann, ben, boss):
        phone.hears_no_music().can_speak()
    all_hang_up(ann, ben, boss)


@scenario
def a_guest_who_comes_later_walks_in(line: Line) -> None:
    boss = host(line).hears("you-are-alone").joins("regatta.deck", moderator=True).hears_music()
    late = guest(line).hears("joining", "others-here", "digits/1").joins("regatta.deck").hears_no_music().can_speak()
    all_hang_up(boss.hears_no_music(), late)


@scenario
def a_guest_may_leave_the_queue(line: Line) -> None:
    ann = guest(line).joins("regatta.deck").hears_music()
    ben = guest(line).joins("regatta.deck").hears_music()
    ann.hangs_up()
    boss = host(line).hears("others-here", "digits/1").joins("regatta.deck", moderator=True)
    all_hang_up(ben.hears_no_music().can_speak(), boss)


@scenario
def nobody_waits_or_stays_alone_for_ever(line: Line) -> None:
    waiting = guest(line, RAFT, patience=20.0).joins("regatta.raft").hears_music()
    alone = guest(line, ISLET, patience=20.0).hears("you-are-alone").joins("regatta.islet").hears_music()
    waiting.leaves("regatta.raft").hears("moderator-absent").is_hung_up("NORMAL_CLEARING")
    alone.leaves("regatta.islet").hears("alone-too-long").is_hung_up("NORMAL_CLEARING")


@scenario
def who_is_left_alone_hears_music_until_somebody_comes(line: Line) -> None:
    ann = guest(line, KEEL).hears("joining", "you-are-alone").joins("regatta.keel").hears_music()
    ben = guest(line, KEEL).hears("joining", "others-here", "digits/1").joins("regatta.keel").hears_no_music()
    ann.hears_no_music()
    ben.hangs_up()
    ann.hears_music().hangs_up()


# -- keys of everyone --------------------------------------------------------------------------------------------------


@scenario
def a_guest_mutes_and_unmutes_himself(line: Line) -> None:
    boss, ann, ben = meeting(line, DECK, "regatta.deck", 2)
    ann.presses("*6").hears("muted").cannot_speak()
    ben.can_speak()
    ann.presses("*6").hears("unmuted").can_speak()
    all_hang_up(boss, ann, ben)


@scenario
def a_moderator_mutes_and_unmutes_himself(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*6").hears("muted").cannot_speak().presses("*6").hears("unmuted").can_speak()
    all_hang_up(boss, ann)


@scenario
def hands_form_a_queue_and_the_moderator_gives_the_floor(line: Line) -> None:
    boss, ann, ben, cleo = meeting(line, DECK, "regatta.deck", 3)
    ann.presses("*9").hears("hand-raised", "digits/1")
    ben.presses("*9").hears("hand-raised", "digits/2")
    cleo.presses("*9").hears("hand-raised", "digits/3")
    ann.presses("*9").hears("hand-lowered")
    boss.presses("*9").hears("next-hand")
    ben.hears("floor-given")
    boss.presses("*9").hears("next-hand")
    cleo.hears("floor-given")
    boss.presses("*9").hears("no-hands")
    all_hang_up(boss, ann, ben, cleo)


@scenario
def the_hand_of_one_who_left_is_down(line: Line) -> None:
    boss, ann, ben = meeting(line, DECK, "regatta.deck", 2)
    ann.presses("*9").hears("hand-raised", "digits/1").hangs_up()
    ben.presses("*9").hears("hand-raised", "digits/1")
    boss.presses("*9").hears("next-hand")
    all_hang_up(boss, ben.hears("floor-given"))


@scenario
def the_count_is_told_privately(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    ann.presses("*#").hears("participants-count", "digits/2")
    boss.presses("*#").hears("participants-count", "digits/2")
    all_hang_up(boss, ann)


@scenario
def help_tells_a_guest_four_keys(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    ann.presses("**").hears("key-star", "digits/6", "help-mute", "key-star", "digits/9", "help-hand")
    ann.hears("key-star", "key-hash", "help-count")
    all_hang_up(boss, ann)


@scenario
def help_tells_a_moderator_all_keys(line: Line) -> None:
    (boss,) = meeting(line, DECK, "regatta.deck", 0)
    boss.presses("**").hears("help-mute", "help-hand-moderator", "help-count", "help-call-in", "help-record")
    boss.hears("help-hold", "help-put-out", "help-lock", "help-mute-all", "help-admit", "digits/0", "help-end")
    boss.hangs_up()


@scenario
def a_key_without_meaning_offers_help(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    ann.presses("*3").hears("unknown-key", "help-hint")  # only moderators hold
    ann.can_speak().hears_no_music()
    all_hang_up(boss, ann)


@scenario
def half_a_sequence_offers_help_after_a_while(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    ann.presses("*").hears("unknown-key", "help-hint").presses("6").presses("*6").hears("muted")
    all_hang_up(boss, ann)


# -- keys of moderators ------------------------------------------------------------------------------------------------


@scenario
def mute_all_holds_for_those_who_come_later(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*7").hears("all-muted").can_speak()
    ann.hears("all-muted").cannot_speak()
    late = guest(line).joins("regatta.deck").cannot_speak()
    late.presses("*6").hears("cannot-unmute").cannot_speak()
    late.presses("*9").hears("hand-raised", "digits/1")
    boss.presses("*9").hears("next-hand")
    late.hears("floor-given").can_speak()
    ann.cannot_speak()
    boss.presses("*7").hears("all-unmuted")
    ann.hears("all-unmuted").can_speak()
    all_hang_up(boss, ann, late)


@scenario
def the_floor_is_taken_back_by_muting_all_again(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*7").hears("all-muted")
    ann.presses("*9").hears("hand-raised")
    boss.presses("*9").hears("next-hand")
    ann.hears("floor-given").can_speak()
    boss.presses("*7").hears("all-unmuted").presses("*7").hears("all-muted")
    all_hang_up(boss, ann.hears("all-muted").cannot_speak())


@scenario
def a_locked_room_lets_only_moderators_in(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*5").hears("room-now-locked")
    ann.hears("room-now-locked")
    guest(line).hears("room-locked").is_hung_up("NORMAL_CLEARING")
    second = host(line, which=2).joins("regatta.deck", moderator=True)
    second.presses("*5").hears("room-now-unlocked")
    ann.hears("room-now-unlocked")
    late = guest(line).joins("regatta.deck").can_speak()
    all_hang_up(boss, ann, second, late)


@scenario
def on_hold_everybody_hears_music_and_nobody_is_heard(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*3").hears("hold-on").hears_music().cannot_speak()
    ann.hears("hold-on").hears_music().cannot_speak()
    late = guest(line).joins("regatta.deck").hears_music().cannot_speak()
    for phone in (boss, ann, late):
        phone.hears_music()
    boss.presses("*3").hears("hold-off")
    for phone in (boss, ann, late):
        phone.hears_no_music().can_speak()
    all_hang_up(boss, ann, late)


@scenario
def who_muted_himself_is_still_muted_after_the_hold(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    ann.presses("*6").hears("muted").cannot_speak()
    boss.presses("*3").hears("hold-on").cannot_speak().presses("*3").hears("hold-off").can_speak()
    ann.hears("hold-off").cannot_speak().presses("*6").hears("unmuted").can_speak()
    all_hang_up(boss, ann)


@scenario
def a_recording_is_announced(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*2").hears("recording-started")
    ann.hears("recording-started")
    boss.presses("*2").hears("recording-stopped")
    all_hang_up(boss, ann.hears("recording-stopped"))


@scenario
def a_room_that_never_records_says_so_to_the_moderator_alone(line: Line) -> None:
    boss, ann = meeting(line, KEEL, "regatta.keel", 1)
    boss.presses("*2").hears("recording-not-allowed")
    all_hang_up(boss, ann)


@scenario
def a_room_that_always_records_begins_with_its_moderator(line: Line) -> None:
    ann = guest(line, MAST).joins("regatta.mast").hears_music()
    boss = host(line, MAST).joins("regatta.mast", moderator=True).hears("recording-started")
    all_hang_up(ann.hears("recording-started"), boss)


@scenario
def the_last_to_join_is_put_out_after_a_second_key(line: Line) -> None:
    boss, ann, ben = meeting(line, DECK, "regatta.deck", 2)
    boss.presses("*4").hears("put-out-confirm").presses("1").hears("put-out-done")
    ben.leaves("regatta.deck").hears("you-were-put-out", language="en").is_hung_up("NORMAL_CLEARING")
    all_hang_up(boss, ann.can_speak())


@scenario
def another_key_puts_nobody_out(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*4").hears("put-out-confirm").presses("2").hears("cancelled")
    all_hang_up(boss, ann.can_speak())


@scenario
def a_moderator_alone_has_nobody_to_put_out(line: Line) -> None:
    (boss,) = meeting(line, DECK, "regatta.deck", 0)
    boss.presses("*4").hears("nobody-to-put-out").hangs_up()


@scenario
def the_end_is_for_everyone_after_a_second_key(line: Line) -> None:
    boss, ann, ben = meeting(line, DECK, "regatta.deck", 2)
    boss.presses("*0").hears("end-confirm").presses("1")
    for phone in (boss, ann, ben):
        phone.leaves("regatta.deck").hears("room-ended").is_hung_up("NORMAL_CLEARING")


@scenario
def another_key_ends_nothing(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*0").hears("end-confirm").presses("#").hears("cancelled").can_speak()
    all_hang_up(boss, ann.can_speak())


@scenario
def an_emergency_number_is_not_called_in(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*1").hears("dial-number").presses("110#").hears("number-refused")
    boss.presses("*1").hears("dial-number").presses("#").hears("cancelled")
    all_hang_up(boss, ann)


@scenario
def a_callee_who_is_not_reached_sends_the_moderator_back(line: Line) -> None:
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    for digits in ("34#", "03012345678#"):
        boss.presses("*1").hears("dial-number").presses(digits).hears("callee-failed")
        boss.presses("*#").hears("participants-count", "digits/2").can_speak().hears_no_music()
    all_hang_up(boss, ann.can_speak())


# -- the lobby ---------------------------------------------------------------------------------------------------------


@scenario
def a_moderator_admits_those_who_wait(line: Line) -> None:
    ann = guest(line, SLIP).hears("waiting-for-moderator").joins("regatta.slip.lobby").hears_music().cannot_speak()
    ben = guest(line, SLIP).hears("waiting-for-moderator").joins("regatta.slip.lobby").hears_music()
    boss = host(line, SLIP).joins("regatta.slip", moderator=True).hears("waiting-count", "digits/2")
    cleo = guest(line, SLIP).hears("waiting-to-be-let-in").joins("regatta.slip.lobby").hears_music()
    boss.hears("waiting-count", "digits/3").presses("*#")
    boss.hears("participants-count", "digits/1", "waiting-count", "digits/3").presses("*8")
    for phone in (ann, ben, cleo):
        phone.leaves("regatta.slip.lobby").joins("regatta.slip").hears("admitted").hears_no_music().can_speak()
    boss.presses("*8").hears("nobody-waits").presses("*#").hears("participants-count", "digits/4")
    ann.presses("*6").hears("muted", language="en").cannot_speak()
    all_hang_up(boss, ann, ben, cleo)


@scenario
def who_waits_to_be_admitted_presses_keys_in_vain(line: Line) -> None:
    ann = guest(line, SLIP).joins("regatta.slip.lobby").hears_music().presses("*6")
    boss = host(line, SLIP).joins("regatta.slip", moderator=True).hears("waiting-count", "digits/1").presses("*8")
    all_hang_up(ann.joins("regatta.slip").hears("admitted").can_speak(), boss)


@scenario
def the_end_reaches_those_who_still_wait(line: Line) -> None:
    ann = guest(line, SLIP).joins("regatta.slip.lobby").hears_music()
    boss = host(line, SLIP).joins("regatta.slip", moderator=True).hears("waiting-count")
    boss.presses("*0").hears("end-confirm").presses("1").hears("room-ended").is_hung_up("NORMAL_CLEARING")
    ann.leaves("regatta.slip.lobby").hears("room-ended").is_hung_up("NORMAL_CLEARING")


@scenario
def who_was_admitted_can_be_put_out_with_a_word(line: Line) -> None:
    ann = guest(line, SLIP).joins("regatta.slip.lobby")
    boss = host(line, SLIP).joins("regatta.slip", moderator=True).hears("waiting-count").presses("*8")
    ann.joins("regatta.slip")
    boss.presses("*4").hears("put-out-confirm").presses("1").hears("put-out-done")
    ann.leaves("regatta.slip").hears("you-were-put-out").is_hung_up("NORMAL_CLEARING")
    boss.hangs_up()


# -- moderators come and go --------------------------------------------------------------------------------------------


@scenario
def a_room_that_waits_closes_and_opens_with_its_moderator(line: Line) -> None:
    boss, ann, ben = meeting(line, QUAY, "regatta.quay", 2)
    boss.hangs_up()
    for phone in (ann, ben):
        phone.hears("moderator-left").hears_music().cannot_speak()
    late = guest(line, QUAY).hears("waiting-for-moderator").joins("regatta.quay").hears_music().cannot_speak()
    for phone in (ann, ben):
        phone.hears_music().cannot_speak()
    back = host(line, QUAY).joins("regatta.quay", moderator=True)
    for phone in (ann, ben, late):
        phone.hears("moderator-back").hears_no_music().can_speak()
    all_hang_up(back.can_speak().hears_no_music(), ann, ben, late)


@scenario
def a_moderator_who_returns_in_time_finds_the_room_as_it_was(line: Line) -> None:
    boss, ann, ben = meeting(line, JETTY, "regatta.jetty", 2)
    boss.hangs_up()
    ann.hears("moderator-left").can_speak()
    ben.hears("moderator-left").hears_no_music()
    back = host(line, JETTY).joins("regatta.jetty", moderator=True)
    for phone in (ann, ben):
        phone.hears("moderator-back").can_speak()
    all_hang_up(back, ann, ben)


@scenario
def a_room_that_goes_on_does_not_mind(line: Line) -> None:
    boss, ann, ben = meeting(line, DECK, "regatta.deck", 2)
    boss.hangs_up()
    ann.presses("*#").hears("participants-count", "digits/2").can_speak().hears_no_music()
    all_hang_up(ann, ben.can_speak())


@scenario
def a_room_that_ends_with_its_moderator_says_goodbye(line: Line) -> None:
    boss, ann, ben = meeting(line, PIER, "regatta.pier", 2)
    boss.hangs_up()
    for phone in (ann, ben):
        phone.hears("moderator-left").leaves("regatta.pier").hears("room-ended").is_hung_up("NORMAL_CLEARING")


@scenario
def of_two_moderators_one_may_leave(line: Line) -> None:
    boss, ann = meeting(line, QUAY, "regatta.quay", 1)
    second = host(line, QUAY, which=2).joins("regatta.quay", moderator=True)
    boss.hangs_up()
    ann.presses("*#").hears("participants-count", "digits/2").can_speak().hears_no_music()
    second.presses("*5").hears("room-now-locked")
    ann.hears("room-now-locked")
    second.hangs_up()
    ann.hears("moderator-left").hears_music().cannot_speak().hangs_up()


@scenario
def a_room_on_hold_stays_closed_when_its_moderator_leaves(line: Line) -> None:
    boss, ann, ben = meeting(line, QUAY, "regatta.quay", 2)
    boss.presses("*3").hears("hold-on").hangs_up()
    for phone in (ann, ben):
        phone.hears("hold-on", "moderator-left").hears_music().cannot_speak()
    back = host(line, QUAY).joins("regatta.quay", moderator=True).hears_no_music().can_speak()
    for phone in (ann, ben):
        phone.hears("moderator-back").hears_no_music().can_speak()
    all_hang_up(back, ann, ben)


# -- languages, names, limits ------------------------------------------------------------------------------------------


@scenario
def each_listener_hears_his_own_language_in_one_room(line: Line) -> None:
    ann, ben = guest(line, DECK_GERMAN).joins("regatta.deck"), guest(line, DECK_FRENCH).joins("regatta.deck")
    boss = host(line).joins("regatta.deck", moderator=True).presses("*5").hears("room-now-locked", language="en")
    ann.hears("room-now-locked", language="de").presses("*9").hears("hand-raised", language="de")
    ben.hears("room-now-locked", language="fr").presses("*#").hears("participants-count", "digits/3", language="fr")
    boss.presses("*0").hears("end-confirm", language="en").presses("1").hears("room-ended", language="en")
    ann.hears("room-ended", language="de").is_hung_up()
    ben.hears("room-ended", language="fr").is_hung_up()


@scenario
def names_are_said_when_somebody_comes_and_goes(line: Line) -> None:
    ann = guest(line, HULK).hears("name-after-tone", "record", "joining", "you-are-alone").joins("regatta.hulk")
    ben = guest(line, HULK).hears("name-after-tone", "record", "joining", "others-here").joins("regatta.hulk")
    ann.hears("has-joined")
    ben.hangs_up()
    ann.hangs_up()


@scenario
def a_tone_tells_that_somebody_came(line: Line) -> None:
    ann = guest(line, BUOY).joins("regatta.buoy")
    ben = guest(line, BUOY).joins("regatta.buoy")
    all_hang_up(ann.hears("join"), ben)


@scenario
def a_full_room_still_has_a_place_for_its_moderators(line: Line) -> None:
    ann, ben = guest(line, DINGHY).joins("regatta.dinghy"), guest(line, DINGHY).joins("regatta.dinghy")
    guest(line, DINGHY).hears("room-full").is_hung_up("USER_BUSY")
    boss = host(line, DINGHY).joins("regatta.dinghy", moderator=True)
    second = host(line, DINGHY, which=2).joins("regatta.dinghy", moderator=True)
    ann.hangs_up()
    guest(line, DINGHY).hears("room-full").is_hung_up("USER_BUSY")  # moderators count, too
    all_hang_up(ben, boss, second)
