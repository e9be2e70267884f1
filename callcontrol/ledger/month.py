"""A month of the calendar as a tenant's clock has it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """One month, such as 2026-11."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """``2026-11`` as a month. Raises ValueError."""
        if not re.fullmatch(r"[12][0-9]{3}-(0[1-9]|1[0-2])", text, re.ASCII):
            raise ValueError(f"{text!r} is no month, such as 2026-11")
        return cls(int(text[:4]), int(text[5:]))

    @classmethod
    def of(cls, moment: float, timezone: str) -> Month:
        """The month of a moment (UTC epoch seconds) in a timezone."""
        local = datetime.fromtimestamp(moment, ZoneInfo(timezone))
        return cls(local.year, local.month)

    def bounds(self, timezone: str) -> tuple[float, float]:
        """From its first midnight to before the next month's, in UTC epoch seconds."""
        return start_of(self._first, timezone), start_of(self._next()._first, timezone)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def _first(self) -> date:
        return date(self.year, self.month, 1)

    def _next(self) -> Month:
        return Month(self.year + self.month // 12, self.month % 12 + 1)


def start_of(day: date, timezone: str) -> float:
    """The moment a day begins in a timezone, in UTC epoch seconds.

    Where summer time skips midnight, it is the moment of the change.
    """
    return datetime.combine(day, time(), ZoneInfo(timezone)).timestamp()


def local(moment: float, timezone: str) -> datetime:
    """A moment (UTC epoch seconds) on the clock of a timezone, to the second."""
    return datetime.fromtimestamp(int(moment), UTC).astimezone(ZoneInfo(timezone))
