"""An administrator reads what was used and what happened, without a daemon; hostile callers reach no spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcontrol.account import OfficeAccount, Service
from callcontrol.cli import main
from callcontrol.ledger.export import COLUMNS, for_spreadsheet
from callcontrol.state import Database, Leg, sqlite_url
from callcontrol.state.office import OfficeCall, OfficeCalls
from tests.ledger_rows import EVA, MAX, at, called, ledger, leg
from tests.test_ledger_history import write_rounds

TENANT = """
tenant: acme
name: Acme GmbH
region: DE
timezone: Europe/Berlin
rooms: {board: {access: open}, sales: {access: open}}
tariff: {currency: EUR, per_minute: "0.04", dial_out_per_minute: "0.02", minimum_per_month: "10"}
"""
HOSTILE = '=HYPERLINK("http://x","\x1b[2J")'


class Office:
    """A folder with a configuration, a tenant, and a ledger when something was written into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tenants").mkdir()
        (folder / "tenants" / "acme.yaml").write_text(TENANT)
        self.config = folder / "callcontrol.yaml"
        self.config.write_text("")

    def write(self, *legs: Leg) -> str:
        return ledger(self.folder / "state", legs)

    def types(self, *words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--config", str(self.config)])


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def filled(office: Office) -> Office:
    office.write(
        leg("1", "2026-11-02 10:00", 600, wait=5.0),
        called("2", "2026-11-02 10:01", 300, number="33", name="Clara"),
        leg("3", "2026-11-03 10:00", None, number=EVA),
        leg("4", "2026-11-03 09:00", 60, number="", name=HOSTILE, room="sales", meeting="s"),
    )
    return office


def test_usage_is_a_table_for_each_room_with_its_total(office: Office) -> None:
    told = filled(office).types("usage", "acme", "--month", "2026-11")
    assert told.exit_code == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in told.output.splitlines() if line[:1] == "│"]
    assert rows[:4] == [
        [MAX, "1", "", "0:00:05", "0:10:00", "10.00", "0.40"],
        ["33 Clara", "1", "1", "0:00:00", "0:05:00", "5.00", "0.30"],
        [EVA, "0 +1 open", "", "0:00:00", "0:00:00", "0.00", "0.00"],
        ["3 participants", "2 +1 open", "1", "0:00:05", "0:15:00", "15.00", "0.70"],
    ]
    assert "Together 3 calls (1 called out), 0:16:00 in rooms, 16.00 minutes, 0.74 EUR\n" in told.output
    assert "To the minimum of a month: 9.26 EUR\nTotal: 10.00 EUR\n" in told.output
    assert "Open, not charged yet" in told.output
    assert max(map(len, told.output.splitlines())) <= 100


def test_a_hostile_name_steers_neither_the_terminal_nor_a_spreadsheet(office: Office) -> None:
    for form in ((), ("--csv",), ("--json",)):
        output = filled(Office(_fresh(office))).types("usage", "acme", "--month", "2026-11", *form).output
        assert {letter for letter in output if not letter.isprintable()} <= {"\n", "\r"}
        assert "HYPERLINK" in output


def _fresh(office: Office) -> Path:
    folder = office.folder / str(len(list(office.folder.iterdir())))
    folder.mkdir()
    return folder


def test_csv_has_stable_columns_and_adds_up_to_the_total(office: Office) -> None:
    output = filled(office).types("usage", "acme", "--month", "2026-11", "--csv").output
    assert output.splitlines()[0] == (
        "kind,tenant,month,room,number,name,calls,called_calls,visits,open_calls,wait_seconds,room_seconds,"
        "minutes,called_minutes,currency,amount,unseen_calls,"
        "received_calls,missed_calls,sent_on_calls,inward_seconds,outward_seconds"
    )
    rows = list(csv.DictReader(io.StringIO(output)))
    assert [row["kind"] for row in rows] == ["participant"] * 4 + ["minimum"]
    assert sum(float(row["amount"]) for row in rows) == pytest.approx(10.0)
    assert rows[0]["number"] == f"'{MAX}"
    assert (rows[0]["wait_seconds"], rows[0]["room_seconds"], rows[0]["minutes"]) == ("5", "600", "10.00")
    assert all(len(row) == len(COLUMNS) for row in csv.reader(io.StringIO(output)))


