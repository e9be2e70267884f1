"""Answer time on a real FreeSWITCH: callcontrol's number of an open room beside FreeSWITCH's own dialplan.

Both are numbers of the same FreeSWITCH: one behind the shipped trunk door, the other behind a second door that is a
copy of it but for its port and its context, where the dialplan answers and joins a conference by itself. FreeSWITCH
makes itself a realtime process where it may (switch_core.c set_auto_priority), and then nothing else runs while it
keeps all cores busy; so callcontrol is measured twice, as it was started and with FreeSWITCH's own priority. Rounds
are interleaved. Callers hang up a moment after the answer, as in a storm of short calls: most have not heard the
whole welcome by then.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import gevent

from bench import machine, sipp
from bench.figures import across, percentile, table
from bench.fleet import NUMBERS_PER_KIND, open_room
from bench.subject import Daemon, Switch
from callcontrol.freeswitch import FreeSwitchProcess, find_freeswitch

OURS, ALIKE, REFERENCE = "callcontrol", "callcontrol, FreeSWITCH's priority", "FreeSWITCH's dialplan"
RTP_PORTS = (10000, 15998)  # not those of vars.xml: a FreeSWITCH that runs here already may hold some of them
READY_SECONDS = 40.0
IDLE_SECONDS = 3.0
QUIET_SECONDS = 1.5  # after a round: the last BYE has to be worked off
HEAD = ("calls/s", "number", "p50 ms", "p95 ms", "p99 ms", "max ms", "failed", "daemon ms/call", "FreeSWITCH ms/call")


@dataclass(frozen=True)
class Round:
    """One round at one rate: seconds to each answer, CPU seconds of the daemon and of FreeSWITCH above its idle use."""

    rate: int
    who: str
    calls: int
    failed: int
    retransmitted: int
    answers: list[float]
    daemon_cpu: float
    freeswitch_cpu: float
    sipp_cpu: float


@dataclass(frozen=True)
class Bench:
    """A FreeSWITCH with both doors, and the daemon behind the first."""

    freeswitch: FreeSwitchProcess
    daemon: Daemon
    doors: dict[str, int]
    sipp: str
    callers: Path
    folder: Path


class CannotRun(Exception):
    """Something this measurement needs is not here; the text says what to do."""


def measure(folder: Path, rates: Sequence[int], rounds: int, seconds: float, hold: float) -> list[Round]:
    """``rounds`` rounds of ``seconds`` at each rate, callers staying ``hold`` seconds. Raises CannotRun."""
    with _bench(folder) as bench:
        for who in bench.doors:
            _calls(bench, sipp.Load(bench.doors[who], 10, 20, 0.5), f"warm-up {who}")
        idle = _idle_cpu(bench)
        return [
            _round(bench, rate, who, number, round(rate * seconds), hold, idle)
            for rate in rates
            for number in range(rounds)
            for who in bench.doors
        ]


def _round(bench: Bench, rate: int, who: str, number: int, calls: int, hold: float, idle: float) -> Round:
    machine.share_priority(bench.daemon.pid, bench.freeswitch.pid or 0, alike=who == ALIKE)
    daemon, switch, began = bench.daemon.cpu(), _cpu(bench.freeswitch), time.monotonic()
    outcome = _calls(bench, sipp.Load(bench.doors[who], rate, calls, hold), f"{rate} {number} {who}")
    gevent.sleep(QUIET_SECONDS)
    bench.daemon.wait_idle()
    lasted = time.monotonic() - began
    return Round(
        rate=rate,
        who=who,
        calls=calls,
        failed=calls - outcome.succeeded,
        retransmitted=outcome.retransmitted,
        answers=outcome.answers,
        daemon_cpu=bench.daemon.cpu() - daemon,
        freeswitch_cpu=_cpu(bench.freeswitch) - switch - idle * lasted,
        sipp_cpu=outcome.cpu,
    )


def _calls(bench: Bench, load: sipp.Load, name: str) -> sipp.Outcome:
    return sipp.run(
        bench.sipp, load, callers=bench.callers, folder=bench.folder / "sipp" / name, switch=bench.freeswitch.pid or 0
    )


def _idle_cpu(bench: Bench) -> float:
    """CPU seconds FreeSWITCH uses in a second without calls."""
    gevent.sleep(QUIET_SECONDS)
    before = _cpu(bench.freeswitch)
    gevent.sleep(IDLE_SECONDS)
    return (_cpu(bench.freeswitch) - before) / IDLE_SECONDS


def _cpu(freeswitch: FreeSwitchProcess) -> float:
    return machine.cpu_seconds(freeswitch.pid or 0)


@contextmanager
def _bench(folder: Path) -> Iterator[Bench]:
    binary, caller = find_freeswitch(os.environ), sipp.find_sipp(os.environ)
    if binary is None:
        raise CannotRun("no FreeSWITCH: set FREESWITCH to its binary, or put it on PATH")
    if caller is None:
        raise CannotRun("no sipp on PATH (Debian: apt install sip-tester)")
    machine.allow_files(4096)
    trunk, extensions, reference, events, daemons = machine.free_ports(5)
    switch = Switch(events, secrets.token_urlsafe(16))
    callers = folder / "callers.csv"
    sipp.write_callers(callers, [open_room(place) for place in range(NUMBERS_PER_KIND)])
    conf, dialplan, directory = overlay(folder, reference)
    daemon = Daemon(folder, switch, listen=daemons)
    freeswitch = FreeSwitchProcess(
        binary,
        run_folder=folder / "freeswitch",
        conf=conf,
        dialplan=dialplan,
        directory=directory,
        prompts=machine.HOME / "prompts",
        trunk_port=trunk,
        extension_port=extensions,
        esl_port=events,
        esl_password=switch.password,
        daemons=f"127.0.0.1:{daemons}",
        rtp_ports=RTP_PORTS,
    )
    try:
        freeswitch.start()
        freeswitch.wait_ready(READY_SECONDS)
        daemon.wait_ready()
        doors = {OURS: trunk, ALIKE: trunk, REFERENCE: reference}
        if not machine.is_realtime(freeswitch.pid or 0):
            del doors[ALIKE]
        yield Bench(freeswitch, daemon, doors, caller, callers, folder)
    finally:
        daemon.stop()
        freeswitch.stop(15.0)


def overlay(folder: Path, port: int) -> tuple[Path, Path, Path]:
    """The shipped configuration and dialplan, untouched, with the second door beside them; and an empty directory."""
    conf, dialplan, directory = (folder / "switch" / name for name in ("conf", "dialplan", "directory"))
    shutil.copytree(machine.HOME / "freeswitch-conf", conf)
    shutil.copytree(machine.HOME / "dialplan", dialplan)
    directory.mkdir()
    shutil.copy(Path(__file__).with_name("freeswitch") / "reference.xml", dialplan)
    doors = conf / "sip_profiles"
    (doors / "reference.xml").write_text(reference_door((doors / "trunk.xml").read_text(encoding="utf-8"), port))
    return conf, dialplan, directory


def reference_door(trunk: str, port: int) -> str:
    """The trunk's SIP profile as one called ``reference``, on another port and into the context ``reference``."""
    profile = ElementTree.fromstring(trunk)
    profile.set("name", "reference")
    for param in profile.iter("param"):
        changed = {"context": "reference", "sip-port": str(port)}.get(param.get("name", ""))
        if changed is not None:
            param.set("value", changed)
    return ElementTree.tostring(profile, encoding="unicode") + "\n"


def report(rounds: Sequence[Round]) -> str:
    """The table: medians over the rounds, and the ranges."""
    pairs = list(dict.fromkeys((one.rate, one.who) for one in rounds))
    return table(HEAD, [_row([one for one in rounds if (one.rate, one.who) == pair]) for pair in pairs])


def _row(rounds: Sequence[Round]) -> tuple[str, ...]:
    shares = (0.50, 0.95, 0.99, 1.0)
    first = rounds[0]
    return (
        f"{first.rate}",
        first.who,
        *(across([percentile(one.answers, share) * 1000 for one in rounds if one.answers]) for share in shares),
        f"{sum(one.failed for one in rounds)} of {sum(one.calls for one in rounds)}",
        across([one.daemon_cpu / one.calls * 1000 for one in rounds], 2) if first.who != REFERENCE else "",
        across([one.freeswitch_cpu / one.calls * 1000 for one in rounds], 1),
    )
