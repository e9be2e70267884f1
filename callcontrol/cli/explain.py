"""`callcontrol explain`: which rule decides about a call, and why."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from callcontrol.cli.common import CONFIG, FOLDER, or_exit
from callcontrol.errors import ConfigError
from callcontrol.log import printable

if TYPE_CHECKING:
    from callcontrol.explain import Line
    from callcontrol.forwarding import Caller, Settings, Situation
    from callcontrol.routing import ExtensionRoute, OutwardRoute, RoomRoute, Route
    from callcontrol.state.settings import Stored
    from callcontrol.tenants import Extension, Problem, Tenant, Tenants
    from callcontrol.tenants.places import Places

STATES = ("busy", "unregistered", "dnd")


@dataclass(frozen=True)
class _States:
    """What is assumed: extension, or "" for the one that is called first -> busy, unregistered, dnd."""

    of: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def about(self, extension: str, first: str) -> frozenset[str]:
        return self.of.get(extension, frozenset()) | (
            self.of.get("", frozenset()) if extension == first else frozenset()
        )


def _states(_: click.Context, parameter: click.Parameter, value: str) -> _States:
    found: dict[str, frozenset[str]] = {}
    for word in filter(None, (word.strip() for word in value.split(","))):
        extension, _colon, state = word.rpartition(":")
        if state not in STATES or (extension and not re.fullmatch("[0-9]{2,6}", extension)):
            raise click.BadParameter(f"{word!r}: one of {', '.join(STATES)}, or EXTENSION:STATE", param=parameter)
        found[extension] = found.get(extension, frozenset()) | {state}
    return _States(found)


@click.command()
@click.argument("caller")
@click.argument("number")
@click.option("--at", type=click.DateTime(["%Y-%m-%d %H:%M"]), help="when, by the tenant's clocks [default: now]")
@click.option(
    "--state", "states", default="", callback=_states, help="busy, unregistered, dnd: of whom is called; 34:busy of 34"
)
@click.option("--tenants", type=FOLDER, help="ask these files alone, without star codes and configuration")
@CONFIG
def explain(
    caller: str, number: str, at: datetime | None, states: _States, tenants: Path | None, config_path: Path
) -> None:
    """Tell where a call from CALLER to NUMBER goes, and which rule of the tenant file says so.

    CALLER is a telephone number, anonymous, an extension or TENANT/EXTENSION; NUMBER a telephone number, an extension
    or TENANT/EXTENSION. What people set by star codes counts, as it does for calls.
    """
    for line in or_exit(lambda: list(_explained(caller, number, at, states, tenants, config_path))):
        click.echo(line)


@dataclass(frozen=True)
class _Ground:
    """Where the answers come from."""

    folder: Path
    tenants: Tenants
    problems: Sequence[Problem]
    stored: Mapping[tuple[str, str], Stored]


def _explained(
    caller: str, number: str, at: datetime | None, states: _States, folder: Path | None, config_path: Path
) -> Iterator[str]:
    from callcontrol.routing import ExtensionRoute, RoomRoute
    from callcontrol.tenants.places import Places

    ground = _ground(folder, config_path)
    asked = _asked(ground, caller, number)
    where, tenant = asked.where, asked.where.tenant
    places = Places.of(ground.folder, tenant.id, os.environ)
    if places is None:
        raise ConfigError([f"the file of tenant {tenant.id} changed just now: try again"])
    yield f"{asked.caller} calls {printable(number)}, tenant {tenant.id}"
    if isinstance(where, RoomRoute):
        lines = _rooms(where, asked.caller, at, places)
    elif isinstance(where, ExtensionRoute):
        lines = chain(_dialled(where, number, places), _extension(where, asked.caller, states, ground))
    else:
        lines = _outside(where, asked.caller)
    yield from _written(lines, places)
    if at is not None and not isinstance(where, RoomRoute):
        yield "Nothing of an extension depends on the time."


def _ground(folder: Path | None, config_path: Path) -> _Ground:
    from callcontrol.config import load_config
    from callcontrol.state.reader import NoDatabaseYet, Reader
    from callcontrol.state.settings import all_stored
    from callcontrol.tenants import load_folder

    if folder is not None:
        return _Ground(folder, *load_folder(folder, os.environ), {})
    config = load_config(config_path, os.environ)
    stored: Mapping[tuple[str, str], Stored] = {}
    with suppress(NoDatabaseYet):
        stored = Reader(config.database).read(all_stored)
    return _Ground(config.tenants, *load_folder(config.tenants, os.environ), stored)


@dataclass(frozen=True)
class _Asked:
    """Who calls, and where the number leads."""

    caller: Caller
    where: RoomRoute | ExtensionRoute | OutwardRoute


def _asked(ground: _Ground, caller: str, number: str) -> _Asked:
    """Raises UsageError for a call that leads nowhere, ConfigError when a file may be faulty."""
    from callcontrol.forwarding import Caller
    from callcontrol.routing import MailboxRoute, NoRoute, StarRoute

    home = _home(ground, caller, number)
    where = _route(ground, home, caller.rpartition("/")[2], number)
    if isinstance(where, StarRoute):
        raise click.UsageError("a star code is no call: `callcontrol forwarding` shows what is set")
    if isinstance(where, MailboxRoute):
        raise click.UsageError(f"{printable(number)} asks for extension and PIN of a mailbox: no rule decides there")
    if isinstance(where, NoRoute):
        if ground.problems:
            raise ConfigError([f"nobody has {printable(number)}; these files are faulty:", *ground.problems])
        raise click.UsageError(f"nobody has {printable(number)}: {where.reason}")
    if home is None:
        return _Asked(_outsider(caller, where.tenant.region), where)
    if home is where.tenant:
        return _Asked(Caller.internal(caller.rpartition("/")[2]), where)
    return _Asked(Caller.outside(home.caller_id or "anonymous", home.region), where)  # another tenant is outside


def _outsider(caller: str, region: str) -> Caller:
    """Somebody outside. Raises UsageError for what is neither a number nor ``anonymous``: a slip, most of all."""
    from callcontrol.forwarding import Caller

    who = Caller.outside(caller, region)
    if not who.withheld and not who.number:
        raise click.UsageError(
            f"nobody calls as {printable(repr(caller))}: a number, anonymous, or an extension there is"
        )
    return who


def _home(ground: _Ground, caller: str, number: str) -> Tenant | None:
    """The tenant of a calling extension; None for a caller from outside."""
    name, _, extension = caller.rpartition("/")
    named = name or number.rpartition("/")[0]
    having = [tenant for tenant in _tenants(ground, named) if extension in tenant.extensions]
    beside = [tenant for tenant in having if number in tenant.extensions]
    return _one(beside or having, extension, "CALLER")


def _route(ground: _Ground, home: Tenant | None, caller: str, number: str) -> Route:
    """Where the call leads, through the door it comes in by; an extension may be asked for by its name, too."""
    from callcontrol.routing import Door, ExtensionRoute, NoRoute, route

    name, _, extension = number.rpartition("/")
    if home is not None and not name:
        return route(ground.tenants, Door.EXTENSIONS, number, home.domain or "", caller)
    where = route(ground.tenants, Door.TRUNK, number)
    having = [tenant for tenant in _tenants(ground, name) if extension in tenant.extensions]
    found = _one(having, extension, "NUMBER") if isinstance(where, NoRoute) else None
    return ExtensionRoute(found, extension) if found is not None else where


def _tenants(ground: _Ground, name: str) -> list[Tenant]:
    return [tenant for tenant in ground.tenants.by_id.values() if name in ("", tenant.id)]


def _one(having: Sequence[Tenant], extension: str, what: str) -> Tenant | None:
    if len(having) > 1:
        names = " or ".join(f"{tenant.id}/{extension}" for tenant in having)
        raise click.UsageError(f"several tenants have extension {extension}: {what} is {names}")
    return having[0] if having else None


def _rooms(where: RoomRoute, who: Caller, at: datetime | None, places: Places) -> Iterator[Line]:
    from callcontrol.explain import explain_rooms, leads_to

    zone = ZoneInfo(where.tenant.timezone)
    moment = at.replace(tzinfo=zone) if at is not None else datetime.now(zone)
    names = " or ".join(room.name for room in where.rooms)
    yield leads_to(where.tenant, where.number.e164, f"room {names}", places)
    yield from explain_rooms(where.tenant, where.rooms, who, moment)


def _dialled(where: ExtensionRoute, number: str, places: Places) -> Iterator[Line]:
    from callcontrol.explain import leads_to
    from callcontrol.numbers import to_e164

    dialled = to_e164(number, where.tenant.region)
    if dialled in where.tenant.numbers:
        yield leads_to(where.tenant, str(dialled), f"extension {where.extension}", places)


def _extension(where: ExtensionRoute, who: Caller, states: _States, ground: _Ground) -> Iterator[Line]:
    from callcontrol.explain import explain_extension
    from callcontrol.forwarding import Called, Situation
    from callcontrol.forwarding.overlay import overlay
    from callcontrol.state.settings import NOTHING

    tenant = where.tenant

    def see(extension: Extension) -> tuple[Situation, Settings]:
        assumed = states.about(extension.number, where.extension)
        settings = overlay(extension, ground.stored.get((tenant.id, extension.number), NOTHING)).settings
        if "dnd" in assumed:
            settings = replace(settings, do_not_disturb=True, stars=settings.stars | {"do_not_disturb"})
        talking = "busy" in assumed or extension.number == who.extension  # its own call, sent on to it or not
        return Situation("unregistered" not in assumed, talking), settings

    yield from explain_extension(Called(tenant, tenant.extensions[where.extension]), who, see)


def _outside(where: OutwardRoute, who: Caller) -> Iterator[Line]:
    from callcontrol.explain import explain_outside
    from callcontrol.forwarding import Called

    return explain_outside(Called(where.tenant, where.tenant.extensions[who.extension]), where.digits)


def _written(lines: Iterable[Line], places: Places) -> Iterator[str]:
    """Each line with its place in front, in columns."""
    told = [(_place(line, places), "  " * line.depth + line.text) for line in lines]
    width = max(len(place) for place, _ in told)
    return (f"{place:{width}}  {printable(text)}" for place, text in told)


def _place(line: Line, places: Places) -> str:
    if line.stars:
        return "star code"
    return str(places.place(line.path)) if line.path else ""
