"""An administrator prints, files and mails an invitation; its PIN stays with whoever may see it."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gevent import subprocess
from icalendar import Calendar

from callcontrol.cli import main
from tests.mail_server import MailServer, running
from tests.patience import PATIENCE

START = datetime.now(UTC) + timedelta(days=3)
TENANT = f"""
tenant: acme
name: Acme GmbH
region: DE
timezone: Europe/Berlin
languages: [de, en]
numbers: {{"+49 30 8631": {{rooms: [board, standup], languages: [de]}}}}
rooms:
  board: {{access: pin, pin: "48213", moderator_pin: "907155"}}
  standup:
    access: pin
    pin: "73950"
    owner: clara@acme.example
    schedule: {{start: "{START:%Y-%m-%d} 10:00", duration: 30, repeat: daily}}
"""


class Office:
    """A folder with a configuration and a tenant, in which the commands are typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tenants").mkdir()
        (folder / "tenants" / "acme.yaml").write_text(TENANT)
        self.configure("")

    def configure(self, text: str) -> None:
        (self.folder / "callcontrol.yaml").write_text(text)

    def types(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["invite", *words])


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.chdir(tmp_path)
    return Office(tmp_path)


def entry(file: Path) -> Calendar:
    return Calendar.from_ical(file.read_bytes())


def test_the_text_is_printed_and_the_entry_written_for_our_eyes_only(office: Office) -> None:
    umask = os.umask(0)
    told = office.types("acme/standup")
    os.umask(umask)
    assert told.exit_code == 0
    assert told.stdout.startswith("Telefonkonferenz standup (Acme GmbH)\n")
    assert "PIN: 73950#" in told.stdout
    assert told.stderr == "calendar entry: standup.ics\n"
    assert (office.folder / "standup.ics").stat().st_mode & 0o777 == 0o600
    assert [str(event["UID"]) for event in entry(office.folder / "standup.ics").walk("VEVENT")] == [
        "acme.standup@callcontrol.invalid"
    ]
    assert sorted(os.listdir(office.folder)) == ["callcontrol.yaml", "standup.ics", "tenants"]


def test_an_entry_is_replaced_only_when_that_is_meant(office: Office) -> None:
    (office.folder / "standup.ics").write_text("mine")
    told = office.types("acme/standup")
    assert (told.exit_code, told.stdout) == (1, "")
    assert "standup.ics exists already (--force replaces it, --output names another)" in told.stderr
    assert (office.folder / "standup.ics").read_text() == "mine"
    assert office.types("acme/standup", "--output", "other.ics").exit_code == 0
    assert office.types("acme/standup", "--force").exit_code == 0
    assert (office.folder / "standup.ics").read_bytes().startswith(b"BEGIN:VCALENDAR")
    assert (office.folder / "standup.ics").stat().st_mode & 0o777 == 0o600


def test_a_link_in_the_way_is_not_followed(office: Office) -> None:
    (office.folder / "victim").write_text("mine")
    (office.folder / "standup.ics").symlink_to("victim")
    assert office.types("acme/standup").exit_code == 1
    assert office.types("acme/standup", "--force").exit_code == 0
    assert (office.folder / "victim").read_text() == "mine"


def test_a_room_that_is_always_open_has_an_entry_only_for_a_date(office: Office) -> None:
    told = office.types("acme/board", "--lang", "en")
    assert (told.exit_code, told.stderr) == (0, "")
    assert not (office.folder / "board.ics").exists()
    day = f"{START:%Y-%m-%d}"
    told = office.types("acme/board", "--lang", "en", "--at", f"{day} 16:00", "--minutes", "45")
    assert told.exit_code == 0
    [event] = entry(office.folder / "board.ics").walk("VEVENT")
    assert (event["DTSTART"].to_ical(), event["DTEND"].to_ical()) == (
        f"{START:%Y%m%d}T160000".encode(),
        f"{START:%Y%m%d}T164500".encode(),
    )


