"""Which number is said in a stretch of sound. A number lasts 0.3 s: too short to be looked for among all prompts."""

from __future__ import annotations

from pathlib import Path

from tests.switch.hearing import ALIKE, SLIP, correlation
from tests.switch.sound import Samples, read_wav

LARGEST = 12
PIECE = 800  # samples (0.1 s)


class Numbers:
    """The numbers 0 to LARGEST in all languages."""

    def __init__(self, sounds: dict[tuple[str, int], Samples]) -> None:
        self._sounds = sounds

    @classmethod
    def of_folder(cls, folder: Path) -> Numbers:
        """All ``folder/<language>/digits/<number>.wav``."""
        languages = [path.parent.name for path in folder.glob("*/digits")]
        spoken = [(language, number) for language in languages for number in range(LARGEST + 1)]
        return cls({(lang, number): read_wav(folder / lang / f"digits/{number}.wav") for lang, number in spoken})

    def said_in(self, sound: Samples, language: str) -> int | None:
        """The number that is said at the beginning of ``sound``; None when none is."""
        heard = {
            number: _likeness(_voiced(spoken), sound)
            for (spoken_in, number), spoken in self._sounds.items()
            if spoken_in == language
        }
        best = max(heard, key=heard.__getitem__, default=None)
        return best if best is not None and heard[best] >= ALIKE else None


def _likeness(spoken: Samples, sound: Samples) -> float:
    """How alike they are piece by piece: a jitter buffer drops or repeats frames, which only shifts what follows."""
    _, start = correlation(spoken[: 2 * PIECE], sound)
    places = range(0, len(spoken) - PIECE + 1, PIECE)
    near = [sound[max(0, start + place - SLIP) : start + place + PIECE + SLIP] for place in places]
    values = [correlation(spoken[place : place + PIECE], there)[0] for place, there in zip(places, near, strict=True)]
    return sum(values) / len(values)


def _voiced(sound: Samples) -> Samples:
    """Without the silence around it."""
    loud = (abs(sound) > 0.02 * abs(sound).max()).nonzero()[0]
    return sound[loud[0] : loud[-1] + 1]
