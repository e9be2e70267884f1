"""When a room is used: a first time and how it repeats. Read and checked here; `occurrences` says when that is."""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import PlainValidator, model_validator

from callcontrol.tenants.fields import Flag, Model, refuse, text_of, text_schema, whole
from callcontrol.tenants.recurrence import check_rule

FIRST_YEAR, LAST_YEAR = 2000, 2999  # what is written as a year and is none would be looked for in vain

_START = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def _start(value: object) -> datetime:
    return value if isinstance(value, datetime) else _parsed(value, _START, "%Y-%m-%d %H:%M", "2026-12-01 10:00")


def _until(value: object) -> date:
    return value if isinstance(value, date) else _parsed(value, _DAY, "%Y-%m-%d", "2026-12-31").date()


def _parsed(value: object, pattern: str, form: str, example: str) -> datetime:
    text = text_of(value)
    if not re.fullmatch(pattern, text):
        raise refuse("{found} is no point in time", f"such as {example}")
    try:
        moment = datetime.strptime(text, form)
    except ValueError:
        raise refuse("{found} is not in the calendar") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise refuse("{found} is not between the years 2000 and 2999")
    return moment


def _rule(value: object) -> str:
    fault = check_rule(text := text_of(value))
    if fault:
        raise refuse(fault, "RFC 5545 section 3.3.10, such as FREQ=WEEKLY;BYDAY=MO,TH")
    return text.upper()


class Repeat(StrEnum):
    """How often a schedule repeats."""

    NONE = "none"
    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Schedule(Model):
    """When a room is used. A room without schedule can be used at any time."""

    start: Annotated[datetime, PlainValidator(_start), text_schema(_START)]
    """First time, ``YYYY-MM-DD HH:MM`` in the tenant's timezone; one of the times only if repeat or rule says so."""
    duration: Annotated[int, whole(5, 1440)] = 60
    """How long the room stays open, in minutes (5 to 1440); people may come in 15 minutes before the start."""
    repeat: Repeat = Repeat.NONE
    """none, daily, weekdays (Monday to Friday), weekly (same weekday) or monthly (same day, if the month has it)."""
    until: Annotated[date, PlainValidator(_until), text_schema(_DAY)] | None = None
    """Last day of the repetition, ``YYYY-MM-DD``, inclusive. Without it the repetition has no end."""
    rule: (
        Annotated[str, PlainValidator(_rule), text_schema("^([Rr][Rr][Uu][Ll][Ee]:)?[A-Za-z]+=[A-Za-z0-9,;=+-]+$")]
        | None
    ) = None
    """Instead of ``repeat``: a recurrence rule of RFC 5545, such as ``FREQ=MONTHLY;BYDAY=-1FR``."""
    dial_out: Flag = False
    """Call everybody listed in the room's ``dial_out`` at the start."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.rule and self.repeat is not Repeat.NONE:
            raise refuse("has both repeat and rule", "keep one of them")
        if self.until and self.until < self.start.date():
            raise refuse("ends (until) before it starts")
        return self
