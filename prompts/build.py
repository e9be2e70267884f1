"""Makes the WAV files of prompts.yaml, and checks that they are its texts.

    python prompts/build.py             render what changed
    python prompts/build.py --check     only look; exit status 1 and one line per problem
    python prompts/build.py --only wrong-pin --engine espeak

Python is that of the project's environment, which `make` makes: callcontrol and PyYAML are in it.

Speech comes from SVOX Pico (``pico2wave``), or from ``espeak-ng`` where that is not installed. Both give the same bytes
for the same text, so a file is rendered again only when its text, its voice or our processing changed. manifest.json
keeps what each file was made from; callcontrol reads the texts from there and needs no YAML at run time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import compose
import sound
import yaml

HERE = Path(__file__).resolve().parent
LONGEST = {"prompts": 8.0, "numbers": 2.0, "letters": 2.0, "music": 60.0, "tones": 1.0}  # seconds
TOTAL = 25_000_000  # bytes of all WAV files together
_MARGIN = {
    "prompts": 0.05,
    "numbers": 0.02,
    "letters": 0.05,
    "music": 0.0,
    "tones": 0.0,
}  # seconds of silence at either end
_PROCESSING = 2  # raise when sound.py changes what it makes of the engine's output
COMPOSER = "compose"  # the engine of the hold music and of the tones
_COMPOSED = {"music": ["hold"], "tones": list(compose.TONES)}  # section, also their "language" -> names
# FreeSWITCH's local_stream is silent for a second each time it begins its folder anew (mod_local_stream.c
# sleeps there), so the folder holds the piece often enough for twenty minutes, longer than a caller may wait.
REPEATS = [f"music/hold-{number:02}.wav" for number in range(2, 26)]
_ENGINES = {"pico": "pico2wave", "espeak": "espeak-ng"}


Voices = Mapping[str, Mapping[str, str]]  # engine -> language -> voice
Entry = Mapping[str, str]  # what one file was made from: text, engine, source, sha256 of the WAV


class BuildError(Exception):
    """Nothing can be rendered; the text tells the person at the keyboard what to do."""


@dataclass(frozen=True)
class Line:
    """One text in one language, and the file that says it: ``de/welcome.wav``, ``en/letters/w.wav``.

    The hold music and the tones are lines without text, in the languages "music" and "tones".
    """

    section: str
    language: str
    name: str
    text: str
    spoken: str
    recorded: bool

    @property
    def file(self) -> str:
        """The path below the prompts folder, with ``/``."""
        return f"{self.language}/{self.name}.wav"


class _Loader(yaml.SafeLoader):
    """The safe loader that also refuses a key written twice: the second text would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise BuildError(f"prompts.yaml:{node.start_mark.line + 1}: '{key}' is written twice below this line")
        return super().construct_mapping(node, deep)


def read(folder: Path = HERE) -> tuple[list[Line], Voices]:
    """Every line of prompts.yaml, and the voices by engine and language. Raises BuildError for a text missing."""
    with (folder / "prompts.yaml").open(encoding="utf-8") as file:
        try:
            book = yaml.load(file, Loader=_Loader)
        except yaml.YAMLError as error:
            raise BuildError(f"prompts.yaml is no YAML: {error}") from error
    recordings = set(book["recordings"])
    lines = []
    for section, language, name, text in _texts(book):
        if not isinstance(text, str) or not text.strip():
            raise BuildError(f"prompts.yaml: '{name}' has no text for '{language}' (quote words such as \"null\")")
        spoken = " ".join(_pronounced(word, book["pronounce"].get(language, {})) for word in text.split())
        lines.append(Line(section, language, name, text, spoken, f"{language}/{name}" in recordings))
    for section, names in _COMPOSED.items():
        lines += [Line(section, section, name, "", "", f"{section}/{name}" in recordings) for name in names]
    unknown = recordings - {f"{line.language}/{line.name}" for line in lines}
    if unknown:
        raise BuildError(f"prompts.yaml: recordings of no text: {', '.join(sorted(unknown))}")
    return lines, {**book["voices"], COMPOSER: dict.fromkeys(_COMPOSED, digest(HERE / "compose.py"))}


