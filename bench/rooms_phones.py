"""Hundreds of telephones in one thread: SIP and RTP over loopback, just enough of both for a call to a conference.

What a telephone hears is not looked at while it is measured: the kernel stamps each packet with the time it came
(SO_TIMESTAMPNS) and keeps it until somebody listens, so measuring costs next to nothing of the machine it measures.
All times are seconds since the epoch, on the kernel's clock.
"""

from __future__ import annotations

import re
import secrets
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.rooms_sound import KEY_PACKETS, SAMPLES, Stream, voice_of

TICK = 0.02
AGAIN = 0.5  # s; a request without an answer is sent again
TRIES = 10
GAP_PACKETS = 3  # between two keys: 60 ms
END_PACKETS = 3  # the end of a key is said three times (RFC 4733, 2.5.1.4), here at once
EAR_BYTES = 1_000_000  # what the kernel keeps for us: some ten seconds of packets
_TIMESTAMP = 35  # SO_TIMESTAMPNS of Linux, which Python does not name


@dataclass(frozen=True)
class Heard:
    """20 ms of A-law, and when they came."""

    at: float
    payload: bytes


@dataclass
class _Key:
    sign: str
    began: int = 0
    packets: int = 0


class Phone:
    """One call from ``number`` to ``dialled`` at a SIP port of 127.0.0.1; made by `Exchange.calls`."""

    def __init__(self, exchange: Exchange, door: int, dialled: str, number: str, voice: bytes | None) -> None:
        self.number = number
        self.voice = voice  # 20 ms, sent again and again; None: sends nothing, as a muted telephone
        self.answered: float | None = None
        self.refused: int | None = None
        self.over = False
        self.keyed_at = 0.0
        self.id = secrets.token_hex(8)
        self.sent = (0.0, 0)
        self.request = b""
        self._exchange = exchange
        self._door = ("127.0.0.1", door)
        self._uri = f"sip:{dialled}@127.0.0.1:{door}"
        self._tag, self._to = secrets.token_hex(4), f"<{self._uri}>"
        self._stream = Stream(secrets.randbits(32))
        self._keys: deque[_Key] = deque()
        self._pause = 0
        self._ear = _socket(EAR_BYTES)
        self._send("INVITE", 1, _sdp(self._ear.getsockname()[1]))

    def presses(self, keys: str) -> None:
        """Press keys one after the other; ``keyed_at`` becomes the moment the last one was released, 0 until then."""
        self.keyed_at = 0.0
        self._keys.extend(_Key(sign) for sign in keys)

    def hangs_up(self) -> None:
        """BYE; ``over`` once it is answered."""
        if self.answered is not None and not self.over:
            self._send("BYE", 2)

    def heard(self) -> list[Heard]:
        """All voice that came since the last time, in order."""
        return [Heard(at, payload) for at, packet, _ in _waiting(self._ear) if (payload := voice_of(packet))]

    def forgets(self) -> None:
        """Throw away what was heard so far."""
        for _ in _waiting(self._ear):
            pass

    def close(self) -> None:
        """No more sound from here or to here."""
        self.over, self.request = True, b""
        self._ear.close()

    def take(self, message: bytes, at: float, sender: tuple[str, int]) -> None:
        """A SIP message of this call."""
        status = re.match(rb"SIP/2.0 (\d+)", message)
        if status is None:
            self._take_request(message, sender)
        elif re.search(rb"(?im)^CSeq:[ \t]*1 ", message):
            self._take_answer(int(status[1]), message, at)
        else:
            self.over, self.request = True, b""

    def again(self, now: float) -> None:
        """Send a request again that was not answered yet."""
        since, tries = self.sent
        if self.request and now - since >= AGAIN * 2**tries and tries < TRIES:
            self.sent = (now, tries + 1)
            self._exchange.send(self.request, self._door)

    def tick(self) -> None:
        """Another 20 ms: of the key that is held down, else of voice."""
        if self.answered is None or self.over:
            return
        if self._keys and not self._pause:
            self._stream.timestamp += SAMPLES
            self._hold_down(self._keys[0])
            return
        self._pause = max(0, self._pause - 1)
        if self.voice is not None:
            self._speak(self._stream.voice(self.voice))
        else:
            self._stream.timestamp += SAMPLES

    def _hold_down(self, key: _Key) -> None:
        """A key takes the place of voice, as telephones do it."""
        key.began = key.began or self._stream.timestamp
        key.packets += 1
        if key.packets <= KEY_PACKETS:
            self._speak(self._stream.key(key.sign, key.began, key.packets, last=False))
            return
        for _ in range(END_PACKETS):
            self._speak(self._stream.key(key.sign, key.began, key.packets, last=True))
        self._keys.popleft()
        self._pause = GAP_PACKETS
        if not self._keys:
            self.keyed_at = time.time()

    def _speak(self, packet: bytes) -> None:
        try:
            self._ear.send(packet)
        except OSError:  # the other end is gone; its BYE is under way
            return

    def _take_answer(self, code: int, message: bytes, at: float) -> None:
        self.request = b""
        if code < 200:
            return
        to = re.search(rb"(?im)^To:[ \t]*([^\r\n]*)", message)
        self._to = to[1].decode() if to else self._to
        self._send("ACK", 1)
        if code >= 300:
            self.refused, self.over = code, True
        elif self.answered is None and (audio := re.search(rb"(?m)^m=audio (\d+)", message)):
            self._ear.connect(("127.0.0.1", int(audio[1])))
            self.answered = at

    def _take_request(self, message: bytes, sender: tuple[str, int]) -> None:
        if message.startswith(b"ACK"):
            return
        kept = b"".join(re.findall(rb"(?im)^(?:Via|From|To|Call-ID|CSeq):[^\r\n]*\r\n", message))
        self._exchange.send(b"SIP/2.0 200 OK\r\n" + kept + b"Content-Length: 0\r\n\r\n", sender)
        self.over = self.over or message.startswith(b"BYE")

    def _send(self, method: str, sequence: int, body: str = "") -> None:
        here = f"127.0.0.1:{self._exchange.port}"
        lines = [
            f"{method} {self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{self.id}{method}",
            f"From: <sip:{self.number}@{here}>;tag={self._tag}",
            f"To: {self._to}",
            f"Call-ID: {self.id}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:{self.number}@{here}>",
            "Max-Forwards: 70",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        message = ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
        if method != "ACK":
            self.request, self.sent = message, (time.monotonic(), 0)
        self._exchange.send(message, self._door)


@dataclass
class Exchange:
    """The telephones, and the thread that serves them. ``close`` ends it."""

    phones: dict[bytes, Phone] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._socket = _socket(EAR_BYTES)
        self.port: int = self._socket.getsockname()[1]
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telephones", daemon=True)
        self._thread.start()

    def calls(self, door: int, dialled: str, number: str, voice: bytes | None = None) -> Phone:
        """A telephone that has just dialled."""
        phone = Phone(self, door, dialled, number, voice)
        self.phones[phone.id.encode()] = phone
        return phone

    def forget(self, phone: Phone) -> None:
        """The telephone is not needed any longer."""
        self.phones.pop(phone.id.encode(), None)
        phone.close()

    def send(self, message: bytes, to: tuple[str, int]) -> None:
        """One SIP message."""
        self._socket.sendto(message, to)

    def close(self) -> None:
        """Calls still up are left to their own."""
        self._closing.set()
        self._thread.join()
        for phone in list(self.phones.values()):
            self.forget(phone)
        self._socket.close()

    def _run(self) -> None:
        following = time.monotonic()
        while not self._closing.is_set():
            now = time.monotonic()
            if now < following:
                self._closing.wait(min(following - now, TICK / 4))
            else:
                following = max(following + TICK, now - 5 * TICK)
                for phone in list(self.phones.values()):
                    phone.tick()
                    phone.again(now)
            self._read()

    def _read(self) -> None:
        for at, message, sender in _waiting(self._socket):
            found = re.search(rb"(?im)^Call-ID:[ \t]*([^\r\n]*)", message)
            phone = self.phones.get(found[1]) if found else None
            if phone is not None:
                phone.take(message, at, sender)


def _socket(room: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    made.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


def _waiting(ear: socket.socket) -> Iterator[tuple[float, bytes, tuple[str, int]]]:
    """Every packet the kernel holds for us: when it came, what it is, who sent it."""
    while True:
        try:
            packet, stamps, _, sender = ear.recvmsg(65535, 64)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            continue
        seconds, nanoseconds = struct.unpack("qq", stamps[0][2])
        yield seconds + nanoseconds / 1e9, packet, sender


def _sdp(port: int) -> str:
    lines = [
        "v=0",
        "o=bench 1 1 IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        f"m=audio {port} RTP/AVP 8 101",
    ]
    ends = ["a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", ""]
    return "\r\n".join(lines + ends)
