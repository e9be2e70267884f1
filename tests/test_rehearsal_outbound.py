"""A call in the hands of a daemon: commands, what becomes of it when the daemon goes, and the safety net under it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import gevent
import pytest

from callcontrol import greenlets
from callcontrol.rehearsal import Fault, FaultKind, RehearsalSwitch
from callcontrol.rehearsal.outbound import notice
from tests.patience import PATIENCE, until
from tests.rehearsal_daemon import TinyDaemon, Wire, fields

PROMPT = "/prompts/en/welcome.wav"


@pytest.fixture
def daemon() -> Iterator[TinyDaemon]:
    daemon = TinyDaemon()
    yield daemon
    daemon.stop()


@pytest.fixture
def switch(daemon: TinyDaemon) -> Iterator[RehearsalSwitch]:
    switch = RehearsalSwitch(daemon.address, net_seconds=1.5).start()
    yield switch
    switch.stop()


def rest_of(wire: Wire) -> list[str]:
    """Names of what still comes, to the end of the stream."""
    found = []
    while (frame := wire.frame()) is not None:
        event = fields(frame[1]) if b"text/event" in frame[0] else fields(frame[0])
        found.append(event.get("Event-Name") or event.get("Content-Disposition") or event.get("Reply-Text", "api"))
    return found


def until_notice(wire: Wire) -> list[str]:
    found: list[str] = []
    while "linger" not in found[-1:]:
        event = wire.event()
        found.append(event.get("Event-Name") or event["Content-Disposition"])
    return found


def test_a_call_is_handed_over_with_its_number_and_door(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    switch.phone("+49171", name="Clara").calls("+49308631")
    channel = daemon.call().connect()
    assert channel["Caller-Caller-ID-Number"] == "+49171"
    assert channel["Caller-Caller-ID-Name"] == "Clara"
    assert (channel["variable_cc_door"], channel["variable_cc_dialled"]) == ("trunk", "+49308631")
    assert (channel["variable_socket_resume"], channel["variable_cc_next"]) == ("true", "again")
    assert (channel["Socket-Mode"], channel["Control"], channel["Reply-Text"]) == ("async", "full", "+OK\n")


def test_a_withheld_number_may_still_be_there(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    switch.phone("+49171", withheld=True).calls("+49308631")
    channel = daemon.call().connect()
    assert (channel["Caller-Caller-ID-Number"], channel["Caller-Privacy-Hide-Number"]) == ("+49171", "true")
    switch.phone("anonymous").calls("+49308631")
    channel = daemon.call().connect()
    assert (channel["Caller-Caller-ID-Number"], channel["Caller-Privacy-Hide-Number"]) == ("anonymous", "true")


def test_an_extension_brings_who_freeswitch_authenticated(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    switch.phone(door="extensions", extension="33@acme.example").calls("34")
    channel = daemon.call().connect()
    assert (channel["variable_user_name"], channel["variable_domain_name"]) == ("33", "acme.example")
    assert channel["variable_sip_authorized"] == "true"
    switch.phone("33", door="extensions").calls("34").is_refused("CALL_REJECTED")


def test_hostile_text_arrives_as_freeswitch_sends_it(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    forged = "x%0ACaller-Caller-ID-Number: +49301"
    switch.phone("+49171", name=b"M\xfcller", headers={"X-Note": forged, "X-Long": "y" * 60_000}).calls("+49308631")
    wire = daemon.call()
    wire.send("connect")
    head, _ = wire.frame()
    assert b"Caller-Caller-ID-Name: M%FCller\n" in head
    assert b"variable_sip_h_X-Note: x%0ACaller-Caller-ID-Number%3A%20%2B49301\n" in head
    assert b"variable_sip_h_X-Long: " + b"y" * 60_000 in head


def dial(switch: RehearsalSwitch, daemon: TinyDaemon, **options: object) -> Wire:
    phone = switch.phone("+49171", **options).calls("+49308631")
    wire = daemon.call()
    wire.phone = phone
    wire.connect()
    return wire


def test_replies_come_before_the_events_they_cause(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    wire = dial(switch, daemon)
    wire.send(f"api uuid_answer {wire.channel['Unique-ID']}")
    seen = []
    while b"CHANNEL_ANSWER" not in (frame := wire.frame())[1]:
        seen.append(frame[0].split(b"\n")[0])
    assert b"Content-Type: api/response" in seen


def test_the_first_command_gets_no_answer_unless_it_is_connect(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    switch.phone("+49171").calls("+49308631")
    wire = daemon.call()
    wire.send("linger 5")
    assert wire.ask("myevents") == "+OK Events Enabled"


def test_an_argument_may_come_in_the_body(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    wire = dial(switch, daemon)
    head = "sendmsg\ncall-command: execute\nexecute-app-name: set\ncontent-type: text/plain\ncontent-length: 9"
    wire.send(head.encode() + b"\n\nnote=a\nb\n")
    done = wire.event("CHANNEL_EXECUTE_COMPLETE")
    assert done["Application-Data"] == "note=a\nb\n"
    assert done["variable_note"] == "a\nb"


def test_an_unlocked_command_runs_inside_the_one_before(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    wire = dial(switch, daemon)
    wire.start("playback", "silence_stream://-1", uuid="outer")
    wire.execute("set", "a=b", uuid="inner")
    wire.ask(f"api uuid_break {wire.channel['Unique-ID']}")
    assert wire.event("CHANNEL_EXECUTE_COMPLETE")["Application-UUID"] == "outer"


def test_an_event_locked_command_holds_the_queue(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    wire = dial(switch, daemon)
    locked = "execute-app-name: playback\nexecute-app-arg: silence_stream://-1\nevent-uuid: outer\nevent-lock: true"
    wire.ask(f"sendmsg\ncall-command: execute\n{locked}")
    wire.event("CHANNEL_EXECUTE", Application_UUID="outer")
    assert wire.ask("sendmsg\ncall-command: execute\nexecute-app-name: set\nexecute-app-arg: a=b") == "+OK"
    wire.ask(f"api uuid_break {wire.channel['Unique-ID']}")
    ended = [wire.event("CHANNEL_EXECUTE_COMPLETE")["Application"] for _ in range(2)]
    assert ended == ["playback", "set"]


def test_the_257th_queued_command_closes_the_socket(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    wire = dial(switch, daemon)
    wire.ask("noevents")
    locked = "execute-app-name: playback\nexecute-app-arg: silence_stream://-1\nevent-lock: true"
    wire.ask(f"sendmsg\ncall-command: execute\n{locked}")
    playing = f"api uuid_getvar {wire.channel['Unique-ID']} current_application"
    until(lambda: wire.ask(playing) == "playback")
    wire.send(b"sendmsg\ncall-command: execute\nexecute-app-name: set\nexecute-app-arg: a=b\n\n" * 257)
    assert rest_of(wire) == ["+OK"] * 256 + ["disconnect"]


def test_an_unknown_application_hangs_up(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    wire = dial(switch, daemon)
    wire.ask("linger")
    wire.ask("sendmsg\ncall-command: execute\nexecute-app-name: nosuch")
    assert "CHANNEL_EXECUTE" not in until_notice(wire)
    wire.phone.is_refused("DESTINATION_OUT_OF_ORDER")


def test_the_notice_of_a_lingering_socket_comes_last(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    wire = dial(switch, daemon)
    wire.ask("linger 5")
    wire.execute("answer")
    wire.phone.hangs_up()
    states = ["CHANNEL_STATE", "CHANNEL_STATE", "CHANNEL_HANGUP_COMPLETE", "linger"]
    assert until_notice(wire) == ["CHANNEL_HANGUP", "CHANNEL_UNPARK", "CHANNEL_EXECUTE_COMPLETE", *states]
    assert switch.live_calls == 0
    assert wire.ask("api uuid_exists " + wire.channel["Unique-ID"]) == "false"  # though the socket lingers
    wire.send("exit")
    assert rest_of(wire) == ["+OK bye", "disconnect"]


def test_linger_ends_by_itself(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    wire = dial(switch, daemon)
    wire.ask("linger 1")
    wire.phone.hangs_up()
    until_notice(wire)
    assert rest_of(wire) == ["disconnect"]


def test_without_linger_the_end_of_the_call_is_the_end_of_the_stream(
    switch: RehearsalSwitch, daemon: TinyDaemon
) -> None:
    wire = dial(switch, daemon)
    wire.phone.hangs_up()
    assert rest_of(wire)[-2:] == ["CHANNEL_HANGUP", "disconnect"]
    wire = dial(switch, daemon)
    wire.send("sendmsg\ncall-command: hangup\nhangup-cause: USER_BUSY")
    assert [name for name in rest_of(wire) if name != "CHANNEL_PARK"] == ["+OK", "disconnect"]
    wire.phone.is_refused("USER_BUSY")


def test_the_notice_is_the_recorded_one() -> None:
    assert notice("abc").startswith(
        b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: abc\nContent-Disposition"
    )
    assert b"Content-Length: 67\n\nDisconnected, goodbye.\nSee you at ClueCon!" in notice()


def test_a_missing_daemon_means_music_another_try_and_in_the_end_an_apology(daemon: TinyDaemon) -> None:
    switch = RehearsalSwitch(("127.0.0.1", 1), net_seconds=0.3).start()
    phone = switch.phone("+49171").calls("+49308631").hears_music()
    phone.hears("not-available").is_refused("NORMAL_TEMPORARY_FAILURE")
    assert sum(step.kind == "hears music" for step in phone.transcript.steps) == 15
    switch.stop()


@pytest.mark.parametrize("after", ["accept", "connect", "prompt"])
def test_a_lost_daemon_is_asked_again_within_one_round(switch: RehearsalSwitch, daemon: TinyDaemon, after: str) -> None:
    phone = switch.phone("+49171").calls("+49308631")
    wire = daemon.call()
    if after != "accept":
        wire.connect()
    if after == "prompt":
        wire.start("playback", "silence_stream://-1")
    wire.close()
    phone.hears_music()
    channel = daemon.call().connect()
    assert channel["Caller-Destination-Number"] == "again"
    assert (channel["variable_cc_dialled"], channel["variable_cc_next"]) == ("+49308631", "again-2")


def test_a_daemon_that_let_go_on_purpose_is_not_asked_again(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    wire = dial(switch, daemon)
    wire.execute("answer")
    wire.execute("multiset", "socket_resume=false cc_next=end")
    wire.start("playback", PROMPT.replace("welcome", "goodbye"))
    wire.close()
    wire.phone.hears("goodbye").is_hung_up("NORMAL_CLEARING")


def test_the_silent_park_hole_is_there_without_socket_resume(switch: RehearsalSwitch, daemon: TinyDaemon) -> None:
    """The daemon goes before `connect`: FreeSWITCH parks the caller for ever unless the dialplan set socket_resume."""
    phone = switch.phone("+49171").calls("+49308631")
    wire = daemon.call()
    phone.session.channel.variables.set("socket_resume", None)
    wire.close()
    phone.transcript.wait(lambda: phone.session.controlled, PATIENCE)
    gevent.sleep(0.3)
    assert phone.session.controlled
    assert switch.live_calls == 1


@pytest.mark.parametrize("kind", list(FaultKind))
def test_faults_at_any_offset_leave_nothing_behind(daemon: TinyDaemon, kind: FaultKind) -> None:
    until(lambda: greenlets.count() == 0)  # what earlier tests left has ended
    switch = RehearsalSwitch(daemon.address, net_seconds=60).start()
    for at in (0, 1, 50, 5_000, 7_500, 20_000):
        phone = switch.phone("+49171").fails(Fault(kind, at)).calls("+49308631")
        wire = daemon.call()
        with suppress(OSError), gevent.Timeout(0.1, False):
            wire.send("connect\n\nmyevents\n\nsendmsg\ncall-command: execute\nexecute-app-name: answer")
            wire.send("sendmsg\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: " + PROMPT)
            while wire.frame() is not None:
                pass
        assert len(wire.raw) <= at
        phone.hangs_up()
        wire.close()
    until(lambda: (switch.live_calls, greenlets.count()) == (0, 0))
    switch.stop()
