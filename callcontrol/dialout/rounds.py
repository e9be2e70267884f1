"""All calling out of one daemon: begins rounds, drives them, takes over those whose daemon is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog
from gevent import Greenlet, Timeout
from gevent.event import Event as Signal

from callcontrol import greenlets
from callcontrol.dialout.dialer import LOOK_SECONDS, OWN_SECONDS, Dialer
from callcontrol.dialout.exchange import Exchange
from callcontrol.dialout.invited import whom
from callcontrol.dialout.opening import begun, new_round, not_reached
from callcontrol.dialout.plan import Result
from callcontrol.dialout.reports import REMEMBERED_SECONDS, Reports
from callcontrol.dialout.words import Invited, Why
from callcontrol.rooms.calls import Begun, Cause, InviteeReport, Refused
from callcontrol.state import StateUnavailable
from callcontrol.state.rounds import Invitee, Opening, Round, Ticket
from callcontrol.tenants import Room

STOP_SECONDS = 3.0  # what the store or a switch may take to answer a question that is open

_log = structlog.get_logger("callcontrol.dialout")


class Rounds:
    """One per daemon. What asks the store takes a second at most; `cancel` and `report` do not wait at all."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._reports = Reports(exchange.now)
        self._jobs: dict[str, Callable[[str], None]] = {}
        self._dialers: dict[str, Dialer] = {}
        self._stopping = Signal()
        self._greenlets: set[Greenlet[..., object]] = set()
        self._unwritten: dict[Ticket, tuple[str, Result]] = {}  # results the store could not take yet
        self._ended: dict[str, float] = {}  # when a meeting of a room was over, as far as we saw it
        self._cancelling: dict[str, str] = {}  # rooms that are over though the store does not know it yet, and why

    # -- what the daemon does ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take up the rounds that were ours before a restart, and from now on those that nobody drives."""
        self._spawn("rounds", self._keep)

    def stop(self) -> None:
        """Let other daemons have our rounds at once. Calls that ring go on ringing: others take whoever answers."""
        self._stopping.set()
        for dialer in self._dialers.values():
            dialer.wake()
        with suppress(Timeout), Timeout(STOP_SECONDS):
            for greenlet in list(self._greenlets):
                greenlet.join()
        try:
            given = self._exchange.store.release(self._exchange.identity, self._exchange.now())
        except StateUnavailable as error:
            _log.warning("rounds not given up; others wait until they are free", reason=str(error))
            return
        if given:
            _log.info("rounds given up", rounds=given)

    def take_job(self, job: str, answer: str) -> None:
        """The end of a command on some switch; those that are not ours are ignored. Does not wait."""
        take = self._jobs.pop(job, None)
        if take is not None:
            take(answer)

    @property
    def running(self) -> int:
        """How many rounds this daemon drives."""
        return len(self._dialers)

    # -- what is asked of it -------------------------------------------------------------------------------------------

    def begin(
        self,
        tenant: str,
        room: str,
        cause: Cause,
        *,
        round_id: str = "",
        due_at: float | None = None,
        numbers: Sequence[str] = (),
    ) -> Begun | Refused:
        """Call the people of a room. ``numbers``: E.164 or extensions as typed; with none, the room's list.

        ``round_id``: for an occurrence of a schedule, the same for all daemons, which is called once; ``due_at``: its
        start in epoch seconds. When a round of the room runs already, those not reached are called again in it. Without
        a link to a switch the round begins and waits for one. The reason of a refusal begins with a word of `Why`.
        """
        found = self._exchange.room_of(tenant, room)
        if found is None:
            return (Why.NO_ROOM if tenant in self._exchange.tenants().by_id else Why.NO_TENANT).refused()
        invited = whom(*found, numbers, self._exchange.now())
        if isinstance(invited, Refused):
            _log.info("nobody is called", room=f"{tenant}.{room}", cause=str(cause), reason=invited.reason)
            return invited
        round_ = new_round(self._exchange, *found, cause, round_id, due_at)
        try:
            answer = self._begin(round_, found[1], invited, explicit=bool(numbers))
            if round_id and isinstance(answer, Begun) and not answer.round_id:  # nobody was left to call
                self._exchange.store.open_round(replace(round_, outcome="over", ended_at=round_.began_at), ())
            return answer
        except StateUnavailable as error:
            _log.error("cannot call anybody without the state store", room=round_.room_name, reason=str(error))
            return Why.UNAVAILABLE.refused()

    def cancel(self, room_name: str, reason: str) -> None:
        """The room TENANT.ROOM is over: nobody is called into it any longer, and what rings is ended."""
        self._ended[room_name] = self._exchange.now()
        self._cancelling[room_name] = reason
        greenlets.spawn(f"cancel calls to {room_name}", self._cancel_soon, room_name)

    def report(self, room_name: str) -> tuple[InviteeReport, ...]:
        """Everybody of the round that runs for TENANT.ROOM, or ended within ten minutes. Asks no store."""
        return self._reports.of(room_name)

    def reports(self) -> Mapping[str, tuple[InviteeReport, ...]]:
        """The same for all rooms that have something to report."""
        return self._reports.all()

    # -- what the flow of somebody who answered asks -------------------------------------------------------------------

    def answered(self, ticket: Ticket) -> Invited | None:
        """Somebody answered: who they are; None when they are not wanted any longer. Raises StateUnavailable."""
        self._exchange.store.note_answer(ticket, self._exchange.now())
        found = self._exchange.store.find_try(ticket)
        if found is None:
            return None
        round_, one, try_ = found
        accepted = try_.result == Result.JOINED
        if try_.result and not accepted:
            return None
        return Invited(round_.tenant, round_.room, one.name, one.number, one.moderator, ticket.number, accepted)

    def finish(self, ticket: Ticket, tenant: str, result: Result) -> bool:
        """What became of somebody who answered; False when the try is over already, cancelled for example.

        To be asked before they join. While the store is away it is True, and written later.
        """
        try:
            counts = self._exchange.finish(ticket, tenant, result)
        except StateUnavailable:
            self._unwritten.setdefault(ticket, (tenant, result))
            return True
        self._wake(ticket.round)
        return counts

    # -- beginning -----------------------------------------------------------------------------------------------------

    def _begin(self, round_: Round, room: Room, invited: tuple[Invitee, ...], *, explicit: bool) -> Begun | Refused:
        if round_.began_at >= round_.ends_at:
            return Why.TOO_LATE.refused()
        self._cancel(round_.room_name)
        if not explicit:
            invited = not_reached(self._exchange, round_, room, invited, self._ended.get(round_.room_name, 0.0))
        if not any(one.pending for one in invited):
            return begun("", invited)
        opening = self._exchange.store.open_round(round_, invited)
        if not opening.opened:
            return self._join(opening, round_, room, invited, explicit=explicit)
        answer = begun(round_.id, invited)
        _log.info("round began", room=round_.room_name, round=round_.id, cause=round_.cause, people=len(answer.called))
        self._reports.seen(round_, invited)
        self._drive(round_)
        if self._stopping.is_set():
            self._exchange.store.release(round_.owner, self._exchange.now())
        return answer

    def _join(
        self, opening: Opening, round_: Round, room: Room, invited: tuple[Invitee, ...], *, explicit: bool
    ) -> Begun | Refused:
        """The room has a round already, or this one was opened before."""
        if opening.running in ("", round_.id):
            self._adopt()  # it may have been opened by ourselves, with an answer of the store that came too late
            return Why.DONE_BEFORE.refused()
        store, now = self._exchange.store, self._exchange.now()
        again = store.call_again(opening.running, invited, now, explicit=explicit)
        if again is None:  # it ended just now
            return self._begin(replace(round_, id=f"{round_.id}-again"), room, invited, explicit=explicit)
        people = self._see(opening.running)
        _log.info("called again", room=round_.room_name, round=opening.running, cause=round_.cause, people=len(again))
        self._wake(opening.running)
        return begun(opening.running, [one for one in people if one.number in again])

    def _see(self, round_id: str) -> tuple[Invitee, ...]:
        """How it stands with a round now, told to those who ask for reports."""
        round_ = self._exchange.store.round(round_id)
        if round_ is None:
            return ()
        people, tries = self._exchange.store.look(round_id)
        self._reports.seen(round_, people, tries)
        return people

    def _drive(self, round_: Round) -> None:
        if round_.id in self._dialers or self._stopping.is_set():
            return
        dialer = self._dialers[round_.id] = Dialer(round_, self._exchange, self._jobs, self._reports)
        self._spawn(f"round {round_.id}", self._run, dialer)

    def _spawn(self, name: str, function: Callable[..., object], *args: object) -> None:
        """What must have ended before our rounds are another daemon's."""
        greenlet = greenlets.spawn(name, function, *args)
        self._greenlets.add(greenlet)
        greenlet.link(self._greenlets.discard)

    def _run(self, dialer: Dialer) -> None:
        try:
            dialer.run(self._stopping)
        finally:
            self._dialers.pop(dialer.round.id, None)

    def _wake(self, round_id: str) -> None:
        if round_id in self._dialers:
            self._dialers[round_id].wake()

    # -- once a second -------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        recent = True  # of the rounds that ended before our start
        while not self._stopping.is_set():
            try:
                self._write_later()
                self._adopt()
                if recent:
                    self._remember()
                    recent = False
            except StateUnavailable:
                pass  # the database itself has said so
            except Exception:  # noqa: BLE001 - one odd round must not leave all others without a daemon for ever
                _log.exception("rounds were not looked after")
            self._stopping.wait(timeout=LOOK_SECONDS)

    def _adopt(self) -> None:
        """Take up rounds that are ours or nobody's; see how it stands with those of others."""
        exchange, now = self._exchange, self._exchange.now()
        running = exchange.store.running()
        for round_ in running:
            if round_.id in self._dialers:
                continue
            free = round_.owner == exchange.identity or round_.owner_until <= now
            if free and exchange.store.own(round_.id, exchange.identity, now, now + OWN_SECONDS):
                _log.info("round taken over", room=round_.room_name, round=round_.id, before=round_.owner)
                self._drive(replace(round_, owner=exchange.identity))
            else:
                self._reports.seen(round_, *exchange.store.look(round_.id))
        for round_id in self._reports.running() - {round_.id for round_ in running} - self._dialers.keys():
            self._see(round_id)

    def _remember(self) -> None:
        store, now = self._exchange.store, self._exchange.now()
        for round_ in store.ended_since(now - REMEMBERED_SECONDS):
            self._reports.seen(round_, *store.look(round_.id))

    def _write_later(self) -> None:
        for room_name in list(self._cancelling):
            self._cancel(room_name)
        for ticket, (tenant, result) in list(self._unwritten.items()):
            self._exchange.finish(ticket, tenant, result)
            del self._unwritten[ticket]

    # -- the end of a room ---------------------------------------------------------------------------------------------

    def _cancel_soon(self, room_name: str) -> None:
        try:
            self._cancel(room_name)
        except StateUnavailable as error:
            _log.warning("calls out are cancelled later", room=room_name, reason=str(error))

    def _cancel(self, room_name: str) -> None:
        """Raises StateUnavailable: then it is tried again. Until it is done no call for the room can be claimed."""
        reason = self._cancelling.get(room_name)
        if reason is None:
            return
        tenant, _, room = room_name.partition(".")
        store, now = self._exchange.store, self._exchange.now()
        for round_ in store.running():
            if (round_.tenant, round_.room) != (tenant, room):
                continue
            cut = store.end_round(round_.id, now, cancelled=reason)
            _log.info("round cancelled", room=room_name, round=round_.id, reason=reason, calls_ended=len(cut))
            greenlets.spawn(f"hang up {room_name}", self._exchange.hang_up, cut)
            self._wake(round_.id)
        self._cancelling.pop(room_name, None)
