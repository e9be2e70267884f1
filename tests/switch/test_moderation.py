"""Moderated rooms as callers live through them: waiting for the moderator, being let in, his leaving and returning."""

from __future__ import annotations

import time

import pytest

from tests.switch.phones import Phone
from tests.switch.theatre import (
    FOYER,
    KIOSK,
    LOUNGE,
    SCHOOL,
    SECOND_HOST,
    STAGE,
    STAGE_ASKS,
    Theatre,
    all_hear_all,
    nobody_hears_anybody,
)

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(300)]


def test_three_wait_in_music_and_are_all_in_the_moment_the_moderator_comes(theatre: Theatre) -> None:
    ann, ben = theatre.guest("Ann", STAGE_ASKS), theatre.guest("Ben", STAGE_ASKS)
    cleo = theatre.guest("Cleo")
    ann.hears("language-key-3", language="fr").presses("3")
    ben.hears("language-key-3", language="fr").presses("2")
    ann.hears("waiting-for-moderator", language="fr")
    ben.hears("waiting-for-moderator", language="en")
    for phone in (ann, ben, cleo):
        phone.joins("theatre.stage").hears_music()
    nobody_hears_anybody(ann, ben, cleo)

    host = theatre.host()
    moderates_at = _joined_at(theatre, host)
    for phone in (ann, ben, cleo):
        phone.joins("theatre.stage", within=0).hears_no_music()
    all_hear_all(ann, ben, cleo, host)
    heard_after = [phone.heard_first(host, moderates_at - 0.5) - moderates_at for phone in (ann, ben, cleo)]
    print("heard the moderator after", ", ".join(f"{1000 * seconds:.0f} ms" for seconds in heard_after))
    assert max(heard_after) < 1.0

    host.presses("*5")
    ann.hears("room-now-locked", language="fr")
    ben.hears("room-now-locked", language="en")
    host.hears("room-now-locked", language="en").presses("*5")
    ann.hears("room-now-unlocked", language="fr")


def _joined_at(theatre: Theatre, host: Phone) -> float:
    """When FreeSWITCH first tells that the moderator is in (seconds of time.monotonic)."""
    host.is_answered()
    deadline = time.monotonic() + 20
    while not any(m["flags"]["is_moderator"] for m in theatre.demo.event_socket.members("theatre.stage")):
        assert time.monotonic() < deadline, host.dialogue
        time.sleep(0.01)
    return time.monotonic()


def test_a_waiting_caller_is_told_so_once_a_minute_and_its_place_in_the_queue(theatre: Theatre) -> None:
    ann = theatre.guest("Ann").joins("theatre.stage")
    ben = theatre.guest("Ben").joins("theatre.stage").hears_music().hears("still-waiting", "place-in-queue", within=70)
    ben.hears_number(2, "en")
    ann.hears("still-waiting", "place-in-queue").hears_number(1, "en").hears_music()


def test_who_has_waited_too_long_is_told_goodbye(theatre: Theatre) -> None:
    ann = theatre.guest("Ann", KIOSK).joins("theatre.kiosk").hears_music()
    ann.hears("moderator-absent", within=15).is_hung_up("NORMAL_CLEARING")


def test_a_moderator_lets_in_who_waits_and_nobody_in_the_lobby_hears_the_room(theatre: Theatre) -> None:
    ann, ben, host = theatre.guest("Ann", FOYER), theatre.guest("Ben", FOYER), theatre.host(number=FOYER)
    for phone in (ann, ben):
        phone.joins("theatre.foyer.lobby")
    host.joins("theatre.foyer", moderator=True).hears("waiting-count").hears_number(2, "en")
    for phone in (ann, ben):
        phone.hears_music()
    nobody_hears_anybody(ann, ben, host)
    host.presses("*8")
    for phone in (ann, ben):
        phone.joins("theatre.foyer").hears("admitted")
    cleo = theatre.guest("Cleo", FOYER)
    all_hear_all(ann, ben, host)
    cleo.joins("theatre.foyer.lobby").hears_music()
    host.hears("waiting-count").hears_number(1, "en")
    cleo.does_not_hear(ann, ben, host)
    host.does_not_hear(cleo)
    for phone in (ann, ben):
        phone.speaks(False)
    host.presses("*#").hears("participants-count").hears_number(3, "en")
    host.hears("waiting-count").hears_number(1, "en").presses("*8", by="info")
    cleo.joins("theatre.foyer").hears_tone_of(ann.speaks(), ben.speaks(), host)
    for phone in (ann, ben, cleo):
        phone.speaks(False)
    host.presses("*8").hears("nobody-waits")


def test_without_its_moderator_a_room_that_waits_goes_silent_until_one_is_back(theatre: Theatre) -> None:
    ann, ben, host = theatre.meeting(STAGE, "theatre.stage", "Ann", "Ben")
    host.hangs_up()
    for phone in (ann, ben):
        phone.hears("moderator-left").hears_music()
    dan = theatre.guest("Dan").joins("theatre.stage").hears_music()
    nobody_hears_anybody(ann, ben, dan)
    back = theatre.host("Back")
    for phone in (ann, ben, dan):
        phone.hears("moderator-back").hears_no_music()
    all_hear_all(ann, ben, dan, back.joins("theatre.stage", moderator=True))


def test_a_moderator_who_is_back_within_the_grace_time_changes_nothing(theatre: Theatre) -> None:
    ann, ben, host = theatre.meeting(SCHOOL, "theatre.school", "Ann", "Ben")
    host.hangs_up()
    back = theatre.host("Back", SCHOOL)
    ann.hears("moderator-left").hears_tone_of(ben)
    back.joins("theatre.school", moderator=True)
    ann.hears("moderator-back")
    all_hear_all(ann, ben, back)


def test_a_room_that_ends_without_its_moderator_says_goodbye(theatre: Theatre) -> None:
    ann, ben, host = theatre.meeting(SCHOOL, "theatre.school", "Ann", "Ben")
    host.hangs_up()
    for phone in (ann, ben):
        phone.hears("moderator-left", "room-ended", within=20).is_hung_up("NORMAL_CLEARING")


def test_a_room_that_goes_on_without_its_moderator_goes_on(theatre: Theatre) -> None:
    ann, ben, host = theatre.meeting(LOUNGE, "theatre.lounge", "Ann", "Ben")
    host.hangs_up()
    ann.is_told_nothing(3.0)
    all_hear_all(ann, ben)
    all_hear_all(ann, ben, theatre.host("Back", LOUNGE).joins("theatre.lounge", moderator=True))


def test_of_two_moderators_one_may_leave(theatre: Theatre) -> None:
    ann, ben, host = theatre.meeting(STAGE, "theatre.stage", "Ann", "Ben")
    second = theatre.host("Second", from_=SECOND_HOST).joins("theatre.stage", moderator=True)
    host.hangs_up()
    ann.is_told_nothing(4.0)
    all_hear_all(ann, ben, second)
    second.presses("*7")
    ann.hears("all-muted")
