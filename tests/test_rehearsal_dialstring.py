"""What FreeSWITCH makes of a dial string."""

from __future__ import annotations

import pytest

from callcontrol.rehearsal.dialstring import BadDialString, Leg, parse


def legs(text: str) -> list[list[str]]:
    return [[leg.endpoint for leg in group] for group in parse(text).groups]


def test_a_bare_endpoint_is_one_leg() -> None:
    assert parse("sofia/gateway/carrier/+4930").groups == ((Leg("sofia/gateway/carrier/+4930"),),)


def test_commas_ring_together_and_bars_one_after_the_other() -> None:
    assert legs("a/1,a/2|b/1") == [["a/1", "a/2"], ["b/1"]]


def test_braces_hold_for_all_and_brackets_for_one() -> None:
    found = parse("{a=1,b=2}{c=3}[d=4][e=5]x/1,[f=6]x/2")
    assert dict(found.variables) == {"a": "1", "b": "2", "c": "3"}
    assert [dict(leg.variables) for leg in found.groups[0]] == [{"d": "4", "e": "5"}, {"f": "6"}]


def test_a_comma_inside_brackets_parts_no_legs() -> None:
    assert legs("[a=1,b=2]x/1,[c=3]x/2") == [["x/1", "x/2"]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"{a=b\,c}x/1", "b,c"),
        ("{a='b,c'}x/1", "b,c"),
        ("{^^:a=b,c:d=e}x/1", "b,c"),
        ("{a=b=c}x/1", "b=c"),
        ("{a={b}}x/1", "{b}"),
        ("[^^:a=b,c:d=e]x/1", "b,c"),
    ],
)
def test_a_value_can_hold_what_otherwise_ends_it(text: str, value: str) -> None:
    found = parse(text)
    rows = dict(found.variables) or dict(found.groups[0][0].variables)
    assert rows["a"] == value
    assert found.groups[0][0].endpoint == "x/1"


def test_what_has_no_value_is_no_variable() -> None:
    assert parse("{a,b=1,=}x/1").variables[0] == ("b", "1")


def test_a_brace_that_never_closes_is_an_error() -> None:
    with pytest.raises(BadDialString):
        parse("{a=b x/1")
