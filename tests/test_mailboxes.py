"""Messages of mailboxes are mailed: whole, once, to the owner, however long the mail server takes."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import gevent
import pytest
from structlog.testing import capture_logs

from callcontrol import mailboxes
from callcontrol.config import Smtp
from callcontrol.errors import SwitchLost, SwitchRefused
from callcontrol.mailboxes import LARGEST, MailboxPost, Storage
from callcontrol.state import Database, sqlite_url
from callcontrol.state.mailed import MailedMessages
from callcontrol.switch.events import Event
from callcontrol.tenants import Tenants, load_folder
from tests.mail_server import MailServer, running, stalling
from tests.patience import until

SEEN = "/srv/voicemail"
NOW = 1_795_400_000.0
TENANT = """
tenant: acme
name: Acme GmbH
domain: acme.example
region: DE
timezone: Europe/Berlin
languages: [{language}]
extensions:
  "33": {{name: Clara, password: long-enough-33-secret, voicemail: {{pin: "90714", email: clara@acme.example}}}}
  "34":
    name: Bert
    password: long-enough-34-secret
    voicemail: {{pin: "61825", email: bert@acme.example, delete_after_email: true}}
  "35": {{name: Dora, password: long-enough-35-secret, voicemail: {{pin: "83371"}}}}
