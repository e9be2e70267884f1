"""Star codes on a real FreeSWITCH: a registered telephone dials the whole table and hears what is set."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.switch.conftest import REPOSITORY, Phones
from tests.switch.demo import Demo
from tests.switch.phones import Phone, Switch

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(240)]

CLARA = ("33", "pier.example", "k7Tz-pq9L-pier-33")
CLARAS_NUMBER = "+493023131033"
MAX = ("34", "pier.example", "k7Tz-pq9L-pier-34")
TABLE = {
    "*1134": ("star-stored", "rule-always", "target-extension"),
    "*12030123456": ("star-stored", "rule-no-answer", "seconds-to", "target-number"),
    "*13*791": ("star-stored", "rule-busy", "target-voicemail"),
    "*1434": ("star-stored", "rule-not-registered", "target-extension"),
    "*10": ("profile-active", "rule-always", "rule-not-registered", "rule-busy", "rule-no-answer"),
    "**11": ("cancelled-always",),
    "**12": ("cancelled-no-answer",),
    "**13": ("cancelled-busy",),
    "**14": ("cancelled-not-registered",),
    "*15": ("do-not-disturb-on",),
    "**15": ("do-not-disturb-off",),
    "*102": ("profile-activated",),
    "*11*791": ("star-stored", "rule-always", "target-voicemail", "profile-zero-instead-of"),
    "*110049301234567": ("star-stored", "rule-always", "target-number"),
    "*1133": ("target-itself", "nothing-changed"),
    "*11112": ("target-emergency", "nothing-changed"),
    "*110043123456789": ("target-blocked", "nothing-changed"),
}


@pytest.fixture(scope="module")
def demo(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(
        freeswitch_binary, REPOSITORY / "tests/calls/star_tenants", tmp_path_factory.mktemp("stars") / "state"
    )
    try:
        yield running
    finally:
        assert running.close() == 0


@pytest.fixture
def phones(demo: Demo, make_phones: Callable[[Switch], Phones]) -> Phones:
    return make_phones(demo.switch)


def office(demo: Demo) -> dict[str, dict[str, Any]]:
    """What `callcontrol who pier --json` says of each extension."""
    where = ["--http", f"127.0.0.1:{demo.http}", "--state", str(demo.state)]
    command = [sys.executable, "-m", "callcontrol", "who", "pier", "--json", *where]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=True)
    return {one["extension"]: one for one in json.loads(done.stdout)["extensions"]}


def hears(phone: Phone, *names: str) -> None:
    phone.is_answered().hears(*names, language="de").is_hung_up("NORMAL_CLEARING")


def test_every_code_of_the_table_is_confirmed_or_refused(phones: Phones) -> None:
    clara = phones("Clara").speaks(False).registers(*CLARA)
    for dialled, said in TABLE.items():
        hears(clara.calls(dialled), *said)


def test_a_target_is_asked_for_and_what_is_set_shows(phones: Phones, demo: Demo) -> None:
    max_ = phones("Max").speaks(False).registers(*MAX)
    max_.calls("*11").hears("enter-target").presses("33#")
    hears(max_, "star-stored", "rule-always", "target-extension", "profile-zero-instead-of")
    hears(max_.calls("*102"), "profile-activated")
    assert (office(demo)["34"]["profile"], office(demo)["34"]["do_not_disturb"]) == (2, False)


def test_keys_of_a_star_code_are_heard_as_a_target(phones: Phones) -> None:
    clara = phones("Clara").speaks(False).registers(*CLARA)
    clara.calls("*13").hears("enter-target").presses("*791#")
    hears(clara, "star-stored", "rule-busy", "target-voicemail")


def test_who_is_there_and_talks_is_what_the_switch_says(phones: Phones, demo: Demo) -> None:
    clara = phones("Clara").speaks(False).registers(*CLARA)
    now = office(demo)["33"]
    assert (now["state"], bool(now["telephones"])) == ("idle", True)  # those of tests before are registered still
    clara.calls("*11").is_answered().begins_to_hear("enter-target")
    (call,) = office(demo)["33"]["calls"]
    assert (call["state"], call["other"]) == ("talking", "*11")
    clara.hangs_up()


def test_a_call_goes_where_the_codes_say(phones: Phones, demo: Demo) -> None:
    clara, max_ = (phones(name).speaks(False) for name in ("Clara", "Max"))
    clara.registers(*CLARA)
    max_.registers(*MAX)
    for phone, code in ((max_, "*100"), (max_, "**11"), (clara, "*1134")):  # Max may have rules of a test before
        phone.calls(code).is_answered().is_hung_up("NORMAL_CLEARING")
    guest = phones("Guest").speaks(False).calls(CLARAS_NUMBER)
    max_.rings().answers()
    guest.is_answered()
    (call,) = office(demo)["34"]["calls"]
    assert (call["state"], call["other"]) == ("talking", "+4930555000")
    guest.hangs_up()
    for code in ("**11", "**13", "*15"):
        clara.calls(code).is_answered().is_hung_up("NORMAL_CLEARING")
    guest.calls(CLARAS_NUMBER).is_refused("USER_BUSY")
    clara.calls("**15").is_answered().is_hung_up("NORMAL_CLEARING")


def test_nobody_else_can_dial_them(phones: Phones, demo: Demo) -> None:
    before = office(demo)
    forged = {"X-cc_door": "extensions", "X-user_name": "33", "P-Asserted-Identity": "<sip:33@pier.example>"}
    stranger = phones("Stranger").speaks(False)
    for dialled in ("*1134", "*15"):
        stranger.calls(dialled, from_="33", name="33", headers=forged)
        stranger.is_refused()
    after = office(demo)
    assert [after[number] | {"telephones": []} for number in after] == [
        before[number] | {"telephones": []} for number in before
    ]
