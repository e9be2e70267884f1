"""Rehearsing a call: a daemon and the rehearsal switch in this process, one caller, and what they live through.

Everything is the product's own but the switch: the tenant files are read, the flows run, the event socket is spoken.
Media takes no time, and nothing is kept: the state store lies in a folder that is removed afterwards.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import gevent

from callcontrol.config import Config, Switch
from callcontrol.daemon import Daemon
from callcontrol.errors import CallControlError, ConfigError, SwitchTimeout
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal.phone import Phone
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.rehearsal.transcript import Kind, Step
from callcontrol.routing import Door, route
from callcontrol.state import sqlite_url
from callcontrol.tenants import Tenants, load_folder

READY_SECONDS = 60.0
CALL_SECONDS = 60.0
_NUMBER = re.compile(r"\+?[0-9*#]+")
_SEPARATORS = str.maketrans("", "", " ()./-")  # people write numbers with them; a telephone does not dial them


class UnknownCaller(CallControlError):
    """Nobody could call like this: no number, or an extension that no tenant has."""


@dataclass(frozen=True)
class RehearsalHouse:
    """A daemon and a rehearsal switch that know each other."""

    daemon: Daemon
    switch: RehearsalSwitch


@contextmanager
def rehearsal_house(
    tenants: Path,
    home: Path,
    state: Path,
    environ: Mapping[str, str],
    *,
    pace: float = 0.0,
    epoch: Callable[[], float] = time.time,
) -> Iterator[RehearsalHouse]:
    """A house that would answer a call; closed again at the end. Raises ConfigError for unusable tenants."""
    password = secrets.token_urlsafe(16)
    prompts = PromptBook(home / "prompts")
    records = state / "cdr"
    switch = RehearsalSwitch(("127.0.0.1", 0), prompts=prompts, password=password, pace=pace, cdr=records)
    switch.start()
    host, port = switch.link_address
    daemon = Daemon(
        Config(
            listen=("127.0.0.1", 0),
            http=("127.0.0.1", 0),
            switches=(Switch(name="rehearsal", host=host, port=port, password=password),),
            tenants=tenants,
            state=state,
            database=sqlite_url(state),
            prompts=home / "prompts",
            recordings=state / "recordings",
            cdr=records,
            drain_seconds=1,
        ),
        environ,
        epoch=epoch,
    )
    try:
        daemon.start()
        switch.hub.daemon = daemon.calls.address
        switch.exchange.gateways |= {tenant.trunk for tenant in daemon.tenants.current.by_id.values() if tenant.trunk}
        _wait_ready(daemon)
        yield RehearsalHouse(daemon, switch)
    finally:
        daemon.stop()
        daemon.run()
        switch.stop()


def rehearse(
    number: str,
    caller: str,
    keys: str,
    *,
    tenants: Path,
    home: Path,
    say: Callable[[str], object],
    at: datetime | None = None,
) -> int:
    """Play one call, then tell it with ``say``, line by line; 0 when the caller got into a room, else 1.

    ``at``: when it is made, by the clocks of the tenant the number belongs to; now when None.
    Raises ConfigError when a tenant file has a fault, UnknownCaller.
    """
    loaded, problems = load_folder(tenants, os.environ)
    if problems:
        raise ConfigError(problems)
    prompts = PromptBook(home / "prompts")
    with (
        tempfile.TemporaryDirectory(prefix="callcontrol-") as state,
        rehearsal_house(tenants, home, Path(state), os.environ, epoch=_clock(loaded, number, at)) as house,
    ):
        phone = caller_phone(house.switch, house.daemon.tenants.current, caller)
        joined = gets_into_a_room(phone, number, keys)
        steps = list(phone.transcript.steps)
    for step in steps:
        say(tell(step, prompts))
    return 0 if joined else 1


def _clock(tenants: Tenants, number: str, at: datetime | None) -> Callable[[], float]:
    if at is None:
        return time.time
    found = route(tenants, Door.TRUNK, as_dialled(number))
    zone = ZoneInfo(found.tenant.timezone if found.tenant is not None else "UTC")
    ahead = at.replace(tzinfo=zone).timestamp() - time.time()
    return lambda: time.time() + ahead


def gets_into_a_room(phone: Phone, number: str, keys: str) -> bool:
    """Dial, press one group of ``keys`` at each question and nothing after; whether the caller gets into a room."""
    phone.calls(as_dialled(number)).answers(*keys.split()).never_presses_again()
    phone.transcript.wait(lambda: _joined(phone) or is_over(phone), CALL_SECONDS)
    return _joined(phone)


def as_dialled(number: str) -> str:
    """What a telephone dials when people write ``number``, such as ``+49 (30) 8631``."""
    return number.translate(_SEPARATORS)


def caller_phone(switch: RehearsalSwitch, tenants: Tenants, caller: str) -> Phone:
    """A phone for what a person types as caller: a number, ``anonymous``, or an extension as ``33@acme.example``.

    Raises UnknownCaller, also for an extension that nobody has: FreeSWITCH would not let its call in.
    """
    extension, at, domain = caller.strip().partition("@")
    if at:
        tenant = tenants.find_domain(domain)
        if tenant is None or extension not in tenant.extensions:
            raise UnknownCaller(f"no tenant has an extension {caller}")
        return switch.phone("", door="extensions", extension=f"{extension}@{tenant.domain}")
    withheld = caller.strip().lower() in ("", "anonymous", "withheld")
    if not (withheld or _NUMBER.fullmatch(as_dialled(caller))):
        raise UnknownCaller(f"{caller!r} cannot call: give a number, anonymous, or an extension with its domain")
    return switch.phone("anonymous" if withheld else as_dialled(caller), withheld=withheld)


def is_over(phone: Phone) -> bool:
    """Whether the phone's call has ended."""
    return phone.session is not None and phone.session.over


def tell(step: Step, prompts: PromptBook) -> str:
    """One step as a line for people: the prompt's words with its name, or what else happened."""
    if step.kind == Kind.HEARS and step.language in prompts.languages and step.text in prompts.names:
        return f'hears "{prompts.text(step.language, step.text)}" [{step.language}/{step.text}]'
    return f"{step.kind} {step.text}".rstrip()


def _joined(phone: Phone) -> bool:
    return any(step.kind == Kind.JOINS for step in phone.transcript.steps)


def _wait_ready(daemon: Daemon) -> None:
    with gevent.Timeout(READY_SECONDS, SwitchTimeout(f"not ready: {'; '.join(daemon.reasons())}")):
        while daemon.reasons():
            gevent.sleep(0.01)
