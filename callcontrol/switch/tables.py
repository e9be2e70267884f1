"""What `show registrations as json` and `show channels as json` say of extensions. Pure.

A call counts for an extension by its `presence_id`, which the directory and our own dial strings set, never by the
number it shows. Accounts are ``33@acme.example`` in small letters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

CONNECTED = frozenset({"ACTIVE", "HELD", "UNHELD"})


@dataclass(frozen=True, slots=True)
class Telephone:
    """A registration. address: where its packets come from, host:port; until: UTC epoch seconds."""

    address: str
    until: int
    switch: str


@dataclass(frozen=True, slots=True)
class CallOf:
    """A call of an extension. state: ``talking``, ``ringing`` (it is called) or ``calling``; since: epoch seconds.

    other: whom it has dialled, or the number that calls it.
    """

    call: str
    state: str
    other: str
    since: int
    switch: str


def telephones_of(registrations: str, switch: str) -> Iterable[tuple[str, Telephone]]:
    """Account and telephone of each row of ``show registrations as json``."""
    for row in _rows(registrations):
        address = f"{row.get('network_ip', '')}:{row.get('network_port', '')}"
        account = f"{row.get('reg_user', '')}@{row.get('realm', '')}".lower()
        yield account, Telephone(address, _whole(row.get("expires")), switch)


def calls_of(channels: str, switch: str) -> Iterable[tuple[str, CallOf]]:
    """Account and call of each row of ``show channels as json`` that is of an extension."""
    for row in _rows(channels):
        inbound = row.get("direction") == "inbound"
        state = "talking" if row.get("callstate") in CONNECTED else "calling" if inbound else "ringing"
        other = str(row.get("dest" if inbound else "cid_num", ""))
        if account := str(row.get("presence_id", "")).lower():
            yield account, CallOf(str(row.get("uuid", "")), state, other, _whole(row.get("created_epoch")), switch)


def talking(channels: str, account: str) -> tuple[str, ...]:
    """The calls in ``show channels as json`` that an extension placed, or has answered."""
    calls = calls_of(channels, "")
    return tuple(call.call for theirs, call in calls if theirs == account.lower() and call.state != "ringing")


def _rows(answer: str) -> list[dict[str, Any]]:
    """The rows of an answer; none when there are none, or it cannot be read."""
    try:
        found = json.loads(answer, strict=False)
        rows = found.get("rows", [])
    except (ValueError, AttributeError, RecursionError):
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _whole(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
