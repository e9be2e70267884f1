"""`callcontrol invite`: what a guest must know, as text and calendar entry, printed or mailed to the room's owner."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from callcontrol.cli.common import CONFIG, or_exit, tenant_named, unknown

if TYPE_CHECKING:
    from callcontrol.config import Config
    from callcontrol.invitations.invitation import Invitation, Meeting
    from callcontrol.tenants import Room, Tenant


@click.command()
@click.argument("name", metavar="TENANT/ROOM")
@click.option("--lang", type=click.Choice(["de", "en", "fr"]), help="default: the tenant's first language")
@click.option("--moderator", is_flag=True, help="for the moderator: with the moderator's PIN")
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%d %H:%M"]), help='date of a room without schedule: "2026-12-01 10:00"'
)
@click.option("--minutes", type=click.IntRange(5, 1440), help="how long, with --at; default: 60")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="calendar file; default: ROOM.ics")
@click.option("--force", is_flag=True, help="replace the calendar file")
@click.option("--send", is_flag=True, help="mail text and calendar entry to the room's owner")
@CONFIG
def invite(
    name: str,
    lang: str | None,
    moderator: bool,
    at: datetime | None,
    minutes: int | None,
    output: Path | None,
    force: bool,
    send: bool,
    config_path: Path,
) -> None:
    """Print an invitation to a room, and write its calendar entry.

    Both hold the participants' PIN. A room that is always open has a calendar entry only with --at.
    """
    from callcontrol.config import load_config
    from callcontrol.invitations.calendar import calendar_entry
    from callcontrol.invitations.invitation import invitation

    now = datetime.now(UTC)
    config = or_exit(lambda: load_config(config_path, os.environ))
    tenant, room = or_exit(lambda: _room(name, config))
    meeting = _meeting(tenant, room, at, minutes, now)
    language = lang or tenant.languages[0]
    invited = or_exit(lambda: invitation(tenant, room, language, moderator=moderator, meeting=meeting, now=now))
    recipient = _recipient(config, room) if send else ""
    dated = bool(invited.dates) or output is not None
    entry = or_exit(lambda: calendar_entry(invited, now)) if dated else None
    file = output or Path(f"{room.name}.ics")
    if entry is not None:
        or_exit(lambda: _write(file, entry, force))
    click.echo(invited.text(), nl=False)
    if entry is not None:
        click.echo(f"calendar entry: {file}", err=True)
    if send:
        or_exit(lambda: _send(invited, entry, recipient, config, now))
        click.echo(f"sent to {recipient}", err=True)


def _room(name: str, config: Config) -> tuple[Tenant, Room]:
    tenant_name, slash, room_name = name.partition("/")
    if not slash:
        raise click.UsageError("name the room as TENANT/ROOM, such as acme/board")
    tenant = tenant_named(tenant_name, config.tenants, os.environ)
    if room_name not in tenant.rooms:
        raise click.UsageError(unknown("room", room_name, tenant.rooms))
    return tenant, tenant.rooms[room_name]


def _meeting(tenant: Tenant, room: Room, at: datetime | None, minutes: int | None, now: datetime) -> Meeting | None:
    from callcontrol.invitations.invitation import Meeting

    if at is None:
        if minutes is not None:
            raise click.UsageError("--minutes is for a date: give --at, too")
        return None
    if room.schedule is not None:
        raise click.UsageError(f"--at: {tenant.id}/{room.name} has a schedule and is closed outside it")
    zone = ZoneInfo(tenant.timezone)
    start = at.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    if start < now:
        raise click.UsageError(f"--at: {start:%Y-%m-%d %H:%M} ({tenant.timezone}) is over")
    return Meeting(start, minutes or 60)


def _recipient(config: Config, room: Room) -> str:
    if config.smtp is None:
        raise click.UsageError("--send: no mail server is configured (smtp: in callcontrol.yaml)")
    if room.owner is None:
        raise click.UsageError(f"--send: room {room.name!r} has no owner: (an e-mail address)")
    return room.owner


def _send(invited: Invitation, entry: bytes | None, recipient: str, config: Config, now: datetime) -> None:
    from callcontrol.invitations.mail import mail
    from callcontrol.mail import send

    if config.smtp is not None:
        send(mail(invited, entry, sender=config.smtp.sender, recipient=recipient, now=now), config.smtp)


def _write(file: Path, entry: bytes, force: bool) -> None:
    """Write the file for our eyes only, whole or not at all. Raises ClickException when it is there already."""
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
            out.write(entry)
        if force:
            os.replace(fresh, file)
        else:
            os.link(fresh, file)
    except FileExistsError:
        raise click.ClickException(f"{file} exists already (--force replaces it, --output names another)") from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(fresh)
