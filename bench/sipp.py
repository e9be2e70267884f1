"""sipp as a fleet of SIP callers: its command line, and what it wrote about each call."""

from __future__ import annotations

import csv
import os
import resource
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gevent import subprocess

from bench import machine

SCENARIO = Path(__file__).with_name("freeswitch") / "caller.xml"
TAIL_SECONDS = 60.0  # for the last calls, and for those that must run into sipp's own deadlines
STATISTICS = "statistics.csv"


@dataclass(frozen=True)
class Load:
    """``calls`` calls to SIP port ``port``, ``rate`` a second, each ``hold`` seconds long after its answer."""

    port: int
    rate: int
    calls: int
    hold: float


@dataclass(frozen=True)
class Outcome:
    """``answers``: seconds from INVITE to 200 of each answered call; ``cpu``: CPU seconds of sipp itself."""

    answers: list[float]
    succeeded: int
    failed: int
    retransmitted: int
    cpu: float


def find_sipp(environ: Mapping[str, str]) -> str | None:
    """sipp on PATH, or None."""
    return shutil.which("sipp", path=environ.get("PATH", ""))


def command(sipp: str, load: Load, *, callers: Path, sip_port: int, voice_port: int) -> list[str]:
    """The command line of one round."""
    return [
        sipp,
        f"127.0.0.1:{load.port}",
        *("-sf", str(SCENARIO), "-inf", str(callers), "-key", "voice_port", str(voice_port)),
        *("-i", "127.0.0.1", "-p", str(sip_port), "-t", "u1"),
        *("-r", str(load.rate), "-m", str(load.calls), "-l", str(load.calls), "-d", str(round(load.hold * 1000))),
        *("-trace_rtt", "-rtt_freq", "1", "-trace_err", "-trace_stat", "-stf", STATISTICS, "-fd", "1", "-nostdin"),
    ]


def write_callers(path: Path, numbers: list[str]) -> None:
    """The file of callers and the numbers they dial, one after the other and from the beginning again."""
    lines = [f"+4930555{place:04};{numbers[place % len(numbers)]}" for place in range(1000)]
    path.write_text("\n".join(["SEQUENTIAL", *lines]) + "\n")


def run(sipp: str, load: Load, *, callers: Path, folder: Path) -> Outcome:
    """One round, its files in ``folder``. RuntimeError when sipp does not come to its end."""
    folder.mkdir(parents=True)
    before = _children_cpu()
    with socket.socket(type=socket.SOCK_DGRAM) as nobody, (folder / "output.txt").open("wb") as output:
        nobody.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # voice is dropped by the kernel, without an ICMP
        nobody.bind(("127.0.0.1", 0))
        (sip_port,) = machine.free_ports(1)
        line = command(sipp, load, callers=callers, sip_port=sip_port, voice_port=nobody.getsockname()[1])
        process = subprocess.Popen(
            line, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=_plain_terminal()
        )
        _wait(process, load.calls / load.rate + load.hold + TAIL_SECONDS)
    return read_outcome(folder, _children_cpu() - before)


def read_outcome(folder: Path, cpu: float) -> Outcome:
    """What sipp wrote into ``folder``."""
    rtt = next(folder.glob("*_rtt.csv"), None)
    statistics = folder / STATISTICS
    if rtt is None or not statistics.exists():
        raise RuntimeError(f"sipp made no calls: {(folder / 'output.txt').read_text(errors='replace')[-1000:]}")
    last = read_statistics(statistics)
    return Outcome(
        answers=read_answers(rtt),
        succeeded=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        retransmitted=int(last["Retransmissions(C)"]),
        cpu=cpu,
    )


def read_answers(path: Path) -> list[float]:
    """Seconds from INVITE to 200 of each answered call: the second column of -trace_rtt, in milliseconds."""
    with path.open(newline="") as lines:
        rows = csv.reader(lines, delimiter=";")
        next(rows, None)
        return [float(row[1]) / 1000 for row in rows if len(row) > 1]


def read_statistics(path: Path) -> dict[str, str]:
    """The last line of -trace_stat by column."""
    with path.open(newline="") as lines:
        last: dict[str, str] = {}
        for last in csv.DictReader(lines, delimiter=";"):  # noqa: B007 - only the last one says it all
            pass
    return last


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise RuntimeError(f"sipp did not end within {seconds:.0f} s") from None


def _children_cpu() -> float:
    """CPU seconds of all our children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _plain_terminal() -> dict[str, str]:
    """sipp draws on a terminal and does not start without the name of one."""
    return dict(os.environ) | {"TERM": "xterm"}
