"""dialplan/ and freeswitch-conf/: what a caller lives through while no daemon holds the call, and who is let in."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from callcontrol.directory import write_directory
from callcontrol.tenants import Extension, Tenant, Tenants
from tests.own_freeswitch import APOLOGY, MUSIC, PROMPT, REPOSITORY, Conversation, Daemon, Running, running
from tests.sip_caller import Caller

DIALPLAN = sorted((REPOSITORY / "dialplan").glob("*.xml"))
CONFIGURATION = sorted((REPOSITORY / "freeswitch-conf").rglob("*.xml"))
NUMBER = "+49308631"
PASSWORD = "not-for-33-only"

# ${...} that may stand in the dialplan: set by FreeSWITCH itself or by the dialplan, never by a caller
OURS = {"sofia_profile_name", "sip_authorized", "cc_next", "cc_music", "playback_ms", "cc_question", "cc_answer"}


def plays(daemon: Daemon, call: Conversation) -> None:
    """Answers and plays a prompt without end."""
    daemon.calls.append(call.connect())
    call.execute("set", "cc_next=again")
    call.execute("answer")
    call.execute("playback", f"tone_stream://%(1000,0,{PROMPT});loops=-1")
    call.stay()


def closes_at_once(daemon: Daemon, call: Conversation) -> None:
    daemon.calls.append({})
    call.close()


def says_nothing_more(daemon: Daemon, call: Conversation) -> None:
    daemon.calls.append(call.connect())
    call.close()


def lets_into_a_room(daemon: Daemon, call: Conversation) -> None:
    daemon.calls.append(call.connect())
    call.execute("answer")
    call.execute("multiset", "socket_resume=false cc_next=end")
    call.execute("conference", "acme.board@room")
    call.stay()


def lets_go_for_good(daemon: Daemon, call: Conversation) -> None:
    daemon.calls.append(call.connect())
    call.execute("answer")
    call.execute("set", "cc_next=end")
    call.execute("playback", "silence_stream://200")
    call.close()


def takes_keys(daemon: Daemon, call: Conversation) -> None:
    daemon.calls.append(call.connect())
    call.execute("answer")
    call.execute(
        "play_and_get_digits", f"5 5 1 9000 # tone_stream://%(9000,0,{PROMPT}) silence_stream://10 cc_keys '' 5000"
    )
    call.execute("playback", f"tone_stream://%(9000,0,{APOLOGY})")
    call.stay()


def refuses(daemon: Daemon, call: Conversation) -> None:
    daemon.calls.append(call.connect())
    call.hang_up("USER_BUSY")
    call.stay()


@pytest.mark.parametrize("path", [*DIALPLAN, *CONFIGURATION], ids=lambda path: path.name)
def test_every_file_is_xml(path: Path) -> None:
    ElementTree.parse(path)


def test_there_are_two_doors_and_one_safety_net() -> None:
    names = {context.get("name") for path in DIALPLAN for context in ElementTree.parse(path).iter("context")}
    assert names == {"trunk", "extensions", "callcontrol"}


@pytest.mark.parametrize("path", DIALPLAN, ids=lambda path: path.name)
def test_nothing_a_caller_wrote_is_expanded(path: Path) -> None:
    assert set(re.findall(r"(?<!\$)\$\{([^}]*)\}", path.read_text())) <= OURS


@pytest.mark.parametrize("door", ["trunk", "extensions"])
def test_no_call_is_parked_in_silence_because_resume_is_set_before_the_socket(door: str) -> None:
    actions = list(ElementTree.parse(REPOSITORY / "dialplan" / f"{door}.xml").iter("action"))
    applications = [action.get("application") for action in actions]
    assert applications == ["multiset", "socket", "transfer"]
    prepared = actions[0].get("data", "").split("|")
    assert {f"cc_door={door}", "cc_next=again", "socket_resume=true", "sensitive_dtmf=true", "max_forwards=70"} <= set(
        prepared
    )


def test_the_rounds_of_music_make_one_piece_of_thirty_seconds() -> None:
    text = (REPOSITORY / "dialplan" / "callcontrol.xml").read_text()
    rounds = re.findall(
        r'expression="\^(again[-0-9]*)\$">\s*<action [^>]*data="cc_next=(again-\d+) cc_music=(\d+)"', text
    )
    assert [here for here, _, _ in rounds] == ["again", *(f"again-{second}" for second in range(2, 30, 2))]
    assert [after for _, after, _ in rounds] == [f"again-{second}" for second in range(2, 32, 2)]
    assert [int(sample) for _, _, sample in rounds] == [16000 * second for second in range(0, 30, 2)]


def test_every_value_from_the_environment_has_a_default_but_the_carrier_nobody_named() -> None:
    text = (REPOSITORY / "freeswitch-conf" / "callcontrol" / "vars.xml").read_text()
    defaults = re.findall(r'cmd="set" data="(\w+)=[^"]', text)
    overrides = re.findall(r'cmd="env-set" data="(\w+)=\$(\w+)"', text)
    computed = {"callcontrol_esl_password", "callcontrol_carrier_file"}
    absent = {f"callcontrol_carrier_{name}" for name in ("proxy", "user", "password")}
    assert [name for name, _ in overrides if name not in absent] == [name for name in defaults if name not in computed]
    assert all(variable == name.upper() for name, variable in overrides)
    used = {name for path in [*DIALPLAN, *CONFIGURATION] for name in re.findall(r"\$\$\{(\w+)\}", path.read_text())}
    assert used - {"conf_dir", "db_dir", "log_dir"} == set(defaults) | absent


def test_the_event_socket_is_on_loopback_and_has_no_well_known_password() -> None:
    text = "".join(path.read_text() for path in CONFIGURATION)
    settings = {param.get("name"): param.get("value") for param in _params("autoload_configs/event_socket.conf.xml")}
    assert "ClueCon" not in text
    assert settings["listen-ip"] == "127.0.0.1"
    assert settings["apply-inbound-acl"] == "loopback.auto"


def test_the_extensions_door_lets_nobody_in_without_a_digest() -> None:
    settings = {param.get("name"): param.get("value") for param in _params("sip_profiles/extensions.xml")}
    wanted = {"auth-calls": "true", "allow-empty-password": "false", "accept-blind-auth": "false"}
    assert wanted.items() <= settings.items()
    assert "apply-inbound-acl" not in settings


def test_telephones_watch_each_other_only_where_the_operator_wants_it_and_never_without_an_account() -> None:
    text = (REPOSITORY / "freeswitch-conf" / "callcontrol" / "vars.xml").read_text()
    assert 'data="callcontrol_presence=false"' in text
    extensions = {param.get("name"): param.get("value") for param in _params("sip_profiles/extensions.xml")}
    assert extensions["manage-presence"] == "$${callcontrol_presence}"
    assert extensions["auth-subscriptions"] == extensions["auth-messages"] == "true"
    trunk = {param.get("name"): param.get("value") for param in _params("sip_profiles/trunk.xml")}
    assert trunk["manage-presence"] == "false"
    assert not any(param.get("name") == "manage-presence" for param in _params("callcontrol/door.xml"))


def _params(path: str) -> Iterator[ElementTree.Element]:
    return ElementTree.parse(REPOSITORY / "freeswitch-conf" / path).iter("param")


# --- on a real FreeSWITCH --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("dialplan")
    clara = Extension.model_construct(number="33", name="Clara Schmidt", password=SecretStr(PASSWORD))
    acme = Tenant.model_construct(id="acme", domain="acme.example", region="DE", numbers={}, extensions={"33": clara})
    write_directory(folder / "directory", Tenants.of([acme]))
    with running(folder) as started:
        yield started


@pytest.mark.freeswitch
def test_without_a_daemon_a_caller_hears_music_then_an_apology_and_the_carrier_may_try_elsewhere(
    switch: Running,
) -> None:
    with Caller(switch.trunk, NUMBER) as caller:
        began = time.monotonic()
        assert caller.dial().hears(MUSIC) - began < 1
        sorry = caller.hears(APOLOGY, seconds=40)
        assert 29 < sorry - began < 34
        assert caller.final() == 503
        assert caller.reason.startswith("Q.850;cause=41")
        music = [tone for heard, tone in caller.heard if heard < sorry]
        assert music.count(MUSIC) > 0.98 * len(music)
        assert not caller.answered


@pytest.mark.freeswitch
@pytest.mark.parametrize("story", [closes_at_once, says_nothing_more])
def test_a_daemon_that_takes_a_call_and_drops_it_leaves_no_silence(switch: Running, story: object) -> None:
    with Daemon(switch.daemon, story) as daemon, Caller(switch.trunk, NUMBER) as caller:  # type: ignore[arg-type]
        caller.dial()
        daemon.took(1)
        daemon.took(2)
        caller.hears(MUSIC, since=time.monotonic(), seconds=1)


@pytest.mark.freeswitch
def test_a_daemon_killed_in_the_middle_of_a_prompt_is_music_within_a_second_and_the_next_one_takes_over(
    switch: Running,
) -> None:
    with Caller(switch.trunk, NUMBER) as caller:
        with Daemon(switch.daemon, plays):
            caller.dial().hears(PROMPT)
        killed = time.monotonic()
        assert caller.hears(MUSIC, since=killed) - killed < 1
        with Daemon(switch.daemon, plays) as successor:
            caller.hears(PROMPT, since=killed)
            data = successor.took(1)
    assert data["variable_cc_door"] == "trunk"
    assert data["variable_cc_dialled"] == "%2B49308631"
    assert data["variable_socket_resume"] == "true"


@pytest.mark.freeswitch
def test_who_talks_in_a_room_stays_there_when_the_daemon_dies(switch: Running) -> None:
    with Caller(switch.trunk, NUMBER) as caller:
        with Daemon(switch.daemon, lets_into_a_room):
            caller.dial().hears(MUSIC)  # of the room: nobody else is there
        for _ in range(3):
            caller.hears(MUSIC, since=time.monotonic() + 0.5)
        assert not caller.ended


@pytest.mark.freeswitch
def test_a_call_the_daemon_has_finished_with_ends(switch: Running) -> None:
    with Daemon(switch.daemon, lets_go_for_good), Caller(switch.trunk, NUMBER) as caller:
        caller.dial().until(lambda: caller.ended, 5)
        assert caller.reason.startswith("Q.850;cause=16")


@pytest.mark.freeswitch
@pytest.mark.parametrize(
    ("number", "headers"),
    [
        (f"{NUMBER};cc_door=extensions;cc_dialled=7;sip_authorized=true;gw=carrier", ""),
        (NUMBER, "X-cc_door: extensions\r\ncc_dialled: 7\r\nvariable_cc_door: extensions\r\nMax-Forwards: 1\r\n"),
        (NUMBER, "X-FS-Auth-ID: 33\r\nP-Asserted-Identity: <sip:33@acme.example>\r\nX-FS-Channel-Name: cc_door\r\n"),
    ],
    ids=["parameters", "headers", "identity"],
)
def test_a_caller_cannot_pretend_to_come_through_the_other_door(switch: Running, number: str, headers: str) -> None:
    with Daemon(switch.daemon, refuses) as daemon, Caller(switch.trunk, number, headers=headers) as caller:
        assert caller.dial().final() == 486
        data = daemon.took(1)
    assert (data["variable_cc_door"], data["variable_cc_dialled"]) == ("trunk", "%2B49308631")
    assert data["variable_max_forwards"] == "70"
    assert "variable_sip_authorized" not in data
    assert "variable_user_name" not in data


@pytest.mark.freeswitch
@pytest.mark.parametrize("number", ["%24%7bsystem(id)%7d", "a'b", "1%0A2", "%5e%5e%7ccc_door=extensions", "1" * 65])
def test_a_number_that_is_none_never_reaches_the_daemon(switch: Running, number: str) -> None:
    with Daemon(switch.daemon, refuses) as daemon, Caller(switch.trunk, number) as caller:
        assert caller.dial().final() == 484
        assert not daemon.calls


@pytest.mark.freeswitch
def test_the_trunk_takes_calls_from_the_listed_addresses_only(switch: Running) -> None:
    with Daemon(switch.daemon, refuses) as daemon, Caller(switch.trunk, NUMBER, address="127.0.0.2") as stranger:
        assert stranger.dial().final() == 403
        assert not daemon.calls


@pytest.mark.freeswitch
def test_the_daemon_is_told_which_extension_calls(switch: Running) -> None:
    with (
        Daemon(switch.daemon, refuses) as daemon,
        Caller(switch.extensions, "*10", user="33", domain="acme.example", password=PASSWORD) as clara,
    ):
        assert clara.dial().final() == 486
        data = daemon.took(1)
    told = {
        name: data[f"variable_{name}"] for name in ("cc_door", "cc_dialled", "user_name", "domain_name", "cc_tenant")
    }
    assert told == {
        "cc_door": "extensions",
        "cc_dialled": "*10",
        "user_name": "33",
        "domain_name": "acme.example",
        "cc_tenant": "acme",
    }


@pytest.mark.freeswitch
@pytest.mark.parametrize(("password", "status"), [(None, 407), ("", 403), ("guessed", 403)])
def test_an_extension_without_its_password_calls_nobody(switch: Running, password: str | None, status: int) -> None:
    with (
        Daemon(switch.daemon, refuses) as daemon,
        Caller(switch.extensions, "34", user="33", domain="acme.example", password=password) as stranger,
    ):
        assert stranger.dial().final() == status
        assert not daemon.calls


@pytest.mark.freeswitch
def test_a_telephone_cannot_move_its_call_past_the_daemon(switch: Running) -> None:
    with Daemon(switch.daemon, plays), Caller(switch.trunk, NUMBER) as caller:
        caller.dial().hears(PROMPT)
        assert caller.refer("9999") == 405
        caller.hears(PROMPT, since=time.monotonic())


@pytest.mark.freeswitch
def test_keys_are_heard_by_the_daemon_and_stand_in_no_log_nor_record(switch: Running) -> None:
    with Caller(switch.trunk, NUMBER) as caller:
        with Daemon(switch.daemon, takes_keys):
            caller.dial().hears(PROMPT)
            caller.press("90715")
            caller.hears(APOLOGY, since=time.monotonic(), seconds=2)  # the fifth key ends the question at once
        caller.hears(MUSIC)  # the daemon is gone and has not said that it has read them
        (channel,) = switch.events.channels()
    record = switch.folder / "freeswitch" / "log" / "cdr" / f"{channel['uuid']}.cdr.json"
    caller.until(lambda: record.exists() and record.read_bytes().endswith(b"\n"), 5)
    assert b"90715" not in record.read_bytes()
    assert "90715" not in switch.log()
    assert "DTMF" not in switch.log()
