"""The event socket's listening side: password, the whole switch's events, API replies to the letter."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from gevent import socket

from callcontrol.rehearsal import Fault, FaultKind, RehearsalSwitch
from tests.patience import until
from tests.rehearsal_daemon import TinyDaemon, Wire, dial_link, fields

USAGE = {
    "uuid_kill": "-USAGE: <uuid> [cause]\n",
    "uuid_setvar": "-USAGE: <uuid> <var> [value]\n",
    "uuid_getvar": "-USAGE: <uuid> <var>\n",
    "uuid_setvar_multi": "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n",
    "uuid_break": "-USAGE: <uuid> [all]\n",
    "uuid_dump": "-USAGE: <uuid> [format]\n",
    "uuid_transfer": "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n",
    "uuid_send_dtmf": "-USAGE: <uuid> <dtmf_data>\n",
    "uuid_recv_dtmf": "-USAGE: <uuid> <dtmf_data>\n",
}


@pytest.fixture
def daemon() -> Iterator[TinyDaemon]:
    daemon = TinyDaemon()
    yield daemon
    daemon.stop()


@pytest.fixture
def switch(daemon: TinyDaemon) -> Iterator[RehearsalSwitch]:
    switch = RehearsalSwitch(daemon.address, password="open sesame").start()
    yield switch
    switch.stop()


@pytest.fixture
def link(switch: RehearsalSwitch) -> Wire:
    return dial_link(switch.link_address, "open sesame")


def call(switch: RehearsalSwitch, daemon: TinyDaemon) -> Wire:
    phone = switch.phone("+49171").calls("+49308631")
    wire = daemon.call()
    wire.phone = phone
    wire.connect()
    wire.id = wire.channel["Unique-ID"]
    return wire


def test_a_wrong_password_closes_the_connection(switch: RehearsalSwitch) -> None:
    wire = Wire(socket.create_connection(switch.link_address))
    assert wire.frame() == (b"Content-Type: auth/request", b"")
    assert wire.ask("auth wrong") == "-ERR invalid"
    assert wire.frame()[0].startswith(b"Content-Type: text/disconnect-notice\nContent-Length: 67")
    assert wire.frame() is None


def test_nothing_works_before_the_password(switch: RehearsalSwitch) -> None:
    wire = Wire(socket.create_connection(switch.link_address))
    wire.frame()
    assert wire.ask("api status") == "-ERR command not found"
    assert wire.ask("auth open sesame") == "+OK accepted"
    assert wire.ask("api echo hello") == "hello"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("foo", "-ERR command not found"),
        ("linger", "-ERR not controlling a session"),
        ("nolinger", "-ERR not controlling a session"),
        ("divert_events on", "-ERR not controlling a session."),
        ("getvar x", "-ERR command not found"),
        ("sendmsg nosuch", "-ERR invalid session id [nosuch]"),
        ("log debug", "+OK log level debug [7]"),
        ("nolog", "-ERR not loging"),
        ("event json ALL", "+OK event listener enabled json"),
        ("nixevent DTMF", "+OK events nixed"),
        ("api foo bar", "-ERR foo Command not found!\n"),
        ("api uuid_kill nosuch", "-ERR No such channel!\n"),
        ("api uuid_exists nosuch", "false"),
        ("api uuid_answer nosuch", "-ERROR\n"),
        ("api conference list", "+OK No active conferences.\n"),
        ("api conference json_list", "[]"),
        ("api show channels as json", '{"row_count": 0}\n'),
        ("api show channels", "\n0 total.\n"),
        ("api reloadxml", "+OK [Success]\n"),
        ("api global_getvar nosuch", "-ERR no reply\n"),
        ("api version short", "1.10.12-release\n"),
        ("api expand echo ${hostname}", "rehearsal"),
        *((f"api {name}", usage) for name, usage in USAGE.items()),
    ],
)
def test_replies_to_the_letter(link: Wire, command: str, reply: str) -> None:
    assert link.ask(command) == reply


def test_status_looks_like_freeswitchs(link: Wire) -> None:
    lines = link.ask("api status").split("\n")
    assert lines[0].startswith("UP 0 years, 0 days, 0 hours, 0 minutes, ")
    assert lines[1] == "FreeSWITCH (Version 1.10.12-release git a88d069 2024-08-02 21:02:27Z 64bit) is ready"
    assert lines[2] == "0 session(s) since startup"


def test_variables_of_a_call(switch: RehearsalSwitch, daemon: TinyDaemon, link: Wire) -> None:
    wire = call(switch, daemon)
    assert link.ask(f"api uuid_setvar {wire.id} note a b c") == "+OK\n"
    assert link.ask(f"api uuid_getvar {wire.id} note") == "a b c"
    assert link.ask(f"api uuid_setvar_multi {wire.id} one=1;note=;two=2") == "+OK\n"
    assert link.ask(f"api uuid_getvar {wire.id} note") == "_undef_"
    assert link.ask(f"api expand uuid:{wire.id} echo ${{one}}${{two}}") == "12"
    assert fields(link.ask(f"api uuid_dump {wire.id}").encode())["variable_two"] == "2"
    assert json.loads(link.ask(f"api uuid_dump {wire.id} json"))["variable_cc_door"] == "trunk"


def test_a_call_is_killed_with_a_cause(switch: RehearsalSwitch, daemon: TinyDaemon, link: Wire) -> None:
    wire = call(switch, daemon)
    wire.execute("answer")
    assert link.ask(f"api uuid_kill {wire.id} USER_BUSY") == "+OK\n"
    wire.phone.is_hung_up("USER_BUSY")
    until(lambda: link.ask(f"api uuid_exists {wire.id}") == "false")


def test_every_registered_telephone_is_a_row(switch: RehearsalSwitch, link: Wire) -> None:
    assert link.ask("api show registrations as json") == '{"row_count": 0}\n'
    switch.telephone("33@acme.example")
    switch.telephone("+491715550001")
    switch.telephone("33@acme.example")
    table = json.loads(link.ask("api show registrations as json"))
    assert [(row["reg_user"], row["realm"], row["network_port"]) for row in table["rows"]] == [
        ("33", "acme.example", "40001"),
        ("33", "acme.example", "40003"),
    ]


def test_every_live_call_is_a_row(switch: RehearsalSwitch, daemon: TinyDaemon, link: Wire) -> None:
    wires = [call(switch, daemon) for _ in range(2)]
    table = json.loads(link.ask("api show channels as json"))
    assert table["row_count"] == 2
    assert [row["uuid"] for row in table["rows"]] == [wire.id for wire in wires]
    assert (table["rows"][0]["application"], table["rows"][0]["callstate"]) == ("socket", "RINGING")


def test_events_of_all_calls(switch: RehearsalSwitch, daemon: TinyDaemon, link: Wire) -> None:
    link.ask("event json CHANNEL_CREATE CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY")
    wire = call(switch, daemon)
    wire.phone.hangs_up()
    found = [json.loads(link.frame()[1]) for _ in range(3)]
    assert [one["Event-Name"] for one in found] == ["CHANNEL_CREATE", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY"]
    assert found[1]["Hangup-Cause"] == "ORIGINATOR_CANCEL"
    assert {one["Unique-ID"] for one in found} == {wire.id}


def test_a_background_job_answers_with_our_own_job_uuid(link: Wire) -> None:
    link.ask("event plain BACKGROUND_JOB")
    assert link.ask("bgapi conference list\nJob-UUID: my-own") == "+OK Job-UUID: my-own"
    _head, body = link.frame()
    event = fields(body)
    assert (event["Job-UUID"], event["Job-Command"], event["Job-Command-Arg"]) == ("my-own", "conference", "list")
    assert "Job-Owner-UUID" not in event
    assert body.endswith(b"Content-Length: 27\n\n+OK No active conferences.\n")


def test_an_event_with_a_body_may_hold_two_content_lengths(link: Wire) -> None:
    """FreeSWITCH issue #505: whoever frames by the inner one is lost."""
    link.ask("event plain NOTIFY_IN")
    link.send(b"sendevent NOTIFY_IN\nContent-Length: 5\nX: y\n\nhello")
    frames = [link.frame(), link.frame()]
    body = next(frame[1] for frame in frames if frame[1])
    assert body.count(b"Content-Length: ") == 2
    assert body.endswith(b"Content-Length: 5\n\nhello")


