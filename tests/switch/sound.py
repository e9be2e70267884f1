"""Sound as numbers: WAV files, growing recordings, loudness, tones. numpy only.

Everything is 8 kHz mono in floats (1.0 = full scale), which is all that G.711 carries.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from callcontrol import wav

Samples: TypeAlias = NDArray[np.float32]

RATE = 8000  # Hz
SILENCE = -55.0  # dBFS; G.711 silence is at -80
HEADER = struct.Struct("<20sHHIIHH4sI")  # of a WAV as PJSIP writes it; the last field is the length of the sound


def read_wav(path: Path) -> Samples:
    """A mono WAV of 16 bit or mu-law at 8 kHz or a multiple of it, brought to 8 kHz. Raises WavError, ValueError."""
    sound = wav.read(path)
    if sound.rate % RATE:
        raise ValueError(f"{path}: {sound.rate} Hz; wanted n * {RATE}")
    return _decimated(_floats(np.array(sound.samples(), "<i2").tobytes()), sound.rate // RATE)


def _floats(raw: bytes) -> Samples:
    return np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768)


def _decimated(samples: Samples, factor: int) -> Samples:
    if factor == 1:
        return samples
    taps = np.arange(-16 * factor, 16 * factor + 1)
    low_pass = np.sinc(taps / factor * 0.95) * np.hamming(len(taps))
    return np.convolve(samples, low_pass / low_pass.sum(), "same")[::factor].astype(np.float32)


class Recording:
    """A WAV another process is still writing; the length in its header is 0 until that process closes the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples: Samples = np.zeros(0, np.float32)
        self.finished = False
        self._read = 0

    def update(self) -> bool:
        """Take in what was written since; False when that was nothing. Raises ValueError unless it is 16 bit, 8 kHz."""
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
    """Amplitude of the sine of ``hz`` in dBFS (a sine that fills the scale has 0): one bin of a Hann-windowed DFT."""
    if not len(samples):
        return -120.0
    window = np.hanning(len(samples))
    turn = np.exp(-2j * np.pi * hz / RATE * np.arange(len(samples)))
    amplitude = 2 * abs(np.sum(samples * window * turn)) / np.sum(window)
    return 20 * float(np.log10(max(amplitude, 1e-6)))


def has_tone(samples: Samples, hz: float, at_least: float = -50.0) -> bool:
    """Whether a pure tone of ``hz`` is there; wants 0.2 s or more.

    It must have ``at_least`` so many dBFS and lie 15 dB above what is 60 and 120 Hz beside it, which speech never does.
    """
    level = tone_level(samples, hz)
    return level >= at_least and level >= 15 + max(tone_level(samples, hz + off) for off in (-120, -60, 60, 120))
