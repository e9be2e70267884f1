"""The ledger of one daemon: it never waits for the store, loses nothing it could keep, and invents no second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from callcontrol.errors import SwitchLost
from callcontrol.ledger import writer as module
from callcontrol.ledger.books import Books
from callcontrol.ledger.watch import Present, Watch
from callcontrol.ledger.writer import Writer
from callcontrol.state import Database, Leg, Legs, StateUnavailable, sqlite_url
from callcontrol.state.leg import Closed, News, Opened
from callcontrol.switch.events import Event
from tests.patience import PATIENCE

T = 1_795_000_000.0


def leg(call: str, at: float = T, **changed: object) -> Leg:
    values: dict[str, object] = {
        "call": call,
        "tenant": "acme",
        "room": "board",
        "role": "participant",
        "direction": "inbound",
        "payer": "caller",
        "began_at": at - 9,
        "answered_at": at - 8,
        "joined_at": at,
    }
    return Leg(**(values | changed))  # type: ignore[arg-type]


@pytest.fixture
def legs(tmp_path: Path) -> Iterator[Legs]:
    database = Database(sqlite_url(tmp_path))
    yield Legs(database)
    database.close()


# -- the writer --------------------------------------------------------------------------------------------------------


class Flaky:
    """A ledger that is away, or chokes on one call."""

    def __init__(self, *, away: bool = False, poison: str = "") -> None:
        self.away = away
        self.poison = poison
        self.written: list[News] = []

    def write(self, news: list[News]) -> int:
        if self.away:
            raise StateUnavailable("away")
        if any(one.call == self.poison for one in news):
            raise ValueError("a lone surrogate")
        self.written += news
        return len(news)


@pytest.fixture
def writing() -> Iterator[tuple[Flaky, Writer]]:
    store = Flaky()
    writer = Writer(store, gather=0.0, retry=0.01)  # type: ignore[arg-type]
    running = gevent.spawn(writer.run)
    yield store, writer
    writer.stop()
    running.join(timeout=PATIENCE)
    assert running.dead


def test_news_waits_while_the_store_is_away_and_is_written_in_its_order(writing: tuple[Flaky, Writer]) -> None:
    store, writer = writing
    store.away = True
    news: list[News] = [Closed(f"call-{number}", T) for number in range(2 * module.BATCH + 1)]
    for one in news:
        writer.tell(one)
    assert not writer.flush(0.05)
    assert writer.waiting == len(news)
    store.away = False
    assert writer.flush(PATIENCE)
    assert store.written == news
    assert (writer.waiting, writer.written, writer.dropped) == (0, len(news), 0)


def test_more_than_fits_into_memory_is_dropped_and_counted(writing: tuple[Flaky, Writer]) -> None:
    store, _ = writing
    writer = Writer(store, most=3)  # type: ignore[arg-type]
    for number in range(5):
        writer.tell(Closed(f"call-{number}", T))
    assert (writer.waiting, writer.dropped) == (3, 2)


def test_one_piece_of_news_that_cannot_be_written_does_not_keep_the_others(writing: tuple[Flaky, Writer]) -> None:
    store, writer = writing
    store.poison = "call-1"
    for number in range(3):
        writer.tell(Closed(f"call-{number}", T))
    assert writer.flush(PATIENCE)
    assert [one.call for one in store.written] == ["call-0", "call-2"]
    assert writer.dropped == 1


# -- the watch ---------------------------------------------------------------------------------------------------------


class Tower:
    """A watch, whose news is written at once. ``now``: the clock; ``channels``: what the switch says of calls."""

    def __init__(self, legs: Legs, patience: float = 60.0) -> None:
        self.legs = legs
        self.now = T
        self.patience = patience
        self.channels: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.watch = self.another()

    def another(self) -> Watch:
        """As after a restart."""
        return Watch(self.legs, self._tell, self._ask, ["near"], lambda: self.now, self.patience)

    def _tell(self, news: News) -> None:
        self.legs.write([news])

    def _ask(self, _switch: str, call: str) -> Event:
        self.asked.append(call)
        if call not in self.channels:
            raise SwitchLost("no such channel")
        return Event(json.dumps(self.channels[call]).encode())

    def looks(self, at: float, *present: Present) -> None:
        """The switch is asked for all it has, at ``at``."""
        self.now = at
        self.watch.compare("near", {one.call: one for one in present}, at)
        self.watch.look()

    def row(self, call: str) -> Leg:
        row = self.legs.get(call)
        assert row is not None
        return row


@pytest.fixture
def tower(legs: Legs) -> Tower:
    return Tower(legs)


def present(call: str, at: float = T, conference: str = "acme.board") -> Present:
    return Present(call, "near", conference, "meeting", at)


def channel(**changed: str) -> dict[str, str]:
    return {
        "Event-Name": "CHANNEL_DATA",
        "Call-Direction": "outbound",
        "Caller-Channel-Created-Time": f"{T - 20:.0f}000000",
        "Caller-Channel-Answered-Time": f"{T - 5:.0f}000000",
        "variable_cc_tenant": "acme",
        "variable_cc_room": "acme.board",
        "variable_cc_role": "participant",
        "variable_cc_payer": "tenant",
        "variable_cc_number": "33",
        "variable_cc_language": "de",
    } | changed


def test_a_call_that_is_there_keeps_its_row(tower: Tower) -> None:
    tower.legs.open(leg("ann"))
    for at in (30, 60, 500):
        tower.looks(T + at, present("ann"))
    assert (tower.row("ann").closed_by, tower.row("ann").meeting) == ("", "meeting")


def test_a_call_that_is_gone_is_closed_at_the_last_look_that_found_it_and_not_before_patience_ends(
    tower: Tower,
) -> None:
    tower.legs.open(leg("ann"))
    tower.looks(T + 30, present("ann"))
    for at in (60, 90):
        tower.looks(T + at)
    assert tower.row("ann").closed_by == ""
    tower.looks(T + 130)
    row = tower.row("ann")
    assert (row.left_at, row.end_reason, row.room_seconds) == (T + 30, "unknown", 30.0)


def test_what_a_daemon_saw_before_it_died_still_counts(tower: Tower) -> None:
    tower.legs.open(leg("ann"))
    tower.looks(T + 30, present("ann"))
    tower.looks(T + 60, present("ann"))
    tower.watch = tower.another()
    for at in (1000, 1100):
        tower.looks(T + at)
    assert tower.row("ann").left_at == T + 60


def test_a_look_while_the_clock_was_a_year_ahead_makes_no_year_in_the_room(tower: Tower) -> None:
    year = 365 * 86400.0
    tower.legs.open(leg("ann"))
    tower.looks(T + year, present("ann"))
    tower.watch = tower.another()
    for at in (60, 90, 160):
        tower.looks(T + at)
    row = tower.row("ann")
    assert row.end_reason == "unknown"
    assert row.left_at is not None
    assert row.left_at <= T + 160


def test_a_row_of_a_year_ahead_is_not_open_for_that_year(tower: Tower) -> None:
    tower.legs.open(leg("ann", T + 365 * 86400.0))
    for at in (60, 90, 160):
        tower.looks(T + at)
    row = tower.row("ann")
    assert (row.end_reason, row.room_seconds) == ("unknown", 0.0)


def test_a_look_that_missed_somebody_is_no_proof_for_anybody(tower: Tower) -> None:
    for call in ("ann", "ben"):
        tower.legs.open(leg(call))
    tower.looks(T + 30, present("ann"), present("ben"))
    tower.looks(T + 60, present("ben"))
    assert tower.legs.last_sighting("near") == T + 30


def test_a_row_too_young_to_be_listed_is_not_missed_and_gets_no_second_it_was_not_seen_for(tower: Tower) -> None:
    tower.legs.open(leg("ann", T + 28))
    for at in (30, 60, 130):
        tower.looks(T + at)
    assert (tower.row("ann").left_at, tower.row("ann").end_reason) == (T + 28, "unknown")


def test_a_row_of_a_switch_nobody_asked_is_left_alone(tower: Tower) -> None:
    tower.legs.open(leg("ann", switch="far"))
    for at in (30, 130, 1000):
        tower.looks(T + at)
    assert tower.row("ann").closed_by == ""


def test_a_row_that_was_taken_for_gone_is_opened_again_when_the_call_is_seen(tower: Tower) -> None:
    tower.legs.open(leg("ann"))
    for at in (30, 100):
        tower.looks(T + at)
    assert tower.row("ann").end_reason == "unknown"
    tower.looks(T + 130, present("ann"))
    tower.looks(T + 160, present("ann"))
    assert (tower.row("ann").closed_by, tower.row("ann").left_at) == ("", None)


def test_a_member_without_a_row_is_written_down_from_its_channel_once(tower: Tower) -> None:
    tower.channels["cleo"] = channel()
    for at in (30, 60):
        tower.looks(T + at, present("cleo", conference="acme.board.aside"))
    row = tower.row("cleo")
    assert (row.direction, row.payer, row.number, row.waits_for) == ("outbound", "tenant", "33", "admission")
    assert (row.began_at, row.answered_at, row.joined_at) == (T - 20, T - 5, T)
    assert tower.asked == ["cleo"]


def test_a_member_of_a_conference_that_is_not_ours_is_asked_about_once_and_has_no_row(tower: Tower) -> None:
    tower.channels["dora"] = channel(variable_cc_tenant="", variable_cc_room="")
    for at in (30, 60):
        tower.looks(T + at, present("dora", conference="party"))
    assert tower.legs.get("dora") is None
    assert tower.asked == ["dora"]


def test_a_stranger_the_switch_could_not_be_asked_about_is_asked_about_again(tower: Tower) -> None:
    tower.looks(T + 30, present("cleo"))
    assert tower.legs.get("cleo") is None
    tower.channels["cleo"] = channel(variable_current_application_data="acme.board@room+flags{wait-mod}")
    tower.looks(T + 60, present("cleo"))
    assert tower.row("cleo").waits_for == "moderator"


def test_a_row_another_daemon_wrote_is_found_and_nobody_is_asked(tower: Tower) -> None:
    tower.legs.open(leg("ann"))
    tower.watch.entered(present("ann"))
    tower.now = T + 10
    tower.watch.look()
    assert tower.asked == []
    assert tower.row("ann").meeting == "meeting"


# -- the books ---------------------------------------------------------------------------------------------------------


def test_events_that_are_quicker_than_the_flow_are_not_lost(legs: Legs) -> None:
    """The switch tells that a caller entered and left before the flow that let them in has come to say so."""
    books = Books(legs, lambda _switch, _call: Event(b"{}"), ["near"], clock=lambda: T + 5)
    books.take_event("near", event("add-member", T))
    books.take_event("near", event("del-member", T + 3))
    books.joined(leg("ann", T + 0.1))
    running = gevent.spawn(books.writer.run)
    assert books.writer.flush(PATIENCE)
    books.writer.stop()
    running.join(timeout=PATIENCE)
    row = legs.get("ann")
    assert row is not None
    assert (row.joined_at, row.left_at, row.meeting, row.switch) == (T, T + 3, "meeting", "near")


def test_other_events_are_none_of_the_ledgers_business(legs: Legs) -> None:
    books = Books(legs, lambda _switch, _call: Event(b"{}"), ["near"], clock=lambda: T)
    for action in ("floor-change", "mute-member", "conference-destroy", ""):
        books.take_event("near", event(action, T))
    books.take_event("near", Event(b'{"Event-Name":"DTMF","Unique-ID":"ann"}'))
    assert books.writer.waiting == 0


def test_a_row_is_open_in_the_store_although_the_daemon_never_ended_it(legs: Legs) -> None:
    legs.write([Opened(leg("ann"))])
    assert [row.call for row in legs.open_rows()] == ["ann"]


def event(action: str, at: float) -> Event:
    fields = {
        "Event-Name": "CUSTOM",
        "Event-Subclass": "conference::maintenance",
        "Event-Date-Timestamp": f"{at * 1e6:.0f}",
        "Action": action,
        "Conference-Name": "acme.board",
        "Conference-Unique-ID": "meeting",
        "Unique-ID": "ann",
    }
    return Event(json.dumps(fields).encode())
