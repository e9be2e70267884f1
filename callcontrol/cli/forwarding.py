"""`callcontrol forwarding`: what an extension has set, by the tenant file and by star codes; and back to the file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from callcontrol.cli.common import CONFIG, JSON, or_exit, tenant_named, unknown

if TYPE_CHECKING:
    from callcontrol.config import Config
    from callcontrol.forwarding import Settings
    from callcontrol.forwarding.overlay import Overlaid
    from callcontrol.state.settings import Stored
    from callcontrol.tenants import Extension, ForwardingProfile, Tenant
    from callcontrol.tenants.extension import Rules


@click.command()
@click.argument("tenant")
@click.argument("extension")
@click.option("--reset", is_flag=True, help="forget what star codes set: the tenant file counts again, at once")
@JSON
@CONFIG
def forwarding(tenant: str, extension: str, reset: bool, as_json: bool, config_path: Path) -> None:
    """Show where calls to an extension go: what the tenant file says, and what star codes set over it."""
    owner, entry, over, stored = or_exit(lambda: _look(tenant, extension, reset, config_path))
    if as_json:
        click.echo(json.dumps(_as_json(over, stored), indent=2, ensure_ascii=False))
        return
    if reset:
        click.echo("what star codes had set is forgotten" if not stored.empty else "star codes had set nothing")
    for line in _told(owner, entry, over, stored):
        click.echo(line)


def _look(tenant: str, extension: str, reset: bool, config_path: Path) -> tuple[Tenant, Extension, Overlaid, Stored]:
    """The extension, its settings as they are afterwards, and what was stored before."""
    from callcontrol.config import load_config
    from callcontrol.forwarding.overlay import overlay
    from callcontrol.state.settings import NOTHING

    config = load_config(config_path, os.environ)
    owner = tenant_named(tenant, config.tenants, os.environ)
    entry = owner.extensions.get(extension)
    if entry is None:
        raise click.UsageError(unknown("extension", extension, owner.extensions))
    stored = _stored(config, owner.id, extension)
    if reset and not stored.empty:
        _forget(config, owner.id, extension)
    return owner, entry, overlay(entry, NOTHING if reset else stored), stored


def _stored(config: Config, tenant: str, extension: str) -> Stored:
    from callcontrol.state.reader import NoDatabaseYet, Reader
    from callcontrol.state.settings import NOTHING, stored_of

    with suppress(NoDatabaseYet):
        return Reader(config.database).read(lambda connection: stored_of(connection, tenant, extension))
    return NOTHING


def _forget(config: Config, tenant: str, extension: str) -> None:
    from callcontrol.state import Database
    from callcontrol.state.settings import NOTHING, SettingsStore

    database = Database(config.database, deadline=10.0)
    try:
        SettingsStore(database).change(tenant, extension, lambda _: (NOTHING, None))
    finally:
        database.close()


# -- for people ------------------------------------------------------------------------------------------------------


def _told(owner: Tenant, entry: Extension, over: Overlaid, stored: Stored) -> Iterator[str]:
    from callcontrol.forwarding.settings import profile_label
    from callcontrol.log import printable

    settings = over.settings
    yield printable(f"Extension {entry.number} ({entry.name}) of {owner.id}")
    yield f"do not disturb: {'on' if settings.do_not_disturb else 'off'}{_by(settings, 'do_not_disturb')}"
    yield printable(f"active: {profile_label(settings.active, settings.profile)}{_by(settings, 'active')}")
    for number, profile in sorted(settings.profiles.items()):
        by = _by(settings, "rules") if number == 0 else ""
        yield printable(f"{profile_label(number, profile)}{by}:")
        yield from (f"  {printable(line)}" for line in _rules(profile))
    if settings.stars:
        moment = datetime.fromtimestamp(stored.changed_at, ZoneInfo(owner.timezone))
        yield f"The last star code that changed something was dialled at {moment:%Y-%m-%d %H:%M} ({owner.timezone})."
    if over.replaced:
        yield f"Replaced by the tenant file since star codes set it: {', '.join(over.replaced)}"


def _by(settings: Settings, part: str) -> str:
    return " (by star code)" if part in settings.stars else ""


def _rules(profile: ForwardingProfile) -> Iterator[str]:
    if not profile.targets and not profile.selective:
        yield "no rule: it rings"
    for rule in profile.selective:
        source = rule.source.value or rule.source.kind
        yield f"from {source}: " + ("rings" if rule.ring else ", ".join(_targets(rule)))
    yield from _targets(profile)


def _targets(rules: Rules) -> Iterator[str]:
    for name, target in rules.targets.items():
        after = f" after {rules.no_answer.after} s" if rules.no_answer and name == "no_answer" else ""
        yield f"{name}: {target}{after}"


# -- for programs ----------------------------------------------------------------------------------------------------


def _as_json(over: Overlaid, stored: Stored) -> dict[str, Any]:
    settings = over.settings
    return {
        "extension": settings.extension,
        "active": settings.active,
        "do_not_disturb": settings.do_not_disturb,
        "profiles": {str(number): _profile_json(profile) for number, profile in sorted(settings.profiles.items())},
        "by_star_code": sorted(settings.stars),
        "changed_at": stored.changed_at if settings.stars else None,
        "replaced_by_file": list(over.replaced),
    }


def _profile_json(profile: ForwardingProfile) -> dict[str, Any]:
    return {
        "name": profile.name,
        **_rules_json(profile),
        "selective": [
            {"from": rule.source.value or rule.source.kind, "ring": rule.ring, **_rules_json(rule)}
            for rule in profile.selective
        ],
    }


def _rules_json(rules: Rules) -> dict[str, Any]:
    found: dict[str, Any] = {name: str(target) for name, target in rules.targets.items()}
    if rules.no_answer is not None:
        found["no_answer"] = {"to": str(rules.no_answer.to), "after": rules.no_answer.after}
    return found
