"""`callcontrol status`, `callcontrol rooms` and `callcontrol who` on the terminal.

Room names and callers' numbers come from outside: whatever would steer the terminal is written as an escape, and long
ones are cut.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from callcontrol.errors import CallControlError
from callcontrol.log import printable

LONGEST_NUMBER = 40
WATCH_SECONDS = 1.0

Row = tuple[object, ...]


def print_status(status: Mapping[str, Any]) -> None:
    """Print switches, rooms and numbers as tables."""
    console = Console()
    state = "ready" if status["ready"] else "not ready: " + "; ".join(status["reasons"])
    console.print(Text(printable(f"{state}, {status['conversations']} callers in conversation")))
    switches = [(s["name"], "up" if s["up"] else "down", s["reconnects"]) for s in status["switches"]]
    console.print(_table("Switches", ("switch", "link", "reconnects"), switches))
    rooms = [(r["room"], r["members"], r["moderators"]) for r in status["rooms"]]
    console.print(_table("Live rooms", ("room", "members", "moderators"), rooms))
    numbers = [(n["number"], n["tenant"], ", ".join(n["leads_to"])) for n in status["numbers"]]
    console.print(_table("Numbers", ("number", "tenant", "leads to"), numbers))


def print_rooms(rooms: Sequence[Mapping[str, Any]]) -> None:
    """Print live rooms and who is in them."""
    Console().print(_rooms(rooms))


def print_who(office: Mapping[str, Any]) -> None:
    """Print the extensions of a tenant, and which switches could not be asked about them."""
    console, now = Console(), datetime.now()
    rows = [
        (one["extension"], _cut(one["name"]), len(one["telephones"]) or "", _doing(one, now), _set(one))
        for one in office["extensions"]
    ]
    console.print(_table(None, ("extension", "name", "telephones", "now", "forwarding"), rows))
    if office["unreached"]:
        console.print(Text(printable(f"not asked, no connection: {', '.join(office['unreached'])}")))


def _doing(one: Mapping[str, Any], now: datetime) -> str:
    """The calls of an extension, or its state when it has none."""
    calls = [f"{call['state']}: {_cut(call['other'])} since {_time(call, now)}" for call in one["calls"]]
    return ", ".join(calls) or one["state"]


def _set(one: Mapping[str, Any]) -> str:
    """Do not disturb, and the active profile."""
    profile = f"profile {one['profile']}" + (f" ({_cut(one['profile_name'])})" if one["profile_name"] else "")
    return ", ".join(["do not disturb", profile] if one["do_not_disturb"] else [profile])


def watch_rooms(fetch: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
    """Show the rooms anew each second until Ctrl-C. A daemon that does not answer for a while is waited for.

    Raises what the first ``fetch`` raises. Not on a terminal, each look is printed below the one before.
    """
    console, never = Console(), threading.Event()
    view: RenderableType = _rooms(fetch())
    with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
        while True:
            if console.is_terminal:
                live.update(view, refresh=True)
            else:
                console.print(view)
            never.wait(WATCH_SECONDS)
            try:
                view = _rooms(fetch())
            except CallControlError as error:
                view = Text(printable(str(error)))


def _rooms(rooms: Sequence[Mapping[str, Any]]) -> RenderableType:
    """A heading and a table for each room: so it fits a terminal of 80 columns."""
    now = datetime.now()
    parts: list[RenderableType] = [Text(f"Live rooms at {now:%H:%M:%S}" + ("" if rooms else ": none"))]
    for room in rooms:
        parts.append(Text())
        parts.append(Text(printable(f"{room['room']}: {_condition(room, now)}")))
        people = _people(room, now)
        if people or not room["calls"]:
            parts.append(_table(None, ("id", "caller", "role", "muted", "hand", "since"), people))
        if room["calls"]:
            parts.append(_table(None, ("called", "number", "state", "tries"), _calls(room, now)))
    return Group(*parts)


def _calls(room: Mapping[str, Any], now: datetime) -> list[Row]:
    """One row for each person the room calls, or has called within the last minutes."""
    return [(_cut(one["name"]), _cut(one["number"]), call_state(one, now), one["tries"] or "") for one in room["calls"]]


def call_state(one: Mapping[str, Any], now: datetime) -> str:
    """How it stands with somebody who is called, and why, in words."""
    reason = one["reason"] if one["reason"] not in (None, one["state"]) else None
    if one["next_try"] is None:
        return ": ".join(filter(None, [one["state"], reason]))
    due = max(0, round(one["next_try"] - now.timestamp()))
    if not due:
        return f"{reason}, is called next" if reason else "is called next"
    return f"{reason}, again in {due} s" if reason else f"in {due} s"


def _people(room: Mapping[str, Any], now: datetime) -> list[Row]:
    """One row for each person in the room, in its lobby, and in its side room."""
    people = [(person["role"], person) for person in room["members"]]
    people += [("waits", person) for person in room["waiting"]]
    people += [("aside", person) for person in room["aside"]]
    return [
        (person["id"], _cut(person["number"]), role, _muted(person), _hand(person), _time(person, now))
        for role, person in people
    ]


def _muted(person: Mapping[str, Any]) -> str:
    return "muted" if person["muted"] else ""


def _hand(person: Mapping[str, Any]) -> str:
    """The place in the queue of raised hands."""
    if person["hand"]:
        return f"raised, {person['hand']}."
    return "has the floor" if person["floor"] else ""


def _condition(room: Mapping[str, Any], now: datetime) -> str:
    """The phase, since when, and what was decided for the whole room."""
    since = f" since {_time(room, now)}" if room["since"] else ""
    decided = {"locked": room["locked"], "all muted": room["mute_all"], "recording": room["record"]}
    return ", ".join([f"{room['phase'] or 'empty'}{since}", *(word for word, true in decided.items() if true)])


def _time(entry: Mapping[str, Any], now: datetime) -> str:
    """Since when, as the time of day where the operator is; with the date when it was not today."""
    then = datetime.fromtimestamp(entry["since"])
    return f"{then:%H:%M:%S}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"


def _table(title: str | None, columns: Sequence[str], rows: Sequence[Row]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    return table


def _cut(text: str) -> str:
    """A caller may send 60 kB as their number."""
    shown = printable(text)
    return shown if len(shown) <= LONGEST_NUMBER else shown[: LONGEST_NUMBER - 1] + "…"
