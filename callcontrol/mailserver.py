"""Where a mail server is and who we are to it: what a URL such as ``smtp://user:secret@mail.example:587`` says."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """implicit_tls: TLS from the beginning (smtps). user and password are empty where the server asks for none."""

    host: str
    port: int
    implicit_tls: bool
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> MailServer:
        """Read a URL. Raises ValueError; its text, which follows a key, quotes nothing of the URL."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("has a host or port that is none") from None
        if parts.scheme not in _PORTS:
            raise ValueError("does not begin with smtp:// or smtps://")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("has something after the port (write / ? # and @ of a password as %2F %3F %23 %40)")
        if not is_host(parts.hostname or ""):
            raise ValueError("names no host")
        user, password = _credentials(parts)
        return cls(parts.hostname or "", port or _PORTS[parts.scheme], parts.scheme == "smtps", user, password)

    @property
    def is_here(self) -> bool:
        """True when what is sent does not leave this machine."""
        return self.host == "localhost" or ((address := is_ip(self.host)) is not None and _is_loopback(address))


def _credentials(parts: SplitResult) -> tuple[str, str]:
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if password and not user:
        raise ValueError("has a password and no user")
    if not is_credential(user + password):
        raise ValueError("has other characters than printable ASCII in user or password")
    return user, password


def is_credential(text: str) -> bool:
    """True for what can be said as user or password: SMTP's AUTH in Python knows ASCII only."""
    return text.isascii() and text.isprintable()


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def is_host(text: str) -> bool:
    """True for host names and IP addresses."""
    return bool(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", text)) or is_ip(text) is not None


def is_ip(text: str) -> str | None:
    """An IP address in its usual form; None when ``text`` is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
