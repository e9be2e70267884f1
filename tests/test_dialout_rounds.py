"""What daemons promise about calling out: begun once, joined when it runs, cancelled, taken over, told of."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import gevent
import pytest
from sqlalchemy import delete

from callcontrol.dialout import Begun, Cause, InviteeState, Refused, Result, Rounds, Ticket
from callcontrol.state import Database, Leg, Legs, StateUnavailable
from callcontrol.state._schema import invitees, rounds, tries
from callcontrol.state.rounds import Round, RoundStore
from callcontrol.tenants import Tenant
from tests.dialout_ground import BEGAN, Clock, Switch, exchange
from tests.patience import until
from tests.tenant_files import tenant

ACME = """
domain: acme.example
timezone: Europe/Berlin
trunk: carrier
rooms:
  board:
    access: open
    schedule: {start: "2026-12-01 10:00", duration: 60, dial_out: true}
    dial_out:
      - {name: Max, number: "+49 171 5550001", moderator: true}
      - {name: Eva, number: "+49 171 5550002"}
  empty: {access: open}
"""
MAX, EVA, OLE = (f"+49171555000{n}" for n in range(1, 4))
BOARD = "acme.board"
OCCURRENCE = "acme.board@2026-12-01T10:00:00+01:00"


class House:
    """Daemons on one database, with one switch and one clock."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.switch = Switch(self.clock)
        self.switch.on_end = lambda job, answer: [daemon.take_job(job, answer) for daemon in self.daemons]
        self.tenant: Tenant = tenant(ACME)
        self.inhabited, self.meeting = False, str(uuid.uuid4())
        self.daemons: list[Rounds] = []
        self._url = url
        self._databases: list[Database] = []
        self.store = self.new_store()
        for table in (tries, invitees, rounds):  # a PostgreSQL still has those of the test before
            self.store.database.write(lambda connection, table=table: connection.execute(delete(table)))

    def new_store(self) -> RoundStore:
        database = Database(self._url, pause=0.0)
        database.open()
        self._databases.append(database)
        return RoundStore(database)

    def daemon(self, identity: str = "one", store: RoundStore | None = None) -> Rounds:
        ground = exchange(
            store or self.new_store(),
            lambda: self.tenant,
            self.clock,
            self.switch,
            identity=identity,
            hosted_by=lambda name: "local" if self.inhabited else "",
            meeting_of=lambda name: self.meeting if self.inhabited else "",
        )
        rounds = Rounds(ground)
        self.daemons.append(rounds)
        return rounds

    def somebody_came(self) -> None:
        """The ledger knows of a meeting since now."""
        now = self.clock()
        leg = Leg(str(uuid.uuid4()), "acme", "board", "participant", "inbound", "caller", now, now, now)
        Legs(self.store.database).open(replace(leg, meeting=self.meeting))

    def reached(self, rounds: Rounds, answer: Begun) -> None:
        """Everybody is in the room, and the round is over."""
        both_ring(self)
        self.inhabited = True
        for place in (0, 1):
            rounds.finish(Ticket(answer.round_id, place, 1), "acme", Result.JOINED)
        until(lambda: not rounds.running)
        self.switch.ringing.clear()

    def dies(self, rounds: Rounds) -> None:
        """As by kill -9: nothing is written, nothing is given up."""
        self.daemons.remove(rounds)
        rounds._stopping.set()
        for dialer in list(rounds._dialers.values()):
            dialer.wake()
        until(lambda: not rounds.running)

    def close(self) -> None:
        for daemon in self.daemons:
            daemon.stop()
        until(lambda: not any(daemon.running for daemon in self.daemons))
        for database in self._databases:
            database.close()


@pytest.fixture
def house(url: str) -> Iterator[House]:
    house = House(url)
    yield house
    house.close()


def begun(answer: Begun | Refused) -> Begun:
    assert isinstance(answer, Begun), answer
    return answer


def states(rounds: Rounds) -> dict[str, str]:
    return {one.name: str(one.state) for one in rounds.report(BOARD)}


def both_ring(house: House) -> None:
    """The second call comes a second after the first."""
    until(lambda: len(house.switch.ringing) == 1)
    house.clock.pass_by(1.0)
    until(lambda: len(house.switch.ringing) == 2)


