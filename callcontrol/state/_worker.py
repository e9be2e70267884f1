"""Runs queries in native threads, so that a slow disk or a lost database server never stops the calls.

No other module of callcontrol uses threads. Nothing run here may touch gevent: the threads have no hub.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar, cast

import gevent
from gevent.threadpool import ThreadPool
from sqlalchemy.exc import SQLAlchemyError

from callcontrol.errors import CallControlError

T = TypeVar("T")

#: Queries at once. Two, so that a read does not wait behind a write; more would only queue at SQLite's one writer.
THREADS = 2


class StateUnavailable(CallControlError):
    """The store did not answer before its deadline, or answered with an error. The text says which."""


@dataclass(slots=True)
class _Job(Generic[T]):
    function: Callable[[], T]
    abandoned: bool = False


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


class Worker:
    """A small pool of threads whose results greenlets wait for, with a deadline."""

    def __init__(self, deadline: float, pause: float) -> None:
        """``deadline``: seconds a caller waits for a query, the wait for a free thread included.

        ``pause``: seconds without a new try after a query did not answer; each caller would otherwise wait it out.
        """
        self._deadline = deadline
        self._pause = pause
        self._pool: ThreadPool | None = None
        self._silent_until = 0.0

    def run(self, function: Callable[[], T], *, deadline: float | None = None) -> T:
        """The result of ``function``, computed in a thread. Raises StateUnavailable at the latest after ``deadline`` s.

        A query still queued at the deadline is never started; one already started runs on unheard.
        """
        if monotonic() < self._silent_until:
            raise StateUnavailable(f"it did not answer in time, tried again every {self._pause:g} s")
        job = _Job(function)
        seconds = self._deadline if deadline is None else deadline
        result = self._wait(job, seconds)
        if not isinstance(result, _Failed):
            return result
        if isinstance(result.error, (SQLAlchemyError, OSError)):
            raise StateUnavailable(reason_of(result.error)) from result.error
        raise result.error

    def close(self) -> None:
        """End the threads; one that hangs in a query is left behind after the deadline."""
        if self._pool is not None:
            with contextlib.suppress(gevent.Timeout), gevent.Timeout(self._deadline):
                self._pool.kill()
            self._pool = None

    def _wait(self, job: _Job[T], seconds: float) -> T | _Failed:
        if self._pool is None:  # made by the first query: a ThreadPool belongs to the hub of the thread that made it
            self._pool = ThreadPool(THREADS)
        patience = gevent.Timeout(seconds)
        with patience:
            try:
                return cast("T | _Failed", self._pool.spawn(_perform, job).get())
            except gevent.Timeout as timeout:
                if timeout is not patience:
                    raise
                job.abandoned = True
        self._silent_until = monotonic() + self._pause
        raise StateUnavailable(f"no answer within {seconds:g} s")


def _perform(job: _Job[T]) -> T | _Failed:
    """In a thread. Errors are returned: gevent prints what a pool thread raises, with the SQL, past the log."""
    if job.abandoned:
        return _Failed(StateUnavailable("given up before it began"))
    try:
        return job.function()
    except Exception as error:  # noqa: BLE001 - raised again by run(), in the greenlet that asked
        return _Failed(error)


def reason_of(error: Exception) -> str:
    """The database's own words in one line, without the statement and its values (a caller's number is no log text)."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {' '.join(str(cause).split())}"
