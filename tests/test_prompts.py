"""What callers are told: every text has its WAV, every number can be said, tones are gentle, the music never stops."""

from __future__ import annotations

import importlib.util
import math
import shutil
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from string import ascii_lowercase
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol import wav
from callcontrol.errors import CallControlError, ConfigError
from callcontrol.prompts import PAUSE, PromptBook, UnknownPrompt

PROMPTS = Path(__file__).parent.parent / "prompts"


def _script(name: str) -> ModuleType:
    """A module of the prompts folder, which is no package."""
    spec = importlib.util.spec_from_file_location(f"prompts_{name}", PROMPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(PROMPTS))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(PROMPTS))
    return module


build = _script("build")
sound = sys.modules["sound"]


# --- the book callcontrol reads -------------------------------------------------------------------------------------


@pytest.fixture
def book() -> PromptBook:
    return PromptBook(PROMPTS)


def test_a_caller_hears_a_prompt_in_each_language(book: PromptBook) -> None:
    assert book.languages == ("de", "en", "fr")
    assert book.text("de", "welcome") == "Willkommen beim Konferenzdienst."
    assert book.text("en", "welcome") == "Welcome to the conference service."
    assert book.text("fr", "welcome") == "Bienvenue au service de conférence."


def test_every_prompt_exists_in_every_language(book: PromptBook) -> None:
    for language in book.languages:
        for name in book.names:
            assert Path(book.file(language, name)).is_file()


def test_freeswitch_may_see_the_folder_under_another_path() -> None:
    book = PromptBook(PROMPTS, switch_folder="/usr/share/callcontrol/prompts/")
    assert book.file("fr", "wrong-pin") == "/usr/share/callcontrol/prompts/fr/wrong-pin.wav"
    assert book.sound_prefix("fr") == "/usr/share/callcontrol/prompts/fr"


def test_a_relative_folder_gives_absolute_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """FreeSWITCH would look for a relative path below its own sound_prefix."""
    monkeypatch.chdir(PROMPTS.parent)
    assert Path(PromptBook(Path("prompts")).file("de", "welcome")).is_absolute()


@pytest.mark.parametrize(
    ("language", "name"), [("de", "wellcome"), ("it", "welcome"), ("", ""), ("de", "../de/welcome")]
)
def test_an_unknown_prompt_is_noticed_before_it_is_played(book: PromptBook, language: str, name: str) -> None:
    with pytest.raises(UnknownPrompt, match="no prompt") as caught:
        book.file(language, name)
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, CallControlError)
    assert str(caught.value).startswith("no prompt '")
    with pytest.raises(UnknownPrompt):
        book.text(language, name)


def test_numbers_cannot_be_said_in_an_unknown_language(book: PromptBook) -> None:
    with pytest.raises(UnknownPrompt, match="'it'"):
        book.sound_prefix("it")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/anywhere/de/enter-pin.wav", ("de", "enter-pin")),
        ("fr/digits/21.wav", ("fr", "digits/21")),
        ("/a/b/en/digits/hundred.wav", ("en", "digits/hundred")),
        ("/a/b/fr/letters/w.wav", ("fr", "letters/w")),
        ("/a/own/de/welcome.wav", None),  # the recorded name of a tenant called "welcome"
        ("/anywhere/it/enter-pin.wav", None),
        ("/anywhere/de/nothing-of-ours.wav", None),
        ("local_stream://moh", None),
        ("silence_stream://10", None),
        ("de", None),
        ("", None),
    ],
)
def test_a_played_file_is_told_by_its_name(book: PromptBook, path: str, found: tuple[str, str] | None) -> None:
    assert book.identify(path) == found


@given(path=st.text() | st.lists(st.sampled_from(["/", "de", ".wav", "..", "welcome", "digits", "\0"])).map("".join))
def test_any_path_at_all_may_be_asked_about(path: str) -> None:
    found = PromptBook(PROMPTS).identify(path)
    assert found is None or found[0] in ("de", "en", "fr")


@pytest.fixture
def own(tmp_path: Path) -> PromptBook:
    """A book whose administrator recorded the names of a tenant and of its room."""
    (tmp_path / "manifest.json").write_bytes((PROMPTS / "manifest.json").read_bytes())
    for name in ("own/de/acme", "own/de/acme.board", "own/it/acme", "secret"):
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return PromptBook(tmp_path, switch_folder="/usr/share/prompts")


