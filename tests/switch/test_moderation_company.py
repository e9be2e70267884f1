"""What a room hears when somebody comes or goes; a tenant's own keys; and the race between caller and moderator."""

from __future__ import annotations

import time

import pytest

from tests.switch.theatre import BELFRY, BOX, SALON, SET, Theatre, all_hear_all

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(300)]

GUEST = b"+4930555777"
RACES = 200


def test_a_tone_tells_who_comes_and_another_who_goes(theatre: Theatre) -> None:
    ann, ben = theatre.guest("Ann", BELFRY).joins("theatre.belfry"), theatre.guest("Ben", BELFRY)
    ben.joins("theatre.belfry")
    ann.hears("join", language="tones")
    time.sleep(5.5)  # one announcement in five seconds
    cleo = theatre.guest("Cleo", BELFRY).joins("theatre.belfry")
    ann.hears("join", language="tones")
    cleo.hangs_up()
    ann.hears("leave", language="tones")
    ben.hangs_up()
    ann.hears("leave", language="tones")  # although nobody else is left who could hear it


def test_the_spoken_name_is_heard_when_its_owner_comes_and_goes(theatre: Theatre) -> None:
    ann = theatre.guest("Ann", SALON).hears("name-after-tone").joins("theatre.salon", within=20)
    ben = theatre.guest("Ben", SALON).hears("name-after-tone").joins("theatre.salon", within=20)
    ann.hears("has-joined").hears_tone_of(ben)
    ben.presses("*6").hears("muted")
    ann.does_not_hear(ben)
    ben.hangs_up()
    since = time.monotonic()
    ann.hears("has-left")
    assert ann.heard_first(ben, since) > since  # the name, in Ben's own voice


def test_a_tenant_may_move_the_keys(theatre: Theatre) -> None:
    ann, host = theatre.meeting(SET, "studio.set", "Ann")
    host.presses("*5")
    ann.hears("all-muted")
    host.does_not_hear(ann).presses("*77").hears("room-now-locked").presses("*2").hears("unknown-key", "help-hint")
    host.presses("**").hears("help-mute", "help-hand-moderator").presses("*5").hears("all-unmuted")
    all_hear_all(ann, host)


def test_the_pin_decides_who_moderates(theatre: Theatre) -> None:
    ann = theatre.guest("Ann", BOX)
    ann.hears("enter-pin").presses("48213").joins("theatre.box").hears_music()
    host = theatre.guest("Host", BOX)
    host.hears("enter-pin").presses("907155").joins("theatre.box", moderator=True)
    all_hear_all(ann, host)
