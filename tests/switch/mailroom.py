"""FreeSWITCH, a daemon with a mail server, and the tenant of ``mailboxes/``: an office without the demo's settings."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callcontrol.freeswitch import FreeSwitchProcess
from tests.mail_server import MailServer, running
from tests.switch.conftest import PROMPTS, REPOSITORY, free_ports
from tests.switch.event_socket import EventSocket
from tests.switch.phones import Switch


class Daemon:
    """`callcontrol serve`, which may be killed and started again."""

    def __init__(self, folder: Path, password: str) -> None:
        self._folder, self._password = folder, password
        self._process = self._started()

    def kill(self) -> None:
        """As a crash would."""
        self._process.kill()
        self._process.wait(20)

    def start(self) -> None:
        """Again."""
        self._process = self._started()

    def stop(self) -> None:
        """In order."""
        self._process.terminate()
        self._process.wait(20)

    def _started(self) -> subprocess.Popen[bytes]:
        with (self._folder / "daemon.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "callcontrol", "serve", "--config", str(self._folder / "callcontrol.yaml")],
                cwd=REPOSITORY,
                env=os.environ | {"CALLCONTROL_ESL_PASSWORD": self._password},
                stderr=log,
            )


@dataclass(frozen=True)
class Mailroom:
    """``folder``: where everything of this run is; ``mails``: the mail server."""

    folder: Path
    switch: Switch
    mails: MailServer
    daemon: Daemon

    def boxes(self, account: str) -> str:
        """``new:saved:...`` messages of a mailbox, as FreeSWITCH counts them."""
        return self.switch.events.api(f"vm_boxcount {account}|all")

    def log(self) -> list[dict[str, Any]]:
        """The daemon's log."""
        lines = (self.folder / "daemon.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@contextmanager
def mailroom_of(binary: Path, folder: Path) -> Iterator[Mailroom]:
    """All of it, started and ready; stopped in the end."""
    trunk, extensions, events, listen, http = free_ports(5)
    password = secrets.token_urlsafe(16)
    with running(MailServer()) as mails:
        switch = FreeSwitchProcess(
            binary,
            run_folder=folder / "freeswitch",
            conf=REPOSITORY / "freeswitch-conf",
            dialplan=REPOSITORY / "dialplan",
            prompts=PROMPTS,
            directory=folder / "directory",
            trunk_port=trunk,
            extension_port=extensions,
            esl_port=events,
            esl_password=password,
            daemons=f"127.0.0.1:{listen}",
            rtp_ports=(36000, 36998),
            voicemail=folder / "voicemail",
        )
        settings = {
            "listen": f"127.0.0.1:{listen}",
            "http": f"127.0.0.1:{http}",
            "switches": [{"port": events}],
            "tenants": str(REPOSITORY / "tests/switch/mailboxes"),
            "state": str(folder / "state"),
            "prompts": str(PROMPTS),
            "directory": str(folder / "directory"),
            "voicemail": str(folder / "voicemail"),
            "smtp": {"url": f"smtp://127.0.0.1:{mails.port}", "sender": "post@attic.example", "starttls": False},
            "drain_seconds": 1,
        }
        (folder / "directory").mkdir(mode=0o700)
        (folder / "callcontrol.yaml").write_text(json.dumps(settings))
        switch.start()
        daemon = Daemon(folder, password)
        try:
            switch.wait_ready(30)
            event_socket = EventSocket("127.0.0.1", events, password)
            doors = Switch(f"127.0.0.1:{trunk}", f"127.0.0.1:{extensions}", event_socket)
            room = Mailroom(folder, doors, mails, daemon)
            _wait_for_lease(room)
            yield room
            event_socket.close()
        finally:
            daemon.stop()
            switch.stop(10)


def _wait_for_lease(room: Mailroom) -> None:
    """The daemon steers the switch, so it mails."""
    expires = time.monotonic() + 30
    while "@" not in room.switch.events.api("global_getvar cc_steward"):
        assert time.monotonic() < expires, room.log()
        time.sleep(0.1)
