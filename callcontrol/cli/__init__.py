"""The command line: arguments, exit codes and printed text only; everything else is elsewhere.

Exit status: 0 fine; 1 the thing asked about is not fine (problems in a file, not ready, the call did not get in);
2 wrong arguments or configuration.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from callcontrol import __version__
from callcontrol.cli import dialout, explain, forwarding, invite, statements, who
from callcontrol.cli.common import ADDRESS, FOLDER, HTTP, JSON, PORT, PORTS, STATE, counted, home, or_exit


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="callcontrol")
def main() -> None:
    """callcontrol: conferences and PBX services on FreeSWITCH, tenants in YAML."""


@main.command()
@click.option("--config", "config_path", required=True, type=click.Path(path_type=Path), help="callcontrol.yaml")
@click.option("--log-level", default="info", type=click.Choice(["debug", "info", "warning", "error"]))
def serve(config_path: Path, log_level: str) -> None:
    """Run the daemon that serves the calls."""
    from callcontrol.config import load_config
    from callcontrol.log import configure
    from callcontrol.serving import serve_until_signal

    configure(level=log_level)
    or_exit(lambda: serve_until_signal(load_config(config_path, os.environ), os.environ))


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
def check(paths: tuple[Path, ...]) -> None:
    """Check tenant files (default: the folder tenants/) and print every problem as file:line:col: message (hint)."""
    from callcontrol.tenants import check_paths

    chosen = paths or (Path("tenants"),)
    if not paths and not chosen[0].is_dir():
        raise click.UsageError("there is no folder tenants/ here: name a file or a folder")
    problems = check_paths(chosen, os.environ)
    for problem in problems:
        click.echo(str(problem))
    files = len({problem.path for problem in problems})
    if problems:
        click.echo(f"{counted(len(problems), 'problem')} in {counted(files, 'file')}", err=True)
        sys.exit(1)
    click.echo("no problems", err=True)


@main.command()
def schema() -> None:
    """Print a JSON Schema that makes an editor complete and check tenant files."""
    from callcontrol.tenants import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@main.command("try")
@click.argument("number")
@click.option("--from", "caller", default="anonymous", show_default=True, help="the caller's number")
@click.option("--keys", default="", help='what the caller presses, one group per question: "1 48213#"')
@click.option("--tenants", type=FOLDER, default=lambda: home() / "tenants", help="default: the example tenants")
@click.option("--at", type=click.DateTime(["%Y-%m-%d %H:%M"]), help="when, by the tenant's clocks [default: now]")
def try_call(number: str, caller: str, keys: str, tenants: Path, at: datetime | None) -> None:
    """Rehearse a call to NUMBER: what would this caller live through? No FreeSWITCH needed; nothing is kept."""
    from callcontrol.log import configure
    from callcontrol.rehearse import rehearse

    configure(level="warning")
    sys.exit(or_exit(lambda: rehearse(number, caller, keys, tenants=tenants, home=home(), say=click.echo, at=at)))


@main.command()
@HTTP
def health(address: tuple[str, int]) -> None:
    """Exit 0 when a daemon is alive there, 1 when not (the container's health check); prints whether it is ready."""
    from callcontrol.http import fetch_ready

    reasons = or_exit(lambda: fetch_ready(address))
    click.echo("alive, " + ("not ready: " + "; ".join(reasons) if reasons else "ready"))


@main.command()
@HTTP
@STATE
@JSON
def status(address: tuple[str, int], state: Path, as_json: bool) -> None:
    """Show switches, live rooms and numbers of a running daemon."""
    from callcontrol.http import fetch_status, read_token
    from callcontrol.status import print_status

    answer = or_exit(lambda: fetch_status(address, read_token(state)))
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        print_status(answer)


@main.command()
@HTTP
@STATE
@JSON
@click.option("--watch", is_flag=True, help="refresh each second until Ctrl-C")
def rooms(address: tuple[str, int], state: Path, as_json: bool, watch: bool) -> None:
    """Show the live rooms of a running daemon: who is in them, and who waits to be let in."""
    from callcontrol.http import fetch_rooms, read_token
    from callcontrol.status import print_rooms, watch_rooms

    if as_json and watch:
        raise click.UsageError("--watch is for people, --json for programs: choose one")
    token = or_exit(lambda: read_token(state))
    if watch:
        with suppress(KeyboardInterrupt):
            or_exit(lambda: watch_rooms(lambda: fetch_rooms(address, token)["rooms"]))
        return
    answer = or_exit(lambda: fetch_rooms(address, token))
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        print_rooms(answer["rooms"])


@main.command()
@click.argument("name", metavar="TENANT.ROOM")
@click.argument("action")
@click.argument("member", required=False)
@HTTP
@STATE
@JSON
def room(name: str, action: str, member: str | None, address: tuple[str, int], state: Path, as_json: bool) -> None:
    """Steer a live room.

    \b
    ACTION is one of
      mute MEMBER, unmute MEMBER, kick MEMBER
      mute-all, unmute-all, lock, unlock, hold, resume
      record, stop-recording
      admit [MEMBER]      without MEMBER: all who wait
      end                 everybody out

    MEMBER is an id that `callcontrol rooms` shows (id:12 when 12 is somebody's number, too), or a caller's number.
    """
    from callcontrol.http import NotUnderstood, control_room, read_token
    from callcontrol.log import printable

    def steer() -> dict[str, Any]:
        try:
            return control_room(address, read_token(state), name, action, member)
        except NotUnderstood as error:
            raise click.UsageError(printable(str(error))) from error

    answer = or_exit(steer)
    click.echo(json.dumps(answer, indent=2) if as_json else printable(f"{name}: {answer.get('text', 'done')}"))


@main.command()
@click.option("--tenants", type=FOLDER, default=lambda: home() / "tenants", help="default: the example tenants")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), default=Path("run"), show_default=True)
@click.option("--sip-port", type=PORT, default=5080, show_default=True, help="the trunk door")
@click.option("--extension-port", type=PORT, default=5060, show_default=True, help="the extensions door")
@click.option("--esl-port", type=PORT, default=8021, show_default=True, help="FreeSWITCH's event socket")
@click.option("--listen", type=ADDRESS, default="127.0.0.1:8084", show_default=True, help="calls from FreeSWITCH")
@click.option("--http", type=ADDRESS, default="127.0.0.1:8085", show_default=True, help="health and metrics")
@click.option("--rtp-ports", type=PORTS, default="16384-32768", show_default=True, help="FreeSWITCH's sound, UDP")
@click.option("--no-phone", is_flag=True, help="no telephone in the terminal; run until Ctrl-C or SIGTERM")
def demo(
    tenants: Path,
    state: Path,
    sip_port: int,
    extension_port: int,
    esl_port: int,
    listen: tuple[str, int],
    http: tuple[str, int],
    rtp_ports: tuple[int, int],
    no_phone: bool,
) -> None:
    """Try everything on this machine: with FreeSWITCH and any SIP phone, or without and a telephone in the terminal."""
    from callcontrol.demo.main import run_demo
    from callcontrol.demo.settings import DemoSettings
    from callcontrol.log import configure

    configure(level="info")
    settings = DemoSettings(home(), tenants, state, sip_port, extension_port, esl_port, listen, http, rtp_ports)
    sys.exit(or_exit(lambda: run_demo(settings, os.environ, phone=not no_phone)))


main.add_command(invite.invite)
main.add_command(statements.usage)
main.add_command(statements.history)
main.add_command(statements.calls)
main.add_command(dialout.dialout)
main.add_command(explain.explain)
main.add_command(forwarding.forwarding)
main.add_command(who.who)
