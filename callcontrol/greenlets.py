"""The one place where greenlets are started: each has a name, is counted, and never dies unseen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import structlog

_log = structlog.get_logger("callcontrol.greenlets")
_live: set[gevent.Greenlet[..., object]] = set()


def spawn(name: str, function: Callable[..., object], *args: Any) -> gevent.Greenlet[..., object]:
    """Run ``function(*args)`` in a greenlet called ``name``; an exception in it is logged with its name."""
    greenlet = gevent.spawn(function, *args)
    greenlet.name = name
    _live.add(greenlet)
    greenlet.link(_ended)
    return greenlet


def count() -> int:
    """How many greenlets started here are alive."""
    return len(_live)


def _ended(greenlet: gevent.Greenlet[..., object]) -> None:
    _live.discard(greenlet)
    if greenlet.exception is not None and not isinstance(greenlet.exception, gevent.GreenletExit):
        _log.error("greenlet died", greenlet=greenlet.name, error=repr(greenlet.exception), exc_info=greenlet.exc_info)
