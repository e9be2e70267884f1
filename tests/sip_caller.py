"""A small telephone for the tests of dialplan/ and freeswitch-conf/: dials, registers, tells which tone it hears.

It sends no voice, so every test with it also shows that FreeSWITCH keeps time for a telephone that is muted.
"""

from __future__ import annotations

import hashlib
import math
import re
import secrets
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

TONES = (425, 600, 1000)  # what the tests play: FreeSWITCH's fallback, the apology, the music


def _alaw(byte: int) -> int:
    """One A-law sample as a number, ITU-T G.711."""
    byte ^= 0x55
    value = (byte & 0x0F) << 4
    segment = (byte & 0x70) >> 4
    value += 8 if segment == 0 else 0x108
    value <<= max(segment - 1, 0)
    return value if byte & 0x80 else -value


_ALAW = [_alaw(byte) for byte in range(256)]


def tone_of(payload: bytes) -> int:
    """Which of TONES sounds in a packet of A-law; 0 when none or too soft."""
    samples = [_ALAW[byte] for byte in payload]
    if not samples or sum(map(abs, samples)) / len(samples) < 100:
        return 0
    return max(TONES, key=lambda hz: _strength(samples, hz))


def _strength(samples: list[int], hz: int) -> float:
    turn = 2 * math.pi * hz / 8000
    real = sum(sample * math.cos(turn * n) for n, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(turn * n) for n, sample in enumerate(samples))
    return real * real + imaginary * imaginary


_WATCH = "Event: dialog\r\nAccept: application/dialog-info+xml\r\nExpires: 60\r\n"


