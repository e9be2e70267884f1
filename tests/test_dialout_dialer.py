"""A round from the first call to the last, with telephones that do as they are told and a clock that jumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callcontrol.dialout.dialer import Dialer
from callcontrol.dialout.invited import whom
from callcontrol.dialout.plan import Patience, Result, standing
from callcontrol.dialout.reports import Reports
from callcontrol.rooms.calls import Refused
from callcontrol.state import Database, StateUnavailable, sqlite_url
from callcontrol.state.rounds import Round, RoundStore, Ticket
from tests.dialout_ground import BEGAN, Clock, Switch, exchange
from tests.tenant_files import tenant

ACME = """
domain: acme.example
trunk: carrier
caller_id: "+49 30 8630"
rooms:
  board:
    access: open
    dial_out:
      - {name: Clara, number: "33", moderator: true}
      - {name: Max, number: "+49 171 5550001"}
      - {name: Eva, number: "+49 171 5550002", language: en}
      - {name: Ole, number: "+49 171 5550003"}
      - {name: Ida, number: "+49 171 5550004"}
extensions:
  "33": {name: Clara, password: "k7Tz-pq9L-acme"}
"""
DESK = "sofia/extensions/sip:33@10.0.0.7:5060"
HALL = "sofia/extensions/sip:33@10.0.0.8:5060"
MAX, EVA, OLE, IDA = (f"+49171555000{n}" for n in range(1, 5))


class Stage:
    """One daemon's dialer, a switch, and a store that other daemons use too."""

    def __init__(self, store: RoundStore, text: str = ACME, identity: str = "one", patience: Patience | None = None):
        self.clock = Clock()
        self.store = store
        self.tenant = tenant(text)
        self.switch = Switch(self.clock, contacts={"33": f"{DESK},{HALL}"})
        self.inside: list[str] = []
        self.jobs: dict[str, Callable[[str], None]] = {}
        self.switch.on_end = self.job_ended
        self.counted: list[Result] = []
        self.exchange = exchange(
            store,
            lambda: self.tenant,
            self.clock,
            self.switch,
            identity=identity,
            numbers_in=lambda room: self.inside,
            patience=patience or Patience(),
            count=lambda _, result: self.counted.append(result),
        )
        self.reports = Reports(self.clock)
        self.dialer = self.another_dialer("acme.board@1")

    def another_dialer(self, round_id: str) -> Dialer:
        return Dialer(self.round(round_id), self.exchange, self.jobs, self.reports)

    def round(self, round_id: str) -> Round:
        now = self.clock()
        owner = self.exchange.identity
        return Round(round_id, "acme", "board", "command", now, now, now + 3600.0, owner, now + 15.0)

    def open(self) -> None:
        invited = whom(self.tenant, self.tenant.rooms["board"], (), self.clock())
        assert not isinstance(invited, Refused)
        assert self.store.open_round(self.dialer.round, invited).opened

    def job_ended(self, job: str, answer: str) -> None:
        if job in self.jobs:
            self.jobs.pop(job)(answer)

    def look(self, seconds: float = 0.0) -> float:
        """Let time pass, and let the dialer do what it has to."""
        self.clock.pass_by(seconds)
        return self.dialer.look()

    def look_for(self, seconds: int) -> None:
        for _ in range(seconds):
            self.look(1.0)

    def result(self, number: str, result: Result, nth: int = 1) -> bool:
        """What the flow of whoever answered writes, on any daemon."""
        place = next(one.place for one in self.store.invitees_of(self.dialer.round.id) if one.number == number)
        now = self.clock()
        decide = lambda results: standing(results, now, self.exchange.patience)  # noqa: E731
        return self.store.finish_try(Ticket(self.dialer.round.id, place, nth), str(result), now, decide)

    def states(self) -> dict[str, tuple[str, str]]:
        return {one.name: (one.state, one.reason) for one in self.store.invitees_of(self.dialer.round.id)}

    def tries(self) -> list[tuple[int, int, str]]:
        return [(one.place, one.number, one.result) for one in self.store.look(self.dialer.round.id)[1]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RoundStore]:
    database = Database(sqlite_url(tmp_path), pause=0.0)
    database.open()
    yield RoundStore(database)
    database.close()


@pytest.fixture
def stage(store: RoundStore) -> Stage:
    stage = Stage(store)
    stage.open()
    return stage


def all_ring(stage: Stage) -> None:
    """The five telephones ring, one more each second."""
    stage.look()
    stage.look_for(4)
    assert len(stage.switch.ringing) == 5


