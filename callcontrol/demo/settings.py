"""What a demo runs with: addresses, folders, and the password it makes for itself."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path


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

    @property
    def password_file(self) -> Path:
        return self.state / "event-socket-password"

    @property
    def directory(self) -> Path:
        return self.state / "directory"

    @property
    def config_file(self) -> Path:
        return self.state / "callcontrol.yaml"

    def prepare(self) -> str:
        """Make the state folder, the password (kept from an earlier run) and the daemon's configuration."""
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        password = self._password()
        self.config_file.write_text(self._config(), encoding="utf-8")
        return password

    def _password(self) -> str:
        if not self.password_file.exists():
            with os.fdopen(os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(24) + "\n")
        return self.password_file.read_text(encoding="ascii").strip()

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
            "drain_seconds": 5,
        }
        return json.dumps(values, indent=2) + "\n"


def _written(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"
