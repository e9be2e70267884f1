"""Drives one round: calls who is due, hears what became of it, ends the round when nobody is left to call.

All that counts is in the store, so a dialer may die at any moment and another goes on. The order is always: claim the
try in the store, then make the call. A try whose result nobody wrote is compared with the switch every few seconds:
when its calls are gone, the daemon or the switch that knew more was lost, and the try counts as interrupted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import structlog
from gevent.event import Event as Signal

from callcontrol.dialout import plan
from callcontrol.dialout.exchange import Exchange, Line
from callcontrol.dialout.plan import Result
from callcontrol.dialout.reports import Reports
from callcontrol.errors import SwitchError, UnsafeText
from callcontrol.outgoing import Callee, callee
from callcontrol.state import StateUnavailable
from callcontrol.state.rounds import Held, Invitee, Round, Ticket, Try
from callcontrol.tenants import Tenant

LOOK_SECONDS = 1.0
OWN_SECONDS = 15.0  # how long a round is ours without another word
RENEW_SECONDS = 5.0
BIRTH_SECONDS = 5.0  # from the command to the calls it makes, at the worst
CHECK_SECONDS = 5.0  # between two questions whether the calls of a try exist
LATE_SECONDS = 3.0  # from the end of a call to the word about it
UNHEARD_SECONDS = 120.0  # that somebody who answered may be asked, the longest greeting and a lost daemon included

_log = structlog.get_logger("callcontrol.dialout")


class Dialer:
    """One round. ``jobs``: where the ends of commands are awaited, the name of the command -> what takes the answer."""

    def __init__(
        self, round_: Round, exchange: Exchange, jobs: dict[str, Callable[[str], None]], reports: Reports
    ) -> None:
        self.round = round_
        self.over = False
        self._exchange = exchange
        self._jobs = jobs
        self._reports = reports
        self._ours: set[str] = set()  # our names among the jobs
        self._wake = Signal()
        self._answers: deque[tuple[Ticket, Result | None]] = deque()
        self._renewed = round_.owner_until - OWN_SECONDS
        self._checked: dict[Ticket, float] = {}
        self._gone: dict[Ticket, float] = {}
        self._told: set[Ticket] | None = None  # tries whose end was told, or was before our time
        self._outside_from = 0.0  # until then the tenant's limits let no outside call through
        self._log = _log.bind(room=round_.room_name, round=round_.id)
        self._troubled = False
        self._called = False  # something has changed since we saw how it stands

    def run(self, stopping: Signal) -> None:
        """Until the round is over, is another daemon's, or this daemon ends."""
        try:
            while not stopping.is_set() and not self.over:
                self._wake.clear()
                self._wake.wait(timeout=self.look())
        finally:
            for job in self._ours:
                self._jobs.pop(job, None)

    def wake(self) -> None:
        """Look at once: something has changed."""
        self._wake.set()

    def look(self) -> float:
        """Do what is to be done now; returns the seconds until the next look. Without the store nothing is done."""
        try:
            wait = self._look()
        except StateUnavailable as error:
            self._trouble("the round waits for the state store", str(error))
            return LOOK_SECONDS
        except SwitchError as error:
            self._trouble("the round waits for the switch", str(error))
            return LOOK_SECONDS
        return wait

    def _look(self) -> float:
        exchange, now = self._exchange, self._exchange.now()
        if now - self._renewed >= RENEW_SECONDS:
            if not exchange.store.own(self.round.id, exchange.identity, now, now + OWN_SECONDS):
                return self._leave()
            self._renewed = now
        self._write_answers()
        invited, tries = self._see(self.round)
        self._follow([one for one in tries if not one.result], now)
        found = exchange.room_of(self.round.tenant, self.round.room)
        if found is None or now >= self.round.ends_at:
            self._cancel("its time is over" if found else "the room is gone from the tenant's file")
            return self._leave()
        if not any(one.pending for one in invited):
            exchange.store.end_round(self.round.id, now)
            return 0.0 if self._goes_on() else self._leave()
        wait = self._call(found[0], invited, tries, now)
        if self._called:
            self._see(self.round)
            self._called = False
        return wait

    def _see(self, round_: Round) -> tuple[tuple[Invitee, ...], tuple[Try, ...]]:
        """How it stands; told to those who ask for reports, and in the log."""
        invited, tries = self._exchange.store.look(round_.id)
        self._reports.seen(round_, invited, tries)
        self._tell(invited, tries)
        return invited, tries

    # -- calling -------------------------------------------------------------------------------------------------------

    def _call(self, tenant: Tenant, invited: Sequence[Invitee], tries: Sequence[Try], now: float) -> float:
        """Make the next call that is due."""
        due = plan.due(invited, now)
        line = self._exchange.line_for(self.round, tries) if due else None
        if due and line is None:
            self._trouble("the round waits for the switch", "no link is up")
            return LOOK_SECONDS
        for one in due:
            assert line is not None
            if now < self._outside_from and one.number.startswith("+"):
                continue
            made = [other.number for other in tries if other.place == one.place]
            wait = self._try(one, max(made, default=0) + 1, tenant, line)
            if wait is not None:
                return min(wait, LOOK_SECONDS) if wait > 0 else 0.0
        return plan.next_look(invited, now, LOOK_SECONDS)

    def _try(self, one: Invitee, number: int, tenant: Tenant, line: Line) -> float | None:
        """Try to reach somebody; seconds until the next call may be made, None when the next may follow at once."""
        who = callee(one.number, tenant)
        there = self._exchange.is_there(self.round, one, tenant)
        endpoints = self._exchange.endpoints(who, line) if isinstance(who, Callee) and not there else ()
        outside = isinstance(who, Callee) and not who.domain
        legs = [self._exchange.new_call() for _ in endpoints]
        now = self._exchange.now()
        ticket = Ticket(self.round.id, one.place, number)
        try_ = Try(self.round.id, one.place, number, tenant.id, line.name, ":".join(legs), outside, now)
        outgoing = tenant.outgoing
        limits = self._exchange.patience.limits(outgoing.at_once, outgoing.per_day)
        claim = self._exchange.store.claim_try(try_, self._exchange.identity, limits)
        if claim.held is not None:
            return self._held(claim.held, claim.wait)
        self._troubled, self._called = False, True
        if not isinstance(who, Callee) or not endpoints:
            refused = Result.NOT_REGISTERED if isinstance(who, Callee) else Result.REFUSED
            self._exchange.finish(ticket, tenant.id, Result.JOINED if there else refused)
            return None
        self._ring(one, who, try_, tenant, line, endpoints)
        return self._exchange.patience.spacing

    def _ring(
        self, one: Invitee, who: Callee, try_: Try, tenant: Tenant, line: Line, endpoints: tuple[str, ...]
    ) -> None:
        """The try is ours: make the call. When we cannot tell whether it was made, the switch is asked later."""
        self._log.info(
            "calls", name=one.name, number=who.number, attempt=try_.number, telephones=len(endpoints), switch=line.name
        )
        self._await(try_)
        try:
            command = self._exchange.command(self.round, one, who, try_, tenant, endpoints)
            line.begin(command, try_.calls[0])
        except UnsafeText as error:
            self._log.error("cannot be called", number=one.number, reason=str(error))
            self._exchange.finish(try_.ticket, tenant.id, Result.REFUSED)

    def _held(self, held: Held, wait: float) -> float | None:
        if held is Held.OVER:
            self._renewed = float("-inf")  # look whether it is ours
        if held in (Held.LINES, Held.PER_DAY):
            self._trouble("the round waits", str(held))
            now = self._exchange.now()
            self._exchange.store.note_reason(self.round.id, now, str(held))
            self._outside_from = now + wait
            return None  # calls to extensions may still be made
        return wait or LOOK_SECONDS

    # -- what became of it ---------------------------------------------------------------------------------------------

    def _await(self, try_: Try) -> None:
        """Hear the end of the command that makes the calls of this try."""

        def take(answer: str) -> None:
            self._answers.append((try_.ticket, plan.result_of_job(answer)))
            self.wake()

        job = try_.calls[0]
        if job not in self._ours:
            self._ours.add(job)
            self._jobs[job] = take

    def _write_answers(self) -> None:
        """Each only once written, so that none is lost while the store is away."""
        while self._answers:
            ticket, result = self._answers[0]
            if result is None:
                self._exchange.store.note_answer(ticket, self._exchange.now())
            else:
                self._exchange.finish(ticket, self.round.tenant, result)
            self._answers.popleft()

    def _follow(self, under_way: Sequence[Try], now: float) -> None:
        """Find the tries whose calls are gone without a word: a daemon or a switch was lost."""
        for try_ in under_way:
            ticket = try_.ticket
            if try_.calls:
                self._await(try_)
            since = max(try_.began_at + BIRTH_SECONDS - CHECK_SECONDS, self._checked.get(ticket, 0.0))
            pause = LATE_SECONDS if ticket in self._gone else CHECK_SECONDS
            if now - since < pause:
                continue
            self._checked[ticket] = now
            alive = self._exchange.exists(try_)
            if alive is None and now - try_.began_at > self._exchange.patience.ring + UNHEARD_SECONDS:
                self._lost(try_)  # else the calls of a switch that is gone would count against the limits for hours
            elif alive is not False:
                self._gone.pop(ticket, None)
            elif now - self._gone.setdefault(ticket, now) >= LATE_SECONDS:
                self._lost(try_)

    def _lost(self, try_: Try) -> None:
        joined = self._exchange.store.were_in_a_room(try_.calls)
        self._exchange.finish(try_.ticket, try_.tenant, Result.JOINED if joined else Result.INTERRUPTED)

    # -- the end -------------------------------------------------------------------------------------------------------

    def _cancel(self, reason: str) -> None:
        """Nobody is called any longer."""
        cut = self._exchange.store.end_round(self.round.id, self._exchange.now(), cancelled=reason)
        self._log.info("round cancelled", reason=reason, calls_ended=len(cut))
        self._exchange.hang_up(cut)

    def _goes_on(self) -> bool:
        """Somebody was added while we ended it."""
        found = self._exchange.store.round(self.round.id)
        return found is not None and found.outcome == "running"

    def _leave(self) -> float:
        self.over = True
        found = self._exchange.store.round(self.round.id)
        if found is None or found.outcome == "running":
            self._log.info("another daemon drives the round", owner=found.owner if found else "")
            return 0.0
        invited, tries = self._see(found)
        # A call may have been made in the moment between its claim and the end.
        self._exchange.hang_up(one for one in tries if one.result == Result.CANCELLED)
        reached = sum(one.state == "joined" for one in invited)
        self._log.info("round over", reached=reached, of=len(invited))
        return 0.0

    # -- the story in the log ------------------------------------------------------------------------------------------

    def _tell(self, invited: Sequence[Invitee], tries: Sequence[Try]) -> None:
        """Say what became of the tries that ended since the last look, whoever wrote it."""
        ended = {one.ticket: one for one in tries if one.result}
        known, self._told = self._told, set(ended)
        people = {one.place: one for one in invited}
        for ticket, try_ in ended.items() if known is not None else ():
            if ticket not in (known or ()) and try_.result != Result.CANCELLED:
                self._tell_of(people[ticket.place], try_)

    def _tell_of(self, one: Invitee, try_: Try) -> None:
        log = self._log.bind(name=one.name, number=one.number, attempt=try_.number)
        if try_.result == Result.JOINED:
            log.info("reached")
        elif one.state == "waiting":
            again = round(max(0.0, one.due_at - self._exchange.now()))
            log.info("not reached", reason=try_.result, again_in_s=again)
        else:
            log.info("not reached", reason=try_.result)

    def _trouble(self, what: str, reason: str) -> None:
        """Said once, until a call could be made again."""
        if not self._troubled:
            self._log.warning(what, reason=reason)
        self._troubled = True
