"""The history of a tenant: who was in which meeting and how long, who was called when and with what result."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from callcontrol.ledger.history import Meeting, Round, meeting, round_made
from callcontrol.state import Database, Leg, _schema
from callcontrol.state.history import Span, meetings_of, rounds_of
from callcontrol.state.reader import Reader
from callcontrol.tenants import Tenant
from tests.ledger_rows import EVA, MAX, at, called, insert_row, ledger, leg
from tests.tenant_files import TAIL, tenant

ACME = tenant("", tail=TAIL + "timezone: Europe/Berlin\n")
MASKING = tenant("mask_numbers: true\n", tail=TAIL + "timezone: Europe/Berlin\n")


def meetings(
    folder: Path, *legs: Leg, room: str = "", since: str = "2026-11-01 00:00", most: int = 50
) -> list[Meeting]:
    reader = Reader(ledger(folder, legs))
    found = reader.read(lambda connection: meetings_of(connection, Span("acme", room, at(since), most)))
    return [meeting(theirs, ACME) for theirs in found]


def test_a_meeting_is_everybody_who_was_in_it_in_the_order_they_came(tmp_path: Path) -> None:
    [one] = meetings(
        tmp_path,
        leg("1", "2026-11-20 10:00:05", 1800, wait=30.25),
        called(
            "2", "2026-11-20 10:01", 600, number=EVA, name="Eva", tries=2, role="moderator", end_reason="room-ended"
        ),
    )
    assert (one.room, f"{one.began:%H:%M:%S}") == ("board", "10:00:05")
    assert one.ended is not None
    assert f"{one.ended:%H:%M:%S}" == "10:30:35"
    first, second = one.attendances
    assert (first.number, first.direction, first.wait_seconds, first.room_seconds) == (MAX, "inbound", 30.25, 1800)
    assert (second.name, second.role, second.tries, second.payer) == ("Eva", "moderator", 2, "tenant")
    assert (second.end_reason, second.open) == ("room-ended", False)


def test_the_latest_meeting_comes_first_and_a_room_can_be_asked_for(tmp_path: Path) -> None:
    legs = (
        leg("1", "2026-11-20 10:00", 60),
        leg("2", "2026-11-21 10:00", 60),
        leg("3", "2026-11-21 11:00", 60, room="sales", meeting="another"),
        leg("4", "2026-10-01 10:00", 60),
        leg("5", "2026-11-21 10:00", 60, tenant="globex", meeting="theirs"),
    )
    found = meetings(tmp_path / "a", *legs)
    assert [(one.room, f"{one.began:%d}") for one in found] == [("sales", "21"), ("board", "21"), ("board", "20")]
    assert [one.room for one in meetings(tmp_path / "b", *legs, room="sales")] == ["sales"]
    assert [f"{one.began:%d}" for one in meetings(tmp_path / "c", *legs, most=2)] == ["21", "21"]


def test_a_meeting_that_began_the_day_before_is_shown_whole(tmp_path: Path) -> None:
    legs = (leg("1", "2026-11-19 23:50", 3600, meeting="m"), leg("2", "2026-11-20 00:10", 60, meeting="m"))
    [one] = meetings(tmp_path, *legs, since="2026-11-20 00:00")
    assert [attendance.call for attendance in one.attendances] == ["1", "2"]


def test_who_is_still_inside_leaves_the_meeting_without_an_end(tmp_path: Path) -> None:
    [one] = meetings(tmp_path, leg("1", "2026-11-20 10:00", 60), leg("2", "2026-11-20 10:00", None))
    assert one.ended is None
    assert [(attendance.open, attendance.left is None) for attendance in one.attendances] == [
        (False, False),
        (True, True),
    ]


def test_a_leg_of_no_known_meeting_is_one_by_itself(tmp_path: Path) -> None:
    found = meetings(tmp_path, *(leg(call, "2026-11-20 10:00", 60, meeting="") for call in "12"))
    assert [len(one.attendances) for one in found] == [1, 1]


def test_postgresql_tells_the_same_history(postgresql: str) -> None:
    ours = f"t-{uuid.uuid4()}"  # one that nobody else has rows of
    legs = [leg(str(uuid.uuid4()), "2026-11-20 10:00", 60, tenant=ours, meeting=m) for m in (ours, ours, "", "")]
    reader = Reader(ledger(Path(), legs, postgresql))
    span = Span(ours, "board", at("2026-11-01 00:00"), 50)
    found = reader.read(lambda connection: meetings_of(connection, span))
    assert sorted(len(theirs) for theirs in found) == [1, 1, 2]
    assert reader.read(lambda connection: rounds_of(connection, span)) == []


def test_more_meetings_than_one_question_takes_are_all_shown(tmp_path: Path) -> None:
    legs = (leg(str(n), f"2026-11-20 {n // 60:02}:{n % 60:02}", 1, meeting=f"m{n}") for n in range(700))
    assert len(meetings(tmp_path, *legs, most=1000)) == 700


@pytest.mark.parametrize(("owner", "number"), [(ACME, MAX), (MASKING, "+49 171 *****01")])
def test_a_round_tells_who_was_called_when_how_often_and_what_came_of_it(
    tmp_path: Path, owner: Tenant, number: str
) -> None:
    [one] = rounds(tmp_path, owner)
    assert (one.room, one.cause, one.outcome, one.reached) == ("board", "schedule", "over", 1)
    assert one.due.isoformat() == "2026-11-20T10:00:00+01:00"
    clara, max_ = one.invited
    assert (clara.name, clara.number, clara.state, clara.moderator) == ("Clara", "33", "joined", True)
    assert (max_.name, max_.number, max_.state, max_.reason) == ("Max", number, "failed", "busy")
    assert [(f"{call.began:%H:%M:%S}", call.result) for call in max_.attempts] == [
        ("10:00:01", "busy"),
        ("10:01:02", "busy"),
    ]


def test_a_missed_occurrence_is_in_the_history_with_nobody_called(tmp_path: Path) -> None:
    [one] = rounds(tmp_path, ACME, since="2026-11-21 00:00", most=5)
    assert (one.outcome, one.invited, one.reached) == ("missed", (), 0)


def rounds(folder: Path, owner: Tenant, since: str = "2026-11-20 00:00", most: int = 5) -> list[Round]:
    url = ledger(folder, [])
    write_rounds(url)
    span = Span("acme", "board", at(since), most)
    found = Reader(url).read(lambda connection: rounds_of(connection, span))
    return [round_made(one, owner) for one in found if since > "2026-11-20 00:00" or one.outcome == "over"]


def write_rounds(url: str) -> None:
    """A round of Clara, who came, and Max, who was busy twice; the next day's, which was missed."""
    database = Database(url)
    database.open()
    due, missed = at("2026-11-20 10:00"), at("2026-11-21 10:00")
    common = {"tenant": "acme", "room": "board", "cause": "schedule"}
    insert_row(database, _schema.rounds, **common, id="r1", due_at=due, began_at=due, ended_at=due + 99, outcome="over")
    insert_row(database, _schema.rounds, **common, id="r2", due_at=missed, began_at=missed + 900, outcome="missed")
    insert_row(
        database, _schema.invitees, round="r1", place=0, name="Clara", number="33", moderator=True, state="joined"
    )
    insert_row(database, _schema.invitees, round="r1", place=1, name="Max", number=MAX, state="failed", reason="busy")
    for place, number, later, result in ((0, 1, 0, "joined"), (1, 2, 62, "busy"), (1, 1, 1, "busy")):
        began = due + later
        insert_row(
            database,
            _schema.tries,
            round="r1",
            place=place,
            number=number,
            tenant="acme",
            began_at=began,
            result=result,
        )
    database.close()