def _texts(book: Mapping[str, Any]) -> Iterator[tuple[str, str, str, object]]:
    languages = dict.fromkeys(key for table in [*book["voices"].values(), *book["prompts"].values()] for key in table)
    for name, texts in book["prompts"].items():
        for language in languages:
            yield "prompts", language, name, texts.get(language)
    for section in ("numbers", "letters"):
        for language, words in book.get(section, {}).items():
            for name, text in words.items():
                yield section, language, name, text


def _pronounced(word: str, table: Mapping[str, str]) -> str:
    bare = word.strip(".,!?")
    return word.replace(bare, table[bare]) if bare in table else word


def source(line: Line, engine: str, voice: str) -> str:
    """The fingerprint of everything a rendered file depends on."""
    settings = [engine, voice, line.spoken, _MARGIN[line.section], sound.SPEECH_LEVEL, sound.PEAK_LIMIT, _PROCESSING]
    return hashlib.sha256(json.dumps(["recording", line.text] if line.recorded else settings).encode()).hexdigest()


def choose(engine: str, language: str, voices: Voices) -> str:
    """The engine to speak a language with; for ``auto`` the first that is installed and has a voice for it.

    Raises BuildError, which names what to install or to add, when there is none.
    """
    able = [name for name in (_ENGINES if engine == "auto" else [engine]) if voices.get(name, {}).get(language)]
    if not able:
        raise BuildError(f"prompts.yaml: voices names no voice for '{language}'")
    for name in able:
        if name == COMPOSER or shutil.which(_ENGINES[name]):
            return name
    programs = " or ".join(_ENGINES[name] for name in able)
    raise BuildError(
        f"no speech engine: {programs} is not installed\n"
        "Debian: apt install libttspico-utils (section non-free), or apt install espeak-ng"
    )


