"""Conferences of every kind while the daemon is killed again and again: the ledger against the switch's own records.

Guests who give up, who come back, who are let in, shown out or called; moderators who never come, or end the room.
What FreeSWITCH wrote of each call (mod_json_cdr) is read here independently of callcontrol: being in a room is the time
from the application `conference` to the next application or the end of the call.
"""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from callcontrol.errors import CallControlError
from callcontrol.http import call_participants
from tests.sip_caller import Caller
from tests.sip_carrier import Answers, Carrier
from tests.switch.demo import Demo

pytestmark = pytest.mark.freeswitch

TENANT = "market"
CONFERENCES = 100
STALLS = 10
SETTLED_WITHIN = 90.0  # s after the last call until the last record was read
MOST_DIFFERENCE = 1.0  # s per participant


@dataclass(frozen=True)
class Guest:
    """One call into a conference: when it comes, how long after the answer it stays, what it presses ``late`` s in."""

    number: str
    comes: float
    stays: float
    keys: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Called:
    """Somebody the room calls ``after`` s: stays so long once the call is answered."""

    number: str
    after: float
    stays: float


def guests(conference: int, stall: int) -> list[Guest]:
    """Who comes to this conference; the same for the same number, whatever else happens."""
    chance = random.Random(f"market {conference}")
    found = [
        Guest(f"+49305{conference:03}{place:03}", chance.uniform(0, 4), chance.uniform(8, 16))
        for place in range(chance.randint(1, 4))
    ]
    if chance.random() < 0.2:
        found.append(Guest(f"+49305{conference:03}900", chance.uniform(0, 4), chance.uniform(0.1, 2.5)))  # no patience
    if chance.random() < 0.2:
        found.append(Guest(found[0].number, found[0].comes + found[0].stays + 1, chance.uniform(8, 11)))  # comes back
    if chance.random() < 0.9:
        keys: list[tuple[float, str]] = [(5.0, "*8")] if stall in (7, 8) else []
        if chance.random() < 0.3:
            keys += [(9.0, "*0"), (9.8, "1")]
        stays = chance.uniform(11, 15) if keys else chance.uniform(8, 16)
        found.append(Guest(f"+4917120000{conference:03}", chance.uniform(0, 5), stays, tuple(keys)))
    return found


def called(conference: int) -> Called | None:
    """Who is called into this conference, if anybody."""
    chance = random.Random(f"called {conference}")
    if chance.random() < 0.4:
        return Called(f"+49306{conference:04}00", chance.uniform(1, 4), chance.uniform(14, 20))
    return None


