"""A few questions to FreeSWITCH over a plain event socket, for tests only.

It shares no line with callcontrol: a witness must not be related to the accused.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any


class EventSocket:
    """One authenticated connection that asks ``api`` commands, one at a time, each answered in ``within`` seconds."""

    def __init__(self, host: str, port: int, password: str, within: float = 5.0) -> None:
        self._socket = socket.create_connection((host, port), timeout=within)
        self._file = self._socket.makefile("rb")
        self._read()
        self._socket.sendall(f"auth {password}\n\n".encode())
        if not self._read()[0].get("reply-text", "").startswith("+OK"):
            self.close()
            raise ConnectionRefusedError("FreeSWITCH does not accept the event-socket password")

    def close(self) -> None:
        """Close; the object is of no use afterwards."""
        self._file.close()
        self._socket.close()

    def _read(self) -> tuple[dict[str, str], str]:
        headers: dict[str, str] = {}
        while (line := self._file.readline()) not in (b"\n", b""):
            name, _, value = line.decode("latin-1").strip().partition(": ")
            headers[name.lower()] = value
        if not headers:
            raise ConnectionResetError("FreeSWITCH closed the event socket")
        return headers, self._file.read(int(headers.get("content-length", "0"))).decode("utf-8", "surrogateescape")

    def api(self, command: str) -> str:
        """The answer of FreeSWITCH to ``api COMMAND``, blanks at the ends removed."""
        if "\n" in command or "\r" in command:
            raise ValueError("one command at a time")
        self._socket.sendall(f"api {command}\n\n".encode())
        while True:
            headers, body = self._read()
            if headers.get("content-type") == "api/response":
                return body.strip()

    def variable(self, uuid: str, name: str) -> str | None:
        """A channel variable, or None when it (or the channel) is not there."""
        value = self.api(f"uuid_getvar {uuid} {name}")
        return None if value == "_undef_" or value.startswith("-ERR") else value

    def channels(self) -> list[dict[str, Any]]:
        """All live channels as ``show channels`` tells them."""
        rows: list[dict[str, Any]] = json.loads(self.api("show channels as json")).get("rows", [])
        return rows

    def channel_of(self, call_id: str, within: float = 2.0) -> str:
        """The uuid of the channel with this SIP Call-ID; LookupError after ``within`` seconds.

        It takes a moment to appear: FreeSWITCH writes its table of channels a little late.
        """
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for channel in self.channels():
                if self.variable(str(channel["uuid"]), "sip_call_id") == call_id:
                    return str(channel["uuid"])
            time.sleep(0.05)
        raise LookupError(f"FreeSWITCH has no call {call_id}")

    def members(self, room: str) -> list[dict[str, Any]]:
        """Everybody in a room, as ``conference ROOM json_list`` tells them; empty when there is no such room."""
        answer = self.api(f"conference {room} json_list")
        if not answer.startswith("["):
            return []
        return [m for r in json.loads(answer) for m in r["members"] if m["type"] == "caller"]