def test_the_recorded_names_of_a_tenant_and_a_room_are_found(own: PromptBook) -> None:
    assert own.own("de", "acme") == "/usr/share/prompts/own/de/acme.wav"
    assert own.own("de", "acme.board") == "/usr/share/prompts/own/de/acme.board.wav"
    assert own.own("en", "acme") is None


def test_a_name_recorded_while_the_service_runs_is_heard_at_once(own: PromptBook, tmp_path: Path) -> None:
    assert own.own("fr", "acme") is None
    (tmp_path / "own/fr").mkdir()
    (tmp_path / "own/fr/acme.wav").write_bytes(b"")
    assert own.own("fr", "acme") == "/usr/share/prompts/own/fr/acme.wav"


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("de", "../../secret"),
        ("..", "secret"),
        ("it", "acme"),
        ("de", ""),
        ("", "acme"),
        ("de", "acme\n"),
        ("de", "a!b"),
    ],
)
def test_what_is_no_name_leads_to_no_file(own: PromptBook, language: str, name: str) -> None:
    assert own.own(language, name) is None


def test_a_pause_is_no_file(book: PromptBook) -> None:
    assert book.file("de", PAUSE).startswith("silence_stream://")
    assert PAUSE not in book.names


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"files": 3}', '{"files": {"de/x.wav": null}}', "\xff"])
def test_an_unusable_prompts_folder_is_refused_with_advice(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content, encoding="latin-1")
    with pytest.raises(ConfigError, match="make prompts") as caught:
        PromptBook(tmp_path)
    assert str(tmp_path / "manifest.json") in str(caught.value.problems[0])


# --- text and sound -------------------------------------------------------------------------------------------------


def test_every_wav_says_what_prompts_yaml_says() -> None:
    """Fails after a change of a text without `make prompts`, and on missing, foreign, silent, clipped or long files."""
    assert build.problems() == []


def test_all_sound_together_stays_small() -> None:
    assert sum(path.lstat().st_size for path in PROMPTS.rglob("*.wav")) < 25_000_000


def test_every_file_we_made_is_mulaw() -> None:
    made = [path for path in PROMPTS.rglob("*.wav") if path.relative_to(PROMPTS).parts[0] != "own"]
    assert {wav.read(path).encoding for path in made} == {wav.Encoding.MULAW}


def test_every_prompt_is_equally_loud() -> None:
    for path in PROMPTS.glob("*/*.wav"):
        if path.parent.name not in ("music", "tones"):
            assert sound.speech_level(sound.read_wav(path)[1]) == pytest.approx(sound.SPEECH_LEVEL, abs=1), path


def _tone(seconds: float, level: float, rate: int = 16_000) -> list[float]:
    """A sine of 440 Hz whose RMS is ``level`` dBFS."""
    peak = math.sqrt(2) * 10 ** (level / 20)
    return [peak * math.sin(2 * math.pi * 440 * index / rate) for index in range(round(seconds * rate))]


TONES = ("join", "leave", "record")
SMALL = """
voices: {pico: {de: de-DE, en: en-GB}, espeak: {de: de, en: en-gb}}
pronounce: {de: {}, en: {PIN: pin}}
recordings: [de/hello, en/hello, de/enter-pin, en/enter-pin, de/digits/0, music/hold,
  tones/join, tones/leave, tones/record]
prompts:
  hello: {de: Guten Tag., en: Hello.}
  enter-pin: {de: Ihre PIN bitte., en: "Your PIN, please."}
numbers:
  de: {digits/0: "null"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small prompts folder of own recordings, which need no speech engine; nothing is wrong with it."""
    (tmp_path / "prompts.yaml").write_text(SMALL, encoding="utf-8")
    tones = [f"tones/{name}" for name in TONES]
    for name in ("de/hello", "en/hello", "de/enter-pin", "en/enter-pin", "de/digits/0", "music/hold", *tones):
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sound.wav_bytes(sound.tidy(_tone(0.8, -30), 0.05)))
    assert build.build(tmp_path, "auto", []) == 0
    assert build.problems(tmp_path) == []
    return tmp_path


def _edit(folder: Path, old: str, new: str) -> None:
    path = folder / "prompts.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_text_changed_without_rendering_is_noticed(folder: Path) -> None:
    _edit(folder, "Guten Tag.", "Guten Morgen.")
    assert build.problems(folder) == ["de/hello.wav says an older text"]


def test_a_file_changed_by_hand_is_noticed(folder: Path) -> None:
    (folder / "de/hello.wav").write_bytes(sound.wav_bytes(sound.tidy(_tone(2, -30), 0.05)))
    assert build.problems(folder) == ["de/hello.wav was changed since it was made"]


