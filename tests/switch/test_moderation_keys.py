"""The keys of a moderated room, pressed on real telephones: what each does, who hears it, and what it is answered."""

from __future__ import annotations

import pytest

from tests.switch.sound import RATE, has_tone, read_wav
from tests.switch.theatre import FOYER, SECOND_HOST, STAGE, Theatre, all_hear_all, nobody_hears_anybody

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(300)]


def test_one_mutes_and_unmutes_oneself_by_either_kind_of_key(theatre: Theatre) -> None:
    ann, host = theatre.meeting(STAGE, "theatre.stage", "Ann")
    for by in ("rfc2833", "info"):
        ann.presses("*6", by=by).hears("muted", language="en")
        host.does_not_hear(ann)
        ann.hears_tone_of(host).presses("*6", by=by).hears("unmuted", language="en")
        host.hears_tone_of(ann)
    assert "muted" not in host.dialogue  # the words are Ann's alone
    host.presses("*6").hears("muted")
    ann.does_not_hear(host)
    host.presses("*6").hears("unmuted")


def test_all_are_muted_later_ones_too_and_a_raised_hand_is_given_the_floor(theatre: Theatre) -> None:
    ann, ben, host = theatre.meeting(STAGE, "theatre.stage", "Ann", "Ben")
    dan = theatre.guest("Dan")
    host.presses("*7")
    for phone in (ann, ben, host):
        phone.hears("all-muted")
    dan.joins("theatre.stage").does_not_hear(ann, ben).hears_tone_of(host)
    host.does_not_hear(ann, ben, dan)
    ann.presses("*6").hears("cannot-unmute")
    ben.presses("*9").hears("hand-raised").hears_number(1, "en")
    dan.presses("*9").hears("hand-raised").hears_number(2, "en")
    ann.presses("*9", by="info").hears("hand-raised").hears_number(3, "en")
    dan.presses("*9").hears("hand-lowered")
    host.presses("*9").hears("next-hand")
    ben.hears("floor-given").hears_tone_of(host)
    host.hears_tone_of(ben).does_not_hear(ann, dan).presses("*9").hears("next-hand")
    ann.hears("floor-given").hears_tone_of(ben, host)
    host.presses("*9").hears("no-hands").presses("*7")
    for phone in (ann, ben, dan, host):
        phone.hears("all-unmuted")
    all_hear_all(ann, ben, dan, host)


def test_a_locked_room_tells_so_and_lets_only_moderators_in(theatre: Theatre) -> None:
    ann, host = theatre.meeting(STAGE, "theatre.stage", "Ann")
    host.presses("*5")
    for phone in (ann, host):
        phone.hears("room-now-locked")
    late, second = theatre.guest("Late"), theatre.host("Second", from_=SECOND_HOST)
    late.hears("room-locked").is_hung_up("NORMAL_CLEARING")
    second.joins("theatre.stage", moderator=True).presses("*5", by="info")
    ann.hears("room-now-unlocked")
    theatre.guest("Ben").joins("theatre.stage")


def test_hold_is_music_for_everyone_until_it_is_resumed(theatre: Theatre) -> None:
    ann, ben, host = theatre.meeting(STAGE, "theatre.stage", "Ann", "Ben")
    host.presses("*3")
    for phone in (ann, ben, host):
        phone.hears("hold-on")
    dan = theatre.guest("Dan")
    for phone in (ann, ben, host):
        phone.hears_music()
    dan.joins("theatre.stage").hears_music()
    nobody_hears_anybody(ann, ben, dan, host)
    host.presses("*3", by="info")
    for phone in (ann, ben, dan, host):
        phone.hears("hold-off").hears_no_music()
    all_hear_all(ann, ben, dan, host)


def test_the_count_and_the_help_are_told_to_who_asks(theatre: Theatre) -> None:
    ann, ben, host = theatre.meeting(STAGE, "theatre.stage", "Ann", "Ben")
    ann.presses("*#").hears("participants-count").hears_number(3, "en")
    host.presses("*#", by="info").hears("participants-count").hears_number(3, "en")
    ann.presses("**").hears("help-mute", "help-hand", "help-count")
    host.presses("**").hears("help-mute", "help-hand-moderator", "help-count", "help-call-in", "help-record")
    host.hears("help-hold", "help-put-out", "help-lock", "help-mute-all", "help-admit", "help-end")
    assert "help" not in ben.dialogue


def test_a_recording_is_announced_and_has_sound_in_it_and_is_not_to_be_had_before_a_moderator_is_there(
    theatre: Theatre,
) -> None:
    ann, ben = theatre.guest("Ann"), theatre.guest("Ben")
    ann.joins("theatre.stage").hears_music().presses("*2").hears("unknown-key", "help-hint")
    host = theatre.host().joins("theatre.stage", moderator=True).hears_tone_of(ben)
    folder = theatre.demo.state / "recordings"
    assert not list(folder.glob("*.wav"))
    host.presses("*2")
    for phone in (ann, ben, host):
        phone.hears("recording-started")
    ann.hears_tone_of(ben, host)
    host.presses("*2", by="info")
    for phone in (ann, ben, host):
        phone.hears("recording-stopped")
    (recording,) = folder.glob("theatre.stage-*.wav")
    sound = read_wav(recording)
    assert all(has_tone(sound[-RATE:], phone.hz) for phone in (ann, ben, host))


def test_the_last_to_come_is_put_out_once_the_moderator_is_sure(theatre: Theatre) -> None:
    ann, host = theatre.meeting(STAGE, "theatre.stage", "Ann")
    ben = theatre.guest("Ben").joins("theatre.stage")
    host.presses("*4").hears("put-out-confirm").presses("2").hears("cancelled")
    host.presses("*4", by="info").begins_to_hear("put-out-confirm").presses("1", by="info").hears("put-out-done")
    ben.hears("you-were-put-out").is_hung_up("NORMAL_CLEARING")
    host.hears_tone_of(ann)
    ann.presses("*4").hears("unknown-key", "help-hint")


def test_the_end_is_told_to_everyone_and_to_those_who_still_wait(theatre: Theatre) -> None:
    host = theatre.host(number=FOYER)
    ann = theatre.guest("Ann", FOYER).joins("theatre.foyer.lobby")
    host.joins("theatre.foyer", moderator=True).presses("*8")
    ann.joins("theatre.foyer")
    ben = theatre.guest("Ben", FOYER).joins("theatre.foyer.lobby")
    host.presses("*0").begins_to_hear("end-confirm").presses("1")
    for phone in (ann, ben, host):
        phone.hears("room-ended").is_hung_up("NORMAL_CLEARING")
    assert not theatre.demo.event_socket.members("theatre.foyer")


def test_unknown_keys_and_keys_too_slow_break_nothing_and_the_help_is_offered(theatre: Theatre) -> None:
    ann, host = theatre.meeting(STAGE, "theatre.stage", "Ann")
    ann.presses("*").hears("unknown-key", "help-hint")  # nothing followed in 2.5 s
    ann.presses("6").is_told_nothing()
    ann.presses("1#5").is_told_nothing()
    ann.presses("*1").hears("unknown-key", "help-hint")
    ann.presses("6*6").hears("muted")
    host.does_not_hear(ann)
    ann.presses("**").hears("help-mute").presses("*6").hears("unmuted").is_told_nothing()  # the help is cut short
