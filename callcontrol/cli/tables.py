"""Statements and histories on the terminal: tables of 100 columns at most, hostile names shown as escapes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from callcontrol.ledger.calls import Entry
from callcontrol.ledger.history import Meeting, Round
from callcontrol.ledger.month import local
from callcontrol.ledger.statement import Line, OfficeLine, RoomLines, Statement
from callcontrol.ledger.tariff import minutes
from callcontrol.log import printable
from callcontrol.tenants import Tenant

WIDEST = 100
LONGEST = 36
MOST_OPEN = 20

_OUTCOMES = {"missed": "missed, nobody was called", "joined": "the room was being called already"}


def console() -> Console:
    """As wide as the terminal, and not wider than a page."""
    seen = Console()
    return Console(width=min(seen.width, WIDEST)) if seen.is_terminal else Console(width=WIDEST)


def print_statement(shown: Statement) -> None:
    """A table for each room and one of the extensions, then the sum, the minimum, and the calls that are still open."""
    out = console()
    so_far = ", so far" if shown.running else ""
    out.print(_text(f"{shown.name} ({shown.tenant}), {shown.month}{so_far}, times of {shown.timezone}"))
    if not shown.rooms:
        out.print(_text("Nobody was in a room."))
    for room in shown.rooms:
        out.print()
        out.print(_room_table(room, shown))
    if shown.office:
        out.print()
        out.print(_office_table(shown))
    out.print()
    for line in _totals(shown):
        out.print(_text(line))
    if shown.open:
        out.print()
        _print_open(out, shown)


def print_history(tenant: Tenant, meetings: Sequence[Meeting], rounds: Sequence[Round], limit: int) -> None:
    """A table for each meeting, then one for each round of calls."""
    out = console()
    out.print(_text(f"{tenant.name} ({tenant.id}), times of {tenant.timezone}"))
    for kind, found in (("meetings", meetings), ("rounds of calls", rounds)):
        if len(found) == limit:
            out.print(_text(f"The latest {limit} {kind}; --limit and --since show others."))
    if not meetings and not rounds:
        out.print(_text("Nothing happened in this time."))
    for table in (*map(_meeting_table, meetings), *map(_round_table, rounds)):
        out.print()
        out.print(table)


def print_calls(tenant: Tenant, entries: Sequence[Entry], limit: int) -> None:
    """A line for each call."""
    out = console()
    out.print(_text(f"{tenant.name} ({tenant.id}), times of {tenant.timezone}"))
    if len(entries) == limit:
        out.print(_text(f"The latest {limit} calls; --limit and --since show others."))
    if not entries:
        out.print(_text("Nobody called in this time."))
        return
    table = _table(None, "began", "extension", "call", "number", "talked", "end", right=("talked",))
    for one in entries:
        length = "" if one.talked is None else _duration(round(one.talked * 1000))
        end = "open" if one.open else _ENDS.get(one.end_reason, one.end_reason)
        who = _who(one.extension, one.name)
        table.add_row(
            *map(_text, (f"{one.began:%Y-%m-%d %H:%M:%S}", who, _SERVICES[one.service], _who(one.number, ""))),
            length,
            _text(end),
        )
    out.print(table)


_ENDS = {"NORMAL_CLEARING": "hung up", "ORIGINATOR_CANCEL": "given up", "NO_ANSWER": "no answer", "USER_BUSY": "busy"}
_SERVICES = {"in": "in", "inside": "inside", "out": "out", "forward": "sent on", "mobile": "mobile"}


def _meeting_table(meeting: Meeting) -> Table:
    until = f"{meeting.ended:%H:%M}" if meeting.ended else "now, or open"
    title = f"{meeting.room}, {meeting.began:%a %Y-%m-%d %H:%M} to {until}"
    table = _table(title, "participant", "role", "call", "joined", "waited", "in room", "end", right=_NUMBERS)
    for one in meeting.attendances:
        how = "in" if one.direction == "inbound" else "out" if one.tries < 2 else f"out, try {one.tries}"
        waited, inside = (_duration(round(seconds * 1000)) for seconds in (one.wait_seconds, one.room_seconds))
        who, end = _text(_who(one.number, one.name)), _text("open" if one.open else one.end_reason)
        table.add_row(who, _text(one.role), how, f"{one.joined:%H:%M:%S}", waited, "" if one.open else inside, end)
    return table


def _round_table(round_: Round) -> Table | Text:
    title = f"{round_.room}, called {round_.due:%a %Y-%m-%d %H:%M} ({round_.cause}): "
    if not round_.invited:
        return _text(title + _OUTCOMES.get(round_.outcome, round_.outcome))
    title += f"{round_.reached} of {len(round_.invited)} reached"
    title += ", still calling" if round_.outcome == "running" else ""
    table = _table(title, "participant", "calls", "result")
    for one in round_.invited:
        calls = ", ".join(f"{attempt.began:%H:%M:%S} {attempt.result or 'under way'}" for attempt in one.attempts)
        result = one.state if one.reason in ("", one.state) else f"{one.state}: {one.reason}"
        who = _who(one.number, one.name) + (", moderator" if one.moderator else "")
        table.add_row(_text(who), _text(calls), _text(result))
    return table


def _room_table(room: RoomLines, shown: Statement) -> Table:
    columns = (*_NUMBERS, *_currency(shown))
    table = _table(room.room, "participant", *columns, right=columns, sums=len(room.lines) > 1)
    for line in room.lines:
        table.add_row(_text(_who(line.usage.number, line.usage.name)), *_cells(line))
    if len(room.lines) > 1:
        table.columns[0].footer = f"{len(room.lines)} participants"
        for column, cell in zip(table.columns[1:], _cells(room.sum), strict=False):
            column.footer = cell
    return table


_OFFICE = ("received", "missed", "made", "sent on", "talked in", "talked out", "minutes")


def _office_table(shown: Statement) -> Table:
    columns = (*_OFFICE, *_currency(shown))
    several = len(shown.office) > 1
    table = _table("extensions", "extension", *columns, right=columns, sums=several)
    for line in shown.office:
        table.add_row(_text(_who(line.usage.extension, line.name)), *_office_cells(line))
    if several:
        for column, cell in zip(table.columns, ("together", *_office_cells(shown.office_sum)), strict=True):
            column.footer = cell
    return table


def _office_cells(line: OfficeLine) -> list[str]:
    one = line.usage
    made = f"{one.sent}" + (f" +{one.open} open" if one.open else "")
    times = (_duration(one.inward), _duration(one.outward), str(minutes(one.charged)))
    cells = [str(one.received), str(one.missed or ""), made, str(one.sent_on or ""), *times]
    return cells if line.amount is None else [*cells, str(line.amount)]


_NUMBERS = ("calls", "called", "waited", "in room", "minutes")


def _cells(line: Line) -> list[str]:
    one = line.usage
    calls = f"{one.legs}" + (f" +{one.open} open" if one.open else "")
    cells = [calls, str(one.called or ""), _duration(one.waited), _duration(one.inside), str(minutes(one.charged))]
    return cells if line.amount is None else [*cells, str(line.amount)]


def _totals(shown: Statement) -> list[str]:
    one, tariff = shown.sum.usage, shown.tariff
    calls = _calls(one.legs) + (f" ({one.called} called out)" if one.called else "")
    amount = f", {shown.sum.amount} {tariff.currency}" if tariff else ""
    lines = [f"Together {calls}, {_duration(one.inside)} in rooms, {minutes(one.charged)} minutes{amount}"]
    if shown.office:
        desks = shown.office_sum
        amount = f", {desks.amount} {tariff.currency}" if tariff else ""
        outside = desks.usage.sent + desks.usage.sent_on
        lines.append(f"Extensions: {_calls(outside)} to the outside, {minutes(desks.usage.charged)} minutes{amount}")
    if one.unseen or shown.office_sum.usage.unseen:
        unseen = one.unseen + shown.office_sum.usage.unseen
        lines.append(f"Of these, {unseen} ended unseen and count up to when they were last known to be there")
    if tariff is None:
        return [*lines, "No tariff: nothing is priced."]
    if shown.minimum:
        lines.append(f"To the minimum of a month: {shown.minimum} {tariff.currency}")
    return [*lines, f"Total: {shown.total} {tariff.currency}"]


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"


def _print_open(out: Console, shown: Statement) -> None:
    out.print(_text("Open, not charged yet: in the room now, or left while nobody wrote it down"))
    table = _table(None, "joined", "room", "participant", "call")
    for leg in shown.open[:MOST_OPEN]:
        joined = f"{local(leg.joined_at, shown.timezone):%Y-%m-%d %H:%M}"
        table.add_row(*map(_text, (joined, leg.room, _who(leg.number, leg.name), leg.call)))
    out.print(table)
    if len(shown.open) > MOST_OPEN:
        out.print(_text(f"and {len(shown.open) - MOST_OPEN} more: --json shows all"))


def _table(title: str | None, first: str, *columns: str, right: Collection[str] = (), sums: bool = False) -> Table:
    table = Table(title=title and _text(title), title_justify="left", show_footer=sums)
    table.add_column(first, overflow="fold")
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in right else "left")
    return table


def _currency(shown: Statement) -> Sequence[str]:
    return (shown.tariff.currency,) if shown.tariff else ()


def _who(number: str, name: str) -> str:
    known = f"{number} {name}".strip() if name != number else number
    return known or "withheld"


def _duration(milliseconds: int) -> str:
    seconds = (milliseconds + 500) // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _text(text: str) -> Text:
    shown = printable(text)
    return Text(shown if len(shown) <= WIDEST else shown[: WIDEST - 1] + "…")
