"""A participant and the moderator who come in the same instant: never is one left waiting."""

from __future__ import annotations

import contextlib
import json
import statistics
import time
from datetime import datetime
from typing import Any

import pytest

from tests.switch.odd_caller import OddCall
from tests.switch.theatre import HOST, Theatre

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(300)]

GUEST = "+4930555777"
LANES = range(1, 21)
ROUNDS = 10
LATER = (
    1.25  # s that a participant dials later than the moderator, who is told more on the way in; corrected every round
)
APART = 0.03  # s between two lanes
SPREAD = 0.004  # s between two lanes in how much later, so that all orders come about
CLOSE = 0.05  # s between the two that make a race


def test_nobody_is_left_waiting_who_comes_in_the_same_instant_as_the_moderator(theatre: Theatre) -> None:
    """Callers without sound, because FreeSWITCH itself is asked: with both there, no room may still wait."""
    later, gaps = LATER, list[float]()
    for _ in range(ROUNDS):
        _race(theatre, later)
        gaps = _gaps(theatre)
        later -= statistics.median(gaps[-len(LANES) :])
    close = [gap for gap in gaps if abs(gap) <= CLOSE]
    first = sum(gap < 0 for gap in close)
    print(f"{len(gaps)} meetings, {len(close)} within {CLOSE * 1000:g} ms, the participant first in {first} of those")
    assert len(gaps) == ROUNDS * len(LANES)
    assert len(close) >= ROUNDS  # or there was no race


def _race(theatre: Theatre, later: float) -> None:
    with contextlib.ExitStack() as ends:
        begun, calls = time.monotonic(), list[OddCall]()
        for number, starts in ((HOST, 0.0), (GUEST, later - len(LANES) * SPREAD / 2)):
            for lane in LANES:
                apart = APART if number == HOST else APART + SPREAD
                time.sleep(max(0.0, begun + starts + lane * apart - time.monotonic()))
                call = OddCall(theatre.demo.switch.trunk, _number(lane), from_=_from(number))
                calls.append(ends.enter_context(call))
        assert {call.answer().code for call in calls} == {200}
        theatre.wait_for(lambda: [len(room["members"]) for room in _rooms(theatre)] == [2] * len(LANES))
        theatre.wait_for(lambda: not any(room.get("wait_mod") for room in _rooms(theatre)), within=1.0)
    theatre.wait_for(lambda: not _rooms(theatre))


def _rooms(theatre: Theatre) -> list[dict[str, Any]]:
    answer = theatre.demo.event_socket.api("conference json_list")
    listed = json.loads(answer) if answer.startswith("[") else []
    return [room for room in listed if room["conference_name"].startswith("derby.")]


def _gaps(theatre: Theatre) -> list[float]:
    """Of each meeting how much later (s) the participant came than the moderator, by the daemon's log."""
    waiting: dict[str, tuple[bool, float]] = {}
    gaps = []
    for line in theatre.demo.log():
        room = str(line.get("room"))
        if line.get("event") != "joined" or not room.startswith("derby."):
            continue
        moderates, at = bool(line["moderator"]), datetime.fromisoformat(str(line["timestamp"])).timestamp()
        if room in waiting:
            _, before = waiting.pop(room)
            gaps.append(before - at if moderates else at - before)
        else:
            waiting[room] = (moderates, at)
    return gaps


def _number(lane: int) -> str:
    return f"+493023129{lane:03}"


def _from(number: str) -> bytes:
    return f"<sip:{number}@127.0.0.1>".encode()
