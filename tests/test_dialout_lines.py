"""Lines to the outside: calls of extensions count with those of rooms, and are free again when the switch lost them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gevent
import pytest

from callcontrol.account import OfficeAccount, Service
from callcontrol.dialout import lines
from callcontrol.dialout.lines import OutsideLines
from callcontrol.errors import SwitchLost
from callcontrol.state import Database, sqlite_url
from callcontrol.state.office import OfficeCall, OfficeCalls
from callcontrol.state.office_usage import office_calls_of
from callcontrol.state.rounds import Held, Limits, RoundStore
from tests.tenant_files import tenant
from tests.test_state_rounds import NOW, a_try, opened

TWO_LINES = tenant("outgoing: {at_once: 2, per_day: 5}\n")
DAY = 86400.0
CLARAS = OfficeAccount(TWO_LINES.id, "33", Service.OUT, "+493012345")


class Switch:
    """A switch that has these calls, or cannot be asked."""

    up = True

    def __init__(self, name: str = "local") -> None:
        self.name = name
        self.calls: set[str] = set()
        self.lost = False
        self.asked = 0

    def api(self, command: str) -> str:
        self.asked += 1
        if self.lost:
            raise SwitchLost("no connection")
        return "true" if command.removeprefix("uuid_exists ") in self.calls else "false"

    def begin(self, command: str, job: str) -> None:
        raise AssertionError(command)


class Office:
    """Lines whose clock is moved by the test."""

    def __init__(self, database: Database) -> None:
        self.database, self.switch, self.other, self.now = database, Switch(), Switch("other"), NOW
        self.lines = self.daemon()

    def daemon(self) -> OutsideLines:
        """Another daemon, or this one after a restart: it remembers nothing."""
        return OutsideLines(OfficeCalls(self.database), [self.switch, self.other], lambda: self.now)

    def row(self, call: str) -> OfficeCall:
        rows = self.database.read(lambda one: office_calls_of(one, TWO_LINES.id, "", 0.0, 100))
        return next(row for row in rows if row.call == call)

    def talks(self) -> str:
        """One more call, answered after five seconds; a daemon has looked since."""
        call = self.call()
        self.now += 5.0
        self.lines.taken_by(call, [call])
        self.now += 5.0
        self.lines.look()
        return call

    def looks(self) -> None:
        """Some time later."""
        self.now += 11.0
        self.lines.look()

    def call(self) -> str:
        """One more call, which is allowed."""
        taken = self.lines.take(TWO_LINES, [CLARAS])
        assert not isinstance(taken, Held)
        self.switch.calls |= set(taken)
        return taken[0]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    database = Database(sqlite_url(tmp_path / "state"))
    database.open()
    yield Office(database)
    database.close()


def test_a_tenant_has_as_many_lines_as_its_file_says(office: Office) -> None:
    office.call()
    assert office.lines.take(TWO_LINES, [CLARAS, CLARAS]) is Held.LINES
    office.call()
    assert office.lines.take(TWO_LINES, [CLARAS]) is Held.LINES


def test_a_line_is_free_when_the_switch_has_the_call_no_longer(office: Office) -> None:
    first = office.call()
    office.call()
    office.looks()
    assert office.lines.take(TWO_LINES, [CLARAS]) is Held.LINES
    office.switch.calls.remove(first)
    office.looks()
    office.call()


def test_a_call_on_its_way_to_the_switch_is_not_taken_for_one_that_is_over(office: Office) -> None:
    office.call()
    office.call()
    office.switch.calls.clear()
    office.lines.look()
    assert office.lines.take(TWO_LINES, [CLARAS]) is Held.LINES


def test_a_call_that_came_to_nothing_frees_its_line_at_once(office: Office) -> None:
    office.lines.give_back([office.call()])
    office.call()
    office.call()


def test_a_switch_that_cannot_be_asked_frees_nothing(office: Office) -> None:
    office.call()
    office.call()
    office.looks()
    office.switch.lost = True
    office.looks()
    assert office.lines.take(TWO_LINES, [CLARAS]) is Held.LINES


def test_a_switch_that_is_down_keeps_no_lines_of_calls_that_were_on_another(office: Office) -> None:
    """Or else all lines would soon be in use for as long as it is down."""
    office.call()
    office.call()
    office.looks()
    office.other.lost = True
    office.switch.calls.clear()
    office.looks()
    office.call()


def test_a_call_nobody_has_found_yet_may_be_on_the_switch_that_is_down(office: Office) -> None:
    office.other.lost = True
    office.call()
    office.call()
    office.switch.calls.clear()
    office.looks()
    assert office.lines.take(TWO_LINES, [CLARAS]) is Held.LINES
    assert office.other.asked == 1  # once for all calls: it may take its time not to answer


def test_a_call_that_ended_while_nobody_looked_counts_up_to_when_it_was_last_known_to_be_there(office: Office) -> None:
    call = office.talks()
    office.switch.calls.clear()
    office.now += 7200.0
    office.daemon().look()  # no daemon was there for two hours
    row = office.row(call)
    assert (row.answered_at, row.ended_at, row.closed_by) == (NOW + 5.0, NOW + 10.0, "daemon")


def test_a_call_nobody_ever_saw_there_lasts_no_time(office: Office) -> None:
    office.talks()
    office.now += 60.0
    call = office.call()
    office.now += 2.0
    office.lines.taken_by(call, [call])
    office.switch.calls.clear()
    office.now += 7200.0
    office.daemon().look()
    row = office.row(call)
    assert row.ended_at == row.answered_at == NOW + 72.0


def test_a_switch_that_was_lost_for_an_hour_and_came_back_empty_costs_nobody_the_hour(office: Office) -> None:
    call = office.talks()
    office.switch.lost = True
    for _ in range(3):
        office.looks()
    office.now += 3600.0
    office.switch.lost, office.switch.calls = False, set()
    office.looks()
    assert office.row(call).ended_at == NOW + 10.0


def test_a_call_made_while_the_clock_was_a_year_ahead_ends_when_it_is_over(office: Office) -> None:
    office.now += 365 * DAY
    call = office.call()
    office.now -= 365 * DAY
    office.switch.calls.clear()
    office.looks()
    assert office.row(call).closed_by == "daemon"


def test_a_look_while_the_clock_was_a_year_ahead_makes_no_year_of_talk(office: Office) -> None:
    call = office.talks()
    office.now += 365 * DAY
    office.lines.look()
    office.now -= 365 * DAY
    office.switch.calls.clear()
    office.looks()
    ended = office.row(call).ended_at
    assert ended is not None
    assert ended <= office.now


def test_an_emergency_call_the_switch_tells_of_counts_against_no_limit(office: Office) -> None:
    account = OfficeAccount(TWO_LINES.id, "33", Service.OUT, "112")
    made = [replace(OfficeCall.of(f"call {n}", account, NOW), ended_at=NOW + 60.0) for n in range(5)]
    OfficeCalls(office.database).settle(made)
    office.call()


def test_a_fault_at_one_look_does_not_end_the_looking(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.call()
    looks: list[float] = []

    def look() -> None:
        looks.append(office.now)
        if len(looks) == 1:
            raise ValueError("nobody expected this")
        office.lines.stop()

    monkeypatch.setattr(lines, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(office.lines, "look", look)
    office.lines.start()
    with gevent.Timeout(10):
        office.lines._stopping.wait()
    assert len(looks) == 2


def test_calls_of_a_day_count_whatever_became_of_them(office: Office) -> None:
    for _ in range(5):
        office.lines.give_back([office.call()])
    assert office.lines.take(TWO_LINES, [CLARAS]) is Held.PER_DAY
    office.now += DAY
    office.call()


def test_rooms_and_extensions_share_the_lines(office: Office) -> None:
    store = RoundStore(office.database)
    round_ = opened(store, TWO_LINES.id)
    limits = Limits(under_way=5, spacing=0.0, lines=2, per_day=100)
    office.call()
    assert store.claim_try(a_try(round_, 0), "one", limits).granted
    assert office.lines.take(TWO_LINES, [CLARAS]) is Held.LINES
    assert store.claim_try(a_try(round_, 1), "one", limits).held is Held.LINES


def test_who_used_no_line_waits_for_no_store_to_give_it_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_what: object, **_how: object) -> None:
        raise AssertionError("an unanswered call inside is nobody's line")

    monkeypatch.setattr(office.database, "write", asked)
    office.lines.give_back(())


def test_without_the_store_a_person_can_call_all_the_same(office: Office) -> None:
    office.database.close()
    assert not isinstance(office.lines.take(TWO_LINES, [CLARAS]), Held)
    office.lines.give_back(["a-call"])
