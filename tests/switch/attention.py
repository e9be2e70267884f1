"""What one phone has heard in the call it is in, and what of that a test has asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.switch.handset import Handset
from tests.switch.hearing import Heard, Key, Listener, Music, Prompts
from tests.switch.sound import RATE, Recording, Samples
from tests.switch.spoken_numbers import Numbers

IN_FLIGHT = 0.3  # s that sound needs at most through the switch and two jitter buffers


@dataclass(frozen=True)
class Ears:
    """What a phone can recognise."""

    prompts: Prompts
    music: Music
    numbers: Numbers


class Attention:
    """Listens for one phone; forgets everything when a new call begins (``anew``)."""

    def __init__(self, ears: Ears, handset: Handset) -> None:
        self._ears, self._handset = ears, handset
        self.anew()

    def anew(self) -> None:
        """A new call: nothing was heard yet."""
        self._listener: Listener | None = None
        self._place = 0  # prompts before this one are asked for or skipped
        self._asked: set[int] = set()
        self._told = 0  # prompts that are in the dialogue

    def listen(self, over: bool = False) -> Listener | None:
        """Take in new sound and put new prompts into the dialogue; None while there has been no sound at all."""
        self._handset.pump(0)
        begun = self._handset.had("recording")
        if not begun:
            return None
        if self._listener is None:
            self._listener = Listener(self._ears.prompts, Recording(Path(begun["path"])))
        for heard in self._listener.update(over)[self._told :]:
            self._handset.say(f"hears {heard}", begun["at"] + heard.end)
            self._told += 1
        return self._listener

    def over(self) -> bool:
        """The call has ended and everything that could be heard was heard."""
        if not self._handset.had("disconnected"):
            return False
        listener = self.listen()
        if listener is not None and listener.recording.finished:
            self.listen(over=True)
        return listener is None or listener.recording.finished

    def find(self, name: str, language: str | None) -> int | None:
        """The next place in what was heard where this prompt was played to its end."""

        def fits(heard: Heard) -> bool:
            return heard.whole and any(name == own and language in (None, spoken) for spoken, own in heard.keys)

        listener = self.listen()
        heard = listener.heard if listener else []
        return next((place for place in range(self._place, len(heard)) if fits(heard[place])), None)

    def ask(self, place: int) -> None:
        """The test has asked for this one; the next search begins behind it."""
        self._asked.add(place)
        self._place = place + 1

    def unasked(self) -> list[Heard]:
        """Prompts played to their end that no test asked for."""
        heard = self._listener.heard if self._listener else []
        return [one for place, one in enumerate(heard) if one.whole and place not in self._asked]

    def count(self) -> int:
        """How many prompts were heard in this call so far."""
        listener = self.listen()
        return len(listener.heard) if listener else 0

    def going_on(self) -> list[Key]:
        """The prompts that may be playing at this moment (see Listener.going_on)."""
        listener = self.listen()
        return listener.going_on() if listener else []

    def now(self) -> int:
        """Where in the recording sound will stand that is sent from now on (samples)."""
        begun = self._handset.had("recording")
        return int((time.monotonic() - begun["at"] + IN_FLIGHT) * RATE) if begun else 0

    def latest(self, seconds: float, since: int) -> Samples:
        """The last so many seconds of sound, all of it later than ``since``; empty while there is less."""
        listener = self.listen()
        samples = listener.recording.samples[since:] if listener else np.zeros(0, np.float32)
        wanted = int(seconds * RATE)
        return samples[-wanted:] if len(samples) >= wanted else samples[:0]

    def behind(self, seconds: float) -> Samples:
        """So many seconds of sound that follow the prompt asked for last; empty while there may be more to come."""
        listener, asked = self.listen(), max(self._asked, default=None)
        if listener is None or asked is None:
            return np.zeros(0, np.float32)
        begin, wanted = int(listener.heard[asked].end * RATE) - RATE // 5, int(seconds * RATE)
        samples = listener.recording.samples[max(0, begin) : begin + wanted]
        return samples if len(samples) == wanted or self.over() else samples[:0]

    def first(self, true: Callable[[Samples], bool], since: float, window: float = 0.1) -> float | None:
        """When (time.monotonic) ``true`` first held of so many seconds of sound from ``since`` on; None for never."""
        listener, begun = self.listen(), self._handset.had("recording")
        if listener is None or begun is None:
            return None
        sound, width = listener.recording.samples, int(window * RATE)
        places = range(max(0, int((since - begun["at"]) * RATE)), len(sound) - width + 1, width // 10)
        found = next((place for place in places if true(sound[place : place + width])), None)
        return None if found is None else begun["at"] + (found + width // 2) / RATE
