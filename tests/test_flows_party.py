"""What those who are called are shown of the caller, and how often a call was sent on before it reached us."""

from __future__ import annotations

import json

import pytest

from callcontrol.flows.party import diversions
from callcontrol.switch.tables import talking

ACCOUNT = "33@acme.example"


@pytest.mark.parametrize(
    ("header", "times"),
    [
        ("", 0),
        ("<sip:+49308633@acme.example>;reason=no-answer", 1),
        ("<sip:+49308633@acme.example>;reason=no-answer;counter=3", 3),
        ("<sip:a@b>;reason=unknown;counter=1,<sip:c@d>;reason=unknown", 2),
        ("ARRAY::<sip:a@b>|:<sip:c@d>|:<sip:e@f>", 3),
        ("<sip:a@b>;counter=999", 5),
        ("<tel:+49308633>;reason=no-answer, <SIPS:a@b>;reason=user-busy", 2),
        ("nonsense ; counter = x", 0),
        ("<sip:" * 100_000, 5),
    ],
)
def test_diversions_are_counted_whoever_wrote_them(header: str, times: int) -> None:
    assert diversions(header) == times


def channels(*rows: tuple[str, str, str]) -> str:
    keys = ("uuid", "presence_id", "direction", "callstate")
    named = [(f"call-{number}", *row) for number, row in enumerate(rows)]
    return json.dumps({"row_count": len(rows), "rows": [dict(zip(keys, row, strict=True)) for row in named]})


@pytest.mark.parametrize(
    ("row", "talks"),
    [
        ((ACCOUNT, "outbound", "ACTIVE"), True),
        ((ACCOUNT, "outbound", "HELD"), True),
        ((ACCOUNT, "inbound", "RINGING"), True),  # it calls somebody
        ((ACCOUNT, "outbound", "RINGING"), False),
        (("34@acme.example", "outbound", "ACTIVE"), False),
        (("33@globex.example", "outbound", "ACTIVE"), False),
        (("", "inbound", "ACTIVE"), False),
    ],
)
def test_an_extension_talks_when_it_answered_or_placed_a_call(row: tuple[str, str, str], talks: bool) -> None:
    assert talking(channels(("", "inbound", "ACTIVE"), row), ACCOUNT) == (("call-1",) if talks else ())


@pytest.mark.parametrize("answer", ['{"row_count": 0}', "", "-ERR no reply", "[]", "null"])
def test_a_switch_that_tells_nothing_says_that_nobody_talks(answer: str) -> None:
    assert talking(answer, ACCOUNT) == ()
