"""`callcontrol usage`, `history` and `calls`: what the ledger knows, read from the database without a daemon."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from callcontrol.cli.common import CONFIG, JSON, or_exit, tenant_named, unknown

if TYPE_CHECKING:
    from callcontrol.ledger.calls import Entry
    from callcontrol.ledger.history import Meeting, Round
    from callcontrol.ledger.month import Month
    from callcontrol.ledger.statement import Statement
    from callcontrol.tenants import Tenant

DEFAULT_DAYS = timedelta(days=30)


@click.command()
@click.argument("tenant")
@click.option("--month", help="such as 2026-11; default: the month that runs")
@click.option("--csv", "as_csv", is_flag=True, help="for spreadsheets")
@JSON
@CONFIG
def usage(tenant: str, month: str | None, as_csv: bool, as_json: bool, config_path: Path) -> None:
    """Show what TENANT's participants and extensions used in a month, and what it costs by the tenant's tariff."""
    from callcontrol.cli.tables import print_statement
    from callcontrol.ledger import export

    if as_csv and as_json:
        raise click.UsageError("--csv or --json: choose one")
    chosen = _month(month)
    shown = or_exit(lambda: _statement(tenant, chosen, config_path))
    if as_json:
        click.echo(json.dumps(export.as_json(shown), indent=2, ensure_ascii=False))
    elif as_csv:
        click.echo(export.as_csv(shown), nl=False)
    else:
        print_statement(shown)


@click.command()
@click.argument("tenant")
@click.option("--room", default="", help="only this room; default: all")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="first day, such as 2026-11-01; default: 30 days ago")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="meetings, and rounds")
@JSON
@CONFIG
def history(tenant: str, room: str, since: datetime | None, limit: int, as_json: bool, config_path: Path) -> None:
    """Show TENANT's meetings with their participants, and who was called out to; the latest first."""
    from callcontrol.cli.tables import print_history
    from callcontrol.ledger.history import as_json as in_json

    owner, meetings, rounds = or_exit(lambda: _history(tenant, room, since, limit, config_path))
    if as_json:
        click.echo(json.dumps(in_json(owner, meetings, rounds), indent=2, ensure_ascii=False))
    else:
        print_history(owner, meetings, rounds, limit)


@click.command()
@click.argument("tenant")
@click.option("--extension", default="", help="only this extension; default: all")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="first day, such as 2026-11-01; default: 30 days ago")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="calls")
@JSON
@CONFIG
def calls(tenant: str, extension: str, since: datetime | None, limit: int, as_json: bool, config_path: Path) -> None:
    """Show the calls of TENANT's extensions, with numbers outside and among each other; the latest first."""
    from callcontrol.cli.tables import print_calls
    from callcontrol.ledger.calls import as_json as in_json

    owner, entries = or_exit(lambda: _calls(tenant, extension, since, limit, config_path))
    if as_json:
        click.echo(json.dumps(in_json(owner, entries), indent=2, ensure_ascii=False))
    else:
        print_calls(owner, entries, limit)


def _calls(
    name: str, extension: str, since: datetime | None, limit: int, config_path: Path
) -> tuple[Tenant, list[Entry]]:
    from callcontrol.config import load_config
    from callcontrol.ledger.calls import entry
    from callcontrol.state.office_usage import office_calls_of
    from callcontrol.state.reader import Reader

    config = load_config(config_path, os.environ)
    tenant = tenant_named(name, config.tenants, os.environ)
    first = _first_moment(since, tenant)
    found = Reader(config.database).read(
        lambda connection: office_calls_of(connection, tenant.id, extension, first, limit)
    )
    if extension and extension not in tenant.extensions and not found:
        raise click.UsageError(unknown("extension", extension, tenant.extensions))
    return tenant, [entry(call, tenant) for call in found]


def _first_moment(since: datetime | None, tenant: Tenant) -> float:
    from callcontrol.ledger.month import local, start_of

    day = since.date() if since else local(time.time(), tenant.timezone).date() - DEFAULT_DAYS
    return start_of(day, tenant.timezone)


def _history(
    name: str, room: str, since: datetime | None, limit: int, config_path: Path
) -> tuple[Tenant, list[Meeting], list[Round]]:
    from callcontrol.config import load_config
    from callcontrol.ledger.history import meeting, round_made
    from callcontrol.state.history import Span, meetings_of, rounds_of
    from callcontrol.state.reader import Reader

    config = load_config(config_path, os.environ)
    tenant = tenant_named(name, config.tenants, os.environ)
    span = Span(tenant.id, room, _first_moment(since, tenant), limit)
    found, made = Reader(config.database).read(
        lambda connection: (meetings_of(connection, span), rounds_of(connection, span))
    )
    if room and room not in tenant.rooms and not found and not made:  # the past may know rooms that are gone
        raise click.UsageError(unknown("room", room, tenant.rooms))
    return tenant, [meeting(legs, tenant) for legs in found], [round_made(one, tenant) for one in made]


def _month(text: str | None) -> Month | None:
    from callcontrol.ledger.month import Month

    try:
        return Month.parse(text) if text is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--month") from None


def _statement(name: str, chosen: Month | None, config_path: Path) -> Statement:
    from callcontrol.config import load_config
    from callcontrol.ledger.month import Month
    from callcontrol.ledger.statement import statement
    from callcontrol.ledger.tariff import counting_of
    from callcontrol.state.office_usage import office_usage_of
    from callcontrol.state.reader import Reader
    from callcontrol.state.usage import open_legs, usage_of

    config = load_config(config_path, os.environ)
    tenant = tenant_named(name, config.tenants, os.environ)
    now = time.time()
    month = chosen or Month.of(now, tenant.timezone)
    since, until = month.bounds(tenant.timezone)
    counting = counting_of(tenant.tariff)
    used, open_, office = Reader(config.database).read(
        lambda connection: (
            usage_of(connection, tenant.id, since, until, counting),
            open_legs(connection, tenant.id, since, until),
            office_usage_of(connection, tenant.id, since, until, started=counting.started),
        )
    )
    return statement(tenant, month, used, open_, office, now=now)
