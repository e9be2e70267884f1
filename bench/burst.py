"""Many calls in the same moment: how many are served, and when each is answered.

The rehearsal switch costs more CPU than the daemon, so the seconds until the last answer are mostly the switch's own;
what counts is that none is lost, and the CPU of each side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import percentiles, table
from bench.fleet import Fleet, await_rooms, fleet_and_daemon, hang_up, open_room, settled, story, warm_up
from bench.subject import Daemon

PATIENCE_SECONDS = 120.0
HEAD = (
    "calls at once",
    "served",
    "lost",
    "answer p50 ms",
    "p99 ms",
    "max ms",
    "daemon CPU ms/call",
    "switch CPU ms/call",
)


@dataclass(frozen=True)
class Burst:
    """``calls`` at once: how many reached their room, seconds from dialling to each answer, what was left behind."""

    calls: int
    served: int
    answers: list[float]
    daemon_cpu: float
    switch_cpu: float
    left_behind: dict[str, int]


def measure(folder: Path, sizes: Sequence[int]) -> list[Burst]:
    """One burst of each size, all at the same daemon."""
    with fleet_and_daemon(folder, max(sizes)) as (fleet, daemon):
        warm_up(fleet, daemon)
        return [_burst(fleet, daemon, size) for size in sizes]


def _burst(fleet: Fleet, daemon: Daemon, size: int) -> Burst:
    before = daemon.held_at_rest()
    phones = [fleet.caller() for _ in range(size)]
    cpu, own = daemon.cpu(), fleet.cpu()
    for place, phone in enumerate(phones):
        phone.calls(open_room(place))
    await_rooms(phones, PATIENCE_SECONDS)
    daemon.wait_idle()
    cpu, own = daemon.cpu() - cpu, fleet.cpu() - own
    stories = [story(phone) for phone in phones]
    hang_up(phones)
    return Burst(
        calls=size,
        served=sum(one.joined is not None for one in stories),
        answers=sorted(one.answered for one in stories if one.answered is not None),
        daemon_cpu=cpu,
        switch_cpu=own,
        left_behind=settled(daemon, before),
    )


def report(bursts: Sequence[Burst]) -> str:
    """The table, and what was left behind."""
    left = [f"{count} {name} of {burst.calls} calls" for burst in bursts for name, count in burst.left_behind.items()]
    return f"{table(HEAD, [_row(burst) for burst in bursts])}\n\nLeft behind after hang-up: {', '.join(left)}."


def _row(burst: Burst) -> tuple[str, ...]:
    seconds = percentiles(burst.answers)
    return (
        f"{burst.calls}",
        f"{burst.served}",
        f"{burst.calls - burst.served}",
        *(f"{seconds[name] * 1000:.0f}" for name in ("p50", "p99", "max")),
        f"{burst.daemon_cpu / burst.calls * 1000:.2f}",
        f"{burst.switch_cpu / burst.calls * 1000:.2f}",
    )
