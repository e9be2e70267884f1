"""The benchmarks calculate and read correctly, and measure something: no figure is checked here, only the way to it."""

from __future__ import annotations

import json
import math
import os
import sys
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from gevent import subprocess

from bench import sipp
from bench.figures import across, percentile, percentiles, table, write_raw
from bench.fleet import NUMBERS_PER_KIND, PIN, open_room, pin_room
from bench.ground import second_door
from bench.machine import cpu_seconds, is_realtime, open_sockets, origin, resident_bytes, share_priority
from callcontrol.tenants import Access, load_folder
from tests.patience import PATIENCE

HOME = Path(__file__).parent.parent


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_the_value_so_many_do_not_exceed(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_one_value_is_every_percentile_and_none_is_no_number() -> None:
    assert set(percentiles([7.0]).values()) == {7.0}
    assert all(math.isnan(value) for value in percentiles([]).values())
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_several_rounds_are_told_as_median_and_range() -> None:
    assert across([3.0, 1.0, 2.5], 1) == "2.5 (1.0-3.0)"
    assert across([4.2], 1) == "4.2"
    assert across([math.nan]) == "-"


def test_a_table_is_markdown_with_its_numbers_to_the_right() -> None:
    assert table(("what", "ms"), [("a", "5"), ("longer", "12")]).splitlines() == [
        "| what   | ms |",
        "| ------ | -: |",
        "| a      |  5 |",
        "| longer | 12 |",
    ]


def test_raw_values_keep_the_time_and_the_name_in_the_file_name(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "new", "burst", datetime(2026, 11, 21, 9, 5, 7), {"served": 50})
    assert path.name == "20261121-090507-burst.json"
    assert json.loads(path.read_text()) == {"served": 50}


def test_sipp_is_told_rate_number_length_and_ports() -> None:
    load = sipp.Load(port=5080, rate=50, calls=600, hold=1.5)
    line = sipp.command("/usr/bin/sipp", load, callers=Path("callers.csv"), sip_port=5070, voice_port=4000)
    assert line[:2] == ["/usr/bin/sipp", "127.0.0.1:5080"]
    assert {line[place]: line[place + 1] for place in range(len(line) - 1)}.items() >= {
        "-r": "50",
        "-m": "600",
        "-l": "600",
        "-d": "1500",
        "-p": "5070",
        "voice_port": "4000",
        "-inf": "callers.csv",
    }.items()


def test_callers_differ_and_dial_all_numbers_in_turn(tmp_path: Path) -> None:
    sipp.write_callers(tmp_path / "callers.csv", ["+491", "+492"])
    first, *lines = (tmp_path / "callers.csv").read_text().splitlines()
    assert first == "SEQUENTIAL"
    assert len({line.split(";")[0] for line in lines}) == len(lines) == 1000
    assert [line.split(";")[1] for line in lines[:3]] == ["+491", "+492", "+491"]


def test_what_sipp_wrote_becomes_seconds_and_counts(tmp_path: Path) -> None:
    (tmp_path / "caller_17_rtt.csv").write_text(
        "Date_ms;response_time_ms;rtd_no\n40.001;28;answer\n48.001;24.5;answer\n"
    )
    head = "SuccessfulCall(P);SuccessfulCall(C);FailedCall(C);Retransmissions(C);"
    (tmp_path / sipp.STATISTICS).write_text(f"{head}\n1;1;0;0;\n1;2;3;4;\n")
    assert sipp.read_outcome(tmp_path, 0.5) == sipp.Outcome(
        [0.028, 0.0245], succeeded=2, failed=3, retransmitted=4, cpu=0.5
    )


def test_a_round_without_any_call_says_what_sipp_said(tmp_path: Path) -> None:
    (tmp_path / "output.txt").write_text("Unable to bind main socket")
    with pytest.raises(RuntimeError, match="Unable to bind"):
        sipp.read_outcome(tmp_path, 0.0)


def test_the_second_door_is_the_trunk_but_for_name_port_and_context() -> None:
    trunk = (HOME / "freeswitch-conf" / "sip_profiles" / "trunk.xml").read_text(encoding="utf-8")
    ours, other = (ElementTree.fromstring(text) for text in (trunk, second_door(trunk, 5099)))
    before, after = ({p.get("name"): p.get("value") for p in tree.iter("param")} for tree in (ours, other))
    assert other.get("name") == "reference"
    assert after == before | {"sip-port": "5099", "context": "reference"}
    assert [e.attrib for e in other.iter("X-PRE-PROCESS")] == [e.attrib for e in ours.iter("X-PRE-PROCESS")]


def test_every_number_dialled_leads_to_a_room_of_the_kind_measured() -> None:
    tenants, problems = load_folder(HOME / "bench" / "tenants", {})
    assert problems == []
    rooms = tenants.by_id["bench"].rooms
    for number, access in ((open_room, Access.OPEN), (pin_room, Access.PIN)):
        found = [tenants.find_number(number(place)) for place in range(2 * NUMBERS_PER_KIND)]
        assert {rooms[f[1].room_names[0]].access for f in found if f is not None} == {access}
        assert None not in found
    assert {room.pin.get_secret_value() for room in rooms.values() if room.pin is not None} == {PIN}


def test_a_process_is_known_by_its_own_clock_memory_and_sockets() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert 0 <= cpu_seconds(process.pid) < 60
        assert resident_bytes(process.pid) > 0
        assert open_sockets(process.pid) == 0
        process.communicate(b"\n")


def test_an_ordinary_process_is_not_realtime_and_may_stay_ordinary() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        share_priority(process.pid, os.getpid(), alike=False)
        assert not is_realtime(process.pid)
        process.communicate(b"\n")


def test_the_origin_of_figures_names_versions_and_load() -> None:
    told = origin({"PATH": ""})
    assert told["FreeSWITCH"] == "none found"
    assert "greenswitch 0.0.19" in told["Python"]
    assert len(told["load average"].split()) == 3


def test_fifty_calls_at_once_are_all_served_and_leave_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "burst", "--quick", "--calls", "50", "--raw", str(tmp_path)]
    ran = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=4 * PATIENCE, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (raw,) = tmp_path.glob("*-burst.json")
    (result,) = json.loads(raw.read_text())["result"]
    assert (result["calls"], result["served"], len(result["answers"])) == (50, 50, 50)
    assert result["left_behind"] == {"greenlets": 0, "sockets": 0}


def test_without_freeswitch_the_answer_time_is_not_measured_and_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "answer", "--quick", "--raw", str(tmp_path)]
    nowhere = {"PATH": str(tmp_path), "PYTHONPATH": str(HOME)}
    ran = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=PATIENCE, check=False, env=nowhere)
    assert ran.returncode == 1
    assert "no FreeSWITCH: set FREESWITCH to its binary" in ran.stdout
