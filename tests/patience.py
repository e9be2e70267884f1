"""How long a test waits for what must happen: long enough for a slow and busy machine, and the one way to wait."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent

#: Seconds. Spent only by a test that fails; below pytest's timeout, so that the test tells what it waited for.
PATIENCE = 90.0


def until(condition: Callable[[], object], what: str | Callable[[], str] = "") -> None:
    """Come back when the condition holds; other greenlets run meanwhile. ``what``: told when it never does."""
    expires = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > expires:
            raise AssertionError(f"not within {PATIENCE:g} s: {(what() if callable(what) else what) or condition}")
        gevent.sleep(0.002)