def test_a_missing_file_is_noticed(folder: Path) -> None:
    (folder / "en/hello.wav").unlink()
    assert build.problems(folder) == ["en/hello.wav is missing"]


def test_a_file_without_text_is_noticed_and_left_alone(folder: Path) -> None:
    """It may be somebody's own recording under a wrong name."""
    shutil.copy(folder / "en/hello.wav", folder / "en/bye.wav")
    build.build(folder, "auto", [])
    assert build.problems(folder) == ["en/bye.wav belongs to no text"]


@pytest.mark.parametrize(
    ("seconds", "level", "rate", "complaint"),
    [
        (1.0, -60, 16_000, "is silent or very quiet"),
        (0.0, -20, 16_000, "is silent or very quiet"),
        (1.0, 3, 16_000, "is too loud or clipped"),
        (9.0, -20, 16_000, "lasts 9.0 s, more than 8"),
        (1.0, -20, 8_000, "has 8000 samples per second, not 16000"),
    ],
)
def test_a_recording_nobody_could_listen_to_is_noticed(
    tmp_path: Path, seconds: float, level: float, rate: int, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sound, "RATE", rate)
        (tmp_path / "x.wav").write_bytes(sound.wav_bytes(_tone(seconds, level, rate)))
    assert sound.faults(tmp_path / "x.wav", longest=8) == [complaint]


def test_the_names_an_administrator_recorded_are_left_alone_but_listened_to(folder: Path) -> None:
    name = folder / "own/de/acme.wav"
    name.parent.mkdir(parents=True)
    name.write_bytes(sound.wav_bytes(_tone(1.0, -20)))
    assert build.build(folder, "auto", []) == 0
    assert build.problems(folder) == []
    name.write_bytes(sound.wav_bytes(_tone(1.0, -60)))
    assert build.problems(folder) == ["own/de/acme.wav is silent or very quiet"]


def test_a_file_that_is_no_wav_is_noticed(folder: Path) -> None:
    (folder / "de/hello.wav").write_bytes(b"RIFF, or so it says")
    build.build(folder, "auto", [])
    (problem,) = build.problems(folder)
    assert problem.startswith("de/hello.wav cannot be read")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("de: Guten Tag., ", "", "'hello' has no text for 'de'"),
        ("Guten Tag.", "''", "'hello' has no text for 'de'"),
        ('"null"', "null", "'digits/0' has no text for 'de' .quote words"),
        ("  enter-pin:", "  hello:", "'hello' is written twice"),
        ("en/hello,", "en/hallo,", "recordings of no text: en/hallo"),
        ("hello: {", "hello: {it: Ciao., ", "'enter-pin' has no text for 'it'"),
        ("prompts:", "prompts: [", "prompts.yaml is no YAML"),
    ],
)
def test_a_slip_in_the_texts_is_told_before_anything_is_rendered(
    folder: Path, old: str, new: str, complaint: str
) -> None:
    _edit(folder, old, new)
    with pytest.raises(build.BuildError, match=complaint):
        build.read(folder)


def test_a_language_without_voice_is_told_by_name(folder: Path) -> None:
    _edit(folder, "recordings: [de/hello, ", "recordings: [")
    _edit(folder, "de: de-DE, ", "")
    (folder / "de/hello.wav").unlink()
    with pytest.raises(build.BuildError, match="no voice for 'de'"):
        build.build(folder, "pico", [])


def test_words_the_engine_reads_wrongly_are_respelled_for_it(folder: Path) -> None:
    lines, _ = build.read(folder)
    (line,) = [line for line in lines if line.file == "en/enter-pin.wav"]
    assert (line.text, line.spoken) == ("Your PIN, please.", "Your pin, please.")


def test_without_a_speech_engine_the_builder_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    _edit(folder, "recordings: [de/hello, ", "recordings: [")
    with pytest.raises(build.BuildError, match="pico2wave or espeak-ng is not installed"):
        build.build(folder, "auto", [])


@pytest.fixture(params=["pico", "espeak"])
def engine(request: pytest.FixtureRequest) -> str:
    """A speech engine of this machine."""
    try:
        return str(build.choose(request.param, "de", build.read(PROMPTS)[1]))
    except build.BuildError as error:
        pytest.skip(str(error))


