"""Mailboxes on a real FreeSWITCH: callers speak into them, the lamp of the owner's telephone and a mail tell of it."""

from __future__ import annotations

import io
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.switch.conftest import Phones
from tests.switch.mailroom import Mailroom, mailroom_of
from tests.switch.phones import Phone, Switch

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(180)]

CLARA, BERT, DORA, ALL = "+493023140033", "+493023140034", "+493023140036", "+493023140099"
DOMAIN = "attic.example"


@pytest.fixture(scope="module")
def mailroom(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailroom]:
    with mailroom_of(freeswitch_binary, tmp_path_factory.mktemp("mailroom")) as room:
        yield room


@pytest.fixture
def phones(mailroom: Mailroom, make_phones: Callable[[Switch], Phones]) -> Phones:
    return make_phones(mailroom.switch)


def leave(phone: Phone, number: str, seconds: float = 4.0) -> None:
    """Speak a message of so many seconds, and hang up."""
    phone.speaks(False).calls(number, from_="+4930555123").is_answered()
    phone.hears("extension-unavailable", "mailbox-record-message", language="en")
    phone.speaks()
    time.sleep(seconds)  # the message itself
    phone.presses("#").speaks(False).hears("mailbox-record-menu", language="en").presses("2").hears("mailbox-saved")
    phone.hears("mailbox-goodbye", language="en").is_hung_up("NORMAL_CLEARING")


def until(true: Callable[[], object], within: float = 15.0) -> None:
    expires = time.monotonic() + within
    while not true():
        assert time.monotonic() < expires
        time.sleep(0.1)


def mails_to(mailroom: Mailroom, address: str) -> list[bytes]:
    """The recordings that were mailed there."""
    found = [mail for _, to, mail in mailroom.mails.mails if to == [address]]
    return [part.get_content() for mail in found for part in mail.iter_attachments()]


def test_a_message_lights_the_lamp_is_mailed_and_heard_by_its_owner(mailroom: Mailroom, phones: Phones) -> None:
    clara = phones("Clara").speaks(False).registers("33", DOMAIN, "q7Lm-attic-clara")
    ann = phones("Ann")
    leave(ann, CLARA)
    clara.is_told_of_messages(1)
    until(lambda: mails_to(mailroom, "clara@attic.example"))
    with wave.open(io.BytesIO(mails_to(mailroom, "clara@attic.example")[0])) as sound:
        assert 2.5 < sound.getnframes() / sound.getframerate() < 6
    (mail,) = (mail for _, to, mail in mailroom.mails.mails if to == ["clara@attic.example"])
    assert mail["Subject"] == "New voice message from +4930555123"

    clara.calls("*791").is_answered().hears("mailbox-one-new", "mailbox-message-from", "mailbox-message", language="en")
    clara.hears_tone_of(ann).hears("mailbox-message-menu").presses("7").hears("mailbox-deleted")
    clara.hears("mailbox-no-new", "mailbox-no-saved", "mailbox-menu").presses("#")
    clara.hears("mailbox-goodbye").is_hung_up().is_told_of_messages(0)
    assert mailroom.boxes(f"33@{DOMAIN}") == "0:0:0:0"


def test_a_mailed_message_is_deleted_where_the_owner_wants_that(mailroom: Mailroom, phones: Phones) -> None:
    leave(phones("Ann"), BERT)
    until(lambda: mails_to(mailroom, "bert@attic.example"))
    until(lambda: mailroom.boxes(f"34@{DOMAIN}") == "0:0:0:0")
    assert not list((mailroom.folder / "voicemail" / DOMAIN / "34").glob("msg_*"))


def test_a_message_that_ends_while_no_daemon_lives_is_mailed_by_the_next_one(
    mailroom: Mailroom, phones: Phones
) -> None:
    before = len(mails_to(mailroom, "clara@attic.example"))
    ann = phones("Ann").speaks(False).calls(CLARA, from_="+4930555123").is_answered()
    ann.hears("extension-unavailable", "mailbox-record-message", language="en").speaks()
    mailroom.daemon.kill()
    time.sleep(3)  # the message itself
    ann.presses("#").speaks(False).hears("mailbox-record-menu", language="en").presses("2").hears("mailbox-saved")
    ann.hears("mailbox-goodbye", language="en").is_hung_up("NORMAL_CLEARING")
    assert mailroom.boxes(f"33@{DOMAIN}").startswith("1:")
    mailroom.daemon.start()
    until(lambda: len(mails_to(mailroom, "clara@attic.example")) > before, 45)
    mailroom.daemon.kill()
    mailroom.daemon.start()
    until(lambda: [line["event"] for line in mailroom.log()].count("link is up") == 3, 45)
    assert len(mails_to(mailroom, "clara@attic.example")) == before + 1


def test_from_outside_the_owner_comes_in_with_extension_and_pin(mailroom: Mailroom, phones: Phones) -> None:
    leave(phones("Ann"), DORA)
    dora = phones("Dora").speaks(False).calls(ALL, from_="+4930555777").is_answered()
    dora.hears("mailbox-enter-extension").presses("36#").hears("enter-pin").presses("83370#")
    dora.hears("mailbox-wrong", "mailbox-enter-extension").presses("36#").hears("enter-pin").presses("83371#")
    dora.hears("mailbox-one-new", "mailbox-message-from", "mailbox-message").hangs_up()
    for said in ("83370", "83371"):
        assert said not in (mailroom.folder / "daemon.log").read_text()
        assert said not in (mailroom.folder / "freeswitch/log/freeswitch.log").read_text(errors="replace")


def test_nobody_gets_into_a_mailbox_by_a_key_during_its_greeting(mailroom: Mailroom, phones: Phones) -> None:
    eve = phones("Eve").speaks(False).calls(DORA, from_="+4930555888").is_answered()
    eve.begins_to_hear("extension-unavailable").presses("0").begins_to_hear("extension-unavailable").presses("*")
    eve.hears("extension-unavailable", "mailbox-record-message").hangs_up()


def test_an_extension_without_mailbox_has_none_to_listen_to(phones: Phones) -> None:
    nobody = phones("Nobody").speaks(False).registers("35", DOMAIN, "q7Lm-attic-none").calls("*791")
    nobody.hears("target-no-voicemail").is_refused("UNALLOCATED_NUMBER")


def test_freeswitch_finds_every_key_and_every_phrase(mailroom: Mailroom) -> None:
    log = (mailroom.folder / "freeswitch/log/freeswitch.log").read_text(errors="replace").splitlines()
    assert not [line for line in log if "[ERR]" in line and ("mod_voicemail" in line or "switch_ivr_" in line)]
