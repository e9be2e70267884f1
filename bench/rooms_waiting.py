"""What callers cost who wait in a room for their moderator: FreeSWITCH alone holds them, the daemon must not notice.

The callers send voice, as telephones do. Beside it as many in a conference of FreeSWITCH's own dialplan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gevent

from bench.figures import table
from bench.machine import resident_bytes
from bench.rooms_ground import AUTOMATIC, TENANT, Ground
from bench.rooms_sound import SILENCE

ESTABLISHED = "01"
SETTLE_SECONDS = 3.0
HEAD = ("callers waiting", "where", "daemon CPU %", "daemon memory MiB", "FreeSWITCH CPU %", "sockets to the daemon")


@dataclass(frozen=True)
class Waiting:
    """CPU seconds within ``seconds``, bytes resident, outbound sockets open, while so many ``callers`` waited."""

    callers: int
    where: str
    seconds: float
    daemon_cpu: float
    daemon_bytes: int
    freeswitch_cpu: float
    sockets: int


def measure(ground: Ground, callers: int, seconds: float) -> list[Waiting]:
    """Nobody, then callers in callcontrol's room, then in the bare one; each watched for ``seconds``."""
    watched = [_watch(ground, 0, "nowhere", seconds)]
    for where, number, room in (("callcontrol", AUTOMATIC, f"{TENANT}.automatic"), ("bare wait-mod", "1", "reference")):
        crowd = ground.crowd(callers, number, room, bare=where != "callcontrol", voice=SILENCE)
        watched.append(_watch(ground, callers, where, seconds))
        ground.disperse(crowd, room)
    return watched


def _watch(ground: Ground, callers: int, where: str, seconds: float) -> Waiting:
    gevent.sleep(SETTLE_SECONDS)
    daemon, switch = ground.daemon.cpu(), ground.switch_cpu()
    gevent.sleep(seconds)
    return Waiting(
        callers=callers,
        where=where,
        seconds=seconds,
        daemon_cpu=ground.daemon.cpu() - daemon,
        daemon_bytes=resident_bytes(ground.daemon.pid),
        freeswitch_cpu=ground.switch_cpu() - switch,
        sockets=connections(Path("/proc/net/tcp").read_text(), ground.listens),
    )


def connections(table_of_sockets: str, port: int) -> int:
    """How many connections to local ``port`` stand, in the words of /proc/net/tcp."""
    rows = [line.split() for line in table_of_sockets.splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED for row in rows if len(row) > 3)


def report(watched: Sequence[Waiting]) -> str:
    """The table."""
    return table(HEAD, [_row(one) for one in watched])


def _row(one: Waiting) -> tuple[str, ...]:
    return (
        f"{one.callers}",
        one.where,
        f"{one.daemon_cpu / one.seconds * 100:.2f}",
        f"{one.daemon_bytes / 2**20:.1f}",
        f"{one.freeswitch_cpu / one.seconds * 100:.1f}",
        f"{one.sockets}",
    )
