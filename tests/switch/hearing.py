"""What can be heard in a recording: tones, silence, music, and which prompts in which language. numpy only; knows nothing of SIP or FreeSWITCH.

Everything works on 8 kHz mono float samples (1.0 = full scale), which is all that G.711 carries; times are seconds from the start of the recording.

A prompt is recognised in two steps. (1) The first second of every prompt is compared with the recording as a picture of 18 bands in steps of 16 ms, all prompts
at once through one FFT: cheap, and blind to volume, but prompts that begin alike look alike. (2) Each candidate is then followed wave by wave in blocks of
0.2 s to its very end; a block may lie 60 ms off, because a jitter buffer drops or repeats frames. A prompt is heard when nearly all its blocks fit, and is only
believed when no longer prompt that begins the same way can still be going on.
"""

from __future__ import annotations

import struct
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32]
Key: TypeAlias = tuple[str, str]  # (language, name)

RATE = 8000  # Hz
HOP, WIDTH = 128, 256  # samples per step and per spectrum: 16 ms and 32 ms
HEAD = 1.0  # s of a prompt that make it a candidate
SCAN = 12.0  # s looked through at once
BLOCK = 1600  # samples (0.2 s) that must agree in one piece
SLIP = 480  # samples (60 ms) a block may lie beside its place
LIKELY = 0.55  # likeness of the picture that makes a candidate; the right prompt has > 0.8
ALIKE = 0.75  # correlation of the waves in a block; the right prompt has > 0.9, the same voice saying something else up to 0.7
QUIET = 12.0  # dB; blocks so much softer than the whole prompt prove nothing
SILENCE = -55.0  # dBFS; G.711 silence is at -80
STRAY = 3  # blocks running that disagree: another prompt, or none
SAME = 0.005  # two prompts whose scores differ less are the same sound; "press one" and "press two" differ by 0.03
CUT = 0.3  # s at the end of a prompt that a jitter buffer swallows when the call ends with it
HEADER = struct.Struct("<20sHHIIHH4sI")  # a WAV as PJSIP writes it; the last field is the length of the sound
PARTLY = 0.6  # s of a prompt that must have been heard to call it cut short


def read_wav(path: Path) -> Samples:
    """A mono 16-bit WAV at 8 kHz or a multiple of it, brought to 8 kHz. Raises ValueError for anything else."""
    with wave.open(str(path)) as file:
        rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
        if channels != 1 or width != 2 or rate % RATE:
            raise ValueError(
                f"{path}: {channels} channels, {8 * width} bit, {rate} Hz; wanted: 1, 16 bit, a multiple of {RATE} Hz"
            )
        return _decimated(_floats(file.readframes(file.getnframes())), rate // RATE)


def _floats(raw: bytes) -> Samples:
    return np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768)


def _decimated(samples: Samples, factor: int) -> Samples:
    if factor == 1:
        return samples
    taps = np.arange(-16 * factor, 16 * factor + 1)
    low_pass = np.sinc(taps / factor * 0.95) * np.hamming(len(taps))
    return np.convolve(samples, low_pass / low_pass.sum(), "same")[::factor].astype(np.float32)


