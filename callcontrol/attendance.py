"""Who is there in a tenant's office: telephones registered, calls that ring or are talked in, what is set.

Registrations and calls are asked of every switch when somebody wants to know, and nothing is kept: the switches are
the truth. A switch that does not answer is named, so that nobody takes its telephones for gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from callcontrol.errors import SwitchError
from callcontrol.forwarding import Settings
from callcontrol.http import NotThere
from callcontrol.switch.tables import CallOf, Telephone, calls_of, telephones_of
from callcontrol.tenants import Extension, Tenant, Tenants

REGISTRATIONS = "show registrations as json"
CALLS = "show channels like sofia/extensions/ as json"
SECONDS = 2.0  # for each answer: a switch that hangs must not use up the time of the others


class Line(Protocol):
    """The link to one switch."""

    name: str

    def api(self, command: str, /, *, deadline: float) -> str:
        """The answer to an API command. Raises SwitchError."""


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
