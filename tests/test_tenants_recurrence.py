"""Recurrence rules of RFC 5545: accepted ones, and why others are not."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.tenants.calendar import RuleDays
from callcontrol.tenants.recurrence import check_rule

PARTS = [
    *(f"BYDAY={days}" for days in ("MO", "SU,MO", "5FR", "-5FR", "53SU", "-53TU", "1MO,WE")),
    *(f"BYMONTH={months}" for months in ("1", "2,12", "12")),
    *(f"BYMONTHDAY={days}" for days in ("31", "-31", "29,-1")),
    *(f"BYYEARDAY={days}" for days in ("366", "-366", "1,100")),
    *(f"BYWEEKNO={weeks}" for weeks in ("53", "-53", "1,-1")),
    *(f"BYSETPOS={places}" for places in ("1", "-1", "366", "-366")),
    *("INTERVAL=1", "INTERVAL=1000", "COUNT=1", "COUNT=10000", "UNTIL=20301231", "WKST=SU"),
]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "FREQ=DAILY;COUNT=10",
        "FREQ=DAILY;INTERVAL=2;UNTIL=20271224T000000Z",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,TH",
        "FREQ=MONTHLY;BYDAY=1FR",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;BYMONTHDAY=2,15,-1",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3",
        "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1TH",
        "freq=weekly;byday=mo",
    ],
)
def test_a_rule_of_rfc_5545_is_accepted(rule: str) -> None:
    assert check_rule(rule) == ""


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("", "is no recurrence rule: each part is NAME=VALUE"),
        ("every Monday", "is no recurrence rule: each part is NAME=VALUE"),
        ("FREQ=", "is no recurrence rule: each part is NAME=VALUE"),
        ("BYDAY=MO", "needs FREQ=DAILY, WEEKLY, MONTHLY or YEARLY"),
        ("FREQ=SECONDLY", "needs FREQ=DAILY, WEEKLY, MONTHLY or YEARLY"),
        ("FREQ=DAILY;FREQ=DAILY", "has FREQ twice"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270101", "has both COUNT and UNTIL"),
        ("FREQ=DAILY;BYHOUR=3", "has a part that is unknown or finer than a day"),
        ("FREQ=WEEKLY;BYDAY=XX", "has a wrong value of BYDAY"),
        ("FREQ=WEEKLY;BYDAY=1MO", "has a wrong value of BYDAY"),
        ("FREQ=DAILY;INTERVAL=0", "has a wrong value of INTERVAL"),
        ("FREQ=DAILY;COUNT=1,2", "has a wrong value of COUNT"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "has a wrong value of BYMONTHDAY"),
        ("FREQ=YEARLY;BYMONTH=-1", "has a wrong value of BYMONTH"),
        ("FREQ=DAILY;UNTIL=20271301", "has a wrong value of UNTIL"),
        ("FREQ=DAILY;UNTIL=20270229", "has a wrong value of UNTIL"),
        ("FREQ=DAILY;UNTIL=20270228T243000Z", "has a wrong value of UNTIL"),
        ("FREQ=DAILY;UNTIL=99991231T235959", "has a wrong value of UNTIL"),
        ("FREQ=DAILY;WKST=1", "has a wrong value of WKST"),
        ("FREQ=DAILY;X=1;X=2", "has a part twice"),
        ("FREQ=DAILY;BYDAY=" + "MO," * 100, "is longer than 200 characters"),
    ],
)
def test_what_is_no_rule_is_refused_with_the_reason(rule: str, reason: str) -> None:
    assert check_rule(rule) == reason


@given(st.text(alphabet="FREQ=DAILY;BYUNTCO0123456789-+,MOX٣", max_size=60))
def test_no_text_raises(rule: str) -> None:
    assert isinstance(check_rule(rule), str)
    assert isinstance(check_rule("FREQ=MONTHLY;" + rule), str)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("FREQ=MONTHLY;BYWEEKNO=20", "cannot have BYWEEKNO with FREQ=MONTHLY"),
        ("FREQ=DAILY;BYYEARDAY=100", "cannot have BYYEARDAY with FREQ=DAILY"),
        ("FREQ=WEEKLY;BYMONTHDAY=13", "cannot have BYMONTHDAY with FREQ=WEEKLY"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", "cannot have numbered days with BYWEEKNO"),
        ("FREQ=MONTHLY;BYDAY=-6MO", "has a wrong value of BYDAY"),
        ("FREQ=YEARLY;BYMONTH=1,11;BYDAY=12MO", "has a wrong value of BYDAY"),
        ("FREQ=YEARLY;BYDAY=54MO", "has a wrong value of BYDAY"),
        ("FREQ=DAILY;BYSETPOS=1", "has BYSETPOS and nothing to choose from, such as BYDAY"),
    ],
)
def test_parts_that_mean_nothing_together_are_refused(rule: str, reason: str) -> None:
    assert check_rule(rule) == reason


@given(
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.lists(st.sampled_from(PARTS), max_size=4, unique_by=lambda part: part.split("=")[0]),
)
def test_the_days_of_an_accepted_rule_can_always_be_counted(frequency: str, parts: list[str]) -> None:
    rule = ";".join([f"FREQ={frequency}", *parts])
    if check_rule(rule) == "":
        days = list(RuleDays(rule, date(2028, 2, 29)).days(date(2029, 1, 1), date(2031, 12, 31)))
        assert days == sorted(set(days))