class Recording:
    """A WAV that another process is still writing. Its header's length is not trusted: what lies behind the first ``data`` mark is sound."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples: Samples = np.zeros(0, np.float32)
        self.finished = False  # the writer fills in the header's length when it closes the file
        self._read = 0

    @property
    def seconds(self) -> float:
        """How much has been heard up to the last ``update``."""
        return len(self.samples) / RATE

    def update(self) -> bool:
        """Take in what was written since; False when that was nothing. Raises ValueError when the recording is not 16-bit mono at 8 kHz."""
        with self.path.open("rb") as file:
            header = file.read(HEADER.size)
            if len(header) < HEADER.size:
                return False
            _, _, channels, rate, _, _, bits, _, length = HEADER.unpack(header)
            if (channels, rate, bits) != (1, RATE, 16):
                raise ValueError(f"{self.path}: {channels} channels, {rate} Hz, {bits} bit")
            self.finished = length > 0  # told before the rest is read, so that the rest is complete
            file.seek(HEADER.size + self._read)
            raw = file.read()
        whole = len(raw) // 2 * 2
        self._read += whole
        self.samples = np.concatenate((self.samples, _floats(raw[:whole])))
        return whole > 0


def loudness(samples: Samples) -> float:
    """RMS in dBFS; -120 for digital silence and for nothing at all."""
    power = float(np.mean(np.square(samples))) if len(samples) else 0.0
    return 10 * float(np.log10(max(power, 1e-12)))


def tone_level(samples: Samples, hz: float) -> float:
    """Amplitude of the sine of ``hz`` in dBFS (a sine that fills the scale has 0), by one bin of a Hann-windowed Fourier transform."""
    if not len(samples):
        return -120.0
    window = np.hanning(len(samples))
    turn = np.exp(-2j * np.pi * hz / RATE * np.arange(len(samples)))
    amplitude = 2 * abs(np.sum(samples * window * turn)) / np.sum(window)
    return 20 * float(np.log10(max(amplitude, 1e-6)))


def has_tone(samples: Samples, hz: float, at_least: float = -50.0) -> bool:
    """Whether a pure tone of ``hz`` is there: loud enough (dBFS), and 15 dB above what lies 60 and 120 Hz beside it, as speech never is. Wants >= 0.2 s."""
    beside = max(tone_level(samples, hz + off) for off in (-120, -60, 60, 120))
    level = tone_level(samples, hz)
    return level >= at_least and level >= beside + 15


def _bands(count: int = 18) -> NDArray[np.float32]:
    edges = np.geomspace(200, 3600, count + 1) * WIDTH / RATE
    bins = np.arange(WIDTH // 2 + 1)
    rows = [
        (bins >= np.floor(a)) & (bins < max(np.floor(b), np.floor(a) + 1))
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    return np.array(rows, np.float32)


BANDS = _bands()
HANN = np.hanning(WIDTH).astype(np.float32)


def picture(samples: Samples) -> NDArray[np.float32]:
    """Loudness (log) per band and step of 16 ms: an array (bands, steps)."""
    steps = max(0, (len(samples) - WIDTH) // HOP + 1)
    if not steps:
        return np.zeros((len(BANDS), 0), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, WIDTH)[::HOP] * HANN
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    return np.log(BANDS @ power.T.astype(np.float32) + np.float32(0.01)).astype(np.float32)


def likeness(template: NDArray[np.float32], sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Normalised correlation of one picture with every place of a longer one; -1 to 1, one value per step."""
    size = 1 << (sound.shape[1] + template.shape[1]).bit_length()
    spectra = np.conj(np.fft.rfft(_centred(template), size, axis=1))[None]
    return _likeness(spectra, [template.shape[1]], sound, size)[0]


