"""What people live through who are called by a room, and those who call them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.dialout import Cause
from callcontrol.rehearsal.phone import Phone
from callcontrol.rehearsal.telephone import Telephone
from callcontrol.rehearse import RehearsalHouse, rehearsal_house
from callcontrol.rooms.calls import Begun, InviteeState
from callcontrol.state import StateUnavailable
from tests.patience import until

HOME = Path(__file__).parent.parent.parent
TENANTS = Path(__file__).parent / "dialout_tenants"
ANN, BEN, CLEO = "+491715550001", "+491715550002", "41@marina.example"
QUAY, PIER, LOCK, DOCK, BAY, FLEET = (f"+493023129{n:03}" for n in range(1, 7))
OURS = ("digits/0", "digits/3", "digits/0", "digits/2", "digits/3", "digits/1", "digits/2", "digits/9", "digits/0")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[RehearsalHouse]:
    with rehearsal_house(TENANTS, HOME, tmp_path, {}) as house:
        yield house


def telephone(house: RehearsalHouse, number: str = ANN, *presses: str) -> Telephone:
    return house.switch.telephone(number, presses=presses)


def host(house: RehearsalHouse, number: str = QUAY, which: int = 1) -> Phone:
    """A moderator dials."""
    return house.switch.phone(f"+49171300000{which}").calls(number).hears("moderator-joins")


def calls_all(boss: Phone) -> Phone:
    """A moderator asks for all participants by key."""
    return boss.presses("*1").hears("dial-number-or-all").presses("#")


def calls(house: RehearsalHouse, room: str, *numbers: str) -> Begun:
    """Somebody asks for the participants of a room."""
    tenant, _, name = room.partition(".")
    begun = house.daemon.rounds.begin(tenant, name, Cause.COMMAND, numbers=numbers)
    assert isinstance(begun, Begun)
    return begun


def standing(house: RehearsalHouse, room: str) -> dict[str, tuple[InviteeState, str]]:
    """How it stands with everybody."""
    return {one.name: (one.state, one.reason) for one in house.daemon.rounds.report(room)}


def becomes(house: RehearsalHouse, room: str, **expected: tuple[str, str]) -> None:
    until(lambda: standing(house, room) == expected)


# -- who is called -----------------------------------------------------------------------------------------------------


def test_a_called_participant_presses_1_and_is_in_the_room_without_a_pin(house: RehearsalHouse) -> None:
    ann = telephone(house)
    calls(house, "marina.quay", ANN)
    ann.is_called(by=QUAY).hears("dialout-call", "dialout-number", *OURS, "dialout-room")
    ann.hears("letters/q", "letters/u", "letters/a", "letters/y", "dialout-accept", language="en")
    ann.presses("1").hears("joining", "you-are-alone").joins("marina.quay")
    becomes(house, "marina.quay", Ann=("joined", "joined"))
    ann.hangs_up()


def test_a_mailbox_never_joins(house: RehearsalHouse) -> None:
    mailbox = telephone(house)
    calls(house, "marina.quay", ANN)
    mailbox.is_called().hears("dialout-call").never_presses_again()
    mailbox.hears("dialout-accept", "dialout-accept", "dialout-accept", "dialout-no-key").is_hung_up()
    becomes(house, "marina.quay", Ann=("waiting", "no key"))
    assert house.switch.rooms == {}


def test_a_wrong_key_asks_again_and_does_not_join(house: RehearsalHouse) -> None:
    ann = telephone(house, ANN, "5", "7", "1")
    calls(house, "marina.quay", ANN)
    ann.hears("dialout-call", "dialout-accept", "dialout-accept", "dialout-accept").joins("marina.quay").hangs_up()


def test_who_declines_is_thanked_and_not_called_again(house: RehearsalHouse) -> None:
    ann = telephone(house, ANN, "9")
    calls(house, "marina.quay", ANN)
    ann.hears("declined-goodbye").is_hung_up("NORMAL_CLEARING")
    becomes(house, "marina.quay", Ann=("declined", "declined"))
    boss = host(house)
    boss.joins("marina.quay", moderator=True).presses("*1").hears("dial-number-or-all").presses("#").hears(
        "calling-all"
    )
    ben = telephone(house, BEN)
    ben.is_called()
    assert ann.times_called == 1
    boss.hangs_up()


def test_who_hangs_up_on_the_question_did_not_press_a_key(house: RehearsalHouse) -> None:
    ann = telephone(house)
    calls(house, "marina.quay", ANN)
    ann.hears("dialout-accept").hangs_up()
    becomes(house, "marina.quay", Ann=("waiting", "no key"))


def test_a_callee_of_a_french_tenant_hears_french_and_no_number_where_there_is_none(house: RehearsalHouse) -> None:
    anne = telephone(house, "+33612345678")
    calls(house, "phare.salle-2")
    anne.hears("dialout-unnamed", "dialout-room", "letters/s", "letters/a", "letters/l", "letters/l", "letters/e")
    anne.hears("letters/dash", "digits/2", "dialout-accept", language="fr")
    anne.presses("1").hears("joining", language="fr").joins("phare.salle-2").hangs_up()


def test_who_is_listed_with_a_language_hears_that_one(house: RehearsalHouse) -> None:
    ann = telephone(house)
    calls(house, "marina.pier", ANN)
    ann.hears("dialout-call", language="de").presses("1").hears("waiting-for-moderator", language="de").hangs_up()


@pytest.mark.parametrize(("caller", "number"), [("extension:marina/41@marina.example", CLEO), (ANN, ANN)])
def test_who_chose_a_language_at_an_earlier_call_hears_that_one(
    house: RehearsalHouse, caller: str, number: str
) -> None:
    def chose() -> bool:
        """A store that is slow for a moment forgets rather than lets somebody wait."""
        house.daemon.state.remember_language("marina", caller, "fr", time.time())
        return house.daemon.state.language_of("marina", caller) == "fr"

    until(chose)
    called = telephone(house, number)
    calls(house, "marina.pier", number.partition("@")[0])
    called.hears("dialout-call", "dialout-accept", language="fr").hangs_up()


def test_a_moderator_who_is_called_moderates_and_opens_the_room(house: RehearsalHouse) -> None:
    ann, cleo = telephone(house, ANN, "1"), telephone(house, CLEO, "1")
    calls(house, "marina.pier")
    ann.hears("waiting-for-moderator").joins("marina.pier").hears_music().cannot_speak()
    cleo.hears("moderator-joins", "others-here").joins("marina.pier", moderator=True)
    ann.hears_no_music().can_speak()
    cleo.hears("all-reached")
    for phone in (ann, cleo):
        phone.hangs_up()


# -- rooms that do not let everybody in --------------------------------------------------------------------------------


def test_whom_the_moderator_called_does_not_wait_to_be_let_in(house: RehearsalHouse) -> None:
    boss = host(house, LOCK).joins("marina.lock", moderator=True).presses("*5").hears("room-now-locked")
    ann = telephone(house, ANN, "1")
    calls(house, "marina.lock")
    ann.hears("joining", "others-here").joins("marina.lock").can_speak()
    for phone in (ann, boss):
        phone.hangs_up()


def test_without_a_moderator_who_is_called_waits_to_be_let_in(house: RehearsalHouse) -> None:
    ann = telephone(house, ANN, "1")
    calls(house, "marina.lock")
    ann.hears("waiting-for-moderator").joins("marina.lock.lobby").hears_music().hangs_up()


def test_a_full_room_is_full_for_those_it_calls_too(house: RehearsalHouse) -> None:
    guests = [house.switch.phone(f"+4930555010{n}").calls(DOCK).joins("marina.dock") for n in (1, 2)]
    ann = telephone(house, ANN, "1")
    calls(house, "marina.dock")
    ann.hears("room-full").is_hung_up("USER_BUSY")
    becomes(house, "marina.dock", Ann=("failed", "no place"))
    for phone in guests:
        phone.hangs_up()


def test_others_hear_the_name_of_somebody_who_was_called(house: RehearsalHouse) -> None:
    guest = house.switch.phone("+49305550121").calls(BAY).joins("marina.bay")
    ann = telephone(house, ANN, "1")
    calls(house, "marina.bay", ANN)
    ann.hears("dialout-accept", "name-after-tone", "joining").joins("marina.bay")
    guest.hears("has-joined")
    for phone in (ann, guest):
        phone.hangs_up()


def test_who_was_called_can_be_put_out_with_a_word(house: RehearsalHouse) -> None:
    boss = host(house, PIER).joins("marina.pier", moderator=True)
    ann = telephone(house, ANN, "1")
    calls(house, "marina.pier", ANN)
    ann.joins("marina.pier").can_speak()
    boss.presses("*4").hears("put-out-confirm").presses("1").hears("put-out-done")
    ann.leaves("marina.pier").hears("you-were-put-out", language="de").is_hung_up("NORMAL_CLEARING")
    boss.hangs_up()


# -- what moderators do and hear ---------------------------------------------------------------------------------------


def test_the_moderator_calls_all_and_hears_how_many_were_reached(house: RehearsalHouse) -> None:
    ann, ben = telephone(house, ANN, "1"), telephone(house, BEN).busy()
    boss = calls_all(host(house).joins("marina.quay", moderator=True)).hears("calling-all")
    ann.joins("marina.quay")
    ben.is_called()
    boss.hears("reached-one-of", "digits/2", "reached")
    for phone in (ann, boss):
        phone.hangs_up()


def test_the_moderator_hears_three_of_five_reached(house: RehearsalHouse) -> None:
    for number in (ANN, BEN, CLEO):
        telephone(house, number, "1")
    dora, eve = telephone(house, "+491715550004").busy(), telephone(house, "+491715550005").busy()
    boss = host(house, FLEET).joins("marina.fleet", moderator=True).hears("calling-all")
    boss.hears("digits/3", "reached-of", "digits/5", "reached").presses("*#").hears("participants-count", "digits/4")
    assert (dora.times_called, eve.times_called) == (1, 1)
    told = [step.text for step in boss.transcript.steps if step.text.startswith(("reached", "nobody", "redial"))]
    assert told == ["reached-of", "reached"]  # once, and not at each of five calls


def test_star_one_and_hash_calls_again_only_those_not_reached(house: RehearsalHouse) -> None:
    ann, ben = telephone(house, ANN, "1"), telephone(house, BEN, "1").is_unreachable("UNALLOCATED_NUMBER", times=1)
    boss = host(house).joins("marina.quay", moderator=True)
    calls_all(boss).hears("calling-all", "reached-one-of", "digits/2", "reached", "redial-hint")
    calls_all(boss).hears("reached-one-of", "digits/2", "reached", "calling-all")
    until(lambda: ben.times_called == 2)
    ben.joins("marina.quay")
    boss.hears("all-reached")
    calls_all(boss).hears("all-reached")
    assert (ann.times_called, ben.times_called) == (1, 2)
    for phone in (ann, ben, boss):
        phone.hangs_up()


def test_star_one_and_hash_does_not_wait_for_the_next_try(house: RehearsalHouse) -> None:
    ann = telephone(house, ANN, "1").busy(times=1)
    boss = host(house, LOCK).joins("marina.lock", moderator=True)
    calls_all(boss).hears("calling-all", "nobody-reached")
    calls_all(boss).hears("calling-all", "all-reached")
    assert ann.times_called == 2
    for phone in (ann, boss):
        phone.hangs_up()


def test_in_a_room_that_lists_nobody_hash_without_a_number_cancels(house: RehearsalHouse) -> None:
    boss = host(house, BAY).joins("marina.bay", moderator=True)
    boss.presses("*1").hears("dial-number").presses("#").hears("cancelled").hangs_up()


def test_the_arrival_of_the_first_moderator_calls_the_participants_once(house: RehearsalHouse) -> None:
    ann = telephone(house, ANN, "9")
    boss = host(house, DOCK).joins("marina.dock", moderator=True).hears("calling-all")
    ann.hears("declined-goodbye").is_hung_up()
    second = host(house, DOCK, 2).joins("marina.dock", moderator=True)
    boss.hears("nobody-reached", "redial-hint").hangs_up()
    again = host(house, DOCK, 1).joins("marina.dock", moderator=True)
    again.presses("*#").hears("participants-count")
    assert ann.times_called == 1
    for phone in (second, again):
        phone.hangs_up()


# -- the end -----------------------------------------------------------------------------------------------------------


def test_when_the_room_ends_telephones_stop_ringing(house: RehearsalHouse) -> None:
    ann = telephone(house).rings_on()
    boss = calls_all(host(house).joins("marina.quay", moderator=True))
    ann.is_called()
    boss.presses("*0").hears("end-confirm").presses("1").hears("room-ended").is_hung_up()
    ann.stops_ringing()
    until(lambda: {state for state, _ in standing(house, "marina.quay").values()} == {"cancelled"})


def test_who_is_asked_when_the_last_one_leaves_hears_that_it_is_over(house: RehearsalHouse) -> None:
    ann = telephone(house)
    boss = calls_all(host(house).joins("marina.quay", moderator=True))
    ann.hears("dialout-call", "dialout-accept")
    boss.hangs_up()
    until(lambda: standing(house, "marina.quay")["Ann"][0] == "cancelled")
    ann.presses("1").hears("conference-over").is_hung_up()
    assert house.switch.rooms == {}


def test_who_answers_after_the_end_hears_that_it_is_over(house: RehearsalHouse) -> None:
    ann = telephone(house).rings_on()
    calls(house, "marina.quay", ANN)
    ann.is_called()
    store = house.daemon.rounds._exchange.store
    (round_,) = store.running()
    store.end_round(round_.id, round_.began_at, cancelled="the room has ended")  # by a daemon without our switch
    ann.answers_now().hears("conference-over").is_hung_up()


# -- trouble -----------------------------------------------------------------------------------------------------------


def test_a_store_that_is_away_leaves_nobody_hanging(house: RehearsalHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    cleo = telephone(house, CLEO)
    calls(house, "marina.pier", "41")
    cleo.hears("dialout-accept")

    def away(*_: object) -> None:
        raise StateUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(house.daemon.database, "_ask", away)
        cleo.presses("1").hears("moderator-joins").joins("marina.pier", moderator=True)
    becomes(house, "marina.pier", Cleo=("joined", "joined"))
    cleo.hangs_up()


def loses_its_daemon(phone: Telephone) -> None:
    """The socket of this call breaks, as it does when a daemon is killed."""
    assert phone.session is not None
    (control,) = phone.session.controls
    control.close()


def test_who_is_asked_while_the_daemon_dies_hears_music_and_is_asked_again(house: RehearsalHouse) -> None:
    ann = telephone(house)
    calls(house, "marina.quay", ANN)
    ann.hears("dialout-call", "dialout-accept")
    loses_its_daemon(ann)
    ann.hears_music().hears("dialout-call", "dialout-accept").presses("1").joins("marina.quay")
    becomes(house, "marina.quay", Ann=("joined", "joined"))
    assert ann.times_called == 1
    ann.hangs_up()


def test_who_pressed_1_before_the_daemon_died_is_not_asked_again(house: RehearsalHouse) -> None:
    ann = telephone(house)
    calls(house, "marina.quay", ANN)
    ann.hears("dialout-call", "dialout-accept").keeps_listening("joining").presses("1").hears("joining")
    loses_its_daemon(ann)
    ann.hears("joining").listened().joins("marina.quay").hangs_up()
    assert sum(step.text == "dialout-call" for step in ann.transcript.steps) == 1


def test_nobody_who_calls_can_pretend_to_have_been_called(house: RehearsalHouse) -> None:
    forged = {"cc_door": "dialout", "X-cc_door": "dialout", "X-cc_room": "marina.quay", "cc_role": "moderator"}
    guest = house.switch.phone("+49305550111", headers=forged).calls(QUAY)
    guest.hears("welcome").hears("enter-pin").hangs_up()
