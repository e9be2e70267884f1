"""The tariff: it has a price, and months that begin somewhere."""

from __future__ import annotations

from collections.abc import Iterator

from callcontrol.tenants.draft import Draft, Finding, part
from callcontrol.tenants.tariff import Tariff

_PATH = ("tariff",)
_PRICES = ("per_minute", "dial_out_per_minute", "per_participant", "outside_per_minute", "minimum_per_month")


def have_a_price(draft: Draft) -> Iterator[Finding]:
    """A tariff without any price is one whose author was interrupted."""
    tariff = part(Tariff, draft.raw.get("tariff"), _PATH, draft.reading)
    if draft.has("tariff") and tariff.intact(*_PRICES) and not any(getattr(tariff.value, price) for price in _PRICES):
        yield Finding(_PATH, "tariff: has no price", 'add per_minute: "0.04"', at_key=True)


def know_their_timezone(draft: Draft) -> Iterator[Finding]:
    """A month ends at midnight, which is at another moment in each country."""
    if draft.has("tariff") and not draft.has("timezone"):
        yield Finding(_PATH, "tariff: the tenant has no timezone", "timezone: Europe/Berlin", at_key=True)


RULES = (have_a_price, know_their_timezone)
