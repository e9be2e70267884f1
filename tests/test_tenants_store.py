"""Saving, breaking, renaming and removing tenant files while calls are served."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from callcontrol import greenlets
from callcontrol.tenants import Problem, Tenants, TenantStore
from callcontrol.tenants.folder import load_data
from callcontrol.tenants.loader import Loaded
from tests.patience import PATIENCE, until

ONE_ROOM = 'tenant: {id}\nregion: DE\nnumbers:\n  "{number}": {{room: lobby}}\nrooms:\n  lobby: {{access: open}}\n'


def text(identifier: str, number: str = "+49 30 8631") -> str:
    return ONE_ROOM.format(id=identifier, number=number)


class Administrator:
    """Somebody who saves tenant files into a folder that a store looks at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshots: list[Tenants] = []
        self.reports: list[Sequence[Problem]] = []
        self.store = TenantStore(folder, {}, self.snapshots.append, self.reports.append)

    def saves(self, name: str, content: str | bytes) -> bool:
        """Write a file; True when that changed the tenants in force."""
        (self.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return self.store.poll()

    def removes(self, name: str) -> bool:
        (self.folder / name).unlink()
        return self.store.poll()

    @property
    def tenants(self) -> list[str]:
        return list(self.store.current.by_id)

    @property
    def problems(self) -> list[str]:
        return [str(problem).replace(f"{self.folder}/", "") for problem in self.store.problems]

    def owner(self, number: str) -> str | None:
        found = self.store.current.find_number(number)
        return found[0].id if found else None


@pytest.fixture
def admin(tmp_path: Path) -> Administrator:
    return Administrator(tmp_path)


def test_a_saved_file_is_in_force_and_told_once(admin: Administrator) -> None:
    assert admin.saves("acme.yaml", text("acme"))
    assert admin.tenants == ["acme"]
    assert admin.snapshots == [admin.store.current]
    assert not admin.store.poll()
    assert len(admin.snapshots) == 1
    assert admin.reports == []


def test_a_change_is_seen_though_size_and_time_stay_the_same(admin: Administrator) -> None:
    """Two saves within one tick of the file system's clock."""
    admin.saves("acme.yaml", text("acme", "+49 30 8631"))
    before = (admin.folder / "acme.yaml").stat()
    (admin.folder / "acme.yaml").write_text(text("acme", "+49 30 8632"))
    os.utime(admin.folder / "acme.yaml", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert admin.store.poll()
    assert admin.owner("+49308632") == "acme"


def test_touching_a_file_changes_nothing(admin: Administrator) -> None:
    admin.saves("acme.yaml", text("acme"))
    os.utime(admin.folder / "acme.yaml", (1_700_000_000, 1_700_000_000))
    assert not admin.store.poll()


def test_a_faulty_file_over_a_good_one_changes_nothing_for_callers(admin: Administrator) -> None:
    admin.saves("acme.yaml", text("acme"))
    served = admin.store.current
    assert not admin.saves("acme.yaml", text("acme") + "foo: 1\n")
    assert admin.store.current is served
    assert admin.problems[0].startswith("acme.yaml:7:1: unknown key 'foo'")
    assert len(admin.reports) == 1


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"tenant: [", b"x" * 2_000_000, b"[" * 100_000])
def test_no_content_takes_the_last_good_version_away(admin: Administrator, content: bytes) -> None:
    admin.saves("acme.yaml", text("acme"))
    assert not admin.saves("acme.yaml", content)
    assert admin.tenants == ["acme"]
    assert len(admin.problems) == 1


def test_a_file_cut_anywhere_never_takes_its_tenant_away(admin: Administrator) -> None:
    """What a poll in the middle of a slow write would see."""
    whole = text("acme").encode()
    admin.saves("acme.yaml", whole)
    for length in range(len(whole)):
        admin.saves("acme.yaml", whole[:length])
        assert admin.tenants == ["acme"]


def test_the_problems_are_told_again_when_they_change(
    admin: Administrator,
) -> None:
    admin.saves("acme.yaml", text("acme") + "foo: 1\n")
    admin.store.poll()
    admin.saves("acme.yaml", text("acme") + "bar: 1\n")
    admin.saves("acme.yaml", text("acme"))
    assert [len(report) for report in admin.reports] == [1, 1, 0]
    assert admin.problems == []
    assert admin.tenants == ["acme"]


def test_a_removed_file_removes_its_tenant_even_when_it_was_faulty_last(admin: Administrator) -> None:
    admin.saves("acme.yaml", text("acme"))
    admin.saves("globex.yaml", text("globex", "+49 30 8632"))
    admin.saves("globex.yaml", "broken")
    assert admin.removes("globex.yaml")
    assert admin.tenants == ["acme"]
    assert admin.owner("+49308632") is None
    assert admin.problems == []


