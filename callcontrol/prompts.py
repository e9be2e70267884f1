"""What the caller is told: prompt names, their texts, and the files FreeSWITCH plays.

Reads ``manifest.json``, which ``prompts/build.py`` writes beside the WAV files; it neither plays nor renders anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from callcontrol.errors import CallControlError, ConfigError

PAUSE = "pause"
"""A prompt name without words or file, in every language: 0.3 s of silence between what would run together."""

_PAUSE_STREAM = "silence_stream://300"  # ms
_OWN = "own"  # the folder of the names an administrator recorded
_OWN_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)?")  # a tenant, or a tenant and its room


class UnknownPrompt(CallControlError, KeyError):
    """No such prompt, or not in that language: a slip in our code or an incomplete prompts folder."""

    __str__ = Exception.__str__  # KeyError prints the repr of its text


class PromptBook:
    """All prompts of one folder.

    folder: where this process finds ``manifest.json``. switch_folder: the same folder as FreeSWITCH sees it; by default
    the same path. Raises ConfigError when the manifest cannot be used.
    """

    def __init__(self, folder: Path, switch_folder: str | None = None) -> None:
        self._folder = folder
        self._base = (switch_folder or str(folder.absolute())).rstrip("/")
        self._texts, self._tones = _read(folder / "manifest.json")
        #: Language codes in alphabetical order, such as ``("de", "en", "fr")``.
        self.languages = tuple(sorted({language for language, _ in self._texts}))
        #: Names such as ``enter-pin``; words of numbers and letters (``digits/4``) are not among them.
        self.names = tuple(sorted({name for _, name in self._texts if "/" not in name}))

    def file(self, language: str, name: str) -> str:
        """The path FreeSWITCH plays. Raises UnknownPrompt."""
        if name == PAUSE:
            return _PAUSE_STREAM
        self.text(language, name)
        return f"{self._base}/{language}/{name}.wav"

    def own(self, language: str, name: str) -> str | None:
        """The path of a recorded name, ``own/de/acme.wav`` of a tenant or ``own/de/acme.board.wav`` of its room.

        Looked up at each call, so a new recording is heard at once. None when there is none, or for what is no name.
        """
        if language not in self.languages or not _OWN_NAME.fullmatch(name):
            return None
        below = f"{_OWN}/{language}/{name}.wav"
        return f"{self._base}/{below}" if (self._folder / below).is_file() else None

    def text(self, language: str, name: str) -> str:
        """What the file says. Raises UnknownPrompt."""
        try:
            return self._texts[language, name]
        except KeyError:
            raise UnknownPrompt(f"no prompt '{name}' in language '{language}' below {self._base}") from None

    def tone(self, name: str) -> str:
        """The path of a tone without words: ``join``, ``leave``, ``record``; under a second. Raises UnknownPrompt."""
        if name not in self._tones:
            raise UnknownPrompt(f"no tone '{name}' below {self._base}")
        return f"{self._base}/tones/{name}.wav"

    def sound_prefix(self, language: str) -> str:
        """The ``sound_prefix`` for ``say`` in this language, where it finds ``digits/1.wav``. Raises UnknownPrompt."""
        if language not in self.languages:
            raise UnknownPrompt(f"no prompts in language '{language}' below {self._base}")
        return f"{self._base}/{language}"

    def identify(self, path: str) -> tuple[str, str] | None:
        """Language and name of a file, whatever folder it lies in; None when it is no prompt of ours.

        ``/any/where/de/enter-pin.wav`` is ``("de", "enter-pin")``; ``fr/digits/21.wav`` is ``("fr", "digits/21")``.
        A recorded name, ``own/de/acme.wav``, is none.
        """
        parts = PurePosixPath(path.removesuffix(".wav")).parts
        for length in (2, 3):
            language, name = "".join(parts[-length : 1 - length]), "/".join(parts[1 - length :])
            if (language, name) in self._texts and "".join(parts[-length - 1 : -length]) != _OWN:
                return language, name
        return None


def _read(manifest: Path) -> tuple[Mapping[tuple[str, str], str], frozenset[str]]:
    """Text by language and name, and the names of the tones; the music is FreeSWITCH's affair."""
    texts, tones = {}, set()
    try:
        files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        for file, entry in files.items():
            language, _, name = file.removesuffix(".wav").partition("/")
            if entry["text"]:
                texts[language, name] = str(entry["text"])
            elif language == "tones":
                tones.add(name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{manifest}: the prompts cannot be used: {error} (run `make prompts`, or mend `prompts:`)"
        raise ConfigError([problem]) from error
    return texts, frozenset(tones)