@pytest.mark.parametrize("cell", ["=1+1", "+49171", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "|calc", "%x", " =1", "＝1"])
def test_no_text_is_a_formula_to_a_spreadsheet(cell: str) -> None:
    assert for_spreadsheet(cell)[0] not in "=+-@\t\r|% ＝"


def test_a_program_gets_exact_numbers_in_json(office: Office) -> None:
    told = json.loads(filled(office).types("usage", "acme", "--month", "2026-11", "--json").output)
    assert (told["month"], told["timezone"], told["currency"]) == ("2026-11", "Europe/Berlin", "EUR")
    assert told["rooms"][0]["participants"][0] == {
        "number": MAX,
        "name": "",
        "calls": 1,
        "called_calls": 0,
        "visits": 1,
        "open_calls": 0,
        "wait_seconds": "5",
        "room_seconds": "600",
        "minutes": "10.00",
        "called_minutes": "0.00",
        "amount": "0.40",
        "unseen_calls": 0,
    }
    assert (told["minimum"], told["total"], [one["call"] for one in told["open"]]) == ("9.26", "10.00", ["3"])


def test_without_a_month_it_is_the_one_that_runs(office: Office) -> None:
    office.write()
    told = json.loads(office.types("usage", "acme", "--json").output)
    assert told["running"] is True


def with_an_office(office: Office) -> Office:
    """Clara called outside for a minute and a half, and was called and did not answer."""
    calls = OfficeCalls(Database(office.write()))
    began = at("2026-11-02 10:00")
    out = OfficeCall.of("out", OfficeAccount("acme", "33", Service.OUT, EVA), began)
    missed = OfficeCall.of("in", OfficeAccount("acme", "33", Service.IN, HOSTILE), began + 600)
    calls.settle([replace(out, answered_at=began + 5, ended_at=began + 95, end_reason="NORMAL_CLEARING")])
    calls.settle([replace(missed, ended_at=began + 620, end_reason="NO_ANSWER")])
    calls.database.close()
    return office


def test_usage_has_a_table_of_the_extensions(office: Office) -> None:
    told = with_an_office(office).types("usage", "acme", "--month", "2026-11")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in told.output.splitlines() if line[:1] == "│"]
    assert rows == [["33", "1", "1", "1", "", "0:00:00", "0:01:30", "1.50", "0.00"]]
    assert "Extensions: 1 call to the outside, 1.50 minutes, 0.00 EUR\n" in told.output
    assert max(map(len, told.output.splitlines())) <= 100


def test_calls_lists_each_call_of_the_extensions_the_latest_first(office: Office) -> None:
    told = with_an_office(office).types("calls", "acme", "--since", "2026-11-01")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in told.output.splitlines() if line[:1] == "│"]
    assert rows[0][:3] == ["2026-11-02 10:10:00", "33", "in"]
    assert rows[-1] == ["2026-11-02 10:00:00", "33", "out", EVA, "0:01:30", "hung up"]
    assert {letter for letter in told.output if not letter.isprintable()} == {"\n"}
    shown = json.loads(office.types("calls", "acme", "--since", "2026-11-01", "--extension", "33", "--json").output)
    assert [(one["service"], one["answered"], one["talked"]) for one in shown["calls"]] == [
        ("in", False, None),
        ("out", True, 90.0),
    ]


def test_calls_of_an_extension_that_is_none_say_so(office: Office) -> None:
    told = with_an_office(office).types("calls", "acme", "--extension", "99")
    assert (told.exit_code, "no extension" in told.output or "99" in told.output) == (2, True)
    assert "Nobody called" in office.types("calls", "acme", "--since", "2027-01-01").output


def test_calls_whose_end_nobody_saw_are_told(office: Office) -> None:
    office.write(leg("1", "2026-11-02 10:00", 60, end_reason="unknown"))
    told = office.types("usage", "acme", "--month", "2026-11").output
    assert "Of these, 1 ended unseen and count up to when they were last known to be there\n" in told


def test_history_shows_meetings_and_rounds(office: Office) -> None:
    write_rounds(filled(office).write())
    told = office.types("history", "acme", "--since", "2026-11-01")
    assert told.exit_code == 0
    assert "board, Mon 2026-11-02 10:00 to 10:10" in told.output
    assert "board, called Fri 2026-11-20 10:00 (schedule): 1 of 2 reached" in told.output
    assert f"│ {MAX} Max " in told.output
    assert "10:00:01 busy, 10:01:02 busy" in told.output
    assert "board, called Sat 2026-11-21 10:00 (schedule): missed, nobody was called\n" in told.output
    assert max(map(len, told.output.splitlines())) <= 100
    assert "board" not in office.types("history", "acme", "--room", "sales", "--since", "2026-11-01").output


