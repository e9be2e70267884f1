"""Files that rooms make: spoken names, kept while their speaker is on the line, and recordings of meetings.

FreeSWITCH writes them, and may see the folder under another path than we do.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

#: Seconds after which whoever spoke a name is on the line no longer: a meeting of the longest max_duration, and a day.
LONGEST_CALL = 8 * 86400.0

_CALL = re.compile(r"[0-9a-fA-F-]{8,64}")


class SpokenNames:
    """The names callers spoke. ``folder`` as we see it, ``switch_folder`` as FreeSWITCH does."""

    def __init__(self, folder: Path, switch_folder: str) -> None:
        self._folder = folder / "names"
        self._switch_folder = f"{switch_folder}/names"

    def prepare(self) -> None:
        """Make the folder, and clear it of names whose speakers left while no daemon watched."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for file in self._folder.glob("*.wav"):
            with suppress(OSError):  # another daemon was quicker, or it is not ours
                if time.time() - file.stat().st_mtime > LONGEST_CALL:
                    file.unlink()

    def path_for(self, call: str) -> str:
        """Where FreeSWITCH is to record the name of a call."""
        return f"{self._switch_folder}/{_safe(call)}.wav"

    def file_of(self, call: str) -> str | None:
        """The recorded name of a call, as FreeSWITCH sees it; None when there is none."""
        if not _CALL.fullmatch(call) or not (self._folder / f"{call}.wav").is_file():
            return None
        return self.path_for(call)

    def forget(self, call: str) -> None:
        """The speaker has gone."""
        if _CALL.fullmatch(call):
            (self._folder / f"{call}.wav").unlink(missing_ok=True)


class Recordings:
    """Recordings of meetings: one file per meeting, ``TENANT.ROOM-2026-11-21T2151.wav``."""

    def __init__(self, folder: Path, switch_folder: str, stamp: Callable[[], str]) -> None:
        self._folder = folder
        self._switch_folder = switch_folder
        self._stamp = stamp

    def path_for(self, room: str) -> str:
        """A fresh file for a room, as FreeSWITCH sees it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return f"{self._switch_folder}/{room}-{self._stamp()}.wav"


def _safe(call: str) -> str:
    if not _CALL.fullmatch(call):
        raise ValueError("not the id of a call")
    return call
