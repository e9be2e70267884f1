"""The lines of the tenants to the outside that calls of extensions use: how many there are, and when one is free again.

A call is written in the store before it is made and counts until the switch has it no longer. The flow that made it is
gone by then (FreeSWITCH alone holds a talk), so every daemon looks every few seconds which calls are over; the same
look finds those of a daemon that was killed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import structlog
from gevent.event import Event as Signal

from callcontrol import greenlets
from callcontrol.account import OfficeAccount
from callcontrol.dialout.exchange import Line
from callcontrol.dialout.plan import Patience
from callcontrol.errors import SwitchError
from callcontrol.state import StateUnavailable
from callcontrol.state.office import OfficeCall, OfficeCalls
from callcontrol.state.rounds import Held
from callcontrol.switch.questions import call_exists
from callcontrol.tenants import Tenant

LOOK_SECONDS = 5.0
#: Seconds after which the switch has a call that was written down, if it ever gets it.
BEGUN_SECONDS = 10.0

_log = structlog.get_logger("callcontrol.lines")


@dataclass(frozen=True)
class _Seen:
    """A call was on this switch then."""

    on: Line
    at: float


class OutsideLines:
    """``switches``: the links, filled later. ``now``: UTC epoch seconds."""

    def __init__(self, store: OfficeCalls, switches: Sequence[Line], now: Callable[[], float]) -> None:
        self._store, self._switches, self._now = store, switches, now
        self._had: dict[str, _Seen] = {}  # where and when a call was there last
        self._stopping = Signal()

    def start(self) -> None:
        """Look after the calls until `stop`."""
        greenlets.spawn("outside calls", self._tend)

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def take(self, tenant: Tenant, accounts: Sequence[OfficeAccount]) -> tuple[str, ...] | Held:
        """A name for each call that may be made now, for whom it is made being written down; or the limit against it.

        While the store does not answer nobody can count, and a call goes on all the same.
        """
        now = self._now()
        calls = [OfficeCall.of(str(uuid.uuid4()), account, now) for account in accounts]
        limits = Patience().limits(tenant.outgoing.at_once, tenant.outgoing.per_day)
        try:
            held = self._store.take(calls, limits, now)
        except StateUnavailable as error:
            _log.warning("an outside call is not counted", tenant=tenant.id, reason=str(error))
            held = None
        return held or tuple(call.call for call in calls)

    def taken_by(self, call: str, calls: Collection[str]) -> None:
        """This call was answered now, and talks; of one that is none of ``calls`` nothing is written."""
        if call not in calls:
            return
        try:
            self._store.answered(call, self._now())
        except StateUnavailable as error:
            _log.warning("the answer of an outside call is not noted", reason=str(error))

    def give_back(self, calls: Collection[str]) -> None:
        """These calls came to nothing; often there are none."""
        if not calls:
            return
        try:
            self._store.end(calls, self._now())
        except StateUnavailable as error:
            _log.warning("the end of an outside call is noted later", reason=str(error))

    def look(self, begun: float = BEGUN_SECONDS) -> None:
        """Write the end of every call that is over. One ends by the word of the switch that had it, or else of all.

        Only of calls written down ``begun`` seconds ago: a younger one may be on its way to the switch. A switch that
        cannot be asked keeps the calls it may have. A call counts up to when it was last known to be there.
        """
        now, lost = self._now(), set[str]()
        calls = self._store.open()
        gone = [call for call, began in calls.items() if self._is_over(call, lost, now) and abs(now - began) > begun]
        if gone:
            looked = self._store.last_look()  # perhaps by another daemon
            seen = {call: max(looked, self._had[call].at if call in self._had else 0.0) for call in gone}
            self._store.lost({call: min(at, now) for call, at in seen.items()})  # a clock may have been ahead
        self._had = {call: seen for call, seen in self._had.items() if call in calls}
        if not lost and len(calls) > len(gone):
            self._store.looked(now)

    def _is_over(self, call: str, lost: set[str], now: float) -> bool:
        """``lost``: names of switches that did not answer at this look, and are not asked again."""
        switches = [self._had[call].on] if call in self._had else self._switches
        for switch in switches:
            try:
                if switch.name not in lost and call_exists(switch.api, call):
                    self._had[call] = _Seen(switch, now)
                    return False
            except SwitchError as error:
                _log.debug("a switch cannot be asked for outside calls", switch=switch.name, reason=str(error))
                lost.add(switch.name)
        return not any(switch.name in lost for switch in switches)

    def _tend(self) -> None:
        while not self._stopping.wait(timeout=LOOK_SECONDS):
            try:
                self.look()
            except StateUnavailable as error:
                _log.debug("cannot look which outside calls are over", reason=str(error))
            except Exception:  # noqa: BLE001 - one odd call must not keep the lines of all others for ever
                _log.exception("outside calls were not looked after")
