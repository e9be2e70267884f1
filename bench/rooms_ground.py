"""Where rooms are measured: a FreeSWITCH with the shipped door and a reference door, the daemon, telephones, a witness.

Prompts are cut to CUT_SECONDS, for FreeSWITCH only: what is measured is work, not the length of a greeting.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gevent

from bench import ground, machine
from bench.rooms_phones import Exchange, Phone
from bench.rooms_witness import Witness
from bench.subject import Daemon
from callcontrol import wav
from callcontrol.freeswitch import FreeSwitchProcess

TENANT = "assembly"  # bench/tenants/assembly.yaml
AUTOMATIC, MANUAL, BUSY = "+493023125300", "+493023125301", "+493023125302"
MODERATOR = "+491712000001"  # +49 171 20000* moderates
CUT_SECONDS = 0.2
RTP_PORTS = (16000, 19998)
DIAL_PER_SECOND = 50
PATIENCE = 40.0
POLL = 0.02

_guests = iter(range(10**9))


@dataclass(frozen=True)
class Ground:
    """Everything the measurements of rooms need. ``door``: SIP port of callcontrol, ``reference``: of the bare one."""

    freeswitch: FreeSwitchProcess
    daemon: Daemon
    witness: Witness
    exchange: Exchange
    door: int
    reference: int
    listens: int

    def guest(self, dialled: str, *, bare: bool = False, voice: bytes | None = None) -> Phone:
        """A caller nobody knows, who has just dialled."""
        number = f"+4930555{next(_guests) % 10000:04}"
        return self.exchange.calls(self.reference if bare else self.door, dialled, number, voice)

    def moderator(self, dialled: str, *, bare: bool = False, voice: bytes | None = None) -> Phone:
        """A caller whose number moderates."""
        return self.exchange.calls(self.reference if bare else self.door, dialled, MODERATOR, voice)

    def crowd(
        self, size: int, dialled: str, room: str, *, bare: bool = False, voice: bytes | None = None
    ) -> list[Phone]:
        """So many guests, all of them in ``room`` by now."""
        phones = []
        before = self.witness.count(room)
        for _ in range(size):
            phones.append(self.guest(dialled, bare=bare, voice=voice))
            gevent.sleep(1 / DIAL_PER_SECOND)
        until(lambda: self.witness.count(room) >= before + size, f"{size} callers are in {room}")
        return phones

    def disperse(self, phones: Sequence[Phone], *rooms: str) -> None:
        """All hang up, and wait until nobody is left in ``rooms``."""
        for phone in phones:
            phone.hangs_up()
        until(lambda: all(phone.over for phone in phones), "all have hung up")
        for phone in phones:
            self.exchange.forget(phone)
        until(lambda: not any(self.witness.count(room) for room in rooms), f"nobody is in {', '.join(rooms)}")
        self.witness.forget()

    def switch_cpu(self) -> float:
        """CPU seconds of FreeSWITCH."""
        return machine.cpu_seconds(self.freeswitch.pid or 0)


def until(true: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for it. RuntimeError when it takes longer than ``seconds``."""
    expires = time.monotonic() + seconds
    while not true():
        if time.monotonic() > expires:
            raise RuntimeError(f"{what}: not within {seconds:g} s")
        gevent.sleep(POLL)


@contextmanager
def furnished(folder: Path) -> Iterator[Ground]:
    """All of it, stopped in the end. Raises CannotRun."""
    machine.allow_files(4096)
    prompts = short_prompts(machine.HOME / "prompts", folder / "prompts")
    site = ground.site(ground.Files(folder / "directory", prompts=prompts), RTP_PORTS)
    exchange = Exchange()
    try:
        with ground.running(folder, site, {"switch_prompts": str(prompts)}, beside="reference-rooms.xml") as here:
            witness = Witness(site.switch.port, site.switch.password)
            yield Ground(here.freeswitch, here.daemon, witness, exchange, site.trunk, site.reference, site.daemons)
            witness.close()
    finally:
        exchange.close()


def short_prompts(prompts: Path, into: Path) -> Path:
    """A copy of the prompts whose words last CUT_SECONDS at most; music and tones as they are. Returns ``into``."""
    shutil.copytree(prompts, into, ignore=shutil.ignore_patterns("*.py", "*.yaml"))
    languages = {file.partition("/")[0] for file in json.loads((prompts / "manifest.json").read_text())["files"]}
    for language in languages - {"music", "tones"}:
        for path in (into / language).rglob("*.wav"):
            cut(path)
    return into


def cut(path: Path) -> None:
    """Shorten a WAV file to CUT_SECONDS."""
    path.write_bytes(wav.read(path).first(CUT_SECONDS).file())
