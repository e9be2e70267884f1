"""A participant and the moderator join at the same instant: nobody may be left waiting.

Both dial so that they would arrive together, from what the pairs before took; who really is first is chance.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import gevent

from bench.figures import table
from bench.rooms_ground import RACES, TENANT, Ground, race_room, until
from bench.rooms_phones import Phone
from bench.rooms_sound import Ear, tone

HERTZ = 1350
JITTER = 0.03  # s, to either side
APART = 0.06  # s between two pairs
HEAR_SECONDS = 3.0
HEAD = ("pairs", "left waiting", "moderator first", "apart p50 ms", "within 20 ms of each other")


@dataclass(frozen=True)
class Pair:
    """``ahead``: seconds the participant was in the conference before the moderator (negative: after); ``heard``:
    whether he then heard the moderator."""

    ahead: float
    heard: bool


def measure(ground: Ground, pairs: int) -> list[Pair]:
    """So many pairs, in batches of RACES rooms."""
    ran: list[Pair] = []
    later = 0.0  # how much later than the moderator the participant dials
    while len(ran) < pairs:
        batch = _batch(ground, min(RACES, pairs - len(ran)), later)
        later += statistics.median(pair.ahead for pair in batch)
        ran += batch
    return ran


def _batch(ground: Ground, pairs: int, later: float) -> list[Pair]:
    phones = _dial(ground, pairs, later)
    rooms = [f"{TENANT}.race-{place}" for place in range(pairs)]
    until(lambda: len(_arrivals(ground)) == 2 * pairs, "all pairs are in their rooms")
    arrivals = _arrivals(ground)
    hearing = _hearing([guest for guest, _ in phones])
    ran = [
        Pair(arrivals[room, moderator.number] - arrivals[room, guest.number], guest in hearing)
        for room, (guest, moderator) in zip(rooms, phones, strict=True)
    ]
    ground.disperse([phone for pair in phones for phone in pair], *rooms)
    return ran


def _arrivals(ground: Ground) -> dict[tuple[str, str], float]:
    return {(e.room, e.number): e.at for e in ground.witness.seen() if e.action == "add-member"}


def _dial(ground: Ground, pairs: int, later: float) -> list[tuple[Phone, Phone]]:
    voice, began, dials = tone(HERTZ), time.monotonic() + max(0.0, -later) + JITTER, []
    for place in range(pairs):
        dials.append((place * APART, place, True))
        dials.append((place * APART + later + random.uniform(-JITTER, JITTER), place, False))
    made: dict[tuple[int, bool], Phone] = {}
    for at, place, moderates in sorted(dials):
        gevent.sleep(max(0.0, began + at - time.monotonic()))
        dial = ground.moderator if moderates else ground.guest
        made[place, moderates] = dial(race_room(place), voice=voice if moderates else None)
    return [(made[place, False], made[place, True]) for place in range(pairs)]


def _hearing(guests: Sequence[Phone]) -> set[Phone]:
    """Who of them hears the tone now."""
    ear, hearing, expires = Ear(HERTZ), set[Phone](), time.monotonic() + HEAR_SECONDS
    while len(hearing) < len(guests) and time.monotonic() < expires:
        for guest in guests:
            if guest not in hearing and any(ear.hears(heard.payload) for heard in guest.heard()):
                hearing.add(guest)
        gevent.sleep(0.05)
    return hearing


def report(ran: Sequence[Pair]) -> str:
    """The table."""
    apart = [abs(pair.ahead) for pair in ran]
    row = (
        f"{len(ran)}",
        f"{sum(not pair.heard for pair in ran)}",
        f"{sum(pair.ahead < 0 for pair in ran)}",
        f"{statistics.median(apart) * 1000:.0f}",
        f"{sum(seconds <= 0.02 for seconds in apart)}",
    )
    return table(HEAD, [row])
