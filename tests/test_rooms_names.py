"""Names that callers spoke are kept while they are on the line, and no longer."""

from __future__ import annotations

import os
import time
from pathlib import Path

from callcontrol.rooms.names import LONGEST_CALL, SpokenNames

GONE, HERE = "5f3c9b1e-0000-4000-8000-000000000001", "5f3c9b1e-0000-4000-8000-000000000002"


def test_a_daemon_that_starts_forgets_names_whose_speakers_left_while_none_watched(tmp_path: Path) -> None:
    names = SpokenNames(tmp_path, "/srv/recordings")
    names.prepare()
    for call in (GONE, HERE):
        (tmp_path / "names" / f"{call}.wav").write_bytes(b"RIFF")
    long_ago = time.time() - LONGEST_CALL - 60
    os.utime(tmp_path / "names" / f"{GONE}.wav", (long_ago, long_ago))
    names.prepare()
    assert (names.file_of(GONE), names.file_of(HERE)) == (None, f"/srv/recordings/names/{HERE}.wav")