@pytest.mark.parametrize(
    ("name", "room", "numbers", "reason"),
    [
        ("globex", "board", (), "there is no such tenant"),
        ("acme", "attic", (), "there is no such room"),
        ("acme", "empty", (), "the room has nobody to call (dial_out)"),
        ("acme", "empty", ("09001234567",), "cannot be called: 09001234567 (a premium, satellite or personal number)"),
        ("acme", "empty", (OLE, "112"), "cannot be called: 112 (an emergency number)"),
        ("acme", "empty", ("}&hangup()",), "cannot be called: }&hangup() (no telephone number and no extension)"),
    ],
)
def test_why_nobody_is_called(house, name, room, numbers, reason):
    assert house.daemon().begin(name, room, Cause.COMMAND, numbers=numbers) == Refused(reason)


def test_without_a_trunk_nobody_outside_is_called(house):
    house.tenant = house.tenant.model_copy(update={"trunk": None})
    answer = house.daemon().begin("acme", "board", Cause.COMMAND)
    assert answer == Refused(f"cannot be called: {MAX} (the tenant has no trunk)")


def test_an_occurrence_whose_time_is_over_is_not_called(house):
    answer = house.daemon().begin("acme", "board", Cause.SCHEDULE, round_id=OCCURRENCE, due_at=BEGAN - 3600.0)
    assert answer == Refused("its time is over")


def test_a_round_tells_at_once_whom_it_calls_and_calls(house):
    daemon = house.daemon()
    answer = begun(daemon.begin("acme", "board", Cause.KEY))
    assert [one.name for one in answer.called] == ["Max", "Eva"]
    assert states(daemon) == {"Max": "waiting", "Eva": "waiting"}
    until(lambda: house.switch.ringing)
    assert house.switch.call_to(MAX).said["cc_round"] == answer.round_id


def test_a_number_that_is_named_is_called_under_its_name_in_the_list(house):
    answer = begun(house.daemon().begin("acme", "board", Cause.COMMAND, numbers=["0171 5550001", OLE]))
    assert [(one.name, one.number) for one in answer.called] == [("Max", MAX), (OLE, OLE)]


def test_of_a_list_those_who_can_be_called_are(house):
    """The trunk was taken out of the file a moment ago, say."""
    text = ACME.replace("dial_out:\n", 'dial_out:\n      - {name: Clara, number: "33"}\n')
    clara = 'extensions: {"33": {name: Clara, password: "k7Tz-pq9L-acme"}}\n'
    house.tenant = tenant(text + clara).model_copy(update={"trunk": None})
    answer = begun(house.daemon().begin("acme", "board", Cause.COMMAND))
    assert [one.name for one in answer.called] == ["Clara"]
    assert [(one.name, one.reason) for one in answer.refused] == [
        ("Max", "the tenant has no trunk"),
        ("Eva", "the tenant has no trunk"),
    ]


def test_asked_again_a_running_round_calls_those_who_were_not_reached(house):
    daemon = house.daemon()
    first = begun(daemon.begin("acme", "board", Cause.KEY))
    both_ring(house)
    assert daemon.finish(Ticket(first.round_id, 0, 1), "acme", Result.JOINED)
    house.switch.fails(house.switch.call_to(EVA), "USER_BUSY")
    until(lambda: states(daemon) == {"Max": "joined", "Eva": "waiting"})
    again = begun(daemon.begin("acme", "board", Cause.KEY))
    assert (again.round_id, [one.name for one in again.called]) == (first.round_id, ["Eva"])
    house.clock.pass_by(1.0)
    until(lambda: [call for call in house.switch.ringing if call.number == EVA])


def test_another_daemon_that_is_asked_joins_the_round_too(house):
    one, two = house.daemon("one"), house.daemon("two")
    first = begun(one.begin("acme", "board", Cause.KEY))
    both_ring(house)
    second = begun(two.begin("acme", "board", Cause.COMMAND, numbers=[OLE]))
    assert (second.round_id, [person.number for person in second.called]) == (first.round_id, [OLE])
    assert [person.number for person in two.report(BOARD)] == [MAX, EVA, OLE]  # whoever asked can see it at once
    house.clock.pass_by(1.0)
    until(lambda: len(house.switch.ringing) == 3)
    assert (one.running, two.running) == (1, 0)


