"""How FreeSWITCH cuts an application's argument into words (src/switch_utils.c ``switch_separate_string``). Pure."""

from __future__ import annotations

_UNESCAPED = {"n": "\n", "r": "\r", "t": "\t", "s": " "}


def split(text: str, limit: int, delimiter: str = " ") -> list[str]:
    """At most ``limit`` words; the last takes the rest. ``^^;a;b`` brings its own delimiter; quotes protect."""
    if text.startswith("^^") and len(text) > 3:
        delimiter, text = text[2], text[3:]
    blank = delimiter == " "
    words: list[str] = []
    start = 0
    while start < len(text) and len(words) < limit:
        if len(words) == limit - 1:
            words.append(text[start:])
            break
        end = _end_of_word(text, start, delimiter)
        words.append(text[start:end])
        start = end + 1
        while blank and start < len(text) and text[start] == " ":
            start += 1
    return [_clean(word, "" if blank else delimiter) for word in words]


def number(text: str) -> int:
    """``atoi``: the digits a text begins with, 0 when there are none."""
    text = text.strip()
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    count = 0
    while count < len(digits) and digits[count] in "0123456789":
        count += 1
    return sign * int(digits[:count]) if count else 0


def _end_of_word(text: str, start: int, delimiter: str) -> int:
    quoted = False
    place = start
    if delimiter == " ":
        while place < len(text) and text[place] == " ":
            place += 1
    while place < len(text):
        char = text[place]
        if char == "\\":
            place += 1
        elif char == "'" and (delimiter == " " or quoted or "'" in text[place + 1 :]):
            quoted = not quoted
        elif char == delimiter and not quoted:
            return place
        place += 1
    return len(text)


def _clean(word: str, delimiter: str) -> str:
    word = word.lstrip(" ")
    out: list[str] = []
    end = 0
    quoted = False
    place = 0
    while place < len(word):
        char = word[place]
        follower = word[place + 1 : place + 2]
        if char == "\\" and follower and (follower in "'\"\\" or follower == delimiter or follower in _UNESCAPED):
            out.append(follower if follower in "'\"\\" or follower == delimiter else _UNESCAPED[follower])
            end = len(out)
            place += 2
            continue
        if char == "'" and (quoted or "'" in word[place + 1 :]):
            quoted = not quoted
            if quoted:
                end = len(out)
        else:
            out.append(char)
            if char != " " or quoted:
                end = len(out)
        place += 1
    return "".join(out[:end])
