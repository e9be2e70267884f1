"""The daemon: starts whole or not at all, says when it should get calls, changes tenants under way, drains."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest

from callcontrol.config import Config, Smtp, Switch
from callcontrol.daemon import Daemon
from callcontrol.errors import ConfigError
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.state import sqlite_url
from callcontrol.switch.events import Event
from tests.mail_server import MailServer
from tests.mail_server import running as mail_server
from tests.patience import PATIENCE, until
from tests.ports import free_ports

HOME = Path(__file__).parent.parent
BOARD, LOBBY, LANGUAGES = "+493023125001", "+493023125002", "+493023125003"
TENANT = """
tenant: harbour
domain: harbour.example
region: DE
languages: [de]
numbers:
  "+49 30 23125001": {room: board}
  "+49 30 23125002": {room: lobby}
  "+49 30 23125003": {room: board, languages: [de, en, fr]}
rooms:
  board: {access: pin, pin: "48213", moderator_pin: "907155"}
  lobby: {access: open}
extensions:
  "33": {name: Clara, password: "long-enough-33-secret"}
"""


class House:
    """One switch, one state, and as many daemons as a test needs; ``commands`` is what the switch was asked to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands: list[str] = []
        (folder / "tenants").mkdir()
        self.write(TENANT)
        self.switch = RehearsalSwitch(("127.0.0.1", 0), prompts=PromptBook(HOME / "prompts"), password="of-the-house")
        obeyed = self.switch.hub.api

        def api(line: str) -> str:
            self.commands.append(line)
            return obeyed(line)

        self.switch.hub.api = api
        self.switch.start()
        self._daemons: list[Daemon] = []

    def write(self, text: str, name: str = "harbour") -> None:
        (self.folder / "tenants" / f"{name}.yaml").write_text(text)

    def config(self, **changed: object) -> Config:
        host, port = self.switch.link_address
        values: dict[str, object] = {
            "listen": ("127.0.0.1", 0),
            "http": ("127.0.0.1", 0),
            "switches": (Switch(name="near", host=host, port=port, password="of-the-house"),),
            "tenants": self.folder / "tenants",
            "state": self.folder / "state",
            "database": sqlite_url(self.folder / "state"),
            "prompts": HOME / "prompts",
            "directory": self.folder / "directory",
            "drain_seconds": 1,
        }
        return Config.model_validate(values | changed)

    def daemon(self, **changed: object) -> Daemon:
        """One that would answer; the switch's calls go to the newest."""
        daemon = Daemon(self.config(**changed), {})
        self._daemons.append(daemon)
        daemon.start()
        self.switch.hub.daemon = daemon.calls.address
        until(lambda: not daemon.reasons())
        return daemon

    def close(self) -> None:
        for daemon in self._daemons:
            daemon.stop()
            daemon.run()
        self.switch.stop()


def measured(daemon: Daemon) -> str:
    """What /metrics says."""
    return daemon.metrics.text().decode()


def changed(daemon: Daemon) -> Callable[[], bool]:
    """Whether other tenants are in force than now."""
    before = daemon.tenants.current
    return lambda: daemon.tenants.current is not before


@contextmanager
def draining(daemon: Daemon) -> Iterator[gevent.Greenlet[..., object]]:
    running = gevent.spawn(daemon.run)
    daemon.stop()
    until(lambda: not daemon.calls.listening)
    yield running
    running.join(timeout=PATIENCE)
    assert running.dead


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


# -- start ------------------------------------------------------------------------------------------------------------


def test_without_one_usable_tenant_file_it_does_not_start_and_tells_every_problem(house: House) -> None:
    house.write("tenant: harbour\nregion: XX\nnonsense: 1\n")
    daemon = Daemon(house.config(), {})
    with pytest.raises(ConfigError) as refusal:
        daemon.start()
    places = [str(problem).removeprefix(f"{house.folder}/tenants/")[:16] for problem in refusal.value.problems]
    assert places == ["harbour.yaml:2:9", "harbour.yaml:3:1"]
    assert not daemon.calls.listening
    daemon.stop()
    daemon.run()


def test_a_good_file_is_served_beside_a_broken_one(house: House) -> None:
    house.write("tenant: [", "other")
    daemon = house.daemon()
    assert house.switch.phone("+493055501000").calls(LOBBY).joins("harbour.lobby")
    assert 'callcontrol_tenant_problems{file="other.yaml"} 1.0' in measured(daemon)


