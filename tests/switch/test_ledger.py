"""A hundred conferences of random people on a real FreeSWITCH, the daemon killed again and again: the ledger is right.

The callers are sipp's. What the ledger says is compared with the switch's own records, read here on our own: how long
each participant was in rooms, that no call is missing, and that none is there twice.
"""

from __future__ import annotations

import csv
import http.client
import json
import os
import random
import re
import shutil
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import gevent
import pytest
from gevent import subprocess

from callcontrol.state import Database, Leg, Legs, sqlite_url
from tests.switch.conftest import REPOSITORY, free_ports
from tests.switch.demo import READY, Demo

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(600)]

ROOMS, PEOPLE = 100, 60
RATE = 6  # calls a second
SHORTEST, LONGEST = 10, 40  # seconds from the answer to the hangup
KILLS = (12.0, 20.0)  # seconds between two kills of the daemon
WITHIN = 1.0  # seconds per participant
SETTLED = 60.0  # seconds until the last record is read
MOST_OPEN = 6  # of ten rooms; in the others guests wait for the moderator


@dataclass(frozen=True)
class Stay:
    """One call that was in a room, as the switch's record has it; times are UTC epoch seconds."""

    call: str
    number: str
    room: str
    moderator: bool
    meeting: str
    joined: float
    left: float


def number_of(room: int) -> str:
    return f"+4930231{room:05}"


def person(number: int) -> str:
    """Every sixth moderates."""
    return f"+49171{number:07}" if number % 6 == 0 else f"+4930555{number:04}"


def write_tenant(folder: Path) -> None:
    """Rooms without PIN; in some of them guests wait for a moderator."""
    folder.mkdir()
    numbers = "\n".join(f'  "{number_of(room)}": {{room: room-{room}}}' for room in range(ROOMS))
    waits = ["true" if room % 10 >= MOST_OPEN else "false" for room in range(ROOMS)]
    rooms = "\n".join(
        f'  room-{room}: {{access: open, wait_for_moderator: {waits[room]}, moderators: ["+49 171 *"], announce: none}}'
        for room in range(ROOMS)
    )
    (folder / "fair.yaml").write_text(
        f"tenant: fair\nregion: DE\nlanguages: [en]\nnumbers:\n{numbers}\nrooms:\n{rooms}\n"
    )


def write_calls(folder: Path, draw: random.Random) -> int:
    """Who calls where, in random order, and sipp's scenario; how many calls."""
    calls = [
        (person(draw.randrange(PEOPLE)), number_of(room)) for room in range(ROOMS) for _ in range(draw.randint(2, 5))
    ]
    draw.shuffle(calls)
    with (folder / "calls.csv").open("w", newline="") as file:
        file.write("SEQUENTIAL\n")
        csv.writer(file, delimiter=";", lineterminator="\n").writerows(calls)
    scenario = (REPOSITORY / "bench/freeswitch/caller.xml").read_text()
    stay = f'<pause distribution="uniform" min="{SHORTEST * 1000}" max="{LONGEST * 1000}"/>'
    (folder / "caller.xml").write_text(scenario.replace("<pause/>", stay))
    return len(calls)


@pytest.fixture
def demo(freeswitch_binary: Path, tmp_path: Path) -> Iterator[Demo]:
    write_tenant(tmp_path / "tenants")
    running = Demo(freeswitch_binary, tmp_path / "tenants", tmp_path / "state")
    try:
        yield running
    finally:
        assert running.close() == 0


def test_the_ledger_agrees_with_the_switch_whatever_becomes_of_the_daemon(demo: Demo, tmp_path: Path) -> None:
    sipp = shutil.which("sipp")
    if sipp is None:
        pytest.skip("no sipp on PATH (Debian: apt install sip-tester)")
    seed = random.randrange(1 << 32)
    draw = random.Random(seed)
    count = write_calls(tmp_path, draw)
    kills = _calls_while_the_daemon_dies(sipp, demo, tmp_path, count, draw)
    stays = _records(demo.state, count)
    rows = _rows(demo.state, stays)
    print(f"seed {seed}: {count} calls, {len(stays)} in {ROOMS} rooms, {kills} kills of the daemon")
    assert kills >= 3
    assert len(stays) > count / 2, "the callers did not get into the rooms"

    assert Counter(row.call for row in rows) == Counter(stay.call for stay in stays), "none missing, none doubled"
    assert {row.closed_by for row in rows} == {"switch"}
    difference = _largest_difference(rows, stays)
    print(f"largest difference per participant {difference:.6f} s")
    assert difference < WITHIN
    corrected = _largest_correction(demo)
    print(f"of what the last daemon saw a record moved nothing by more than {corrected:.3f} s")
    assert corrected < WITHIN
    _assert_waits(rows, stays)


