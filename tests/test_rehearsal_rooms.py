"""Conference rooms: who hears music until when, who is counted, what the event socket is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.rehearsal import Phone, RehearsalSwitch
from callcontrol.rehearsal.member import Invitation
from tests.rehearsal_daemon import TinyDaemon, Wire, dial_link

ROOM = "acme.board"


class House:
    """A switch, a daemon that sends every caller to a room, and a link."""

    def __init__(self) -> None:
        self.daemon = TinyDaemon()
        self.switch = RehearsalSwitch(self.daemon.address).start()
        self.link = dial_link(self.switch.link_address)

    def joins(self, number: str, flags: str = "", variables: str = "") -> Phone:
        phone = self.switch.phone(number).calls("+49308631")
        wire = self.daemon.call()
        wire.connect()
        wire.execute("multiset", f"^^;socket_resume=false;cc_next=end;{variables}")
        wire.start("conference", f"{ROOM}@room+flags{{{flags}}}")
        phone.wire = wire
        return phone

    def api(self, text: str) -> str:
        return self.link.ask(f"api {text}")

    def tells(self, action: str) -> dict[str, str]:
        return self.link.event("CUSTOM", Action=action)


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    house.link.ask("event plain CUSTOM conference::maintenance")
    yield house
    house.switch.stop()
    house.daemon.stop()


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("board", Invitation("board")),
        ("acme.board@room", Invitation("acme.board", "room")),
        (
            "b@acme.example@room+1234+flags{mute|moderator}",
            Invitation("b@acme.example", "room", frozenset({"mute", "moderator"})),
        ),
        ("board+flags{a,b}", Invitation("board", "default", frozenset({"a", "b"}))),
    ],
)
def test_the_argument_names_room_profile_and_flags(argument: str, expected: Invitation) -> None:
    assert Invitation.parse(argument) == expected


def test_everybody_hears_music_until_the_first_moderator_comes(house: House) -> None:
    guests = [house.joins(f"+4930{n}", "wait-mod").joins(ROOM).hears_music() for n in range(3)]
    assert house.api(f"conference {ROOM} get wait_mod") == "true"
    house.joins("+49309", "wait-mod|moderator").joins(ROOM, moderator=True).hears_no_music()
    for guest in guests:
        guest.hears_no_music()
    assert house.api(f"conference {ROOM} get wait_mod") == "-ERR no reply\n"


def test_wait_mod_counts_only_for_the_one_who_opens_the_room(house: House) -> None:
    first = house.joins("+49301").joins(ROOM).hears_music()  # alone: music too
    house.joins("+49302", "wait-mod").joins(ROOM).hears_no_music()
    first.hears_no_music()


def test_the_last_one_in_a_room_hears_music_again(house: House) -> None:
    first, second = house.joins("+49301"), house.joins("+49302").joins(ROOM).hears_no_music()
    second.hangs_up()
    first.hears_music()


def test_the_life_of_a_room_as_the_link_hears_it(house: House) -> None:
    host = house.joins("+49301", "moderator").joins(ROOM, moderator=True)
    assert house.tells("conference-create")["Conference-Size"] == "0"
    joined = house.tells("add-member")
    assert (joined["Member-Type"], joined["Conference-Size"], joined["Unique-ID"]) == (
        "moderator",
        "1",
        host.session.channel.uuid,
    )
    assert house.tells("floor-change")["New-ID"] == joined["Member-ID"]
    guest = house.joins("+49302").joins(ROOM)
    assert house.tells("add-member")["Conference-Size"] == "2"
    guest.hangs_up()
    assert house.tells("del-member")["Hangup-Cause"] == "NORMAL_CLEARING"
    host.hangs_up()
    assert house.tells("conference-destroy")["Conference-Name"] == ROOM
    assert ROOM not in house.switch.rooms


def test_the_talk_goes_on_when_the_daemon_lets_go(house: House) -> None:
    guest = house.joins("+49301", "moderator").joins(ROOM, moderator=True)
    guest.wire.close()
    assert house.api(f"conference {ROOM} kick all") == "+OK kicked 1\n"
    guest.leaves(ROOM).is_hung_up("NORMAL_CLEARING")  # cc_next=end


def test_a_daemon_lost_with_socket_resume_tears_its_caller_out_of_the_room(house: House) -> None:
    guest = house.joins("+49301", "moderator", variables="socket_resume=true;cc_next=again")
    guest.joins(ROOM, moderator=True)
    guest.wire.close()
    guest.leaves(ROOM).hears_music()


def test_a_room_that_ends_hangs_up_who_is_not_wanted_back(house: House) -> None:
    host = house.joins("+49301", "endconf|moderator").joins(ROOM, moderator=True)
    guest = house.joins("+49302").joins(ROOM)
    kept = house.joins("+49303", variables="hangup_after_conference=false;").joins(ROOM)
    host.hangs_up()
    guest.is_hung_up("NORMAL_CLEARING")
    kept.leaves(ROOM)
    assert not kept.session.channel.down or kept.session.variable("cc_next") == "end"


def test_a_locked_room_lets_nobody_in_and_the_application_returns(house: House) -> None:
    house.joins("+49301", "moderator").joins(ROOM, moderator=True)
    assert house.api(f"conference {ROOM} lock") == f"+OK {ROOM} locked\n"
    late = house.joins("+49302")
    late.wire.event("CHANNEL_EXECUTE_COMPLETE", Application="conference")
    assert house.api(f"conference {ROOM} count") == "1"


def test_mute_by_uuid_and_for_all_but_moderators(house: House) -> None:
    host = house.joins("+49301", "moderator").joins(ROOM, moderator=True)
    guest = house.joins("+49302").joins(ROOM)
    assert house.api(f"conference {ROOM} mute uuid={guest.session.channel.uuid}") == "+OK mute 2\n"
    assert house.tells("mute-member")["Speak"] == "false"
    assert house.api(f"conference {ROOM} unmute non_moderator") == "+OK unmute 2\nSkipping moderator (member id 1).\n"
    assert '"can_speak":\ttrue' in house.api(f"conference {ROOM} json_list")
    host.hangs_up()


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("nosuch list", "-ERR Conference nosuch not found\n"),
        (ROOM, "Conference command, not specified.\nTry 'help'\n"),
        (f"{ROOM} foo", "-ERR Conference command 'foo' not found.\n"),
        (f"{ROOM} kick 99", "-ERR Non-Existant ID 99\n"),
        (f"{ROOM} kick uuid=x", "-ERR Non-Existant member\n"),
        (f"{ROOM} mute", "mute <[member_id|all]|last|non_moderator> [<quiet>]"),
        (f"{ROOM} count", "1"),
        (f"{ROOM} get is_locked", "-ERR no reply\n"),
        (f"{ROOM} get profile_name", "room"),
        (f"{ROOM} setvar a b", "+OK\n"),
        (f"{ROOM} getvar nosuch", "-ERR no reply\n"),
        (f"{ROOM} transfer x@room 99", f"-ERR No Member 99 in conference {ROOM}.\n"),
        ("count", "1"),
        (f"{ROOM} tmute all", "+OK mute 1\n"),
        (f"{ROOM} deaf last", "+OK deaf 1\n"),
        (f"{ROOM} undeaf 1", "+OK undeaf 1\n"),
        (f"{ROOM} hold 1 local_stream://moh", "+OK hold 1\n"),
        (f"{ROOM} unhold 1", "+OK unhold 1\n"),
        (f"{ROOM} dtmf 1 5", "+OK sent 5 to 1\n"),
        (f"{ROOM} dtmf 1", "-ERR Invalid input!\n"),
        (f"{ROOM} kick non_moderator", "Skipping moderator (member id 1).\n"),
        (f"{ROOM} hup all", "+OK hup 1\n"),
        (f"{ROOM} unlock", f"+OK {ROOM} unlocked\n"),
        (f"{ROOM} list count", "1"),
        (f"{ROOM} get", "get <parameter-name>"),
        (f"{ROOM} set max_members 5", "0"),
        (f"{ROOM} play", "play <file_path> [async|<member_id> [nomux]]"),
        (f"{ROOM} play /p/de/x.wav", "+OK (play) Playing file /p/de/x.wav\n"),
        (f"{ROOM} play local_stream://moh async", "+OK (play) Playing file local_stream://moh\n"),
        (f"{ROOM} stop all", "+OK Stopped 1 files.\n"),
        (f"{ROOM} stop all 99", "-ERR Member: 99 not found.\n"),
    ],
)
def test_replies_to_the_letter(house: House, command: str, reply: str) -> None:
    house.joins("+49301", "moderator").joins(ROOM, moderator=True)
    assert house.api(f"conference {command}") == reply


def test_the_list_for_people(house: House) -> None:
    host = house.joins("+49301", "moderator").joins(ROOM, moderator=True)
    head, member, _ = house.api("conference list").split("\n")
    flags = "running|answered|enforce_min|dynamic|exit_sound|enter_sound|json_status"
    assert head == f"+OK Conference {ROOM} (1 member rate: 16000 flags: {flags})"
    uuid = host.session.channel.uuid
    assert member == f"1;sofia/trunk/+49301@127.0.0.1;{uuid};+49301;+49301;hear|speak|floor|moderator;0;0;100"


def test_a_file_for_one_member_is_heard_by_that_one_only(house: House) -> None:
    host = house.joins("+49301", "moderator").joins(ROOM, moderator=True)
    guest = house.joins("+49302").joins(ROOM)
    assert house.api(f"conference {ROOM} play /p/de/still-waiting.wav 2").endswith("to member 2\n")
    guest.hears("still-waiting", language="de")
    host.hears_nothing_else()


def test_members_are_transferred_to_another_room(house: House) -> None:
    guest = house.joins("+49301").joins(ROOM)
    assert (
        house.api(f"conference {ROOM} transfer acme.sales@room 1")
        == "+OK Member '1' sent to conference acme.sales@room.\n"
    )
    assert house.tells("transfer")["New-Conference-Name"] == "acme.sales@room"
    guest.leaves(ROOM).joins("acme.sales")
    assert list(house.switch.rooms) == ["acme.sales"]


def test_commands_run_inside_a_conference_until_it_was_event_locked(house: House) -> None:
    guest = house.joins("+49301").joins(ROOM)
    wire: Wire = guest.wire
    wire.execute("playback", "/p/de/hello.wav")
    guest.hears("hello")
    assert house.api(f"conference {ROOM} count") == "1"


def test_a_prompt_for_one_member_is_heard_by_nobody_else(house: House) -> None:
    first, second = house.joins("+49301").joins(ROOM), house.joins("+49302").joins(ROOM)
    files = "file_string:///p/de/muted.wav!silence_stream://400!/p/de/digits/2.wav"
    assert house.api(f"conference {ROOM} play {files} 2") == f"+OK (play) Playing file {files} to member 2\n"
    assert house.tells("play-file-member")["File"] == files
    done = house.tells("play-file-member-done")
    assert (done["milliseconds"], done["samples"], done["Member-ID"]) == ("2400", "38400", "2")
    second.hears("muted", language="de").hears("2")
    first.hears_nothing_else()


def test_a_prompt_that_is_not_there_is_refused(house: House) -> None:
    house.joins("+49301").joins(ROOM)
    house.switch.hub.missing.add("gone")
    assert house.api(f"conference {ROOM} play /p/gone.wav 1") == "-ERR (play) File: /p/gone.wav not found.\n"
    assert house.api(f"conference {ROOM} play /p/gone.wav") == "-ERR (play) File: /p/gone.wav not found.\n"
    assert house.tells("play-file")["Error"] == "File could not be played"


def test_whoever_joins_stops_the_music_of_the_room(house: House) -> None:
    """conference_member.c:907: a room with a moh-sound stops its asynchronous file for every newcomer."""
    first, _ = house.joins("+49301").joins(ROOM), house.joins("+49302").joins(ROOM)
    assert house.api(f"conference {ROOM} play local_stream://moh async").startswith("+OK")
    assert house.tells("play-file")["Async"] == "true"
    first.hears_music()
    house.joins("+49303").joins(ROOM)
    assert house.tells("play-file-done")["File"] == "local_stream://moh"
    first.hears_no_music()
    assert house.api(f"conference {ROOM} stop async") == "+OK Stopped 0 files.\n"


def test_music_in_the_queue_survives_a_join_and_keeps_what_is_behind_it_waiting(house: House) -> None:
    first = house.joins("+49301").joins(ROOM).hears_music()
    assert house.api(f"conference {ROOM} play local_stream://moh").startswith("+OK")
    assert house.api(f"conference {ROOM} stop async") == "+OK Stopped 1 files.\n"
    second = house.joins("+49302").joins(ROOM).hears_music()
    house.api(f"conference {ROOM} play /p/de/later.wav")
    house.api(f"conference {ROOM} play /p/de/now.wav 1 nomux")
    first.hears("now").hears_music()
    assert house.api(f"conference {ROOM} stop current") == "+OK Stopped 1 files.\n"
    first.hears("later").hears_no_music()
    second.hears("later").hears_no_music()


def test_variables_of_a_room_are_in_its_events_and_in_its_description(house: House) -> None:
    house.joins("+49301").joins(ROOM)
    for command in ("cc_a one", "cc_b two", "cc_a three", "cc_c four", "cc_c"):
        assert house.api(f"conference {ROOM} setvar {command}") == "+OK\n"
    assert house.api(f"conference {ROOM} getvar cc_a") == "three"
    assert '"variables":{"cc_b":"two","cc_a":"three"}' in house.api("conference json_list compact")
    house.api(f"conference {ROOM} mute 1 quiet")
    told = house.tells("mute-member")
    assert (told["cc_a"], told["Speak"], "cc_c" in told) == ("three", "false", False)


def test_a_recording_is_a_member_without_a_call(house: House, tmp_path: Path) -> None:
    house.joins("+49301").joins(ROOM)
    path = tmp_path / "new" / "meeting.wav"
    assert house.api(f"conference {ROOM} record {path}") == f"+OK Record file {path}\n"
    assert house.tells("start-recording")["Path"] == str(path)
    assert house.api(f"conference {ROOM} record {path}").startswith("-ERR file [")
    listed = house.api("conference json_list compact")
    assert '"recording":true' in listed
    assert f'"type":"recording_node","record_path":"{path}"' in listed
    stopped = f"Stopped recording file {path}\n+OK Stopped recording 0 files\n"
    assert house.api(f"conference {ROOM} norecord {path}") == stopped
    told = house.tells("stop-recording")
    assert (told["Other-Recordings"], told["Record-File-Size"]) == ("false", str(path.stat().st_size))
    missing = f"-ERR non-existant recording '{path}'\n+OK Stopped recording 0 files\n"
    assert house.api(f"conference {ROOM} norecord {path}") == missing
    assert house.joins("+49302").joins(ROOM).session.variable("conference_member_id") == "3"


def test_a_recording_that_cannot_be_written_is_told_by_an_event_only(house: House) -> None:
    house.joins("+49301").joins(ROOM)
    assert house.api(f"conference {ROOM} record /proc/x.wav") == "+OK Record file /proc/x.wav\n"
    assert house.tells("start-recording")["Error"] == "File could not be opened for recording"
    assert house.tells("stop-recording")["Samples-Out"] == "0"


def test_a_room_takes_its_recording_and_its_music_along_when_it_ends(house: House, tmp_path: Path) -> None:
    guest = house.joins("+49301").joins(ROOM)
    house.api(f"conference {ROOM} record {tmp_path}/meeting.wav")
    guest.hangs_up()
    told = [house.link.event("CUSTOM")["Action"] for _ in range(9)]
    expected = ["floor-change", "del-member", "play-file-done", "stop-recording", "conference-destroy"]
    assert told[-5:] == expected


def test_keys_of_members_are_told_with_their_call(house: House) -> None:
    house.link.ask("event plain DTMF")
    guest = house.joins("+49301", variables="sensitive_dtmf=false;").joins(ROOM).presses("*6")
    keys = [house.link.event("DTMF", Unique_ID=guest.session.channel.uuid)["DTMF-Digit"] for _ in range(2)]
    assert keys == ["*", "6"]


def test_who_is_muted_or_waits_cannot_be_heard(house: House) -> None:
    guest = house.joins("+49301", "wait-mod").joins(ROOM).cannot_speak()
    house.joins("+49302", "moderator").joins(ROOM, moderator=True).can_speak()
    guest.can_speak()
    house.api(f"conference {ROOM} mute 1 quiet")
    guest.cannot_speak()
    house.joins("+49303", "mute").joins(ROOM).cannot_speak()


def test_a_member_sent_back_meets_a_daemon_again(house: House) -> None:
    guest = house.joins("+49301").joins(ROOM)
    uuid = guest.session.channel.uuid
    assert house.api(f"uuid_setvar {uuid} cc_farewell room-ended") == "+OK\n"
    assert house.api(f"uuid_transfer {uuid} back XML callcontrol") == "+OK\n"
    guest.leaves(ROOM)
    channel = house.daemon.call().connect()
    expected = ("room-ended", "again", "true")
    assert tuple(channel[f"variable_{name}"] for name in ("cc_farewell", "cc_next", "sensitive_dtmf")) == expected


def test_files_that_are_stopped_end_in_their_order(house: House) -> None:
    guest = house.joins("+49301").joins(ROOM)
    for file in ("local_stream://moh", "/p/a.wav", "/p/b.wav"):
        house.api(f"conference {ROOM} play {file}")
    assert house.api(f"conference {ROOM} stop all") == "+OK Stopped 4 files.\n"  # and the music of one who is alone
    ended = [house.tells("play-file-done")["File"] for _ in range(4)]
    assert ended == ["local_stream://moh", "/p/a.wav", "/p/b.wav", "local_stream://moh"]
    guest.hears_nothing_else()


@pytest.fixture
def slow_house() -> Iterator[House]:
    """A switch where media takes a fiftieth of its time."""
    house = House()
    house.switch.hub.pace = 0.02
    house.link.ask("event plain CUSTOM conference::maintenance")
    yield house
    house.switch.stop()
    house.daemon.stop()


def test_files_for_one_member_wait_for_one_another(slow_house: House) -> None:
    guest = slow_house.joins("+49301").joins(ROOM)
    slow_house.api(f"conference {ROOM} play local_stream://moh 1")
    for name in ("a", "b", "c"):
        slow_house.api(f"conference {ROOM} play /p/{name}.wav 1")
    guest.hears_nothing_else()
    assert slow_house.api(f"conference {ROOM} stop current 1") == "+OK Stopped 1 files.\n"
    guest.hears("a", "b", "c")
    ended = [slow_house.tells("play-file-member-done")["File"] for _ in range(4)]
    assert ended == ["local_stream://moh", "/p/a.wav", "/p/b.wav", "/p/c.wav"]
    slow_house.api(f"conference {ROOM} play local_stream://moh 1")
    slow_house.api(f"conference {ROOM} play /p/d.wav 1")
    assert slow_house.api(f"conference {ROOM} stop all 1") == "+OK Stopped 2 files.\n"
    slow_house.api(f"conference {ROOM} play /p/e.wav 1")
    guest.hears("e").hears_nothing_else()