def test_a_dropped_link_may_come_back(switch: RehearsalSwitch, link: Wire) -> None:
    switch.drop_link()
    until(lambda: link.frame() is None)
    assert dial_link(switch.link_address, "open sesame").ask("api echo again") == "again"


def test_a_link_fails_where_it_is_told(switch: RehearsalSwitch) -> None:
    switch.fail_link(Fault(FaultKind.CLOSE, 10))
    wire = Wire(socket.create_connection(switch.link_address))
    assert wire.frame() is None
    assert wire.raw == b"Content-Ty"
    assert dial_link(switch.link_address, "open sesame").ask("api echo fine") == "fine"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("sofia_contact extensions/33@acme.example", "error/user_not_registered"),
        ("originate error/user_not_registered &park", "-ERR USER_NOT_REGISTERED\n"),
        ("originate user/33@acme.example &park", "-ERR SUBSCRIBER_ABSENT\n"),
        ("originate {a=b}[c=d]sofia/gateway/carrier/+4930 &conference(x@room)", "-ERR INVALID_GATEWAY\n"),
    ],
)
def test_nobody_can_be_called_from_here(link: Wire, command: str, reply: str) -> None:
    assert link.ask(f"api {command}") == reply
    assert link.ask("api originate x").startswith("-USAGE: <call url>")
