"""Events are written byte for byte as a running FreeSWITCH 1.10.12 wrote them (tests/data/frames)."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcontrol.rehearsal import encoding

FRAMES = Path(__file__).parent / "data" / "frames"
PLAIN = sorted(path.stem for path in FRAMES.glob("*.frame") if b"text/event-plain" in path.read_bytes())
JSON = sorted(path.stem for path in FRAMES.glob("*.frame") if b"text/event-json" in path.read_bytes())


def frame(name: str) -> bytes:
    return (FRAMES / f"{name}.frame").read_bytes()


def decoded(value: bytes) -> bytes:
    """The rule a reader has to follow: a percent sign and two hex digits are one byte."""
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), value)


def headers_of(payload: bytes) -> list[encoding.Header]:
    found: list[encoding.Header] = []
    for line in payload.split(b"\n"):
        name, _, value = line.partition(b": ")
        text = encoding.to_text(decoded(value))
        found.append((encoding.to_text(name), tuple(text[7:].split("|:")) if text.startswith("ARRAY::") else text))
    return found


@pytest.mark.parametrize("name", PLAIN)
def test_a_recorded_plain_event_decoded_and_encoded_again_is_the_same(name: str) -> None:
    head, payload = frame(name).split(b"\n\n", 1)
    lines, _, body = payload.partition(b"\n\n")
    rows = [row for row in headers_of(lines) if row[0] != "Content-Length"]
    again = encoding.plain_event(map(encoding.plain_header, rows), encoding.to_text(body) or None)
    assert again == payload
    assert encoding.event_frame(again, "plain") == head + b"\n\n" + payload


@pytest.mark.parametrize("name", JSON)
def test_a_recorded_json_event_read_and_written_again_is_the_same(name: str) -> None:
    payload = frame(name).split(b"\n\n", 1)[1]
    members = json.loads(payload)
    body = members.pop("_body", None)
    members.pop("Content-Length", None)
    rows = [(key, tuple(value) if isinstance(value, list) else value) for key, value in members.items()]
    again = encoding.json_event(map(encoding.json_header, rows), body)
    assert again == payload
    assert encoding.event_frame(again, "json") == frame(name)


def test_the_reply_to_connect_is_an_event_without_a_frame() -> None:
    data = frame("connect")
    assert encoding.plain_event(map(encoding.plain_header, headers_of(data.removesuffix(b"\n\n")))) == data


def test_replies_look_like_the_recorded_ones() -> None:
    assert encoding.reply_frame("+OK will linger 5 seconds") == frame("linger-reply")
    recorded = frame("api-json-list")
    assert encoding.api_frame(encoding.to_text(recorded.split(b"\n\n", 1)[1])) == recorded


def test_an_api_command_that_says_nothing_is_answered_all_the_same() -> None:
    assert encoding.api_frame("") == b"Content-Type: api/response\nContent-Length: 14\n\n-ERR no reply\n"


@settings(deadline=None)
@given(st.binary().filter(lambda value: b"\0" not in value))
def test_any_value_survives_but_for_what_looks_encoded_already(value: bytes) -> None:
    """``%0A`` typed by a caller cannot be told from an encoded line feed: that is FreeSWITCH's own ambiguity."""
    wire = encoding.encode_value(value)
    assert all(0x20 < byte < 0x7F and byte not in b':;<=>?@"#&+' for byte in wire)
    assert decoded(wire) == re.sub(rb"%([0-9A-F]{2})", lambda match: bytes([int(match[1], 16)]), value)


@settings(deadline=None)
@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.binary().filter(lambda value: b"\0" not in value),
)
def test_any_value_survives_json(text: str, raw: bytes) -> None:
    for value in (text, encoding.to_text(raw)):
        wire = encoding.json_event([encoding.json_header(("Name", value))])
        read = json.loads(wire.decode("utf-8", "surrogateescape"))
        assert encoding.to_bytes(read["Name"]) == encoding.to_bytes(value)


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (b"", b"Name: _undef_\n"),
        (b"x%0ACaller-Caller-ID-Number: +49301", b"Name: x%0ACaller-Caller-ID-Number%3A%20%2B49301\n"),
        (b"50% off", b"Name: 50%25%20off\n"),
        (b"%4a%4A%", b"Name: %254a%4A%25\n"),
        (b"/,()!$'*.-_~", b"Name: /,()!$'*.-_~\n"),
        (b"M\xfcller", b"Name: M%FCller\n"),
    ],
)
def test_values_that_need_care(value: bytes, wire: bytes) -> None:
    assert encoding.plain_header(("Name", encoding.to_text(value))) == wire


def test_a_latin_1_name_stays_invalid_utf_8_in_json() -> None:
    assert encoding.json_header(("Name", encoding.to_text(b"M\xfcller"))) == b'"Name":"M\xfcller"'
