"""A carrier for tests: takes the calls FreeSWITCH makes, and does with each what was agreed for the number called.

Pure Python over UDP, one thread. It notes every INVITE once, however often it was sent, so a test can count who was
called when. Numbers it was told nothing about do not exist (404). A number may be answered here (it presses keys and
hears nothing), or by a real telephone elsewhere, to which the caller is sent by 302.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

KEYS = "0123456789*#"
KEY_SECONDS = 0.1
LOOK = 0.02  # s; longest time between two looks at what is due


@dataclass(frozen=True)
class Refuses:
    """Refuses with this SIP code: 486 busy, 603 declines, 404 unknown."""

    code: int


@dataclass(frozen=True)
class Rings:
    """Rings until the caller gives up."""


@dataclass(frozen=True)
class Answers:
    """Rings ``after`` s, takes the call, presses ``keys`` after ``thinks`` s (again and again unless ``once``), hangs
    up after ``stays`` s (0: never).
    """

    keys: str = ""
    after: float = 0.2
    thinks: float = 1.0
    stays: float = 0.0
    once: bool = True


@dataclass(frozen=True)
class Forwards:
    """A telephone at ``address`` (host:port) has this number."""

    address: str


@dataclass(frozen=True)
class Relays:
    """A telephone at ``address`` (host:port) has this number, and the carrier stands between, as carriers do."""

    address: str


Number = Refuses | Rings | Answers | Forwards | Relays
UNKNOWN = Refuses(404)
BUSY = Refuses(486)
DECLINES = Refuses(603)


@dataclass
class Attempt:
    """One call FreeSWITCH made. Times are ``time.monotonic()``; 0 when it did not come to that."""

    number: str
    caller: str
    at: float
    text: str  # the INVITE
    ended: float = 0.0
    answered: float = 0.0
    cancelled: float = 0.0


@dataclass
class _Call:
    attempt: Attempt
    peer: tuple[str, int]
    voice: tuple[str, int]
    contact: str
    does: Number
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    last: str = ""  # our last answer to its INVITE, for an INVITE that comes again
    sequence: int = 0
    clock: int = 0  # of the voice sent


class Carrier:
    """``with Carrier({"+4930...": BUSY}) as carrier``; ``numbers`` may be changed while it runs."""

    def __init__(self, numbers: dict[str, Number] | None = None, *, account: tuple[str, str] | None = None) -> None:
        """``account``: name and password without which neither call nor registration is taken."""
        self.numbers = dict(numbers or {})
        self.attempts: list[Attempt] = []
        self.registrations: list[str] = []
        self._account = account
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.bind(("127.0.0.1", 0))
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp.bind(("127.0.0.1", 0))
        self._calls: dict[str, _Call] = {}
        self._due: list[tuple[float, Callable[[], None]]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.error: BaseException | None = None

    @property
    def address(self) -> str:
        """host:port, for CALLCONTROL_CARRIER_PROXY."""
        return "{}:{}".format(*self._sip.getsockname())

    def __enter__(self) -> Carrier:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)
        self._sip.close()
        self._rtp.close()
        if self.error:
            raise self.error

    def called(self, number: str) -> list[Attempt]:
        """Every call to this number so far, in order."""
        return [attempt for attempt in list(self.attempts) if attempt.number == number]

    def wait_for(self, number: str, times: int = 1, within: float = 10.0) -> Attempt:
        """Wait until this number was called so often; AssertionError with all calls after ``within`` s."""
        self.until(lambda: len(self.called(number)) >= times, within, f"{times} calls of {number}")
        return self.called(number)[times - 1]

    def until(self, true: Callable[[], object], within: float, wanted: str) -> None:
        """Wait until it is true; AssertionError with all calls after ``within`` s."""
        deadline = time.monotonic() + within
        while not true():
            told = [(attempt.number, round(attempt.at - deadline + within, 2)) for attempt in self.attempts]
            assert time.monotonic() < deadline, f"not within {within:g} s: {wanted}; called were {told}"
            time.sleep(LOOK)

    # -- the thread

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                for ready in select.select([self._sip, self._rtp], [], [], LOOK)[0]:
                    packet, peer = ready.recvfrom(65535)
                    if ready is self._sip:
                        self._take(packet.decode("latin-1"), peer)
                now = time.monotonic()
                due = [action for at, action in self._due if at <= now]
                self._due = [(at, action) for at, action in self._due if at > now]
                for action in due:
                    action()
        except BaseException as error:  # noqa: BLE001 - raised where the test sees it
            self.error = error

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._due.append((time.monotonic() + seconds, action))

    def _take(self, message: str, peer: tuple[str, int]) -> None:
        method = message.split(" ", 1)[0]
        call = self._calls.get(_header(message, "Call-ID"))
        if call is not None and isinstance(call.does, Relays):
            self._relay(call, message, peer)
        elif method == "REGISTER":
            self._register(message, peer)
        elif method == "INVITE" and call is None:
            self._invite(message, peer)
        elif method == "INVITE" and call is not None:
            self._sip.sendto(call.last.encode("latin-1"), peer)
        elif method == "CANCEL" and call is not None:
            self._cancel(call, message, peer)
        elif method == "BYE" and call is not None:
            self._send(message, peer, "200 OK", tag=call.tag)
            call.attempt.ended = call.attempt.ended or time.monotonic()
        elif method not in ("ACK", "SIP/2.0"):
            self._send(message, peer, "200 OK")

    def _register(self, message: str, peer: tuple[str, int]) -> None:
        if not self._knows(message):
            self._send(message, peer, "401 Unauthorized", f"WWW-Authenticate: {_CHALLENGE}\r\n")
            return
        self.registrations.append(_header(message, "Contact"))
        self._send(message, peer, "200 OK", f"Contact: {_header(message, 'Contact')};expires=3600\r\n")

    def _invite(self, message: str, peer: tuple[str, int]) -> None:
        if not self._knows(message):
            self._send(message, peer, "407 Proxy Authentication Required", f"Proxy-Authenticate: {_CHALLENGE}\r\n")
            return
        number = _found(r"INVITE sip:([^@;]+)@", message)
        attempt = Attempt(number, _found(r"sip:([^@>]*)@", _header(message, "From")), time.monotonic(), message)
        voice = ("127.0.0.1", int(_found(r"(?m)^m=audio (\d+)", message)))
        contact = _found(r"<([^>]+)>", _header(message, "Contact"))
        call = _Call(attempt, peer, voice, contact, self.numbers.get(number, UNKNOWN))
        self._calls[_header(message, "Call-ID")] = call
        self.attempts.append(attempt)
        match call.does:
            case Refuses(code):
                self._reply(call, f"{code} Refused")
                attempt.ended = time.monotonic()
            case Forwards(address):
                self._reply(call, "302 Moved Temporarily", f"Contact: <sip:{number}@{address}>\r\n")
            case Relays():
                self._relay(call, message, peer)
            case Rings():
                self._reply(call, "180 Ringing")
            case Answers(after=after):
                self._reply(call, "180 Ringing")
                self._later(after, lambda: self._answer(call))

    def _relay(self, call: _Call, message: str, peer: tuple[str, int]) -> None:
        """A stateless proxy (RFC 3261 16.11): our Via is put on what goes there, and taken off what comes back."""
        assert isinstance(call.does, Relays)
        host, _, port = call.does.address.partition(":")
        if message.startswith("SIP/2.0 "):
            status = int(message[8:11])
            if status >= 200 and "INVITE" in _header(message, "CSeq"):
                now = time.monotonic()
                call.attempt.answered, call.attempt.ended = (now, 0.0) if status < 300 else (0.0, now)
            back = re.sub(r"(?im)^via:[^\n]*\n", "", message, count=1)
            self._sip.sendto(back.encode("latin-1"), call.peer)
            return
        branch = hashlib.md5(_found(r"branch=([^;\r\n]+)", _header(message, "Via")).encode()).hexdigest()
        via = f"Via: SIP/2.0/UDP {self.address};branch=z9hG4bK{branch}\r\n"
        first, rest = message.split("\r\n", 1)
        method = first.split(" ", 1)[0]
        if method == "CANCEL":
            call.attempt.ended = call.attempt.cancelled = time.monotonic()
        there = f"{method} sip:{call.attempt.number}@{call.does.address} SIP/2.0\r\n{via}{rest}"
        self._sip.sendto(there.encode("latin-1"), (host, int(port)))

    def _answer(self, call: _Call) -> None:
        if call.attempt.ended or not isinstance(call.does, Answers):
            return
        call.attempt.answered = time.monotonic()
        port = self._rtp.getsockname()[1]
        body = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        )
        header = f"Contact: <sip:{call.attempt.number}@{self.address}>\r\nContent-Type: application/sdp\r\n"
        self._reply(call, "200 OK", header, body)
        self._later(call.does.thinks, lambda: self._press_all(call))
        if call.does.stays:
            self._later(call.does.stays, lambda: self._hang_up(call))

    def _press_all(self, call: _Call) -> None:
        if call.attempt.ended or not isinstance(call.does, Answers):
            return
        for place, key in enumerate(call.does.keys):
            self._later(2 * KEY_SECONDS * place, lambda key=key: self._press(call, key))  # type: ignore[misc]
        if not call.does.once:
            self._later(call.does.thinks, lambda: self._press_all(call))

    def _press(self, call: _Call, key: str) -> None:
        """RFC 4733, the whole key at once: FreeSWITCH goes by the durations told in it."""
        call.clock += 8000
        for packet in range(8):
            end = 0x80 if packet > 4 else 0
            call.sequence += 1
            header = struct.pack("!BBHII", 0x80, 101, call.sequence, call.clock, 7)
            event = struct.pack("!BBH", KEYS.index(key), end | 10, min(packet + 1, 5) * int(1600 * KEY_SECONDS))
            self._rtp.sendto(header + event, call.voice)

    def _hang_up(self, call: _Call) -> None:
        if call.attempt.ended:
            return
        call.attempt.ended = time.monotonic()
        invite, branch = call.attempt.text, f"z9hG4bK{secrets.token_hex(8)}"
        there = _header(invite, "From")
        here = f"{_header(invite, 'To')};tag={call.tag}"
        self._sip.sendto(
            (
                f"BYE {call.contact} SIP/2.0\r\nVia: SIP/2.0/UDP {self.address};branch={branch}\r\n"
                f"From: {here}\r\nTo: {there}\r\nCall-ID: {_header(invite, 'Call-ID')}\r\nCSeq: 1 BYE\r\n"
                "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            ).encode("latin-1"),
            call.peer,
        )

    def _cancel(self, call: _Call, message: str, peer: tuple[str, int]) -> None:
        self._send(message, peer, "200 OK")
        if not call.attempt.answered and not call.attempt.ended:
            call.attempt.ended = call.attempt.cancelled = time.monotonic()
            self._reply(call, "487 Request Terminated")

    def _reply(self, call: _Call, status: str, headers: str = "", body: str = "") -> None:
        call.last = self._send(call.attempt.text, call.peer, status, headers, body, tag=call.tag)

    def _send(
        self, request: str, peer: tuple[str, int], status: str, headers: str = "", body: str = "", tag: str = ""
    ) -> str:
        to = _header(request, "To")
        own = "" if "tag=" in to else f";tag={tag or secrets.token_hex(4)}"
        kept = "".join(
            f"{line}\r\n" for line in request.split("\r\n") if re.match(r"(?i)(via|from|call-id|cseq):", line)
        )
        message = f"SIP/2.0 {status}\r\n{kept}To: {to}{own}\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}"
        self._sip.sendto(message.encode("latin-1"), peer)
        return message

    def _knows(self, message: str) -> bool:
        """Whether the request carries the account's digest (RFC 2617, with or without qop)."""
        if self._account is None:
            return True
        given = dict(re.findall(r'(\w+)="?([^",\r\n]+)"?', _header(message, "Authorization", "Proxy-Authorization")))
        user, password = self._account
        first = hashlib.md5(f"{user}:{_REALM}:{password}".encode()).hexdigest()
        second = hashlib.md5(f"{message.split(' ', 1)[0]}:{given.get('uri')}".encode()).hexdigest()
        between = ":".join(given[name] for name in ("nonce", "nc", "cnonce", "qop") if name in given)
        return given.get("response") == hashlib.md5(f"{first}:{between}:{second}".encode()).hexdigest()


_REALM = "carrier.example"
_CHALLENGE = f'Digest realm="{_REALM}", nonce="{secrets.token_hex(8)}", algorithm=MD5'


def _header(message: str, *names: str) -> str:
    found = re.search(rf"(?im)^(?:{'|'.join(names)}): *([^\r\n]*)", message)
    return found[1] if found else ""


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""