class Market:
    """The stalls, and who calls there or is called."""

    def __init__(self, demo: Demo, carrier: Carrier) -> None:
        self.demo, self.carrier = demo, carrier
        self.calls = 0
        self._free = [threading.Lock() for _ in range(STALLS)]
        self._kills = 0
        self._over = threading.Event()

    def hold(self, conference: int) -> None:
        """One conference, from the first call to the last hang-up; a stall holds one at a time."""
        stall = conference % STALLS
        coming, wanted = guests(conference, stall), called(conference)
        with self._free[stall], ThreadPoolExecutor(len(coming) + 1) as together:
            visits = [together.submit(self._visit, stall, guest) for guest in coming]
            if wanted:
                visits.append(together.submit(self._call, stall, wanted))
            for visit in visits:
                visit.result()

    def _call(self, stall: int, wanted: Called) -> None:
        """Have the room call somebody; a daemon that is not there calls nobody."""
        self.carrier.numbers[wanted.number] = Answers("1", once=False, stays=wanted.stays)
        self._pause(wanted.after)
        token = (self.demo.state / "http-token").read_text().strip()
        try:
            call_participants(("127.0.0.1", self.demo.http), token, f"{TENANT}.stall{stall}", [wanted.number])
        except CallControlError:
            return
        deadline = time.monotonic() + wanted.stays + 30
        while time.monotonic() < deadline and not any(one.ended for one in self.carrier.called(wanted.number)):
            time.sleep(0.05)

    def _visit(self, stall: int, guest: Guest) -> None:
        self._pause(guest.comes)
        self.calls += 1
        with Caller(self.demo.trunk, f"+493023132{stall:03}", user=guest.number) as caller:
            caller.dial().until(lambda: caller.answered or caller.ended, 40)
            answered = time.monotonic()
            for late, keys in guest.keys:
                self._pause(answered + late - time.monotonic(), caller)
                caller.press(keys)
            self._pause(answered + guest.stays - time.monotonic(), caller)

    @staticmethod
    def _pause(seconds: float, caller: Caller | None = None) -> None:
        """What a person does with time: lets it pass, unless the call is over."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not (caller and caller.ended):
            time.sleep(0.05)

    def kill_now_and_then(self) -> None:
        """kill -9 of the daemon every 10 to 25 s, until told that it is enough."""
        chance = random.Random("kills")
        while not self._over.wait(chance.uniform(10, 25)):
            self.demo.kill_daemon()
            self._kills += 1

    def enough(self) -> int:
        """No more kills; how many there were."""
        self._over.set()
        return self._kills


@pytest.fixture(scope="module")
def market(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    tenants = Path(__file__).with_name("market")
    with Carrier() as carrier:
        state = tmp_path_factory.mktemp("market") / "state"
        demo = Demo(freeswitch_binary, tenants, state, CALLCONTROL_CARRIER_PROXY=carrier.address)
        try:
            yield Market(demo, carrier)
        finally:
            assert demo.close() == 0


def records(state: Path) -> dict[str, dict[str, Any]]:
    """What FreeSWITCH wrote, by call, wherever it was moved to."""
    found = {}
    for path in (state / "cdr").rglob("*.cdr.json"):
        assert path.name.removesuffix(".cdr.json") not in found
        found[path.name.removesuffix(".cdr.json")] = json.loads(path.read_text("utf-8", "surrogateescape"))
    return found


def seconds_inside(record: dict[str, Any]) -> float:
    """How long this call was in a conference; 0.0 when never."""
    steps = record.get("app_log", {}).get("applications", [])
    stamps = [int(step["app_stamp"]) for step in steps] + [int(record["variables"]["end_uepoch"])]
    inside = [after - at for step, at, after in zip(steps, stamps, stamps[1:], strict=False) if is_room(step)]
    return sum(inside) / 1e6


def is_room(step: dict[str, str]) -> bool:
    return step["app_name"] == "conference" and step["app_data"].startswith(f"{TENANT}.")


def rows(state: Path) -> list[dict[str, Any]]:
    """The ledger, read with nothing of callcontrol's."""
    with sqlite3.connect(f"file:{state / 'callcontrol.db'}?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("select * from legs where tenant = ?", [TENANT])]


def wait_until_settled(state: Path) -> None:
    """All records were read and no row is open."""
    deadline = time.monotonic() + SETTLED_WITHIN
    while [*(state / "cdr").glob("*.cdr.json")] or any(row["closed_by"] != "switch" for row in rows(state)):
        assert time.monotonic() < deadline, [row for row in rows(state) if row["closed_by"] != "switch"]
        time.sleep(0.2)


@pytest.mark.timeout(900)
def test_the_ledger_agrees_with_the_switch_whatever_happened_to_the_daemon(market: Market) -> None:
    killer = threading.Thread(target=market.kill_now_and_then)
    killer.start()
    with ThreadPoolExecutor(STALLS) as stalls:
        held = [stalls.submit(market.hold, conference) for conference in range(CONFERENCES)]
    kills = market.enough()
    killer.join()
    for one in held:
        one.result()
    # A daemon that was killed before it answered may have called all the same.
    market.carrier.until(lambda: all(one.ended for one in market.carrier.attempts), 60, "the end of all calls")
    wait_until_settled(market.demo.state)
    written, ledger = records(market.demo.state), rows(market.demo.state)
    inside = {call: seconds_inside(record) for call, record in written.items()}
    assert len(written) == market.calls + len(market.carrier.attempts)
    assert sorted(row["call"] for row in ledger) == sorted(call for call, seconds in inside.items() if seconds)
    by_switch, by_ledger = defaultdict[str, float](float), defaultdict[str, float](float)
    for row in ledger:
        by_switch[row["number"]] += inside[row["call"]]
        by_ledger[row["number"]] += row["wait_seconds"] + row["room_seconds"]
    outbound = [row for row in ledger if row["direction"] == "outbound"]
    differences = {number: abs(by_switch[number] - by_ledger[number]) for number in by_switch}
    largest = max(differences, key=lambda number: differences[number])
    print(
        f"\n{CONFERENCES} conferences, {len(written)} calls, {len(ledger)} in rooms ({len(outbound)} of them called), "
        f"{kills} kills of the daemon, {sum(by_ledger.values()):.1f} s; "
        f"largest difference {differences[largest] * 1000:.1f} ms ({largest})"
    )
    assert kills >= 5
    assert len(ledger) > len(written) / 2
    assert differences[largest] < MOST_DIFFERENCE
    assert outbound
    assert all((row["payer"], row["number"][:6]) == ("tenant", "+49306") for row in outbound)
    assert all(row["payer"] == "caller" for row in ledger if row not in outbound)
