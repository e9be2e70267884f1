"""Arguments are cut as FreeSWITCH cuts them (switch_separate_string)."""

import pytest

from callcontrol.rehearsal.arguments import number, split


@pytest.mark.parametrize(
    ("text", "limit", "words"),
    [
        ("a b  c", 9, ["a", "b", "c"]),
        ("a b c d", 3, ["a", "b", "c d"]),
        (
            "1 6 1 10000 # f.wav x cc_keys '' 5000",
            11,
            ["1", "6", "1", "10000", "#", "f.wav", "x", "cc_keys", "", "5000"],
        ),
        ("say 'two words' end", 9, ["say", "two words", "end"]),
        (r"one\stwo three\'s", 9, ["one two", "three's"]),
        ("^^;a=1;b=2 3;c=", 9, ["a=1", "b=2 3", "c="]),
        ("^^|cc_next=again|x=y", 9, ["cc_next=again", "x=y"]),
        ("", 9, []),
    ],
)
def test_words(text: str, limit: int, words: list[str]) -> None:
    assert split(text, limit) == words


def test_a_delimiter_that_is_no_blank_keeps_a_lone_quote() -> None:
    assert split("a=it's;b=2", 9, ";") == ["a=it's", "b=2"]


@pytest.mark.parametrize(("text", "value"), [("12ab", 12), ("-3", -3), ("x", 0), ("", 0), (" 7", 7)])
def test_numbers_are_read_like_atoi(text: str, value: int) -> None:
    assert number(text) == value