def test_everybody_is_called_one_a_second_in_the_order_of_the_list(stage):
    all_ring(stage)
    assert [(call.number, call.at - BEGAN) for call in stage.switch.ringing] == [
        ("33", 0.0),
        (MAX, 1.0),
        (EVA, 2.0),
        (OLE, 3.0),
        (IDA, 4.0),
    ]


def test_five_telephones_a_first_that_accepts_and_four_that_do_not(stage):
    all_ring(stage)
    ring = stage.switch.call_to
    stage.switch.answers(ring("33"))
    stage.switch.answers(ring(MAX))
    stage.switch.fails(ring(EVA), "USER_BUSY")
    stage.switch.fails(ring(IDA), "UNALLOCATED_NUMBER")
    stage.result("33", Result.JOINED)
    stage.look(20.0)
    stage.result(MAX, Result.NO_KEY)
    stage.look(10.0)
    stage.switch.fails(ring(OLE), "NO_ANSWER")
    stage.look(1.0)
    assert stage.states() == {
        "Clara": ("joined", "joined"),
        "Max": ("waiting", "no key"),
        "Eva": ("waiting", "busy"),
        "Ole": ("waiting", "no answer"),
        "Ida": ("failed", "impossible number"),
    }
    due = {one.name: one.due_at - BEGAN for one in stage.reports.of("acme.board")}
    assert {name: due[name] for name in ("Max", "Eva", "Ole")} == {
        "Max": 4.0 + 20.0 + 180.0,
        "Eva": 4.0 + 20.0 + 60.0,
        "Ole": 4.0 + 30.0 + 1.0 + 120.0,
    }


def test_whoever_is_not_reached_is_called_again_as_often_as_is_fair_and_then_the_round_is_over(stage):
    all_ring(stage)
    ends = {"33": "NO_USER_RESPONSE", MAX: "USER_BUSY", EVA: "NO_ANSWER", OLE: "CALL_REJECTED", IDA: "GATEWAY_DOWN"}
    made = [call.number for call in stage.switch.ringing]
    for _ in range(600):
        for call in list(stage.switch.ringing):
            stage.switch.fails(call, ends[call.number])
        stage.look(1.0)
        made += [call.number for call in stage.switch.ringing]
        if stage.dialer.over:
            break
    assert stage.dialer.over
    assert {number: made.count(number) for number in ends} == {"33": 3, MAX: 3, EVA: 3, OLE: 1, IDA: 3}
    found = stage.store.round(stage.dialer.round.id)
    assert (found.outcome, found.ended_at is not None) == ("over", True)
    assert {state for state, _ in stage.states().values()} == {"failed", "declined"}


def test_a_telephone_that_is_not_registered_is_tried_again_and_costs_no_call(stage):
    stage.switch.contacts = {}
    stage.look()
    assert stage.states()["Clara"] == ("waiting", "no telephone is registered")
    assert [call.number for call in stage.switch.ringing] == [MAX]
    stage.switch.contacts = {"33": DESK}
    stage.look_for(5)
    stage.look(120.0)
    assert stage.switch.call_to("33").legs.keys()


def test_the_telephones_of_an_extension_ring_together_and_the_try_knows_them_all(stage):
    stage.look()
    call = stage.switch.call_to("33")
    assert list(call.legs.values()) == [DESK, HALL]
    (try_,) = stage.store.look(stage.dialer.round.id)[1]
    assert (try_.calls, try_.calls[0]) == (tuple(call.legs), call.job)
    assert (call.said["cc_door"], call.said["cc_room"], call.said["cc_role"]) == ("dialout", "acme.board", "moderator")
    assert (call.said["cc_place"], call.said["cc_try"]) == ("0", "1")
    assert call.said["originate_timeout"] == "35"
    assert call.said["origination_caller_id_name"] == "acme.board"


def test_somebody_outside_is_spoken_to_in_their_language_and_sees_the_tenant(stage):
    all_ring(stage)
    assert stage.switch.call_to(EVA).said["cc_language"] == "en"
    assert stage.switch.call_to(EVA).said["origination_caller_id_number"] == "+49308630"


def test_who_has_called_in_themselves_is_not_called(stage):
    stage.inside = ["anonymous", "0171 5550001", "33"]
    stage.look()
    assert stage.states()["Clara"] == stage.states()["Max"] == ("joined", "joined")
    assert [call.number for call in stage.switch.ringing] == [EVA]


