"""Calls out as they are kept: whatever several daemons do at once, a try is made once and within the limits."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import pytest

from callcontrol.account import OfficeAccount, Service
from callcontrol.state import Database, Leg, Legs, sqlite_url
from callcontrol.state.office import OfficeCall, OfficeCalls
from callcontrol.state.rounds import Held, Invitee, Limits, Round, RoundStore, Standing, Ticket, Try
from tests.patience import PATIENCE

NOW = 1_795_000_000.0
MANY = Limits(under_way=100, spacing=0.0, lines=1000, per_day=1000)
DAEMONS = 4

T = TypeVar("T")


@pytest.fixture
def store(url: str) -> Iterator[RoundStore]:
    database = Database(url)
    database.open()
    yield RoundStore(database)
    database.close()


@pytest.fixture
def tenant() -> str:
    """One that nobody else has rows of: a PostgreSQL is not emptied between tests."""
    return f"t-{uuid.uuid4()}"


def a_round(tenant: str, owner: str = "one", **changed: object) -> Round:
    values: dict[str, object] = {
        "id": f"{tenant}.board@{uuid.uuid4()}",
        "tenant": tenant,
        "room": "board",
        "cause": "command",
        "due_at": NOW,
        "began_at": NOW,
        "ends_at": NOW + 3600.0,
        "owner": owner,
        "owner_until": NOW + 15.0,
    }
    return Round(**(values | changed))  # type: ignore[arg-type]


def people(many: int) -> list[Invitee]:
    return [Invitee(n, f"Person {n}", f"+4917155500{n:02}", due_at=NOW) for n in range(many)]


def opened(store: RoundStore, tenant: str, many: int = 3, **changed: object) -> Round:
    round_ = a_round(tenant, **changed)
    assert store.open_round(round_, people(many)).opened
    return round_


def a_try(round_: Round, place: int, number: int = 1, at: float = NOW, *, outside: bool = True) -> Try:
    return Try(round_.id, place, number, round_.tenant, "local", f"leg-{uuid.uuid4()}", outside, at)


def waits(state: str = "waiting", after: float = 60.0) -> Callable[[object], Standing]:
    return lambda results: Standing(state, "busy", NOW + after)


def at_once(url: str, work: Callable[[RoundStore, int], T]) -> list[T]:
    """What several daemons get when they all do the same at the same moment; each has its own hub and database."""
    found: list[T] = []
    start = threading.Barrier(DAEMONS)

    def daemon(number: int) -> None:
        database = Database(url)
        start.wait(timeout=PATIENCE)
        try:
            found.append(work(RoundStore(database), number))
        finally:
            database.close()

    threads = [threading.Thread(target=daemon, args=(number,)) for number in range(DAEMONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PATIENCE)
    return found


def test_an_occurrence_is_opened_by_one_daemon_only(url, store, tenant):
    round_ = a_round(tenant, cause="schedule", id=f"{tenant}.board@2026-12-01T10:00:00+01:00")
    openings = at_once(url, lambda own, n: own.open_round(replace(round_, owner=f"daemon {n}"), people(3)))
    assert sorted(one.opened for one in openings) == [False] * (DAEMONS - 1) + [True]
    assert len(store.invitees_of(round_.id)) == 3


def test_a_try_is_claimed_by_one_daemon_only_even_when_all_think_the_round_is_theirs(url, store, tenant):
    round_ = opened(store, tenant)
    claims = at_once(url, lambda own, _: own.claim_try(a_try(round_, 0), "one", MANY))
    assert sorted(claim.granted for claim in claims) == [False] * (DAEMONS - 1) + [True]
    assert len(store.look(round_.id)[1]) == 1


def test_at_most_five_tries_are_under_way_however_many_daemons_call(url, store, tenant):
    rounds = [opened(store, tenant, 5, room=f"room-{n}") for n in range(DAEMONS)]
    five = Limits(under_way=5, spacing=0.0, lines=1000, per_day=1000)

    def call_all(own: RoundStore, number: int) -> int:
        return sum(own.claim_try(a_try(rounds[number], place), "one", five).granted for place in range(5))

    assert sum(at_once(url, call_all)) == 5


def test_one_new_call_a_second_for_all_rounds_of_a_tenant(store, tenant):
    first, second = opened(store, tenant), opened(store, tenant, room="sales")
    usual = replace(MANY, spacing=1.0)
    assert store.claim_try(a_try(first, 0), "one", usual).granted
    held = store.claim_try(a_try(second, 0, at=NOW + 0.25), "one", usual)
    assert (held.held, held.wait) == (Held.SPACING, 0.75)
    assert store.claim_try(a_try(second, 0, at=NOW + 1.0), "one", usual).granted


def test_another_tenants_calls_hold_up_nobody(store, tenant):
    mine, theirs = opened(store, tenant), opened(store, f"{tenant}-other")
    tight = Limits(under_way=1, spacing=1.0, lines=1, per_day=1)
    assert store.claim_try(a_try(mine, 0), "one", tight).granted
    assert store.claim_try(a_try(theirs, 0), "one", tight).granted


def test_a_clock_that_is_far_ahead_holds_up_nobody_for_long(store, tenant):
    ahead = opened(store, tenant, owner_until=NOW + 9000.0, ends_at=NOW + 9000.0)
    assert store.claim_try(a_try(ahead, 0, at=NOW + 3600.0), "one", replace(MANY, spacing=1.0)).granted
    assert store.claim_try(a_try(ahead, 1), "one", replace(MANY, spacing=1.0)).granted


def test_the_lines_of_a_tenant_are_those_that_ring_and_those_in_rooms(store, tenant):
    round_ = opened(store, tenant, 4)
    two = replace(MANY, lines=2)
    assert store.claim_try(a_try(round_, 0), "one", two).granted
    talking = Leg(
        call=str(uuid.uuid4()),
        tenant=tenant,
        room="board",
        role="participant",
        direction="outbound",
        payer="tenant",
        began_at=NOW - 20.0,
        answered_at=NOW - 10.0,
        joined_at=NOW - 5.0,
        number="+4917155500099",
    )
    Legs(store.database).open(talking)
    assert store.claim_try(a_try(round_, 1), "one", two).held is Held.LINES
    assert store.claim_try(a_try(round_, 2, outside=False), "one", two).granted
    Legs(store.database).close(talking.call, NOW)
    assert store.claim_try(a_try(round_, 1), "one", two).granted


def test_who_accepted_and_is_on_the_way_into_the_room_has_a_line_until_the_ledger_knows_the_call(store, tenant):
    round_, two = opened(store, tenant, 5), replace(MANY, lines=2)
    first, third = a_try(round_, 0), replace(a_try(round_, 2), began_at=NOW + 5.0)
    assert store.claim_try(first, "one", two).granted
    assert store.claim_try(a_try(round_, 1, outside=False), "one", two).granted
    assert store.finish_try(first.ticket, "joined", NOW + 4.0, waits("joined"))
    assert store.claim_try(third, "one", two).granted
    assert store.claim_try(a_try(round_, 3, at=NOW + 6.0), "one", two).held is Held.LINES  # a name is recorded
    entered = Leg(first.calls[0], tenant, "board", "participant", "outbound", "tenant", NOW, NOW, NOW + 7.0)
    Legs(store.database).open(replace(entered, number="+4917155500000"))
    assert store.claim_try(a_try(round_, 3, at=NOW + 8.0), "one", two).held is Held.LINES  # counted once, not twice
    Legs(store.database).close(entered.call, NOW + 9.0)
    assert store.claim_try(a_try(round_, 3, at=NOW + 10.0), "one", two).granted


def test_who_accepted_and_hung_up_before_the_room_has_no_line_for_ever(store, tenant):
    round_, one = opened(store, tenant, 2, owner_until=NOW + 600.0), replace(MANY, lines=1)
    first = a_try(round_, 0)
    assert store.claim_try(first, "one", one).granted
    assert store.finish_try(first.ticket, "joined", NOW + 4.0, waits("joined"))
    assert store.claim_try(a_try(round_, 1, at=NOW + 30.0), "one", one).held is Held.LINES
    assert store.claim_try(a_try(round_, 1, at=NOW + 40.0), "one", one).granted


def test_the_calls_of_a_day_are_those_of_the_last_24_hours(store, tenant):
    round_ = opened(store, tenant, 3, owner_until=NOW + 200_000.0, ends_at=NOW + 200_000.0)
    one = replace(MANY, per_day=1)
    assert store.claim_try(a_try(round_, 0), "one", one).granted
    assert store.claim_try(a_try(round_, 1, at=NOW + 86_399.0), "one", one).held is Held.PER_DAY
    assert store.claim_try(a_try(round_, 2, at=NOW + 86_399.0, outside=False), "one", one).granted
    assert store.claim_try(a_try(round_, 1, at=NOW + 86_401.0), "one", one).granted


def test_calls_made_while_the_clock_was_a_year_ahead_are_not_those_of_today_for_a_year(store, tenant):
    year = 365 * 86_400.0
    round_ = opened(store, tenant, 3, owner_until=NOW + 2 * year, ends_at=NOW + 2 * year)
    one = replace(MANY, per_day=1, lines=2)
    assert store.claim_try(a_try(round_, 0, at=NOW + year), "one", one).granted
    office = OfficeAccount(tenant, "33", Service.OUT, "+49301")
    made = OfficeCall.of(str(uuid.uuid4()), office, NOW + year)
    assert OfficeCalls(store.database).take([made], replace(one, per_day=2), NOW + year) is None
    assert store.claim_try(a_try(round_, 1), "one", one).granted
    assert store.claim_try(a_try(round_, 2), "one", one).held is Held.PER_DAY


@pytest.mark.parametrize(
    ("owner", "place", "number", "at", "held"),
    [
        ("two", 0, 1, NOW, Held.OVER),
        ("one", 0, 1, NOW + 15.0, Held.OVER),
        ("one", 0, 1, NOW - 1.0, Held.NOT_WAITING),
        ("one", 0, 2, NOW, Held.NOT_WAITING),
        ("one", 7, 1, NOW, Held.NOT_WAITING),
    ],
)
def test_a_try_is_claimed_only_by_the_owner_when_due_and_in_turn(store, tenant, owner, place, number, at, held):
    round_ = opened(store, tenant)
    assert store.claim_try(a_try(round_, place, number, at), owner, MANY).held is held


def test_nobody_is_called_in_two_tries_at_once(store, tenant):
    round_ = opened(store, tenant)
    assert store.claim_try(a_try(round_, 0), "one", MANY).granted
    assert store.claim_try(a_try(round_, 0, 2), "one", MANY).held is Held.NOT_WAITING


def test_the_first_result_of_a_try_counts(url, store, tenant):
    round_ = opened(store, tenant)
    store.claim_try(a_try(round_, 0), "one", MANY)
    ticket = Ticket(round_.id, 0, 1)
    written = at_once(url, lambda own, n: own.finish_try(ticket, f"result {n}", NOW, waits()))
    assert sorted(written) == [False] * (DAEMONS - 1) + [True]
    (one, *_) = store.invitees_of(round_.id)
    assert (one.state, one.reason, one.due_at) == ("waiting", "busy", NOW + 60.0)


def test_a_result_is_decided_by_all_tries_that_count(store, tenant):
    round_ = opened(store, tenant, owner_until=NOW + 3600.0)
    seen: list[tuple[str, ...]] = []

    def decide(results):
        seen.append(tuple(results))
        return Standing("waiting", results[-1], NOW)

    for number, result in enumerate(["busy", "no answer"], 1):
        store.claim_try(a_try(round_, 0, number), "one", MANY)
        store.finish_try(Ticket(round_.id, 0, number), result, NOW, decide)
    store.claim_try(a_try(round_, 0, 3), "one", MANY)
    store.finish_try(Ticket(round_.id, 0, 3), "declined", NOW, waits("declined"))
    assert store.call_again(round_.id, people(1), NOW, explicit=True) == {"+491715550000"}
    store.claim_try(a_try(round_, 0, 4), "one", MANY)
    store.finish_try(Ticket(round_.id, 0, 4), "busy", NOW, decide)
    assert seen == [("busy",), ("busy", "no answer"), ("busy",)]


def test_a_room_has_one_round_and_an_occurrence_meanwhile_is_remembered_as_joined(store, tenant):
    running = opened(store, tenant)
    occurrence = a_round(tenant, cause="schedule")
    opening = store.open_round(occurrence, people(2))
    assert (opening.opened, opening.running) == (False, running.id)
    store.end_round(running.id, NOW, cancelled="over")
    again = store.open_round(occurrence, people(2))
    assert (again.opened, again.running) == (False, "")
    joined = store.round(occurrence.id)
    assert joined is not None
    assert joined.outcome == "joined"


def test_two_daemons_that_begin_a_round_in_one_room_get_one(url, store, tenant):
    openings = at_once(url, lambda own, _: own.open_round(a_round(tenant), people(2)))
    assert sum(one.opened for one in openings) == 1
    assert len({one.running for one in openings}) == 1


def test_an_occurrence_that_was_missed_is_written_down_once_and_never_opened(url, store, tenant):
    round_ = a_round(tenant, cause="schedule")
    assert sorted(at_once(url, lambda own, _: own.missed(round_))) == [False] * (DAEMONS - 1) + [True]
    assert not store.open_round(round_, people(2)).opened
    (found,) = store.rounds_of(tenant, NOW - 1.0, NOW + 1.0)
    assert found.outcome == "missed"


def test_a_round_is_anybodys_once_its_owner_is_silent(store, tenant):
    round_ = opened(store, tenant)
    assert not store.own(round_.id, "two", NOW + 14.0, NOW + 29.0)
    assert store.own(round_.id, "one", NOW + 14.0, NOW + 29.0)
    assert not store.own(round_.id, "two", NOW + 20.0, NOW + 35.0)
    assert store.own(round_.id, "two", NOW + 29.0, NOW + 44.0)
    assert not store.own(round_.id, "one", NOW + 30.0, NOW + 45.0)


def test_a_daemon_that_ends_gives_its_rounds_away(store, tenant):
    owner = f"daemon of {tenant}"
    round_ = opened(store, tenant, owner=owner)
    assert store.release(owner, NOW + 1.0) == 1
    assert store.own(round_.id, "two", NOW + 1.0, NOW + 16.0)


def test_of_several_daemons_one_takes_over(url, store, tenant):
    round_ = opened(store, tenant)
    taken = at_once(url, lambda own, n: own.own(round_.id, f"daemon {n}", NOW + 20.0, NOW + 35.0))
    assert sum(taken) == 1


def test_a_round_ends_only_when_nobody_is_left_to_call(store, tenant):
    round_ = opened(store, tenant, 1)
    store.claim_try(a_try(round_, 0), "one", MANY)
    store.end_round(round_.id, NOW)
    assert round_.id in {one.id for one in store.running()}
    store.finish_try(Ticket(round_.id, 0, 1), "joined", NOW, waits("joined"))
    store.end_round(round_.id, NOW + 1.0)
    found = store.round(round_.id)
    assert found is not None
    assert (found.outcome, found.ended_at) == ("over", NOW + 1.0)
    assert round_.id in {one.id for one in store.ended_since(NOW)}


def test_a_cancelled_round_tells_what_it_cut_short_once(store, tenant):
    round_ = opened(store, tenant, 3)
    store.claim_try(a_try(round_, 0), "one", MANY)
    store.claim_try(a_try(round_, 1), "one", MANY)
    store.finish_try(Ticket(round_.id, 1, 1), "joined", NOW, waits("joined"))
    cut = store.end_round(round_.id, NOW, cancelled="the room has ended")
    assert [one.place for one in cut] == [0]
    assert store.end_round(round_.id, NOW, cancelled="the room has ended") == ()
    states = [(one.state, one.reason) for one in store.invitees_of(round_.id)]
    over = ("cancelled", "the room has ended")
    assert states == [over, ("joined", "busy"), over]
    assert not store.finish_try(Ticket(round_.id, 0, 1), "joined", NOW, waits("joined"))
    assert not store.note_answer(Ticket(round_.id, 0, 1), NOW)
    assert store.claim_try(a_try(round_, 2), "one", MANY).held is Held.OVER


def test_calling_again_leaves_alone_whom_it_should(store, tenant):
    round_ = opened(store, tenant, 6)
    for place, state in enumerate(["joined", "declined", "failed", "calling", "waiting"]):
        if state != "waiting":
            store.claim_try(a_try(round_, place), "one", MANY)
        if state not in ("waiting", "calling"):
            store.finish_try(Ticket(round_.id, place, 1), state, NOW, waits(state))
    everybody = people(7)
    number = [one.number for one in everybody]
    again = store.call_again(round_.id, everybody, NOW + 5.0, explicit=False)
    assert again == {number[2], number[4], number[5], number[6]}
    by_number = {one.number: one for one in store.invitees_of(round_.id)}
    assert [by_number[n].state for n in number] == [
        *("joined", "declined", "waiting", "calling", "waiting", "waiting", "waiting")
    ]
    assert store.call_again(round_.id, everybody[:2], NOW + 6.0, explicit=True) == {number[0], number[1]}


def test_nobody_is_called_again_in_a_round_that_is_over(store, tenant):
    round_ = opened(store, tenant)
    store.end_round(round_.id, NOW, cancelled="over")
    assert store.call_again(round_.id, people(1), NOW, explicit=True) is None


def test_an_answer_is_noted_once(store, tenant):
    round_ = opened(store, tenant)
    store.claim_try(a_try(round_, 0), "one", MANY)
    assert store.note_answer(Ticket(round_.id, 0, 1), NOW + 5.0)
    assert store.note_answer(Ticket(round_.id, 0, 1), NOW + 9.0)
    found = store.find_try(Ticket(round_.id, 0, 1))
    assert found is not None
    assert found[2].answered_at == NOW + 5.0
    assert store.find_try(Ticket(round_.id, 1, 1)) is None


def test_a_call_in_the_ledger_was_in_a_room(store, tenant):
    assert not store.were_in_a_room([str(uuid.uuid4())])


def test_a_report_of_a_tenant_has_its_rounds_by_the_time_they_were_due(store, tenant):
    late = opened(store, tenant, room="b", due_at=NOW + 100.0)
    early = opened(store, tenant, room="a", due_at=NOW)
    opened(store, tenant, room="c", due_at=NOW + 200.0)
    assert [one.id for one in store.rounds_of(tenant, NOW, NOW + 200.0)] == [early.id, late.id]


def test_what_ended_lately_is_found_among_the_rounds_of_years_without_reading_them_all(tmp_path):
    """A daemon asks for it when it starts; a question that takes more than a second stops all others for five."""
    database = Database(sqlite_url(tmp_path))
    asked = "EXPLAIN QUERY PLAN SELECT * FROM rounds WHERE outcome = 'over' AND ended_at >= 0"
    plan = database.read(lambda connection: str(connection.exec_driver_sql(asked).all()))
    database.close()
    assert "ended_at>?" in plan