def test_in_the_same_meeting_those_who_were_reached_are_not_called_again(house):
    daemon = house.daemon()
    first = begun(daemon.begin("acme", "board", Cause.KEY))
    both_ring(house)
    daemon.finish(Ticket(first.round_id, 0, 1), "acme", Result.JOINED)
    house.inhabited = True
    house.switch.fails(house.switch.call_to(EVA), "CALL_REJECTED")
    until(lambda: not daemon.running)
    assert begun(daemon.begin("acme", "board", Cause.KEY)).called == ()
    daemon.cancel(BOARD, "the room has ended")
    house.clock.pass_by(60.0)
    assert [one.name for one in begun(daemon.begin("acme", "board", Cause.KEY)).called] == ["Max", "Eva"]


def test_another_daemon_knows_too_that_those_reached_in_the_last_meeting_are_called_in_this_one(house):
    one, two = house.daemon("one"), house.daemon("two")
    house.somebody_came()
    house.reached(one, begun(one.begin("acme", "board", Cause.KEY)))
    one.cancel(BOARD, "the room has ended")
    house.clock.pass_by(3600.0)
    house.meeting = str(uuid.uuid4())
    house.somebody_came()
    house.clock.pass_by(60.0)
    assert [person.name for person in begun(two.begin("acme", "board", Cause.KEY)).called] == ["Max", "Eva"]


def test_who_comes_back_at_once_after_the_end_begins_a_meeting_of_its_own(house):
    daemon = house.daemon()
    house.somebody_came()
    house.reached(daemon, begun(daemon.begin("acme", "board", Cause.KEY)))
    house.clock.pass_by(2.0)
    daemon.cancel(BOARD, "the room has ended")
    house.clock.pass_by(8.0)
    house.meeting = str(uuid.uuid4())
    house.somebody_came()
    assert [person.name for person in begun(daemon.begin("acme", "board", Cause.KEY)).called] == ["Max", "Eva"]


def test_another_daemon_knows_too_who_was_reached_an_hour_ago_in_the_same_meeting(house):
    one, two = house.daemon("one"), house.daemon("two")
    first = begun(one.begin("acme", "board", Cause.KEY))
    house.reached(one, first)
    house.clock.pass_by(10.0)  # what they hear on the way in
    house.somebody_came()
    house.clock.pass_by(3600.0)
    assert begun(two.begin("acme", "board", Cause.KEY)).called == ()


def test_an_occurrence_is_called_once_by_two_daemons_and_after_a_restart(house):
    def begin(daemon: Rounds) -> Begun | Refused:
        return daemon.begin("acme", "board", Cause.SCHEDULE, round_id=OCCURRENCE, due_at=BEGAN)

    one, two = house.daemon("one"), house.daemon("two")
    assert isinstance(begin(one), Begun)
    assert begin(two) == begin(one) == Refused("this occurrence was called before")
    both_ring(house)
    for call in list(house.switch.ringing):
        house.switch.fails(call, "CALL_REJECTED")
    until(lambda: not one.running)
    assert begin(house.daemon("one")) == Refused("this occurrence was called before")
    assert house.switch.ringing == []


def test_an_occurrence_whose_people_are_all_there_already_is_done(house):
    daemon = house.daemon()
    first = begun(daemon.begin("acme", "board", Cause.COMMAND))
    both_ring(house)
    house.inhabited = True
    for place in (0, 1):
        daemon.finish(Ticket(first.round_id, place, 1), "acme", Result.JOINED)
    until(lambda: not daemon.running)
    answer = begun(daemon.begin("acme", "board", Cause.SCHEDULE, round_id=OCCURRENCE, due_at=BEGAN))
    assert answer.called == ()
    daemon.cancel(BOARD, "the room has ended")
    house.inhabited = False
    house.clock.pass_by(1.0)
    again = daemon.begin("acme", "board", Cause.SCHEDULE, round_id=OCCURRENCE, due_at=BEGAN)
    assert again == Refused("this occurrence was called before")