def test_a_rendered_text_is_the_same_bytes_every_time(folder: Path, engine: str) -> None:
    _edit(folder, "recordings: [de/hello, ", "recordings: [")
    (folder / "de/hello.wav").unlink()
    assert build.build(folder, engine, ["hello"]) == 1
    first = (folder / "de/hello.wav").read_bytes()
    assert build.build(folder, engine, ["hello"]) == 1
    assert (folder / "de/hello.wav").read_bytes() == first
    assert build.problems(folder) == []
    assert build.read_manifest(folder)["de/hello.wav"]["engine"] == engine
    assert build.build(folder, "auto", []) == 0  # nothing changed, nothing to render


def test_a_rendered_file_goes_with_its_text(folder: Path, engine: str) -> None:
    _edit(folder, "recordings: [de/hello, en/hello, ", "recordings: [")
    (folder / "de/hello.wav").unlink()
    (folder / "en/hello.wav").unlink()
    assert build.build(folder, engine, []) == 2
    _edit(folder, "  hello: {de: Guten Tag., en: Hello.}\n", "")
    assert build.build(folder, engine, []) == 0
    assert not (folder / "de/hello.wav").exists()
    assert build.problems(folder) == []


def test_an_own_recording_is_never_written_over(folder: Path, engine: str) -> None:
    recording = (folder / "de/hello.wav").read_bytes()
    with pytest.raises(build.BuildError, match="nothing to render is called hello"):
        build.build(folder, engine, ["hello"])
    _edit(folder, "recordings: [de/hello, ", "recordings: [")
    (folder / "manifest.json").unlink()
    with pytest.raises(build.BuildError, match="add 'de/hello' to recordings"):
        build.build(folder, engine, [])
    assert (folder / "de/hello.wav").read_bytes() == recording


# --- the tones of the rooms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TONES)
def test_a_tone_is_short_and_softer_than_speech(book: PromptBook, name: str) -> None:
    rate, samples = sound.read_wav(Path(book.tone(name)))
    assert rate == 16_000
    assert 0.3 < len(samples) / rate < 1.0
    assert -30 < sound.speech_level(samples) < sound.SPEECH_LEVEL - 2
    assert sound.decibel(sound.peak(samples)) < -10
    assert max(map(abs, (*samples[:5], *samples[-5:]))) < 0.01  # no click at either end


def test_coming_and_going_sound_different(book: PromptBook) -> None:
    assert len({Path(book.tone(name)).read_bytes() for name in TONES}) == len(TONES)


def test_freeswitch_finds_the_tones_where_it_sees_the_prompts() -> None:
    assert PromptBook(PROMPTS, switch_folder="/usr/share/prompts").tone("join") == "/usr/share/prompts/tones/join.wav"


@pytest.mark.parametrize("name", ["gong", "", "../de/welcome", "hold"])
def test_an_unknown_tone_is_noticed_before_it_is_played(book: PromptBook, name: str) -> None:
    with pytest.raises(UnknownPrompt, match="no tone"):
        book.tone(name)


# --- the hold music -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def music() -> list[float]:
    """The samples of the hold music."""
    rate, samples = sound.read_wav(PROMPTS / "music/hold.wav")
    assert rate == 16_000
    return list(samples)


def test_a_waiting_caller_hears_music_in_every_half_second(music: list[float]) -> None:
    for start in range(0, len(music), 8000):
        assert -28 < sound.decibel(sound.rms(music[start : start + 8000])) < -12


def test_the_music_is_as_loud_as_speech_and_never_clipped(music: list[float]) -> None:
    assert 40 <= len(music) / 16_000 <= 60
    assert sound.decibel(sound.rms(music)) == pytest.approx(-20, abs=1)
    assert sound.decibel(sound.peak(music)) < -3


def test_the_longest_wait_is_one_stretch_of_music(music: list[float]) -> None:
    """local_stream pauses for a second when it begins its folder anew; a caller waits 15 minutes at most."""
    files = list((PROMPTS / "music").iterdir())
    assert {file.resolve().name for file in files} == {"hold.wav"}
    assert len(files) * len(music) / 16_000 > 15 * 60


def test_a_lost_repeat_of_the_music_is_noticed_and_put_back(folder: Path) -> None:
    (folder / "music/hold-02.wav").unlink()
    assert build.problems(folder) == ["music/hold-02.wav is no link to hold.wav"]
    build.build(folder, "auto", [])
    assert build.problems(folder) == []


