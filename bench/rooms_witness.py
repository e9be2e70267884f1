"""What FreeSWITCH itself tells about its conferences, over an event socket that shares nothing with the daemon's."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

SECONDS = 10.0


@dataclass(frozen=True)
class Seen:
    """One ``conference::maintenance`` event, or a key. ``at``: seconds since the epoch when it was read here."""

    at: float
    fields: Mapping[str, str]

    @property
    def action(self) -> str:
        """What happened, such as ``add-member``; ``DTMF`` when FreeSWITCH took in a key."""
        return self.fields.get("Action", "") or self.fields.get("Event-Name", "")

    @property
    def room(self) -> str:
        """The name of the conference."""
        return self.fields.get("Conference-Name", "")

    @property
    def number(self) -> str:
        """The member's number; empty when it concerns none."""
        return self.fields.get("Caller-Caller-ID-Number", "")


class Witness:
    """Asks (`api`) and notes every event of a conference (`seen`)."""

    def __init__(self, port: int, password: str) -> None:
        self._questions = _EventSocket(port, password)
        self._events = _EventSocket(port, password)
        self._events.send("event json DTMF CUSTOM conference::maintenance")
        self._seen: list[Seen] = []
        self._thread = threading.Thread(target=self._note, name="witness", daemon=True)
        self._thread.start()

    def api(self, command: str) -> str:
        """The answer of FreeSWITCH to an API command."""
        return self._questions.send(f"api {command}").strip()

    def members(self, room: str) -> list[dict[str, Any]]:
        """Who is in a conference; nobody when there is none."""
        answer = self.api(f"conference {room} json_list")
        listed = json.loads(answer, strict=False) if answer.startswith("[") else []
        return [member for entry in listed for member in entry["members"] if member["type"] == "caller"]

    def count(self, room: str) -> int:
        """How many are in a conference."""
        answer = self.api(f"conference {room} get count")
        return int(answer) if answer.isdigit() else 0

    def seen(self, since: float = 0.0) -> list[Seen]:
        """All events from then on."""
        return [event for event in list(self._seen) if event.at >= since]

    def forget(self) -> None:
        """Forget all events so far."""
        self._seen.clear()

    def close(self) -> None:
        """Leave."""
        self._questions.close()
        self._events.close()
        self._thread.join()

    def _note(self) -> None:
        try:
            while True:
                body = self._events.read()[1]
                if body.startswith("{"):
                    self._seen.append(Seen(time.time(), json.loads(body, strict=False)))
        except OSError:
            return  # closed


class _EventSocket:
    def __init__(self, port: int, password: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self._file = self._socket.makefile("rb")
        self.read()
        self.send(f"auth {password}")
        self._socket.settimeout(None)

    def send(self, command: str) -> str:
        self._socket.sendall(f"{command}\n\n".encode())
        while True:
            kind, body = self.read()
            if kind in ("api/response", "command/reply"):
                return body

    def read(self) -> tuple[str, str]:
        headers: dict[str, str] = {}
        while (line := self._file.readline()) not in (b"\n", b""):
            name, _, value = line.decode("latin-1").strip().partition(": ")
            headers[name.lower()] = value
        if not headers:
            raise ConnectionResetError("FreeSWITCH closed the event socket")
        body = self._file.read(int(headers.get("content-length", "0"))).decode("utf-8", "surrogateescape")
        return headers.get("content-type", ""), body

    def close(self) -> None:
        with suppress(OSError):  # FreeSWITCH was first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
