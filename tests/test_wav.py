"""WAV files say what telephones carry: linear and mu-law, read as they were written; nothing else is."""

from __future__ import annotations

import array
import math
import struct
import wave
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.wav import Encoding, Wav, WavError, mulaw, read

SAMPLES = st.lists(st.integers(-32768, 32767), max_size=50)


def _linear(path: Path, samples: list[int], rate: int = 16_000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return path


def test_a_linear_file_is_read(tmp_path: Path) -> None:
    sound = read(_linear(tmp_path / "a.wav", [0, 1, -1, 32767, -32768], 8000))
    assert (sound.rate, sound.encoding) == (8000, Encoding.LINEAR)
    assert list(sound.samples()) == [0, 1, -1, 32767, -32768]
    assert sound.seconds == 5 / 8000


# ITU-T G.711, table 2a, in 16 bits: the values at the ends of the segments.
@pytest.mark.parametrize(
    ("code", "sample"),
    [(0xFF, 0), (0xFE, 8), (0xEF, 132), (0xDF, 396), (0x8F, 16764), (0x80, 32124), (0x00, -32124), (0x7F, 0)],
)
def test_a_code_of_the_law_is_the_sample_of_its_table(code: int, sample: int) -> None:
    assert list(Wav(8000, Encoding.MULAW, bytes([code])).samples()) == [sample]


def test_every_code_survives_being_a_sample() -> None:
    codes = bytes(code for code in range(256) if code != 0x7F)  # two codes mean silence
    assert mulaw(Wav(8000, Encoding.MULAW, codes).samples(), 8000).data == codes


@given(samples=SAMPLES)
def test_the_law_keeps_a_sample_within_a_thirty_second_of_its_size(samples: list[int]) -> None:
    kept = mulaw(array.array("h", samples), 16_000).samples()
    for before, after in zip(samples, kept, strict=True):
        assert abs(before - after) <= max(4, (abs(before) + 132) / 32 + 1, abs(before) - 32124)


def test_a_loud_tone_stays_36_decibel_above_what_the_law_adds() -> None:
    tone = array.array("h", (round(8000 * math.sin(0.17 * index)) for index in range(16_000)))
    kept = mulaw(tone, 16_000).samples()
    noise = sum((after - before) ** 2 for before, after in zip(tone, kept, strict=True))
    assert 10 * math.log10(sum(sample**2 for sample in tone) / noise) > 36


@given(samples=SAMPLES)
def test_what_is_written_is_read_again(samples: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    linear = array.array("h", samples)
    for sound in (mulaw(linear, 16_000), Wav(16_000, Encoding.LINEAR, struct.pack(f"<{len(samples)}h", *samples))):
        path.write_bytes(sound.file())
        assert read(path) == sound
    assert list(sound.samples()) == samples


def test_a_file_has_the_head_riff_wants_of_mulaw() -> None:
    content = mulaw(array.array("h", [0, 0, 0]), 16_000).file()
    assert struct.unpack("<4sI4s4sIHHIIHHH", content[:38]) == (
        *(b"RIFF", len(content) - 8, b"WAVE", b"fmt ", 18),
        *(7, 1, 16_000, 16_000, 1, 8, 0),
    )
    assert content[38:] == struct.pack("<4sII4sI", b"fact", 4, 3, b"data", 3) + b"\xff\xff\xff\0"


def test_the_beginning_of_a_sound_is_a_sound() -> None:
    sound = mulaw(array.array("h", [0] * 16_000), 16_000)
    assert sound.first(0.25).seconds == 0.25
    assert sound.first(2) == sound
    assert Wav(8000, Encoding.LINEAR, bytes(16_000)).first(0.5).seconds == 0.5


def test_chunks_nobody_asked_for_are_passed_over(tmp_path: Path) -> None:
    content = mulaw(array.array("h", [0, 100]), 16_000).file()
    (tmp_path / "a.wav").write_bytes(content[:12] + struct.pack("<4sI", b"LIST", 3) + b"abc\0" + content[12:])
    assert read(tmp_path / "a.wav").seconds == 2 / 16_000


@pytest.mark.parametrize("content", [b"", b"RIFF", b"OggS" * 20, b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt \1\0\0\0x"])
def test_what_is_no_wav_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(WavError, match="cannot be read"):
        read(tmp_path / "a.wav")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WavError, match="No such file"):
        read(tmp_path / "gone.wav")


def test_two_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WavError, match="has 2 channels of 16 bit"):
        read(_linear(tmp_path / "a.wav", [0, 0], channels=2))


@given(content=st.binary(max_size=80))
def test_no_file_at_all_breaks_the_reader(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    for head in (b"", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0"):
        path.write_bytes(head + content)
        with suppress(WavError):
            read(path).samples()
