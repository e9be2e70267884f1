"""Who is there in a tenant's office: telephones registered, calls that ring or are talked in, what is set.

Registrations and calls are asked of every switch when somebody wants to know, and nothing is kept: the switches are
the truth. A call counts for an extension by its `presence_id`, which the directory and our own dial strings set, never
by the number it shows. A switch that does not answer is named, so that nobody takes its telephones for gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from callcontrol.errors import SwitchError
from callcontrol.forwarding import Settings
from callcontrol.http import NotThere
from callcontrol.tenants import Extension, Tenant, Tenants

REGISTRATIONS = "show registrations as json"
CALLS = "show channels like sofia/extensions/ as json"
SECONDS = 2.0  # for each answer: a switch that hangs must not use up the time of the others
CONNECTED = frozenset({"ACTIVE", "HELD", "UNHELD"})


class Line(Protocol):
    """The link to one switch."""

    name: str

    def api(self, command: str, /, *, deadline: float) -> str:
        """The answer to an API command. Raises SwitchError."""


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


class Attendance:
    """The offices of all tenants. ``settings``: what each extension of a tenant has set, by its number."""

    def __init__(
        self,
        tenants: Callable[[], Tenants],
        settings: Callable[[Tenant], Mapping[str, Settings]],
        lines: Sequence[Line],
    ) -> None:
        self._tenants = tenants
        self._settings = settings
        self._lines = lines

    def who(self, tenant: str) -> dict[str, Any]:
        """The extensions of a tenant, ready for JSON; ``unreached`` names switches that did not answer.

        Raises NotThere for a tenant there is not.
        """
        found = self._tenants().by_id.get(tenant)
        if found is None:
            raise NotThere(f"no tenant is called {tenant!r}")
        telephones, calls, unreached = self._asked()
        settings = self._settings(found)
        extensions = [
            _shown(extension, settings[number], telephones.get(account, []), calls.get(account, []))
            for number, extension in found.extensions.items()
            for account in (f"{number}@{found.domain}".lower(),)
        ]
        return {"tenant": found.id, "extensions": extensions, "unreached": unreached}

    def _asked(self) -> tuple[dict[str, list[Telephone]], dict[str, list[CallOf]], list[str]]:
        telephones: dict[str, list[Telephone]] = {}
        calls: dict[str, list[CallOf]] = {}
        unreached = []
        for line in self._lines:
            try:
                registered, ongoing = (line.api(what, deadline=SECONDS) for what in (REGISTRATIONS, CALLS))
            except SwitchError:
                unreached.append(line.name)
                continue
            for account, telephone in telephones_of(registered, line.name):
                telephones.setdefault(account, []).append(telephone)
            for account, call in calls_of(ongoing, line.name):
                calls.setdefault(account, []).append(call)
        return telephones, calls, unreached


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


def _shown(
    extension: Extension, settings: Settings, telephones: Sequence[Telephone], calls: Sequence[CallOf]
) -> dict[str, Any]:
    return {
        "extension": extension.number,
        "name": extension.name,
        "state": _state(telephones, calls),
        "telephones": [asdict(telephone) for telephone in telephones],
        "calls": [asdict(call) for call in calls],
        "do_not_disturb": settings.do_not_disturb,
        "profile": settings.active,
        "profile_name": settings.profile.name or "",
    }


def _state(telephones: Sequence[Telephone], calls: Sequence[CallOf]) -> str:
    """The most that can be said of an extension in a word."""
    for state in ("talking", "ringing", "calling"):
        if any(call.state == state for call in calls):
            return state
    return "idle" if telephones else "not registered"


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