def _calls_while_the_daemon_dies(sipp: str, demo: Demo, folder: Path, count: int, draw: random.Random) -> int:
    """All calls, to their end; how often the daemon was killed meanwhile."""
    with socket.socket(type=socket.SOCK_DGRAM) as nobody, (folder / "sipp.txt").open("wb") as output:
        nobody.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        nobody.bind(("127.0.0.1", 0))
        (port,) = free_ports(1)
        voice = str(nobody.getsockname()[1])
        command = [
            sipp,
            f"127.0.0.1:{demo.trunk}",
            "-sf",
            "caller.xml",
            "-inf",
            "calls.csv",
            "-key",
            "voice_port",
            voice,
        ]
        command += ["-i", "127.0.0.1", "-p", str(port), "-t", "u1", "-r", str(RATE), "-m", str(count), "-nostdin"]
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | {"TERM": "xterm"},
        )
        kills, expires = 0, time.monotonic() + count / RATE + LONGEST + 120
        try:
            while process.poll() is None:
                assert time.monotonic() < expires, (folder / "sipp.txt").read_text(errors="replace")[-2000:]
                gevent.sleep(draw.uniform(*KILLS))
                kills += process.poll() is None and _kill(demo)
        finally:
            process.kill()
            process.wait()
    return kills


def _kill(demo: Demo) -> bool:
    try:
        demo.kill_daemon()
    except (AssertionError, OSError):  # it is being started again
        return False
    return True


def _records(state: Path, count: int) -> list[Stay]:
    """What the switch wrote of calls that were in a room, once all of it is read by the daemon."""
    expires = time.monotonic() + SETTLED
    while len(done := list((state / "cdr" / "done").glob("*/*.cdr.json"))) < count or list(
        (state / "cdr").glob("*.json")
    ):
        assert time.monotonic() < expires, f"{len(done)} of {count} records were read"
        gevent.sleep(0.5)
    assert len(done) == count
    return [stay for path in done if (stay := _stay(path)) is not None]


def _stay(path: Path) -> Stay | None:
    record = json.loads(path.read_bytes().decode("utf-8", "replace"))
    variables = record["variables"]
    steps = [step for step in record["app_log"]["applications"] if step["app_name"] == "conference"]
    if not steps:
        return None
    (step,) = steps
    return Stay(
        call=path.name.removesuffix(".cdr.json"),
        number=record["callflow"][-1]["caller_profile"]["caller_id_number"],
        room=step["app_data"].partition("@")[0],
        moderator="moderator" in step["app_data"].partition("+flags")[2],
        meeting=variables["conference_uuid"],
        joined=int(step["app_stamp"]) / 1e6,
        left=int(record["callflow"][0]["times"]["hangup_time"]) / 1e6,
    )


def _rows(state: Path, stays: list[Stay]) -> list[Leg]:
    """The ledger, once every row is settled."""
    database = Database(sqlite_url(state))
    try:
        expires = time.monotonic() + SETTLED
        while True:
            rows = list(Legs(database).rows("fair", 0.0, 1e11))
            if len(rows) >= len(stays) and all(row.closed_by == "switch" for row in rows):
                return rows
            assert time.monotonic() < expires, [row for row in rows if row.closed_by != "switch"]
            gevent.sleep(0.5)
    finally:
        database.close()


def _largest_difference(rows: list[Leg], stays: list[Stay]) -> float:
    """Seconds, over all participants."""
    ledger: dict[str, float] = defaultdict(float)
    switch: dict[str, float] = defaultdict(float)
    for row in rows:
        ledger[row.number] += row.wait_seconds + row.room_seconds
    for stay in stays:
        switch[stay.number] += stay.left - stay.joined
    assert ledger.keys() == switch.keys()
    return max(abs(ledger[number] - switch[number]) for number in switch)


def _largest_correction(demo: Demo) -> float:
    """By how much the records moved times the daemon had seen itself."""
    expires, text = time.monotonic() + READY, ""
    while not text:
        assert time.monotonic() < expires, "the daemon is not there again"
        connection = http.client.HTTPConnection("127.0.0.1", demo.http, timeout=10.0)
        with suppress(OSError):  # it is being started again
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        connection.close()
        gevent.sleep(0.2)
    found = re.search(r"^callcontrol_cdr_largest_correction_seconds (\S+)$", text, re.MULTILINE)
    assert found is not None
    return float(found[1])


def _assert_waits(rows: list[Leg], stays: list[Stay]) -> None:
    """Guests waited until the first moderator of their meeting came, and not where nobody waits."""
    known, opened = {stay.call: stay for stay in stays}, dict[str, float]()
    for stay in stays:
        if stay.moderator:
            opened[stay.meeting] = min(opened.get(stay.meeting, stay.joined), stay.joined)
    waited = 0
    for row in rows:
        stay = known[row.call]
        admitted = stay.joined
        if int(row.room.removeprefix("room-")) % 10 >= MOST_OPEN and not stay.moderator:
            admitted = min(max(stay.joined, opened.get(stay.meeting, stay.left)), stay.left)
        assert row.wait_seconds == pytest.approx(admitted - stay.joined, abs=0.05), (row, stay)
        waited += row.wait_seconds > 0
    print(f"{waited} waited for a moderator")
