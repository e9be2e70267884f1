"""The transactions about calls out in which somebody might be faster than we: opening, claiming, finishing, ending.

Locks are taken in the order tenant, room, round, so that no two transactions wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Table, and_, exists, func, insert, select, update

from callcontrol.state._rows import Claim, Held, Invitee, Limits, Opening, Round, Standing, Ticket, Try
from callcontrol.state._schema import invitees, legs, lock, office_calls, rounds, tries

PENDING = ("waiting", "calling")
DAY = 86400.0
#: Seconds that clocks of two machines may differ. Without it, a call noted by a clock that is hours ahead would hold up
#: all others for hours.
SKEW = 5.0
#: Seconds from pressing 1 until the ledger has the call: prompts, a spoken name, and a batch of the ledger.
ON_THE_WAY = 30.0


def open_round(connection: Connection, round_: Round, invited: Sequence[Invitee]) -> Opening:
    """See RoundStore.open_round."""
    lock(connection, f"room calls {round_.tenant}.{round_.room}")
    here = and_(rounds.c.tenant == round_.tenant, rounds.c.room == round_.room, rounds.c.outcome == "running")
    running = connection.execute(select(rounds.c.id).where(here)).scalars().first() or ""
    if connection.execute(select(rounds.c.id).where(rounds.c.id == round_.id)).first():
        return Opening(opened=False, running=running if running == round_.id else "")
    if running:
        connection.execute(insert(rounds), replace(round_, outcome="joined", ended_at=round_.began_at).values())
        return Opening(opened=False, running=running)
    connection.execute(insert(rounds), round_.values())
    if invited:
        connection.execute(insert(invitees), [replace(one, round=round_.id).values() for one in invited])
    return Opening(opened=True, running=round_.id)


def claim_try(connection: Connection, try_: Try, owner: str, limits: Limits) -> Claim:
    """See RoundStore.claim_try."""
    lock(connection, f"tenant calls {try_.tenant}")
    lock(connection, f"round {try_.round}")
    held = _not_ours(connection, try_, owner) or (_beyond(connection, try_, limits) if try_.legs else None)
    if held is not None:
        return held
    connection.execute(insert(tries), try_.values())
    connection.execute(_invitee(try_.round, try_.place).values(state="calling"))
    return Claim()


def finish_try(
    connection: Connection, ticket: Ticket, result: str, now: float, decide: Callable[[Sequence[str]], Standing]
) -> bool:
    """See RoundStore.finish_try."""
    lock(connection, f"round {ticket.round}")
    this = and_(tries.c.round == ticket.round, tries.c.place == ticket.place)
    open_ = update(tries).where(this, tries.c.number == ticket.number, tries.c.result == "")
    if connection.execute(open_.values(result=result, ended_at=now)).rowcount != 1:
        return False
    who = and_(invitees.c.round == ticket.round, invitees.c.place == ticket.place)
    counts_from = connection.execute(select(invitees.c.counts_from).where(who)).scalar_one()
    so_far = select(tries.c.result).where(this, tries.c.number > counts_from, tries.c.number <= ticket.number)
    standing = decide(tuple(connection.execute(so_far.order_by(tries.c.number)).scalars()))
    values = {"state": standing.state, "due_at": standing.due_at, "reason": standing.reason}
    connection.execute(update(invitees).where(who, invitees.c.state == "calling").values(values))
    return True


def end_round(connection: Connection, round_id: str, now: float, cancelled: str) -> tuple[Try, ...]:
    """See RoundStore.end_round."""
    lock(connection, f"round {round_id}")
    pending = and_(invitees.c.round == round_id, invitees.c.state.in_(PENDING))
    if not cancelled and connection.execute(select(invitees.c.place).where(pending)).first():
        return ()
    running = update(rounds).where(rounds.c.id == round_id, rounds.c.outcome == "running")
    if connection.execute(running.values(outcome="over", ended_at=now)).rowcount != 1:
        return ()
    connection.execute(update(invitees).where(pending).values(state="cancelled", reason=cancelled))
    open_ = and_(tries.c.round == round_id, tries.c.result == "")
    cut = tuple(Try.of(row) for row in connection.execute(select(tries).where(open_)))
    connection.execute(update(tries).where(open_).values(result="cancelled", ended_at=now))
    return cut


def call_again(
    connection: Connection, round_id: str, wanted: Sequence[Invitee], now: float, *, explicit: bool
) -> set[str] | None:
    """See RoundStore.call_again."""
    lock(connection, f"round {round_id}")
    alive = select(rounds.c.id).where(rounds.c.id == round_id, rounds.c.outcome == "running")
    if connection.execute(alive).first() is None:
        return None
    listed = [Invitee.of(row) for row in connection.execute(select(invitees).where(invitees.c.round == round_id))]
    known = {one.number: one for one in listed}
    place = max((one.place for one in listed), default=-1)
    again: set[str] = set()
    for one in wanted:
        if (before := known.get(one.number)) is None:
            place += 1
            new = known[one.number] = replace(one, round=round_id, place=place)
            connection.execute(insert(invitees), new.values())
            again |= {one.number} if one.pending else set()
        elif _to_call(before, explicit=explicit):
            _wait(connection, before, now)
            again.add(one.number)
    return again


def _to_call(one: Invitee, *, explicit: bool) -> bool:
    if one.state == "calling":
        return False
    return explicit or one.state in ("waiting", "failed", "cancelled")


def _wait(connection: Connection, one: Invitee, now: float) -> None:
    values: dict[str, Any] = {"state": "waiting", "due_at": now}
    if one.state != "waiting":
        values["counts_from"] = _made(connection, one.round, one.place)
    connection.execute(_invitee(one.round, one.place).values(values))


def _invitee(round_id: str, place: int) -> Any:
    return update(invitees).where(invitees.c.round == round_id, invitees.c.place == place)


def _not_ours(connection: Connection, try_: Try, owner: str) -> Claim | None:
    """Why this try is not ours to make: the round is not, nobody waits, or somebody made it."""
    mine = and_(rounds.c.id == try_.round, rounds.c.outcome == "running", rounds.c.owner == owner)
    mine = and_(mine, rounds.c.owner_until > try_.began_at, rounds.c.ends_at > try_.began_at)
    if connection.execute(select(rounds.c.id).where(mine)).first() is None:
        return Claim(Held.OVER)
    this = and_(invitees.c.round == try_.round, invitees.c.place == try_.place)
    waits = and_(this, invitees.c.state == "waiting", invitees.c.due_at <= try_.began_at)
    if connection.execute(select(invitees.c.place).where(waits)).first() is None:
        return Claim(Held.NOT_WAITING)
    if _made(connection, try_.round, try_.place) + 1 != try_.number:
        return Claim(Held.NOT_WAITING)
    return None


def _made(connection: Connection, round_id: str, place: int) -> int:
    """The number of the last try to reach somebody; 0 before the first."""
    last = select(func.coalesce(func.max(tries.c.number), 0))
    number: int = connection.execute(last.where(tries.c.round == round_id, tries.c.place == place)).scalar_one()
    return number


def _beyond(connection: Connection, try_: Try, limits: Limits) -> Claim | None:
    """Which limit of the tenant this try would break; None when none."""
    now = try_.began_at
    theirs = _of_a_day(try_.tenant, now)
    if _count(connection, theirs, tries.c.result == "") >= limits.under_way:
        return Claim(Held.UNDER_WAY, 1.0)
    lately = and_(theirs, tries.c.legs != "", tries.c.began_at > now - limits.spacing, tries.c.began_at <= now + SKEW)
    last = connection.execute(select(func.max(tries.c.began_at)).where(lately)).scalar_one_or_none()
    if last is not None:
        return Claim(Held.SPACING, max(0.0, last + limits.spacing - now))
    if not try_.outside:
        return None
    return beyond_lines(connection, try_.tenant, 1, limits, now)


def beyond_lines(connection: Connection, tenant: str, more: int, limits: Limits, now: float) -> Claim | None:
    """Which limit so many more calls to numbers outside would break, whoever makes them; None when none.

    Within the transaction that makes them, and after ``lock(connection, f"tenant calls {tenant}")``.
    """
    if _lines(connection, tenant, now) + more > limits.lines:
        return Claim(Held.LINES, 5.0)
    of_rooms = _count(connection, _of_a_day(tenant, now), tries.c.outside, tries.c.legs != "")
    made = of_rooms + _number_of(connection, office_calls, _of_extensions(tenant, now))
    return Claim(Held.PER_DAY, 60.0) if made + more > limits.per_day else None


def _of_a_day(tenant: str, now: float) -> Any:
    """The tenant's tries that may still matter; an index finds them among those of years."""
    return and_(tries.c.tenant == tenant, _within_a_day(tries.c.began_at, now))