def test_a_file_saved_through_a_temporary_one_is_read(admin: Administrator) -> None:
    admin.saves("acme.yaml", text("acme"))
    temporary = admin.folder / ".acme.yaml.tmp123"
    temporary.write_text(text("acme", "+49 30 8699"))
    os.replace(temporary, admin.folder / "acme.yaml")
    assert admin.store.poll()
    assert admin.owner("+49308699") == "acme"


def test_a_renamed_file_keeps_its_tenant(admin: Administrator) -> None:
    admin.saves("acme.yaml", text("acme"))
    os.rename(admin.folder / "acme.yaml", admin.folder / "acme-gmbh.yml")
    admin.store.poll()
    assert admin.tenants == ["acme"]
    assert admin.problems == []


def test_what_editors_leave_behind_is_not_read(admin: Administrator) -> None:
    for name in (".acme.yaml", ".acme.yaml.swp", "acme.yaml~", "#acme.yaml#", "acme.yaml.bak", "4913", "notes.txt"):
        (admin.folder / name).write_text(text("acme"))
    (admin.folder / "old").mkdir()
    (admin.folder / "old" / "acme.yaml").write_text(text("acme"))
    assert not admin.store.poll()
    assert admin.problems == []


def test_links_are_followed_and_one_that_leads_nowhere_is_a_problem(admin: Administrator, tmp_path: Path) -> None:
    target = tmp_path / "real.txt"
    target.write_text(text("acme"))
    (admin.folder / "acme.yaml").symlink_to(target)
    (admin.folder / "globex.yaml").symlink_to(tmp_path / "missing")
    assert admin.store.poll()
    assert admin.tenants == ["acme"]
    assert admin.problems == ["globex.yaml:1:1: cannot be read: No such file or directory"]


def test_what_is_no_regular_file_is_a_problem_and_holds_nobody_up(admin: Administrator) -> None:
    os.mkfifo(admin.folder / "fifo.yaml")
    (admin.folder / "folder.yaml").mkdir()
    admin.store.poll()
    assert admin.problems == [
        "fifo.yaml:1:1: is no regular file",
        "folder.yaml:1:1: cannot be read: Is a directory",
    ]


def test_a_folder_that_cannot_be_read_takes_nobody_and_is_a_problem_once(admin: Administrator) -> None:
    admin.saves("acme.yaml", text("acme"))
    moved = admin.folder.rename(admin.folder.with_name("away"))
    assert not admin.store.poll()
    assert not admin.store.poll()
    assert admin.tenants == ["acme"]
    assert [str(problem) for problem in admin.store.problems] == [
        f"{admin.folder}:1:1: cannot be read: No such file or directory"
    ]
    assert len(admin.reports) == 1
    moved.rename(admin.folder)
    assert not admin.store.poll()
    assert admin.problems == []


