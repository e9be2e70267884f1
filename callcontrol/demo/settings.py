"""What a demo runs with: addresses, folders, and the password it makes for itself."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from callcontrol.errors import SwitchError
from callcontrol.processes import port_problem


@dataclass(frozen=True)
class DemoSettings:
    """Everything listens on loopback. Folders: ``home`` holds prompts and configuration, ``state`` what is written."""

    home: Path
    tenants: Path
    state: Path
    sip_port: int
    extension_port: int
    esl_port: int
    listen: tuple[str, int]
    http: tuple[str, int]
    rtp_ports: tuple[int, int]

    @property
    def password_file(self) -> Path:
        return self.state / "event-socket-password"

    @property
    def directory(self) -> Path:
        return self.state / "directory"

    @property
    def cdr(self) -> Path:
        """Where FreeSWITCH writes what became of each call."""
        return self.state / "cdr"

    @property
    def voicemail(self) -> Path:
        """Where FreeSWITCH keeps the messages of mailboxes."""
        return self.state / "voicemail"

    @property
    def config_file(self) -> Path:
        return self.state / "callcontrol.yaml"

    @property
    def log_file(self) -> Path:
        """Where the log goes while a telephone has the terminal."""
        return self.state / "daemon.log"

    def open_log(self) -> BinaryIO:
        """The log file, to be written at its end."""
        return open(self.log_file, "ab", opener=_private)

    def refuse_taken_ports(self, *, with_sip: bool) -> None:
        """Look before anything is started. Raises SwitchError that names the port and the option to change it."""
        loopback = "127.0.0.1"
        wanted = [("listen", self.listen), ("http", self.http), ("esl-port", (loopback, self.esl_port))]
        doors = [("sip-port", (loopback, self.sip_port)), ("extension-port", (loopback, self.extension_port))]
        streams = wanted + doors if with_sip else wanted
        found = [(option, port_problem(address)) for option, address in streams]
        found += [(option, port_problem(address, datagram=True)) for option, address in (doors if with_sip else ())]
        for option, problem in found:
            if problem is not None:
                raise SwitchError(f"{problem} (choose another with --{option})")

    def prepare(self) -> str:
        """Make the state folder, the password (kept from an earlier run) and the daemon's configuration."""
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.cdr.mkdir(exist_ok=True, mode=0o700)
        self.voicemail.mkdir(exist_ok=True, mode=0o700)
        password = self._password()
        self.config_file.write_text(self._config(), encoding="utf-8")
        return password

    def _password(self) -> str:
        """Kept, so that a FreeSWITCH or a daemon that was started with it stays reachable; readable for us alone."""
        with open(self.password_file, "a+", encoding="ascii", opener=_private) as file:
            os.fchmod(file.fileno(), 0o600)
            file.seek(0)
            password = file.read().strip()
            if not password:
                password = secrets.token_urlsafe(24)
                file.write(password + "\n")
        return password

    def _config(self) -> str:
        """JSON is YAML, and quotes whatever stands in a path."""
        values = {
            "listen": _written(self.listen),
            "http": _written(self.http),
            "switches": [
                {
                    "name": "demo",
                    "host": "127.0.0.1",
                    "port": self.esl_port,
                    "password_file": str(self.password_file.absolute()),
                }
            ],
            "tenants": str(self.tenants.absolute()),
            "state": str(self.state.absolute()),
            "prompts": str((self.home / "prompts").absolute()),
            "directory": str(self.directory.absolute()),
            "recordings": str((self.state / "recordings").absolute()),
            "cdr": str(self.cdr.absolute()),
            "voicemail": str(self.voicemail.absolute()),
            "drain_seconds": 5,
        }
        return json.dumps(values, indent=2) + "\n"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _written(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"
