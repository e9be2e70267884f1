"""The tenants in force, read again when their files change. Calls look at ``current``; nothing they see ever changes.

A faulty file changes nothing: its last good version stays. A file that is removed takes its tenant with it; a folder
that cannot be read takes nobody.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import gevent
import gevent.event
import structlog

from callcontrol.tenants.folder import load_data, read_file, settle, tenant_files, unreadable
from callcontrol.tenants.loader import Loaded
from callcontrol.tenants.problem import Problem
from callcontrol.tenants.snapshot import Tenants

LOOK_EVERY = 0.5  # seconds; with SETTLE and reading, a saved file is in force well within two seconds
SETTLE = 0.2  # seconds a changed folder must stand still: an editor may write a file in several steps
SETTLE_LOOKS = 5

_log = structlog.get_logger("callcontrol.tenants")

CLOCK_TICK = 50_000_000  # ns; two writes within one tick of the file system's clock have the same time

_Signature = tuple[int, int, int]
_Look = Mapping[Path, _Signature]


@dataclass(frozen=True, slots=True)
class _File:
    """A file as last read. signature: ``None`` when it has to be read again; content: a hash of its bytes."""

    signature: _Signature | None
    content: bytes | None
    loaded: Loaded


class TenantStore:
    """Keeps ``current`` up to date with a folder of tenant files.

    on_change is called with the new snapshot after each change; on_problems with all problems whenever they have
    changed, an empty sequence when all are solved. Both run in the greenlet that polls.
    """

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        on_change: Callable[[Tenants], None] | None = None,
        on_problems: Callable[[Sequence[Problem]], None] | None = None,
    ) -> None:
        self.current = Tenants.of(())
        self.problems: tuple[Problem, ...] = ()
        self._folder, self._environ = folder, environ
        self._on_change, self._on_problems = on_change, on_problems
        self._files: dict[Path, _File] = {}
        self._in_force: dict[Path, Loaded] = {}
        self._stopped = gevent.event.Event()

    def load(self) -> Sequence[Problem]:
        """Read the folder for the first time (or again); returns all problems. Faults are no reason not to start."""
        self.poll()
        return self.problems

    def poll(self) -> bool:
        """Look at the folder once. True when the tenants in force changed."""
        return self._take(self._read())

    def watch(self) -> None:
        """Poll until ``stop``, in a greenlet of its own. Reading and checking happen in a thread, beside the calls."""
        threads = gevent.get_hub().threadpool
        while not self._stopped.wait(LOOK_EVERY):
            try:
                if threads.apply(self._has_changed):
                    self._wait_until_still()
                    self._take(threads.apply(self._read))
            except Exception:  # noqa: BLE001 - whatever a listener could not do, the next file must still be read
                _log.exception("new tenant files could not be taken over")

    def stop(self) -> None:
        """End ``watch``."""
        self._stopped.set()

    def _wait_until_still(self) -> None:
        look: _Look | None = None
        for _ in range(SETTLE_LOOKS):
            before, look = look, self._look()
            if look == before or self._stopped.wait(SETTLE):
                return

    def _look(self) -> _Look | None:
        """Every tenant file with what changes when it is written; ``None`` when the folder cannot be read."""
        try:
            return {path: _signature(path) for path in tenant_files(self._folder)}
        except OSError:
            return None

    def _has_changed(self) -> bool:
        return self._look() != {path: file.signature for path, file in self._files.items()}

    def _read(self) -> dict[Path, _File] | Problem:
        try:
            paths = tenant_files(self._folder)
        except OSError as error:
            return unreadable(self._folder, error)
        return {path: self._file(path) for path in paths}

    def _file(self, path: Path) -> _File:
        """A file as it is now; what is known about it when nothing changed or somebody is just writing it."""
        known, signature = self._files.get(path), _signature(path)
        if known and known.signature == signature:
            return known
        data = read_file(path)
        if _signature(path) != signature:
            return _File(None, known.content, known.loaded) if known else _File(None, None, Loaded(path, None))
        settled = abs(time.time_ns() - signature[0]) > CLOCK_TICK
        content = None if isinstance(data, Problem) else hashlib.sha256(data).digest()
        if known and content is not None and content == known.content:
            return _File(signature if settled else None, content, known.loaded)
        return _File(signature if settled else None, content, load_data(path, data, self._environ))

    def _take(self, read: dict[Path, _File] | Problem) -> bool:
        """Put what was read in force. The swap is one assignment; the callbacks come after it."""
        if isinstance(read, Problem):
            self._report((read,))
            return False
        before = {path: loaded for path, loaded in self._in_force.items() if path in read}
        force, problems = settle(before, [file.loaded for file in read.values()])
        changed = force != self._in_force
        self._files, self._in_force = read, force
        if changed:
            self.current = Tenants.of(loaded.tenant for loaded in force.values() if loaded.tenant)
        self._report(tuple(problems))
        if changed and self._on_change:
            self._on_change(self.current)
        return changed

    def _report(self, problems: tuple[Problem, ...]) -> None:
        news, self.problems = problems != self.problems, problems
        if news and self._on_problems:
            self._on_problems(problems)


def _signature(path: Path) -> _Signature:
    try:
        status = os.stat(path)
    except OSError:
        return (0, -1, 0)  # gone since the folder was listed, or a link to nothing
    return (status.st_mtime_ns, status.st_size, status.st_ino)