def test_the_moderators_pin_is_told_to_moderators_only(office: Office) -> None:
    assert "907155" not in office.types("acme/board").output
    assert "907155" in office.types("acme/board", "--moderator").output


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("acme",), 2, "name the room as TENANT/ROOM, such as acme/board"),
        (("acne/board",), 2, "no tenant is called 'acne' (did you mean 'acme'?)"),
        (("acme/bord",), 2, "no room is called 'bord' (did you mean 'board'?)"),
        (("acme/board", "--lang", "es"), 2, "'es' is not one of 'de', 'en', 'fr'"),
        (("acme/board", "--at", "2020-01-01 10:00"), 2, "--at: 2020-01-01 10:00 (Europe/Berlin) is over"),
        (("acme/standup", "--at", "2120-01-01 10:00"), 2, "has a schedule and is closed outside it"),
        (("acme/board", "--at", "tomorrow"), 2, "does not match the format"),
        (("acme/board", "--minutes", "30"), 2, "--minutes is for a date: give --at, too"),
        (("acme/board", "--output", "x.ics"), 1, 'a calendar entry needs a date (--at "2026-12-01 10:00")'),
        (("acme/standup", "--moderator"), 1, "acme/standup has no moderator_pin"),
        (("acme/standup", "--send"), 2, "no mail server is configured (smtp: in callcontrol.yaml)"),
        (("acme/standup", "--output", "none/x.ics"), 1, "No such file or directory"),
        (("acme/standup", "--config", "none.yaml"), 2, "none.yaml:1:1: cannot be read"),
    ],
)
def test_what_cannot_be_done_says_why_and_writes_nothing(
    office: Office, words: tuple[str, ...], status: int, says: str
) -> None:
    told = office.types(*words)
    assert told.exit_code == status
    assert says in told.output
    assert "Traceback" not in told.output
    assert sorted(os.listdir(office.folder)) == ["callcontrol.yaml", "tenants"]


def test_sending_needs_an_owner(office: Office) -> None:
    office.configure("smtp: {url: smtp://127.0.0.1:25, sender: rooms@acme.example, starttls: false}\n")
    assert "--send: room 'board' has no owner: (an e-mail address)" in office.types("acme/board", "--send").output


def test_the_owner_is_mailed_what_is_printed(office: Office) -> None:
    with running(MailServer()) as server:
        office.configure(
            f"smtp: {{url: 'smtp://127.0.0.1:{server.port}', sender: rooms@acme.example, starttls: false}}\n"
        )
        told = office.types("acme/standup", "--send")
    assert told.exit_code == 0, told.output
    assert told.stderr == "calendar entry: standup.ics\nsent to clara@acme.example\n"
    [(sender, recipients, mail)] = server.mails
    assert (sender, recipients) == ("rooms@acme.example", ["clara@acme.example"])
    body, attachment = mail.iter_parts()
    assert body.get_content().replace("\r\n", "\n") == told.stdout  # type: ignore[attr-defined]
    assert attachment.get_payload(decode=True) == (office.folder / "standup.ics").read_bytes()


def test_a_mail_that_nobody_took_is_an_error(office: Office) -> None:
    office.configure("smtp: {url: 'smtp://127.0.0.1:1', sender: rooms@acme.example, starttls: false}\n")
    told = office.types("acme/standup", "--send")
    assert told.exit_code == 1
    assert told.stderr.endswith("callcontrol: the mail server 127.0.0.1:1 did not take the mail: Connection refused\n")


def test_the_password_of_the_mail_server_is_in_no_process_list(office: Office) -> None:
    """It comes from the environment or a file; what was typed is all that ps shows."""
    with running(MailServer(refuse="550 no")) as server:
        office.configure(
            f"smtp: {{url: 'smtp://rooms:${{MAIL_PASSWORD}}@127.0.0.1:{server.port}', sender: rooms@acme.example, "
            "starttls: false}\n"
        )
        command = [sys.executable, "-m", "callcontrol", "invite", "acme/standup", "--send"]
        environ = {**os.environ, "MAIL_PASSWORD": "hunter2", "PYTHONPATH": str(Path(__file__).parent.parent)}
        told = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE)
    assert told.returncode == 1
    assert "hunter2" not in told.stdout + told.stderr
    assert "SMTP AUTH extension not supported by server" in told.stderr
