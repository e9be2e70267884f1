"""Events are FreeSWITCH's word; values in them are the caller's, and stay values."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callcontrol.switch.events import Event, PlainEvent, read_event
from callcontrol.switch.framing import Frame, FrameParser, Headers
from tests.wire import ALL_CAPTURES, event, framed, plain_block, stream_of


def read(raw: bytes) -> Event:
    (frame,) = FrameParser().feed(raw)
    found = read_event(frame)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ALL_CAPTURES)
def test_every_recorded_event_tells_its_name_and_application_as_its_text_does(name: str) -> None:
    for frame in FrameParser().feed(stream_of(name)):
        found = read_event(frame)
        if frame.content_type == b"text/event-json":
            fields = json.loads(frame.body, strict=False)
            assert found is not None
            assert fields["Event-Name"] == found.name
            assert fields.get("Application-UUID", "") == found.application_uuid
            assert fields["Core-UUID"] == found.get("Core-UUID")
            assert fields.get("_body", "") == found.get("_body")
        elif frame.content_type == b"text/event-plain":
            assert found is not None
            assert b"Event-Name: " + found.name.encode() in frame.body
            assert found.get("Application-UUID") == found.application_uuid
        else:
            assert found is None


@given(st.binary(max_size=100))
@example(b'","Application-UUID":"forged')
@example(b'\\","Application-UUID":"forged"')
@example(b"x\nCaller-Caller-ID-Number: +49301")
@example(b"M\xfcller")
@example("\u2028".encode())
@settings(max_examples=300)
def test_any_value_arrives_in_json_as_it_was_and_changes_no_other(value: bytes) -> None:
    found = read(
        event(
            "CHANNEL_EXECUTE_COMPLETE",
            Caller_Caller_ID_Name=value.decode("utf-8", "surrogateescape"),
            variable_sip_h_X=[value.decode("utf-8", "surrogateescape"), "Application-UUID"],
            Application_UUID="ours",
        )
    )

    assert found.name == "CHANNEL_EXECUTE_COMPLETE"
    assert found.application_uuid == "ours"
    assert found.get("Application-UUID") == "ours"
    assert value == found.get("Caller-Caller-ID-Name").encode("utf-8", "surrogateescape")


def test_raw_control_characters_in_json_are_read_too() -> None:
    found = read(framed(b'{"Event-Name":"CUSTOM","A":"tab\there","B":"2"}'))

    assert (found.get("A"), found.get("B")) == ("tab\there", "2")


def test_a_value_of_sixty_kilobytes_is_a_value() -> None:
    found = read(event("CUSTOM", variable_long="x" * 60_000, After="1"))

    assert (len(found.get("variable_long")), found.get("After")) == (60_000, "1")


def test_the_first_of_two_equal_names_counts() -> None:
    found = read(framed(b'{"Event-Name":"X","Unique-ID":"true","Unique-ID":"forged"}'))

    assert found.get("Unique-ID") == "true"


def test_a_custom_event_is_named_behind_its_subclass() -> None:
    found = read(framed(b'{"Event-Subclass":"conference::maintenance","Event-Name":"CUSTOM"}'))

    assert found.name == "CUSTOM"
    assert found.get("Event-Subclass") == "conference::maintenance"


def test_a_list_reads_as_in_the_plain_format() -> None:
    assert read(framed(b'{"Event-Name":"X","legs":["a","b"]}')).get("legs") == "ARRAY::a|:b"


def test_what_is_missing_or_null_is_the_default() -> None:
    found = read(framed(b'{"Event-Name":"X","A":null,"B":""}'))

    assert (found.get("A"), found.get("B", "x"), found.get("C", "x")) == ("", "", "x")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"Event-Name":', b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, b"\xff\xfe"],
    ids=lambda body: repr(body[:16]),
)
def test_a_body_that_is_no_event_is_an_event_without_name(body: bytes) -> None:
    found = read(framed(body))

    assert (found.name, found.get("Unique-ID"), found.application_uuid) == ("", "", "")


def test_a_plain_event_is_read_with_its_body() -> None:
    block = plain_block([(b"Event-Name", b"BACKGROUND_JOB"), (b"Job-UUID", b"ours"), (b"Application-UUID", b"a")])
    found = read(framed(block + b"Content-Length: 21\n\nJob-UUID: attacker\n+OK", b"text/event-plain"))

    assert isinstance(found, PlainEvent)
    assert (found.name, found.get("Job-UUID"), found.application_uuid) == ("BACKGROUND_JOB", "ours", "a")
    assert found.get("_body") == "Job-UUID: attacker\n+OK"


@pytest.mark.parametrize("content_type", [b"log/data", b"text/disconnect-notice", b"command/reply", b""])
def test_other_frames_are_no_events(content_type: bytes) -> None:
    assert read_event(Frame(Headers(b"Content-Type: " + content_type), b'{"Event-Name":"X"}')) is None
