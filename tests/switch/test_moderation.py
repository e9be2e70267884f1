"""Moderated rooms as callers live through them: waiting for the moderator, being let in, his leaving and returning."""

from __future__ import annotations

import time
import pytest

from tests.switch.phones import Phone
from tests.switch.theatre import STAGE, STAGE_ASKS, Theatre, all_hear_all, nobody_hears_anybody

pytestmark = pytest.mark.freeswitch


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
