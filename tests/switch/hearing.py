"""Which prompt, in which language, or what music is in a recording. Knows nothing of SIP.

A prompt is recognised in two steps. (1) The first second of every prompt is compared with the recording as a picture
of 18 bands in steps of 16 ms, all prompts at once through one FFT: cheap, and blind to volume, but prompts that begin
alike look alike. (2) Each candidate is then followed wave by wave in blocks of 0.2 s to its very end; a block may lie
60 ms off, because a jitter buffer drops or repeats frames. A prompt is heard when nearly all its blocks fit, and is
only believed when no longer prompt that begins the same way can still be going on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tests.switch.sound import RATE, SILENCE, Recording, Samples, loudness, read_wav

Key: TypeAlias = tuple[str, str]  # (language, name)
Picture: TypeAlias = NDArray[np.float32]  # (bands, steps)

HOP, WIDTH = 128, 256  # samples per step and per spectrum: 16 ms and 32 ms
HEAD = 1.0  # s of a prompt that make it a candidate
SHORTEST = 0.5  # s; a word of less ("of", "star") is found in the middle of other prompts
SCAN = 12.0  # s looked through at once
BLOCK = 1600  # samples (0.2 s) that must agree in one piece
SLIP = 480  # samples (60 ms) a block may lie beside its place
GAP = 1440  # samples (180 ms) that may be missing or too much in the middle of a prompt, on a busy machine
NEAR = 2400  # samples (0.3 s) within which prompts that share words seem to begin; the shortest prompt is longer
LIKELY = 0.55  # likeness of the picture that makes a candidate; the right prompt has > 0.8
ALIKE = 0.75  # correlation of the waves in a block; the right prompt has > 0.9, the voice saying other words < 0.7
SURE = 0.95  # correlation of a block far beside its place: nothing but itself is so much like it
MOST = 0.85  # of the blocks must agree
STRAY = 3  # blocks running that disagree: another prompt, or none
QUIET = 12.0  # dB; blocks so much softer than the whole prompt prove nothing
SAME = 0.005  # prompts whose scores differ less are the same sound; "press one" and "press two" differ by 0.05
CUT = 0.3  # s at the end of a prompt that a jitter buffer swallows when the call ends with it
PARTLY = 0.6  # s of a prompt that must have been heard to call it cut short
MUSICAL = 0.7  # median correlation of the blocks of music; other music has < 0.5


def _bands(count: int = 18) -> NDArray[np.float32]:
    edges = np.geomspace(200, 3600, count + 1) * WIDTH / RATE
    bins = np.arange(WIDTH // 2 + 1)
    return np.array([(bins >= int(a)) & (bins < max(int(b), int(a) + 1)) for a, b in pairwise(edges)], np.float32)


BANDS = _bands()
HANN = np.hanning(WIDTH).astype(np.float32)


def picture(samples: Samples) -> Picture:
    """Loudness (log) per band and step of 16 ms."""
    if len(samples) < WIDTH:
        return np.zeros((len(BANDS), 0), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, WIDTH)[::HOP] * HANN
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    return np.asarray(np.log(BANDS @ power.T.astype(np.float32) + np.float32(0.01)), np.float32)


class Templates:
    """Pictures to be looked for in longer pictures, all at once."""

    def __init__(self, pictures: list[Picture], longest: int) -> None:
        """``longest``: steps of the longest picture they will be looked for in."""
        self._lengths = [shown.shape[1] for shown in pictures]
        self._size = 1 << (longest + max(self._lengths, default=0)).bit_length()
        spectra = [np.conj(np.fft.rfft(_centred(shown), self._size, axis=1)) for shown in pictures]
        self._spectra = np.array(spectra, np.complex64)

    def likeness(self, sound: Picture) -> NDArray[np.float32]:
        """Normalised correlation (-1 to 1) of each template (rows) with each place of the picture (columns)."""
        steps = sound.shape[1]
        sound = sound - sound.mean(axis=1, keepdims=True)
        spectrum = np.fft.rfft(sound, self._size, axis=1).astype(np.complex64)
        raw = np.fft.irfft(np.einsum("pbf,bf->pf", self._spectra, spectrum), self._size, axis=1)[:, :steps]
        once = np.pad(np.cumsum(sound, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
        twice = np.pad(np.cumsum(np.sum(np.square(sound), axis=0), dtype=np.float64), (1, 0))
        for length in set(self._lengths):
            rows = [row for row, own in enumerate(self._lengths) if own == length]
            places = max(0, steps - length + 1)
            sums = once[:, length : length + places] - once[:, :places]
            power = twice[length : length + places] - twice[:places] - np.sum(sums**2, axis=0) / length
            raw[rows, :places] /= np.sqrt(np.maximum(power, length * 0.5))  # so that silence looks like nothing
            raw[rows, places:] = 0
        return np.asarray(raw, np.float32)


def _centred(template: Picture) -> Picture:
    """Each band without its mean, the whole of length 1: loudness and colour of the line no longer matter."""
    centred = template - template.mean(axis=1, keepdims=True)
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-6), np.float32)


def correlation(block: Samples, sound: Samples) -> tuple[float, int]:
    """The best normalised correlation of ``block`` with a place of ``sound``, and that place (samples)."""
    if len(sound) < len(block) or not len(block):
        return 0.0, 0
    size = 1 << (len(sound) + len(block)).bit_length()
    raw = np.fft.irfft(np.conj(np.fft.rfft(block, size)) * np.fft.rfft(sound, size), size)
    power = np.pad(np.cumsum(np.square(sound, dtype=np.float64)), (1, 0))
    energy = np.maximum(power[len(block) :] - power[: -len(block)], 1e-6)
    values = raw[: len(energy)] / np.sqrt(energy * float(np.sum(np.square(block))) + 1e-12)
    best = int(np.argmax(values))
    return float(values[best]), best


def _agreement(block: Samples, sound: Samples) -> tuple[float, int]:
    """The correlation of a block. One in which frames are missing or twice is compared in halves, at a discount.

    Halves that lie further apart are two other sounds, such as vowels.
    """
    value, place = correlation(block, sound)
    if value >= ALIKE:
        return value, place
    half = len(block) // 2
    (first, ahead), (second, behind) = correlation(block[:half], sound), correlation(block[half:], sound)
    halves = (first + second) / 2 - 0.1
    return (halves, behind - half) if halves > value and abs(behind - half - ahead) <= SLIP else (value, place)


def _beside(block: Samples, samples: Samples, at: int, *, far: bool) -> tuple[float, int]:
    """The correlation of a block with what is near its place ``at``, and how far from there (samples)."""
    value, offset = _agreement(block, samples[max(0, at - SLIP) : at + len(block) + SLIP])
    if far and value < ALIKE:
        other, behind = correlation(block, samples[max(0, at - GAP) : at + len(block) + GAP])
        if other > SURE:
            return other, behind - min(GAP, at)
    return value, offset - min(SLIP, at)


@dataclass(frozen=True)
class Heard:
    """One prompt in the recording, in seconds from its start. ``whole`` is False when it was cut short.

    ``keys`` has more than one entry only for prompts that sound the same to the end.
    """

    keys: frozenset[Key]
    start: float
    end: float
    score: float
    whole: bool

    def __str__(self) -> str:
        names = " or ".join(f"{language}/{name}" for language, name in sorted(self.keys))
        return f"{names}{'' if self.whole else ' (cut short)'}"


@dataclass(frozen=True)
class _Fit:
    """How far a prompt could be followed (samples). ``left``: what was not compared because the recording ends."""

    key: Key
    start: int
    end: int
    score: float
    fits: bool
    left: int = 0
    clear: bool = True  # nearly all blocks agreed up to ``end``


class Prompts:
    """Every prompt of every language, ready to be searched for."""

    def __init__(self, sounds: Mapping[Key, Samples]) -> None:
        """``sounds``: at least one; keys are (language, name)."""
        self.sounds = sounds
        heads = [picture(sound[: int(HEAD * RATE)]) for sound in sounds.values()]
        self._heads = Templates(heads, int(SCAN * RATE / HOP))

    @classmethod
    def of_folder(cls, folder: Path) -> Prompts:
        """All ``folder/<language>/<name>.wav`` but words that are too short for it; ``music`` is no language."""
        files = sorted(path for path in folder.glob("*/*.wav") if path.parent.name != "music")
        sounds = {(path.parent.name, path.stem): read_wav(path) for path in files}
        return cls({key: sound for key, sound in sounds.items() if len(sound) >= SHORTEST * RATE})

    def seconds(self, name: str) -> float:
        """Length of this prompt in the language that takes longest; 0 when there is none."""
        return max((len(sound) / RATE for (_, own), sound in self.sounds.items() if own == name), default=0.0)

    def candidates(self, samples: Samples) -> list[tuple[int, Key]]:
        """Where in the first SCAN seconds which prompt may begin: (sample, prompt), in order of time."""
        if len(samples) < WIDTH:
            return []
        found: list[tuple[int, Key]] = []
        likely = self._heads.likeness(picture(samples[: int(SCAN * RATE)]))
        for row, key in zip(likely, self.sounds, strict=True):
            beside = np.pad(row, 1, constant_values=-1)
            peaks = np.flatnonzero((row > LIKELY) & (row >= beside[:-2]) & (row >= beside[2:]))
            found += [(int(step) * HOP, key) for step in peaks]
        return sorted(found)

    def follow(self, samples: Samples, start: int, key: Key) -> _Fit:
        """Compare the waves from ``start`` until STRAY blocks running disagree, the prompt ends or the recording."""
        sound = self.sounds[key]
        floor = loudness(sound) - QUIET
        good, voiced, stray, drift, end, total = 0, 0, 0, 0, start, 0.0
        for place in range(0, len(sound), BLOCK):
            block = sound[place : place + BLOCK]
            at = start + place + drift
            if len(block) < BLOCK // 4 or loudness(block) < floor:
                continue
            if at + len(block) + SLIP // 2 > len(samples):
                return _Fit(key, start, end, total / max(voiced, 1), True, len(sound) - place)
            value, aside = _beside(block, samples, at, far=good > stray)
            voiced, total = voiced + 1, total + value
            if value >= ALIKE:
                drift += aside
                good, stray, end = good + 1, 0, start + place + drift + len(block)
            else:
                stray += 1
            if stray == STRAY or (voiced == 2 and not good):
                return _Fit(key, start, end, total / voiced, False, clear=good >= MOST * (voiced - stray))
        fits = voiced > 0 and good >= MOST * voiced
        reached = max(end, start + len(sound) + drift) if fits else end
        return _Fit(key, start, reached, total / max(voiced, 1), fits, clear=good >= MOST * (voiced - stray))


class Listener:
    """Follows one recording and writes down, in order, the prompts heard in it."""

    def __init__(self, prompts: Prompts, recording: Recording) -> None:
        self.recording = recording
        self.heard: list[Heard] = []
        self._prompts = prompts
        self._from = 0  # samples; everything before is settled

    def update(self, over: bool = False) -> list[Heard]:
        """Listen to what is new; everything heard so far. ``over``: nothing will follow, so decide what is open."""
        if self.recording.update() or over:
            while self._step(over):
                pass
        return self.heard

    def going_on(self) -> list[Key]:
        """What may be playing now: one prompt once it differs from all others; none in the first PARTLY seconds."""
        for _, rivals in self._rivals():
            playing = [fit for fit in rivals if fit.fits and fit.left]
            if playing:
                return [fit.key for fit in playing if fit.end - fit.start >= PARTLY * RATE]
        return []

    def _rivals(self) -> Iterator[tuple[int, list[_Fit]]]:
        """Each place where something may begin, in order, and all that may begin there, followed as far as possible."""
        samples = self.recording.samples
        found = [(at + self._from, key) for at, key in self._prompts.candidates(samples[self._from :])]
        for begin in dict.fromkeys(at for at, _ in found):
            yield begin, [self._prompts.follow(samples, at, key) for at, key in found if abs(at - begin) <= NEAR]

    def _step(self, over: bool) -> bool:
        """Settle the next prompt or stretch of other sound; False when more has to be heard first."""
        end = len(self.recording.samples)
        known = end - int(HEAD * RATE) - 2 * WIDTH  # what begins later is no candidate yet, unless it is short
        for begin, rivals in self._rivals():
            if not over and (begin > known - NEAR or any(fit.fits and fit.left for fit in rivals)):
                return self._settle(min(rivals[0].start - SLIP, known), None)
            whole = [fit for fit in rivals if fit.fits and fit.left <= CUT * RATE]
            fits = whole or [
                fit for fit in rivals if fit.start == begin and fit.clear and fit.end - begin >= PARTLY * RATE
            ]
            if fits:
                longest = max(fit.end for fit in fits)
                heard = _heard([fit for fit in fits if longest - fit.end < BLOCK], bool(whole))
                # Of a prompt that was cut short the last block may belong to what follows.
                return self._settle(longest - SLIP - (0 if whole else BLOCK), heard)
        return self._settle(min(known, self._from + int((SCAN - HEAD) * RATE)), None)

    def _settle(self, until: int, heard: Heard | None) -> bool:
        moved = until > self._from
        self._from = max(self._from, until)
        if heard:
            self.heard.append(heard)
        return moved and (heard is not None or len(self.recording.samples) - self._from > SCAN * RATE)


def _heard(fits: list[_Fit], whole: bool) -> Heard:
    best = max(fits, key=lambda fit: fit.score)
    keys = frozenset(fit.key for fit in fits if fit.score > best.score - SAME)
    return Heard(keys, best.start / RATE, best.end / RATE, best.score, whole)


class Music:
    """The music on hold, so that it can be told from any other sound."""

    def __init__(self, pieces: list[Samples]) -> None:
        self._pieces = [(piece, picture(piece)) for piece in pieces]

    @classmethod
    def of_folder(cls, folder: Path) -> Music:
        """All WAVs of the folder. Raises FileNotFoundError when there is none."""
        files = sorted(folder.glob("*.wav"))
        if not files:
            raise FileNotFoundError(f"no music in {folder}")
        return cls([read_wav(path) for path in files])

    def plays_in(self, samples: Samples) -> bool:
        """Whether these samples (1 s or more) are a stretch of one of the pieces; False for less than two blocks."""
        if len(samples) < 2 * BLOCK or loudness(samples) < SILENCE:
            return False
        snippet = picture(samples)
        return any(self._is_in(piece, shown, samples, snippet) for piece, shown in self._pieces)

    @staticmethod
    def _is_in(piece: Samples, shown: Picture, samples: Samples, snippet: Picture) -> bool:
        if snippet.shape[1] >= shown.shape[1]:
            return False
        likely = Templates([snippet], shown.shape[1]).likeness(shown)[0]
        blocks = range(0, len(samples) - BLOCK + 1, BLOCK)
        for at in (int(step) * HOP for step in np.argsort(likely)[:-6:-1]):
            places = [(p, piece[max(0, at + p - SLIP) : at + p + BLOCK + SLIP]) for p in blocks]
            if np.median([correlation(samples[p : p + BLOCK], there)[0] for p, there in places]) >= MUSICAL:
                return True
        return False
