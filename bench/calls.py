"""CPU of one short call: connect, answer, prompt, PIN, prompt, room, hang-up; beside greenswitch's own server.

Closed loop: so many callers at a time, the next dials when one is through. That says what a call costs, not how long
it takes under load. Rounds of the three kinds are interleaved, so that a busy moment of the machine meets all.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import gevent

from bench.figures import across, table
from bench.fleet import PIN, Fleet, await_ends, await_rooms, fleet_and_daemon, open_room, pin_room, story, warm_up
from bench.machine import HOME
from bench.subject import Daemon, Peer, Subject

AT_ONCE = 20
PATIENCE_SECONDS = 20.0
KINDS = ("callcontrol, PIN", "greenswitch, PIN", "callcontrol, open room")
HEAD = ("call", "CPU ms/call", "calls/s and core", "beside the peer", "failed", "switch CPU ms/call")


@dataclass(frozen=True)
class Round:
    """One round of ``calls`` calls: CPU seconds of the process under test and of the switch."""

    kind: str
    calls: int
    failed: int
    cpu: float
    switch_cpu: float


def measure(folder: Path, rounds: int, calls: int) -> list[Round]:
    """``rounds`` rounds of ``calls`` calls of each kind."""
    with fleet_and_daemon(folder, AT_ONCE) as (fleet, daemon):
        peer = Peer(folder, HOME / "prompts")
        try:
            warm_up(fleet, daemon)
            _round(fleet, peer, KINDS[1], 3 * AT_ONCE)
            return [
                _round(fleet, peer if kind == KINDS[1] else daemon, kind, calls)
                for _ in range(rounds)
                for kind in KINDS
            ]
        finally:
            peer.stop()


def _round(fleet: Fleet, subject: Subject, kind: str, calls: int) -> Round:
    fleet.reach(subject.address)
    cpu, own = subject.cpu(), fleet.cpu()
    number = open_room if kind == KINDS[2] else pin_room
    places, failures = count(), []

    def one_after_the_other() -> None:
        while (place := next(places)) < calls:
            phone = fleet.caller().calls(number(place)).presses(PIN)
            await_rooms([phone], PATIENCE_SECONDS)
            if story(phone).joined is None:
                failures.append(str(phone.transcript))
            if phone.session is not None and not phone.session.over:
                phone.hangs_up()
            await_ends([phone], PATIENCE_SECONDS)

    gevent.joinall([gevent.spawn(one_after_the_other) for _ in range(AT_ONCE)], raise_error=True)
    if isinstance(subject, Daemon):
        subject.wait_idle()
    gevent.sleep(1.5)  # the peer notices the end of a session by polling once a second
    return Round(kind, calls, len(failures), subject.cpu() - cpu, fleet.cpu() - own)


def report(rounds: Sequence[Round]) -> str:
    """The table; the ratio is of the medians, peer over product, for the same call."""
    cost = {kind: statistics.median(_milliseconds(rounds, kind)) for kind in KINDS}
    return table(HEAD, [_row(rounds, kind, cost[KINDS[1]] / cost[kind]) for kind in KINDS])


def _row(rounds: Sequence[Round], kind: str, ratio: float) -> tuple[str, ...]:
    own = [one for one in rounds if one.kind == kind]
    spent = _milliseconds(rounds, kind)
    return (
        kind,
        across(spent, 2),
        f"{1000 / statistics.median(spent):.0f}",
        "1" if kind == KINDS[1] else f"{ratio:.1f} times less" if kind == KINDS[0] else "",
        f"{sum(one.failed for one in own)} of {sum(one.calls for one in own)}",
        across([one.switch_cpu / one.calls * 1000 for one in own], 2),
    )


def _milliseconds(rounds: Sequence[Round], kind: str) -> list[float]:
    return [one.cpu / one.calls * 1000 for one in rounds if one.kind == kind]
