"""The benchmark of rooms hears, counts and speaks correctly: no figure is checked here, only the way to it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bench.rooms_admission import BARE_AUTOMATIC, OUR_AUTOMATIC, Round
from bench.rooms_admission import report as report_admission
from bench.rooms_ground import AUTOMATIC, BUSY, CUT_SECONDS, MANUAL, MODERATOR, TENANT, cut, short_prompts
from bench.rooms_keys import Keys, Press, busiest, effect, most_within
from bench.rooms_keys import report as report_keys
from bench.rooms_phones import Heard
from bench.rooms_sound import LOUD, SAMPLES, SILENCE, Ear, Stream, tone, voice_of
from bench.rooms_waiting import connections
from callcontrol import wav
from callcontrol.tenants import Admission, Announce, load_folder

HOME = Path(__file__).parent.parent
HERTZ = 1350


def test_a_tone_is_heard_at_its_own_pitch_and_at_no_other() -> None:
    ear = Ear(HERTZ)
    assert ear.amplitude(tone(HERTZ)) == pytest.approx(LOUD, rel=0.02)
    assert not any(ear.hears(tone(other)) for other in (HERTZ - 100, HERTZ + 100, 2 * HERTZ))
    assert not ear.hears(SILENCE)


def test_half_a_packet_of_a_tone_is_heard_and_a_tenth_is_not() -> None:
    ear = Ear(HERTZ)
    assert ear.hears(SILENCE[:80] + tone(HERTZ)[80:])
    assert not ear.hears(SILENCE[:144] + tone(HERTZ)[144:])


def test_a_tone_that_would_click_between_packets_is_refused() -> None:
    with pytest.raises(ValueError, match="1333 Hz"):
        tone(1333)


def test_a_stream_counts_packets_and_samples_and_a_key_keeps_the_time_it_began() -> None:
    stream = Stream(source=7, sequence=0xFFFF)
    first, second = stream.voice(SILENCE), stream.voice(SILENCE)
    assert [struct.unpack("!BBHII", packet[:12]) for packet in (first, second)] == [
        (0x80, 8, 0, SAMPLES, 7),
        (0x80, 8, 1, 2 * SAMPLES, 7),
    ]
    pressed, released = stream.key("#", 480, 1, last=False), stream.key("#", 480, 5, last=True)
    assert struct.unpack("!BBHIIBBH", pressed) == (0x80, 0x80 | 101, 2, 480, 7, 11, 10, SAMPLES)
    assert struct.unpack("!BBHIIBBH", released) == (0x80, 101, 3, 480, 7, 11, 0x80 | 10, 5 * SAMPLES)
    assert (voice_of(first), voice_of(pressed)) == (SILENCE, None)


def _heard(*sounding: bool) -> list[Heard]:
    """Packets from one tenth of a second before a key on."""
    return [Heard(9.9 + 0.02 * place, tone(HERTZ) if sounds else SILENCE) for place, sounds in enumerate(sounding)]


def test_a_tone_is_gone_when_its_last_packet_is_over() -> None:
    packets = _heard(True, True, False, True, True, True, True, True, False, False)
    assert effect(packets, Ear(HERTZ), 10.0, gone=True) == pytest.approx(0.06)


def test_a_tone_not_heard_after_the_key_was_gone_at_once() -> None:
    assert effect(_heard(True, False, False, False, False, False, False), Ear(HERTZ), 10.0, gone=True) == 0.0


def test_a_tone_that_does_not_end_has_no_end() -> None:
    assert effect(_heard(*[True] * 10), Ear(HERTZ), 10.0, gone=True) is None
    assert effect([], Ear(HERTZ), 10.0, gone=True) is None


def test_a_tone_is_back_with_its_first_packet_after_the_key() -> None:
    packets = _heard(*[False] * 8, True, True)
    assert effect(packets, Ear(HERTZ), 10.0, gone=False) == pytest.approx(0.06)
    assert effect(_heard(*[False] * 10), Ear(HERTZ), 10.0, gone=False) is None


def test_the_busiest_while_is_found_wherever_it_is() -> None:
    assert most_within([], 5.0) == 0
    assert most_within([20.0, 1.0, 6.0, 9.0, 10.9], 5.0) == 3
    assert most_within([0.0, 5.0], 5.0) == 1


def test_what_all_are_told_counts_for_each_and_what_others_are_told_for_none() -> None:
    assert busiest([(0.0, ""), (1.0, "ann"), (1.0, "ben"), (1.1, "cleo")], 5.0) == 2
    assert busiest([(0.0, ""), (6.0, "")], 5.0) == 1
    assert busiest([], 5.0) == 0


def test_only_standing_connections_to_the_port_count() -> None:
    lines = (
        "  sl  local_address rem_address   st tx_queue",
        "   0: 0100007F:1F94 00000000:0000 0A 00000000",  # listens on 8084
        "   1: 0100007F:1F94 0100007F:C350 01 00000000",
        "   2: 0100007F:C350 0100007F:1F94 01 00000000",  # the other end of the same
        "   3: 0100007F:1F94 0100007F:C351 06 00000000",  # is over
        "   4: 0100007F:1F95 0100007F:C352 01 00000000",
    )
    assert connections("\n".join(lines), 8084) == 1


def test_a_ratio_is_of_what_comes_after_the_greeting() -> None:
    rounds = [
        Round(3, BARE_AUTOMATIC, "200 OK", 0.01, [0.10, 0.11]),
        Round(3, OUR_AUTOMATIC, "200 OK", 1.0, [1.1, 1.2]),
    ]
    bare, ours = report_admission(rounds).splitlines()[2:]
    assert bare.split("|")[-2].strip() == ""
    assert ours.split("|")[-2].strip() == "2.00"
    assert [cell.strip() for cell in ours.split("|")[5:8]] == ["1200", "1000", "1 of 3"]


def test_keys_that_had_no_effect_are_counted_and_not_averaged() -> None:
    presses = [Press(True, 0.01, 0.02, 0.05), Press(False, 0.01, None, None), Press(False, 0.01, 0.04, 0.09)]
    text = report_keys([Keys(3, presses, 2, 2, [(0.0, ""), (1.0, "")])])
    rows = [[cell.strip() for cell in line.split("|")[2:-1]] for line in text.splitlines()[2:6]]
    assert [(row[1], row[-1]) for row in rows] == [
        ("10", "0 of 3"),
        ("20", "1 of 3"),
        ("50", "0 of 1"),
        ("90", "1 of 2"),
    ]
    assert text.endswith("That is more than one.")


def test_prompts_are_cut_and_music_and_tones_are_not(tmp_path: Path) -> None:
    prompts = HOME / "prompts"
    into = short_prompts(prompts, tmp_path / "prompts")
    assert _seconds(into / "de" / "welcome.wav") == CUT_SECONDS
    assert _seconds(into / "music" / "hold.wav") == _seconds(prompts / "music" / "hold.wav")
    assert _seconds(into / "tones" / "join.wav") == _seconds(prompts / "tones" / "join.wav")
    before = (into / "de" / "welcome.wav").read_bytes()
    cut(into / "de" / "welcome.wav")
    assert (into / "de" / "welcome.wav").read_bytes() == before


def test_every_number_dialled_leads_to_the_room_measured_and_the_moderator_moderates() -> None:
    tenants, problems = load_folder(HOME / "bench" / "tenants", {})
    assert problems == []
    rooms = {}
    for number in (AUTOMATIC, MANUAL, BUSY):
        found = tenants.find_number(number)
        assert found is not None
        rooms[number] = found[0].rooms[found[1].room_names[0]]
        assert found[0].id == TENANT
        assert any(pattern.matches(MODERATOR) for pattern in rooms[number].moderators)
    assert [rooms[AUTOMATIC].admission, rooms[MANUAL].admission] == [Admission.AUTOMATIC, Admission.MANUAL]
    assert rooms[AUTOMATIC].wait_for_moderator
    assert not rooms[BUSY].wait_for_moderator
    assert rooms[BUSY].announce == Announce.TONE


def _seconds(path: Path) -> float:
    return wav.read(path).seconds


def test_nothing_measured_is_no_figure() -> None:
    assert "nan" in report_keys([Keys(3, [Press(True, None, None, None)], 0, 0, [])])
