"""The operator's file ``callcontrol.yaml``: addresses, switches, folders and limits of one daemon.

Every key has a default, so an empty file is a valid configuration: a FreeSWITCH on this machine, tenants in
``tenants/`` beside the file. Faults are reported all at once, like those of tenant files. Whether a folder exists is
seen by who uses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, PlainValidator, SecretStr, ValidationInfo, model_validator

from callcontrol.errors import ConfigError, SwitchRefused
from callcontrol.mailserver import MailServer, is_host, is_ip
from callcontrol.state import sqlite_url
from callcontrol.tenants import Problem
from callcontrol.tenants._yaml import parse
from callcontrol.tenants.document import Document
from callcontrol.tenants.fields import AtLeastOne, Email, Flag, Model, refuse, text_of, whole
from callcontrol.tenants.folder import read_file
from callcontrol.tenants.loader import problems_of, read_model

PASSWORD_VARIABLE = "CALLCONTROL_ESL_PASSWORD"  # freeswitch-conf reads the same variable
FACTORY_PASSWORD = "ClueCon"  # what every FreeSWITCH begins with, and every attacker tries


@dataclass(frozen=True, slots=True)
class _Beside:
    """Relative paths are relative to this folder."""

    folder: Path


def _path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        return value
    text = text_of(value)
    if not text.strip():
        raise refuse("needs a path")
    return info.context.folder / text if isinstance(info.context, _Beside) else Path(text)


def _address(value: object) -> tuple[str, int]:
    if isinstance(value, tuple):
        return value
    host, colon, port = text_of(value).rpartition(":")
    if not colon or not is_host(host.strip("[]")) or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise refuse("{found} is no HOST:PORT", "such as 127.0.0.1:8084")
    return host.strip("[]"), int(port)


def _host(value: str) -> str:
    if not is_host(value):
        raise refuse("{found} is neither a host name nor an IP address")
    return value


def _peer(value: str) -> str:
    address = is_ip(value)
    if address is None:
        raise refuse("{found} is no IP address", "such as 127.0.0.1")
    return address


def _switch_path(value: str) -> str:
    if not value.startswith("/") or not value.isprintable():
        raise refuse("must be an absolute path", "FreeSWITCH may run elsewhere")
    return value


def _switch_name(value: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,31}", value):
        raise refuse("{found} is no name", "letters, digits, . _ and -; 32 at most")
    return value


def _secret(value: SecretStr) -> SecretStr:
    fault = _password_fault(value.get_secret_value())
    if fault:
        raise refuse(fault)
    return value


def _password_fault(password: str) -> str:
    if not password or not password.isprintable():
        return "is empty or holds control characters"
    return "is the password every FreeSWITCH begins with" if password == FACTORY_PASSWORD else ""


def _mail_server(value: SecretStr) -> SecretStr:
    try:
        MailServer.parse(value.get_secret_value())
    except ValueError as error:
        raise refuse(str(error), "such as smtp://user:${SMTP_PASSWORD}@mail.example:587") from None
    return value


Folder = Annotated[Path, PlainValidator(_path)]
Address = Annotated[tuple[str, int], PlainValidator(_address)]


class Switch(Model):
    """One FreeSWITCH and its event socket."""

    name: Annotated[str, AfterValidator(_switch_name)] = "local"
    """Name in logs, metrics and ``callcontrol status``."""
    host: Annotated[str, AfterValidator(_host)] = "127.0.0.1"
    """Where its event socket listens."""
    port: Annotated[int, whole(1, 65535)] = 8021
    """Port of its event socket."""
    password: Annotated[SecretStr, AfterValidator(_secret)] | None = None
    """Password of its event socket; take it from the environment: ${ESL_PASSWORD}."""
    password_file: Folder | None = None
    """File that holds the password, read at every connect. Without both, CALLCONTROL_ESL_PASSWORD is used."""

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password and self.password_file:
            raise refuse("has both password and password_file", "keep one of them")
        return self

    def read_password(self, environ: Mapping[str, str]) -> str:
        """The password for the next connect. Raises SwitchRefused when there is none that may be used."""
        if self.password:
            return self.password.get_secret_value()
        source = f"the file {self.password_file}" if self.password_file else f"the variable {PASSWORD_VARIABLE}"
        try:
            written = (
                self.password_file.read_text("utf-8") if self.password_file else environ.get(PASSWORD_VARIABLE, "")
            )
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SwitchRefused(f"no password for switch {self.name}: {source} cannot be read: {reason}") from None
        password = written.strip()
        if fault := _password_fault(password):
            raise SwitchRefused(f"no password for switch {self.name}: {source} {fault}")
        return password


class Again(Model):
    """How often somebody is called again, and when."""

    times: Annotated[int, whole(0, 10)]
    """Further calls (0 to 10)."""
    after: Annotated[int, whole(1, 86400)]
    """Seconds (1 to 86400) until the next one."""


class DialOut(Model):
    """How long and how often a room calls its participants; what is not named here is never tried again."""

    ring_seconds: Annotated[int, whole(5, 120)] = 35
    """Seconds (5 to 120) a telephone rings; longer, and most calls reach a mailbox."""
    busy: Again = Again(times=2, after=60)
    """Who was busy."""
    no_answer: Again = Again(times=2, after=120)
    """Who did not answer, has no telephone registered, or could not be reached for a fault that may pass."""
    no_key: Again = Again(times=1, after=180)
    """Where somebody or a mailbox answered and pressed no key."""
    most_tries: Annotated[int, whole(1, 30)] = 5
    """Calls to one person in all (1 to 30), unless somebody asks for more."""


class Smtp(Model):
    """The mail server that takes invitations and the messages of mailboxes."""

    url: Annotated[SecretStr, AfterValidator(_mail_server)]
    """smtp://user:${SMTP_PASSWORD}@mail.example:587, or smtps:// (port 465) where TLS is spoken from the beginning."""
    sender: Email
    """Address that all of it is sent from."""
    password_file: Folder | None = None
    """File that holds the password instead of the URL, read at every mail."""
    starttls: Flag = True
    """With smtp://: encrypt, or do not send. false only for a server on this machine or in a network you trust."""
    ca_file: Folder | None = None
    """Certificates to check the server's with, instead of those of the system."""

    @model_validator(mode="after")
    def _password_is_safe(self) -> Self:
        server = self.server
        if server.password and self.password_file:
            raise refuse("has a password in its url and a password_file", "keep one of them")
        if self.password_file and not server.user:
            raise refuse("has a password_file and no user", "smtp://user@mail.example")
        if server.user and not self.starttls and not server.implicit_tls and not server.is_here:
            raise refuse("would send the password unencrypted", "starttls: true, or smtps://")
        return self

    @property
    def server(self) -> MailServer:
        """What the URL says."""
        return MailServer.parse(self.url.get_secret_value())


