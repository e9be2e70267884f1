"""Hands a mail to the mail server. Whatever goes wrong is MailNotSent, with the server's own words and no password.

The sockets are gevent's, so that one deadline holds for all of it, however slowly a server speaks.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import closing, suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import gevent
import gevent.socket
import gevent.ssl

from callcontrol.config import Smtp
from callcontrol.errors import CallControlError
from callcontrol.mailserver import MailServer, is_credential

#: Seconds from looking up the server's name to its last word.
DEADLINE = 30.0
#: Seconds for the goodbye after the mail was taken.
GOODBYE = 2.0
_LONGEST = 300


class MailNotSent(CallControlError):
    """The mail server did not take the mail; the text says why."""


def send(message: EmailMessage, smtp: Smtp, *, deadline: float = DEADLINE) -> None:
    """Send the mail within ``deadline`` seconds. Raises MailNotSent; then nobody got it, unless the time ran out."""
    server = smtp.server
    where = f"{server.host}:{server.port}"
    password = _password(smtp, server)
    patience = gevent.Timeout(deadline)
    with patience:
        try:
            _send(message, smtp, server, password, patience.cancel)
        except gevent.Timeout as timeout:
            if timeout is not patience:
                raise
            raise MailNotSent(f"the mail server {where} did not take the mail within {deadline:g} s") from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            reason = _reason(error)
            shown = reason.replace(password, "***") if password else reason
            raise MailNotSent(f"the mail server {where} did not take the mail: {shown[:_LONGEST]}") from None


def _send(message: EmailMessage, smtp: Smtp, server: MailServer, password: str, taken: Callable[[], object]) -> None:
    context = _trust(smtp) if server.implicit_tls or smtp.starttls else None
    # smtplib's own `with` says QUIT after an error, too, and waits for the answer of a server that is silent already.
    with closing(_Client(server, context if server.implicit_tls else None)) as client:
        if context is not None and not server.implicit_tls:
            client.starttls(context=context)
        if server.user:
            client.login(server.user, password)
        client.send_message(message)
        taken()  # whatever the server says to the goodbye is no reason to send it again
        with suppress(smtplib.SMTPException, OSError):
            gevent.with_timeout(GOODBYE, client.quit, timeout_value=None)


class _Client(smtplib.SMTP):
    """A client whose waiting can be ended: it speaks through gevent's sockets, with TLS from the beginning or not."""

    def __init__(self, server: MailServer, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__(server.host, server.port, local_hostname=socket.gethostname())  # its own choice asks the DNS

    def _get_socket(self, host: str, port: int, _timeout: float) -> Any:
        """smtplib's place for other sockets; its own class for smtps overrides it, too."""
        connected: Any = gevent.socket.create_connection((host, port))
        return self._context.wrap_socket(connected, server_hostname=host) if self._context else connected


def _trust(smtp: Smtp) -> ssl.SSLContext:
    """Checks the server's name and certificate, with the system's certificates or those of a file."""
    context: ssl.SSLContext = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if smtp.ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(smtp.ca_file)
    return context


def _password(smtp: Smtp, server: MailServer) -> str:
    return _written(smtp.password_file) if smtp.password_file else server.password


def _written(file: Path) -> str:
    try:
        password = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not ASCII"
        raise MailNotSent(f"the password file {file} cannot be read: {reason}") from None
    if not password or not is_credential(password):
        raise MailNotSent(f"the password file {file} is empty or holds control characters")
    return password


def _reason(error: Exception) -> str:
    match error:
        case smtplib.SMTPRecipientsRefused():
            return "; ".join(f"{who}: {_answer(code, text)}" for who, (code, text) in error.recipients.items())
        case smtplib.SMTPSenderRefused():
            return f"{error.sender}: {_answer(error.smtp_code, error.smtp_error)}"
        case smtplib.SMTPAuthenticationError():
            return f"user or password: {_answer(error.smtp_code, error.smtp_error)}"
        case smtplib.SMTPResponseException():
            return _answer(error.smtp_code, error.smtp_error)
        case smtplib.SMTPServerDisconnected():
            return "it closed the connection"
        case smtplib.SMTPNotSupportedError():
            return f"{error} (starttls: false for a server without)" if "STARTTLS" in str(error) else str(error)
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case socket.gaierror():
            return "its name is not known"
        case OSError():
            return error.strerror or str(error) or type(error).__name__
    return str(error) or type(error).__name__


def _answer(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())}"
