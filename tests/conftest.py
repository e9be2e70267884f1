"""What holds for every test: it fails for what is wrong, not for a slow machine, and not for the test before it."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
import structlog
from hypothesis import HealthCheck, settings

from callcontrol import log
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.state import database, sqlite_url
from tests import databases
from tests.patience import PATIENCE

# On a slow and busy machine telephones hear late and disks answer late; nothing is wrong then. Where a test is about
# a store that does not answer in time, it says what that time is.
RehearsalSwitch.patience = PATIENCE
database.DEADLINE = PATIENCE

# A runner in the background, or under nohup, ignores these; the programs that tests start, and interrupt or hang up on,
# would inherit that. Nobody inherits a handler.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

# A property is true or not, on a busy machine too; speed is measured in bench/. The examples are the same each time, so
# that a change fails for what it changed. More of them, and others: pytest --hypothesis-profile=search
SLOW_IS_FINE = [HealthCheck.too_slow]
settings.register_profile("callcontrol", deadline=None, suppress_health_check=SLOW_IS_FINE, derandomize=True)
settings.register_profile("search", deadline=None, suppress_health_check=SLOW_IS_FINE, max_examples=1000)
settings.load_profile("callcontrol")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    log._out.close()
    gevent.get_hub().__dict__.pop("print_exception", None)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of the one PostgreSQL of this run; started by the first test that asks, which is skipped without one."""
    with databases.postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that may be filled; what a test shows, it shows for both kinds."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "state")
    return str(request.getfixturevalue("postgresql"))
