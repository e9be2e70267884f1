"""Calls out as they are kept: rounds, whom they call, and each try, written before the call is made.

Everything that must hold for all daemons together is one transaction here: a round is opened once, a try is claimed
once and only within the tenant's limits, a try has one result. What a result means for the next try is decided by
whoever asks (callcontrol/dialout/plan.py). Every method raises StateUnavailable while the database does not answer:
then nobody is called.

Times are UTC epoch seconds of the caller of each method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, insert, or_, select, update

from callcontrol.state import _claims, _schema
from callcontrol.state._rows import Claim, Held, Invitee, Limits, Opening, Round, Standing, Ticket, Try
from callcontrol.state._schema import invitees, lock, rounds, tries
from callcontrol.state.database import Database
from callcontrol.state.leg import ADMISSION

__all__ = [
    "Claim",
    "Held",
    "Invitee",
    "Limits",
    "Opening",
    "Round",
    "RoundStore",
    "Standing",
    "Ticket",
    "Try",
]

_ATTENDED = "schedules_attended"


class RoundStore:
    """Rounds, invitees and tries, shared by all daemons that name the same database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # -- rounds --------------------------------------------------------------------------------------------------------

    def open_round(self, round_: Round, invited: Sequence[Invitee]) -> Opening:
        """Open a round, unless it was opened before or its room has one running: then ``Opening`` says which.

        When a round of another id runs in the room, this one is written down as ``joined`` to it, so that an
        occurrence of a schedule is never opened again.
        """
        return self.database.write(lambda connection: _claims.open_round(connection, round_, invited))

    def missed(self, round_: Round) -> bool:
        """Write down an occurrence that was not called; whether nobody had opened it or written it down before."""

        def note(connection: Connection) -> bool:
            lock(connection, f"room calls {round_.tenant}.{round_.room}")
            if connection.execute(select(rounds.c.id).where(rounds.c.id == round_.id)).first():
                return False
            row = replace(round_, outcome="missed", ended_at=round_.began_at, owner="", owner_until=0.0)
            connection.execute(insert(rounds), row.values())
            return True

        return self.database.write(note)

    def own(self, round_id: str, owner: str, now: float, until: float) -> bool:
        """Take or keep a running round until then; False when it is over or another daemon has it."""
        free = or_(rounds.c.owner == owner, rounds.c.owner_until <= now)
        mine = update(rounds).where(rounds.c.id == round_id, rounds.c.outcome == "running", free)
        values = {"owner": owner, "owner_until": until}
        return self.database.write(lambda connection: connection.execute(mine.values(values)).rowcount == 1)

    def release(self, owner: str, now: float) -> int:
        """Let other daemons have all rounds of this one at once; how many."""
        mine = update(rounds).where(rounds.c.owner == owner, rounds.c.outcome == "running", rounds.c.owner_until > now)
        return self.database.write(lambda connection: connection.execute(mine.values(owner_until=now)).rowcount)

    def end_round(self, round_id: str, now: float, *, cancelled: str = "") -> tuple[Try, ...]:
        """The round is over; the tries it cut short.

        ``cancelled``: why those who are waiting or being called are not called any longer. Without it a round in which
        somebody still is goes on, and nothing happens.
        """
        return self.database.write(lambda connection: _claims.end_round(connection, round_id, now, cancelled))

    def round(self, round_id: str) -> Round | None:
        """One round."""
        return next(iter(self._rounds(rounds.c.id == round_id)), None)

    def running(self) -> tuple[Round, ...]:
        """All rounds that run, whoever drives them."""
        return self._rounds(rounds.c.outcome == "running")

    def ended_since(self, since: float) -> tuple[Round, ...]:
        """Rounds of all tenants that ended after ``since``."""
        return self._rounds(and_(rounds.c.outcome == "over", rounds.c.ended_at >= since))

    def rounds_of(self, tenant: str, since: float, until: float, *, deadline: float | None = None) -> tuple[Round, ...]:
        """Rounds of a tenant due in [since, until), the oldest first; missed ones too. For reports."""
        due = and_(rounds.c.tenant == tenant, rounds.c.due_at >= since, rounds.c.due_at < until)
        return self._rounds(due, deadline=deadline)

    # -- schedules -----------------------------------------------------------------------------------------------------

    def schedules_attended(self) -> float | None:
        """Up to when some daemon dealt with all occurrences that were due; None when none ever did."""
        query = select(_schema.meta.c.value).where(_schema.meta.c.name == _ATTENDED)
        found = self.database.read(lambda connection: connection.execute(query).scalar_one_or_none())
        return float(found) if found is not None else None

    def note_schedules_attended(self, until: float) -> None:
        """All occurrences up to then are dealt with."""
        row = {"name": _ATTENDED, "value": str(until)}
        self.database.write(lambda connection: _schema.put(connection, _schema.meta, row))

    # -- invitees ------------------------------------------------------------------------------------------------------

    def call_again(self, round_id: str, wanted: Sequence[Invitee], now: float, *, explicit: bool) -> set[str] | None:
        """Call people in a running round, now; the numbers that are going to be called, None when it is over.

        Who is new is added. Who waits for the next try is called at once. Who was not reached is called again with all
        tries; who joined or declined only when ``explicit``, that is when they were named.
        """
        return self.database.write(
            lambda connection: _claims.call_again(connection, round_id, wanted, now, explicit=explicit)
        )

    def invitees_of(self, *round_ids: str) -> tuple[Invitee, ...]:
        """Whom these rounds call, in their order."""
        query = select(invitees).where(invitees.c.round.in_(round_ids)).order_by(invitees.c.round, invitees.c.place)
        return self._read(query, Invitee.of)

    def note_reason(self, round_id: str, now: float, reason: str) -> None:
        """Why those outside whose time has come still wait, for the report."""
        waits = and_(invitees.c.round == round_id, invitees.c.state == "waiting", invitees.c.due_at <= now)
        change = update(invitees).where(waits, invitees.c.number.startswith("+")).values(reason=reason)
        self.database.write(lambda connection: connection.execute(change))

    # -- tries ---------------------------------------------------------------------------------------------------------

    def claim_try(self, try_: Try, owner: str, limits: Limits) -> Claim:
        """Write down a try that is to be made at ``try_.began_at``; only when ``Claim.granted`` it may be made."""
        return self.database.write(lambda connection: _claims.claim_try(connection, try_, owner, limits))

    def note_answer(self, ticket: Ticket, now: float) -> bool:
        """Somebody answered; whether this try is still under way."""
        open_ = update(tries).where(_is(ticket), tries.c.result == "")
        answered = open_.values(answered_at=func.coalesce(tries.c.answered_at, now))
        return self.database.write(lambda connection: connection.execute(answered).rowcount == 1)

    def finish_try(self, ticket: Ticket, result: str, now: float, decide: Callable[[Sequence[str]], Standing]) -> bool:
        """Write the result of a try; False when it had one already: the first result counts.

        ``decide``: from the results of all tries that count, this one the last, to what the invitee does next. It runs
        in a thread, inside the transaction.
        """
        return self.database.write(lambda connection: _claims.finish_try(connection, ticket, result, now, decide))

    def look(self, round_id: str) -> tuple[tuple[Invitee, ...], tuple[Try, ...]]:
        """Whom a round calls, and all its tries, as they are at one moment."""
        people = select(invitees).where(invitees.c.round == round_id).order_by(invitees.c.place)
        made = select(tries).where(tries.c.round == round_id).order_by(tries.c.place, tries.c.number)

        def find(connection: Connection) -> tuple[tuple[Invitee, ...], tuple[Try, ...]]:
            return tuple(map(Invitee.of, connection.execute(people))), tuple(map(Try.of, connection.execute(made)))

        return self.database.read(find)

    def find_try(self, ticket: Ticket) -> tuple[Round, Invitee, Try] | None:
        """All about a try; None when there is no such try."""

        def find(connection: Connection) -> tuple[Round, Invitee, Try] | None:
            try_ = connection.execute(select(tries).where(_is(ticket))).one_or_none()
            who = and_(invitees.c.round == ticket.round, invitees.c.place == ticket.place)
            invitee = connection.execute(select(invitees).where(who)).one_or_none()
            round_ = connection.execute(select(rounds).where(rounds.c.id == ticket.round)).one_or_none()
            if try_ is None or invitee is None or round_ is None:
                return None
            return Round.of(round_), Invitee.of(invitee), Try.of(try_)

        return self.database.read(find)

    def were_in_a_room(self, calls: Iterable[str]) -> bool:
        """Whether the ledger knows one of these calls: it was in a room, whatever became of the word about it."""
        query = select(_schema.legs.c.call).where(_schema.legs.c.call.in_(tuple(calls)))
        return self.database.read(lambda connection: connection.execute(query).first() is not None)

    def meeting_began(self, meeting: str) -> float | None:
        """When the first of a meeting came into its room, waiting in the lobby not counted; None for an unknown one."""
        legs = _schema.legs.c
        came = case((legs.waits_for == ADMISSION, legs.admitted_at), else_=legs.joined_at)
        query = select(func.min(came)).where(legs.meeting == meeting)
        began: float | None = self.database.read(lambda connection: connection.execute(query).scalar_one())
        return began

    def _rounds(self, where: Any, *, deadline: float | None = None) -> tuple[Round, ...]:
        return self._read(select(rounds).where(where).order_by(rounds.c.due_at, rounds.c.id), Round.of, deadline)

    def _read(self, query: Any, make: Callable[[Row[Any]], Any], deadline: float | None = None) -> tuple[Any, ...]:
        return self.database.read(
            lambda connection: tuple(make(row) for row in connection.execute(query)), deadline=deadline
        )


def _is(ticket: Ticket) -> Any:
    return and_(tries.c.round == ticket.round, tries.c.place == ticket.place, tries.c.number == ticket.number)
