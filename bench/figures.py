"""Numbers into figures: percentiles, medians with their range, tables for people, JSON for everything else. Pure."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` (0 to 1) of the values do not exceed. ValueError without values."""
    if not values:
        raise ValueError("no values, so no percentile")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the largest; NaN each without values."""
    if not values:
        return dict.fromkeys(("p50", "p95", "p99", "max"), math.nan)
    shares = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: percentile(values, share) for name, share in shares.items()}


def across(rounds: Sequence[float], digits: int = 0) -> str:
    """What several rounds gave: the median, and the range when there was more than one."""
    known = [value for value in rounds if not math.isnan(value)]
    if not known:
        return "-"
    middle = f"{statistics.median(known):.{digits}f}"
    return middle if len(known) == 1 else f"{middle} ({min(known):.{digits}f}-{max(known):.{digits}f})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, its columns lined up: the first to the left, the others to the right."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in (head, rule, *rows))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first = row[0].ljust(widths[0])
    return (
        "| " + " | ".join([first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]) + " |"
    )


def write_raw(folder: Path, name: str, when: datetime, result: Mapping[str, object]) -> Path:
    """Write everything a run measured as ``YYYYMMDD-HHMMSS-NAME.json``; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{when:%Y%m%d-%H%M%S}-{name}.json"
    path.write_text(json.dumps(result, indent=1, default=str) + "\n", encoding="utf-8")
    return path
