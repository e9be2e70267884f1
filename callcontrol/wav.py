"""WAV files of one channel in linear 16 bit or G.711 mu-law: what they hold, how long they last, and their bytes.

mu-law (ITU-T G.711) takes one byte a sample instead of two, and telephones hear no difference: most of them carry
G.711. Python's `wave` does not know it, and `audioop` is gone from Python 3.13.
"""

from __future__ import annotations

import array
import struct
import sys
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

from callcontrol.errors import CallControlError

_RIFF = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")  # format tag, channels, rate, bytes a second, bytes a frame, bits
_BIAS, _CLIP = 132, 32635  # of mu-law in 16 bits: added before the logarithm; the loudest sample it can hold


class WavError(CallControlError):
    """No WAV file, or not of a kind we read; the text says which."""


class Encoding(IntEnum):
    """How a sample is written: the format tags of RIFF."""

    LINEAR = 1  # 16 bit, little-endian
    MULAW = 7  # 8 bit

    @property
    def width(self) -> int:
        """Bytes a sample."""
        return 2 if self is Encoding.LINEAR else 1


@dataclass(frozen=True)
class Wav:
    """The sound of a file: ``rate`` samples a second, in ``data`` as ``encoding`` writes them."""

    rate: int
    encoding: Encoding
    data: bytes

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.data) / self.encoding.width / self.rate

    def samples(self) -> array.array[int]:
        """Its samples in 16 bits."""
        if self.encoding is Encoding.MULAW:
            return array.array("h", map(_expanded().__getitem__, self.data))
        samples = array.array("h", self.data[: len(self.data) // 2 * 2])
        if sys.byteorder == "big":
            samples.byteswap()
        return samples

    def first(self, seconds: float) -> Wav:
        """Its beginning, so many seconds of it at most."""
        return Wav(self.rate, self.encoding, self.data[: round(seconds * self.rate) * self.encoding.width])

    def file(self) -> bytes:
        """The bytes of a file that holds it."""
        width = self.encoding.width
        head = _FORMAT.pack(self.encoding, 1, self.rate, self.rate * width, width, 8 * width)
        chunks = _chunk(b"fmt ", head)
        if self.encoding is not Encoding.LINEAR:  # RIFF wants these two of everything that is not linear
            chunks = _chunk(b"fmt ", head + b"\0\0") + _chunk(b"fact", struct.pack("<I", len(self.data)))
        chunks += _chunk(b"data", self.data)
        return _RIFF.pack(b"RIFF", 4 + len(chunks), b"WAVE") + chunks


def mulaw(samples: array.array[int], rate: int) -> Wav:
    """16-bit samples as mu-law, ``rate`` a second."""
    codes = _codes()
    return Wav(rate, Encoding.MULAW, bytes(codes[sample & 0xFFFF] for sample in samples))


def read(path: Path) -> Wav:
    """The sound of a file. Raises WavError when it cannot be opened or is not mono and linear 16 bit or mu-law."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WavError(f"cannot be read: {error.strerror}") from error
    if len(content) < _RIFF.size or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise WavError("cannot be read: no WAV file")
    found: dict[bytes, bytes] = {}
    place = _RIFF.size
    while place + _CHUNK.size <= len(content) and b"data" not in found:
        name, length = _CHUNK.unpack_from(content, place)
        found[name] = content[place + _CHUNK.size : place + _CHUNK.size + length]
        place += _CHUNK.size + length + length % 2
    if len(found.get(b"fmt ", b"")) < _FORMAT.size or b"data" not in found:
        raise WavError("cannot be read: a WAV file without sound")
    tag, channels, rate, _, _, bits = _FORMAT.unpack_from(found[b"fmt "])
    if (tag, bits) not in ((1, 16), (7, 8)) or channels != 1 or rate == 0:
        raise WavError(f"has {channels} channels of {bits} bit (format {tag}), not one of 16 bit or 8 bit mu-law")
    return Wav(rate, Encoding(tag), found[b"data"])


def _chunk(name: bytes, content: bytes) -> bytes:
    return _CHUNK.pack(name, len(content)) + content + b"\0" * (len(content) % 2)


@cache
def _expanded() -> tuple[int, ...]:
    """The 16-bit sample of each code; a code is stored with its bits inverted: sign, segment (3), step (4)."""
    sizes = [((((code & 0x0F) << 3) + _BIAS) << (code >> 4 & 0x07)) - _BIAS for code in range(128)]
    return tuple(-sizes[~code & 0x7F] if ~code & 0x80 else sizes[~code & 0x7F] for code in range(256))


@cache
def _codes() -> bytes:
    """The code of each 16-bit sample, by the sample's lowest 16 bits."""
    return bytes(_code(sample if sample < 0x8000 else sample - 0x10000) for sample in range(0x10000))


def _code(sample: int) -> int:
    size = min(abs(sample), _CLIP) + _BIAS
    segment = size.bit_length() - 8
    return ~((0x80 if sample < 0 else 0) | segment << 4 | (size >> segment + 3 & 0x0F)) & 0xFF
