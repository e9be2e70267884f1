"""Callers of the rehearsal switch, which lives in this process; what answers them is in another."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

from bench.machine import HOME, allow_files
from bench.subject import Daemon, Switch
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal import Kind, Phone, RehearsalSwitch

NUMBERS_PER_KIND = 10
PIN = "48213"  # of every room of bench/tenants/bench.yaml that has one
FILES_PER_CALL = 2
FILES_BESIDE = 200

_callers = count(5550000)


@dataclass(frozen=True)
class Story:
    """What a caller lived through, in seconds from dialling; None for what never happened."""

    answered: float | None
    joined: float | None


class Fleet:
    """A rehearsal switch and its callers. Media takes no time, so that only work is measured."""

    def __init__(self) -> None:
        self.password = secrets.token_urlsafe(16)
        self.switch = RehearsalSwitch(("127.0.0.1", 9), prompts=PromptBook(HOME / "prompts"), password=self.password)
        self.switch.start()

    def reach(self, address: tuple[str, int]) -> None:
        """Give further calls to the process that listens there."""
        self.switch.hub.daemon = address

    def caller(self) -> Phone:
        """A telephone with a number of its own."""
        return self.switch.phone(f"+4930{next(_callers)}")

    def cpu(self) -> float:
        """CPU seconds of this process, the switch's."""
        return time.process_time()


def open_room(place: int) -> str:
    """The number of an open room."""
    return f"+493023125{100 + place % NUMBERS_PER_KIND}"


def pin_room(place: int) -> str:
    """The number of a room that asks for PIN."""
    return f"+493023125{200 + place % NUMBERS_PER_KIND}"


def await_rooms(phones: list[Phone], seconds: float) -> None:
    """Until each caller is in a room or its call is over, ``seconds`` at most for all."""
    expires = time.monotonic() + seconds
    for phone in phones:
        phone.transcript.wait(partial(_decided, phone), max(0.0, expires - time.monotonic()))


def await_ends(phones: list[Phone], seconds: float) -> None:
    """Until every call is over, ``seconds`` at most for all."""
    expires = time.monotonic() + seconds
    for phone in phones:
        phone.transcript.wait(partial(_over, phone), max(0.0, expires - time.monotonic()))


def hang_up(phones: list[Phone]) -> None:
    """End every call that is still up, and wait for the ends."""
    for phone in phones:
        if not _over(phone):
            phone.hangs_up()
    await_ends(phones, 60.0)


def story(phone: Phone) -> Story:
    """What the caller lived through."""
    first = {step.kind: step.seconds for step in reversed(phone.transcript.steps)}
    return Story(first.get(Kind.ANSWERED), first.get(Kind.JOINS))


@contextmanager
def fleet_and_daemon(folder: Path, calls: int) -> Iterator[tuple[Fleet, Daemon]]:
    """A rehearsal switch here and a daemon beside, able to hold ``calls`` calls; both are stopped in the end."""
    allow_files(FILES_PER_CALL * calls + FILES_BESIDE)
    fleet = Fleet()
    try:
        daemon = Daemon(folder, Switch(fleet.switch.link_address[1], fleet.password))
        try:
            fleet.reach(daemon.address)
            yield fleet, daemon
        finally:
            daemon.stop()
    finally:
        fleet.switch.stop()


def warm_up(fleet: Fleet, daemon: Daemon, calls: int = 60) -> None:
    """A few calls of both kinds, so that nothing measured is done for the first time."""
    phones = []
    for place in range(calls):
        phone = fleet.caller().calls(open_room(place) if place % 2 else pin_room(place)).presses(PIN)
        phones.append(phone)
    await_rooms(phones, 60.0)
    hang_up(phones)
    daemon.wait_idle()


def _decided(phone: Phone) -> bool:
    return _over(phone) or any(step.kind is Kind.JOINS for step in phone.transcript.steps)


def _over(phone: Phone) -> bool:
    return phone.session is not None and phone.session.over


def settled(daemon: Daemon, before: dict[str, int]) -> dict[str, int]:
    """What the calls left behind beyond ``before``: 0 each, unless it is still there after some seconds."""
    with suppress(RuntimeError):
        daemon.wait_for(lambda: all(daemon.held()[name] <= before[name] for name in before), "all is given back", 10.0)
    after = daemon.held_at_rest()
    return {name: after[name] - before[name] for name in before}
