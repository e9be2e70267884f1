"""A call on the rehearsal switch shows the headers a call on FreeSWITCH shows, in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.rehearsal import RehearsalSwitch
from callcontrol.rehearsal.channel import Variables
from tests.rehearsal_daemon import TinyDaemon, Wire

FRAMES = Path(__file__).parent / "data" / "frames"

# What our own dialplan sets and the recorded one did not, and what one recording had and another had not.
OURS = {"cc_door", "cc_dialled", "cc_next", "socket_resume", "sensitive_dtmf", "max_forwards", "rtp_use_timer_name"}


def names(block: bytes) -> list[str]:
    found = [line.partition(b": ")[0].decode() for line in block.split(b"\n") if b": " in line]
    return [name for name in found if name.removeprefix("variable_") not in OURS]


def recorded(name: str) -> list[str]:
    data = (FRAMES / f"{name}.frame").read_bytes()
    return names(data.split(b"\n\n", 1)[1] if b"text/event" in data[:60] else data)


def recorded_digits() -> list[str]:
    """The recorded dialogue had a terminator and a variable of another name."""
    return [name.replace("variable_pin", "variable_cc_keys") for name in recorded("execute-complete-digits")]


@pytest.fixture
def daemon() -> Iterator[TinyDaemon]:
    daemon = TinyDaemon()
    yield daemon
    daemon.stop()


@pytest.fixture
def wire(daemon: TinyDaemon) -> Iterator[Wire]:
    switch = RehearsalSwitch(daemon.address).start()
    switch.hub.missing.add("/nonexistent/file.wav")
    phone = switch.phone("+4930777", name="Clara Müller", headers={"X-Note": "50% off %0AUnique-ID: feed"})
    phone.calls("+498630")
    call = daemon.call()
    call.phone = phone
    yield call
    switch.stop()


def raw_event(wire: Wire, name: str) -> bytes:
    while True:
        _head, body = wire.frame()
        if f"Event-Name: {name}\n".encode() in body:
            return body


def test_the_reply_to_connect(wire: Wire) -> None:
    wire.send("connect")
    head, _ = wire.frame()
    assert names(head) == recorded("connect")


def test_every_event_of_a_short_call(wire: Wire) -> None:
    wire.send("connect")
    wire.frame()
    assert wire.ask("linger 5") == "+OK will linger 5 seconds"
    assert wire.ask("myevents") == "+OK Events Enabled"
    wire.send("sendmsg\ncall-command: execute\nexecute-app-name: answer\nevent-uuid: 0001")
    assert names(raw_event(wire, "CHANNEL_EXECUTE")) == recorded("execute-answer")
    assert names(raw_event(wire, "CHANNEL_ANSWER")) == recorded("answer")
    assert names(raw_event(wire, "CHANNEL_EXECUTE_COMPLETE")) == recorded("execute-complete-answer")
    wire.send("api uuid_setvar " + fields_uuid(wire) + " sensitive_dtmf")
    ask = "4 10 1 3000 # tone_stream://%(200,100,440) silence_stream://100 cc_keys \\d+ 2000"
    wire.send(f"sendmsg\ncall-command: execute\nexecute-app-name: play_and_get_digits\nexecute-app-arg: {ask}")
    raw_event(wire, "CHANNEL_EXECUTE")
    wire.phone.presses("4821#")
    assert names(raw_event(wire, "DTMF")) == recorded("dtmf")
    assert names(raw_event(wire, "CHANNEL_EXECUTE_COMPLETE")) == recorded_digits()
    wire.send("sendmsg\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: /nonexistent/file.wav")
    missing = [name.replace("_pin", "_cc_keys") for name in recorded("execute-complete-missing-file")]
    assert names(raw_event(wire, "CHANNEL_EXECUTE_COMPLETE")) == missing


def fields_uuid(wire: Wire) -> str:
    return wire.phone.session.channel.uuid


def test_the_last_events_of_a_call_that_was_in_a_conference(wire: Wire) -> None:
    wire.connect()
    wire.ask("linger 5")
    wire.execute("answer")
    wire.start("conference", "acme.board@room+flags{moderator}")
    wire.phone.joins("acme.board", moderator=True)
    assert wire.ask("api conference acme.board kick all") == "+OK kicked 1\n"
    raw_event(wire, "CHANNEL_EXECUTE_COMPLETE")
    wire.phone.leaves("acme.board").hangs_up()
    digits_only = {"playback_last_offset_pos", "playback_seconds", "playback_ms", "playback_samples", "pin"}
    digits_only |= {"read_terminator_used", "read_result", "conference_last_matching_digits"}
    hang_up = names(raw_event(wire, "CHANNEL_HANGUP"))
    complete = names(raw_event(wire, "CHANNEL_HANGUP_COMPLETE"))
    for found, name in ((hang_up, "hangup"), (complete, "hangup-complete")):
        expected = [row for row in recorded(name) if row.removeprefix("variable_") not in digits_only]
        assert found == expected


def test_a_variable_that_is_set_again_moves_to_the_end() -> None:
    variables = Variables([("a", "1"), ("B", "2")])
    before = variables.encoded("plain")
    variables.set("A", "3")
    assert before == b"variable_a: 1\nvariable_B: 2\n"
    assert variables.encoded("plain") == b"variable_B: 2\nvariable_A: 3\n"
    assert variables.encoded("json") == b'"variable_B":"2","variable_A":"3"'


def test_an_empty_value_removes_a_variable_and_an_expression_is_refused() -> None:
    variables = Variables([("a", "1")])
    variables.set("a", "")
    variables.set("b", "${a}")
    assert (variables.get("a"), variables.get("b")) == (None, None)
    variables.set("b", "${a}", checked=False)
    assert variables.get("b") == "${a}"


def test_an_array_is_flat_in_plain_and_a_list_in_json() -> None:
    variables = Variables([("DP_MATCH", ("+49", "8630"))])
    assert variables.get("dp_match") == "ARRAY::+49|:8630"
    assert variables.encoded("json") == b'"variable_DP_MATCH":["+49","8630"]'
