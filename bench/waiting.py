"""Callers who are asked for their PIN and say nothing: the memory and the CPU each costs the daemon.

The prompt is kept open by the switch, so the daemon has nothing to do but to wait. The callers come in small groups:
a burst would add the memory of its own peak.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gevent

from bench.figures import table
from bench.fleet import Fleet, fleet_and_daemon, hang_up, pin_room, settled, warm_up
from bench.machine import resident_bytes
from bench.subject import Daemon
from callcontrol.rehearsal import Phone

GROUP = 20
HEAR_SECONDS = 60.0
PROMPT = "enter-pin"
HEAD = ("callers waiting", "memory KiB/caller", "CPU µs/caller and s", "of it above idle", "idle daemon CPU µs/s")


@dataclass(frozen=True)
class Waiting:
    """Bytes resident before the callers, with them, and after them; CPU seconds of the daemon within ``seconds``."""

    callers: int
    seconds: float
    bytes_before: int
    bytes_with: int
    bytes_after: int
    cpu_idle: float
    cpu_waiting: float
    held_before: dict[str, int]
    held_with: dict[str, int]
    left_behind: dict[str, int]


def measure(folder: Path, callers: int, seconds: float) -> Waiting:
    """``callers`` at the prompt for ``seconds``, after as long without any."""
    with fleet_and_daemon(folder, callers) as (fleet, daemon):
        warm_up(fleet, daemon)
        idle, before, held_before = _watch(daemon, seconds), resident_bytes(daemon.pid), daemon.held_at_rest()
        phones = _everybody_waits(fleet, callers)
        held = daemon.held()
        waiting, during = _watch(daemon, seconds), resident_bytes(daemon.pid)
        hang_up(phones)
        left = settled(daemon, held_before)
        after = resident_bytes(daemon.pid)
    return Waiting(callers, seconds, before, during, after, idle, waiting, held_before, held, left)


def _everybody_waits(fleet: Fleet, callers: int) -> list[Phone]:
    phones: list[Phone] = []
    while len(phones) < callers:
        group = [fleet.caller() for _ in range(min(GROUP, callers - len(phones)))]
        for place, phone in enumerate(group):
            phone.calls(pin_room(place)).keeps_listening(PROMPT)
        for phone in group:
            if not phone.transcript.wait(partial(_is_asked, phone), HEAR_SECONDS):
                raise RuntimeError(f"a caller was not asked for the PIN:\n{phone.transcript}")
        phones += group
    return phones


def _is_asked(phone: Phone) -> bool:
    return any(step.text == PROMPT for step in phone.transcript.steps)


def _watch(daemon: Daemon, seconds: float) -> float:
    """CPU seconds the daemon uses while nothing happens for so long."""
    gevent.sleep(1.0)
    cpu, until = daemon.cpu(), time.monotonic() + seconds
    gevent.sleep(max(0.0, until - time.monotonic()))
    return daemon.cpu() - cpu


def report(result: Waiting) -> str:
    """The table, and what was held and left behind."""
    per_second = 1e6 / result.seconds
    above_idle = (result.cpu_waiting - result.cpu_idle) * per_second / result.callers
    row = (
        f"{result.callers}",
        f"{(result.bytes_with - result.bytes_before) / result.callers / 1024:.1f}",
        f"{result.cpu_waiting * per_second / result.callers:.2f}",
        f"{above_idle:.2f}",
        f"{result.cpu_idle * per_second:.0f}",
    )
    held = ", ".join(
        f"{name} {result.held_before[name]} before, {result.held_with[name]} meanwhile, {result.left_behind[name]} left"
        for name in result.held_before
    )
    return f"{table(HEAD, [row])}\n\n{held[0].upper()}{held[1:]}."
