"""The environment of the scenarios' tenants: rooms with a schedule that starts soon, later, or is over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

TIMES = {
    "IN_TEN_MINUTES": timedelta(minutes=10),
    "IN_HALF_A_DAY": timedelta(hours=12),
    "TWO_HOURS_AGO": timedelta(hours=-2),
}


def times() -> Mapping[str, str]:
    """What the tenant files name, as seen from now in the tenants' timezone; good for half an hour at least."""
    now, zone = datetime.now(UTC), ZoneInfo("Europe/Berlin")
    return {name: (now + ahead).astimezone(zone).strftime("%Y-%m-%d %H:%M") for name, ahead in TIMES.items()}
