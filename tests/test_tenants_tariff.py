"""What an administrator writes about prices, and what is refused before a wrong statement is computed from it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from callcontrol.tenants import Rounding
from tests.tenant_files import TAIL, problems, tenant

ZONE = TAIL + "timezone: Europe/Berlin\n"


def test_a_price_is_exactly_what_is_written_and_everything_else_costs_nothing() -> None:
    tariff = tenant('tariff: {currency: EUR, per_minute: "0.04"}\n', tail=ZONE).tariff
    assert tariff is not None
    assert (tariff.currency, tariff.per_minute) == ("EUR", Decimal("0.04"))
    assert not tariff.dial_out_per_minute + tariff.per_participant + tariff.minimum_per_month
    assert (tariff.rounding, tariff.charge_waiting) == (Rounding.SECOND, False)


def test_without_a_tariff_nothing_has_a_price_and_numbers_are_shown() -> None:
    assert (tenant("").tariff, tenant("").mask_numbers) == (None, False)


def test_a_price_may_come_from_the_environment() -> None:
    tariff = tenant("tariff: {currency: CHF, per_minute: '${PRICE}'}\n", {"PRICE": "0.055"}, tail=ZONE).tariff
    assert tariff is not None
    assert tariff.per_minute == Decimal("0.055")


def test_every_mistake_in_a_tariff_is_told_at_its_place() -> None:
    text = """
    tariff:
      currency: EURO
      per_minute: 0.04
      dial_out_per_minute: "0,04"
      per_participant: "-1"
      minimum_per_month: "1e3"
      rounding: minutes
      charge_waiting: yes
    mask_numbers: 1
    """
    assert problems(text) == [
        "1:1: tariff: the tenant has no timezone (timezone: Europe/Berlin)",
        "2:13: currency: unknown currency 'EURO' (did you mean 'EUR'?)",
        '3:15: per_minute: unquoted digits are a number to YAML, and not the one it looks like (quote it: "0.04")',
        "4:24: dial_out_per_minute: '0,04' is no price (such as \"0.04\": a point, six decimals at most)",
        "5:20: per_participant: '-1' is no price (such as \"0.04\": a point, six decimals at most)",
        "6:22: minimum_per_month: '1e3' is no price (such as \"0.04\": a point, six decimals at most)",
        "7:13: rounding: unknown value 'minutes' (did you mean 'minute'?)",
        "8:19: charge_waiting: must be true or false, not 'yes' (write true)",
        "9:15: mask_numbers: must be true or false, not 1 (write true)",
    ]


@pytest.mark.parametrize("price", ["NaN", "Infinity", "0.0000001", "1234567", " ", "٣", "0x10", "1_000", ".5", "5."])
def test_what_only_a_computer_takes_for_a_number_is_no_price(price: str) -> None:
    told = problems(f'tariff: {{currency: EUR, per_minute: "{price}"}}\n', tail=ZONE)
    assert [problem.split(" is no price")[0] for problem in told] == [f"1:37: per_minute: {price!r}"]


def test_a_tariff_without_any_price_was_forgotten() -> None:
    assert problems("tariff: {currency: EUR}\n", tail=ZONE) == ['1:1: tariff: has no price (add per_minute: "0.04")']


def test_a_tariff_that_is_no_mapping_is_one_fault() -> None:
    assert problems("tariff: 5\n", tail=ZONE) == ["1:9: tariff: must be a mapping"]


@pytest.mark.parametrize(
    "owner",
    [
        "clara",
        "x y@z.example",
        "a@b@c",
        "a,b@c.example",
        "<a@c.example>",
        "a@c\n.example",
        "a..b@c.example",
        "a(b@c.example",
        "ü@c.example",
        "a@-c.example",
        ".a@c.example",
    ],
)
def test_the_owner_of_a_room_is_one_address_and_no_header(owner: str) -> None:
    written = owner.replace("\n", "\\n")
    told = problems(f'rooms: {{a: {{access: open, owner: "{written}"}}}}\n')
    assert len(told) == 1
    assert told[0].startswith("1:34: owner: ")
    assert told[0].endswith(" is no e-mail address (such as clara@acme.example)")
