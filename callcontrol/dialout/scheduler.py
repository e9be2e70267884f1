"""Begins the rounds of schedules: each occurrence once, whichever daemons are awake when it is due.

APScheduler holds one alarm per room, for its next occurrence, and one that looks at all rooms every minute: a machine
that slept, a clock that was set and tenant files that changed need nothing else. Alarms only wake; what is due is
decided by the clock and by the store, where an occurrence's id can be written once (docs/adr/0009-an-occurrence-is-a-
row.md). All daemons that share a store may run one of these at the same time.

The store also has up to when some daemon was awake, so that after all were down what was missed is reported, once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import gevent
import structlog
from apscheduler.schedulers.gevent import GeventScheduler
from gevent.lock import BoundedSemaphore

from callcontrol import greenlets
from callcontrol.dialout.agenda import REPORTED, Calling, Do, Occurrence, calling_rooms, judged, looks_back_to
from callcontrol.dialout.words import Why
from callcontrol.rooms.calls import Begun, Cause, Refused
from callcontrol.state import StateUnavailable
from callcontrol.state.rounds import Round, RoundStore
from callcontrol.tenants import Tenants

LOOK_SECONDS = 60
RETRY = timedelta(seconds=5)
"""After which an occurrence is tried again that could not be called, the state store being away."""

_LOOK = "all rooms"  # the alarm's name; a room's has a dot

_log = structlog.get_logger("callcontrol.schedules")


class Begins(Protocol):
    """Whoever calls the participants: Rounds."""

    def begin(
        self, tenant: str, room: str, cause: Cause, *, round_id: str = "", due_at: float | None = None
    ) -> Begun | Refused:
        """Call them, once per ``round_id`` for all daemons together."""


@dataclass
class _Plan:
    """A room's schedule, up to when it is dealt with, the first start after that, and what its alarm is set to."""

    calling: Calling
    until: datetime
    next_due: datetime | None
    alarm: datetime | None = None


