"""What one scripted phone lived through, as typed steps. Digits are never stored in it, only how many keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gevent.event import Event


class Kind(StrEnum):
    """What a step is about. The first eight are done by the phone, the others happen to it."""

    CALLS = "calls"
    PICKS_UP = "picks up"
    REJECTS = "refuses"
    PRESSES = "presses"
    STAYS_SILENT = "stays silent"
    HANGS_UP = "hangs up"
    KEEPS_LISTENING = "keeps listening"
    TALKS = "talks"
    ANSWERED = "is answered"
    RINGS_BACK = "hears early media"
    HEARS = "hears"
    TONE = "hears a tone"
    MUSIC = "hears music"
    JOINS = "joins"
    LEAVES = "leaves"
    REFUSED = "is refused"
    HUNG_UP = "is hung up"
    RINGS = "is called by"
    STOPS_RINGING = "stops ringing"
    NET = "is caught by the dialplan"


@dataclass(frozen=True)
class Step:
    """One line of the dialogue. ``seconds`` since the call began; ``language`` only where a prompt has one."""

    seconds: float
    kind: Kind
    text: str = ""
    language: str = ""

    def __str__(self) -> str:
        where = f" ({self.language})" if self.language else ""
        return f"{self.seconds:7.3f}s  {self.kind}{' ' if self.text else ''}{self.text}{where}"


def counted(keys: str) -> str:
    """How many keys were pressed; which ones is nobody's business."""
    return f"{len(keys)} key{'' if len(keys) == 1 else 's'}"


class Transcript:
    """The steps of one phone in order; ``listener`` is told each new one as it happens."""

    def __init__(self, listener: Callable[[Step], None] | None = None) -> None:
        self.steps: list[Step] = []
        self.listener = listener
        self._began = time.monotonic()
        self._changed = Event()

    def begin(self) -> None:
        """Set the clock to zero; steps of an earlier call stay."""
        self._began = time.monotonic()

    def add(self, kind: Kind, text: str = "", language: str = "") -> None:
        """Note a step and wake whoever waits."""
        step = Step(time.monotonic() - self._began, kind, text, language)
        self.steps.append(step)
        if self.listener is not None:
            self.listener(step)
        self._changed.set()

    def changed(self) -> None:
        """Wake whoever waits though no step was added."""
        self._changed.set()

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether the condition became true within ``seconds``; it is looked at after every change."""
        end = time.monotonic() + seconds
        while not condition():
            self._changed.clear()
            left = end - time.monotonic()
            if left <= 0 or not self._changed.wait(left):
                return condition()
        return True

    def __str__(self) -> str:
        return "\n".join(map(str, self.steps))
