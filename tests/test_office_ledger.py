"""Calls of an office in the ledger: each counts once and costs what it cost, whether daemon or switch tells of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callcontrol.account import OfficeAccount, Service, office_account_of
from callcontrol.ledger.calls import entry
from callcontrol.ledger.cdr import Faulty, NotOurs, read_cdr
from callcontrol.ledger.export import as_csv, as_json
from callcontrol.ledger.month import Month
from callcontrol.ledger.statement import Statement, statement
from callcontrol.ledger.tariff import counting_of
from callcontrol.state import Database, sqlite_url
from callcontrol.state.office import OfficeCall, OfficeCalls
from callcontrol.state.office_usage import OfficeUsage, office_calls_of, office_usage_of
from callcontrol.state.rounds import Limits
from callcontrol.tenants import Tenant
from tests.ledger_rows import at
from tests.tenant_files import TAIL, tenant

ZONE = TAIL + "timezone: Europe/Berlin\n"
PRICED = tenant('tariff: {currency: EUR, outside_per_minute: "0.06", minimum_per_month: "1"}\n', tail=ZONE)
STARTED = tenant('tariff: {currency: EUR, outside_per_minute: "0.06", rounding: minute}\n', tail=ZONE)
MASKING = """
mask_numbers: true
domain: acme.example
extensions: {"33": {name: Clara, password: k7Tz-pq9L-acme}}
"""
MANY = Limits(under_way=5, spacing=0.0, lines=50, per_day=500)
NOVEMBER = Month(2026, 11)
BERLIN, PARIS = "+4930555000", "+33142685300"


class Ledger:
    """The table, and what a statement makes of it."""

    def __init__(self, database: Database) -> None:
        self.database, self.calls = database, OfficeCalls(database)

    def makes(self, call: str, began: str, service: Service = Service.OUT, extension: str = "33") -> OfficeCall:
        """A daemon writes a call down that it is about to make."""
        made = OfficeCall.of(call, OfficeAccount("acme", extension, service, BERLIN), at(began))
        assert self.calls.take([made], MANY, made.began_at) is None
        return made

    def record(self, call: str, began: str, rang: float, talked: float | None, **changed: object) -> OfficeCall:
        """The switch's record of a call: it rang, and talked so many seconds when anybody answered."""
        start = at(began)
        answered = None if talked is None else start + rang
        found = OfficeCall(
            call=call,
            tenant="acme",
            extension="33",
            service="out",
            number=BERLIN,
            began_at=start,
            answered_at=answered,
            ended_at=start + rang + (talked or 0.0),
            end_reason="NORMAL_CLEARING" if talked is not None else "NO_ANSWER",
        )
        found = replace(found, **changed)  # type: ignore[arg-type]
        self.calls.settle([found])
        return found

    def rows(self) -> list[OfficeCall]:
        return self.database.read(lambda connection: office_calls_of(connection, "acme", "", 0.0, 100))

    def november(self, owner: Tenant = PRICED) -> Statement:
        since, until = NOVEMBER.bounds(owner.timezone)
        started = counting_of(owner.tariff).started
        used = self.database.read(lambda one: office_usage_of(one, "acme", since, until, started=started))
        return statement(owner, NOVEMBER, (), (), used, now=at("2026-12-24 18:00"))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    database = Database(sqlite_url(tmp_path))
    database.open()
    yield Ledger(database)
    database.close()


def test_a_call_to_the_outside_is_open_until_somebody_knows_its_end(ledger: Ledger) -> None:
    made = ledger.makes("a", "2026-11-02 10:00")
    assert ledger.rows() == [made]
    assert ledger.november().office[0].usage == OfficeUsage("33", 0, 0, 0, 0, 1, 0, 0, 0)
    ledger.calls.answered("a", made.began_at + 5)
    ledger.calls.end(["a"], made.began_at + 65)
    (line,) = ledger.november().office
    assert (line.usage.sent, line.usage.outward, line.usage.unseen, str(line.amount)) == (1, 60_000, 1, "0.06")


def test_the_record_of_the_switch_counts_more_than_what_a_daemon_saw(ledger: Ledger) -> None:
    made = ledger.makes("a", "2026-11-02 10:00")
    ledger.calls.answered("a", made.began_at + 9)
    record = ledger.record("a", "2026-11-02 10:00", 5, 60)
    ledger.calls.answered("a", made.began_at + 99)
    ledger.calls.end(["a"], made.began_at + 999)
    ledger.record("a", "2026-11-02 10:00", 5, 60)
    assert ledger.rows() == [replace(record, closed_by="switch")]
    (line,) = ledger.november().office
    assert (line.usage.outward, line.usage.unseen) == (60_000, 0)


def test_a_call_no_daemon_wrote_down_is_in_the_statement_by_its_record_alone(ledger: Ledger) -> None:
    ledger.record("in", "2026-11-02 10:00", 5, 90, service="in")
    ledger.record("missed", "2026-11-02 11:00", 20, None, service="in")
    ledger.record("colleague", "2026-11-02 12:00", 2, 30, service="inside", number="34")
    (line,) = ledger.november().office
    used = line.usage
    assert (used.received, used.missed, used.inward, used.outward) == (3, 1, 120_000, 0)
    assert str(line.amount) == "0.00"  # who calls us pays, and colleagues cost nothing