def test_a_file_that_changes_while_it_is_read_is_taken_when_it_stands_still(
    admin: Administrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.saves("acme.yaml", text("acme"))

    def read_while_written(path: Path) -> bytes | Problem:
        path.write_text(text(path.stem, "+49 30 8699") + "# more\n")
        return b"half of it"

    with monkeypatch.context() as patch:
        patch.setattr("callcontrol.tenants.store.read_file", read_while_written)
        (admin.folder / "new.yaml").write_text(text("new", "+49 30 8698"))
        assert not admin.saves("acme.yaml", text("acme", "+49 30 8697"))
        assert admin.owner("+49308631") == "acme"
        assert admin.problems == []
    assert admin.store.poll()
    assert admin.owner("+49308699") == "acme"


# Two files


def test_the_file_that_has_a_number_keeps_it_and_the_newcomer_is_told_who(admin: Administrator) -> None:
    admin.saves("globex.yaml", text("globex", "+49 30 8631"))
    assert not admin.saves("acme.yaml", text("acme", "030 8631"))
    assert admin.tenants == ["globex"]
    assert admin.problems == ["acme.yaml:4:3: number +49308631 is claimed already (by globex.yaml:4:3)"]


def test_tenants_and_domains_belong_to_one_file_too(admin: Administrator) -> None:
    admin.saves("globex.yaml", text("acme") + "domain: Acme.example\n")
    admin.saves("acme.yaml", text("acme", "+49 30 8632") + "domain: acme.example\n")
    assert admin.problems == [
        "acme.yaml:1:9: tenant 'acme' is claimed already (by globex.yaml:1:9)",
        "acme.yaml:7:9: domain acme.example is claimed already (by globex.yaml:7:9)",
    ]


def test_a_refused_newcomer_is_in_force_as_soon_as_the_number_is_free(admin: Administrator) -> None:
    admin.saves("globex.yaml", text("globex"))
    admin.saves("acme.yaml", text("acme"))
    assert admin.removes("globex.yaml")
    assert admin.owner("+49308631") == "acme"
    assert admin.problems == []


def test_a_changed_file_that_takes_a_number_of_another_keeps_its_last_good_version(admin: Administrator) -> None:
    admin.saves("acme.yaml", text("acme", "+49 30 8631"))
    admin.saves("globex.yaml", text("globex", "+49 30 8632"))
    assert not admin.saves("acme.yaml", text("acme", "+49 30 8632"))
    assert (admin.owner("+49308631"), admin.owner("+49308632")) == ("acme", "globex")


def test_a_number_handed_over_in_one_go_changes_its_owner_without_a_gap(admin: Administrator) -> None:
    admin.saves("acme.yaml", text("acme", "+49 30 8631"))
    admin.saves("globex.yaml", text("globex", "+49 30 8632"))
    (admin.folder / "acme.yaml").write_text(text("acme", "+49 30 8632"))
    (admin.folder / "globex.yaml").write_text(text("globex", "+49 30 8631"))
    assert admin.store.poll()
    assert (admin.owner("+49308631"), admin.owner("+49308632")) == ("globex", "acme")
    assert admin.problems == []


def test_a_number_handed_over_in_two_steps_waits_for_the_second(admin: Administrator) -> None:
    admin.saves("acme.yaml", text("acme", "+49 30 8631"))
    admin.saves("globex.yaml", text("globex", "+49 30 8632"))
    admin.saves("globex.yaml", text("globex", "+49 30 8631"))
    assert admin.saves("acme.yaml", text("acme", "+49 30 8699"))
    assert (admin.owner("+49308631"), admin.owner("+49308699")) == ("globex", "acme")
    assert admin.problems == []


# Watching


@pytest.fixture
def watched(admin: Administrator) -> Iterator[Administrator]:
    admin.saves("acme.yaml", text("acme"))
    watcher = greenlets.spawn("watch", admin.store.watch)
    yield admin
    admin.store.stop()
    watcher.join(timeout=PATIENCE)
    assert watcher.dead


def test_a_saved_file_is_in_force_soon(watched: Administrator) -> None:
    (watched.folder / "acme.yaml").write_text(text("acme", "+49 30 8699"))
    until(lambda: watched.owner("+49308699") == "acme")


def test_the_watch_outlives_a_folder_that_goes_and_comes_back(watched: Administrator) -> None:
    moved = watched.folder.rename(watched.folder.with_name("away"))
    until(lambda: bool(watched.store.problems))
    assert watched.tenants == ["acme"]
    moved.rename(watched.folder)
    until(lambda: not watched.store.problems)


def test_the_watch_outlives_a_listener_that_fails(tmp_path: Path) -> None:
    seen: list[Tenants] = []

    def fails_once(tenants: Tenants) -> None:
        seen.append(tenants)
        if len(seen) == 1:
            raise OSError("disk full")

    store = TenantStore(tmp_path, {}, fails_once)
    watcher = greenlets.spawn("watch", store.watch)
    (tmp_path / "acme.yaml").write_text(text("acme"))
    until(lambda: len(seen) == 1)
    (tmp_path / "globex.yaml").write_text(text("globex", "+49 30 8632"))
    until(lambda: len(seen) == 2)
    store.stop()
    watcher.join(timeout=PATIENCE)
    assert list(store.current.by_id) == ["acme", "globex"]


def test_a_file_written_bit_by_bit_comes_into_force_whole(watched: Administrator) -> None:
    """As with an editor on a slow network drive: there is more of it at each look, and the first piece is sound."""
    rooms = [f"  room-{number}: {{access: open}}\n" for number in range(30)]
    pieces = ["".join(rooms[:10]), "".join(rooms[10:20]), "".join(rooms[20:])]
    look = watched.store._look
    with (watched.folder / "acme.yaml").open("w", buffering=1) as file:

        def look_while_it_is_written() -> object:
            if pieces:
                file.write(pieces.pop(0))
            return look()

        file.write(text("acme") + "  # and more rooms\n")
        watched.store._look = look_while_it_is_written  # type: ignore[method-assign,assignment]
        until(lambda: not pieces)
    until(lambda: len(watched.store.current.by_id["acme"].rooms) == 31)
    assert [len(snapshot.by_id["acme"].rooms) for snapshot in watched.snapshots] == [1, 31]


def test_calls_go_on_while_a_large_file_is_read(watched: Administrator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking many rooms takes a while; it happens beside the calls, which are here the ones to let it end."""
    begun, go_on = threading.Event(), threading.Event()

    def takes_a_while(*about: Any) -> Loaded:
        begun.set()
        assert go_on.wait(PATIENCE)
        return load_data(*about)

    monkeypatch.setattr("callcontrol.tenants.store.load_data", takes_a_while)
    rooms = "".join(f"  room-{number}: {{access: pin, pin: '{number:04}7{number % 7}9'}}\n" for number in range(1000))
    (watched.folder / "acme.yaml").write_text(text("acme") + rooms)
    until(begun.is_set)
    assert len(watched.store.current.by_id["acme"].rooms) == 1
    go_on.set()
    until(lambda: len(watched.store.current.by_id["acme"].rooms) == 1001)
    assert watched.problems == []
