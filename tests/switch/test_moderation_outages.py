"""What callers in a moderated room notice of a daemon that is killed, and of a FreeSWITCH that is: next to nothing."""

from __future__ import annotations

import pytest

from tests.switch.theatre import FOYER, STAGE, Theatre, all_hear_all, nobody_hears_anybody

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(300)]


def test_who_waits_waits_on_in_music_and_is_let_in_by_the_moderator(theatre: Theatre) -> None:
    guests = [theatre.guest(name) for name in ("Ann", "Ben", "Cleo")]
    for phone in guests:
        phone.joins("theatre.stage")
    theatre.demo.kill_daemon()
    for phone in guests:
        phone.hears_music()
    nobody_hears_anybody(*guests)
    host = theatre.host().joins("theatre.stage", moderator=True, within=30)
    for phone in guests:
        phone.hears_tone_of(host, within=3)
    all_hear_all(*guests, host)
    guests[0].presses("*6").hears("muted", language="en")
    host.does_not_hear(guests[0]).presses("*5").hears("room-now-locked")
    guests[1].hears("room-now-locked", language="en")


def test_the_lobby_waits_on_in_music_and_is_let_in_by_key(theatre: Theatre) -> None:
    guests = [theatre.guest(name, FOYER) for name in ("Ann", "Ben")]
    for phone in guests:
        phone.joins("theatre.foyer.lobby")
    theatre.demo.kill_daemon()
    for phone in guests:
        phone.hears_music()
    host = theatre.host(number=FOYER).joins("theatre.foyer", moderator=True, within=30)
    host.hears("waiting-count").hears_number(2, "en").presses("*8")
    for phone in guests:
        phone.joins("theatre.foyer", within=3)
    all_hear_all(*guests, host)


def test_hands_mutes_and_the_lock_are_as_they_were(theatre: Theatre) -> None:
    ann, ben, host = theatre.meeting(STAGE, "theatre.stage", "Ann", "Ben")
    host.presses("*6").hears("muted").presses("*7").hears("all-muted")
    ben.hears("all-muted").presses("*9").hears("hand-raised").hears_number(1, "en")
    ann.presses("*9").hears("hand-raised").hears_number(2, "en")
    host.presses("*5").hears("room-now-locked")
    theatre.kill_daemon()
    nobody_hears_anybody(ann, ben, host)
    theatre.guest("Late").hears("room-locked")
    host.presses("*9").hears("next-hand")
    ben.hears("floor-given")
    host.hears_tone_of(ben).does_not_hear(ann).presses("*6").hears("unmuted")
    ann.hears_tone_of(ben, host).presses("*9").hears("hand-lowered")
    host.presses("*5").hears("room-now-unlocked")
    theatre.guest("Later").joins("theatre.stage")


def test_a_freeswitch_that_was_killed_is_followed(theatre: Theatre) -> None:
    theatre.meeting(STAGE, "theatre.stage", "Ann")
    theatre.kill_switch()
    ben, host = theatre.meeting(STAGE, "theatre.stage", "Ben")
    host.presses("*7")
    ben.hears("all-muted")
    host.does_not_hear(ben)
