"""The ledger's rows: open at join, closed at leave, settled by the switch, in whatever order the news arrives."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from callcontrol.state import Database, Leg, Legs
from callcontrol.state.leg import ADMISSION, MODERATOR, NOTHING, UNKNOWN, Closed, Entered, Explained, Opened, Settled
from callcontrol.state.legs import PAGE

T = 1_795_000_000.0


@pytest.fixture
def legs(url: str) -> Iterator[Legs]:
    database = Database(url)
    database.open()
    yield Legs(database)
    database.close()


@pytest.fixture
def tenant() -> str:
    """One that nobody else has rows of: a PostgreSQL is not emptied between tests."""
    return f"t-{uuid.uuid4()}"


def leg(tenant: str, at: float = T, **changed: object) -> Leg:
    values: dict[str, object] = {
        "call": str(uuid.uuid4()),
        "tenant": tenant,
        "room": "board",
        "role": "participant",
        "direction": "inbound",
        "payer": "caller",
        "began_at": at - 20,
        "answered_at": at - 15,
        "joined_at": at,
        "number": "+491712345678",
    }
    return Leg(**(values | changed))  # type: ignore[arg-type]


def test_who_joins_and_leaves_has_a_row_with_the_seconds(legs: Legs, tenant: str) -> None:
    ann = leg(tenant)
    legs.open(ann)
    assert legs.get(ann.call) == replace(ann, admitted_at=T)
    assert ann.call in {row.call for row in legs.open_rows()}
    legs.close(ann.call, T + 62.5)
    closed = legs.get(ann.call)
    assert closed is not None
    assert (closed.wait_seconds, closed.room_seconds, closed.end_reason) == (0.0, 62.5, "left")
    assert (closed.closed_by, closed.left_at) == ("daemon", T + 62.5)
    assert ann.call not in {row.call for row in legs.open_rows()}


def test_the_moderator_who_comes_first_admits_all_who_wait_in_that_meeting(legs: Legs, tenant: str) -> None:
    meeting = str(uuid.uuid4())
    ann, ben, late = (leg(tenant, T + n, waits_for=MODERATOR) for n in (0, 10, 200))
    gone = leg(tenant, T, waits_for=MODERATOR)
    other = leg(tenant, T, waits_for=MODERATOR)
    boss = leg(tenant, T + 60, role="moderator")
    second = leg(tenant, T + 90, role="moderator")
    for one in (ann, ben, gone, boss, second, late):
        legs.write([Opened(one), Entered(one.call, "near", meeting, one.joined_at)])
        if one is gone:
            legs.close(gone.call, T + 30)
    legs.write([Opened(other), Entered(other.call, "near", "another", T)])
    rows = {row.call: row for row in legs.rows(tenant, T, T + 1000)}
    assert [rows[one.call].admitted_at for one in (ann, ben, late, boss)] == [T + 60, T + 60, T + 200, T + 60]
    assert [rows[one.call].wait_seconds for one in (ann, ben, late, gone)] == [60, 50, 0, 30]
    assert (rows[gone.call].admitted_at, rows[gone.call].room_seconds) == (None, 0.0)
    assert rows[other.call].admitted_at is None


def test_who_waits_to_be_let_in_is_admitted_by_entering_the_room_itself(legs: Legs, tenant: str) -> None:
    ann = leg(tenant, waits_for=ADMISSION)
    legs.write([Opened(ann), Entered(ann.call, "near", "", T)])
    assert legs.get(ann.call) == replace(ann, switch="near")
    legs.write([Entered(ann.call, "near", "meeting", T + 40), Closed(ann.call, T + 100)])
    row = legs.get(ann.call)
    assert row is not None
    assert (row.admitted_at, row.wait_seconds, row.room_seconds, row.meeting) == (T + 40, 40.0, 60.0, "meeting")


def test_the_last_leave_counts_and_what_was_seen_beats_a_guess(legs: Legs, tenant: str) -> None:
    ann, ben = leg(tenant), leg(tenant)
    legs.write([Opened(ann), Closed(ann.call, T + 5), Explained(ann.call, "room-ended"), Closed(ann.call, T + 1)])
    legs.write([Closed(ann.call, T + 6), Closed(ann.call, T + 3, UNKNOWN)])
    legs.write(
        [Opened(ben), Closed(ben.call, T + 5, UNKNOWN), Closed(ben.call, T + 4), Closed(ben.call, T + 7, UNKNOWN)]
    )
    rows = {row.call: row for row in legs.rows(tenant, T, T + 1)}
    assert (rows[ann.call].left_at, rows[ann.call].end_reason) == (T + 6, "room-ended")
    assert (rows[ben.call].left_at, rows[ben.call].end_reason) == (T + 4, "left")


def test_a_cdr_corrects_the_times_and_settles_the_row_for_good(legs: Legs, tenant: str) -> None:
    ann = leg(tenant, tries=2, name="Ann")
    legs.write([Opened(ann), Entered(ann.call, "near", "meeting", T), Closed(ann.call, T + 5, UNKNOWN)])
    cdr = replace(
        ann, joined_at=T - 0.25, left_at=T + 60, ended_at=T + 60.5, end_reason="NORMAL_CLEARING", tries=1, name=""
    )
    legs.settle(cdr)
    row = legs.get(ann.call)
    assert row is not None
    assert (row.joined_at, row.left_at, row.ended_at, row.closed_by) == (T - 0.25, T + 60, T + 60.5, "switch")
    assert (row.tries, row.name, row.meeting, row.room_seconds) == (2, "Ann", "meeting", 60.25)
    assert legs.write([Settled(cdr), Closed(ann.call, T + 99), Settled(replace(cdr, left_at=T + 99))]) == 0
    assert legs.get(ann.call) == row


def test_a_cdr_of_a_call_nobody_wrote_down_makes_the_row_and_one_that_was_in_no_room_makes_none(
    legs: Legs, tenant: str
) -> None:
    ann, ben = leg(tenant, left_at=T + 60, ended_at=T + 61), leg(tenant, joined_at=0.0, left_at=T)
    legs.write([Settled(ann), Settled(ben)])
    row = legs.get(ann.call)
    assert row is not None
    assert (row.room_seconds, row.closed_by) == (60.0, "switch")
    assert legs.get(ben.call) is None


def test_who_was_taken_for_gone_and_is_seen_again_is_open_again(legs: Legs, tenant: str) -> None:
    ann = leg(tenant)
    legs.write([Opened(ann), Closed(ann.call, T + 5, UNKNOWN), Entered(ann.call, "near", "meeting", T + 9)])
    assert ann.call in {row.call for row in legs.open_rows()}
    legs.close(ann.call, T + 20)
    legs.write([Entered(ann.call, "near", "meeting", T + 9)])
    row = legs.get(ann.call)
    assert row is not None
    assert row.room_seconds == 20.0


def test_rows_come_in_pages_by_time_of_joining_none_twice_and_only_those_of_the_tenant(legs: Legs, tenant: str) -> None:
    many = [leg(tenant, T + number // 7) for number in range(2 * PAGE + 3)]  # seven share each second
    legs.write([Opened(one) for one in many] + [Opened(leg(f"{tenant}-other"))])
    found = list(legs.rows(tenant, T, T + 1e6))
    assert [row.joined_at for row in found] == sorted(row.joined_at for row in many)
    assert {row.call for row in found} == {row.call for row in many}
    assert len(list(legs.rows(tenant, T + 1, T + 3))) == 14


def test_when_a_switch_was_last_looked_through_is_kept(legs: Legs) -> None:
    switch = f"near-{uuid.uuid4()}"
    assert legs.last_sighting(switch) == 0.0
    legs.sighted(switch, T)
    legs.sighted(switch, T + 30)
    assert legs.last_sighting(switch) == T + 30


def test_a_row_without_anything_to_wait_for_is_admitted_as_it_joins(legs: Legs, tenant: str) -> None:
    ann = leg(tenant, waits_for=NOTHING)
    legs.write([Opened(ann), Entered(ann.call, "near", "meeting", T - 0.5)])
    row = legs.get(ann.call)
    assert row is not None
    assert (row.joined_at, row.admitted_at, row.wait_seconds) == (T - 0.5, T - 0.5, 0.0)
