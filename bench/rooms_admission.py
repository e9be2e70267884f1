"""How long it takes until everybody who waited hears the moderator.

Automatic: the moderator comes in speaking. Manual: the moderator is there, speaks, and presses ``*8``. Beside each what
FreeSWITCH does alone: a conference with wait-mod, and one emptied into another by 20 members per command.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gevent

from bench.figures import across, table
from bench.rooms_ground import AUTOMATIC, MANUAL, TENANT, Ground, until
from bench.rooms_phones import Phone
from bench.rooms_sound import Ear, tone

HERTZ = 1350  # between two notes of the music
IDS_PER_COMMAND = 20  # of mod_conference's 25 words
SETTLE_SECONDS = 1.0
LOOK_SECONDS = 1.0
PATIENCE = 20.0
HEAD = ("waiting", "way", "from", "first hears ms", "last hears ms", "of it until the conference ms", "deaf", "to bare")


@dataclass(frozen=True)
class Round:
    """Seconds from ``origin`` until the moderator was in the conference (0 where he was already), and until each waiter
    who heard the tone heard it."""

    size: int
    way: str
    origin: str
    entered: float
    heard: list[float]


def measure(ground: Ground, sizes: Sequence[int], rounds: int) -> list[Round]:
    """All ways in turn, ``rounds`` times for each number of waiting callers."""
    return [way(ground, size) for size in sizes for _ in range(rounds) for way in WAYS.values()]


def _bare_automatic(ground: Ground, size: int) -> Round:
    return _automatic(ground, size, BARE_AUTOMATIC, "1", "2", "reference")


def _our_automatic(ground: Ground, size: int) -> Round:
    return _automatic(ground, size, OUR_AUTOMATIC, AUTOMATIC, AUTOMATIC, f"{TENANT}.automatic")


def _automatic(ground: Ground, size: int, way: str, guests: str, moderators: str, room: str) -> Round:
    bare = way == BARE_AUTOMATIC
    crowd = ground.crowd(size, guests, room, bare=bare)
    _settle(crowd)
    moderator = ground.moderator(moderators, bare=bare, voice=tone(HERTZ))
    entered = _entered(ground, room, moderator)
    heard = _first_heard(crowd, entered)
    began = moderator.answered or 0.0
    ground.disperse([*crowd, moderator], room)
    return Round(size, way, "200 OK", entered - began, [at - began for at in heard])


def _bare_manual(ground: Ground, size: int) -> Round:
    crowd, moderator = _lobby_and_moderator(ground, size, ("3", "2"), ("reference.lobby", "reference"), bare=True)
    ids = [str(member["id"]) for member in ground.witness.members("reference.lobby")]
    _settle(crowd)
    began = time.time()
    for first in range(0, size, IDS_PER_COMMAND):
        words = " ".join(ids[first : first + IDS_PER_COMMAND])
        ground.witness.api(f"conference reference.lobby transfer reference@room {words}")
    heard = _first_heard(crowd, began)
    ground.disperse([*crowd, moderator], "reference", "reference.lobby")
    return Round(size, BARE_MANUAL, "command", 0.0, [at - began for at in heard])


def _our_manual(ground: Ground, size: int) -> Round:
    room = f"{TENANT}.manual"
    crowd, moderator = _lobby_and_moderator(ground, size, (MANUAL, MANUAL), (f"{room}.lobby", room), bare=False)
    _settle(crowd)
    moderator.presses("*8")
    until(lambda: moderator.keyed_at > 0, "the key is pressed")
    began = moderator.keyed_at
    heard = _first_heard(crowd, began)
    ground.disperse([*crowd, moderator], room, f"{room}.lobby")
    return Round(size, OUR_MANUAL, "key", 0.0, [at - began for at in heard])


def _lobby_and_moderator(
    ground: Ground, size: int, numbers: tuple[str, str], rooms: tuple[str, str], *, bare: bool
) -> tuple[list[Phone], Phone]:
    crowd = ground.crowd(size, numbers[0], rooms[0], bare=bare)
    moderator = ground.moderator(numbers[1], bare=bare, voice=tone(HERTZ))
    _entered(ground, rooms[1], moderator)
    gevent.sleep(SETTLE_SECONDS)  # until he has heard how many wait
    return crowd, moderator


def _settle(crowd: Sequence[Phone]) -> None:
    gevent.sleep(SETTLE_SECONDS)
    for phone in crowd:
        phone.forgets()


def _entered(ground: Ground, room: str, moderator: Phone) -> float:
    """When FreeSWITCH told that the moderator is a member."""

    def arrivals() -> list[float]:
        events = ground.witness.seen()
        return [e.at for e in events if e.action == "add-member" and e.room == room and e.number == moderator.number]

    until(lambda: bool(arrivals()), f"the moderator is in {room}")
    return arrivals()[-1]


def _first_heard(crowd: Sequence[Phone], began: float) -> list[float]:
    """When each first heard the tone; who heard nothing within PATIENCE is missing. Nobody looks while it happens."""
    ear, heard, deaf, expires = Ear(HERTZ), [], list(crowd), time.monotonic() + PATIENCE
    while deaf and time.monotonic() < expires:
        gevent.sleep(LOOK_SECONDS + len(deaf) / 200)
        still = []
        for phone in deaf:
            at = next((h.at for h in phone.heard() if h.at >= began and ear.hears(h.payload)), None)
            if at is None:
                still.append(phone)
            else:
                heard.append(at)
        deaf = still
    return sorted(heard)


BARE_AUTOMATIC, OUR_AUTOMATIC = "bare wait-mod", "callcontrol automatic"
BARE_MANUAL, OUR_MANUAL = "bare transfer", "callcontrol manual"
WAYS: dict[str, Callable[[Ground, int], Round]] = {
    BARE_AUTOMATIC: _bare_automatic,
    OUR_AUTOMATIC: _our_automatic,
    BARE_MANUAL: _bare_manual,
    OUR_MANUAL: _our_manual,
}
PEERS = {OUR_AUTOMATIC: BARE_AUTOMATIC, OUR_MANUAL: BARE_MANUAL}


def report(rounds: Sequence[Round]) -> str:
    """The table: medians over the rounds, and the ranges. ``to bare``: from the conference (or key) to the last."""
    pairs = list(dict.fromkeys((one.size, one.way) for one in rounds))
    return table(HEAD, [_row(rounds, size, way) for size, way in pairs])


def _row(rounds: Sequence[Round], size: int, way: str) -> tuple[str, ...]:
    mine = _of(rounds, size, way)
    peers = _of(rounds, size, PEERS.get(way, ""))
    ratio = f"{statistics.median(map(_work, mine)) / statistics.median(map(_work, peers)):.2f}" if peers else ""
    return (
        f"{size}",
        way,
        mine[0].origin,
        across([one.heard[0] * 1000 for one in mine if one.heard]),
        across([one.heard[-1] * 1000 for one in mine if one.heard]),
        across([one.entered * 1000 for one in mine]),
        f"{sum(one.size - len(one.heard) for one in mine)} of {sum(one.size for one in mine)}",
        ratio,
    )


def _of(rounds: Sequence[Round], size: int, way: str) -> list[Round]:
    return [one for one in rounds if (one.size, one.way) == (size, way)]


def _work(one: Round) -> float:
    return one.heard[-1] - one.entered if one.heard else float("inf")