class Scheduler:
    """One per daemon. ``tenants`` answers with those in force; ``clock``: UTC epoch seconds.

    ``count``: told what became of each occurrence this daemon dealt with: ``begun`` or ``missed``.
    """

    def __init__(
        self,
        rounds: Begins,
        store: RoundStore,
        tenants: Callable[[], Tenants],
        clock: Callable[[], float],
        count: Callable[[str], None] = lambda outcome: None,
    ) -> None:
        self._rounds = rounds
        self._store = store
        self._tenants = tenants
        self._clock = clock
        self._count = count
        self._plans: dict[str, _Plan] = {}
        self._busy: set[str] = set()
        self._looking = BoundedSemaphore(1)
        self._alarms: GeventScheduler | None = None

    def start(self) -> None:
        """Begin to keep the schedules of the tenants in force; what was missed is looked for at once."""
        self._alarms = GeventScheduler(timezone=UTC)
        self._alarms.start()
        self._alarms.add_job(
            self._wake, "interval", [_LOOK], seconds=LOOK_SECONDS, id=_LOOK, misfire_grace_time=None, coalesce=True
        )
        self._wake(_LOOK)

    def stop(self) -> None:
        """Begin nothing any more."""
        alarms, self._alarms = self._alarms, None
        if alarms is not None:
            alarms.shutdown(wait=False)

    def tenants_changed(self) -> None:
        """Plan anew; rooms whose schedule is as it was keep their place."""
        if self._alarms is not None:
            self._wake(_LOOK)

    def look(self) -> None:
        """Deal with all that is due in any room, and set the alarms."""
        with self._looking:  # else one that began earlier might plan what was in force then
            try:
                attended = self._store.schedules_attended()
            except StateUnavailable:
                self._alarm(_LOOK, self._now() + RETRY)
                return
            rooms, now = calling_rooms(self._tenants()), self._now()
            for name in self._plans.keys() - rooms.keys():
                self._forget(name)
            since = looks_back_to(None if attended is None else _moment(attended), now)
            for name, calling in rooms.items():
                self._plan(name, calling, since, now)
                self._keep(name)
            if all(plan.next_due is None or plan.next_due > now for plan in self._plans.values()):
                self._attended(now)

    def _plan(self, name: str, calling: Calling, since: datetime, now: datetime) -> None:
        plan = self._plans.get(name)
        set_back = plan is not None and plan.until > now  # the clock; what is called twice now is known to the store
        if plan is None or plan.calling != calling or set_back:
            self._plans[name] = _Plan(calling, since, calling.next_due(since))
            gevent.sleep(0)  # a thousand rooms take half a second

    # -- one room ------------------------------------------------------------------------------------------------------

    def _keep(self, name: str) -> None:
        """Deal with what is due in a room and set its alarm; one at a time, as the store may take a while."""
        plan = self._plans.get(name)
        if plan is None or name in self._busy:
            return
        self._busy.add(name)
        try:
            self._settle(plan)
        finally:
            self._busy.discard(name)
        if self._plans.get(name) is not plan:  # the schedule was changed meanwhile
            self._keep(name)
            return
        if plan.next_due is None or plan.next_due == plan.alarm:
            return
        now = self._now()
        plan.alarm = plan.next_due if plan.next_due > now else now + RETRY
        self._alarm(name, plan.alarm)

    def _settle(self, plan: _Plan) -> None:
        """Up to now, or up to the first occurrence that has to wait for the store."""
        now = self._now()
        if plan.next_due is None or plan.next_due > now:
            return
        for occurrence in plan.calling.due(max(plan.until, now - REPORTED), now):
            if not self._deal_with(occurrence, now):
                return
            plan.until = occurrence.start
        plan.until, plan.next_due = now, plan.calling.next_due(now)

    def _deal_with(self, occurrence: Occurrence, now: datetime) -> bool:
        """True when it needs nothing any more."""
        if judged(occurrence, now) is Do.REPORT:
            return self._report(occurrence, now, "no daemon could call at its time")
        calling, due_at = occurrence.calling, occurrence.start.timestamp()
        answer = self._rounds.begin(calling.tenant, calling.room, Cause.SCHEDULE, round_id=occurrence.id, due_at=due_at)
        if isinstance(answer, Begun):
            late = round(now.timestamp() - due_at, 3)
            _log.info("occurrence begun", room=calling.room_name, occurrence=occurrence.id, late_s=late)
            self._count("begun")
            return True
        if answer.for_now:
            return False
        return answer.reason == Why.DONE_BEFORE or self._report(occurrence, now, answer.reason)

    def _report(self, occurrence: Occurrence, now: datetime, reason: str) -> bool:
        """Write down, once for all daemons, that nobody was called; False while the store does not answer."""
        calling, moment = occurrence.calling, now.timestamp()
        missed = Round(
            id=occurrence.id,
            tenant=calling.tenant,
            room=calling.room,
            cause=str(Cause.SCHEDULE),
            due_at=occurrence.start.timestamp(),
            began_at=moment,
            ends_at=moment,
            owner="",
            owner_until=0.0,
        )
        try:
            new = self._store.missed(missed)
        except StateUnavailable:
            return False
        if new:
            _log.error("occurrence missed", room=calling.room_name, occurrence=occurrence.id, reason=reason)
            self._count("missed")
        return True

    def _forget(self, name: str) -> None:
        del self._plans[name]
        if self._alarms is not None and self._alarms.get_job(name) is not None:
            self._alarms.remove_job(name)

    # -- the clock -----------------------------------------------------------------------------------------------------

    def _attended(self, now: datetime) -> None:
        try:
            self._store.note_schedules_attended(now.timestamp())
        except StateUnavailable:
            return  # then more is looked at after a restart, and found in the store

    def _alarm(self, name: str, at: datetime) -> None:
        """Wake at ``at`` of our clock, which need not be the computer's."""
        if self._alarms is None:
            return
        moment = datetime.now(UTC) + (at - self._now())
        if name == _LOOK:
            self._alarms.modify_job(_LOOK, next_run_time=moment)
        else:
            self._alarms.add_job(
                self._wake, "date", [name], run_date=moment, id=name, replace_existing=True, misfire_grace_time=None
            )

    def _wake(self, name: str) -> None:
        if self._alarms is not None:
            greenlets.spawn(f"schedules of {name}", self._woken, name)

    def _woken(self, name: str) -> None:
        if self._alarms is None:
            return
        if name == _LOOK:
            self.look()
        elif name in self._plans:
            self._plans[name].alarm = None
            self._keep(name)

    def _now(self) -> datetime:
        return _moment(self._clock())


def _moment(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
