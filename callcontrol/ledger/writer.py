"""Writes news of the ledger in batches, in one greenlet; telling it something never waits for the store.

While the store is away news waits in memory, `most` pieces at most. What does not fit is dropped and counted: the
switch's own records make it good (spool.py), and without those the comparison with the switch does, as far as it can
(watch.py). A batch that was given up at its deadline may have been written all the same; written again it changes
nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from time import monotonic

import structlog
from gevent.event import Event as Signal

from callcontrol.state import Legs, StateUnavailable
from callcontrol.state.leg import News

#: News that may wait in memory; about 1 kB each.
MOST = 50_000
#: News written in one transaction.
BATCH = 500
#: Seconds in which news gathers before it is written, so that calls that come together share a commit.
GATHER = 0.25
#: Seconds before the store is tried again.
RETRY = 2.0

_log = structlog.get_logger("callcontrol.ledger")


class Writer:
    """A queue in front of the ledger. ``gather`` and ``retry`` in seconds."""

    def __init__(self, legs: Legs, *, most: int = MOST, gather: float = GATHER, retry: float = RETRY) -> None:
        self._legs = legs
        self._most = most
        self._gather = gather
        self._retry = retry
        self._queue: deque[News] = deque()
        self._told = Signal()
        self._written = Signal()
        self._stopping = Signal()
        #: Pieces of news written, and dropped because too many waited.
        self.written = 0
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Pieces of news not written yet."""
        return len(self._queue)

    def tell(self, news: News) -> None:
        """To be written soon. Returns at once."""
        if len(self._queue) >= self._most:
            if not self.dropped:
                _log.error("too much waits for the state store, the ledger now relies on the switch's records")
            self.dropped += 1
            return
        self._queue.append(news)
        self._told.set()

    def run(self) -> None:
        """Write until `stop`."""
        while not self._stopping.is_set():
            self._told.wait()
            self._stopping.wait(timeout=self._gather)
            while self._queue and not self._stopping.is_set():
                if not self._write_some():
                    self._stopping.wait(timeout=self._retry)

    def flush(self, deadline: float) -> bool:
        """Wait until all that was told is written; False when that took longer than ``deadline`` seconds."""
        expires = monotonic() + deadline
        while self._queue and (left := expires - monotonic()) > 0:
            self._written.clear()
            self._written.wait(timeout=left)
        return not self._queue

    def stop(self) -> None:
        """Write no more; what still waits is lost to this ledger, but not to the switch's records."""
        self._stopping.set()
        self._told.set()

    def _write_some(self) -> bool:
        batch = [self._queue[place] for place in range(min(BATCH, len(self._queue)))]
        try:
            self._legs.write(batch)
        except StateUnavailable:
            return False
        except Exception as error:  # noqa: BLE001 - one piece of news that cannot be written must not keep the others
            self._set_aside(batch, error)
        for _ in batch:
            self._queue.popleft()
        self.written += len(batch)
        if not self._queue:
            self._told.clear()
        self._written.set()
        return True

    def _set_aside(self, batch: Sequence[News], error: Exception) -> None:
        """Write each on its own, so that only what cannot be written is lost."""
        _log.error("a batch of the ledger was refused, written one by one", error=repr(error))
        for news in batch:
            try:
                self._legs.write([news])
            except Exception as refused:  # noqa: BLE001 - as above; StateUnavailable too: it will be in the records
                self.dropped += 1
                _log.error("news of the ledger was lost", call=news.call, error=repr(refused))