def test_a_round_within_a_time_of_the_schedule_ends_with_it(house):
    house.clock.now = datetime.fromisoformat("2026-12-01T10:40:00+01:00").timestamp()
    answer = begun(house.daemon().begin("acme", "board", Cause.KEY))
    found = house.store.round(answer.round_id)
    assert found is not None
    assert found.ends_at == house.clock.now + 20 * 60


def test_an_occurrence_in_a_room_whose_round_runs_joins_it_and_is_done(house):
    daemon = house.daemon()
    first = begun(daemon.begin("acme", "board", Cause.COMMAND, numbers=[OLE]))
    until(lambda: house.switch.ringing)
    second = begun(daemon.begin("acme", "board", Cause.SCHEDULE, round_id=OCCURRENCE, due_at=BEGAN))
    assert (second.round_id, [one.name for one in second.called]) == (first.round_id, ["Max", "Eva"])
    assert isinstance(daemon.begin("acme", "board", Cause.SCHEDULE, round_id=OCCURRENCE, due_at=BEGAN), Refused)


def test_a_missed_occurrence_is_never_called(house):
    daemon, due = house.daemon(), BEGAN - 900.0
    missed = Round(OCCURRENCE, "acme", "board", "schedule", due, BEGAN, BEGAN, "", 0.0)
    assert house.store.missed(missed)
    answer = daemon.begin("acme", "board", Cause.SCHEDULE, round_id=OCCURRENCE, due_at=BEGAN - 900.0)
    assert answer == Refused("this occurrence was called before")


def test_when_the_room_ends_what_rings_falls_silent_and_who_answers_late_is_not_wanted(house):
    daemon = house.daemon()
    first = begun(daemon.begin("acme", "board", Cause.KEY))
    both_ring(house)
    assert daemon.answered(Ticket(first.round_id, 0, 1))
    daemon.cancel(BOARD, "the room has ended")
    until(lambda: house.switch.killed)
    until(lambda: not daemon.running)
    silent = house.switch.call_to(EVA).legs.keys()
    assert set(house.switch.killed) == silent  # Max has answered and is told
    assert daemon.answered(Ticket(first.round_id, 0, 1)) is None
    assert not daemon.finish(Ticket(first.round_id, 0, 1), "acme", Result.JOINED)
    assert [(one.state, one.reason) for one in daemon.report(BOARD)] == [
        (InviteeState.CANCELLED, "the room has ended")
    ] * 2


def test_a_fault_while_rounds_are_looked_after_does_not_end_the_looking(house, monkeypatch):
    first = house.daemon("one")
    begun(first.begin("acme", "board", Cause.KEY))
    house.dies(first)
    house.clock.pass_by(20.0)
    stumbles, really = iter([True]), house.store.running

    def running() -> tuple[Round, ...]:
        if next(stumbles, False):
            raise ValueError("a row that nobody understands")
        return really()

    monkeypatch.setattr(house.store, "running", running)
    second = house.daemon("two", store=house.store)
    second.start()
    until(lambda: second.running)


def test_a_room_that_ends_while_the_store_is_away_is_called_for_no_longer(house, monkeypatch):
    daemon = house.daemon(store=house.store)
    daemon.start()
    begun(daemon.begin("acme", "board", Cause.KEY))
    until(lambda: len(house.switch.ringing) == 1)

    def away(*_args: object, **_more: object) -> None:
        raise StateUnavailable("gone fishing")

    with monkeypatch.context() as patch:
        patch.setattr(house.store.database, "write", away)
        patch.setattr(house.store.database, "read", away)
        daemon.cancel(BOARD, "the room has ended")
        house.clock.pass_by(5.0)
        gevent.sleep(0)
    until(lambda: not daemon.running)
    assert states(daemon) == {"Max": "cancelled", "Eva": "cancelled"}
    assert len(house.switch.ringing) == 1


def test_a_result_that_the_store_cannot_take_is_written_later(house, monkeypatch):
    daemon = house.daemon(store=house.store)
    daemon.start()
    first = begun(daemon.begin("acme", "board", Cause.KEY))
    until(lambda: house.switch.ringing)

    def away(*_args: object, **_more: object) -> None:
        raise StateUnavailable("gone fishing")

    with monkeypatch.context() as patch:
        patch.setattr(house.store.database, "write", away)
        assert daemon.finish(Ticket(first.round_id, 0, 1), "acme", Result.JOINED)
    until(lambda: states(daemon)["Max"] == "joined")