@dataclass
class Caller:
    """One call (or registration) from 127.0.0.1. Times are ``time.monotonic()`` seconds."""

    port: int
    number: str = ""
    user: str = "+491712345678"
    domain: str = "127.0.0.1"
    password: str | None = None
    headers: str = ""
    statuses: list[tuple[float, int]] = field(default_factory=list)
    heard: list[tuple[float, int]] = field(default_factory=list)
    ended: float = 0.0
    reason: str = ""
    address: str = "127.0.0.1"
    last: str = ""
    notices: list[str] = field(default_factory=list)
    contact: str = ""
    """Whom the request is for, when that is not the number in To."""

    def __post_init__(self) -> None:
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.bind((self.address, 0))
        self._sip.connect(("127.0.0.1", self.port))
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp.bind(("127.0.0.1", 0))
        self._here = "{}:{}".format(*self._sip.getsockname())
        self._id, self._tag, self._sequence, self._branch = secrets.token_hex(8), secrets.token_hex(4), 0, ""
        self._remote, self._voice = "", ("127.0.0.1", 0)
        self._method, self._stop = "INVITE", threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Caller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._stop.set()
        self._thread.join(5)
        self._sip.close()
        self._rtp.close()

    def dial(self) -> Caller:
        """Send the INVITE and return at once."""
        self._method = "INVITE"
        self._request("INVITE", self._sdp())
        return self

    def register(self) -> Caller:
        """Send a REGISTER; the answer to look at is ``final()``."""
        self._method = "REGISTER"
        self._request("REGISTER")
        return self

    def subscribe(self) -> Caller:
        """Ask to be told what ``number`` does; the answer to look at is ``final()``, the rest comes in ``notices``."""
        self._method = "SUBSCRIBE"
        self._request("SUBSCRIBE", extra=_WATCH)
        return self

    def refer(self, target: str) -> int:
        """Ask FreeSWITCH to move this call elsewhere, as a telephone's transfer key does; the answer to it."""
        before, self._method = len(self.statuses), "REFER"
        self._request("REFER", extra=f"Refer-To: <sip:{target}@{self.domain}>\r\n")
        self.until(lambda: len(self.statuses) > before, 5)
        self._method = "INVITE"
        return self.statuses.pop()[1]

    def press(self, keys: str) -> None:
        """Send keys in the voice stream (RFC 4733), 100 ms each."""
        for count, key in enumerate(keys):
            for packet in range(8):
                end = 0x80 if packet > 4 else 0
                header = struct.pack("!BBHII", 0x80, 101, 1 + 8 * count + packet, 1600 * (count + 1), 7)
                event = struct.pack("!BBH", "0123456789*#".index(key), end | 10, 160 * min(packet + 1, 5))
                self._rtp.sendto(header + event, self._voice)
                time.sleep(0.02)

    def hang_up(self) -> None:
        """BYE when answered, CANCEL when not; nothing when the call is over."""
        if self.ended or self._method != "INVITE" or not self._sequence:
            return
        self._request("BYE" if self.answered else "CANCEL")

    @property
    def answered(self) -> bool:
        return any(code == 200 for _, code in self.statuses)

    def final(self, seconds: float = 5) -> int:
        """The final status, waited for."""
        self.until(lambda: any(c >= 200 and c not in (401, 407) for _, c in self.statuses) or self._refused(), seconds)
        return self.statuses[-1][1]

    def hears(self, hz: int, since: float = 0.0, seconds: float = 5) -> float:
        """Wait until a packet after ``since`` holds the tone; its time."""
        self.until(lambda: any(t > since and tone == hz for t, tone in self.heard), seconds)
        return next(t for t, tone in self.heard if t > since and tone == hz)

    def until(self, condition: Callable[[], object], seconds: float) -> None:
        """Wait for a condition, at most ``seconds``; AssertionError with the story so far."""
        expires = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > expires:
                raise AssertionError(f"not within {seconds} s: statuses {self.statuses}, heard {self.heard[-3:]}")
            time.sleep(0.01)

    def _refused(self) -> bool:
        codes = [code for _, code in self.statuses if code in (401, 407)]
        return len(codes) > (0 if self.password is None else 1)

    def _sdp(self) -> str:
        port = self._rtp.getsockname()[1]
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        )

    def _uri(self) -> str:
        return (
            f"sip:{self.domain}" if self._method == "REGISTER" else f"sip:{self.contact or self.number}@{self.domain}"
        )

    def _request(self, method: str, body: str = "", extra: str = "") -> None:
        if method not in ("ACK", "CANCEL"):
            self._sequence += 1
            self._branch = secrets.token_hex(8)
        callee = self.user if self._method == "REGISTER" else self.number.split(";")[0]
        content = f"Content-Type: application/sdp\r\n{self.headers}" if body else ""
        self._sip.send(
            (
                f"{method} {self._uri()} SIP/2.0\r\nVia: SIP/2.0/UDP {self._here};branch=z9hG4bK{self._branch}\r\n"
                f"From: <sip:{self.user}@{self.domain}>;tag={self._tag}\r\n"
                f"To: <sip:{callee}@{self.domain}>{self._remote}\r\n"
                f"Call-ID: {self._id}\r\nCSeq: {self._sequence} {method}\r\nMax-Forwards: 70\r\n"
                f"Contact: <sip:caller@{self._here}>\r\n{extra}{content}Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode("latin-1")
        )

    def _listen(self) -> None:
        while not self._stop.is_set():
            for ready in select.select([self._sip, self._rtp], [], [], 0.1)[0]:
                try:
                    packet = ready.recv(65535)
                except OSError:
                    continue
                if ready is self._rtp:
                    self.heard.append((time.monotonic(), tone_of(packet[12:])))
                else:
                    self._take(packet.decode("latin-1"))

    def _take(self, message: str) -> None:
        self.last = message
        if match := re.match(r"SIP/2.0 (\d+)", message):
            self._take_status(int(match[1]), message)
        else:
            self._answer(message)

    def _take_status(self, code: int, message: str) -> None:
        method = re.search(r"(?im)^CSeq: *\d+ (\w+)", message)
        if not method or method[1] != self._method:
            return
        if tag := re.search(r"(?im)^To:[^\r\n]*(;tag=[^;\r\n]+)", message):
            self._remote = tag[1]
        self.statuses.append((time.monotonic(), code))
        if port := re.search(r"(?m)^m=audio (\d+)", message):
            self._voice = ("127.0.0.1", int(port[1]))
        if code >= 200 and self._method == "INVITE":
            self._request("ACK")
        if code in (401, 407) and self.password is not None and not self._refused():
            self._remote = ""
            extra = self._digest(code, message) + (_WATCH if self._method == "SUBSCRIBE" else "")
            self._request(self._method, self._sdp() if self._method == "INVITE" else "", extra)
        elif code >= 300 and self._method != "REFER":
            self._over(message)

    def _answer(self, message: str) -> None:
        if message.startswith("ACK"):
            return
        if message.startswith("NOTIFY"):
            self.notices.append(message)
        named = re.compile(r"(?i)(via|from|to|call-id|cseq):")
        kept = "".join(f"{line}\r\n" for line in message.split("\r\n") if named.match(line))
        self._sip.send(f"SIP/2.0 200 OK\r\n{kept}Content-Length: 0\r\n\r\n".encode("latin-1"))
        if message.startswith("BYE"):
            self._over(message)

    def _over(self, message: str) -> None:
        reason = re.search(r"(?im)^Reason: *(.*?)\r?$", message)
        self.reason = reason[1] if reason else ""
        self.ended = time.monotonic()

    def _digest(self, code: int, message: str) -> str:
        realm, nonce = (re.search(rf'{name}="([^"]*)"', message)[1] for name in ("realm", "nonce"))  # type: ignore[index]
        first = hashlib.md5(f"{self.user}:{realm}:{self.password}".encode()).hexdigest()
        second = hashlib.md5(f"{self._method}:{self._uri()}".encode()).hexdigest()
        response = hashlib.md5(f"{first}:{nonce}:00000001:c:auth:{second}".encode()).hexdigest()
        name = "Authorization" if code == 401 else "Proxy-Authorization"
        return (
            f'{name}: Digest username="{self.user}", realm="{realm}", nonce="{nonce}", uri="{self._uri()}", '
            f'response="{response}", algorithm=MD5, cnonce="c", qop=auth, nc=00000001\r\n'
        )
