"""Composes the hold music and the tones of the rooms: our own, so nobody's licence is played to the callers.

The music is sixteen bars of 3 s in F major: soft strings hold the chords, an electric piano breaks them in quavers, a
bass gives the root and a vibraphone sings above. What still sounds at the end sounds on at the beginning, so the loop
has no seam. Every instrument has overtones above 300 Hz, because many telephones carry nothing below. A tone is two
chimes. Standard library only; takes about ten seconds and gives the same samples every time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import sound

BAR = 3 * sound.RATE  # samples: four beats at 80 per minute
BEAT = BAR // 4
LEVEL = -20.0  # dBFS RMS of the whole piece
CEILING = -3.0  # dBFS of its highest peak

# One line per bar: bass note, then the chord from below (MIDI numbers, 60 is middle C).
CHORDS = (
    (41, 57, 60, 64, 67),  # Fmaj9
    (38, 53, 57, 60, 64),  # Dm9
    (46, 57, 60, 62, 65),  # Bbmaj9
    (48, 58, 62, 65, 67),  # C9sus4
    (41, 57, 60, 64, 67),  # Fmaj9
    (45, 55, 60, 64, 67),  # Am7
    (46, 57, 60, 62, 65),  # Bbmaj9
    (48, 58, 62, 64, 67),  # C9
    (38, 53, 57, 60, 64),  # Dm9
    (45, 55, 60, 64, 67),  # Am7
    (46, 53, 57, 62, 65),  # Bbmaj7
    (45, 53, 57, 60, 65),  # F/A
    (43, 53, 57, 58, 62),  # Gm9
    (48, 58, 62, 64, 67),  # C9
    (41, 57, 60, 64, 67),  # Fmaj9
    (48, 58, 62, 65, 69),  # C13sus4, which leads back to the first bar
)
# The vibraphone: bar, beat, note.
MELODY = (
    *((0, 0, 79), (0, 2, 76), (0, 3, 72), (1, 0, 74), (2, 0, 77), (2, 2, 74), (2, 3, 72), (3, 0, 74)),
    *((4, 0, 79), (4, 1.5, 81), (4, 2, 79), (4, 3, 76), (5, 0, 76), (6, 0, 74), (6, 1, 77), (6, 2, 81)),
    *((7, 0, 79), (7, 2, 76), (8, 0, 81), (8, 2, 77), (8, 3, 76), (9, 0, 79), (10, 0, 77), (10, 2, 74)),
    *((10, 3, 77), (11, 0, 72), (12, 0, 74), (12, 1, 77), (12, 2, 81), (12, 3, 82), (13, 0, 79), (13, 2, 74)),
    *((14, 0, 76), (14, 2, 81), (15, 1, 77), (15, 2, 74), (15, 3, 79)),
)
BROKEN = (0, 1, 2, 3, 1, 3, 2, 1)  # which notes of the chord the piano plays in its eight quavers
# Overtones as (multiple of the pitch, loudness, seconds to fall by 60 dB).
PIANO = ((1.0, 1.0, 2.6), (2.0, 0.45, 1.6), (3.0, 0.16, 1.0), (5.0, 0.05, 0.5))
BASS = ((1.0, 1.0, 3.2), (2.0, 0.55, 2.2), (3.0, 0.3, 1.6), (4.0, 0.12, 1.0))
VIBRAPHONE = ((1.0, 1.0, 4.0), (2.0, 0.08, 2.0), (4.0, 0.22, 1.2), (9.2, 0.03, 0.2))
CHIME = ((1.0, 1.0, 0.9), (2.0, 0.12, 0.6), (4.0, 0.1, 0.3))
# The tones: seconds after the beginning, note. Up is come, down is gone, the same note twice is a recording.
TONES = {
    "join": ((0.0, 72), (0.14, 77)),
    "leave": ((0.0, 77), (0.14, 72)),
    "record": ((0.0, 81), (0.22, 81)),
}
TONE_SECONDS = 0.75
TONE_LEVEL = -24.0  # dBFS measured as speech is: softer than it, because a tone comes while somebody speaks
STRINGS = (1.0, 0.55, 0.33, 0.2, 0.12, 0.07)  # loudness of overtone 1, 2, 3 ...


def compose() -> list[float]:
    """The whole piece: 48 s at 16 kHz."""
    piece = [0.0] * (BAR * len(CHORDS))
    for bar, (bass, *chord) in enumerate(CHORDS):
        start = bar * BAR
        _add(piece, start, _struck(bass, BASS, 0.012), 0.24)
        _add(piece, start + 2 * BEAT, _struck(bass, BASS, 0.012), 0.17)
        for note in chord:
            _add(piece, start - BEAT // 4, _bowed(note), 0.085)
        for quaver, index in enumerate(BROKEN):
            accent = 1.0 if quaver % 4 == 0 else 0.72 + 0.08 * (quaver % 3)
            _add(piece, start + quaver * BEAT // 2, _struck(chord[index], PIANO, 0.006), 0.17 * accent)
    for bar, beat, note in MELODY:
        _add(piece, bar * BAR + int(beat * BEAT), _struck(note, VIBRAPHONE, 0.010), 0.18)
    wet = _reverberated(piece)
    return _levelled([dry + 0.3 * echo for dry, echo in zip(piece, wet, strict=True)])


def tone(name: str) -> list[float]:
    """One of TONES, at 16 kHz: a soft chime that has died away when it ends."""
    samples = [0.0] * round(TONE_SECONDS * sound.RATE)
    for seconds, note in TONES[name]:
        start = round(seconds * sound.RATE)
        struck = _struck(note, CHIME, 0.010)
        for index, sample in enumerate(struck[: len(samples) - start], start):
            samples[index] += sample
    release = round(0.3 * sound.RATE)
    for index in range(release):
        samples[-1 - index] *= 0.5 - 0.5 * math.cos(math.pi * index / release)
    gain = 10 ** ((TONE_LEVEL - sound.speech_level(samples)) / 20)
    return [gain * sample for sample in samples]


def _frequency(note: float) -> float:
    return 440.0 * 2 ** ((note - 69) / 12)


def _add(piece: list[float], start: int, note: Sequence[float], gain: float) -> None:
    """Mix a note in; what runs over the end goes on at the beginning."""
    length = len(piece)
    for index, sample in enumerate(note, start):
        piece[index % length] += gain * sample


def _struck(note: float, overtones: Sequence[tuple[float, float, float]], attack: float) -> list[float]:
    """A string or bar struck once: each overtone is a damped resonance (two multiplications a sample)."""
    length = round(sound.RATE * max(fall for _, _, fall in overtones))
    result = [0.0] * length
    for multiple, loudness, fall in overtones:
        angle = 2 * math.pi * _frequency(note) * multiple / sound.RATE
        if angle > 0.85 * math.pi:
            continue
        damping = 10 ** (-3 / (fall * sound.RATE))
        forward, back = 2 * damping * math.cos(angle), -damping * damping
        before, now = 0.0, loudness * math.sin(angle)
        for index in range(round(fall * sound.RATE)):
            result[index] += now
            before, now = now, forward * now + back * before
    rise = round(attack * sound.RATE)
    for index in range(rise):
        result[index] *= 0.5 - 0.5 * math.cos(math.pi * index / rise)
    return result


def _bowed(note: float) -> list[float]:
    """A held note of a string section: two players four cents apart, slow to come and to go, over a bar and a half."""
    size = 4096
    table = [
        sum(loud * math.sin(2 * math.pi * (n + 1) * index / size) for n, loud in enumerate(STRINGS))
        for index in range(size)
    ]
    length, rise, fall = BAR + BEAT, round(0.9 * sound.RATE), round(1.4 * sound.RATE)
    steps = [_frequency(note + cents / 100) * size / sound.RATE for cents in (-2, 2)]
    envelope = [1.0] * length
    for index in range(rise):
        envelope[index] = 0.5 - 0.5 * math.cos(math.pi * index / rise)
    for index in range(fall):
        envelope[length - 1 - index] = 0.5 - 0.5 * math.cos(math.pi * index / fall)
    first, second = steps
    return [
        loud * (table[int(first * index) % size] + table[int(second * index + size // 3) % size])
        for index, loud in enumerate(envelope)
    ]


def _reverberated(piece: Sequence[float]) -> list[float]:
    """A small hall: four damped echoes side by side, then two all-passes (Schroeder 1962)."""
    wet = [0.0] * len(piece)
    for delay in (887, 1019, 1129, 1277):  # 55 to 80 ms, without a common factor
        wet = [mixed + echo for mixed, echo in zip(wet, _circular(piece, _comb(delay)), strict=True)]
    for delay in (233, 79):
        wet = _circular(wet, _all_pass(delay))
    return [0.25 * sample for sample in wet]


def _circular(piece: Sequence[float], effect: Callable[[Sequence[float]], Iterator[float]]) -> list[float]:
    """The effect on a piece that has been looping for ever: its last eight seconds go before it."""
    run_in = 8 * sound.RATE
    return list(effect([*piece[-run_in:], *piece]))[run_in:]


def _comb(delay: int) -> Callable[[Sequence[float]], Iterator[float]]:
    def effect(samples: Sequence[float]) -> Iterator[float]:
        line, low = [0.0] * delay, 0.0
        for index, sample in enumerate(samples):
            echo = line[index % delay]
            low += 0.6 * (echo - low)  # high notes die first, as in a room
            line[index % delay] = sample + 0.78 * low
            yield echo

    return effect


def _all_pass(delay: int) -> Callable[[Sequence[float]], Iterator[float]]:
    def effect(samples: Sequence[float]) -> Iterator[float]:
        line = [0.0] * delay
        for index, sample in enumerate(samples):
            echo = line[index % delay]
            line[index % delay] = sample + 0.6 * echo
            yield echo - 0.6 * line[index % delay]

    return effect


def _levelled(piece: Sequence[float]) -> list[float]:
    """The piece at LEVEL, or softer where its peaks would pass CEILING."""
    gain = min(10 ** (LEVEL / 20) / sound.rms(piece), 10 ** (CEILING / 20) / sound.peak(piece))
    return [gain * sample for sample in piece]
