"""Numbers and keys are said with the files FreeSWITCH itself would ask for, and each of these files exists."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.prompts import PAUSE, PromptBook
from callcontrol.spoken import LARGEST, key, number, reached, spell, telephone_number

LANGUAGES = ("de", "en", "fr")


@pytest.fixture(scope="module")
def book() -> PromptBook:
    return PromptBook(Path(__file__).parent.parent / "prompts")


# What play_group of mod_say_*.c (FreeSWITCH 1.10.12) asks for, without `digits/`; compiled from the modules' sources.
SAID = {
    "de": {
        0: "0",
        1: "1",
        10: "10",
        12: "12",
        20: "20",
        21: "1_n currency/and 20",
        30: "30",
        77: "7 currency/and 70",
        100: "1_n hundred",
        101: "1_n hundred 1",
        110: "1_n hundred 10",
        200: "2 hundred",
        321: "3 hundred 1_n currency/and 20",
        1000: "1_n thousand",
        1001: "1_n thousand 1",
        21_000: "1_n currency/and 20 thousand",
        101_000: "1_n hundred 1_n thousand",
        999_999: "9 hundred 9 currency/and 90 thousand 9 hundred 9 currency/and 90",
    },
    "en": {
        0: "0",
        1: "1",
        10: "10",
        12: "12",
        20: "20",
        21: "20 1",
        100: "1 hundred",
        101: "1 hundred 1",
        110: "1 hundred 10",
        119: "1 hundred 19",
        1000: "1 thousand",
        12_345: "12 thousand 3 hundred 40 5",
        100_000: "1 hundred thousand",
        999_999: "9 hundred 90 9 thousand 9 hundred 90 9",
    },
    "fr": {
        0: "0",
        1: "1",
        10: "10",
        16: "16",
        17: "17",
        20: "20",
        21: "21",
        22: "20 2",
        31: "31",
        41: "40 1",
        70: "70",
        71: "60 11",
        80: "80",
        81: "80 1",
        90: "90",
        99: "80 19",
        100: "hundred",
        110: "hundred 10",
        121: "hundred 21",
        200: "2 hundred",
        1000: "1 thousand",
        100_000: "hundred thousand",
        180_031: "hundred 80 thousand 31",
        999_999: "9 hundred 80 19 thousand 9 hundred 80 19",
    },
}


@pytest.mark.parametrize(
    ("language", "n", "words"), [(language, n, words) for language in SAID for n, words in SAID[language].items()]
)
def test_a_number_is_said_as_freeswitch_says_it(language: str, n: int, words: str) -> None:
    names = tuple(word if "/" in word else f"digits/{word}" for word in words.split())
    assert number(n, language) == names


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_is_made_of_files_that_exist(book: PromptBook, language: str) -> None:
    """Thousands and the rest ask independently of each other, so these cover all to 999999."""
    names = {name for n in [*range(10_000), *range(10_000, LARGEST, 1000)] for name in number(n, language)}
    for name in names:
        assert Path(book.file(language, name)).is_file()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_places_in_the_queue_sound_alike(language: str) -> None:
    assert len({number(n, language) for n in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    ("language", "n", "words"),
    [
        ("de", 21, "Sie sind Nummer ein und zwanzig"),
        ("en", 42, "You are number forty two"),
        ("fr", 77, "Vous êtes numéro soixante dix-sept"),
    ],
)
def test_a_caller_hears_a_whole_sentence(book: PromptBook, language: str, n: int, words: str) -> None:
    names = ("hand-raised", *number(n, language))
    assert " ".join(book.text(language, name) for name in names).endswith(words)


@given(n=st.integers(0, LARGEST))
def test_a_language_without_a_grammar_says_digits(n: int) -> None:
    """A language somebody added, or none known of the caller: never a failure in the middle of a call."""
    assert number(n, "") == tuple(f"digits/{digit}" for digit in str(n))


@pytest.mark.parametrize("n", [-1, LARGEST + 1])
def test_a_number_without_words_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="0 to 999999"):
        number(n, "de")


@pytest.mark.parametrize(
    ("language", "sequence", "words"),
    [
        ("de", "*6", "Stern sechs Mikrofon aus- und einschalten."),
        ("en", "*6", "star six to mute or unmute yourself."),
        ("fr", "*6", "étoile six pour couper ou activer votre micro."),
        ("de", "*#", "Stern Raute Mikrofon aus- und einschalten."),
        ("fr", "**10", "étoile étoile un zéro pour couper ou activer votre micro."),
    ],
)
def test_the_help_follows_the_key(book: PromptBook, language: str, sequence: str, words: str) -> None:
    names = (*key(sequence, language), "help-mute")
    assert " ".join(book.text(language, name) for name in names) == words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_can_be_said(book: PromptBook, language: str) -> None:
    names = key("0123456789*#", language)
    assert len(set(names)) == 12
    for name in names:
        assert Path(book.file(language, name)).is_file()


@pytest.mark.parametrize("sequence", ["*A", "*٣", "*6 ", "*²"])
def test_what_is_no_key_is_refused(sequence: str) -> None:
    with pytest.raises(ValueError, match="no words for the key"):
        key(sequence, "de")


# --- names and telephone numbers --------------------------------------------------------------------------------------


def _words(book: PromptBook, language: str, names: tuple[str, ...]) -> str:
    return " ".join("," if name == PAUSE else book.text(language, name) for name in names)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("board", "letters/b letters/o letters/a letters/r letters/d"),
        ("R2-d", "letters/r digits/2 letters/dash letters/d"),
        ("café ß_!", "letters/c letters/a letters/f letters/e letters/s letters/s"),
        ("", ""),
    ],
)
def test_a_name_is_spelled(text: str, names: str) -> None:
    assert spell(text, "de") == tuple(names.split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_a_room_may_have_can_be_spelled(book: PromptBook, language: str) -> None:
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789-"
    names = spell(alphabet, language)
    assert len(set(names)) == len(alphabet)
    for name in names:
        assert Path(book.file(language, name)).is_file()


@given(text=st.text())
def test_whatever_a_name_is_spelling_it_does_not_fail(text: str) -> None:
    assert all(name.startswith(("letters/", "digits/")) for name in spell(text, "fr"))


@pytest.mark.parametrize(
    ("e164", "language", "region", "words"),
    [
        ("+49308630", "de", "DE", "null drei null , acht sechs drei null"),
        ("+493012345678", "de", "DE", "null drei null , eins zwei drei , vier fünf sechs , sieben acht"),
        ("+491712345678", "de", "DE", "null eins sieben eins , zwei drei vier , fünf sechs sieben acht"),
        ("+49308630", "en", "FR", "plus four nine , three zero , eight six three zero"),
        ("+33123456789", "fr", "FR", "zéro un , deux trois , quatre cinq , six sept , huit neuf"),
        ("+12025550100", "en", "US", "two zero two , five five five , zero one zero zero"),
        ("+12025550100", "fr", "", "plus un , deux zéro deux , cinq cinq cinq , zéro un zéro zéro"),
        ("+31000000", "de", "NL", "Plus drei eins , null null null , null null null"),  # no number: nothing is guessed
        ("4711", "de", "DE", "vier sieben eins eins"),
        ("", "de", "DE", ""),
    ],
)
def test_a_telephone_number_is_said_as_people_dial_it(
    book: PromptBook, e164: str, language: str, region: str, words: str
) -> None:
    assert _words(book, language, telephone_number(e164, language, region)) == words


@given(
    subscriber=st.from_regex(r"[1-9][0-9]{7,13}", fullmatch=True), region=st.sampled_from(["", "DE", "FR", "US", "?"])
)
def test_no_digit_of_a_telephone_number_is_lost(subscriber: str, region: str) -> None:
    names = telephone_number(f"+{subscriber}", "de", region)
    said = "".join(name.removeprefix("digits/") for name in names if name.startswith("digits/"))
    assert said.endswith(subscriber[-4:])
    assert said == subscriber or "ascii/43" not in names
    assert all(len(group.split()) <= 6 for group in " ".join(names).split(PAUSE))


# --- how many were reached -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "joined", "called", "words"),
    [
        ("de", 3, 5, "drei von fünf Teilnehmern erreicht."),
        ("en", 3, 5, "three of five participants reached."),
        ("fr", 3, 5, "trois participants sur cinq joints."),
        ("de", 1, 5, "Einer von fünf Teilnehmern erreicht."),
        ("fr", 1, 21, "Un participant sur vingt et un joints."),
        ("en", 0, 5, "Nobody has been reached yet."),
        ("de", 5, 5, "Alle Teilnehmer wurden erreicht."),
        ("en", 0, 0, "There is nobody to call."),
    ],
)
def test_the_moderator_hears_how_many_were_reached(
    book: PromptBook, language: str, joined: int, called: int, words: str
) -> None:
    assert _words(book, language, reached(joined, called, language)) == words


@pytest.mark.parametrize(("joined", "called"), [(-1, 5), (6, 5)])
def test_more_than_were_called_cannot_be_reached(joined: int, called: int) -> None:
    with pytest.raises(ValueError, match="cannot have been reached"):
        reached(joined, called, "de")