def test_the_music_begins_again_without_a_seam(music: list[float]) -> None:
    """The step from the last sample to the first is one of the steps inside, and both sides are equally loud."""
    steps = sorted(abs(after - before) for before, after in pairwise(music))
    assert abs(music[0] - music[-1]) < steps[len(steps) * 99 // 100]
    before, after = (sound.decibel(sound.rms(part)) for part in (music[-4000:], music[:4000]))
    assert before == pytest.approx(after, abs=6)


# --- numbers --------------------------------------------------------------------------------------------------------
# What play_group of mod_say_*.c (FreeSWITCH 1.10.12) asks for; each number of three digits is a, b, c.


def _german(number: int, gender: str) -> Iterator[str]:
    def group(a: int, b: int, c: int, what: str) -> Iterator[str]:
        if a:
            yield from ("digits/1_n" if a == 1 else f"digits/{a}", "digits/hundred")
        if b > 1:
            if c:
                yield from ("digits/1_n" if c == 1 else f"digits/{c}", "currency/and")
            yield f"digits/{b}0"
        elif b:
            yield f"digits/{b}{c}"
        elif c == 1 and gender == "feminine":
            yield "digits/1_f"
        elif c == 1 and what:
            yield "digits/1_n"
        elif c:
            yield f"digits/{c}"
        if what and (a or b or c):
            yield what

    yield from group(*_places(number // 1000), "digits/thousand")
    yield from group(*_places(number % 1000), "")


def _english(number: int, gender: str) -> Iterator[str]:
    def group(a: int, b: int, c: int, what: str) -> Iterator[str]:
        if a:
            yield from (f"digits/{a}", "digits/hundred")
        if b > 1:
            yield f"digits/{b}0"
        elif b:
            yield f"digits/{b}{c}"
        if c and b != 1:
            yield f"digits/{c}"
        if what and (a or b or c):
            yield what

    yield from group(*_places(number // 1000), "digits/thousand")
    yield from group(*_places(number % 1000), "")


def _french(number: int, gender: str) -> Iterator[str]:
    def group(a: int, b: int, c: int, what: str) -> Iterator[str]:
        tens = 10 * b + c
        whole = tens <= 19 or tens in (21, 31)
        if a:
            yield from ([] if a == 1 else [f"digits/{a}"])
            yield "digits/hundred"
        if b and not whole:
            yield f"digits/{b - 1 if c and b in (7, 9) else b}0"
        if c or (whole and a and tens) or (not a and tens == 10):
            value = (tens if whole else c) + (10 if b in (7, 9) else 0)
            yield f"digits/{value}_f" if b != 1 and c == 1 and gender == "feminine" else f"digits/{value}"
        if what and (a or b or c):
            yield what

    yield from group(*_places(number // 1000), "digits/thousand")
    yield from group(*_places(number % 1000), "")


def _places(number: int) -> tuple[int, int, int]:
    return number // 100, number // 10 % 10, number % 10


SAY = {"de": _german, "en": _english, "fr": _french}
GENDERS = ("masculine", "feminine", "neuter")


@pytest.mark.parametrize("language", SAY)
def test_every_number_below_a_million_can_be_said(language: str) -> None:
    """Thousands and the rest ask independently of each other, so 0..999 and their thousands cover all."""
    asked = {
        name
        for number in [*range(1, 1000), *range(1000, 1_000_000, 1000)]
        for gender in GENDERS
        for name in SAY[language](number, gender)
    }
    asked |= {f"digits/{digit}" for digit in range(10)}  # 0, and digits one by one
    asked |= {f"ascii/{ord(key)}" for key in "+*#"}  # telephone numbers and star codes, spelled
    have = {
        path.relative_to(PROMPTS / language).with_suffix("").as_posix() for path in (PROMPTS / language).glob("*/*")
    } - {f"letters/{letter}" for letter in (*ascii_lowercase, "dash")}
    assert sorted(asked - have) == []
    assert sorted(have - asked) == []


@pytest.mark.parametrize(
    ("language", "gender", "number", "words"),
    [
        ("de", "neuter", 21, "ein und zwanzig"),
        ("de", "feminine", 1, "eine"),
        ("de", "neuter", 101, "ein hundert eins"),
        ("de", "neuter", 999_999, "neun hundert neun und neunzig tausend neun hundert neun und neunzig"),
        ("en", "neuter", 12_345, "twelve thousand three hundred forty five"),
        ("fr", "masculine", 93, "quatre-vingts treize"),
        ("fr", "feminine", 21, "vingt et une"),
        ("fr", "masculine", 180_031, "cent quatre-vingts mille trente et un"),
    ],
)
def test_a_number_is_said_in_the_order_of_its_language(
    book: PromptBook, language: str, gender: str, number: int, words: str
) -> None:
    assert " ".join(book.text(language, name) for name in SAY[language](number, gender)) == words