"""


class Office:
    """A folder of mailboxes, and what the switch was asked."""

    def __init__(self, folder: Path, language: str = "en") -> None:
        (folder / "tenants").mkdir()
        (folder / "tenants" / "acme.yaml").write_text(TENANT.format(language=language))
        self.tenants, problems = load_folder(folder / "tenants", {})
        assert not problems
        self.folder = folder / "voicemail"
        self.database = Database(sqlite_url(folder / "state"))
        self.listed: dict[str, str] = {}
        self.asked: list[str] = []

    def post(self, port: int, *, pauses: tuple[float, ...] = (), storage: bool = True) -> MailboxPost:
        smtp = Smtp(url=f"smtp://127.0.0.1:{port}", sender="post@acme.example", starttls=False)
        where = Storage(self.folder, SEEN) if storage else None
        return MailboxPost(self._current, smtp, where, MailedMessages(self.database), lambda: NOW, pauses=pauses)

    def message(self, extension: str = "33", *, sound: bytes = b"RIFF....WAVE", **changed: str) -> Event:
        """What FreeSWITCH tells of a message, whose recording is in the folder."""
        path = self.folder / "acme.example" / extension / "msg_1.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sound)
        values = {
            "Event-Name": "CUSTOM",
            "Event-Subclass": "vm::maintenance",
            "VM-Action": "leave-message",
            "VM-User": extension,
            "VM-Domain": "acme.example",
            "VM-Caller-ID-Number": "030555123",
            "VM-Caller-ID-Name": "Mallory\r\nBcc: all@acme.example",
            "VM-File-Path": f"{SEEN}/acme.example/{extension}/msg_1.wav",
            "VM-UUID": "0b7a-77",
            "VM-Message-Len": "12",
            "VM-Timestamp": "1795339800",
            "variable_cc_door": "trunk",
        }
        return Event(json.dumps(values | changed).encode())

    def ask(self, command: str) -> str:
        if command.startswith("vm_list "):
            if (account := command.removeprefix("vm_list ")) not in self.listed:
                raise SwitchRefused("-ERR no reply")  # what FreeSWITCH says of a mailbox without messages
            return self.listed[account]
        self.asked.append(command)
        return "+OK"

    def keeps(self, extension: str, *, ago: float = 60.0, read: int = 0, caller: str = "Ann:030555123") -> str:
        """A message that FreeSWITCH has in a mailbox, as it lists it; its uuid."""
        uuid = str(uuid4())
        path = self.folder / "acme.example" / extension / f"msg_{uuid}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF....WAVE")
        seen = f"{SEEN}/acme.example/{extension}/{path.name}"
        line = f"{int(NOW - ago)}:{read}:{extension}:acme.example:inbox:{seen}:{uuid}:{caller}:12\n"
        account = f"{extension}@acme.example"
        self.listed[account] = self.listed.get(account, "") + line
        return uuid

    def _current(self) -> Tenants:
        return self.tenants


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.database.close()


def deliver(post: MailboxPost, event: Event, ask: Callable[[str], str]) -> None:
    """Take the event and wait until it is done with."""
    post.take_event("local", event, ask)
    until(lambda: not post.pending)


def test_the_owner_is_mailed_the_recording_with_who_spoke_and_when(office: Office) -> None:
    with running(MailServer()) as server:
        deliver(office.post(server.port), office.message(), office.ask)
    ((sender, to, mail),) = server.mails
    assert (sender, to) == ("post@acme.example", ["clara@acme.example"])
    assert mail["Subject"] == "New voice message from +4930555123"
    assert "Bcc" not in mail
    (recording,) = mail.iter_attachments()
    assert (recording.get_content_type(), recording.get_filename()) == ("audio/wav", "message.wav")
    assert recording.get_content() == b"RIFF....WAVE"
    text = mail.get_body(("plain",)).get_content()
    assert "For: 33 Clara" in text
    assert "On: 2026-11-22, 10:30 (Europe/Berlin)" in text
    assert "Length: 12 s" in text
    assert office.asked == []


def test_a_message_is_deleted_once_the_mail_was_taken_where_the_owner_wants_that(office: Office) -> None:
    with running(MailServer()) as server:
        deliver(office.post(server.port), office.message("34"), office.ask)
    assert office.asked == ["vm_delete 34@acme.example 0b7a-77"]


def test_a_message_nobody_took_is_not_deleted(office: Office) -> None:
    with running(MailServer("550 no such user")) as server:
        deliver(office.post(server.port, pauses=(0.01,)), office.message("34"), office.ask)
    assert office.asked == []


def test_a_mail_server_that_was_away_gets_the_mail_later(office: Office) -> None:
    with running(MailServer("451 come back later")) as server:
        post = office.post(server.port, pauses=(0.01,) * 10_000)
        post.take_event("local", office.message(), office.ask)
        until(lambda: server.refused > 1)
        assert post.pending
        server.refuse = ""
        until(lambda: not post.pending)
    assert len(server.mails) == 1


def test_a_mail_that_is_tried_again_is_known_as_the_same(office: Office) -> None:
    with running(MailServer()) as server:
        deliver(office.post(server.port), office.message(), office.ask)
        deliver(office.post(server.port), office.message(), office.ask)
    assert {mail["Message-ID"] for _, _, mail in server.mails} == {"<0b7a-77@acme.example>"}


def test_a_message_that_its_owner_deleted_meanwhile_is_not_mailed(office: Office) -> None:
    with running(MailServer("451 come back later")) as server:
        post = office.post(server.port, pauses=(0.01,) * 100_000)
        post.take_event("local", office.message(), office.ask)
        until(lambda: server.refused)
        (office.folder / "acme.example" / "33" / "msg_1.wav").unlink()
        until(lambda: not post.pending)
    assert not server.mails


def test_a_mail_server_that_falls_silent_gets_the_mail_at_the_next_try(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "SENDING", 0.2)
    with stalling(b"MAIL") as (port, heard):
        post = office.post(port, pauses=(0.01,) * 100_000)
        post.take_event("local", office.message(), office.ask)
        until(lambda: heard.count(b"MAIL") > 1)
        post.stop()
        until(lambda: not post.pending)


def test_of_many_messages_a_few_are_under_way_at_once(office: Office) -> None:
    """A mail server that hangs must not fill the memory with recordings."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        post = office.post(listening.getsockname()[1])
        for number in range(12):
            post.take_event("local", office.message(**{"VM-UUID": f"0b7a-{number}"}), office.ask)
        listening.setblocking(False)
        came: list[socket.socket] = []

        def all_came() -> bool:
            with suppress(BlockingIOError):
                while True:
                    came.append(listening.accept()[0])
            return len(came) >= mailboxes.AT_ONCE

        until(all_came)
        gevent.sleep(0.1)
        all_came()
        assert (len(came), post.pending) == (mailboxes.AT_ONCE, 12)
        for connection in came:
            connection.close()


