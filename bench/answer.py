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
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gevent

from bench import ground, machine, sipp
from bench.figures import across, percentile, table
from bench.fleet import NUMBERS_PER_KIND, open_room
from bench.ground import CannotRun
from bench.subject import Daemon
from callcontrol.freeswitch import FreeSwitchProcess

OURS, ALIKE, REFERENCE = "callcontrol", "callcontrol, FreeSWITCH's priority", "FreeSWITCH's dialplan"
RTP_PORTS = (10000, 15998)
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
    site, caller = ground.site(ground.Files(folder / "directory"), RTP_PORTS), sipp.find_sipp(os.environ)
    if caller is None:
        raise CannotRun("no sipp on PATH (Debian: apt install sip-tester)")
    machine.allow_files(4096)
    callers = folder / "callers.csv"
    sipp.write_callers(callers, [open_room(place) for place in range(NUMBERS_PER_KIND)])
    with ground.running(folder, site, beside="reference.xml") as here:
        doors = {OURS: site.trunk, ALIKE: site.trunk, REFERENCE: site.reference}
        if not machine.is_realtime(here.freeswitch.pid or 0):
            del doors[ALIKE]
        yield Bench(here.freeswitch, here.daemon, doors, caller, callers, folder)


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
