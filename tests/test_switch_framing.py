"""Whatever callers write into their calls, and however TCP cuts it, the frames are FreeSWITCH's."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callcontrol.switch import framing
from callcontrol.switch.framing import Frame, FrameParser, FramingError, Headers
from tests.wire import ALL_CAPTURES, GOODBYE, OK, framed, frames_of, plain_block, stream_of

NUMBER = "Caller-Caller-ID-Number"


def parse(*chunks: bytes) -> list[Frame]:
    parser = FrameParser()
    frames = [frame for chunk in chunks for frame in parser.feed(chunk)]
    assert parser.idle
    return frames


def told(frame: Frame) -> tuple[bytes, bytes, str]:
    return frame.content_type, frame.body, frame.reply_text


@pytest.mark.parametrize("name", ALL_CAPTURES)
def test_a_recorded_conversation_is_read_to_its_end_frame_by_frame(name: str) -> None:
    frames = parse(stream_of(name))

    assert len(frames_of(name)) == len(frames)
    for recorded, frame in zip(frames_of(name), frames, strict=True):
        assert recorded.endswith(frame.body)
        assert frame.content_type


@pytest.mark.parametrize("name", ALL_CAPTURES)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_cutting_of_the_stream_gives_the_same_frames(name: str, data: st.DataObject) -> None:
    stream = stream_of(name)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=60)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert [told(frame) for frame in parse(stream)] == [told(frame) for frame in parse(*chunks)]


def test_a_stream_that_comes_byte_by_byte_gives_the_same_frames() -> None:
    stream = OK + framed(b'{"Event-Name":"X"}') + b"Content-Type: auth/request\n\n" + GOODBYE

    assert [told(frame) for frame in parse(stream)] == [
        told(frame) for frame in parse(*(stream[at : at + 1] for at in range(len(stream))))
    ]


def leaves_it_alone(value: bytes) -> bool:
    """FreeSWITCH takes `%41` for encoded already (switch_utils.c:3499): such a value cannot be told from "A"."""
    return not any(
        value[at : at + 1] == b"%" and all(digit in b"0123456789ABCDEF" for digit in value[at + 1 : at + 3])
        for at in range(len(value) - 2)
    )


@given(st.binary(max_size=200).filter(leaves_it_alone).filter(lambda value: value != b"_undef_"))
@example(b"")
@example(b"  padded  ")
@example("Müller".encode("latin-1"))
@example("\u2028Unique-ID: 1".encode())
@example(b"\x0b\x0c\x1c\x85Unique-ID: 1")
@settings(max_examples=300)
def test_a_value_arrives_as_the_caller_wrote_it_and_changes_no_other(value: bytes) -> None:
    wire = plain_block([(b"Before", b"1"), (b"Caller-Caller-ID-Name", value), (b"After", b"2")])
    headers = Headers(wire)

    assert headers.get("Caller-Caller-ID-Name").encode("utf-8", "surrogateescape") == value
    assert (headers.get("Before"), headers.get("After")) == ("1", "2")


def test_percent_signs_that_look_encoded_are_the_one_thing_that_is_decoded_twice() -> None:
    headers = Headers(plain_block([(b"Name", b"100%41 off"), (b"Rate", b"50% off")]))

    assert headers.get("Name") == "100A off"
    assert headers.get("Rate") == "50% off"


@pytest.mark.parametrize(
    "forged",
    [
        b"x%0ACaller-Caller-ID-Number: +493012345",
        b"x%0A%0AContent-Type: text/disconnect-notice%0A%0A",
        b"x\nCaller-Caller-ID-Number: +493012345",
        b"x\r\nContent-Length: 0\r\n\r\n",
        "x\u2028Caller-Caller-ID-Number: +493012345".encode(),
        "x\u0085Caller-Caller-ID-Number: +493012345".encode(),
        b"x\x0bCaller-Caller-ID-Number: +493012345",
        b"x\x1eCaller-Caller-ID-Number: +493012345",
        b"M\xfcller",
        b"\xff" * 60_000,
        b"Content-Length: 7",
    ],
    ids=lambda value: repr(value[:24]),
)
def test_a_display_name_cannot_become_a_header(forged: bytes) -> None:
    block = plain_block(
        [(b"Caller-Caller-ID-Name", forged), (NUMBER.encode(), b"+4917699"), (b"variable_sip_h_X-A", forged)]
    )
    (frame, last) = parse(block + b"Content-Type: command/reply\nReply-Text: %2BOK%0A\n\n" + OK)

    assert frame.headers.get(NUMBER) == "+4917699"
    assert frame.content_type == b"command/reply"
    assert (frame.reply_text, last.reply_text) == ("+OK", "+OK")


def test_the_first_of_two_equal_headers_counts() -> None:
    headers = Headers(b"Unique-ID: true\nUnique-ID: forged\nUnique-ID:\n")

    assert headers.get("Unique-ID") == "true"


def test_only_the_outer_length_frames_a_body_whatever_the_body_says() -> None:
    body = plain_block([(b"Event-Name", b"NOTIFY_IN")]) + b"Content-Length: 3\nContent-Length: 5\n\nabcde"
    notice = b"Content-Type: text/disconnect-notice\nContent-Length: 99\n\n"
    frames = parse(framed(body, b"text/event-plain") + framed(notice, b"api/response") + OK)

    assert [frame.body for frame in frames] == [body, notice, b""]
    assert [frame.content_type for frame in frames] == [b"text/event-plain", b"api/response", b"command/reply"]


def test_the_text_behind_a_goodbye_is_not_the_next_frame() -> None:
    goodbye, after = parse(GOODBYE + OK)

    assert goodbye.body.startswith(b"Disconnected, goodbye.")
    assert after.reply_text == "+OK"


def test_an_undefined_or_missing_value_is_the_default() -> None:
    headers = Headers(b"A: _undef_\nB:\nno colon here\n")

    assert (headers.get("A"), headers.get("B", "x"), headers.get("C", "x")) == ("", "", "x")


@pytest.mark.parametrize("length", [b"", b"-1", b"+5", b"5 5", b"0x10", b"99999999999999999999", b"1e3", b"\xb2"])
def test_a_length_that_is_none_ends_the_conversation(length: bytes) -> None:
    with pytest.raises(FramingError, match="no length"):
        parse(b"Content-Type: api/response\nContent-Length: " + length + b"\n\n")


def test_a_body_beyond_every_answer_of_freeswitch_is_not_waited_for() -> None:
    with pytest.raises(FramingError, match="no length"):
        parse(b"Content-Length: %d\n\n" % (framing.MAX_BODY_BYTES + 1))


def test_headers_without_an_end_do_not_fill_the_memory() -> None:
    parser = FrameParser()
    for _ in range(framing.MAX_HEADER_BYTES // 65536):
        assert list(parser.feed(b"x" * 65536)) == []
    with pytest.raises(FramingError, match="without an end"):
        list(parser.feed(b"x"))


def test_a_cut_frame_is_known_to_be_cut() -> None:
    parser = FrameParser()

    assert list(parser.feed(b"Content-Length: 5\n\nab")) == []
    assert not parser.idle
    assert [frame.body for frame in parser.feed(b"cde")] == [b"abcde"]
    assert parser.idle


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_no_bytes_at_all_break_the_parser_in_another_way_than_by_saying_so(noise: bytes) -> None:
    with suppress(FramingError):
        list(FrameParser().feed(noise))