def test_a_daemon_that_ends_does_not_wait_for_the_mail_server(office: Office) -> None:
    with running(MailServer("451 come back later")) as server:
        post = office.post(server.port, pauses=(3600.0,))
        post.take_event("local", office.message(), office.ask)
        until(lambda: server.refused)
        post.stop()
        until(lambda: not post.pending)


def test_a_switch_that_does_not_delete_is_no_reason_to_mail_again(office: Office) -> None:
    def refuses(_: str) -> str:
        raise SwitchRefused("-ERR no")

    with running(MailServer()) as server:
        deliver(office.post(server.port), office.message("34"), refuses)
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"VM-Action": "mwi-update"},
        {"Event-Subclass": "conference::maintenance"},
        {"VM-User": "35"},
        {"VM-User": "99"},
        {"VM-Domain": "globex.example"},
        {"VM-File-Path": "/etc/passwd"},
        {"VM-File-Path": f"{SEEN}/../../etc/passwd"},
        {"VM-File-Path": f"{SEEN}/acme.example/33/missing.wav"},
        {"VM-File-Path": ""},
    ],
)
def test_what_is_no_message_to_be_mailed_is_not_mailed(office: Office, changed: dict[str, str]) -> None:
    with running(MailServer()) as server:
        deliver(office.post(server.port), office.message(**changed), office.ask)
    assert not server.mails


def test_a_recording_that_is_too_large_stays_in_the_mailbox(office: Office) -> None:
    with running(MailServer()) as server:
        deliver(office.post(server.port), office.message("34", sound=bytes(LARGEST + 1)), office.ask)
    assert not server.mails
    assert office.asked == []


def test_without_the_folder_nothing_is_mailed(office: Office) -> None:
    with running(MailServer()) as server:
        deliver(office.post(server.port, storage=False), office.message(), office.ask)
    assert not server.mails


@pytest.mark.parametrize(
    ("changed", "who"),
    [
        ({"VM-Caller-ID-Number": "anonymous"}, "an unknown caller"),
        ({"VM-Caller-ID-Number": "34"}, "an unknown caller"),  # a stranger is not Bert
        (
            {"variable_cc_door": "extensions", "variable_user_name": "34", "variable_domain_name": "acme.example"},
            "34 Bert",
        ),
        (
            {"variable_cc_door": "extensions", "variable_user_name": "34", "variable_domain_name": "globex.example"},
            "+4930555123",
        ),
    ],
)
def test_a_colleague_is_named_only_when_it_is_one(office: Office, changed: dict[str, str], who: str) -> None:
    with running(MailServer()) as server:
        deliver(office.post(server.port), office.message(**changed), office.ask)
    assert server.mails[0][2]["Subject"] == f"New voice message from {who}"


@pytest.mark.parametrize(("language", "subject"), [("de", "Neue Nachricht von +49"), ("fr", "Nouveau message de +49")])
def test_the_mail_is_in_the_tenants_language(tmp_path: Path, language: str, subject: str) -> None:
    office = Office(tmp_path, language)
    with running(MailServer()) as server:
        deliver(office.post(server.port), office.message(), office.ask)
    mail = server.mails[0][2]
    assert mail["Subject"].startswith(subject)
    assert mail["Content-Language"] == language


# -- messages that were left while no daemon was there -----------------------------------------------------------------


def catch_up(office: Office, post: MailboxPost) -> None:
    """A daemon begins to steer the switch; wait until it is done with what it finds."""
    post._catch_up(post._smtp, post._storage, "local", office.ask)  # type: ignore[arg-type]
    until(lambda: not post.pending)


