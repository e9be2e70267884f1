"""From a key to its effect in a room where people come and go: ``*6``, muted and unmuted in turn.

The key ends with its last RFC 4733 packet. Its effect is FreeSWITCH's event that the member is muted, and that the
member's tone is gone from what another one hears (or is back).
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
EFFECT_SECONDS = 0.45  # looked at after a key; an effect that comes later is counted as missing
LATE_SECONDS = 2.0
PACKET_SECONDS = 0.02
STAYS = 3  # seconds somebody who comes and goes is there
INTERVAL = 5.0  # callcontrol says at most one announcement to a room in so many seconds
HEAD = ("members", "from the key to", "p50 ms", "p95 ms", "p99 ms", "max ms", "missing")
STAGES = {
    "key": "FreeSWITCH's event of the key",
    "event": "the event of the effect",
    "heard": "the effect in another's ear",
}


@dataclass(frozen=True)
class Press:
    """Seconds from the end of the key; None for what did not happen."""

    key: float | None
    event: float | None
    heard: float | None


@dataclass(frozen=True)
class Keys:
    """``announcements``: when something was said to the whole room; ``private``: to one member, except the presser."""

    members: int
    presses: list[Press]
    came: int
    went: int
    announcements: list[float]
    private: list[float]


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
        pressed = [_press(ground, presser, listener) for _ in range(presses)]
    seen = ground.witness.seen()
    ground.disperse(crowd, ROOM)
    counts = Counter(event.action for event in seen if event.room == ROOM)
    return Keys(
        size,
        pressed,
        counts["add-member"],
        counts["del-member"],
        [event.at for event in seen if event.action == "play-file" and event.room == ROOM],
        [e.at for e in seen if e.action == "play-file-member" and e.room == ROOM and e.number != presser.number],
    )


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


def _press(ground: Ground, presser: Phone, listener: Phone) -> Press:
    gevent.sleep(random.uniform(0.05, 0.25))
    listener.forgets()
    presser.presses("*6")
    until(lambda: presser.keyed_at > 0, "the key is pressed")
    released = presser.keyed_at
    gevent.sleep(EFFECT_SECONDS)
    events = [event for event in ground.witness.seen(released - 0.1) if event.number == presser.number]
    muted = _latest(events, "mute-member", "unmute-member")
    if muted is None:  # too late for us; wait, or the next press would be taken for this one
        gevent.sleep(LATE_SECONDS)
        return Press(None, None, None)
    key = _latest(events, "DTMF")
    heard = effect(listener.heard(), Ear(HERTZ), released, gone=muted.action == "mute-member")
    return Press(key.at - released if key else None, muted.at - released, heard)


def _latest(events: Sequence[Seen], *actions: str) -> Seen | None:
    return next((event for event in reversed(events) if event.action in actions), None)


def effect(heard: Sequence[Heard], ear: Ear, released: float, *, gone: bool) -> float | None:
    """Seconds from ``released`` until the tone was ``gone`` for good, or there again; None when it was not."""
    hears = [(packet.at, ear.hears(packet.payload)) for packet in heard]
    sounding = [at for at, tone_is_there in hears if tone_is_there]
    if gone:
        if not hears or not sounding or sounding[-1] == hears[-1][0]:
            return None
        return sounding[-1] + PACKET_SECONDS - released
    back = next((at for at in sounding if at >= released), None)
    return back - released if back is not None else None


def most_within(times: Sequence[float], seconds: float) -> int:
    """The most that happened within any ``seconds``."""
    ordered = sorted(times)
    return max((bisect_left(ordered, at + seconds) - place for place, at in enumerate(ordered)), default=0)


def report(measured: Sequence[Keys]) -> str:
    """The table, and what the room was told meanwhile."""
    rows = [_row(keys, stage) for keys in measured for stage in STAGES]
    return "\n\n".join([table(HEAD, rows), *map(_told, measured)])


def _row(keys: Keys, stage: str) -> tuple[str, ...]:
    values = [getattr(press, stage) for press in keys.presses]
    known = [value * 1000 for value in values if value is not None]
    figures = (f"{value:.0f}" for value in percentiles(known).values())
    return (f"{keys.members}", STAGES[stage], *figures, f"{len(values) - len(known)} of {len(values)}")


def _told(keys: Keys) -> str:
    most = most_within(keys.announcements, INTERVAL - 0.1)
    flood = "" if most <= 1 else f" A FLOOD: {most} within {INTERVAL:g} s."
    return (
        f"Room of {keys.members}: {keys.came} came and {keys.went} went meanwhile; {len(keys.announcements)} announcements "
        f"to all, {most} at most within {INTERVAL:g} s; {len(keys.private)} to members who had pressed nothing, "
        f"{most_within(keys.private, 1.0)} at most within a second.{flood}"
    )
