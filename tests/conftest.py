"""What every test finds as the one before it left it: nothing of callcontrol's logging in this process."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import gevent
import pytest
import structlog
from hypothesis import settings

from callcontrol import log

# A property is true or not, on a busy machine too; speed is measured in bench/.
settings.register_profile("callcontrol", deadline=None)
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