def test_a_message_left_while_no_daemon_was_there_is_mailed_once(office: Office) -> None:
    left = office.keeps("33")
    with running(MailServer()) as server:
        catch_up(office, office.post(server.port))
        catch_up(office, office.post(server.port))
    ((_, to, mail),) = server.mails
    assert (to, mail["Subject"]) == (["clara@acme.example"], "New voice message from +4930555123")
    assert mail["Message-ID"] == f"<{left}@acme.example>"


def test_a_message_that_was_mailed_before_the_restart_is_not_mailed_again(office: Office) -> None:
    left = office.keeps("33")
    event = office.message(**{"VM-UUID": left})
    with running(MailServer()) as server:
        deliver(office.post(server.port), event, office.ask)
        catch_up(office, office.post(server.port))
    assert len(server.mails) == 1


def test_an_earlier_message_is_deleted_once_it_was_mailed_where_the_owner_wants_that(office: Office) -> None:
    left = office.keeps("34")
    with running(MailServer()) as server:
        catch_up(office, office.post(server.port))
    assert office.asked == [f"vm_delete 34@acme.example {left}"]


def test_what_the_owner_has_heard_or_is_old_or_is_nobodys_is_not_mailed(office: Office) -> None:
    office.keeps("33", read=1_795_399_000)
    office.keeps("33", ago=8 * 86400.0)
    office.keeps("35")
    with running(MailServer()) as server:
        catch_up(office, office.post(server.port))
    assert not server.mails


@pytest.mark.parametrize(
    "caller",
    [
        "Mallory:x:\n1795399999:0:33:acme.example:inbox:/srv/voicemail/acme.example/34/msg_1.wav:{0}:a:1",
        "Mallory:x:\n1795399999:0:33:acme.example:inbox:/etc/passwd:{0}:a:1",
        "Mallory:x:\nno line at all",
    ],
)
def test_a_caller_whose_name_looks_like_a_line_of_the_list_brings_nobody_elses_recording(
    office: Office, caller: str
) -> None:
    (office.folder / "acme.example" / "34").mkdir(parents=True)
    (office.folder / "acme.example" / "34" / "msg_1.wav").write_bytes(b"secret")
    office.keeps("33", caller=caller.format(uuid4()))
    with running(MailServer()) as server:
        catch_up(office, office.post(server.port))
    sounds = [part.get_content() for _, _, mail in server.mails for part in mail.iter_attachments()]
    assert b"secret" not in sounds


def test_an_event_told_twice_is_mailed_once(office: Office) -> None:
    with running(MailServer("451 come back later")) as server:
        post = office.post(server.port, pauses=(0.01,) * 100_000)
        post.take_event("local", office.message(), office.ask)
        post.take_event("local", office.message(), office.ask)
        assert post.pending == 1
        server.refuse = ""
        until(lambda: not post.pending)
    assert len(server.mails) == 1


@pytest.mark.parametrize("uuid", ["", "a b", "x" * 65, "<x>"])
def test_what_is_no_message_of_the_switch_is_not_mailed(office: Office, uuid: str) -> None:
    with running(MailServer()) as server:
        deliver(office.post(server.port), office.message(**{"VM-UUID": uuid}), office.ask)
    assert not server.mails


def test_a_name_with_colons_changes_nothing(office: Office) -> None:
    office.keeps("33", caller="a:b::c:030555123")
    with running(MailServer()) as server:
        catch_up(office, office.post(server.port))
    assert [mail["Subject"] for _, _, mail in server.mails] == ["New voice message from +4930555123"]


def test_a_switch_that_is_lost_while_it_is_asked_is_told_in_the_log(office: Office) -> None:
    def lost(command: str) -> str:
        raise SwitchLost("no connection")

    with running(MailServer()) as server, capture_logs() as logs:
        post = office.post(server.port)
        post._catch_up(post._smtp, post._storage, "local", lost)  # type: ignore[arg-type]
    assert [line["event"] for line in logs] == ["cannot look for earlier messages"]
