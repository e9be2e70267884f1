"""Which of several daemons steers the rooms of a switch: one at a time, or each key would count twice.

The lease is a global variable of that FreeSWITCH, changed only with compare-and-set (``global_setvar name=new=old``,
switch_core_set_var_conditional), so it is there exactly as long as the rooms are. It names its holder and a count that
the holder moves on every RENEW_SECONDS; a count that stands still for STALE_SECONDS belongs to nobody. No clocks of
different machines are compared. The name is the same after a restart, so a restarted daemon goes on at once.
"""

from __future__ import annotations

from collections.abc import Callable

from callcontrol.errors import SwitchRefused
from callcontrol.switch.literals import text_literal

RENEW_SECONDS = 0.8
STALE_SECONDS = 3.0
VARIABLE = "cc_steward"
NOBODY = "nobody"


class Lease:
    """One daemon's claim on one switch. ``identity``: differs between daemons, stays the same over restarts.

    ``api`` sends an API command and returns the answer; ``clock`` counts seconds and never goes back.
    """

    def __init__(self, identity: str, api: Callable[[str], str], clock: Callable[[], float]) -> None:
        self._identity = text_literal(identity)
        self._api = api
        self._clock = clock
        self._count = 0
        self._seen = ("", 0.0)
        self.held = False

    def renew(self) -> bool:
        """Claim or keep the lease; whether this daemon has it now. Raises the errors of a Link."""
        value = self._read()
        if not value:  # a switch that nobody has steered; claimed next time, as this set knows no condition
            self._api(f"global_setvar {VARIABLE}={NOBODY}")
            return False
        if value != self._seen[0]:
            self._seen = (value, self._clock())
        if self._may_take(value):
            self._count += 1
            mine = f"{self._identity}@{self._count}"
            self._api(f"global_setvar {VARIABLE}={mine}={value}")
            self.held = self._read() == mine
        else:
            self.held = False
        return self.held

    def lost(self) -> None:
        """The switch cannot be reached: whatever was claimed there is no claim any longer."""
        self.held = False

    def give_back(self) -> None:
        """Let another daemon have it at once."""
        value = self._read()
        if value.partition("@")[0] == self._identity:
            self._api(f"global_setvar {VARIABLE}={NOBODY}={value}")
        self.held = False

    def _read(self) -> str:
        try:
            return self._api(f"global_getvar {VARIABLE}").strip()
        except SwitchRefused:  # the answer to an empty value is an error (mod_event_socket.c:1586)
            return ""

    def _may_take(self, value: str) -> bool:
        holder = value.partition("@")[0]
        return holder in (self._identity, NOBODY) or self._clock() - self._seen[1] >= STALE_SECONDS