def speak(text: str, engine: str, voice: str) -> list[float]:
    """What the engine says, at 16 kHz. Raises BuildError when it fails; 60 s at most."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        arguments = ["-l", voice, "-w", str(wav)] if engine == "pico" else ["-v", voice, "-s", "150", "-w", str(wav)]
        done = subprocess.run([_ENGINES[engine], *arguments, text], capture_output=True, text=True, timeout=60)
        if done.returncode or not wav.exists():
            raise BuildError(f"{_ENGINES[engine]} cannot say {text!r}: {done.stderr.strip() or done.returncode}")
        rate, samples = sound.read_wav(wav)
    return sound.resampled(samples, rate)


def build(folder: Path, engine: str, only: Sequence[str]) -> int:
    """Render every file that is not up to date, or those named ``only``; write the manifest. Returns files rendered.

    Own recordings are taken as they are and never overwritten; what an earlier build rendered for a text that is gone
    is deleted. Raises BuildError.
    """
    lines, voices = read(folder)
    before, entries, written = read_manifest(folder), {}, 0
    unknown = set(only) - {line.name for line in lines if not line.recorded}
    if unknown:
        raise BuildError(f"nothing to render is called {', '.join(sorted(unknown))}")
    for line in lines:
        entry = before.get(line.file)
        wanted = COMPOSER if line.section in _COMPOSED else engine
        fresh = wanted in ("auto", entry and entry["engine"]) and not _stale(folder, line, entry, voices)
        if line.recorded:
            entry = _entry(folder, line, "recording", "") if (folder / line.file).exists() else None
        elif line.name in only if only else not fresh:
            entry, written = _render(folder, line, choose(wanted, line.language, voices), voices, entry), written + 1
        if entry:
            entries[line.file] = entry
    _clear_away(folder, {file: entry for file, entry in before.items() if file not in entries})
    _link_repeats(folder)
    text = json.dumps({"files": dict(sorted(entries.items()))}, ensure_ascii=False, indent=1)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
    return written


def _clear_away(folder: Path, gone: Mapping[str, Entry]) -> None:
    for file, entry in gone.items():
        if entry["engine"] != "recording" and _as_made(folder / file, entry):
            (folder / file).unlink()


def _link_repeats(folder: Path) -> None:
    for file in REPEATS:
        if not (folder / file).is_symlink():
            (folder / file).symlink_to("hold.wav")


def _render(folder: Path, line: Line, engine: str, voices: Voices, before: Entry | None) -> Entry:
    path, voice = folder / line.file, voices[engine][line.language]
    content = sound.wav_bytes(_made(line, engine, voice))
    if path.exists() and path.read_bytes() != content and not (before and _as_made(path, before)):
        where = f"{line.language}/{line.name}"
        raise BuildError(f"{line.file} is not what was rendered: add '{where}' to recordings to keep it, or delete it")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return _entry(folder, line, engine, voice)


def _made(line: Line, engine: str, voice: str) -> list[float]:
    if engine != COMPOSER:
        return sound.tidy(speak(line.spoken, engine, voice), _MARGIN[line.section])
    return compose.tone(line.name) if line.section == "tones" else compose.compose()


def _entry(folder: Path, line: Line, engine: str, voice: str) -> Entry:
    made = {"text": line.text, "engine": engine, "source": source(line, engine, voice)}
    return {**made, "sha256": digest(folder / line.file)}


def _as_made(path: Path, entry: Entry) -> bool:
    return path.exists() and entry["sha256"] == digest(path)


def read_manifest(folder: Path) -> dict[str, Entry]:
    """What each file was made from, by its path below the folder; empty before the first build."""
    path = folder / "manifest.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))["files"]) if path.exists() else {}


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stale(folder: Path, line: Line, entry: Entry | None, voices: Voices) -> str:
    """Why the file is not what its text asks for; "" when it is."""
    if not (folder / line.file).exists():
        return "is missing"
    if not entry:
        return "is not in manifest.json"
    voice = voices.get(entry["engine"], {}).get(line.language, "")
    if entry["source"] != source(line, entry["engine"], voice) or entry["text"] != line.text:
        return "says an older text"
    return "" if _as_made(folder / line.file, entry) else "was changed since it was made"


def _wavs(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.wav") if not path.is_symlink()}


def _repeats(path: Path) -> bool:
    return path.is_symlink() and str(path.readlink()) == "hold.wav"


def problems(folder: Path = HERE) -> list[str]:
    """Everything wrong with the files, one line each; empty when all is well."""
    lines, voices = read(folder)
    manifest, wavs = read_manifest(folder), _wavs(folder)
    own = {file for file in wavs if file.startswith("own/")}  # names an administrator recorded: docs/prompts.md
    expected = {line.file for line in lines}
    found = []
    for line in lines:
        why = _stale(folder, line, manifest.get(line.file), voices)
        sounds = sound.faults(folder / line.file, LONGEST[line.section]) if line.file in wavs else []
        found += [f"{line.file} {fault}" for fault in [why, *sounds] if fault]
    found += [f"{file} is no link to hold.wav" for file in REPEATS if not _repeats(folder / file)]
    found += [f"{file} {fault}" for file in sorted(own) for fault in sound.faults(folder / file, LONGEST["prompts"])]
    found += [f"{file} belongs to no text" for file in sorted((wavs | set(manifest)) - expected - own)]
    size = sum((folder / file).stat().st_size for file in wavs - own)
    return found + ([f"all files together have {size} bytes, more than {TOTAL}"] if size > TOTAL else [])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program; the exit status."""
    parser = argparse.ArgumentParser(description="Render the spoken prompts of prompts.yaml.")
    parser.add_argument("--engine", choices=["auto", *_ENGINES], default="auto")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="render only NAME, changed or not")
    parser.add_argument("--check", action="store_true", help="render nothing, report what is not up to date")
    options = parser.parse_args(arguments)
    try:
        if not options.check:
            print(f"{build(HERE, options.engine, options.only)} files rendered")
        found = problems()
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 2
    for problem in found:
        print(f"prompts/{problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
