"""`callcontrol status` on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def print_status(status: Mapping[str, Any]) -> None:
    """Print switches, rooms and numbers as tables."""
    console = Console()
    state = "ready" if status["ready"] else "not ready: " + "; ".join(status["reasons"])
    console.print(f"{state}, {status['conversations']} callers in conversation", markup=False)
    switches = [(s["name"], "up" if s["up"] else "down", s["reconnects"]) for s in status["switches"]]
    console.print(_table("Switches", ("switch", "link", "reconnects"), switches))
    rooms = [(r["room"], r["members"], r["moderators"]) for r in status["rooms"]]
    console.print(_table("Live rooms", ("room", "members", "moderators"), rooms))
    numbers = [(n["number"], n["tenant"], ", ".join(n["leads_to"])) for n in status["numbers"]]
    console.print(_table("Numbers", ("number", "tenant", "leads to"), numbers))


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table
