"""What each application does to a call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.rehearsal import RehearsalSwitch
from tests.rehearsal_daemon import TinyDaemon, Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    daemon = TinyDaemon()
    switch = RehearsalSwitch(daemon.address).start()
    switch.hub.missing.add("gone")
    phone = switch.phone("+49171").calls("+49308631")
    wire = daemon.call()
    wire.phone = phone
    wire.connect()
    wire.ask("linger 1")
    yield wire
    switch.stop()
    daemon.stop()


def response(wire: Wire, app: str, argument: str) -> str:
    return wire.execute(app, argument)["Application-Response"]


def test_playback_says_what_became_of_it(wire: Wire) -> None:
    wire.execute("answer")
    assert response(wire, "playback", "/p/de/welcome.wav") == "FILE PLAYED"
    assert response(wire, "playback", "/p/de/gone.wav") == "FILE NOT FOUND"
    assert response(wire, "playback", "file_string:///p/de/gone.wav!/p/de/goodbye.wav") == "FILE PLAYED"
    assert response(wire, "playback", "file_string:///p/de/gone.wav") == "FILE NOT FOUND"
    assert response(wire, "playback", "tone_stream://%(200,100,440)") == "FILE PLAYED"
    wire.phone.hears("welcome", "goodbye", "%(200,100,440)").hears_nothing_else()


def test_an_unanswered_call_hears_prompts_as_early_media(wire: Wire) -> None:
    done = wire.execute("playback", "/p/de/not-accepted.wav")
    assert (done["Answer-State"], done["Channel-Call-State"]) == ("early", "EARLY")
    wire.phone.hears("not-accepted")


def test_music_goes_on_until_somebody_breaks_it(wire: Wire) -> None:
    wire.execute("answer")
    wire.start("playback", "local_stream://moh")
    wire.phone.hears_music()
    wire.ask(f"api uuid_break {wire.channel['Unique-ID']}")
    assert wire.event("CHANNEL_EXECUTE_COMPLETE")["Application-Response"] == "FILE PLAYED"
    wire.phone.hears_no_music()


def test_scope_variables_hold_for_one_application(wire: Wire) -> None:
    wire.execute("answer")
    done = wire.execute("playback", "%[playback_timeout_sec=2,a=b]local_stream://moh")
    assert done["Application-Response"] == "PLAYBACK ERROR"  # a timeout is no success (playback_timeout_as_success)
    assert done["Application-Data"] == "local_stream://moh"
    assert "variable_playback_timeout_sec" not in done


def test_a_key_ends_a_playback_only_if_it_is_a_terminator() -> None:
    daemon = TinyDaemon()
    switch = RehearsalSwitch(daemon.address, pace=0.2).start()
    phone = switch.phone("+49171").calls("+49308631")
    wire = daemon.call()
    wire.connect()
    wire.execute("answer")
    wire.start("playback", "/p/de/welcome.wav")
    phone.hears("welcome").presses("1")
    assert "variable_playback_terminator_used" not in wire.event("CHANNEL_EXECUTE_COMPLETE")
    wire.start("playback", "silence_stream://-1", uuid="second")
    phone.presses("1*")
    assert wire.event("CHANNEL_EXECUTE_COMPLETE")["variable_playback_terminator_used"] == "*"
    switch.stop()
    daemon.stop()


@pytest.mark.parametrize(
    ("app", "argument", "name", "value"),
    [
        ("set", "note=a=b c", "note", "a=b c"),
        ("set", "note=${cc_door}-${nosuch}", "note", "trunk-"),
        ("set", "note=$${hostname}", "note", "rehearsal"),
        ("set", "note=${uuid_exists(nosuch)}", "note", "false"),
        ("multiset", "^^;note=1 2;other=3", "note", "1 2"),
        ("multiset", "note=1 other=2", "other", "2"),
        ("unset", "cc_door", "cc_door", None),
        ("export", "nolocal:note=1", "nolocal:note", "1"),
        ("export", "note=1", "export_vars", "note"),
        ("sleep", "60000", "current_application", "sleep"),
    ],
)
def test_variables(wire: Wire, app: str, argument: str, name: str, value: str | None) -> None:
    assert wire.execute(app, argument).get(f"variable_{name}") == value


@pytest.mark.parametrize(
    ("app", "argument", "cause"),
    [
        ("hangup", "USER_BUSY", "USER_BUSY"),
        ("hangup", "", "NORMAL_CLEARING"),
        ("hangup", "17", "USER_BUSY"),
        ("hangup", "nonsense", "NORMAL_CLEARING"),
        ("respond", "486 Busy Here", "USER_BUSY"),
        ("respond", "603", "CALL_REJECTED"),
        ("transfer", "end XML callcontrol", "NORMAL_CLEARING"),
    ],
)
def test_ways_to_end_an_unanswered_call(wire: Wire, app: str, argument: str, cause: str) -> None:
    wire.execute(app, argument)
    wire.phone.is_refused(cause)


def test_say_is_a_step_of_its_own(wire: Wire) -> None:
    wire.execute("answer")
    wire.execute("say", "de number iterated 12")
    wire.phone.hears("say:number:12", language="de")


def test_a_number_the_dialplan_does_not_take_is_hung_up() -> None:
    switch = RehearsalSwitch(("127.0.0.1", 1)).start()
    switch.phone("+49171").calls("+49 30 8631").is_refused("INVALID_NUMBER_FORMAT")
    switch.stop()


def test_a_call_is_recorded_beside_what_it_hears(wire: Wire, tmp_path: Path) -> None:
    wire.ask("event plain RECORD_START RECORD_STOP")
    wire.execute("answer")
    path = tmp_path / "names" / "one.wav"
    wire.start("record_session", f"{path} +4")
    assert wire.event("RECORD_START")["Record-File-Path"] == str(path)
    wire.execute("playback", "%[playback_terminators=any]silence_stream://4000")
    wire.start("stop_record_session", str(path))
    told = wire.event("RECORD_STOP")
    assert (told["variable_record_file_size"], path.exists()) == (str(path.stat().st_size), True)


def test_a_call_that_cannot_be_recorded_goes_on(wire: Wire) -> None:
    wire.execute("answer")
    done = wire.execute("record_session", "/proc/one.wav +4")
    assert done["variable_record_completion_cause"] == "uri-failure"
    assert response(wire, "stop_record_session", "/proc/one.wav") == "_none_"
