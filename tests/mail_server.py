"""A mail server on this machine for tests: keeps what it is given, or refuses it, encrypted or not, fast or never."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.patience import PATIENCE
from tests.ports import free_port

#: Key and self-signed certificate for localhost and 127.0.0.1, of use to these tests only.
CERTIFICATE = Path(__file__).parent / "mail_server.pem"
PASSWORD = "s3cret/:@word#?"


class MailServer:
    """Started by ``running``. ``mails``: what came, and for whom. ``refuse``: its answer to recipients.

    ``refused``: how often it gave that answer.
    """

    def __init__(self, refuse: str = "") -> None:
        self.mails: list[tuple[str, list[str], EmailMessage]] = []
        self.encrypted: list[bool] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.port = 0
        self.refuse = refuse
        self.refused = 0

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if self.refuse:
            self.refused += 1
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, mail))
        self.encrypted.append(session.ssl is not None)
        return "250 taken"

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: LoginPassword
    ) -> AuthResult:
        self.logins.append((given.login, given.password))
        return AuthResult(success=given.password == PASSWORD.encode(), handled=False)


@contextmanager
def running(
    server: MailServer, *, starttls: bool = False, implicit: bool = False, authenticated: bool = False
) -> Iterator[MailServer]:
    """The server in a thread of its own, on a free port of 127.0.0.1."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    how: dict[str, Any] = {"ssl_context": context} if implicit else {}
    how |= {"tls_context": context} if starttls else {}
    how |= (
        {"authenticator": server.authenticate, "auth_required": True, "auth_require_tls": starttls}
        if authenticated
        else {}
    )
    port = free_port()
    how |= {"ready_timeout": PATIENCE, "server_hostname": "mail.example"}  # its own choice asks the DNS
    controller = Controller(server, hostname="127.0.0.1", port=port, **how)
    controller.start()
    server.port = port
    try:
        yield server
    finally:
        controller.stop()


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@contextmanager
def stalling(last: bytes, farewell: bytes = b"") -> Iterator[tuple[int, list[bytes]]]:
    """A port of a server that answers until the command ``last``, says ``farewell`` to that and nothing any more.

    Its port, and the commands it got. It knows no extensions; a mail's text is one command.
    """
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        talker = threading.Thread(target=_answer, args=(listening, last, farewell, heard), daemon=True)
        talker.start()
        yield listening.getsockname()[1], heard
        listening.shutdown(socket.SHUT_RDWR)
    talker.join(PATIENCE)


def _answer(listening: socket.socket, last: bytes, farewell: bytes, heard: list[bytes]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection, connection.makefile("rwb") as lines:
                lines.write(b"220 here\r\n")
                lines.flush()
                _talk(lines, last, farewell, heard)


def _talk(lines: Any, last: bytes, farewell: bytes, heard: list[bytes]) -> None:
    end = b"\r\n"
    while command := lines.readline():
        if end == b".\r\n" and command != end:
            continue
        name = b"TEXT" if end == b".\r\n" else command.split()[0].upper()
        heard.append(name)
        end = b".\r\n" if name == b"DATA" and name != last else b"\r\n"
        if name == last:
            lines.write(farewell)
            lines.flush()
            lines.read()  # until the client has gone
            return
        lines.write({b"DATA": b"354 go on\r\n"}.get(name, b"250 yes\r\n"))
        lines.flush()
