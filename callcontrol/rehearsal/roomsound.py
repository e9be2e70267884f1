"""What is played into a room or to one member, and recordings (conference_file.c, conference_record.c).

A room has one queue of files and each member another; beside its queue a room has one asynchronous file, its music.
With a pace of 0 files take no time, so nothing ever waits in a queue.
"""

from __future__ import annotations

import os
import time
import wave
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gevent.event import Event

from callcontrol import greenlets
from callcontrol.rehearsal.bus import Bus
from callcontrol.rehearsal.line import Line
from callcontrol.rehearsal.transcript import Kind

RATE = 16000  # of the profile `room`, and of every count of samples in its events
STREAM = "local_stream://"


class Player:
    """Plays files one after the other; music (a ``local_stream``) has no end, so what comes behind it waits.

    ``began`` is told each file that starts, ``ended`` each with its seconds.
    """

    def __init__(self, hub: Bus, began: Callable[[str], None], ended: Callable[[str, float], None]) -> None:
        self._hub = hub
        self._began = began
        self._ended = ended
        self._files: deque[str] = deque()
        self._since = 0.0
        self._unheard = 0  # files that were stopped before they began
        self._stopped = Event()

    @property
    def current(self) -> str:
        """What plays now, or ``""``."""
        return self._files[0] if self._files else ""

    def play(self, file: str) -> None:
        """Play a file when those before it are over."""
        self._files.append(file)
        if len(self._files) == 1:
            self._next()

    def stop(self, every: bool) -> int:
        """End the file that plays, or all; how many those were."""
        count = len(self._files) if every else min(1, len(self._files))
        if not count:
            return 0
        self._unheard = count - 1
        if self._hub.pace:
            self._stopped.set()
        else:
            self._end(time.monotonic() - self._since)
            self._end_unheard()
            self._next()
        return count

    def _next(self) -> None:
        """Begin with the first file; without a pace go on until one has no end."""
        if self._hub.pace and self._files:
            greenlets.spawn("rehearsal-room-sound", self._run)
            return
        while self._files:
            self._begin()
            if seconds(self._hub, self.current) == float("inf"):
                return
            self._end(seconds(self._hub, self.current))

    def _run(self) -> None:
        while self._files:
            self._stopped.clear()
            self._begin()
            lasts = seconds(self._hub, self.current)
            self._stopped.wait(None if lasts == float("inf") else lasts * self._hub.pace)
            self._end(time.monotonic() - self._since)
            self._end_unheard()

    def _end_unheard(self) -> None:
        while self._unheard:
            self._unheard -= 1
            self._end(0.0)

    def _begin(self) -> None:
        self._since = time.monotonic()
        self._began(self.current)

    def _end(self, lasted: float) -> None:
        self._ended(self._files.popleft(), lasted)


@dataclass
class Recording:
    """A room being recorded: for mod_conference a member without a channel. ``place``: among the room's arrivals."""

    path: str
    place: int
    began: float = field(default_factory=time.time)

    @property
    def samples(self) -> int:
        """How much was recorded so far, in whole packets of 20 ms."""
        return int((time.time() - self.began) * 50) * (RATE // 50)

    def save(self) -> list[tuple[str, str]]:
        """Write the file and describe it as the last headers of ``stop-recording``."""
        samples = self.samples
        write_silence(self.path, RATE, samples)
        return [*counted(samples), ("Record-File-Size", str(os.path.getsize(self.path)))]


def counted(samples: int) -> list[tuple[str, str]]:
    """How long a recording was."""
    return [
        ("Samples-Out", str(samples)),
        ("Samplerate", str(RATE)),
        ("Milliseconds-Elapsed", str(samples // (RATE // 1000))),
    ]


def write_silence(path: str, rate: int, samples: int) -> None:
    """Nobody's voice is mixed here, so a recording is silent. Raises OSError."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)  # as FreeSWITCH does
    with Path(path).open("wb") as opened, wave.open(opened, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(bytes(2 * samples))


def can_write(path: str) -> bool:
    """Whether a recording could be opened; it is created then."""
    try:
        write_silence(path, RATE, 0)
    except OSError:
        return False
    return True


def parts(hub: Bus, file: str) -> list[str]:
    """The files that can be opened of one or of a ``file_string``."""
    path = file.rpartition("}")[2]
    names = path.removeprefix("file_string://").split("!") if path.startswith("file_string://") else [path]
    return [name for name in names if "://" in name or hub.exists(name)]


def seconds(hub: Bus, file: str) -> float:
    """How long a file lasts, all its parts together."""
    return sum(_lasts(hub, part) for part in parts(hub, file))


def _lasts(hub: Bus, part: str) -> float:
    scheme, _, rest = part.partition("://")
    if scheme == "local_stream":
        return float("inf")
    if scheme == "silence_stream":
        return int(rest) / 1000 if rest.isdigit() else 0.0
    return 0.0 if "://" in part else hub.seconds(part)


def note(lines: Iterable[Line], file: str) -> None:
    """What these phones hear of a file."""
    for line in lines:
        transcript, hub = line.transcript, line.hub
        for part in parts(hub, file):
            scheme, separator, rest = part.partition("://")
            if part.startswith(STREAM):
                transcript.add(Kind.MUSIC, rest)
            elif scheme == "tone_stream":
                transcript.add(Kind.TONE, rest)
            elif not separator:
                language, name = hub.describe(part)
                transcript.add(Kind.HEARS, name, language)
