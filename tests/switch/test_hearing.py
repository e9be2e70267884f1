"""What the phones can tell apart, tried on sounds made here; no FreeSWITCH, no SIP."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from tests.switch.conftest import PROMPTS
from tests.switch.hearing import Key, Listener, Music, Prompts
from tests.switch.sound import HEADER, RATE, Recording, Samples, has_tone, loudness, read_wav, tone_level

CHANCE = np.random.default_rng(1)


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    """The prompts callcontrol ships."""
    return Prompts.of_folder(PROMPTS)


def quiet(seconds: float) -> Samples:
    """Silence."""
    return np.zeros(int(seconds * RATE), np.float32)


def sine(hz: float, seconds: float, dbfs: float = -38) -> Samples:
    """A tone."""
    turns = hz / RATE * np.arange(int(seconds * RATE))
    return np.asarray(10 ** (dbfs / 20) * np.sin(2 * np.pi * turns), np.float32)


def telephoned(samples: Samples) -> bytes:
    """As it comes out of an A-law line: companded to 8 bits with the formula of ITU-T G.711, and back, as 16 bits."""
    a = 87.6
    size = np.minimum(np.abs(samples), 1)
    companded = np.where(size < 1 / a, a * size, 1 + np.log(np.maximum(a * size, 1))) / (1 + np.log(a))
    coarse = np.round(companded * 127) / 127 * (1 + np.log(a))
    expanded = np.sign(samples) * np.where(coarse < 1, coarse / a, np.exp(coarse - 1) / a)
    return bytes((expanded * 32767).astype("<i2").tobytes())


def jittered(samples: Samples) -> Samples:
    """As a jitter buffer in trouble plays it: every 50th frame of 20 ms is missing, another comes twice."""
    frames = np.split(samples, range(160, len(samples), 160))
    kept = [[], [0], [0, 0]]
    return np.concatenate([frame for n, frame in enumerate(frames) for _ in kept[(n % 50 != 20) + (n % 50 == 45)]])


class Writer:
    """Writes a recording bit by bit, as a phone does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(self._header(0))

    @staticmethod
    def _header(length: int) -> bytes:
        return HEADER.pack(b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0", 1, 1, RATE, 2 * RATE, 2, 16, b"data", length)

    def write(self, raw: bytes) -> None:
        """Append."""
        with self.path.open("ab") as file:
            file.write(raw)

    def finish(self) -> None:
        """Fill in the length."""
        with self.path.open("r+b") as file:
            file.write(self._header(self.path.stat().st_size - HEADER.size))


def heard_in(prompts: Prompts, samples: Samples, path: Path) -> list[tuple[frozenset[Key], bool]]:
    """What a listener makes of this sound when the call ends after it."""
    writer = Writer(path / "heard.wav")
    writer.write(telephoned(samples))
    return [(heard.keys, heard.whole) for heard in Listener(prompts, Recording(writer.path)).update(over=True)]


@pytest.mark.timeout(300)
def test_every_prompt_is_told_from_every_other_in_every_language(prompts: Prompts, tmp_path: Path) -> None:
    """Also those that begin with the same words, in less than half a second of work each."""
    for (language, name), sound in prompts.sounds.items():
        begun = time.process_time()
        said = {key for key, other in prompts.sounds.items() if key[0] == language and np.array_equal(sound, other)}
        heard = heard_in(prompts, np.concatenate((quiet(0.8), sound, quiet(1.5))), tmp_path)
        assert heard == [(frozenset(said), True)], name
        assert time.process_time() - begun < 0.5


def test_a_prompt_is_recognised_softly_under_three_voices_and_with_frames_missing(
    prompts: Prompts, tmp_path: Path
) -> None:
    """Volume, other talkers and a struggling jitter buffer do not matter."""
    sound = np.concatenate((quiet(0.5), prompts.sounds["de", "enter-pin"], quiet(1.5)))
    voices = sum(sine(hz, len(sound) / RATE) for hz in (605, 1077, 2154))
    for changed in (sound * 0.2, sound + voices, jittered(sound)):
        assert heard_in(prompts, changed, tmp_path) == [(frozenset({("de", "enter-pin")}), True)]


@pytest.mark.parametrize("gap", [-0.1, 0.1])
def test_a_prompt_is_recognised_with_a_tenth_of_a_second_too_much_or_missing(
    prompts: Prompts, tmp_path: Path, gap: float
) -> None:
    """A busy machine stops a telephone for so long now and then."""
    sound = prompts.sounds["en", "dialout-call"]
    until, since = int(1.2 * RATE), int((1.2 - min(gap, 0)) * RATE)
    heard = np.concatenate((quiet(0.5), sound[:until], quiet(max(gap, 0)), sound[since:], quiet(1.5)))
    assert heard_in(prompts, heard, tmp_path) == [(frozenset({("en", "dialout-call")}), True)]


def test_prompts_are_told_in_the_order_they_were_played(prompts: Prompts, tmp_path: Path) -> None:
    """One right behind the other, and the same one twice."""
    keys = [("en", "welcome"), ("en", "enter-pin"), ("en", "wrong-pin"), ("en", "wrong-pin"), ("en", "goodbye")]
    sound = np.concatenate([prompts.sounds[key] for key in keys] + [quiet(1.0)])
    assert heard_in(prompts, sound, tmp_path) == [(frozenset({key}), True) for key in keys]


def test_a_prompt_that_was_cut_short_is_told_as_such(prompts: Prompts, tmp_path: Path) -> None:
    """A key pressed into it ends it; what follows is heard as well."""
    cut = prompts.sounds["de", "enter-pin"][: int(1.7 * RATE)]
    sound = np.concatenate((cut, quiet(0.3), prompts.sounds["de", "wrong-pin"], quiet(1.0)))
    expected = [(frozenset({("de", "enter-pin")}), False), (frozenset({("de", "wrong-pin")}), True)]
    assert heard_in(prompts, sound, tmp_path) == expected


def test_other_sounds_are_no_prompt(prompts: Prompts, tmp_path: Path) -> None:
    """Noise, tones, music and a voice played backwards are not recognised as anything."""
    noise = CHANCE.normal(0, 0.1, 10 * RATE).astype(np.float32)
    backwards = prompts.sounds["en", "enter-pin"][::-1]
    music = read_wav(PROMPTS / "music" / "hold.wav")[: 20 * RATE]
    for sound in (noise, backwards, music, sine(605, 5), quiet(5)):
        assert heard_in(prompts, sound, tmp_path) == []


def test_a_prompt_and_a_longer_one_that_begins_with_it_are_told_apart_while_it_grows(
    prompts: Prompts, tmp_path: Path
) -> None:
    """Nothing is believed before the longer one is ruled out; then it is told which of the two it was."""
    short, tail = prompts.sounds["en", "goodbye"], prompts.sounds["en", "welcome"]
    both = Prompts({("en", "short"): short, ("en", "long"): np.concatenate((short, tail))})
    for key, sound in both.sounds.items():
        writer = Writer(tmp_path / "growing.wav")
        listener = Listener(both, Recording(writer.path))
        raw = telephoned(np.concatenate((sound, quiet(1.5))))
        for at in range(0, len(raw), 4096):
            writer.write(raw[at : at + 4096])
            assert all(heard.keys == {key} for heard in listener.update())
        assert [heard.keys for heard in listener.heard] == [{key}]


@pytest.mark.parametrize("language", ["de", "en", "fr"])
def test_a_very_short_prompt_is_not_believed_inside_a_longer_one_that_grows(
    prompts: Prompts, tmp_path: Path, language: str
) -> None:
    """ "Hello. This is" has "one of" in it, which is whole before the second is over that a longer one is known by."""
    names = "dialout-call", "dialout-room", "dialout-accept"
    sound = np.concatenate([quiet(0.5), *(prompts.sounds[language, name] for name in names), quiet(1.5)])
    writer = Writer(tmp_path / "growing.wav")
    listener = Listener(prompts, Recording(writer.path))
    raw = telephoned(sound)
    for at in range(0, len(raw), 4096):
        writer.write(raw[at : at + 4096])
        listener.update()
    assert [heard.keys for heard in listener.heard] == [{(language, name)} for name in names]


def test_a_prompt_is_known_while_it_is_still_going_on(prompts: Prompts, tmp_path: Path) -> None:
    """Whoever wants to press a key into a prompt must know which one is playing."""
    writer = Writer(tmp_path / "heard.wav")
    listener = Listener(prompts, Recording(writer.path))
    writer.write(telephoned(prompts.sounds["fr", "take-call"][: int(1.6 * RATE)]))
    assert listener.update() == []
    assert listener.going_on() == [("fr", "take-call")]


def test_a_recording_is_finished_when_its_writer_says_so(tmp_path: Path) -> None:
    """An odd byte at the end waits for its other half; the length in the header comes last."""
    writer = Writer(tmp_path / "heard.wav")
    recording = Recording(writer.path)
    assert not recording.update()
    writer.write(b"\x00\x40\x00")
    assert recording.update()
    assert (recording.samples.tolist(), recording.finished) == ([0.5], False)
    writer.write(b"\xc0")
    writer.finish()
    assert recording.update()
    assert (recording.samples.tolist(), recording.finished) == ([0.5, -0.5], True)


def test_the_music_is_told_from_other_music_and_from_speech(prompts: Prompts) -> None:
    """At any place of the piece, soft or loud; silence is not music."""
    hold = read_wav(PROMPTS / "music" / "hold.wav")
    music = Music([hold])
    places = (0.0, 7.3, 21.9, 40.1)
    assert all(music.plays_in(0.3 * hold[int(at * RATE) : int((at + 1.2) * RATE)]) for at in places)
    other = sine(262, 1.2, -20) + sine(330, 1.2, -20) + sine(392, 1.2, -20)
    assert not any(music.plays_in(sound) for sound in (other, quiet(1.2), prompts.sounds["en", "enter-pin"][:9600]))


def test_a_tone_is_heard_among_others_and_not_in_speech(prompts: Prompts) -> None:
    """A sine of -38 dBFS has -38 dBFS; a voice has no tone in it."""
    mixed = sine(605, 0.5) + sine(960, 0.5) + sine(2714, 0.5)
    assert tone_level(mixed, 960) == pytest.approx(-38, abs=0.2)
    assert has_tone(mixed, 960)
    assert not has_tone(mixed, 1077)
    speech = prompts.sounds["de", "enter-pin"]
    assert not any(has_tone(speech[at : at + 4000], 605) for at in range(0, len(speech) - 4000, 1000))


def test_loudness_is_told_in_dbfs() -> None:
    """The RMS of a sine is 3 dB below its amplitude."""
    assert loudness(sine(1000, 1.0, -20)) == pytest.approx(-23, abs=0.1)
    assert loudness(quiet(1.0)) == loudness(quiet(0)) == -120