def _centred(template: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each band without its mean, the whole of length 1: loudness and colour of the line no longer matter."""
    centred = template - template.mean(axis=1, keepdims=True)
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-6), np.float32)


def _likeness(
    spectra: NDArray[np.complex64], lengths: list[int], sound: NDArray[np.float32], size: int
) -> NDArray[np.float32]:
    steps = sound.shape[1]
    sound = sound - sound.mean(axis=1, keepdims=True)
    products = np.einsum("pbf,bf->pf", spectra, np.fft.rfft(sound, size, axis=1).astype(np.complex64))
    raw = np.fft.irfft(products, size, axis=1)[:, :steps]
    once = np.pad(np.cumsum(sound, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    twice = np.pad(np.cumsum(np.sum(np.square(sound), axis=0), dtype=np.float64), (1, 0))
    for length in set(lengths):
        places = max(0, steps - length + 1)
        sums = once[:, length : length + places] - once[:, :places]
        power = twice[length : length + places] - twice[:places] - np.sum(sums**2, axis=0) / length
        rows = [index for index, own in enumerate(lengths) if own == length]
        raw[rows, :places] /= np.sqrt(
            np.maximum(power, length * 0.5)
        )  # the floor keeps silence from looking like anything
        raw[rows, places:] = 0
    return np.asarray(raw, np.float32)


def correlation(block: Samples, sound: Samples) -> tuple[float, int]:
    """The best normalised correlation of ``block`` with a place of ``sound``, and that place (samples)."""
    places = len(sound) - len(block) + 1
    if places < 1:
        return 0.0, 0
    size = 1 << (len(sound) + len(block)).bit_length()
    raw = np.fft.irfft(np.conj(np.fft.rfft(block, size)) * np.fft.rfft(sound, size), size)[:places]
    power = np.pad(np.cumsum(np.square(sound, dtype=np.float64)), (1, 0))
    energy = np.maximum(power[len(block) :] - power[: -len(block)], 1e-6)
    values = raw / np.sqrt(energy * float(np.sum(np.square(block))) + 1e-12)
    best = int(np.argmax(values))
    return float(values[best]), best


def _agreement(block: Samples, sound: Samples) -> tuple[float, int]:
    """The correlation of a block; one in which the jitter buffer dropped or repeated a frame is compared in halves, at a discount: less sound proves less."""
    value, place = correlation(block, sound)
    if value >= ALIKE:
        return value, place
    half = len(block) // 2
    (first, _), (second, behind) = correlation(block[:half], sound), correlation(block[half:], sound)
    halves = (first + second) / 2 - 0.1
    return (halves, behind - half) if halves > value else (value, place)


@dataclass(frozen=True)
class Heard:
    """One prompt in the recording. ``keys`` has more than one entry only for prompts that sound the same to the end; ``whole`` is False when it was cut short."""

    keys: frozenset[Key]
    start: float
    end: float
    score: float
    whole: bool

    def __str__(self) -> str:
        names = " or ".join(f"{language}/{name}" for language, name in sorted(self.keys))
        return f"{names}{'' if self.whole else ' (cut short)'} at {self.start:.2f}-{self.end:.2f} s, score {self.score:.2f}"


@dataclass(frozen=True)
class _Fit:
    """How far one prompt could be followed from one place, in samples. ``left``: what could not be compared because the recording ends."""

    key: Key
    start: int
    end: int
    score: float
    fits: bool
    left: int = 0


@dataclass
class Prompts:
    """Every prompt of every language, ready to be searched for."""

    sounds: dict[Key, Samples]
    _heads: list[int] = field(init=False)
    _spectra: NDArray[np.complex64] = field(init=False)

    @classmethod
    def of_folder(cls, folder: Path) -> Prompts:
        """All ``folder/<language>/<name>.wav``; ``music`` is no language."""
        files = sorted(path for path in folder.glob("*/*.wav") if path.parent.name != "music")
        return cls({(path.parent.name, path.stem): read_wav(path) for path in files})

    def __post_init__(self) -> None:
        pictures = [picture(sound[: int(HEAD * RATE)]) for sound in self.sounds.values()]
        self._heads = [p.shape[1] for p in pictures]
        self._size = 1 << int(SCAN * RATE / HOP + HEAD * RATE / HOP).bit_length()
        spectra = [np.conj(np.fft.rfft(_centred(p), self._size, axis=1)).astype(np.complex64) for p in pictures]
        self._spectra = np.array(spectra) if spectra else np.zeros((0, len(BANDS), self._size // 2 + 1), np.complex64)

    def candidates(self, samples: Samples) -> list[tuple[int, Key]]:
        """Where the first second of a prompt may begin: (sample, prompt), in order of time. At most SCAN seconds are looked at."""
        found: list[tuple[int, Key]] = []
        if len(samples) < WIDTH:
            return found
        likely = _likeness(self._spectra, self._heads, picture(samples[: int(SCAN * RATE)]), self._size)
        for row, key in zip(likely, self.sounds, strict=True):
            inner = np.pad(row, 1, constant_values=-1)
            peaks = np.flatnonzero((row > LIKELY) & (row >= inner[:-2]) & (row >= inner[2:]))
            found += [(int(step) * HOP, key) for step in peaks]
        return sorted(found)

    def follow(self, samples: Samples, start: int, key: Key) -> _Fit:
        """Compare the waves block by block from ``start`` until they disagree STRAY times running, the prompt ends, or the recording does."""
        sound = self.sounds[key]
        floor = loudness(sound) - QUIET
        good, voiced, bad_run, drift, end, score = 0, 0, 0, 0, start, 0.0
        for place in range(0, len(sound), BLOCK):
            block = sound[place : place + BLOCK]
            at = start + place + drift
            if len(block) < BLOCK // 4 or loudness(block) < floor:
                continue
            if at + len(block) + SLIP // 2 > len(samples):
                return _Fit(key, start, end, score / max(voiced, 1), True, len(sound) - place)
            value, offset = _agreement(block, samples[max(0, at - SLIP) : at + len(block) + SLIP])
            voiced, score = voiced + 1, score + value
            if value >= ALIKE:
                good, bad_run, end = good + 1, 0, at + len(block)
                drift += offset - min(SLIP, at)
            else:
                bad_run += 1
            if bad_run == STRAY or (bad_run and voiced == 1):
                return _Fit(key, start, end, score / voiced, False)
        fits = voiced > 0 and good >= 0.85 * voiced
        return _Fit(key, start, max(end, start + len(sound) + drift) if fits else end, score / max(voiced, 1), fits)


class Listener:
    """Follows one recording and writes down, in order, the prompts heard in it."""

    def __init__(self, prompts: Prompts, recording: Recording) -> None:
        self.recording = recording
        self.heard: list[Heard] = []
        self._prompts = prompts
        self._from = 0  # samples; everything before is settled

    def update(self, over: bool = False) -> list[Heard]:
        """Listen to what is new, answer everything heard so far. ``over``: nothing will follow, so undecided prompts are decided."""
        if self.recording.update() or over:
            while self._step(over):
                pass
        return self.heard

    def going_on(self) -> list[Key]:
        """The prompts that may be playing at this moment: one, as soon as what was heard of it differs from every other. Empty before PARTLY seconds."""
        for rivals in self._rivals():
            open_ends = [fit for fit in rivals if fit.fits and fit.left]
            if open_ends:
                return [fit.key for fit in open_ends if fit.end - fit.start >= PARTLY * RATE]
        return []

    def _rivals(self) -> Iterator[list[_Fit]]:
        """For each place where something may begin, in order: all prompts that may begin there, followed as far as possible."""
        samples = self.recording.samples
        found = [(at + self._from, key) for at, key in self._prompts.candidates(samples[self._from :])]
        for begin in dict.fromkeys(at for at, _ in found):
            yield [self._prompts.follow(samples, at, key) for at, key in found if abs(at - begin) <= SLIP]

    def _step(self, over: bool) -> bool:
        """Settle the next prompt or stretch of other sound; False when more has to be heard first."""
        for rivals in self._rivals():
            if not over and any(fit.fits and fit.left for fit in rivals):
                return self._settle(rivals[0].start - SLIP, None)
            whole = [fit for fit in rivals if fit.fits and fit.left <= CUT * RATE]
            fits = whole or [fit for fit in rivals if fit.end - fit.start >= PARTLY * RATE]
            if fits:
                longest = max(fit.end for fit in fits)
                return self._settle(
                    longest - SLIP, _heard([fit for fit in fits if longest - fit.end < BLOCK], bool(whole))
                )
        end = len(self.recording.samples)
        return self._settle(min(end - int(HEAD * RATE) - 2 * WIDTH, self._from + int((SCAN - HEAD) * RATE)), None)

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

    def __init__(self, folder: Path) -> None:
        self._pieces = [(read_wav(path)) for path in sorted(folder.glob("*.wav"))]
        if not self._pieces:
            raise FileNotFoundError(f"no music in {folder}")
        self._pictures = [picture(piece) for piece in self._pieces]

    def plays_in(self, samples: Samples) -> bool:
        """Whether these samples (1 s or more) are a stretch of one of the pieces."""
        if loudness(samples) < SILENCE:
            return False
        snippet = picture(samples)
        return any(
            self._is_in(piece, shown, samples, snippet)
            for piece, shown in zip(self._pieces, self._pictures, strict=True)
        )

    def _is_in(
        self, piece: Samples, shown: NDArray[np.float32], samples: Samples, snippet: NDArray[np.float32]
    ) -> bool:
        if snippet.shape[1] >= shown.shape[1]:
            return False
        likely = likeness(snippet, shown)
        for step in np.argsort(likely)[:-6:-1]:
            at = int(step) * HOP
            blocks = range(0, len(samples) - BLOCK + 1, BLOCK)
            values = [
                correlation(samples[p : p + BLOCK], piece[max(0, at + p - SLIP) : at + p + BLOCK + SLIP])[0]
                for p in blocks
            ]
            if values and np.median(values) >= 0.7:
                return True
        return False