class Config(Model):
    """What one daemon runs with. Paths are absolute, or relative to the working directory of the daemon."""

    listen: Address = ("127.0.0.1", 8084)
    """Where FreeSWITCH hands calls to (outbound event socket)."""
    peers: tuple[Annotated[str, AfterValidator(_peer)], ...] = ("127.0.0.1",)
    """IP addresses that may open such a socket: those of the switches."""
    http: Address = ("127.0.0.1", 8085)
    """Health, metrics and status."""
    switches: Annotated[tuple[Switch, ...], *AtLeastOne] = (Switch(),)
    """The FreeSWITCH servers this daemon steers."""
    tenants: Folder = Path("tenants")
    """Folder of the tenant files."""
    state: Folder = Path("state")
    """Folder this daemon writes to."""
    database: Annotated[str, Field(repr=False)] = ""
    """Database URL, such as postgresql://...; without it SQLite in the state folder."""
    prompts: Folder = Path("prompts")
    """Folder of the prompts as this daemon sees it."""
    switch_prompts: Annotated[str, AfterValidator(_switch_path)] | None = None
    """The same folder as FreeSWITCH sees it, when that is another path."""
    recordings: Folder = Path("recordings")
    """Folder that FreeSWITCH writes recordings and spoken names to."""
    switch_recordings: Annotated[str, AfterValidator(_switch_path)] | None = None
    """The same folder as FreeSWITCH sees it, when that is another path."""
    directory: Folder | None = None
    """Folder where FreeSWITCH reads its users from; without it extensions cannot register."""
    cdr: Folder | None = None
    """Folder that FreeSWITCH writes its call detail records to, as this daemon sees it; they settle the ledger."""
    voicemail: Folder | None = None
    """Folder where FreeSWITCH keeps the messages of mailboxes, as this daemon sees it; without it none is mailed."""
    switch_voicemail: Annotated[str, AfterValidator(_switch_path)] | None = None
    """The same folder as FreeSWITCH sees it, when that is another path."""
    dial_out: DialOut = DialOut()
    """How long and how often rooms call their participants."""
    max_calls: Annotated[int, whole(1, 100_000)] = 2000
    """Conversations at once; further calls are refused so that the carrier tries elsewhere."""
    drain_seconds: Annotated[int, whole(0, 3600)] = 20
    """Seconds (0 to 3600) that running conversations get at the end.

    Below the 30 s that new callers of a lone daemon wait in music; with a second daemon 60 is kinder.
    """

    smtp: Smtp | None = None
    """The mail server for ``callcontrol invite --send`` and for messages of mailboxes; without it nothing is mailed."""

    @model_validator(mode="after")
    def _switches_differ(self) -> Self:
        names = [switch.name for switch in self.switches]
        if len(set(names)) != len(names):
            raise refuse("two switches have the same name", "name: tells them apart")
        return self

    @model_validator(mode="before")
    @classmethod
    def _beside_the_file(cls, values: Any, info: ValidationInfo) -> Any:
        """Defaults are relative to the file too."""
        if not isinstance(values, dict) or not isinstance(info.context, _Beside):
            return values
        return {"tenants": "tenants", "state": "state", "prompts": "prompts", "recordings": "recordings"} | values

    @model_validator(mode="after")
    def _database_in_state(self) -> Self:
        if not self.database:
            object.__setattr__(self, "database", sqlite_url(self.state))
        return self


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """Read the operator's file; ``environ`` fills ``${NAME}``. Raises ConfigError with every problem."""
    data = read_file(path)
    if isinstance(data, Problem):
        raise ConfigError([data])
    root, faults = parse(data)
    beside = _Beside(path.absolute().parent)
    if root is None and not faults:
        return Config.model_validate({}, context=beside)
    if root is None:
        raise ConfigError(problems_of(path, faults))
    _, config, misfits = read_model(Document(root), Config, environ, lambda raw: beside)
    if config is None or faults or misfits:
        raise ConfigError(problems_of(path, [*faults, *misfits]))
    return config