def test_who_accepted_when_the_daemon_died_is_not_asked_again(house):
    daemon = house.daemon()
    first = begun(daemon.begin("acme", "board", Cause.KEY))
    until(lambda: house.switch.ringing)
    ticket = Ticket(first.round_id, 0, 1)
    asked = daemon.answered(ticket)
    assert asked is not None
    assert (asked.room_name, asked.name, asked.moderator, asked.accepted) == (BOARD, "Max", True, False)
    daemon.finish(ticket, "acme", Result.JOINED)
    again = house.daemon("two").answered(ticket)
    assert again is not None
    assert again.accepted
    assert daemon.answered(Ticket(first.round_id, 0, 2)) is None


def test_after_a_kill_the_restarted_daemon_goes_on_at_once(house):
    first = house.daemon("one")
    begun(first.begin("acme", "board", Cause.KEY))
    until(lambda: len(house.switch.ringing) == 1)
    house.dies(first)
    again = house.daemon("one")
    again.start()
    until(lambda: again.running)
    house.clock.pass_by(1.0)
    until(lambda: len(house.switch.ringing) == 2)
    assert [call.number for call in house.switch.ringing] == [MAX, EVA]
    house.switch.fails(house.switch.call_to(MAX), "CALL_REJECTED")
    until(lambda: states(again)["Max"] == "declined")


def test_after_a_kill_another_daemon_goes_on_when_the_round_is_free(house):
    first, other = house.daemon("one"), house.daemon("two")
    begun(first.begin("acme", "board", Cause.KEY))
    until(lambda: len(house.switch.ringing) == 1)
    house.dies(first)
    other.start()
    until(lambda: states(other) == {"Max": "calling", "Eva": "waiting"})
    assert not other.running
    house.clock.pass_by(16.0)
    until(lambda: len(house.switch.ringing) == 2)
    assert other.running == 1


def test_a_daemon_that_ends_hands_its_rounds_on_and_lets_ring_what_rings(house):
    first, other = house.daemon("one"), house.daemon("two")
    begun(first.begin("acme", "board", Cause.KEY))
    until(lambda: len(house.switch.ringing) == 1)
    first.stop()
    other.start()
    until(lambda: other.running)
    house.clock.pass_by(1.0)
    until(lambda: len(house.switch.ringing) == 2)
    assert house.switch.killed == []
    house.daemons.remove(first)


def test_a_round_begun_while_the_daemon_ends_is_another_daemons_at_once(house):
    first, other = house.daemon("one"), house.daemon("two")
    first.stop()
    begun(first.begin("acme", "board", Cause.KEY))
    other.start()
    until(lambda: house.switch.ringing)
    assert (first.running, other.running) == (0, 1)


def test_a_report_is_there_for_ten_minutes_after_the_round_and_after_a_restart(house):
    daemon = house.daemon("one")
    begun(daemon.begin("acme", "board", Cause.KEY))
    both_ring(house)
    for call in list(house.switch.ringing):
        house.switch.fails(call, "UNALLOCATED_NUMBER")
    until(lambda: not daemon.running)
    restarted = house.daemon("one")
    restarted.start()
    house.clock.pass_by(590.0)
    until(lambda: states(restarted) == {"Max": "failed", "Eva": "failed"})
    assert set(daemon.reports()) == {BOARD}
    house.clock.pass_by(20.0)
    assert daemon.report(BOARD) == restarted.report(BOARD) == ()
    assert daemon.reports() == {}


def test_without_the_store_nobody_is_called(house, monkeypatch):
    def away(*_args: object, **_more: object) -> None:
        raise StateUnavailable("gone fishing")

    monkeypatch.setattr(house.store.database, "write", away)
    answer = house.daemon(store=house.store).begin("acme", "board", Cause.COMMAND)
    assert answer == Refused("the state store does not answer", for_now=True)
    monkeypatch.undo()
