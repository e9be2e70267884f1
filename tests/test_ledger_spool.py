"""The folder of the switch's records: every one counts once, whoever reads it, and an odd one stops nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.ledger import spool as module
from callcontrol.ledger.spool import Spool
from callcontrol.state import Database, Legs, StateUnavailable, sqlite_url
from callcontrol.state.office import OfficeCalls

RECORDS = Path(__file__).parent / "data" / "cdr"
OURS = [
    "callee-aside-then-room",
    "lobby-only-shown-out",
    "lobby-then-room-shown-out",
    "moderator-aside-and-back",
    "waited-for-moderator",
]


class Office:
    """A folder of records, its reader, and the ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "cdr"
        self.folder.mkdir()
        self.database = Database(sqlite_url(folder / "state"))
        self.legs = Legs(self.database)
        self.now = time.time()
        self.spool = self.reader()

    def reader(self) -> Spool:
        return Spool(self.folder, self.legs, OfficeCalls(self.database), lambda: self.now)

    def arrives(self, name: str, data: bytes | None = None) -> Path:
        """A record is written."""
        path = self.folder / f"{name}.cdr.json"
        path.write_bytes((RECORDS / f"{name}.cdr.json").read_bytes() if data is None else data)
        return path

    def put_away(self, kind: str = "done") -> list[str]:
        return sorted(path.name.removesuffix(".cdr.json") for path in (self.folder / kind).glob("*/*"))

    def rows(self) -> int:
        return sum(len(list(self.legs.rows(tenant, 0.0, 1e11))) for tenant in ("theatre", "agency"))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.database.close()


def test_all_that_is_there_is_settled_and_put_away(office: Office) -> None:
    for name in (*OURS, "not-ours"):
        office.arrives(name)
    assert office.spool.look() == 6
    assert (office.rows(), office.spool.settled, office.spool.faulty) == (5, 5, 0)
    assert office.put_away() == sorted([*OURS, "not-ours"])
    assert office.spool.look() == 0


def test_the_same_record_again_changes_nothing(office: Office) -> None:
    office.arrives(OURS[0])
    office.spool.look()
    before = list(office.legs.rows("agency", 0.0, 1e11))
    office.arrives(OURS[0])
    office.spool.look()
    assert list(office.legs.rows("agency", 0.0, 1e11)) == before


def test_a_record_that_is_still_being_written_waits_until_it_ends_or_stands_still(office: Office) -> None:
    whole = (RECORDS / f"{OURS[0]}.cdr.json").read_bytes()
    office.arrives(OURS[0], whole[:5000])
    assert office.spool.look() == 0
    office.arrives(OURS[0], whole.rstrip(b"\n"))
    assert office.spool.look() == 0
    office.now += 11
    assert office.spool.look() == 1
    assert (office.rows(), office.spool.faulty) == (1, 0)


def test_half_a_record_that_never_grows_is_put_where_a_person_finds_it(office: Office) -> None:
    office.arrives(OURS[0], b'{"half')
    office.arrives(OURS[1])
    office.now += 11
    office.spool.look()
    assert office.put_away("faulty") == [OURS[0]]
    assert (office.put_away(), office.spool.faulty) == ([OURS[1]], 1)


def test_while_the_store_is_away_the_records_wait(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.arrives(OURS[0])

    def away(*_: object) -> int:
        raise StateUnavailable("away")

    with monkeypatch.context() as outage:
        outage.setattr(office.legs, "write", away)
        with pytest.raises(StateUnavailable):
            office.spool.look()
    assert office.put_away() == []
    office.spool.look()
    assert (office.rows(), office.put_away()) == (1, [OURS[0]])


def test_a_reader_killed_between_the_store_and_the_move_loses_and_doubles_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.arrives(OURS[0])
    with monkeypatch.context() as death:
        death.setattr(Spool, "_put_away", lambda *_: None)
        office.spool.look()
    assert office.reader().look() == 1
    assert (office.rows(), office.put_away()) == (1, [OURS[0]])


def test_two_readers_who_see_the_same_file_do_no_harm(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.arrives(OURS[0])
    put_away, other = Spool._put_away, office.reader()

    def overtaken(spool: Spool, name: str, kind: str) -> None:
        monkeypatch.setattr(Spool, "_put_away", put_away)
        assert other.look() == 1
        put_away(spool, name, kind)

    monkeypatch.setattr(Spool, "_put_away", overtaken)
    office.spool.look()
    assert (office.rows(), office.put_away()) == (1, [OURS[0]])


def test_what_is_no_record_is_left_alone(office: Office) -> None:
    (office.folder / "README").write_text("hello")
    (office.folder / "folder.cdr.json").mkdir()
    (office.folder / "elsewhere.cdr.json").symlink_to("/etc/passwd")
    os.mkfifo(office.folder / "pipe.cdr.json")
    assert office.spool.look() == 0
    assert office.spool.look() == 0
    assert (office.folder / "elsewhere.cdr.json").is_symlink()


def test_a_record_that_cannot_be_moved_is_settled_once_and_told_once(office: Office) -> None:
    office.arrives(OURS[0])
    (office.folder / "done").write_text("in the way")
    assert (office.spool.look(), office.spool.look()) == (1, 0)
    assert office.rows() == 1


def test_a_folder_that_is_gone_is_told_and_found_again(office: Office) -> None:
    office.folder.rename(office.folder.with_name("hidden"))
    assert (office.spool.look(), office.spool.readable) == (0, False)
    office.folder.with_name("hidden").rename(office.folder)
    office.arrives(OURS[0])
    assert (office.spool.look(), office.spool.readable) == (1, True)


def test_after_a_long_outage_records_are_read_in_slices_the_oldest_first(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE", 2)
    for age, name in enumerate(OURS):
        os.utime(office.arrives(name), times=(office.now - age, office.now - age))
    assert [office.spool.look() for _ in range(4)] == [2, 2, 1, 0]
    assert office.rows() == 5


def test_what_was_read_a_month_ago_is_removed_and_nothing_else(office: Office) -> None:
    office.arrives(OURS[0])
    office.spool.look()
    (day,) = (office.folder / "done").iterdir()
    (office.folder / "done" / "notes").mkdir()
    office.now += 30 * 86400
    office.spool.prune()
    assert day.exists()
    office.now += 86400
    office.spool.prune()
    assert not day.exists()
    assert (office.folder / "done" / "notes").exists()


def test_a_file_that_is_none_of_ours_stays_and_keeps_no_other_day(office: Office) -> None:
    days = [office.folder / "done" / f"2020-01-{day:02}" for day in range(1, 10)]
    for day in days:
        day.mkdir(parents=True)
        (day / "a.cdr.json").write_bytes(b"{}\n")
    for day in days[::2]:
        (day / "notes.txt").write_text("looked at by hand")
    office.spool.prune()
    assert sorted(path.name for path in (office.folder / "done").rglob("*.*")) == ["notes.txt"] * 5
    assert not any(day.exists() for day in days[1::2])
