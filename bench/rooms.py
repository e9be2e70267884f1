"""Moderated rooms on a real FreeSWITCH: admission, keys, waiting (docs/performance-rooms.md)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import rooms_admission, rooms_keys, rooms_waiting
from bench.rooms_ground import CUT_SECONDS, furnished


@dataclass(frozen=True)
class Plan:
    """How much of each is measured."""

    waiting: tuple[int, ...]
    rounds: int
    rooms: tuple[int, ...]
    presses: int
    crowd: int
    watched: float


FULL = Plan((3, 50, 200), 3, (3, 50), 100, 200, 20.0)
QUICK = Plan((3, 20), 1, (3,), 10, 20, 2.0)


@dataclass(frozen=True)
class Rooms:
    """All that was measured, and the seconds it took."""

    admission: list[rooms_admission.Round]
    waiting: list[rooms_waiting.Waiting]
    keys: list[rooms_keys.Keys]
    seconds: float


def measure(folder: Path, plan: Plan) -> Rooms:
    """All three, one after the other at the same FreeSWITCH and daemon. Raises CannotRun."""
    began = time.monotonic()
    with furnished(folder) as here:
        rooms_admission.measure(here, (10,), 1)  # nothing measured is done for the first time
        return Rooms(
            admission=rooms_admission.measure(here, plan.waiting, plan.rounds),
            waiting=rooms_waiting.measure(here, plan.crowd, plan.watched),
            keys=rooms_keys.measure(here, plan.rooms, plan.presses),
            seconds=time.monotonic() - began,
        )


def report(rooms: Rooms) -> str:
    """All tables."""
    parts: Sequence[tuple[str, str]] = (
        ("Admission: until those who wait hear the moderator", rooms_admission.report(rooms.admission)),
        ("Waiting: what it costs", rooms_waiting.report(rooms.waiting)),
        ("Keys: *6 while one comes and one goes every second", rooms_keys.report(rooms.keys)),
    )
    foot = f"Prompts are cut to {CUT_SECONDS:g} s here. It took {rooms.seconds:.0f} s."
    return "\n\n".join([f"{title}\n\n{text}" for title, text in parts] + [foot])
