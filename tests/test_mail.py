"""An invitation is mailed to the room's owner, whole and private, or it is told why not; never without a deadline."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import UTC, datetime
from email.errors import MessageError
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from callcontrol.config import Smtp
from callcontrol.invitations.calendar import calendar_entry
from callcontrol.invitations.invitation import invitation
from callcontrol.invitations.mail import mail
from callcontrol.mail import MailNotSent, send
from callcontrol.tenants.room import RoomEntry
from tests.mail_server import CERTIFICATE, PASSWORD, MailServer, running, silent, stalling
from tests.patience import PATIENCE
from tests.tenant_files import tenant

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
OWNER = tenant(
    'timezone: Europe/Berlin\nname: "Müller, <Söhne> & Co"\nnumbers: {"+49 30 8631": {room: board}}\n'
    'rooms: {board: {access: pin, pin: "48213", schedule: {start: "2026-12-01 10:00", repeat: daily}}}\n'
)


def invited(language: str = "de", recipient: str = "clara@acme.example") -> EmailMessage:
    told = invitation(OWNER, OWNER.rooms["board"], language, moderator=False, meeting=None, now=NOW)
    entry = calendar_entry(told, NOW)
    return mail(told, entry, sender="rooms@callcontrol.example", recipient=recipient, now=NOW)


def smtp(url: str, **more: object) -> Smtp:
    return Smtp.model_validate({"url": url, "sender": "rooms@callcontrol.example", **more})


def plain(port: int, user: str = "", **more: object) -> Smtp:
    return smtp(f"smtp://{user}127.0.0.1:{port}", **({"starttls": False} | more))


def encrypted(port: int, user: str = "", scheme: str = "smtp") -> Smtp:
    return smtp(f"{scheme}://{user}127.0.0.1:{port}", ca_file=CERTIFICATE)


def why_not(settings: Smtp, *, deadline: float = PATIENCE) -> str:
    with pytest.raises(MailNotSent) as caught:
        send(invited(), settings, deadline=deadline)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def test_the_owner_gets_the_text_and_the_calendar_entry() -> None:
    with running(MailServer()) as server:
        send(invited(), plain(server.port))
    [(sender, recipients, came)] = server.mails
    assert (sender, recipients) == ("rooms@callcontrol.example", ["clara@acme.example"])
    assert came["Subject"] == "Telefonkonferenz board (Müller, <Söhne> & Co)"
    assert came["From"].addresses[0].display_name == "Müller, <Söhne> & Co"
    assert (came["To"], came["Content-Language"], came["Auto-Submitted"]) == (
        "clara@acme.example",
        "de",
        "auto-generated",
    )
    assert came["Message-ID"].endswith("@callcontrol.example>")
    body, attachment = came.iter_parts()
    assert isinstance(body, EmailMessage)
    assert isinstance(attachment, EmailMessage)
    assert "Täglich um 10:00 Uhr" in body.get_content()
    assert attachment.get_content_type() == "text/calendar"
    assert attachment.get_param("method") == "PUBLISH"
    assert attachment.get_filename() == "board.ics"
    entry = Calendar.from_ical(attachment.get_content())
    assert [str(event["SUMMARY"]) for event in entry.walk("VEVENT")] == [came["Subject"]]


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_password_and_mail_are_encrypted(scheme: str) -> None:
    user = f"rooms:{quote(PASSWORD, safe='')}@"
    with running(
        MailServer(), starttls=scheme == "smtp", implicit=scheme == "smtps", authenticated=scheme == "smtp"
    ) as it:
        send(invited(), encrypted(it.port, user if scheme == "smtp" else "", scheme))
    assert it.encrypted == [True] or scheme == "smtps"
    assert it.logins == ([(b"rooms", PASSWORD.encode())] if scheme == "smtp" else [])
    assert len(it.mails) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_the_password_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    with running(MailServer(), authenticated=True) as server:
        send(invited(), plain(server.port, "rooms@", password_file=str(tmp_path / "password")))
        assert "the password file" in why_not(plain(server.port, "rooms@", password_file=str(tmp_path / "none")))
    assert server.logins == [(b"rooms", PASSWORD.encode())]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_wrong_password_is_told_without_the_password() -> None:
    with running(MailServer(), authenticated=True) as server:
        reason = why_not(plain(server.port, "rooms:wrong-secret@"))
    assert "user or password: 535 5.7.8 Authentication credentials invalid" in reason
    assert "wrong-secret" not in reason


def test_a_refused_recipient_is_told_in_the_servers_words() -> None:
    with running(MailServer(refuse="550 5.1.1 no such\tuser here")) as server:
        reason = why_not(plain(server.port))
        assert reason.startswith(f"the mail server 127.0.0.1:{server.port} did not take the mail: ")
        assert reason.endswith(": clara@acme.example: 550 5.1.1 no such user here")
    assert server.mails == []


def test_nothing_is_sent_to_a_server_that_cannot_encrypt() -> None:
    with running(MailServer()) as server:
        assert "STARTTLS extension not supported by server" in why_not(encrypted(server.port))
    assert server.mails == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_nothing_is_sent_to_a_server_whose_certificate_nobody_vouches_for(scheme: str) -> None:
    with running(MailServer(), starttls=scheme == "smtp", implicit=scheme == "smtps") as server:
        settings = smtp(f"{scheme}://127.0.0.1:{server.port}")
        assert "its certificate is not trusted: self-signed certificate" in why_not(settings)
    assert server.mails == []


def test_a_server_that_is_away_is_told() -> None:
    with silent() as port:
        pass
    assert why_not(plain(port)) == f"the mail server 127.0.0.1:{port} did not take the mail: Connection refused"


def test_a_server_whose_name_nobody_knows_is_told() -> None:
    assert "its name is not known" in why_not(smtp("smtp://mail.invalid:25"))


@pytest.mark.parametrize("settings", [plain, lambda port: encrypted(port, scheme="smtps")], ids=["greeting", "TLS"])
def test_a_server_that_never_speaks_is_given_up(settings: Callable[[int], Smtp]) -> None:
    with silent() as port:
        assert why_not(settings(port), deadline=0.3).endswith("did not take the mail within 0.3 s")


@pytest.mark.parametrize("last", [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"TEXT"])
def test_a_server_that_falls_silent_in_the_middle_is_given_up(last: bytes) -> None:
    with stalling(last) as (port, heard):
        for deadline in (0.3, 3.0, 30.0):  # a slow machine may need the second or third to come so far
            assert why_not(plain(port), deadline=deadline).endswith(f"did not take the mail within {deadline:g} s")
            if heard[-1:] == [last]:
                break
    assert heard[-1] == last


@pytest.mark.parametrize("farewell", [b"", b"421 too late\r\n"])
def test_a_mail_that_was_taken_is_sent_whatever_the_server_says_to_the_goodbye(farewell: bytes) -> None:
    with stalling(b"QUIT", farewell) as (port, heard), gevent.Timeout(PATIENCE):
        send(invited(), plain(port))
    assert heard[-2:] == [b"TEXT", b"QUIT"]


@given(st.text(max_size=40))
def test_no_text_of_a_tenant_becomes_a_header(text: str) -> None:
    name = "".join(letter for letter in text if letter.isprintable()).strip() or "x"  # as the tenant file is checked
    hostile = OWNER.model_copy(update={"name": name})
    told = invitation(hostile, hostile.rooms["board"], "en", moderator=False, meeting=None, now=NOW)
    message = mail(told, None, sender="rooms@callcontrol.example", recipient="clara@acme.example", now=NOW)
    head = message.as_bytes().split(b"\r\n\r\n")[0].decode("ascii")
    names = [line.split(":")[0] for line in head.split("\r\n") if not line.startswith((" ", "\t"))]
    ours = ("From", "To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted")
    assert sorted(names) == sorted((*ours, "MIME-Version", "Content-Type", "Content-Transfer-Encoding"))


@pytest.mark.parametrize("recipient", ["a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "<a@b.example>"])
def test_no_recipient_is_more_than_one_address(recipient: str) -> None:
    with pytest.raises((ValueError, MessageError)):
        invited(recipient=recipient)


def test_a_mail_server_printed_or_logged_shows_no_password() -> None:
    settings = smtp("smtp://rooms:hunter2@mail.example")
    assert "hunter2" not in f"{settings!r} {settings} {settings.server!r}"


ATOMS = st.text(string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=12)


@given(st.lists(ATOMS, min_size=1, max_size=4), st.sampled_from(["acme.example", "x", "a-1.b.example"]))
def test_every_owner_that_a_tenant_file_may_name_can_be_written_to(atoms: list[str], domain: str) -> None:
    owner = f"{'.'.join(atoms)}@{domain}"
    assert RoomEntry.model_validate({"access": "open", "owner": owner}).owner == owner
    message = invited(recipient=owner)
    assert [address.addr_spec for address in message["To"].addresses] == [owner]
    assert b"To: " in message.as_bytes()