def test_no_more_than_five_are_called_at_a_time(store):
    more = "".join(f'      - {{name: N{n}, number: "+49 171 555001{n}"}}\n' for n in range(5))
    stage = Stage(store, ACME.replace("extensions:\n", more + "extensions:\n", 1))
    stage.open()
    stage.look()
    stage.look_for(20)
    assert len(stage.switch.ringing) == 5
    stage.switch.fails(stage.switch.call_to(MAX), "USER_BUSY")
    stage.look_for(2)
    assert len(stage.switch.ringing) == 5
    assert sum(state == "waiting" for state, _ in stage.states().values()) == 5


def test_the_tenants_lines_hold_back_outside_calls_only(store):
    stage = Stage(store, ACME + "outgoing: {at_once: 1}\n")
    stage.open()
    stage.look()
    stage.look_for(10)
    assert [call.number for call in stage.switch.ringing] == ["33", MAX]
    assert stage.states()["Eva"] == ("waiting", "all lines of the tenant are in use")
    stage.switch.fails(stage.switch.call_to(MAX), "CALL_REJECTED")
    stage.look_for(6)
    assert [call.number for call in stage.switch.ringing] == ["33", EVA]


def test_the_calls_of_a_day_are_limited(store):
    stage = Stage(store, ACME + "outgoing: {per_day: 2}\n")
    stage.open()
    stage.look()
    stage.look_for(10)
    assert [call.number for call in stage.switch.ringing] == ["33", MAX, EVA]
    assert stage.states()["Ida"] == ("waiting", "the tenant's calls of a day are used up")


def test_a_round_without_a_link_waits_and_says_so_once(stage):
    stage.switch.up = False
    with capture_logs() as lines:
        stage.look()
        stage.look_for(3)
    assert [line["event"] for line in lines] == ["the round waits for the switch"]
    assert stage.tries() == []
    stage.switch.up = True
    stage.look(1.0)
    assert len(stage.switch.ringing) == 1


def test_without_the_store_nobody_is_called_and_afterwards_it_goes_on(stage, monkeypatch):
    def away(*_args: object, **_more: object) -> None:
        raise StateUnavailable("gone fishing")

    with monkeypatch.context() as patch:
        patch.setattr(stage.store.database, "write", away)
        patch.setattr(stage.store.database, "read", away)
        stage.look()
        stage.look_for(3)
    assert stage.switch.ringing == []
    stage.look(1.0)
    assert len(stage.switch.ringing) == 1


def test_a_result_that_comes_while_the_store_is_away_is_written_when_it_is_back(stage, monkeypatch):
    def away(*_args: object, **_more: object) -> None:
        raise StateUnavailable("gone fishing")

    stage.look()
    stage.look(1.0)
    with monkeypatch.context() as patch:
        patch.setattr(stage.store.database, "write", away)
        stage.switch.fails(stage.switch.call_to(MAX), "USER_BUSY")
        stage.look(1.0)
    assert stage.states()["Max"][0] == "calling"
    stage.look(1.0)
    assert stage.states()["Max"] == ("waiting", "busy")


def test_who_is_killed_between_claim_and_call_is_not_called_twice_for_the_same_try(stage):
    """The command never left: the other daemon cannot know, and the try counts as made."""
    stage.switch.lost = True
    stage.look()
    stage.switch.lost = False
    assert stage.tries() == [(0, 1, "")]
    after = stage.another_dialer("acme.board@1")
    stage.dialer = after
    stage.look_for(12)
    assert stage.tries()[0] == (0, 1, "interrupted")
    assert stage.states()["Clara"] == ("waiting", "interrupted")
    assert "33" not in [call.number for call in stage.switch.ringing]
    assert len(stage.switch.ringing) == 4
    stage.look(120.0)
    assert stage.switch.call_to("33").said["cc_try"] == "2"


def test_after_a_kill_the_calls_that_ring_ring_on_and_the_rest_are_called(stage):
    stage.look()
    stage.look(1.0)
    ringing = list(stage.switch.ringing)
    stage.jobs.clear()  # with the daemon its memory is gone
    stage.dialer = stage.another_dialer("acme.board@1")
    stage.look_for(10)
    assert stage.switch.ringing[:2] == ringing
    assert [call.number for call in stage.switch.ringing] == ["33", MAX, EVA, OLE, IDA]
    stage.switch.fails(ringing[1], "USER_BUSY")
    stage.look(1.0)
    assert stage.states()["Max"] == ("waiting", "busy")
    assert max(number for _, number, _ in stage.tries()) == 1


