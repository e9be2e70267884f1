"""A month's statement: every leg is in one month, in one line, counted once; what is open is told and not charged."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcontrol.ledger.month import Month, local, start_of
from callcontrol.ledger.statement import Statement, statement
from callcontrol.ledger.tariff import counting_of
from callcontrol.state import Leg
from callcontrol.state.leg import UNKNOWN
from callcontrol.state.reader import Reader
from callcontrol.state.usage import Counting, Usage, open_legs, usage_of
from callcontrol.tenants import Tenant
from tests.ledger_rows import EVA, MAX, at, called, ledger, leg
from tests.tenant_files import TAIL, tenant

ZONE = TAIL + "timezone: Europe/Berlin\n"
PLAIN = tenant('tariff: {currency: EUR, per_minute: "0.04", dial_out_per_minute: "0.02"}\n', tail=ZONE)
NOVEMBER = Month(2026, 11)


def november(folder: Path, *legs: Leg, owner: Tenant = PLAIN, now: str = "2026-12-24 18:00") -> Statement:
    return of_month(NOVEMBER, ledger(folder, legs), owner, now)


def of_month(month: Month, url: str, owner: Tenant = PLAIN, now: str = "2026-12-24 18:00") -> Statement:
    since, until = month.bounds(owner.timezone)
    counting = counting_of(owner.tariff)
    reader = Reader(url)
    used = reader.read(lambda connection: usage_of(connection, "acme", since, until, counting))
    still = reader.read(lambda connection: open_legs(connection, "acme", since, until))
    return statement(owner, month, used, still, now=at(now))


def amounts(shown: Statement) -> list[tuple[str, str, str]]:
    return [(room.room, line.usage.number, str(line.amount)) for room in shown.rooms for line in room.lines]


def test_a_participant_has_one_line_in_each_room(tmp_path: Path) -> None:
    shown = november(
        tmp_path,
        leg("1", "2026-11-02 10:00", 600),
        leg("2", "2026-11-09 10:00", 300, wait=45.5),
        leg("3", "2026-11-09 10:00", 60, number=EVA),
        leg("4", "2026-11-10 10:00", 60, room="sales"),
    )
    assert amounts(shown) == [("board", MAX, "0.60"), ("board", EVA, "0.04"), ("sales", MAX, "0.04")]
    max_ = shown.rooms[0].lines[0].usage
    assert (max_.legs, max_.visits, max_.waited, max_.inside) == (2, 2, 45_500, 900_000)
    assert (str(shown.rooms[0].sum.amount), str(shown.total)) == ("0.64", "0.68")


def test_who_was_called_out_to_costs_more(tmp_path: Path) -> None:
    shown = november(tmp_path, leg("1", "2026-11-02 10:00", 600), called("2", "2026-11-02 10:30", 600))
    assert amounts(shown) == [("board", MAX, "1.00")]  # 20 minutes for 0.04, ten of them 0.02 more


def test_who_comes_back_into_the_same_meeting_is_one_visit_but_a_withheld_number_cannot_be_recognised(
    tmp_path: Path,
) -> None:
    fee = tenant('tariff: {currency: EUR, per_participant: "1"}\n', tail=ZONE)
    hours = ("2026-11-02 10:00", "2026-11-02 10:20", "2026-11-02 10:40", "2026-11-03 10:00")
    legs = [leg(f"{who}{hour}", hour, 60, number=who) for who in (MAX, "") for hour in hours]
    clara = [leg(f"clara {hour}", hour, 60, number="", name="Clara") for hour in hours]
    shown = november(tmp_path, *legs, *clara, owner=fee)
    visits = {(line.usage.number, line.usage.name): line.usage.visits for line in shown.rooms[0].lines}
    assert visits == {(MAX, ""): 2, ("", ""): 4, ("", "Clara"): 2}
    assert str(shown.total) == "8.00"


def test_a_leg_belongs_to_the_month_it_began_in_on_the_tenants_clock(tmp_path: Path) -> None:
    url = ledger(
        tmp_path,
        [
            leg("before", "2026-10-31 23:59:59", 7200, number=EVA),
            leg("first", "2026-11-01 00:00", 60),
            leg("over midnight", "2026-11-30 23:59:59", 7200),
            leg("after", "2026-12-01 00:00", 60, number=EVA),
        ],
    )
    assert [line.usage.number for line in of_month(Month(2026, 10), url).rooms[0].lines] == [EVA]
    assert of_month(NOVEMBER, url).sum.usage.inside == 7_260_000
    assert of_month(Month(2026, 12), url).sum.usage.inside == 60_000


def test_open_legs_are_listed_and_cost_nothing_yet(tmp_path: Path) -> None:
    shown = november(
        tmp_path,
        leg("1", "2026-11-02 10:00", 60),
        leg("2", "2026-11-03 10:00", None),
        leg("3", "2026-11-04 10:00", None),
    )
    assert [one.call for one in shown.open] == ["2", "3"]
    assert (shown.sum.usage.legs, shown.sum.usage.open, str(shown.total)) == (1, 2, "0.04")


def test_legs_whose_end_nobody_saw_are_told_apart(tmp_path: Path) -> None:
    shown = november(tmp_path, leg("1", "2026-11-02 10:00", 60), leg("2", "2026-11-03 10:00", 60, end_reason=UNKNOWN))
    assert (shown.sum.usage.legs, shown.sum.usage.unseen, str(shown.total)) == (2, 1, "0.08")


def test_who_has_only_an_open_leg_has_a_line_all_the_same(tmp_path: Path) -> None:
    shown = november(tmp_path, leg("1", "2026-11-02 10:00", None))
    assert amounts(shown) == [("board", MAX, "0.00")]


def test_another_tenants_legs_are_in_no_statement_of_ours(tmp_path: Path) -> None:
    assert november(tmp_path, leg("1", "2026-11-02 10:00", 60, tenant="globex")).rooms == ()


def test_the_minimum_of_a_month_is_a_line_of_its_own_and_due_without_a_call_too(tmp_path: Path) -> None:
    least = tenant('tariff: {currency: EUR, per_minute: "0.04", minimum_per_month: "10"}\n', tail=ZONE)
    shown = november(tmp_path, leg("1", "2026-11-02 10:00", 6000), owner=least)
    assert (str(shown.sum.amount), str(shown.minimum), str(shown.total)) == ("4.00", "6.00", "10.00")
    empty = of_month(Month(2026, 9), ledger(tmp_path, []), least)
    assert (str(empty.minimum), str(empty.total)) == ("10.00", "10.00")


def test_started_minutes_are_counted_for_each_call_by_itself(tmp_path: Path) -> None:
    started = tenant('tariff: {currency: EUR, per_minute: "1", rounding: minute}\n', tail=ZONE)
    seconds = (0.0, 0.001, 60.0, 60.001)
    shown = november(tmp_path, *(leg(str(s), "2026-11-02 10:00", s) for s in seconds), owner=started)
    assert str(shown.total) == "4.00"  # 0 + 1 + 1 + 2


def test_waiting_costs_only_where_the_tariff_says_so(tmp_path: Path) -> None:
    waiting = tenant('tariff: {currency: EUR, per_minute: "1", charge_waiting: true}\n', tail=ZONE)
    url = ledger(tmp_path, [leg("1", "2026-11-02 10:00", 60, wait=120.0)])
    assert str(of_month(NOVEMBER, url, waiting).total) == "3.00"
    assert str(of_month(NOVEMBER, url, PLAIN).total) == "0.04"


def test_without_a_tariff_minutes_are_counted_and_nothing_is_priced(tmp_path: Path) -> None:
    shown = november(tmp_path, leg("1", "2026-11-02 10:00", 60), owner=tenant("", tail=ZONE))
    assert (shown.sum.usage.inside, shown.sum.amount, shown.minimum, shown.total) == (60_000, None, None, None)


def test_numbers_are_masked_where_the_tenant_wants_it(tmp_path: Path) -> None:
    masking = tenant("mask_numbers: true\n", tail=ZONE)
    legs = [leg("1", "2026-11-02 10:00", 60), leg("2", "2026-11-02 10:00", None, number="33", name="Clara")]
    shown = november(tmp_path, *legs, owner=masking)
    assert [line.usage.number for line in shown.rooms[0].lines] == ["+49 171 *****01", "33"]
    assert [(one.number, one.name) for one in shown.open] == [("33", "Clara")]


def test_a_month_that_is_not_over_is_said_to_run(tmp_path: Path) -> None:
    url = ledger(tmp_path, [])
    assert of_month(NOVEMBER, url, now="2026-11-30 23:59:59").running
    assert not of_month(NOVEMBER, url, now="2026-12-01 00:00").running


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-0", "11-2026", "2026-1", "november", "２０２６-11", "2026-11-01", ""]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no month, such as 2026-11"):
        Month.parse(text)


@given(st.integers(1971, 2400), st.integers(1, 12), st.sampled_from(["Europe/Berlin", "America/Havana", "Asia/Beirut"]))
def test_months_follow_each_other_without_gap(year: int, month: int, zone: str) -> None:
    one = Month(year, month)
    after = Month.of(one.bounds(zone)[1], zone)
    assert (after.year * 12 + after.month) - (year * 12 + month) == 1
    assert after.bounds(zone)[0] == one.bounds(zone)[1]
    assert Month.of(one.bounds(zone)[0], zone) == Month.parse(str(one)) == one


def test_a_day_begins_where_summer_time_skips_midnight() -> None:
    havana = "America/Havana"  # 2026-03-08 begins at 01:00
    assert local(start_of(local(at("2026-03-08 12:00"), havana).date(), havana), havana).isoformat() == (
        "2026-03-08T01:00:00-04:00"
    )


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["board", "sales"]),
        st.sampled_from([(MAX, ""), (EVA, "Eva"), ("", ""), ("", "Clara"), ("33", "Clara")]),
        st.sampled_from(["inbound", "outbound"]),
        st.sampled_from(["", "m1", "m2"]),
        st.integers(0, 90_000_000).map(lambda milliseconds: milliseconds / 1000),
        st.integers(0, 4_000_000).map(lambda milliseconds: milliseconds / 1000),
        st.booleans(),
    ),
    max_size=40,
)
COUNTINGS = [Counting(waiting, started) for waiting in (False, True) for started in (False, True)]


def test_the_database_adds_up_as_one_would_by_hand(url: str) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ROWS)
    def agrees(rows: list[tuple[str, tuple[str, str], str, str, float, float, bool]]) -> None:
        owner = f"t-{uuid.uuid4()}"
        legs = [
            leg(
                str(uuid.uuid4()), "2026-11-02 10:00", seconds if closed else None, tenant=owner, room=room,
                number=who[0], name=who[1], direction=direction, meeting=meeting, wait=wait,
                end_reason=UNKNOWN if wait > 3_000 and closed else "left",
            )
            for room, who, direction, meeting, seconds, wait, closed in rows
        ]  # fmt: skip
        reader = Reader(ledger(Path(), legs, url))
        since, until = NOVEMBER.bounds("Europe/Berlin")
        for counting in COUNTINGS:
            found = reader.read(lambda connection, how=counting: usage_of(connection, owner, since, until, how))
            assert sorted(found, key=repr) == sorted(by_hand(legs, counting), key=repr)

    agrees()


def by_hand(legs: list[Leg], counting: Counting) -> list[Usage]:
    groups: dict[tuple[str, str, str], list[Leg]] = defaultdict(list)
    for one in legs:
        groups[one.room, one.number, "" if one.number else one.name].append(one)
    found = []
    for (room, number, _), theirs in groups.items():
        closed = [one for one in theirs if one.closed_by]
        out = [one for one in closed if one.direction == "outbound"]
        known = [one.meeting for one in closed if one.meeting and (one.number or one.name)]
        found.append(
            Usage(
                *(room, number, max(one.name for one in theirs), len(closed), len(out)),
                len(set(known)) + len(closed) - len(known),
                len(theirs) - len(closed),
                sum(whole(one.wait_seconds) for one in closed),
                sum(whole(one.room_seconds) for one in closed),
                sum(charged(one, counting) for one in closed),
                sum(charged(one, counting) for one in out),
                sum(one.end_reason == UNKNOWN for one in closed),
            )
        )
    return found


def whole(seconds: float) -> int:
    return int(Decimal(seconds * 1000.0).quantize(Decimal(1)))


def charged(one: Leg, counting: Counting) -> int:
    time = whole(one.room_seconds) + (whole(one.wait_seconds) if counting.waiting else 0)
    return -(-time // 60_000) * 60_000 if counting.started else time


def test_reading_changes_nothing_and_needs_no_daemon(tmp_path: Path) -> None:
    url = ledger(tmp_path, [leg("1", "2026-11-02 10:00", 60)])
    before = (tmp_path / "callcontrol.db").read_bytes()
    of_month(NOVEMBER, url)
    assert (tmp_path / "callcontrol.db").read_bytes() == before


def test_names_follow_a_participant_whose_number_is_known(tmp_path: Path) -> None:
    shown = november(tmp_path, leg("1", "2026-11-02 10:00", 60), leg("2", "2026-11-03 10:00", 60, name="Max"))
    assert [line.usage.name for line in shown.rooms[0].lines] == ["Max"]
    assert replace(shown.rooms[0].lines[0].usage, name="") == shown.rooms[0].sum.usage.__class__(
        "board", MAX, "", 2, 0, 2, 0, 0, 120_000, 120_000, 0
    )