def test_a_taken_address_is_told(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        daemon = Daemon(house.config(http=other.getsockname()), {})
        with pytest.raises(OSError, match="Address already in use"):
            daemon.start()
        assert not daemon.calls.listening
        daemon.stop()
        daemon.run()


# -- whether it should get calls --------------------------------------------------------------------------------------


def test_it_tells_why_it_should_get_no_calls(house: House) -> None:
    daemon = Daemon(house.config(), {})
    assert daemon.reasons() == ["not listening for calls", "no tenants are loaded", "no link to any switch"]
    daemon.stop()
    assert daemon.reasons()[0] == "draining"
    daemon.run()


def test_it_is_ready_as_soon_as_a_call_would_be_answered(house: House) -> None:
    daemon = house.daemon()
    assert daemon.reasons() == []
    house.switch.phone("+493055501000").calls(LOBBY).joins("harbour.lobby")


def test_a_lost_link_makes_it_unready_until_it_is_back(house: House) -> None:
    daemon = house.daemon()
    house.switch.phone("+493055501000").calls(LOBBY).joins("harbour.lobby")
    house.switch.drop_link()
    until(daemon.reasons)
    assert daemon.reasons() == ["no link to any switch"]
    assert 'callcontrol_link_up{switch="near"} 0.0' in measured(daemon)
    until(lambda: not daemon.reasons())
    assert 'callcontrol_link_up{switch="near"} 1.0' in measured(daemon)
    assert rooms(daemon) == {"harbour.lobby": (1, 0)}, "who was in a room is known again"


def rooms(daemon: Daemon) -> dict[str, tuple[int, int]]:
    """Name -> members and moderators, as `callcontrol status` shows them."""
    listed = daemon.status()["rooms"]
    assert isinstance(listed, list)
    return {room["room"]: (room["members"], room["moderators"]) for room in listed}


def test_its_status_names_switches_rooms_and_numbers(house: House) -> None:
    daemon = house.daemon()
    host = house.switch.phone("+493055501000").calls(BOARD).hears("enter-pin").presses("907155")
    host.joins("harbour.board", moderator=True)
    until(lambda: rooms(daemon) == {"harbour.board": (1, 1)})
    status = daemon.status()
    assert status["ready"] is True
    assert status["switches"] == [{"name": "near", "up": True, "reconnects": 0}]
    assert {"number": BOARD, "tenant": "harbour", "leads_to": ["board"]} in status["numbers"]  # type: ignore[operator]
    host.hangs_up()
    until(lambda: rooms(daemon) == {})


# -- tenants change ---------------------------------------------------------------------------------------------------


def test_a_saved_change_is_in_force_for_the_next_call_and_not_for_one_in_progress(house: House) -> None:
    daemon = house.daemon()
    early = house.switch.phone("+493055501001").calls(BOARD).hears("enter-pin")
    house.write(TENANT.replace("48213", "73106"))
    until(changed(daemon))
    late = house.switch.phone("+493055501002").calls(BOARD).hears("enter-pin")
    late.presses("48213#").hears("wrong-pin").presses("73106#").joins("harbour.board")
    early.presses("48213#").joins("harbour.board")


def test_a_broken_save_changes_nothing_for_callers_and_is_counted(house: House) -> None:
    daemon = house.daemon()
    problem = 'callcontrol_tenant_problems{file="harbour.yaml"} 1.0'
    house.write(TENANT.replace("moderator_pin", "moderater_pin"))
    until(lambda: problem in measured(daemon))
    house.switch.phone("+493055501000").calls(BOARD).hears("enter-pin").presses("48213").joins("harbour.board")
    house.write(TENANT)
    until(lambda: problem not in measured(daemon))


def test_the_extensions_are_written_and_freeswitch_is_told_when_they_change(house: House) -> None:
    daemon = house.daemon()
    until(lambda: "reloadxml" in house.commands)
    directory = house.folder / "directory" / "callcontrol-harbour.xml"
    before, times = directory.read_text(), house.commands.count("reloadxml")
    assert "long-enough-33-secret" not in before
    house.write(TENANT.replace("long-enough-33-secret", "another-secret-of-33"))
    until(lambda: house.commands.count("reloadxml") == times + 1)
    assert directory.read_text() != before
    house.write(TENANT.replace("long-enough-33-secret", "another-secret-of-33").replace("48213", "73106"))
    until(changed(daemon))
    assert house.commands.count("reloadxml") == times + 1, "a PIN is nothing FreeSWITCH reads"


# -- the end ----------------------------------------------------------------------------------------------------------


def test_draining_lets_a_conversation_end_by_itself(house: House) -> None:
    daemon = house.daemon(drain_seconds=600)
    guest = house.switch.phone("+493055501000").calls(BOARD).hears("enter-pin")
    with draining(daemon) as running:
        assert daemon.reasons() == ["draining", "not listening for calls"]
        assert not running.dead
        guest.presses("48213#").joins("harbour.board")


def test_draining_takes_no_new_call_which_hears_music_instead(house: House) -> None:
    daemon = house.daemon(drain_seconds=600)
    guest = house.switch.phone("+493055501000").calls(BOARD).hears("enter-pin")
    with draining(daemon):
        house.switch.phone("+493055501001").calls(BOARD).hears_music()
        guest.hangs_up()


def test_draining_does_not_wait_for_those_who_talk_in_a_room(house: House) -> None:
    daemon = house.daemon(drain_seconds=600)
    guest = house.switch.phone("+493055501000").calls(LOBBY).joins("harbour.lobby")
    until(lambda: not daemon.calls.live)
    with draining(daemon) as running:
        running.join(timeout=PATIENCE)
        assert running.dead
    assert guest.session is not None
    assert not guest.session.over


def test_a_conversation_that_does_not_end_is_left_after_the_time_for_draining(house: House) -> None:
    daemon = house.daemon(drain_seconds=1)
    house.switch.phone("+493055501000").calls(BOARD).hears("enter-pin")
    began = time.monotonic()
    with draining(daemon) as running:
        running.join(timeout=PATIENCE)
    assert running.dead
    assert time.monotonic() - began > 0.9


# -- several daemons --------------------------------------------------------------------------------------------------


def test_a_language_chosen_at_one_daemon_is_known_at_the_other(house: House) -> None:
    first, second = house.daemon(), house.daemon()
    house.switch.hub.daemon = first.calls.address
    guest = house.switch.phone("+493055501000").calls(LANGUAGES).hears("language-key-3").presses("3")
    guest.hears("enter-pin", language="fr").hangs_up()
    house.switch.hub.daemon = second.calls.address
    again = house.switch.phone("+493055501000").calls(LANGUAGES)
    again.hears("welcome").hears("enter-pin", language="fr").hangs_up()
    assert "language-key-1" not in [step.text for step in again.transcript.steps]


def test_wrong_pins_at_one_daemon_count_at_the_other(house: House) -> None:
    for daemon in (house.daemon(), house.daemon()):
        house.switch.hub.daemon = daemon.calls.address
        guest = house.switch.phone("+493055501000").calls(BOARD)
        guest.hears("enter-pin").presses("1111#").hears("wrong-pin").presses("2222#").hears("wrong-pin")
        guest.presses("3333#").is_hung_up("NORMAL_CLEARING")
    house.switch.phone("+493055501000").calls(BOARD).is_refused("CALL_REJECTED")


# -- mailboxes --------------------------------------------------------------------------------------------------------


def test_of_two_daemons_the_one_that_steers_the_switch_mails_a_message(house: House) -> None:
    house.write(TENANT.replace('33-secret"}', '33-secret", voicemail: {pin: "90714", email: clara@harbour.example}}'))
    recording = house.folder / "voicemail" / "message.wav"
    recording.parent.mkdir()
    recording.write_bytes(b"RIFF")
    told = {
        "Event-Name": "CUSTOM",
        "Event-Subclass": "vm::maintenance",
        "VM-Action": "leave-message",
        "VM-UUID": "4f1d2c1a-7c3e-4a31-9d4f-0d7c5d6e8f90",
        "VM-User": "33",
        "VM-Domain": "harbour.example",
        "VM-File-Path": str(recording),
    }
    with mail_server(MailServer()) as server:
        smtp = Smtp(url=f"smtp://127.0.0.1:{server.port}", sender="post@harbour.example", starttls=False)
        given = {"smtp": smtp, "voicemail": recording.parent}
        daemons = [house.daemon(listen=("127.0.0.1", port), **given) for port in free_ports(2)]
        boards = [daemon.switchboards[0] for daemon in daemons]
        until(lambda: [board.steward.lease.held for board in boards].count(True) == 1)
        for board in boards:
            board.on_event(Event(json.dumps(told).encode()))
        assert [daemon.post.pending for daemon in daemons].count(1) == 1
        until(lambda: not any(daemon.post.pending for daemon in daemons))
    assert len(server.mails) == 1
