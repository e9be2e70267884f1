"""The text of a tenant file: whatever its bytes are, the answer is a tree with places or faults with places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.tenants._yaml import MAX_BYTES, Ambiguous, Mapping, Scalar, parse


def faults(data: bytes) -> list[str]:
    return [f"{fault.mark.line}:{fault.mark.column} {fault.message} ({fault.hint})" for fault in parse(data)[1]]


def scalar(text: str) -> Scalar:
    root, found = parse(text.encode())
    assert not found
    assert isinstance(root, Scalar)
    return root


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("48213", 48213),
        ("0", 0),
        ("-7", -7),
        ("0123", Ambiguous("0123")),  # 83 in YAML 1.1
        ("+49308631", Ambiguous("+49308631")),
        ("0x1F", Ambiguous("0x1F")),
        ("1_000", Ambiguous("1_000")),
        ("1.5", Ambiguous("1.5")),
        ("1e5", Ambiguous("1e5")),
        (".inf", Ambiguous(".inf")),
        ("9" * 19, Ambiguous("9" * 19)),
        ("'48213'", "48213"),
        ('"0123"', "0123"),
        ("|\n  0123", "0123"),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("NO", "NO"),  # Norway
        ("null", None),
        ("~", None),
        ("none", "none"),
        ("10:30", "10:30"),  # 630 in YAML 1.1
        ("2026-12-01", "2026-12-01"),
        ("+49 30 8631", "+49 30 8631"),
    ],
)
def test_a_plain_value_is_read_as_yaml_1_2_reads_it_and_doubtful_digits_are_kept_apart(
    text: str, value: object
) -> None:
    assert scalar(text).value == value
    assert type(scalar(text).value) is type(value)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xef\xbb\xbfa: \xff", "1:4 byte 0xff is not UTF-8 (save the file as UTF-8)"),
        ("ä: ö\nb: ".encode() + b"\xe9", "2:4 byte 0xe9 is not UTF-8 (save the file as UTF-8)"),
        ("a: b".encode("utf-16"), "1:1 byte 0xff is not UTF-8 (save the file as UTF-8)"),
        (b"a: b\nc: \x00", "2:4 control character U+0000 (remove it)"),
        (b"a: b\r\nc: \x1b[2J", "2:4 control character U+001B (remove it)"),
        ("a: b\u2028c".encode(), "1:5 control character U+2028 (remove it)"),
        (b"a: 1\n" * (MAX_BYTES // 5 + 1), "1:1 the file is larger than 1024 KiB ()"),
        (b"[" * 100_000, "1:33 nested more than 32 levels deep ()"),
        (b"- " * 100_000, "1:65 nested more than 32 levels deep ()"),
        (b"a:\n\tb: 1", "2:1 a tab cannot be used to indent (use spaces)"),
        (b"a: @b", "1:4 text cannot begin with '@' (quote it)"),
        (b"a: b: c", "1:5 a ':' is not possible here (quote text that contains ': ', and look at the indentation)"),
        (b"a:\n  b: 1\n c: 2", "3:2 the indentation does not fit the lines above (the block begins in line 1)"),
        (b"a: [1, 2\nb: 3", "2:2 the list in [ ] is not closed (it begins in line 1)"),
        (b"a: 'b\nc: d\n", "1:4 the text in quotes is not closed (up to the end of the file)"),
        (b"a: {b: 1", "1:4 the mapping in { } is not closed (up to the end of the file)"),
        (b"- a\nb: 1", "2:1 an entry of the list needs '- ' (the list begins in line 1)"),
        (b"**: help", "1:2 text cannot begin with * or & (quote it)"),
        (b"a: 1\n---\nb: 2", "2:1 a second document begins here (one tenant per file)"),
        (b"a: !!python/object:os.system x", "1:4 tags (!) are not allowed here (quote text that begins with !)"),
        (b"a: *b", "1:4 unknown alias *b (quote text that begins with *)"),
        (b"&a [*a]", "1:5 unknown alias *a (quote text that begins with *)"),
        (b"*5: lock", '1:1 the key *5 is an alias to YAML (quote it: "*5")'),
        (b"[a, b]: 1", "1:1 a key must be text (quote it)"),
        (b"a: {<<: b}", "1:5 << needs a mapping, or a list of mappings ()"),
    ],
)
def test_text_that_cannot_be_used_is_refused_with_its_place(data: bytes, expected: str) -> None:
    assert faults(data) == [expected]


def test_a_key_given_twice_is_shown_with_both_places() -> None:
    text = b"rooms:\n  board: {access: open}\n  sales: {access: open}\n  board: {access: pin}\n"
    assert faults(text) == ["4:3 duplicate key 'board' (first in line 2, column 3)"]


def test_faults_before_the_end_of_readable_text_are_reported_with_it() -> None:
    assert [fault.split()[0] for fault in faults(b"a: 1\na: 2\nb: [")] == ["2:1", "3:5"]


def test_anchors_aliases_and_merges_work_and_own_keys_win() -> None:
    root, found = parse(b"base: &base {p: 1, q: 2}\nroom: {<<: *base, p: 3}\nlist: [*base]\n")
    assert not found
    assert isinstance(root, Mapping)
    room = root.entries["room"].node
    assert isinstance(room, Mapping)
    assert {key: entry.node.value for key, entry in room.entries.items() if isinstance(entry.node, Scalar)} == {
        "p": 3,
        "q": 2,
    }


def test_aliases_that_multiply_into_a_billion_values_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert faults("\n".join(lines).encode()) == [
        "6:15 more than 200000 values (aliases count as often as they are used)"
    ]


def test_merges_that_multiply_are_counted_too() -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(1000))
    text = f"base: &base {{{keys}}}\n" + "\n".join(f"m{n}: {{<<: *base}}" for n in range(200))
    assert "more than 200000 values" in faults(text.encode())[0]


def test_an_empty_file_has_no_tree_and_no_fault() -> None:
    assert parse(b"# nothing here\n") == (None, [])


@given(st.binary(max_size=400))
def test_no_bytes_raise(data: bytes) -> None:
    root, found = parse(data)
    assert root is not None or found or not data.strip() or b"#" in data or b"%" in data or b"..." in data


PIECES = st.sampled_from(
    [
        "a",
        ":",
        " ",
        "\n",
        "  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        "&a",
        "*a",
        "!t",
        "|",
        ">",
        "#",
        "?",
        "<<",
        "---",
        *("\t", "0123", "\\", "%", "@", "${A}", "é", "\r\n", "..."),
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_mixture_of_the_signs_of_yaml_raises_and_every_place_is_in_the_file(text: str) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for fault in parse(text.encode())[1]:
        assert 1 <= fault.mark.line <= len(lines)
        assert fault.mark.column >= 1
