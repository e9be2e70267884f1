"""`callcontrol who`: the extensions of a tenant and what they do at this moment."""

from __future__ import annotations

import json
from pathlib import Path

import click

from callcontrol.cli.common import HTTP, JSON, STATE, or_exit


@click.command()
@click.argument("tenant")
@HTTP
@STATE
@JSON
def who(tenant: str, address: tuple[str, int], state: Path, as_json: bool) -> None:
    """Show a tenant's extensions: telephones, calls, do not disturb and the active profile."""
    from callcontrol.http import fetch_who, read_token
    from callcontrol.status import print_who

    answer = or_exit(lambda: fetch_who(address, read_token(state), tenant))
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        print_who(answer)
