"""How long a call to an extension takes to ring: from the caller's INVITE to the one its telephone gets.

Beside FreeSWITCH's own `bridge user/33@DOMAIN` in the dialplan of a second door, on the same FreeSWITCH, in turns. The
telephone is registered with digest and says at once that it is busy, so each call is over before the next one begins:
closed loop, one call at a time. Between the two INVITEs callcontrol routes the call, asks FreeSWITCH for registrations
and for who talks, reads what star codes set, decides, and commands the bridge.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import ground
from bench.figures import across, percentile, table

OURS, REFERENCE = "callcontrol", "FreeSWITCH's dialplan"
NUMBER, DESK, EXTENSION, DOMAIN, PASSWORD = "+493023125400", "desk", "33", "desks.example", "w8Kd-xm4R-bench"
RTP_PORTS = (10000, 15998)
PATIENCE = 5.0  # s that anything may take before the measurement is given up


@dataclass(frozen=True)
class Plan:
    """``calls`` of each a round."""

    calls: int
    rounds: int


FULL, QUICK = Plan(300, 5), Plan(10, 1)


@dataclass(frozen=True)
class Round:
    """Seconds from INVITE to INVITE, one for each call."""

    who: str
    delays: list[float]


def measure(folder: Path, plan: Plan) -> list[Round]:
    """Rounds of both in turns. Raises CannotRun."""
    with _ground(folder) as (doors, extensions), Telephone(extensions) as telephone:
        telephone.register()
        for who, port in doors.items():
            telephone.delay(port, DESK if who == REFERENCE else NUMBER)  # warm
        return [
            Round(who, [telephone.delay(port, DESK if who == REFERENCE else NUMBER) for _ in range(plan.calls)])
            for _ in range(plan.rounds)
            for who, port in doors.items()
        ]


def report(rounds: Sequence[Round]) -> str:
    """The table: medians over the rounds, and the ranges."""
    rows = []
    for who in dict.fromkeys(one.who for one in rounds):
        shares = [[percentile(one.delays, share) * 1000 for one in rounds if one.who == who] for share in (0.5, 0.99)]
        rows.append((who, *(across(values, 1) for values in shares)))
    return table(("INVITE to INVITE", "p50 ms", "p99 ms"), rows)


class Telephone:
    """A registered telephone that is always busy, and somebody who calls it; both plain UDP."""

    def __init__(self, door: int) -> None:
        self._desk, self._caller = (_bound() for _ in range(2))
        self._door = ("127.0.0.1", door)

    def __enter__(self) -> Telephone:
        return self

    def __exit__(self, *_: object) -> None:
        self._desk.close()
        self._caller.close()

    def register(self) -> None:
        """As the extension; until the registrar has said yes."""
        call, tag = secrets.token_hex(8), secrets.token_hex(4)

        def send(number: int, more: str = "") -> str:
            contact = f"Contact: <sip:{EXTENSION}@{_name(self._desk)}>\r\nExpires: 3600\r\n{more}"
            uri, who = f"sip:{DOMAIN}", f"<sip:{EXTENSION}@{DOMAIN}>"
            self._desk.sendto(_request("REGISTER", uri, who, who, tag, call, number, self._desk, contact), self._door)
            return self._hears(self._desk, lambda text: text.startswith("SIP/2.0 ") and "SIP/2.0 100" not in text)

        challenge = send(1)
        realm, nonce = (re.search(rf'{name}="([^"]+)"', challenge)[1] for name in ("realm", "nonce"))  # type: ignore[index]
        first = hashlib.md5(f"{EXTENSION}:{realm}:{PASSWORD}".encode()).hexdigest()
        second = hashlib.md5(f"REGISTER:sip:{DOMAIN}".encode()).hexdigest()
        response = hashlib.md5(f"{first}:{nonce}:{second}".encode()).hexdigest()
        proof = f'Digest username="{EXTENSION}", realm="{realm}", nonce="{nonce}", uri="sip:{DOMAIN}", '
        answered = send(2, f'Authorization: {proof}response="{response}", algorithm=MD5\r\n')
        if not answered.startswith("SIP/2.0 200"):
            raise RuntimeError(f"not registered: {answered.splitlines()[0]}")

    def delay(self, port: int, number: str) -> float:
        """One call by this door; seconds until the telephone has its INVITE."""
        call, tag, door = secrets.token_hex(8), secrets.token_hex(4), ("127.0.0.1", port)
        here, there = "<sip:+4930555001@127.0.0.1>", f"<sip:{number}@127.0.0.1>"
        uri, voice = f"sip:{number}@127.0.0.1:{port}", _bound()
        body = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {voice.getsockname()[1]} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
        )
        contact = f"Contact: <sip:caller@{_name(self._caller)}>\r\n"
        began = time.perf_counter()
        self._caller.sendto(_request("INVITE", uri, here, there, tag, call, 1, self._caller, contact, body), door)
        invite = self._hears(self._desk, lambda text: text.startswith("INVITE "))
        lasted = time.perf_counter() - began
        self._desk.sendto(_busy(invite), self._door)
        self._hears(self._desk, lambda text: text.startswith("ACK "))
        final = self._hears(self._caller, lambda text: re.match(r"SIP/2\.0 [4-6]", text) and call in text)
        to = re.search(r"(?im)^To: *([^\r\n]+)", final)
        branch = re.search(r"branch=([^;\r\n]+)", final)
        assert to is not None
        assert branch is not None
        self._caller.sendto(_request("ACK", uri, here, to[1], tag, call, 1, self._caller, branch=branch[1]), door)
        voice.close()
        return lasted

    def _hears(self, sock: socket.socket, wanted: Callable[[str], object]) -> str:
        """The next message that is wanted; others, such as OPTIONS, are answered and dropped."""
        expires = time.monotonic() + PATIENCE
        while time.monotonic() < expires:
            if not select.select([sock], [], [], expires - time.monotonic())[0]:
                break
            packet, peer = sock.recvfrom(65535)
            text = packet.decode("latin-1")
            if wanted(text):
                return text
            if text.startswith("OPTIONS "):
                sock.sendto(_reply(text, "200 OK"), peer)
        raise RuntimeError(f"nothing heard within {PATIENCE} s")


def _bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


def _name(sock: socket.socket) -> str:
    return "{}:{}".format(*sock.getsockname())


def _request(
    method: str,
    uri: str,
    who: str,
    whom: str,
    tag: str,
    call: str,
    number: int,
    sock: socket.socket,
    more: str = "",
    body: str = "",
    branch: str = "",
) -> bytes:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    branch = branch or f"z9hG4bK{secrets.token_hex(8)}"
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {_name(sock)};branch={branch}\r\n"
        f"From: {who};tag={tag}\r\nTo: {whom}\r\nCall-ID: {call}\r\nCSeq: {number} {method}\r\nMax-Forwards: 70\r\n"
        f"{more}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode("latin-1")


def _busy(invite: str) -> bytes:
    return _reply(invite, "486 Busy Here")


def _reply(request: str, status: str) -> bytes:
    kept = [line for line in request.split("\r\n") if re.match(r"(?i)(via|from|to|call-id|cseq):", line)]
    tagged = [f"{line};tag=desk" if re.match("(?i)to:", line) and "tag=" not in line else line for line in kept]
    return ("\r\n".join([f"SIP/2.0 {status}", *tagged, "Content-Length: 0"]) + "\r\n\r\n").encode("latin-1")


@contextmanager
def _ground(folder: Path) -> Iterator[tuple[dict[str, int], int]]:
    """Doors by who serves them, and the port where telephones register."""
    site = ground.site(ground.Files(folder / "directory"), RTP_PORTS)
    settings = {"directory": str(site.files.directory)}
    with ground.running(folder, site, settings, beside="reference.xml"):
        yield {OURS: site.trunk, REFERENCE: site.reference}, site.extensions
