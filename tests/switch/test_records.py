"""What FreeSWITCH writes of each call holds no PIN, however the call ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sip_caller import Caller
from tests.switch.bureau import Bureau

pytestmark = pytest.mark.freeswitch

PANEL, PIN = "+493023130002", "48213"


def records(bureau: Bureau, callers: list[str]) -> list[bytes]:
    """The record of the call of each caller, once all are there."""

    def found() -> list[bytes]:
        written: list[Path] = list((bureau.demo.state / "cdr").rglob("*.cdr.json"))
        texts = [path.read_bytes() for path in written]
        return [text for text in texts if text.endswith(b"\n") and any(caller.encode() in text for caller in callers)]

    bureau.until(lambda: len(found()) == len(callers))
    return found()


def test_a_pin_is_in_no_record_of_those_who_come_in_nor_of_those_who_hang_up_on_the_last_key(bureau: Bureau) -> None:
    callers = [f"+4930777{serial:04}" for serial in range(8)]
    for place, number in enumerate(callers):
        with Caller(bureau.demo.trunk, PANEL, user=number) as caller:
            caller.dial().until(lambda caller=caller: caller.answered, 10)  # type: ignore[misc]
            bureau.until(lambda number=number: waits_for_keys(bureau, number))  # type: ignore[misc]
            caller.press(PIN)
            if place == 0:
                bureau.until(lambda: bureau.inside("panel") == 1)
    for record in records(bureau, callers):
        assert PIN.encode() not in record


def waits_for_keys(bureau: Bureau, number: str) -> bool:
    """FreeSWITCH asks this caller for keys."""
    channels = bureau.demo.event_socket.channels()
    return any(one["cid_num"] == number and one["application"] == "play_and_get_digits" for one in channels)
