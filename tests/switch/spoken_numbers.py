"""Which number is said in a stretch of sound. A number lasts 0.3 s: too short to be looked for among all prompts."""

from __future__ import annotations

from pathlib import Path

from tests.switch.hearing import ALIKE, correlation
from tests.switch.sound import Samples, read_wav

LARGEST = 12


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
        """The number that is said in ``sound``; None when none is."""
        heard = {
            number: correlation(_voiced(spoken), sound)[0]
            for (spoken_in, number), spoken in self._sounds.items()
            if spoken_in == language
        }
        best = max(heard, key=heard.__getitem__, default=None)
        return best if best is not None and heard[best] >= ALIKE else None


def _voiced(sound: Samples) -> Samples:
    """Without the silence around it."""
    loud = (abs(sound) > 0.02 * abs(sound).max()).nonzero()[0]
    return sound[loud[0] : loud[-1] + 1]
