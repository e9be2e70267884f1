"""``python -m bench``: arguments, the order of the measurements, tables and raw files. docs/performance.md explains."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import click

from bench import answer, burst, calls, dialout, forwarding, ledger, ring, rooms, waiting
from bench.figures import write_raw
from bench.ground import CannotRun
from bench.machine import HOME, origin
from callcontrol.log import configure

RAW = HOME / "run" / "bench"


@dataclass(frozen=True)
class Plan:
    """How much of each is measured."""

    rates: tuple[int, ...]
    rounds: int
    seconds: float
    hold: float
    bursts: tuple[int, ...]
    waiting: int
    watched: float
    closed_rounds: int
    closed_calls: int
    rooms: rooms.Plan
    ledger: ledger.Plan
    dialout: dialout.Plan
    forwarding: forwarding.Plan
    ring: ring.Plan


FULL = Plan(
    (20, 50, 100),
    3,
    10.0,
    1.5,
    (1000, 2000),
    1000,
    20.0,
    5,
    400,
    rooms.FULL,
    ledger.FULL,
    dialout.FULL,
    forwarding.FULL,
    ring.FULL,
)
QUICK = Plan(
    (20,), 1, 3.0, 1.0, (200,), 100, 2.0, 1, 60, rooms.QUICK, ledger.QUICK, dialout.QUICK, forwarding.QUICK, ring.QUICK
)
Measured = tuple[object, str]


def _answer(folder: Path, plan: Plan) -> Measured:
    rounds = answer.measure(folder, plan.rates, plan.rounds, plan.seconds, plan.hold)
    return [asdict(one) for one in rounds], answer.report(rounds)


def _waiting(folder: Path, plan: Plan) -> Measured:
    result = waiting.measure(folder, plan.waiting, plan.watched)
    return asdict(result), waiting.report(result)


def _burst(folder: Path, plan: Plan) -> Measured:
    bursts = burst.measure(folder, plan.bursts)
    return [asdict(one) for one in bursts], burst.report(bursts)


def _calls(folder: Path, plan: Plan) -> Measured:
    rounds = calls.measure(folder, plan.closed_rounds, plan.closed_calls)
    return [asdict(one) for one in rounds], calls.report(rounds)


def _rooms(folder: Path, plan: Plan) -> Measured:
    result = rooms.measure(folder, plan.rooms)
    return asdict(result), rooms.report(result)


def _ledger(folder: Path, plan: Plan) -> Measured:
    result = ledger.measure(folder, plan.ledger)
    return asdict(result), ledger.report(result)


def _dialout(folder: Path, plan: Plan) -> Measured:
    result = dialout.measure(folder, plan.dialout)
    return asdict(result), dialout.report(result)


def _forwarding(folder: Path, plan: Plan) -> Measured:
    result = forwarding.measure(folder, plan.forwarding)
    return asdict(result), forwarding.report(result)


def _ring(folder: Path, plan: Plan) -> Measured:
    rounds = ring.measure(folder, plan.ring)
    return [asdict(one) for one in rounds], ring.report(rounds)


MEASUREMENTS: dict[str, Callable[[Path, Plan], Measured]] = {
    "calls": _calls,
    "waiting": _waiting,
    "burst": _burst,
    "answer": _answer,
    "rooms": _rooms,
    "ledger": _ledger,
    "forwarding": _forwarding,
    "dialout": _dialout,
    "ring": _ring,
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("what", type=click.Choice(["all", *MEASUREMENTS]), default="all")
@click.option("--quick", is_flag=True, help="small numbers, to see that it works; the figures mean little")
@click.option(
    "--calls", "many", type=click.IntRange(1), help="how many calls the burst has, instead of 1,000 and 2,000"
)
@click.option("--raw", type=click.Path(file_okay=False, path_type=Path), default=RAW, help="where the raw JSON goes")
def main(what: str, *, quick: bool, many: int | None, raw: Path) -> None:
    """Measure callcontrol: answer time, callers who wait, bursts, CPU per call, rooms, ledger, forwarding; on loopback.

    Exit status 1 when a burst lost a call, or when the one measurement asked for cannot run here.
    """
    configure(level="error")
    plan = QUICK if quick else FULL
    if many is not None:
        plan = replace(plan, bursts=(many,))
    came_from = origin(os.environ)
    click.echo("\n".join(f"{name:14}{value}" for name, value in came_from.items()))
    failed = [name for name in _chosen(what) if not _run(name, plan, came_from, raw, alone=what != "all")]
    raise SystemExit(1 if failed else 0)


def _chosen(what: str) -> Sequence[str]:
    return list(MEASUREMENTS) if what == "all" else [what]


def _run(name: str, plan: Plan, came_from: dict[str, str], raw: Path, *, alone: bool) -> bool:
    """One measurement, printed and written; whether all is well."""
    began, load = datetime.now().astimezone(), os.getloadavg()
    click.echo(f"\n{name}, {began:%Y-%m-%d %H:%M}, load average before {load[0]:.2f}\n")
    with tempfile.TemporaryDirectory(prefix="callcontrol-bench-", ignore_cleanup_errors=True) as folder:
        try:
            result, text = MEASUREMENTS[name](Path(folder), plan)
        except CannotRun as reason:
            click.echo(f"not measured: {reason}")
            return not alone
    everything = {"measurement": name, "at": began, "plan": asdict(plan), "origin": came_from, "load": load}
    path = write_raw(raw, name, began, everything | {"result": result})
    click.echo(f"{text}\n\nload average after {os.getloadavg()[0]:.2f}; raw values: {path}")
    return name != "burst" or all(one["served"] == one["calls"] for one in result)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