def test_history_in_json_has_times_with_their_offset(office: Office) -> None:
    told = json.loads(filled(office).types("history", "acme", "--since", "2026-11-01", "--json").output)
    assert [one["room"] for one in told["meetings"]] == ["board", "sales", "board"]
    assert told["meetings"][-1]["attendances"][0]["joined"] == "2026-11-02T10:00:00+01:00"
    assert told["rounds"] == []


def test_a_long_history_says_that_there_is_more(office: Office) -> None:
    told = filled(office).types("history", "acme", "--since", "2026-11-01", "--limit", "1")
    assert "The latest 1 meetings; --limit and --since show others." in told.output


def test_where_nothing_happened_it_says_so(office: Office) -> None:
    office.write()
    assert "Nobody was in a room." in office.types("usage", "acme", "--month", "2020-01").output
    assert "Nothing happened in this time." in office.types("history", "acme").output


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("usage", "acne"), 2, "no tenant is called 'acne' (did you mean 'acme'?)"),
        (("usage", "acme", "--month", "2026-13"), 2, "'2026-13' is no month, such as 2026-11"),
        (("usage", "acme", "--csv", "--json"), 2, "--csv or --json: choose one"),
        (("history", "acne"), 2, "no tenant is called 'acne'"),
        (("history", "acme", "--room", "bord"), 2, "no room is called 'bord' (did you mean 'board'?)"),
        (("history", "acme", "--since", "yesterday"), 2, "'yesterday' does not match the format '%Y-%m-%d'"),
        (("history", "acme", "--limit", "0"), 2, "0 is not in the range"),
    ],
)
def test_what_cannot_be_answered_says_why(office: Office, words: tuple[str, ...], status: int, says: str) -> None:
    office.write()
    told = office.types(*words)
    assert told.exit_code == status
    assert says in told.output


def test_before_the_daemon_ran_there_is_no_database_and_none_is_made(office: Office) -> None:
    for command in ("usage", "history"):
        told = office.types(command, "acme")
        assert told.exit_code == 1
        assert told.output.startswith("callcontrol: there is no database yet at ")
    assert not (office.folder / "state").exists()


def test_a_database_nobody_can_read_is_told_without_a_traceback(office: Office) -> None:
    (office.folder / "state").mkdir()
    (office.folder / "state" / "callcontrol.db").write_text(
        "this is no database, and longer than a header of one is\n" * 9
    )
    told = office.types("usage", "acme")
    assert (told.exit_code, told.output) == (
        1,
        "callcontrol: the database does not answer: DatabaseError: file is not a database\n",
    )


def test_a_database_of_another_version_is_left_alone(office: Office) -> None:
    import sqlite3

    office.write()
    with sqlite3.connect(office.folder / "state" / "callcontrol.db") as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE name = 'schema_version'")
    connection.close()
    assert "has schema 99, this callcontrol knows" in office.types("usage", "acme").output


def test_a_database_server_that_is_away_is_told(office: Office) -> None:
    office.config.write_text("database: postgresql://nobody:secret@127.0.0.1:1/nothing\n")
    told = office.types("usage", "acme")
    assert told.exit_code == 1
    assert told.output.startswith("callcontrol: the database does not answer: ")
    assert "secret" not in told.output


def test_a_faulty_tenant_file_is_told_with_its_place(office: Office) -> None:
    office.write()
    (office.folder / "tenants" / "acme.yaml").write_text(TENANT.replace("EUR", "EURO"))
    told = office.types("usage", "acme")
    assert told.exit_code == 2
    assert "no tenant is called 'acme'; these files are faulty:\n" in told.output
    assert "acme.yaml:7:20: currency: unknown currency 'EURO' (did you mean 'EUR'?)" in told.output


def test_a_daemon_may_write_while_a_statement_is_read(office: Office) -> None:
    from callcontrol.state import Database, Legs

    filled(office)
    database = Database(sqlite_url(office.folder / "state"))
    Legs(database).open(leg("9", "2026-11-04 10:00", None))
    assert office.types("usage", "acme", "--month", "2026-11").exit_code == 0
    Legs(database).open(leg("10", "2026-11-04 10:00", None))
    database.close()
    assert os.stat(office.folder / "state" / "callcontrol.db").st_mode & 0o777 == 0o600
