"""What a tenant pays: exact until the one rounding of a line, and the same however it is added up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.ledger.tariff import counting_of, minutes, price, rounded, top_up, zero
from callcontrol.state.usage import Counting, Usage
from callcontrol.tenants import Rounding, Tariff

MILLISECONDS = st.integers(0, 10**12)
PRICES = st.decimals(0, 999999, places=6)


def used(charged: int = 0, called: int = 0, visits: int = 0) -> Usage:
    return Usage("board", "+491715550001", "", 1, 0, visits, 0, 0, charged, charged, called)


def tariff(**prices: object) -> Tariff:
    return Tariff.model_validate({"currency": "EUR", **prices})


def test_a_minute_costs_what_the_tariff_says() -> None:
    assert price(used(60_000), tariff(per_minute="0.04")) == Decimal("0.04")
    assert price(used(90_000), tariff(per_minute="0.04")) == Decimal("0.06")


def test_who_was_called_pays_the_surcharge_for_those_minutes_only() -> None:
    both = tariff(per_minute="0.04", dial_out_per_minute="0.02")
    assert price(used(600_000, called=300_000), both) == Decimal("0.50")


def test_each_visit_costs_the_fee_once() -> None:
    assert price(used(visits=3), tariff(per_participant="0.10")) == Decimal("0.30")


def test_half_a_cent_becomes_a_cent_and_less_becomes_nothing() -> None:
    assert price(used(30_000), tariff(per_minute="0.01")) == Decimal("0.01")
    assert price(used(29_999), tariff(per_minute="0.01")) == Decimal("0.00")
    assert price(used(90_000), tariff(per_minute="0.01")) == Decimal("0.02"), "half up, not half to even"


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "1235"), ("KWD", "1234.568"), ("CHF", "1234.57")])
def test_amounts_have_the_decimals_of_their_currency(currency: str, amount: str) -> None:
    assert str(rounded(Decimal("1234.5675"), currency)) == amount


def test_the_minimum_adds_what_is_missing_and_nothing_else() -> None:
    least = tariff(minimum_per_month="10.00")
    assert top_up(Decimal("3.25"), least) == Decimal("6.75")
    assert top_up(Decimal("10.01"), least) == zero(least)
    assert str(top_up(Decimal(99), least)) == "0.00"


def test_what_counts_is_what_the_tariff_says() -> None:
    assert counting_of(None) == counting_of(tariff(per_minute="1")) == Counting(waiting=False, started=False)
    started = tariff(per_minute="1", rounding=Rounding.MINUTE, charge_waiting=True)
    assert counting_of(started) == Counting(waiting=True, started=True)


def test_minutes_are_shown_with_two_decimals() -> None:
    assert [str(minutes(time)) for time in (0, 299, 300, 59_999, 3_600_000)] == [
        "0.00",
        "0.00",
        "0.01",
        "1.00",
        "60.00",
    ]


@given(MILLISECONDS, MILLISECONDS, st.integers(0, 10**6), PRICES, PRICES, PRICES)
def test_a_price_is_within_half_a_cent_of_the_exact_one(
    charged: int, called: int, visits: int, minute: Decimal, out: Decimal, fee: Decimal
) -> None:
    asked = Tariff.model_construct(
        currency="EUR", per_minute=minute, dial_out_per_minute=out, per_participant=fee, minimum_per_month=Decimal(0)
    )
    exact = (Fraction(minute) * charged + Fraction(out) * called) / 60_000 + Fraction(fee) * visits
    difference = Fraction(price(used(charged, called, visits), asked)) - exact
    assert -Fraction(1, 200) < difference <= Fraction(1, 200)
