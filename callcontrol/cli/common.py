"""What all commands share: folders, kinds of arguments, options, and how an error for people is printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from callcontrol.errors import CallControlError, ConfigError

if TYPE_CHECKING:
    from callcontrol.tenants import Tenant

T = TypeVar("T")


def home() -> Path:
    """The folder with prompts, dialplan and example tenants: the checkout, or where the image puts them."""
    named = os.environ.get("CALLCONTROL_HOME")
    return Path(named) if named else Path(__file__).resolve().parent.parent.parent


class _Address(click.ParamType[tuple[str, int]]):
    name = "HOST:PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, colon, port = str(value).rpartition(":")
        if not colon or not host or not port.isdigit() or int(port) > 65535:
            self.fail(f"{value!r} is not HOST:PORT, for example 127.0.0.1:8084", param, ctx)
        return host.strip("[]"), int(port)


class _Ports(click.ParamType[tuple[int, int]]):
    name = "LOW-HIGH"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        low, _, high = str(value).partition("-")
        if not (low.isdigit() and high.isdigit() and 1024 <= int(low) < int(high) <= 65535):
            self.fail(f"{value!r} is not LOW-HIGH, for example 16384-32768", param, ctx)
        return int(low), int(high)


ADDRESS = _Address()
PORTS = _Ports()
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
PORT = click.IntRange(1, 65535)

HTTP = click.option(
    "--http", "address", type=ADDRESS, default="127.0.0.1:8085", show_default=True, help="where the daemon answers"
)
STATE = click.option(
    "--state", type=FOLDER, required=True, help="the daemon's state folder, which holds the access token"
)
JSON = click.option("--json", "as_json", is_flag=True, help="for programs")
CONFIG = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=Path("callcontrol.yaml"),
    show_default=True,
    help="the operator's file",
)


def or_exit(action: Callable[[], T]) -> T:
    """Run ``action``; an error meant for people is printed without a traceback, and the exit status says so."""
    try:
        return action()
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except BrokenPipeError:
        raise  # whoever reads us has seen enough: click ends quietly
    except (CallControlError, OSError) as error:
        from callcontrol.log import printable

        lines = str(error).split("\n")  # it may name what a caller called himself
        click.echo("callcontrol: " + "\n".join(map(printable, lines)), err=True)
        sys.exit(1)


def tenant_named(name: str, folder: Path, environ: Mapping[str, str]) -> Tenant:
    """A tenant of the folder. Raises UsageError for a name that none has, ConfigError when its file may be faulty."""
    from callcontrol.tenants import load_folder

    tenants, problems = load_folder(folder, environ)
    if tenant := tenants.by_id.get(name):
        return tenant
    if problems:
        raise ConfigError([f"no tenant is called {name!r}; these files are faulty:", *problems])
    raise click.UsageError(unknown("tenant", name, tenants.by_id))


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """What to say about a name that nothing has."""
    from callcontrol.log import printable
    from callcontrol.tenants.spelling import suggestion

    names = sorted(known)
    return printable(f"no {kind} is called {name!r}" + (f" ({suggestion(name, names)})" if names else ""))


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
