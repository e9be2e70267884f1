"""What usage costs. Pure; the only place where money and minutes are rounded.

Time is added up exactly per participant and room, or per extension, before it comes here, then priced, then rounded
once, half a unit upwards, to the smallest unit of the currency. Totals are sums of what was rounded, so that a reader
can add up again.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from callcontrol.state.office_usage import OfficeUsage
from callcontrol.state.usage import MINUTE, Counting, Usage
from callcontrol.tenants import Rounding, Tariff

# ISO 4217: decimals of the currencies that do not have two. MGA and MRU are divided by five and written with two.
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_DECIMALS = {**dict.fromkeys(_NO_DECIMALS.split(), 0), **dict.fromkeys(_THREE_DECIMALS.split(), 3)}
_TWO = Decimal("0.01")


def counting_of(tariff: Tariff | None) -> Counting:
    """What of each leg's time is charged; without a tariff its time in the room as it is."""
    if tariff is None:
        return Counting()
    return Counting(waiting=tariff.charge_waiting, started=tariff.rounding is Rounding.MINUTE)


def price(usage: Usage, tariff: Tariff) -> Decimal:
    """The amount of one line, rounded."""
    exact = (
        tariff.per_minute * usage.charged + tariff.dial_out_per_minute * usage.charged_called
    ) / MINUTE + tariff.per_participant * usage.visits
    return rounded(exact, tariff.currency)


def office_price(usage: OfficeUsage, tariff: Tariff) -> Decimal:
    """The amount of one extension's line, rounded."""
    return rounded(tariff.outside_per_minute * usage.charged / MINUTE, tariff.currency)


def top_up(amounts: Decimal, tariff: Tariff) -> Decimal:
    """What is missing to the minimum of a month; zero when nothing is."""
    return max(rounded(tariff.minimum_per_month, tariff.currency) - amounts, zero(tariff))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """``amount`` in whole units of the currency's smallest coin, half a unit upwards."""
    return amount.quantize(Decimal(1).scaleb(-_DECIMALS.get(currency, 2)), ROUND_HALF_UP)


def zero(tariff: Tariff) -> Decimal:
    """No money, with the decimals of the currency."""
    return rounded(Decimal(0), tariff.currency)


def minutes(milliseconds: int) -> Decimal:
    """Time as a statement shows it: minutes with two decimals. Never computed with again."""
    return (Decimal(milliseconds) / MINUTE).quantize(_TWO, ROUND_HALF_UP)
