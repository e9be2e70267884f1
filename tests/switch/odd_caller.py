"""INVITEs no decent phone would send (Latin-1 bytes, 60 kB headers), byte for byte over UDP. PJSIP takes UTF-8 only.

Sends no sound; what can be told is how the call is answered and why it ends.
"""

from __future__ import annotations

import re
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.switch.handset import cause_of

AGAIN = 0.5  # s; an INVITE without any answer is sent again (RFC 3261 timer A)


@dataclass(frozen=True)
class Answer:
    """The final answer to the INVITE."""

    code: int
    cause: str


class OddCall:
    """One call from bytes, dialled at once; ``with OddCall(...) as call: call.answer()``.

    door: ``host:port``. from_: the whole name-addr of the From header. headers: complete header lines without line
    ends. parameters: of the URI that is called, such as ``;gw=carrier``. All are sent as they are.
    """

    def __init__(
        self,
        door: str,
        number: str,
        *,
        from_: bytes = b"<sip:+4930555000@127.0.0.1>",
        headers: Sequence[bytes] = (),
        parameters: str = "",
    ) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        host, port = door.split(":")
        self._socket.connect((host, int(port)))
        self._here = b"127.0.0.1:%d" % self._socket.getsockname()[1]
        self._uri = f"sip:{number}@{door}{parameters}".encode()
        self._from = from_ + b";tag=" + secrets.token_hex(4).encode()
        self._to = b"<" + self._uri + b">"
        self.call_id = secrets.token_hex(8)
        self._answer: Answer | None = None
        self._ended: str | None = None
        self._invite = self._message(b"INVITE", 1, headers, self._sdp())
        self._socket.send(self._invite)

    def __enter__(self) -> OddCall:
        return self

    def __exit__(self, *_: object) -> None:
        if self._answer and self._answer.code == 200 and self._ended is None:
            self._socket.send(self._message(b"BYE", 2))
            self._until(lambda message: b" BYE" in message and message.startswith(b"SIP/2.0"), 2.0)
        self._socket.close()

    def answer(self, within: float = 10.0) -> Answer:
        """The final answer; AssertionError when none came in time (seconds)."""
        if self._answer is None:
            self._until(lambda _: self._answer is not None, within)
        assert self._answer is not None, f"no final answer within {within:g} s"
        return self._answer

    def hung_up(self, within: float = 10.0) -> str:
        """The cause of the BYE FreeSWITCH sends; AssertionError when none came in time (seconds)."""
        if self._ended is None:
            self._until(lambda _: self._ended is not None, within)
        assert self._ended is not None, f"not hung up within {within:g} s"
        return self._ended

    def _message(self, method: bytes, sequence: int, headers: Sequence[bytes] = (), body: bytes = b"") -> bytes:
        lines = [
            method + b" " + self._uri + b" SIP/2.0",
            b"Via: SIP/2.0/UDP " + self._here + b";branch=z9hG4bK" + self.call_id.encode() + b"%d" % sequence,
            b"From: " + self._from,
            b"To: " + self._to,
            b"Call-ID: " + self.call_id.encode(),
            b"CSeq: %d " % sequence + method,
            b"Contact: <sip:odd@" + self._here + b">",
            b"Max-Forwards: 70",
            *headers,
            *([b"Content-Type: application/sdp"] if body else []),
            b"Content-Length: %d" % len(body),
        ]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    @staticmethod
    def _sdp() -> bytes:
        lines = [
            "v=0",
            "o=odd 1 1 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            "m=audio 59998 RTP/AVP 8 101",
        ]
        return "\r\n".join([*lines, "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", ""]).encode()

    def _until(self, true: Callable[[bytes], bool], within: float) -> None:
        deadline, again = time.monotonic() + within, time.monotonic() + AGAIN
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(min(left, AGAIN))
            try:
                message = self._socket.recv(65535)
            except TimeoutError:
                if self._to.endswith(b">") and time.monotonic() > again:
                    self._socket.send(self._invite)
                continue
            self._take(message)
            if true(message):
                return

    def _take(self, message: bytes) -> None:
        if status := re.match(rb"SIP/2.0 (\d+)", message):
            to = re.search(rb"(?im)^To:[ \t]*([^\r\n]*)", message)
            self._to = to.group(1) if to else self._to
            if int(status.group(1)) >= 200 and b"1 INVITE" in message:
                self._socket.send(self._message(b"ACK", 1))
                self._answer = self._answer or Answer(int(status.group(1)), _cause(int(status.group(1)), message))
        elif not message.startswith(b"ACK"):
            kept = re.findall(rb"(?im)^(?:Via|From|To|Call-ID|CSeq):[^\r\n]*\r\n", message)
            self._socket.send(b"SIP/2.0 200 OK\r\n" + b"".join(kept) + b"Content-Length: 0\r\n\r\n")
            if message.startswith(b"BYE"):
                self._ended = _cause(200, message)


def _cause(code: int, message: bytes) -> str:
    reason = re.search(rb"(?im)^Reason:[ \t]*([^\r\n]*)", message)
    return "" if code == 200 and not reason else cause_of(code, reason.group(1).decode("latin-1") if reason else "")