def test_a_call_whose_end_nobody_heard_is_found_gone(stage):
    stage.look()
    call = stage.switch.call_to("33")
    stage.switch.on_end = lambda job, answer: None
    stage.switch.fails(call, "USER_BUSY")
    stage.look_for(12)
    assert stage.tries()[0] == (0, 1, "interrupted")


def test_calls_on_a_switch_that_is_lost_for_long_keep_nobody_from_being_called_on_another(stage):
    all_ring(stage)
    stage.switch.up = False
    other = Switch(stage.clock, name="other", contacts=stage.switch.contacts)
    stage.exchange = replace(stage.exchange, lines=[stage.switch, other])
    stage.dialer = stage.another_dialer("acme.board@1")
    stage.look_for(60)
    assert other.ringing == []  # who answered at last may be speaking with another daemon
    stage.look_for(240)
    assert {call.number for call in other.ringing} == {"33", MAX, EVA, OLE, IDA}
    assert {result for _, number, result in stage.tries() if number == 1} == {Result.INTERRUPTED}


def test_of_two_daemons_one_drives_the_round(store):
    one, two = Stage(store), Stage(store, identity="two")
    one.open()
    one.look()
    two.look()
    two.look(1.0)
    assert (one.dialer.over, two.dialer.over) == (False, True)
    assert two.switch.ringing == []


def test_a_round_whose_daemon_is_gone_is_driven_by_another(store):
    one, two = Stage(store), Stage(store, identity="two")
    one.open()
    one.look()
    two.clock.pass_by(16.0)
    two.look()
    assert not two.dialer.over
    one.clock.pass_by(17.0)
    one.look()  # a daemon that was only frozen finds out before it calls anybody
    assert one.dialer.over
    assert len(one.switch.ringing) == 1


def test_at_the_end_of_its_time_the_round_ends_and_what_rings_is_ended(stage):
    all_ring(stage)
    stage.switch.answers(stage.switch.call_to(MAX))
    stage.look(1.0)
    answered = stage.switch.calls - {leg for call in stage.switch.ringing for leg in call.legs}
    stage.look(3600.0)
    assert stage.dialer.over
    assert stage.switch.calls == answered  # the flow tells them that it is over
    assert {state for state, _ in stage.states().values()} == {"cancelled"}
    assert not stage.result(MAX, Result.JOINED)


def test_a_room_taken_out_of_the_file_is_not_called_for_any_longer(stage):
    stage.look()
    stage.tenant = tenant(ACME.replace("  board:", "  other:"))
    stage.look(1.0)
    assert stage.dialer.over
    assert stage.switch.killed


def test_the_log_tells_the_story(stage):
    with capture_logs() as lines:
        all_ring(stage)
        stage.switch.answers(stage.switch.call_to("33"))
        stage.result("33", Result.JOINED)
        for number in (MAX, EVA, OLE, IDA):
            stage.switch.fails(stage.switch.call_to(number), "CALL_REJECTED")
        stage.look(1.0)
    story = [(line["event"], line.get("name")) for line in lines if line["log_level"] == "info"]
    assert story == [
        *(("calls", name) for name in ("Clara", "Max", "Eva", "Ole", "Ida")),
        ("reached", "Clara"),
        *(("not reached", name) for name in ("Max", "Eva", "Ole", "Ida")),
        ("round over", None),
    ]
    assert (lines[-1]["reached"], lines[-1]["of"]) == (1, 5)
    assert stage.counted == [Result.REJECTED] * 4


def test_a_number_that_may_not_be_called_any_longer_is_not_called(stage):
    stage.tenant = stage.tenant.model_copy(update={"trunk": None})
    stage.look()
    stage.look(1.0)
    assert [call.number for call in stage.switch.ringing] == ["33"]
    assert [stage.states()[name] for name in ("Max", "Ida")] == [("failed", "not called")] * 2


def test_a_call_claimed_by_a_round_of_the_same_tenant_counts_for_the_pace(store):
    one = Stage(store)
    one.open()
    other = Stage(store, ACME.replace("  board:", "  board: {access: open}\n  sales:"), identity="two")
    invited = whom(other.tenant, other.tenant.rooms["sales"], (), other.clock())
    round_ = replace(other.round("acme.sales@1"), room="sales")
    assert not isinstance(invited, Refused)
    store.open_round(round_, invited)
    other.dialer = Dialer(round_, other.exchange, other.jobs, other.reports)
    one.look()
    assert other.look() == 1.0
    assert other.switch.ringing == []
    assert other.look(1.0) == 1.0
    assert len(other.switch.ringing) == 1
