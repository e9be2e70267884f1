"""Conferences that call their participants at the agreed time: each once, whatever happens to the daemons."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import gevent
import pytest
from gevent.event import Event
from structlog.testing import capture_logs

from callcontrol.dialout.rounds import Rounds
from callcontrol.dialout.scheduler import LOOK_SECONDS, RETRY, Scheduler
from callcontrol.rooms.calls import Begun, Refused
from callcontrol.state import Database, sqlite_url
from callcontrol.state.rounds import RoundStore
from callcontrol.tenants import Tenant, Tenants
from tests.dialout_ground import Clock, Switch, exchange
from tests.patience import PATIENCE
from tests.tenant_files import tenant

BERLIN = ZoneInfo("Europe/Berlin")
RETRY_SECONDS = RETRY.total_seconds()


def at(text: str) -> float:
    """Epoch seconds of a time in Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


TEN = at("2026-12-01 10:00")  # a Tuesday


class Town:
    """A tenant with a name of its own, so that tests can share a database; daemons come and go."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = Clock(TEN - 3600)
        self.name = f"t{uuid.uuid4().hex[:12]}"
        self.tenant = self.with_schedule("start: 2026-12-01 10:00, repeat: weekdays, dial_out: true")
        self.daemons: list[Daemon] = []
        store = self.store = RoundStore(Database(url))
        store.database.open()
        store.note_schedules_attended(self.clock())

    def with_schedule(self, schedule: str, *rooms: str) -> Tenant:
        text = f"tenant: {self.name}\nregion: DE\ntimezone: Europe/Berlin\ntrunk: carrier\ncaller_id: '+49 30 8630'\n"
        text += "rooms:\n"
        for room in rooms or ("board",):
            text += f"  {room}:\n    access: open\n    dial_out: [{{name: Max, number: '+49 171 5550001'}}]\n"
            text += f"    schedule: {{{schedule}}}\n" if schedule else ""
        return tenant(text, tail="")

    def daemon(self, url: str = "") -> Daemon:
        daemon = Daemon(self, url or self.url)
        self.daemons.append(daemon)
        return daemon

    def outcomes(self) -> dict[str, str]:
        """Each occurrence in the store (as in Berlin) -> what became of it; one that joined a round has that round."""
        found = [one for one in self.store.rounds_of(self.name, 0, 1e11) if one.outcome != "joined"]
        shown = {one.id.partition("@")[2][:16]: "called" if one.outcome != "missed" else "missed" for one in found}
        assert len(shown) == len(found)
        return shown

    def passes(self, until: float, step: float = LOOK_SECONDS) -> None:
        """Time passes; each daemon that is awake looks as often as its alarms would wake it."""
        while self.clock() < until:
            self.clock.now = min(self.clock() + step, until)
            self.everybody_looks()

    def everybody_looks(self) -> None:
        for daemon in self.daemons:
            if daemon.awake:
                daemon.schedules.look()

    def close(self) -> None:
        for daemon in self.daemons:
            daemon.goes()
        self.store.database.close()


class Daemon:
    """What one process has: its own connection to the store, its own switch, its own memory."""

    def __init__(self, town: Town, url: str) -> None:
        self.town = town
        self.asked: list[str] = []
        self.begun: list[str] = []
        self.counted: list[str] = []
        self.awake = True
        self.database = Database(url, pause=0.0)
        store = RoundStore(self.database)
        ground = exchange(
            store, lambda: town.tenant, town.clock, Switch(town.clock), identity=f"daemon {len(town.daemons)}"
        )
        self.rounds = Rounds(ground)
        self.schedules = Scheduler(
            self, store, lambda: Tenants.of([town.tenant]), town.clock, count=self.counted.append
        )

    def begin(self, tenant: str, room: str, cause: object, **about: object) -> Begun | Refused:
        """What the scheduler asks for goes to the real rounds; kept for the test."""
        answer = self.rounds.begin(tenant, room, cause, **about)  # type: ignore[arg-type]
        shown = str(about["round_id"]).partition("@")[2]
        self.asked.append(shown)
        if isinstance(answer, Begun):
            self.begun.append(shown)
        return answer

    def goes(self) -> None:
        """It ends; what it had begun is in the store."""
        if self.awake:
            self.awake = False
            self.schedules.stop()
            self.rounds.stop()
            self.database.close()


@pytest.fixture
def town(url: str) -> Iterator[Town]:
    with closing(Town(url)) as town:
        yield town


def test_each_occurrence_is_called_when_it_is_due_and_once(town: Town) -> None:
    one = town.daemon()
    town.passes(TEN - 1)
    assert one.asked == []
    town.passes(TEN + 3 * 86400, step=600)
    assert one.begun == [f"2026-12-0{day}T10:00:00+01:00" for day in (1, 2, 3, 4)]
    assert one.asked == one.begun
    assert one.counted == ["begun"] * 4


def test_two_daemons_on_one_database_call_each_occurrence_once(town: Town) -> None:
    one, two = town.daemon(), town.daemon()
    town.passes(TEN - 1, step=600)
    for day in range(4):
        town.clock.now = TEN + day * 86400
        gevent.joinall([gevent.spawn(daemon.schedules.look) for daemon in (one, two)], raise_error=True)
    assert sorted(one.begun + two.begun) == [f"2026-12-0{day}T10:00:00+01:00" for day in (1, 2, 3, 4)]
    assert set(town.outcomes().values()) == {"called"}


def test_a_restart_around_the_due_second_calls_once(town: Town) -> None:
    before = town.daemon()
    town.passes(TEN, step=600)
    before.goes()
    town.clock.pass_by(30)
    after = town.daemon()
    town.everybody_looks()
    town.passes(TEN + 900)
    assert before.begun == ["2026-12-01T10:00:00+01:00"]
    assert after.begun == []


def test_an_occurrence_missed_by_ten_minutes_at_most_is_made_up(town: Town) -> None:
    town.clock.now = TEN + 600
    late = town.daemon()
    with capture_logs() as log:
        late.schedules.look()
    assert late.begun == ["2026-12-01T10:00:00+01:00"]
    assert [entry["late_s"] for entry in log if entry["event"] == "occurrence begun"] == [600.0]
    (made_up,) = town.store.rounds_of(town.name, 0, 1e11)
    assert made_up.due_at == TEN


def test_later_ones_are_reported_once_and_never_called(town: Town) -> None:
    town.clock.now = TEN + 2 * 86400 + 601
    late, other = town.daemon(), town.daemon()
    with capture_logs() as log:
        town.everybody_looks()
        town.passes(town.clock() + 300)
    missed = [entry for entry in log if entry["event"] == "occurrence missed"]
    assert [entry["occurrence"].partition("@")[2][:10] for entry in missed] == [
        "2026-12-01",
        "2026-12-02",
        "2026-12-03",
    ]
    assert missed[0]["log_level"] == "error"
    assert late.begun == other.begun == []
    assert sorted(late.counted + other.counted) == ["missed"] * 3
    assert set(town.outcomes().values()) == {"missed"}


def test_what_was_missed_is_looked_for_as_far_back_as_all_daemons_were_down_but_a_week_at_most(town: Town) -> None:
    first = town.daemon()
    town.passes(TEN + 60, step=600)
    first.goes()
    town.clock.now = TEN + 13 * 86400 + 3600  # Monday a fortnight later
    town.daemon().schedules.look()
    days = ["2026-12-01", *(f"2026-12-{day:02}" for day in (8, 9, 10, 11, 14))]
    assert [day[:10] for day in town.outcomes()] == days


def test_a_new_installation_reports_nothing_of_the_past(tmp_path: Path) -> None:
    with closing(Town(sqlite_url(tmp_path / "new"))) as town:
        fresh = RoundStore(Database(sqlite_url(tmp_path / "fresh")))
        assert fresh.schedules_attended() is None
        fresh.database.close()
        town.clock.now = TEN + 86400 * 3 + 601
        town.daemon(sqlite_url(tmp_path / "fresh")).schedules.look()
        seen = RoundStore(Database(sqlite_url(tmp_path / "fresh")))
        assert seen.rounds_of(town.name, 0, 1e11) == ()
        assert seen.schedules_attended() == town.clock()
        seen.database.close()


def test_a_schedule_written_today_reports_nothing_of_the_past(town: Town) -> None:
    town.tenant = town.with_schedule("")
    one = town.daemon()
    town.passes(TEN + 86400, step=600)
    town.tenant = town.with_schedule("start: 2026-01-05 09:00, repeat: daily, dial_out: true")
    town.passes(TEN + 2 * 86400, step=600)
    assert one.begun == ["2026-12-03T09:00:00+01:00"]
    assert town.outcomes() == {"2026-12-03T09:00": "called"}


def test_a_machine_that_slept_reports_what_it_slept_through(town: Town) -> None:
    one = town.daemon()
    town.passes(TEN - 600, step=600)
    town.clock.pass_by(3 * 3600)
    town.everybody_looks()
    assert (one.begun, town.outcomes()) == ([], {"2026-12-01T10:00": "missed"})


def test_a_clock_set_back_calls_nothing_twice_and_nothing_less(town: Town) -> None:
    one = town.daemon()
    town.passes(TEN + 60, step=600)
    town.clock.now = TEN - 7200
    town.passes(TEN + 86400, step=600)
    assert one.begun == ["2026-12-01T10:00:00+01:00", "2026-12-02T10:00:00+01:00"]


def test_a_clock_that_was_a_year_ahead_for_a_minute_does_little_harm(town: Town) -> None:
    one = town.daemon()
    town.passes(TEN + 60, step=600)
    town.clock.pass_by(365 * 86400 + 7200)
    town.everybody_looks()
    assert len(town.outcomes()) <= 7
    town.clock.pass_by(-365 * 86400 - 7200)
    town.passes(TEN + 86400, step=600)
    assert one.begun == ["2026-12-01T10:00:00+01:00", "2026-12-02T10:00:00+01:00"]


def test_a_clock_that_was_a_year_ahead_for_a_minute_forgets_no_conference_that_comes_once(town: Town) -> None:
    town.tenant = town.with_schedule("start: 2026-12-01 10:00, dial_out: true")
    one = town.daemon()
    town.passes(TEN - 1800, step=600)
    town.clock.pass_by(365 * 86400)
    town.everybody_looks()
    town.clock.pass_by(-365 * 86400)
    town.passes(TEN + 60, step=600)
    assert one.begun == ["2026-12-01T10:00:00+01:00"]


def test_a_time_that_came_while_the_clock_was_a_year_ahead_is_made_up(town: Town) -> None:
    one = town.daemon()
    town.passes(TEN - 30, step=600)
    town.clock.pass_by(365 * 86400)
    town.everybody_looks()
    town.clock.now = TEN + 30
    town.everybody_looks()
    assert one.begun == ["2026-12-01T10:00:00+01:00"]


def test_while_the_store_is_away_it_is_tried_again_until_ten_minutes_after(tmp_path: Path) -> None:
    with closing(Town(sqlite_url(tmp_path / "state"))) as town:
        one = town.daemon()
        town.passes(TEN - 1, step=600)
        hidden = tmp_path / "state" / "hidden"
        file = tmp_path / "state" / "callcontrol.db"
        one.database.close()
        file.rename(hidden)
        file.mkdir()  # nothing can be opened there
        town.passes(TEN + 60, step=RETRY_SECONDS)
        assert one.begun == []
        file.rmdir()
        hidden.rename(file)
        town.passes(TEN + 120, step=RETRY_SECONDS)
        assert one.begun == ["2026-12-01T10:00:00+01:00"]


def test_a_store_that_stays_away_longer_leaves_it_to_be_reported(tmp_path: Path) -> None:
    with closing(Town(sqlite_url(tmp_path / "state"))) as town:
        one = town.daemon()
        town.passes(TEN - 1, step=600)
        hidden = tmp_path / "state" / "hidden"
        file = tmp_path / "state" / "callcontrol.db"
        one.database.close()
        file.rename(hidden)
        file.mkdir()
        town.passes(TEN + 700, step=100)
        file.rmdir()
        hidden.rename(file)
        town.passes(TEN + 800, step=100)
        assert (one.begun, town.outcomes()) == ([], {"2026-12-01T10:00": "missed"})


def test_a_conference_of_five_minutes_is_not_begun_when_it_is_over(town: Town) -> None:
    town.tenant = town.with_schedule("start: 2026-12-01 10:00, duration: 5, dial_out: true")
    town.clock.now = TEN + 400
    late = town.daemon()
    with capture_logs() as log:
        late.schedules.look()
    assert town.outcomes() == {"2026-12-01T10:00": "missed"}
    assert [entry["reason"] for entry in log if entry["event"] == "occurrence missed"] == ["its time is over"]


def test_a_room_whose_schedule_does_not_call_is_left_alone(town: Town) -> None:
    town.tenant = town.with_schedule("start: 2026-12-01 10:00, repeat: daily")
    one = town.daemon()
    town.passes(TEN + 86400, step=600)
    assert one.asked == []


def test_a_time_that_was_moved_is_called_at_the_new_one_only(town: Town) -> None:
    one = town.daemon()
    town.passes(TEN - 1800, step=600)
    town.tenant = town.with_schedule("start: 2026-12-01 11:00, dial_out: true")
    town.passes(TEN + 7200, step=600)
    assert one.begun == ["2026-12-01T11:00:00+01:00"]


def test_the_night_of_the_change_has_one_half_past_two(town: Town) -> None:
    for night, expected in (
        ("2027-03-28", "2027-03-28T03:30:00+02:00"),
        ("2027-10-31", "2027-10-31T02:30:00+02:00"),
    ):
        town.tenant = town.with_schedule(f"start: {night} 02:30, dial_out: true")
        town.clock.now = at(f"{night} 00:00")
        town.store.note_schedules_attended(town.clock())
        one, two = town.daemon(), town.daemon()
        town.passes(at(f"{night} 06:00"), step=600)
        assert one.begun + two.begun == [expected]
        one.goes()
        two.goes()


def test_rooms_due_in_the_same_second_are_all_called(town: Town) -> None:
    rooms = [f"room-{number}" for number in range(20)]
    town.tenant = town.with_schedule("start: 2026-12-01 10:00, dial_out: true", *rooms)
    one, two = town.daemon(), town.daemon()
    town.passes(TEN + 1, step=600)
    begun = [each.room for each in town.store.rounds_of(town.name, 0, 1e11)]
    assert sorted(begun) == sorted(rooms)
    assert len(one.begun) + len(two.begun) == 20


def test_the_alarm_of_a_room_wakes_at_its_second(town: Town) -> None:
    """The only test by a clock that runs: half a second before the start of the conference."""
    began, done = datetime.now(UTC).timestamp(), Event()
    town.clock = lambda: TEN - 0.5 + datetime.now(UTC).timestamp() - began  # type: ignore[assignment]
    daemon = town.daemon()
    heard: list[float] = []
    really = daemon.begin

    def begin(*about: object, **more: object) -> Begun | Refused:
        heard.append(town.clock())
        answer = really(*about, **more)  # type: ignore[arg-type]
        done.set()
        return answer

    daemon.begin = begin  # type: ignore[method-assign]
    daemon.schedules.start()
    assert done.wait(timeout=PATIENCE)
    assert TEN <= heard[0] < TEN + 5  # about a millisecond; a busy machine may take longer
    daemon.schedules.stop()


def test_changed_tenants_are_planned_at_once(town: Town) -> None:
    town.tenant = town.with_schedule("")
    daemon, done = town.daemon(), Event()
    daemon.schedules.start()
    really = daemon.begin

    def begin(*about: object, **more: object) -> Begun | Refused:
        done.set()
        return really(*about, **more)  # type: ignore[arg-type]

    daemon.begin = begin  # type: ignore[method-assign]
    town.clock.now = TEN + 1
    town.tenant = town.with_schedule("start: 2026-12-01 10:00, dial_out: true")
    daemon.schedules.tenants_changed()
    assert done.wait(timeout=PATIENCE)
    daemon.schedules.stop()


def test_a_schedule_that_is_changed_while_one_of_its_times_begins_is_planned_at_once(town: Town) -> None:
    began, done = datetime.now(UTC).timestamp(), Event()
    town.clock = lambda: TEN - 0.2 + datetime.now(UTC).timestamp() - began  # type: ignore[assignment]
    daemon = town.daemon()
    really, asked = daemon.begin, daemon.asked

    def begin(*about: object, **more: object) -> Begun | Refused:
        if not asked:
            town.tenant = town.with_schedule("start: 2026-12-01 09:58, repeat: weekdays, dial_out: true")
            daemon.schedules.look()
        answer = really(*about, **more)  # type: ignore[arg-type]
        if len(asked) == 2:
            done.set()
        return answer

    daemon.begin = begin  # type: ignore[method-assign]
    daemon.schedules.start()
    assert done.wait(timeout=10)
    assert asked == ["2026-12-01T10:00:00+01:00", "2026-12-01T09:58:00+01:00"]
    daemon.schedules.stop()