def _within_a_day(moment: Any, now: float) -> Any:
    """What a clock noted that was wrong by a year is not of today until that year is over."""
    return and_(moment > now - DAY, moment < now + DAY)


def _of_extensions(tenant: str, now: float) -> Any:
    """Calls of a day that count; an emergency number is no E.164 number."""
    outside = and_(office_calls.c.outside, office_calls.c.number.startswith("+"))
    return and_(office_calls.c.tenant == tenant, _within_a_day(office_calls.c.began_at, now), outside)


def _lines(connection: Connection, tenant: str, now: float) -> int:
    """Outside calls of the tenant that ring, are asked, talk, or are in a room (the ledger's open rows of a day)."""
    theirs = and_(_of_a_day(tenant, now), tries.c.outside)
    ringing = _count(connection, theirs, tries.c.result == "")
    accepted = and_(theirs, tries.c.result == "joined", tries.c.legs != "", tries.c.ended_at > now - ON_THE_WAY)
    on_the_way = _count(connection, accepted, ~exists().where(legs.c.call == tries.c.legs))
    in_rooms = and_(legs.c.tenant == tenant, legs.c.closed_by == "", legs.c.direction == "outbound")
    in_rooms = and_(in_rooms, legs.c.number.startswith("+"), _within_a_day(legs.c.joined_at, now))
    others = _number_of(connection, office_calls, _of_extensions(tenant, now), office_calls.c.closed_by == "")
    return ringing + on_the_way + _number_of(connection, legs, in_rooms) + others


def _count(connection: Connection, *where: Any) -> int:
    return _number_of(connection, tries, *where)


def _number_of(connection: Connection, table: Table, *where: Any) -> int:
    return connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
