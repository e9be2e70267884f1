"""Reads the switch's call detail records from a folder and settles the ledger with them.

mod_json_cdr opens a file under its name and then fills it, so a file counts once it ends with a line end, or has not
grown for UNFINISHED seconds. What was read is moved to `done/DATE/` in the same folder, where it stays KEPT days; what
cannot be understood goes to `faulty/DATE/`, is counted, and is for a person to look at. The store decides first, the
file is moved after: a daemon killed in between reads it again, which changes nothing, and so do two daemons on one
folder.

Files are looked for once a second rather than watched with inotify, which sees nothing of a folder on another machine.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import structlog
from gevent.event import Event as Signal

from callcontrol.ledger.cdr import MOST_BYTES, Faulty, NotOurs, read_cdr
from callcontrol.state import Leg, Legs, StateUnavailable
from callcontrol.state.leg import DAEMON, UNKNOWN, Settled
from callcontrol.state.office import OfficeCall, OfficeCalls

#: Days a record is kept after it was read.
KEPT = 30
#: Seconds between two looks into the folder.
POLL = 1.0
#: Seconds after which a file without a line end is taken as it is.
UNFINISHED = 10.0
#: Files read without a pause, some 10 ms of work; then calls have their turn.
SLICE = 50
#: Files looked at to find the oldest, some 5 ms of work, even when a long outage left many more.
LISTED = 2000
#: Seconds between two looks for records that need not be kept any longer.
PRUNE = 3600.0

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\.cdr\.json", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

_log = structlog.get_logger("callcontrol.ledger")


class Spool:
    """One folder of records. ``clock``: UTC epoch seconds."""

    def __init__(self, folder: Path, legs: Legs, offices: OfficeCalls, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._legs = legs
        self._offices = offices
        self._clock = clock
        self._stuck: set[str] = set()  # settled, but the file could not be moved
        self._stopping = Signal()
        #: Whether the folder could be read at the last look.
        self.readable = True
        #: Legs settled, and files that could not be understood, since the start.
        self.settled = 0
        self.faulty = 0
        #: Seconds the largest correction was: by how much a record moved a time that a daemon had seen.
        self.largest_correction = 0.0

    def run(self) -> None:
        """Read until `stop`."""
        pruned = float("-inf")
        while not self._stopping.is_set():
            found = 0
            try:
                found = self.look()
            except StateUnavailable:
                pass  # the files wait
            except Exception:  # noqa: BLE001 - one odd file must not end the reading of all others
                _log.exception("records of the switch were not read")
            if self._clock() - pruned >= PRUNE:
                pruned = self._clock()
                self.prune()
            self._stopping.wait(timeout=0.01 if found == SLICE else POLL)

    def stop(self) -> None:
        """End the greenlet."""
        self._stopping.set()

    def look(self) -> int:
        """Settle with what is there, SLICE files at most; how many were read. Raises StateUnavailable."""
        read: dict[str, Leg | OfficeCall | NotOurs | Faulty] = {}
        for name in self._names()[:SLICE]:
            data = self._content(name)
            if data is not None:
                read[name] = read_cdr(data)
        legs = {leg.call: leg for leg in read.values() if isinstance(leg, Leg)}
        if legs:
            self._note_corrections(legs)
            self._legs.write([Settled(leg) for leg in legs.values()])
        calls = {call.call: call for call in read.values() if isinstance(call, OfficeCall)}
        if calls:
            self._offices.settle(list(calls.values()))
        self.settled += len(legs) + len(calls)
        for name, what in read.items():
            if isinstance(what, Faulty):
                self.faulty += 1
                _log.error("a record of the switch cannot be understood", file=name, reason=what.reason)
            self._put_away(name, "faulty" if isinstance(what, Faulty) else "done")
        return len(read)

    def prune(self) -> None:
        """Remove records read more than KEPT days ago."""
        oldest = (datetime.fromtimestamp(self._clock(), UTC) - timedelta(days=KEPT)).date().isoformat()
        for kind in ("done", "faulty"):
            with suppress(OSError):
                for day in (self._folder / kind).iterdir():
                    if _DATE.fullmatch(day.name) and day.name < oldest:
                        _remove(day)

    def _names(self) -> list[str]:
        """Some records that are to be read, the oldest of them first."""
        found = []
        try:
            with os.scandir(self._folder) as entries:
                fresh = (one for one in entries if _NAME.fullmatch(one.name) and one.name not in self._stuck)
                for entry in islice(fresh, LISTED):
                    with suppress(FileNotFoundError):
                        found.append((entry.stat(follow_symlinks=False).st_mtime, entry.name))
        except OSError as error:
            if self.readable:
                _log.error("the folder of records cannot be read", folder=str(self._folder), error=error.strerror)
            self.readable = False
            return []
        self.readable = True
        return [name for _, name in sorted(found)]

    def _content(self, name: str) -> bytes | None:
        """All of a file; None when it is not finished, gone, or no file."""
        try:
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._stuck.add(name)
            _log.error("a record cannot be opened", file=name, error=error.strerror)
            return None
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            self._stuck.add(name)
            return None
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(MOST_BYTES + 1)
        finished = data.endswith(b"\n") or self._clock() - status.st_mtime > UNFINISHED
        return data if finished else None

    def _put_away(self, name: str, kind: str) -> None:
        target = self._folder / kind / datetime.fromtimestamp(self._clock(), UTC).date().isoformat()
        try:
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.rename(self._folder / name, target / name)
        except FileNotFoundError:
            pass  # another daemon was quicker
        except OSError as error:
            self._stuck.add(name)
            _log.error("a record that was read cannot be moved", file=name, error=error.strerror)

    def _note_corrections(self, legs: dict[str, Leg]) -> None:
        for known in self._legs.of_calls(list(legs)):
            cdr = legs[known.call]
            if known.closed_by == DAEMON and known.end_reason != UNKNOWN and known.left_at and cdr.left_at:
                moved = max(abs(known.left_at - cdr.left_at), abs(known.joined_at - cdr.joined_at))
                self.largest_correction = max(self.largest_correction, moved)


def _remove(day: Path) -> None:
    """What of it can be removed; a file that is not ours stays, and the day with it."""
    with suppress(OSError):
        for file in day.iterdir():
            if _NAME.fullmatch(file.name):
                file.unlink(missing_ok=True)
        day.rmdir()
