"""From a key to its effect in a room where people come and go: ``*6``, muted and unmuted in turn.

The key ends with its last RFC 4733 packet. Its effect is FreeSWITCH's event that the member is muted, and that the
member's tone is gone from what another one hears (or is back). While a key is held down a telephone sends no voice: a
tone that was not heard again after the key was gone after no time.
"""

from __future__ import annotations

import math
import random
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import gevent

from bench.figures import percentiles, table
from bench.rooms_ground import BUSY, TENANT, Ground, until
from bench.rooms_phones import Heard, Phone
from bench.rooms_sound import SILENCE, Ear, tone
from bench.rooms_witness import Seen
from callcontrol import greenlets

HERTZ = 1350
ROOM = f"{TENANT}.busy"
LATE_SECONDS = 5.0  # an effect that comes later is counted as missing
HEAR_SECONDS = 0.2  # from the event of the effect until it must be in another's ear
PACKET_SECONDS = 0.02
STAYS = 3  # seconds somebody who comes and goes is there
INTERVAL = 5.0  # callcontrol says at most one announcement to a room in so many seconds
HEAD = ("members", "from the key to", "p50 ms", "p95 ms", "p99 ms", "max ms", "missing")


@dataclass(frozen=True)
class Press:
    """Seconds from the end of the key; None for what did not happen. ``mutes``: and does not unmute."""

    mutes: bool
    key: float | None
    event: float | None
    heard: float | None


STAGES: dict[str, Callable[[Press], float | None]] = {
    "FreeSWITCH's event of the key": lambda press: press.key,
    "its event of the effect": lambda press: press.event,
    "silence in another's ear": lambda press: press.heard if press.mutes else math.nan,
    "sound in another's ear": lambda press: press.heard if not press.mutes else math.nan,
}


@dataclass(frozen=True)
class Keys:
    """``announced``: when each announcement began, and to whom: a number, or empty for the whole room."""

    members: int
    presses: list[Press]
    came: int
    went: int
    announced: list[tuple[float, str]]


def measure(ground: Ground, sizes: Sequence[int], presses: int) -> list[Keys]:
    """So many presses in rooms of each size."""
    return [_room(ground, size, presses) for size in sizes]


def _room(ground: Ground, size: int, presses: int) -> Keys:
    crowd = ground.crowd(size, BUSY, ROOM, voice=SILENCE)
    presser, listener = crowd[0], crowd[-1]
    presser.voice = tone(HERTZ)
    with _coming_and_going(ground):
        gevent.sleep(2 * STAYS)
        ground.witness.forget()
        pressed: list[Press] = []
        for _ in range(presses):
            muted = sum(press.event is not None for press in pressed) % 2 == 1
            pressed.append(_press(ground, presser, listener, mutes=not muted))
    seen = ground.witness.seen()
    ground.disperse(crowd, ROOM)
    counts = Counter(event.action for event in seen if event.room == ROOM)
    return Keys(
        size,
        pressed,
        counts["add-member"],
        counts["del-member"],
        [(event.at, event.number) for event in seen if _announces(event) and event.number != presser.number],
    )


def _announces(event: Seen) -> bool:
    return event.room == ROOM and event.action in ("play-file", "play-file-member")


@contextmanager
def _coming_and_going(ground: Ground) -> Iterator[None]:
    """Every second somebody dials, and somebody who is in the room hangs up."""
    here: list[Phone] = []

    def turn() -> None:
        while True:
            here.append(ground.guest(BUSY))
            inside = [phone for phone in here if phone.answered is not None]
            if len(inside) > STAYS:
                inside[0].hangs_up()
                here.remove(inside[0])
            gevent.sleep(1.0)

    greenlet = greenlets.spawn("coming and going", turn)
    try:
        yield
    finally:
        greenlet.kill()
        until(lambda: all(phone.answered is not None for phone in here), "all are answered")
        for phone in here:
            phone.hangs_up()


def _press(ground: Ground, presser: Phone, listener: Phone, *, mutes: bool) -> Press:
    gevent.sleep(random.uniform(0.05, 0.25))
    listener.forgets()
    began, effect_event = time.time(), "mute-member" if mutes else "unmute-member"
    presser.presses("*6")
    until(lambda: presser.keyed_at > 0, "the key is pressed")
    released = presser.keyed_at
    with suppress(RuntimeError):
        until(lambda: _last(ground, presser, began, effect_event) is not None, "an effect", LATE_SECONDS)
    gevent.sleep(HEAR_SECONDS)
    key, done = _last(ground, presser, began, "DTMF"), _last(ground, presser, began, effect_event)
    return Press(
        mutes,
        key - released if key else None,
        done - released if done else None,
        effect(listener.heard(), Ear(HERTZ), released, gone=mutes),
    )


def _last(ground: Ground, phone: Phone, since: float, action: str) -> float | None:
    """When the last such event of a telephone came."""
    times = [event.at for event in ground.witness.seen(since) if (event.number, event.action) == (phone.number, action)]
    return times[-1] if times else None


def effect(heard: Sequence[Heard], ear: Ear, released: float, *, gone: bool) -> float | None:
    """Seconds from ``released`` until the tone was ``gone`` for good, or there again; None when it was not."""
    hears = [(packet.at, ear.hears(packet.payload)) for packet in heard]
    sounding = [at for at, tone_is_there in hears if tone_is_there]
    if not gone:
        back = next((at for at in sounding if at >= released), None)
        return back - released if back is not None else None
    if not hears or (sounding and sounding[-1] == hears[-1][0]):
        return None
    return max(0.0, sounding[-1] + PACKET_SECONDS - released) if sounding else 0.0


def most_within(times: Sequence[float], seconds: float) -> int:
    """The most that happened within any ``seconds``."""
    ordered = sorted(times)
    return max((bisect_left(ordered, at + seconds) - place for place, at in enumerate(ordered)), default=0)


def report(measured: Sequence[Keys]) -> str:
    """The table, and what the room was told meanwhile."""
    rows = [_row(keys, stage) for keys in measured for stage in STAGES]
    return "\n\n".join([table(HEAD, rows), *map(_told, measured)])


def _row(keys: Keys, stage: str) -> tuple[str, ...]:
    values = [value for press in keys.presses if (value := STAGES[stage](press)) is None or not math.isnan(value)]
    known = [value * 1000 for value in values if value is not None]
    figures = (f"{value:.0f}" for value in percentiles(known).values())
    return (f"{keys.members}", stage, *figures, f"{len(values) - len(known)} of {len(values)}")


def busiest(announced: Sequence[tuple[float, str]], seconds: float) -> int:
    """The most announcements any one member heard within ``seconds``; those to the whole room count for each."""
    everybody = [at for at, whom in announced if not whom]
    listeners = {whom for _, whom in announced}
    own = ([at for at, whom in announced if whom and whom == listener] for listener in listeners)
    return max((most_within(everybody + times, seconds) for times in own), default=0)


def _told(keys: Keys) -> str:
    most = busiest(keys.announced, INTERVAL - 0.1)
    commands = most_within([at for at, _ in keys.announced], 1.0)
    flood = "" if most <= 1 else " That is more than one."
    return (
        f"Room of {keys.members}: {keys.came} came and {keys.went} went meanwhile. Who pressed nothing heard {most} "
        f"announcements at most within {INTERVAL:g} s; {commands} commands at most within a second made them.{flood}"
    )
