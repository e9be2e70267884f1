"""A FreeSWITCH of our own for tests of its configuration: free ports, tones for prompts, and a daemon to be killed."""

from __future__ import annotations

import math
import os
import random
import secrets
import socket
import struct
import threading
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from callcontrol.freeswitch import FreeSwitchProcess, find_freeswitch
from tests.patience import PATIENCE
from tests.ports import free_ports
from tests.switch.event_socket import EventSocket

REPOSITORY = Path(__file__).parents[1]
MUSIC, APOLOGY, PROMPT = 1000, 600, 425  # Hz; PROMPT is what a daemon of these tests plays

BINARY = find_freeswitch(os.environ)


@dataclass(frozen=True)
class Running:
    """A started FreeSWITCH and where to reach it."""

    process: FreeSwitchProcess
    folder: Path
    trunk: int
    extensions: int
    daemon: int
    """Port where it looks for a daemon; nobody listens there until a test starts one."""
    events: EventSocket

    def log(self) -> str:
        return self.process.log_file.read_text(errors="replace")


@contextmanager
def running(folder: Path, **environ: str) -> Iterator[Running]:
    """Start FreeSWITCH with freeswitch-conf and dialplan; skip without a binary."""
    if BINARY is None:
        pytest.skip("no FreeSWITCH here (set FREESWITCH to its binary)")
    write_prompts(folder / "the prompts")
    trunk, extensions, events, daemon = free_ports(4)
    password = secrets.token_urlsafe(16)
    first = random.randrange(20000, 59000, 2)
    process = FreeSwitchProcess(
        BINARY,
        run_folder=folder / "freeswitch",
        conf=REPOSITORY / "freeswitch-conf",
        dialplan=REPOSITORY / "dialplan",
        prompts=folder / "the prompts",
        directory=folder / "directory",
        trunk_port=trunk,
        extension_port=extensions,
        esl_port=events,
        esl_password=password,
        daemons=f"127.0.0.1:{daemon}",
        rtp_ports=(first, first + 1000),
        extra_env=environ,
    )
    process.start()
    try:
        process.wait_ready(PATIENCE)
        event_socket = EventSocket("127.0.0.1", events, password)
        yield Running(process, folder, trunk, extensions, daemon, event_socket)
        event_socket.close()
    finally:
        process.stop(15)


def write_prompts(folder: Path) -> None:
    """The two recordings the safety net plays, each a tone that cannot be mistaken."""
    write_tone(folder / "music" / "hold.wav", MUSIC, 40)
    write_tone(folder / "de" / "not-available.wav", APOLOGY, 1)


def write_tone(path: Path, hz: int, seconds: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    second = b"".join(struct.pack("<h", int(8000 * math.sin(2 * math.pi * hz * n / 16000))) for n in range(16000))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(second * seconds)


class Conversation:
    """The daemon's end of one outbound socket. Every method raises OSError or EOFError when the socket is gone."""

    def __init__(self, ours: socket.socket) -> None:
        self.socket = ours
        self._file = ours.makefile("rb")

    def connect(self) -> dict[str, str]:
        return self._command("connect")

    def execute(self, application: str, argument: str = "") -> None:
        """Queue an application; it begins when the one before has ended."""
        lines = ("sendmsg", "call-command: execute", f"execute-app-name: {application}", "event-lock: true")
        self._command("\n".join((*lines, f"execute-app-arg: {argument}")))

    def hang_up(self, cause: str) -> None:
        self._command(f"sendmsg\ncall-command: hangup\nhangup-cause: {cause}")

    def stay(self) -> None:
        """Read until the other end closes."""
        while self._frame():
            pass

    def close(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _command(self, text: str) -> dict[str, str]:
        self.socket.sendall(text.encode() + b"\n\n")
        return self._frame()

    def _frame(self) -> dict[str, str]:
        headers = {}
        while (line := self._file.readline()) != b"\n":
            if not line:
                raise EOFError
            name, _, value = line.decode("latin-1").rstrip("\n").partition(": ")
            headers[name] = value
        self._file.read(int(headers.get("Content-Length", 0)))
        return headers


class Daemon:
    """Accepts outbound sockets and tells each the same story, until it is killed."""

    def __init__(self, port: int, story: Callable[[Daemon, Conversation], None]) -> None:
        self.calls: list[dict[str, str]] = []
        self._story = story
        self._port = port
        self._open: list[Conversation] = []

    def __enter__(self) -> Daemon:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """What the kernel does for a process that dies: every socket of it closes at once."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for conversation in self._open:
            conversation.close()

    def took(self, calls: int, seconds: float = 5) -> dict[str, str]:
        """Wait for that many calls in all; the channel data of the last."""
        expires = time.monotonic() + seconds
        while len(self.calls) < calls:
            assert time.monotonic() < expires, f"{len(self.calls)} calls within {seconds} s, not {calls}"
            time.sleep(0.01)
        return self.calls[calls - 1]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                conversation = Conversation(self._listener.accept()[0])
                self._open.append(conversation)
                threading.Thread(target=self._tell, args=(conversation,), daemon=True).start()

    def _tell(self, conversation: Conversation) -> None:
        with suppress(OSError, EOFError):
            self._story(self, conversation)
