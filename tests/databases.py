"""The databases that tests fill: SQLite in a folder of the test, and a PostgreSQL of this run alone where there is one.

CALLCONTROL_TEST_POSTGRESQL names another PostgreSQL that may be filled, such as postgresql://me@127.0.0.1/test.
A PostgreSQL is not emptied between tests: each of them writes rows of a tenant of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import gevent
import pytest
from gevent import subprocess

from callcontrol.processes import start_guarded
from tests.patience import PATIENCE

_PACKAGED = Path("/usr/lib/postgresql")  # Debian keeps each version's programs there, outside PATH
_USER = "callcontrol"
# It is thrown away, whatever happens to the machine meanwhile. A socket in its folder is all there is to reach it by.
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL that may be filled. Skips the test, with the reason, where there is none."""
    if given := os.environ.get("CALLCONTROL_TEST_POSTGRESQL"):
        yield given
        return
    if find_spec("psycopg") is None:
        pytest.skip("no driver for PostgreSQL here (pip install 'psycopg[binary]')")
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL here (initdb in PATH, or CALLCONTROL_TEST_POSTGRESQL)")
    with _folder() as folder, _running(programs, folder):
        yield f"postgresql://{_USER}@/postgres?host={folder}"


def _programs() -> Path | None:
    """The folder of initdb and postgres, those of the newest version."""
    found = shutil.which("initdb")
    versions = sorted(_PACKAGED.glob("*/bin/initdb"), key=lambda path: float(path.parents[1].name))
    choice = Path(found) if found else next(reversed(versions), None)
    return choice.parent if choice is not None and (choice.parent / "postgres").exists() else None


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for the server; a short path, as that of a socket must be, and one the server's user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(programs: Path, folder: Path) -> Iterator[None]:
    """A server in the folder, for the time of the block; it ends with us, however we end."""
    new = [programs / "initdb", "-D", folder / "data", "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
    made = subprocess.run(_unprivileged(new), capture_output=True, text=True, timeout=PATIENCE, cwd="/")
    assert made.returncode == 0, made.stderr
    settings = [f"--{setting}" for setting in (*_SETTINGS, f"unix_socket_directories={folder}")]
    serve = [programs / "postgres", "-D", folder / "data", *settings]
    with (folder / "log").open("wb") as log:
        server = start_guarded(_unprivileged(serve), environ=os.environ, output=log)
    try:
        with gevent.Timeout(PATIENCE):
            while b"ready to accept connections" not in (told := (folder / "log").read_bytes()):
                assert server.poll() is None, told.decode()
                gevent.sleep(0.02)
        yield
    finally:
        server.send_signal(signal.SIGINT)  # at once: whoever is still connected is a test that is over
        server.wait(PATIENCE)


def _unprivileged(command: list[Path | str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    words = [str(word) for word in command]
    if os.geteuid() != 0:
        return words
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    return [setpriv, "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=TERM", *words]
