"""The little signal work that rendered speech needs. Standard library only, the same bytes on every run.

Samples are floats in which 1.0 is full scale; every file we write is 16 kHz, mono, G.711 mu-law (callcontrol/wav.py).
FreeSWITCH plays it to any codec.
"""

from __future__ import annotations

import array
import math
from collections.abc import Sequence
from operator import mul
from pathlib import Path

from callcontrol import wav

RATE = 16_000  # samples per second of every file we write
SPEECH_LEVEL = -20.0  # dBFS while somebody speaks: 6 dB above ITU-T P.56's -26, as loud as FreeSWITCH's own prompts
PEAK_LIMIT = -1.5  # dBFS no sample exceeds, so that no codec behind us clips
FADE = 0.005  # seconds of fade at either end, against clicks
_BLOCK = RATE // 50  # 20 ms
_ONSET = -45.0  # dB below the peak where speech begins and ends: keeps a soft "f", drops the engine's silence


def read_wav(path: Path) -> tuple[int, list[float]]:
    """Sample rate and samples of a mono WAV file of 16 bit or mu-law. Raises callcontrol.wav.WavError."""
    sound = wav.read(path)
    return sound.rate, [sample / 32768 for sample in sound.samples()]


def wav_bytes(samples: Sequence[float]) -> bytes:
    """A WAV file of 16 kHz mono mu-law; what is beyond full scale is cut off there."""
    numbers = array.array("h", (max(-32768, min(32767, round(32768 * sample))) for sample in samples))
    return wav.mulaw(numbers, RATE).file()


def decibel(ratio: float) -> float:
    """An amplitude as dBFS; silence is -120."""
    return 20 * math.log10(max(ratio, 1e-6))


def peak(samples: Sequence[float]) -> float:
    """The largest amplitude, 0.0 to 1.0."""
    return max(map(abs, samples), default=0.0)


def rms(samples: Sequence[float]) -> float:
    """The root of the mean square of all samples, 0.0 to 1.0."""
    return math.sqrt(sum(map(mul, samples, samples)) / len(samples)) if samples else 0.0


def speech_level(samples: Sequence[float]) -> float:
    """dBFS of the parts that are speech: blocks of 20 ms, gated 10 dB below their mean like ITU-R BS.1770."""
    blocks = [rms(samples[start : start + _BLOCK]) ** 2 for start in range(0, len(samples), _BLOCK)]
    if not any(blocks):
        return decibel(0.0)
    gate = 0.1 * sum(blocks) / len(blocks)
    loud = [block for block in blocks if block >= gate]
    return decibel(math.sqrt(sum(loud) / len(loud)))


def faults(path: Path, longest: float) -> list[str]:
    """What is wrong with the sound of one file, which may last ``longest`` seconds."""
    try:
        rate, samples = read_wav(path)
    except wav.WavError as error:
        return [str(error)]
    found = [] if rate == RATE else [f"has {rate} samples per second, not {RATE}"]
    if speech_level(samples) < SPEECH_LEVEL - 10:
        found.append("is silent or very quiet")
    if decibel(peak(samples)) > PEAK_LIMIT + 0.2:  # mu-law rounds a peak up by 0.16 dB at most
        found.append("is too loud or clipped")
    if len(samples) > longest * rate:
        found.append(f"lasts {len(samples) / rate:.1f} s, more than {longest:.0f}")
    return found


def tidy(samples: Sequence[float], margin: float) -> list[float]:
    """Speech with ``margin`` seconds of silence at either end, at SPEECH_LEVEL but never above PEAK_LIMIT."""
    threshold = peak(samples) * 10 ** (_ONSET / 20)
    loud = [index for index, sample in enumerate(samples) if abs(sample) > threshold]
    if not loud:
        return []
    pad = round(margin * RATE)
    around = [0.0] * pad + list(samples) + [0.0] * pad
    speech = around[loud[0] : loud[-1] + 1 + 2 * pad]
    gain = min(10 ** ((SPEECH_LEVEL - speech_level(speech)) / 20), 10 ** (PEAK_LIMIT / 20) / peak(speech))
    return faded([gain * sample for sample in speech])


def faded(samples: list[float]) -> list[float]:
    """The samples with a short linear fade at either end."""
    count = min(round(FADE * RATE), len(samples) // 2)
    for index in range(count):
        samples[index] *= index / count
        samples[-1 - index] *= index / count
    return samples


def resampled(samples: Sequence[float], rate: int) -> list[float]:
    """The samples of a file of ``rate`` at 16 kHz: a windowed sinc of 32 zero crossings, one kernel per phase."""
    if rate == RATE:
        return list(samples)
    up, down = RATE // math.gcd(rate, RATE), rate // math.gcd(rate, RATE)
    half = math.ceil(16 * max(1.0, rate / RATE))
    padded = [0.0] * half + list(samples) + [0.0] * (half + 1)
    kernels = [_kernel(phase / up, half, min(1.0, RATE / rate)) for phase in range(up)]
    result = []
    for index in range(len(samples) * up // down):
        start, phase = divmod(index * down, up)
        result.append(sum(map(mul, kernels[phase], padded[start : start + 2 * half + 1])))
    return result


def _kernel(offset: float, half: int, cutoff: float) -> list[float]:
    """A Hann-windowed low-pass of ``cutoff`` (1.0 = half the source's rate), ``offset`` samples off its middle."""
    taps = []
    for index in range(-half, half + 1):
        x = index - offset
        sinc = 1.0 if x == 0 else math.sin(math.pi * cutoff * x) / (math.pi * cutoff * x)
        window = 0.5 + 0.5 * math.cos(math.pi * x / (half + 1))
        taps.append(cutoff * sinc * max(0.0, window))
    return taps