def test_what_is_sent_on_to_the_outside_costs_as_what_is_called_there(ledger: Ledger) -> None:
    ledger.record("in", "2026-11-02 10:00", 5, 60, service="in")
    ledger.record("on", "2026-11-02 10:00", 5, 60, service="forward")
    ledger.record("mobile", "2026-11-02 11:00", 5, 30, service="mobile")
    ledger.record("silent", "2026-11-02 11:00", 5, None, service="mobile")
    ledger.record("out", "2026-11-02 12:00", 5, 90, extension="34")
    shown = ledger.november()
    assert [(line.usage.extension, line.usage.sent, line.usage.sent_on) for line in shown.office] == [
        ("33", 0, 2),
        ("34", 1, 0),
    ]
    assert [str(line.amount) for line in shown.office] == ["0.09", "0.09"]
    assert (str(shown.office_sum.amount), str(shown.minimum), str(shown.total)) == ("0.18", "0.82", "1.00")


def test_a_number_that_nobody_answered_is_no_usage(ledger: Ledger) -> None:
    ledger.record("busy", "2026-11-02 10:00", 5, None, end_reason="USER_BUSY")
    assert ledger.november().office == ()
    assert ledger.rows()[0].end_reason == "USER_BUSY"


def test_started_minutes_are_charged_in_full_for_each_call_by_itself(ledger: Ledger) -> None:
    ledger.record("a", "2026-11-02 10:00", 5, 61)
    ledger.record("b", "2026-11-02 11:00", 5, 1)
    (line,) = ledger.november(STARTED).office
    assert (line.usage.outward, line.usage.charged, str(line.amount)) == (62_000, 180_000, "0.18")


def test_a_call_belongs_to_the_month_it_began_in_on_the_tenants_clock(ledger: Ledger) -> None:
    ledger.record("before", "2026-10-31 23:59:59", 5, 60)
    ledger.record("first", "2026-11-01 00:00", 5, 60)
    ledger.record("last", "2026-11-30 23:59:59", 5, 60)
    ledger.record("after", "2026-12-01 00:00", 5, 60)
    assert ledger.november().office_sum.usage.sent == 2


def test_a_spreadsheet_and_a_program_get_the_extensions_too(ledger: Ledger) -> None:
    ledger.record("out", "2026-11-02 12:00", 5, 90)
    shown = ledger.november()
    lines = as_csv(shown).splitlines()
    assert lines[1].startswith("extension,acme,2026-11,,33,,1,,,0,,,1.50,,EUR,0.09,0,0,0,0,0,90")
    assert lines[2].startswith("minimum,acme,2026-11,")
    assert len({line.count(",") for line in lines}) == 1
    assert as_json(shown)["extensions"][0]["outward_seconds"] == "90"
    assert as_json(shown)["total"] == "1.00"


def test_a_list_of_calls_masks_numbers_where_the_tenant_wants_it(ledger: Ledger) -> None:
    call = ledger.record("out", "2026-11-02 12:00", 5, 90, number=PARIS)
    masking = tenant(MASKING, tail=ZONE)
    shown = entry(call, masking)
    assert (shown.extension, shown.name, shown.number, shown.talked) == ("33", "Clara", "+33 1 ******00", 90.0)
    assert entry(replace(call, answered_at=None), PRICED).talked is None


# -- the switch's record ----------------------------------------------------------------------------------------------

UUID = "2d0d3103-1840-47fe-b6d3-64e8eb1f06ff"


def cdr(**changed: str) -> bytes:
    variables: dict[str, Any] = {
        "uuid": UUID,
        "direction": "outbound",
        "cc_tenant": "acme",
        "cc_office": "out.33",
        "cc_number": BERLIN,
        "start_uepoch": "1795292903272782",
        "answer_uepoch": "1795292909593657",
        "end_uepoch": "1795292911732767",
        "hangup_cause": "NORMAL_CLEARING",
    }
    return json.dumps({"variables": variables | changed}).encode()


def test_a_record_tells_whose_call_of_an_office_it_was() -> None:
    found = read_cdr(cdr())
    assert isinstance(found, OfficeCall)
    assert (found.call, found.tenant, found.extension, found.service, found.number) == (
        UUID,
        "acme",
        "33",
        "out",
        BERLIN,
    )
    assert found.began_at < (found.answered_at or 0.0) < (found.ended_at or 0.0)


def test_a_record_of_a_call_nobody_answered_has_no_answer() -> None:
    found = read_cdr(cdr(answer_uepoch="0", hangup_cause="NO_ANSWER"))
    assert isinstance(found, OfficeCall)
    assert (found.answered_at, found.end_reason) == (None, "NO_ANSWER")


@pytest.mark.parametrize("office", ["", "out", "out.", "out.3x", "OUT.33", "steal.33", "out.33;x", "out.33\n"])
def test_an_account_that_is_none_makes_no_row(office: str) -> None:
    assert isinstance(read_cdr(cdr(cc_office=office)), NotOurs)


@pytest.mark.parametrize("name", ["", "ACME", "acme.board", "a" * 40, "../acme"])
def test_a_tenant_that_cannot_be_one_makes_no_row(name: str) -> None:
    assert isinstance(read_cdr(cdr(cc_tenant=name)), NotOurs)


def test_a_record_without_times_is_for_a_person_to_look_at() -> None:
    assert isinstance(read_cdr(cdr(end_uepoch="soon")), Faulty)


def test_hostile_text_in_a_record_is_left_out() -> None:
    found = read_cdr(cdr(cc_number="=HYPERLINK(1)", hangup_cause="<script>"))
    assert isinstance(found, OfficeCall)
    assert (found.number, found.end_reason) == ("", "")


@pytest.mark.parametrize("service", list(Service))
def test_an_account_comes_back_from_its_variables(service: Service) -> None:
    account = OfficeAccount("acme", "33", service, BERLIN)
    assert office_account_of(lambda name: account.variables().get(name, "")) == account
