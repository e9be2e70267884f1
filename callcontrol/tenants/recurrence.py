"""Recurrence rules of RFC 5545 section 3.3.10 (``FREQ=WEEKLY;BYDAY=MO,TH``): is this text one, and if not, why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_DAY = r"(?:MO|TU|WE|TH|FR|SA|SU)"
_UNTIL = re.compile(r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:T[0-2][0-9][0-5][0-9][0-5][0-9]Z?)?")

# Part -> highest absolute value of its numbers (section 3.3.10); negative ones count from the end where allowed.
_RANGES = {
    "INTERVAL": (1, 1000, False),
    "COUNT": (1, 10000, False),
    "BYMONTH": (1, 12, False),
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYSETPOS": (1, 366, True),
}
_SINGLE = ("INTERVAL", "COUNT")
_ONLY_WITH = {
    "BYWEEKNO": ("YEARLY",),
    "BYYEARDAY": ("YEARLY",),
    "BYMONTHDAY": ("DAILY", "MONTHLY", "YEARLY"),
}
_CHOOSE = ("BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY")


def check_rule(text: str) -> str:
    """What is wrong with a recurrence rule, or ``""``. Parts finer than a day are refused: ``start`` has the time."""
    if len(text) > 200:
        return "is longer than 200 characters"
    parts: dict[str, str] = {}
    for part in text.upper().removeprefix("RRULE:").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            return "is no recurrence rule: each part is NAME=VALUE"
        if name in parts:
            return f"has {_known(name)} twice"
        parts[name] = value
    if parts.get("FREQ") not in _FREQUENCIES:
        return "needs FREQ=DAILY, WEEKLY, MONTHLY or YEARLY"
    if "COUNT" in parts and "UNTIL" in parts:
        return "has both COUNT and UNTIL"
    faults = (_fault(name, value, parts["FREQ"]) for name, value in parts.items())
    return next(filter(None, faults), "") or _misfit(parts)


def _misfit(parts: Mapping[str, str]) -> str:
    """Parts that are right by themselves and mean nothing together (section 3.3.10)."""
    for name, frequencies in _ONLY_WITH.items():
        if name in parts and parts["FREQ"] not in frequencies:
            return f"cannot have {name} with FREQ={parts['FREQ']}"
    if "BYWEEKNO" in parts and re.search(r"[0-9]", parts.get("BYDAY", "")):
        return "cannot have numbered days with BYWEEKNO"
    if _highest_ordinal(parts.get("BYDAY", "")) > (5 if parts["FREQ"] == "MONTHLY" or "BYMONTH" in parts else 53):
        return "has a wrong value of BYDAY"
    if "BYSETPOS" in parts and not any(name in parts for name in _CHOOSE):
        return "has BYSETPOS and nothing to choose from, such as BYDAY"
    return ""


def _highest_ordinal(days: str) -> int:
    return max((int(number) for number in re.findall(r"[0-9]+", days)), default=0)


def _known(name: str) -> str:
    return name if name in _RANGES or name in ("FREQ", "UNTIL", "BYDAY", "WKST") else "a part"


def _fault(name: str, value: str, frequency: str) -> str:
    match name:
        case "FREQ":
            good = True
        case "UNTIL":
            good = bool(_UNTIL.fullmatch(value)) and _in_calendar(value)
        case "WKST":
            good = bool(re.fullmatch(_DAY, value))
        case "BYDAY":
            ordinal = r"(?:[+-]?[1-9][0-9]?)?" if frequency in ("MONTHLY", "YEARLY") else ""
            good = all(re.fullmatch(ordinal + _DAY, day) for day in value.split(","))
        case _ if name in _RANGES:
            good = _numbers_fit(name, value)
        case _:
            return "has a part that is unknown or finer than a day"
    return "" if good else f"has a wrong value of {name}"


def _in_calendar(until: str) -> bool:
    try:
        moment = datetime.strptime(until.removesuffix("Z"), "%Y%m%dT%H%M%S" if "T" in until else "%Y%m%d")
    except ValueError:
        return False
    return moment.year <= 2999


def _numbers_fit(name: str, value: str) -> bool:
    low, high, from_the_end = _RANGES[name]
    numbers = [value] if name in _SINGLE else value.split(",")
    sign = r"[+-]?" if from_the_end else ""
    return all(re.fullmatch(sign + r"[0-9]{1,5}", number) and low <= abs(int(number)) <= high for number in numbers)
