"""Voice as telephones send it: A-law, RTP, keys (RFC 4733), and whether 20 ms of it hold a tone. Pure."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from operator import mul

RATE = 8000
SAMPLES = 160  # in a packet of 20 ms
PCMA = 8
KEYS = 101  # the payload type of telephone events in our SDP
SILENCE = bytes([0xD5]) * SAMPLES
LOUD = 10000  # amplitude of a tone we send, of 32768
HEARD = 2500  # amplitude from which a tone counts as heard
KEY_PACKETS = 4  # while a key is held down: 80 ms

_RTP = struct.Struct("!BBHII")
_SIGNS = "0123456789*#"


def _linear(code: int) -> int:
    """One A-law byte as a sample (ITU-T G.711)."""
    bits = code ^ 0x55
    segment, rest = bits >> 4 & 7, (bits & 15) << 4
    size = (rest + 0x108) << (segment - 1) if segment else rest + 8
    return size if bits & 0x80 else -size


_SAMPLE = [_linear(code) for code in range(256)]


def _code(sample: float) -> int:
    """The A-law byte nearest to a sample."""
    return min(range(256), key=lambda code: abs(_SAMPLE[code] - sample))


def tone(hertz: int, amplitude: int = LOUD) -> bytes:
    """20 ms of a tone in A-law. ``hertz`` in steps of 50, so that packet follows packet without a click."""
    if hertz % 50:
        raise ValueError(f"{hertz} Hz does not fit into 20 ms")
    wave = (amplitude * math.sin(2 * math.pi * hertz * place / RATE) for place in range(SAMPLES))
    return bytes(map(_code, wave))


class Ear:
    """Tells whether a packet holds a tone of ``hertz``; of other tones in steps of 50 Hz it hears nothing."""

    def __init__(self, hertz: int) -> None:
        turns = [2 * math.pi * hertz * place / RATE for place in range(SAMPLES)]
        self._sine = [math.sin(turn) for turn in turns]
        self._cosine = [math.cos(turn) for turn in turns]

    def amplitude(self, payload: bytes) -> float:
        """Of the tone in one packet of A-law, 0 to 32768 (Goertzel)."""
        samples = [_SAMPLE[code] for code in payload]
        sine, cosine = sum(map(mul, samples, self._sine)), sum(map(mul, samples, self._cosine))
        return 2 / SAMPLES * math.hypot(sine, cosine)

    def hears(self, payload: bytes) -> bool:
        """Whether the tone is there for most of the packet."""
        return self.amplitude(payload) >= HEARD


@dataclass
class Stream:
    """The numbers of one RTP stream we send."""

    source: int
    sequence: int = 0
    timestamp: int = 0

    def voice(self, payload: bytes) -> bytes:
        """The next 20 ms."""
        self.timestamp += SAMPLES
        return self._packet(PCMA, self.timestamp, payload)

    def key(self, sign: str, began: int, packets: int, *, last: bool) -> bytes:
        """Packet number ``packets`` (from 1) of a key pressed at RTP time ``began``; ``last``: it is released."""
        event = struct.pack("!BBH", _SIGNS.index(sign), (0x80 if last else 0) | 10, packets * SAMPLES)
        return self._packet(KEYS | (0x80 if packets == 1 else 0), began, event)

    def _packet(self, kind: int, timestamp: int, payload: bytes) -> bytes:
        self.sequence += 1
        return _RTP.pack(0x80, kind, self.sequence & 0xFFFF, timestamp & 0xFFFFFFFF, self.source) + payload


def voice_of(packet: bytes) -> bytes | None:
    """The A-law payload of an RTP packet of 20 ms, None when it is something else."""
    return packet[12:] if len(packet) == 12 + SAMPLES and packet[1] & 0x7F == PCMA else None
