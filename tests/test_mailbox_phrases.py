"""The phrases of mailboxes: mod_voicemail finds every one it asks for, and every file is there in each language."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent
PHRASES = ElementTree.parse(HOME / "freeswitch-conf/callcontrol/mailbox.xml").getroot()
PROFILE = ElementTree.parse(HOME / "freeswitch-conf/autoload_configs/voicemail.conf.xml").getroot()
KEYS = {param.get("name"): param.get("value") for param in PROFILE.iter("param")}
# The macros that mod_voicemail.c of 1.10.12 defines (VM_..._MACRO), with something it says to each.
ASKED = {
    "voicemail_invalid_extension": "12",
    "voicemail_forward_message_enter_extension": "#",
    "voicemail_ack": "saved",
    "voicemail_say_date": "1795339800",
    "voicemail_play_greeting": "33",
    "voicemail_say_message_number": "new:1",
    "voicemail_say_number": "3",
    "voicemail_say_phone_number": "+4930555123",
    "voicemail_say_name": "33",
    "voicemail_forward_prepend": "1:1",
    "voicemail_record_message": "",
    "voicemail_choose_greeting": "1:2:3:0:0",
    "voicemail_choose_greeting_fail": "",
    "voicemail_greeting_selected": "1",
    "voicemail_record_greeting": "",
    "voicemail_record_name": "",
    "voicemail_listen_file_check": "1:2:7:4:1:1",
    "voicemail_record_file_check": "1:2:3",
    "voicemail_record_urgent_check": "*:#",
    "voicemail_menu": "1:2:5:#",
    "voicemail_config_menu": "1:2:3:0:0",
    "voicemail_enter_id": "#",
    "voicemail_enter_pass": "#",
    "voicemail_fail_auth": "",
    "voicemail_change_pass_success": "",
    "voicemail_change_pass_fail": "",
    "voicemail_abort": "",
    "voicemail_hello": "",
    "voicemail_goodbye": "",
    "voicemail_message_count": "2:new",
    "voicemail_disk_quota_exceeded": "",
}
SILENT = {"voicemail_hello", "voicemail_say_date"}


def spoken(macro: str, text: str) -> list[tuple[str, str]]:
    """What is played or said, as FreeSWITCH picks it: the first pattern that is found in the text."""
    (found,) = (each for each in PHRASES if each.get("name") == macro)
    for pattern in found:
        if match := re.search(pattern.get("pattern", ""), text):
            actions = pattern.findall("match/action")
            return [
                (each.get("function", ""), match.expand(each.get("data", "").replace("$", "\\"))) for each in actions
            ]
    return []


def test_no_phrase_is_missing_and_none_is_there_for_nothing() -> None:
    assert sorted(each.get("name", "") for each in PHRASES) == sorted(ASKED)


@pytest.mark.parametrize("macro", sorted(ASKED))
def test_something_is_said(macro: str) -> None:
    assert bool(spoken(macro, ASKED[macro])) is (macro not in SILENT)


@pytest.mark.parametrize(
    ("macro", "text", "said"),
    [
        ("voicemail_message_count", "0:new", ["mailbox-no-new.wav"]),
        ("voicemail_message_count", "1:new", ["mailbox-one-new.wav"]),
        ("voicemail_message_count", "12:urgent-new", ["mailbox-several-new.wav", "12"]),
        ("voicemail_message_count", "0:saved", ["mailbox-no-saved.wav"]),
        ("voicemail_message_count", "7:saved", ["mailbox-several-saved.wav", "7"]),
        ("voicemail_say_message_number", "saved:3", ["mailbox-message.wav", "3"]),
        ("voicemail_say_phone_number", "+4930555123", ["mailbox-message-from.wav", "+4930555123"]),
        ("voicemail_say_phone_number", "anonymous", ["mailbox-message-from-unknown.wav"]),
        ("voicemail_say_phone_number", "${system(id)}", ["mailbox-message-from-unknown.wav"]),
        ("voicemail_ack", "too-small", ["mailbox-too-short.wav"]),
        ("voicemail_ack", "deleted", ["mailbox-deleted.wav"]),
    ],
)
def test_counts_callers_and_answers_have_their_own_words(macro: str, text: str, said: list[str]) -> None:
    assert [data for _, data in spoken(macro, text)] == said


@pytest.mark.parametrize("language", ["de", "en", "fr"])
def test_every_file_is_there(language: str) -> None:
    files = {action.get("data", "") for action in PHRASES.iter("action") if action.get("function") == "play-file"}
    assert not [file for file in files if "://" not in file and not (HOME / "prompts" / language / file).is_file()]


def test_a_mailbox_calls_nobody_passes_nothing_on_and_has_no_password() -> None:
    first_in_menu = {KEYS["repeat-message-key"], KEYS["previous-message-key"], KEYS["next-message-key"]}
    assert {KEYS["callback-key"], KEYS["forward-key"]} <= first_in_menu
    assert KEYS["change-pass-key"] == KEYS["main-menu-key"]
    assert KEYS["operator-key"] == KEYS["vmain-key"] == ""
    assert not set("0123456789*#ABCD") & set((KEYS["login-keys"] or "0").upper())
    assert KEYS["allow-empty-password-auth"] == "false"
