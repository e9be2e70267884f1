"""What a try to reach somebody led to, and what follows from it. Pure: no clock, no switch, no store.

Busy is tried again twice after 60 s, no answer twice after 120 s, no key (a mailbox, perhaps) once after 180 s; who
declined, and what can never be reached, is not called again. Each kind of failure has its own count, `most_tries`
bounds them all: five calls within a quarter of an hour are as many as a person bears.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from callcontrol.config import DialOut
from callcontrol.state.rounds import Invitee, Limits, Standing


class Result(StrEnum):
    """What a try led to. The values are what the store keeps and reports say."""

    JOINED = "joined"
    DECLINED = "declined"
    """By key: 9."""
    NO_KEY = "no key"
    """Answered, and nobody pressed a key: a mailbox, or a pocket."""
    BUSY = "busy"
    NO_ANSWER = "no answer"
    NOT_REGISTERED = "no telephone is registered"
    NO_LINE = "no line"
    """The trunk is down or full, or the network had a fault that may pass."""
    INTERRUPTED = "interrupted"
    """We do not know what became of it: a daemon or a switch was lost meanwhile."""
    REJECTED = "rejected"
    """By the telephone or the network, at once."""
    IMPOSSIBLE = "impossible number"
    NO_PLACE = "no place"
    """They accepted, but the room was full or locked."""
    REFUSED = "not called"
    """By us: a premium number, or no trunk."""
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Again:
    """``times`` further tries, each ``after`` seconds."""

    times: int
    after: float


NEVER = Again(0, 0.0)

_KINDS = {
    Result.BUSY: "busy",
    Result.NO_ANSWER: "no_answer",
    Result.NOT_REGISTERED: "no_answer",
    Result.NO_LINE: "no_answer",
    Result.INTERRUPTED: "no_answer",
    Result.NO_KEY: "no_key",
}


@dataclass(frozen=True)
class Patience:
    """Times and counts of calls out; the defaults are those of the operator's key ``dial_out``. Times in seconds.

    ``ring``: longer, and most calls reach a mailbox. ``under_way``: tries at once per tenant; ``spacing``: between two
    new calls of a tenant, as carriers refuse bursts (futel/asteriskserver issue 212).
    """

    ring: float = 35.0
    busy: Again = Again(2, 60.0)
    no_answer: Again = Again(2, 120.0)
    no_key: Again = Again(1, 180.0)
    most_tries: int = 5
    under_way: int = 5
    spacing: float = 1.0

    def again(self, result: Result) -> Again:
        """What this result allows."""
        kind = _KINDS.get(result)
        return getattr(self, kind) if kind is not None else NEVER

    def limits(self, lines: int, per_day: int) -> Limits:
        """What a claim is held against; ``lines`` and ``per_day`` are the tenant's."""
        return Limits(self.under_way, self.spacing, lines, per_day)


def patience(times: DialOut) -> Patience:
    """What the operator's key ``dial_out`` says."""
    return Patience(
        ring=times.ring_seconds,
        busy=Again(times.busy.times, times.busy.after),
        no_answer=Again(times.no_answer.times, times.no_answer.after),
        no_key=Again(times.no_key.times, times.no_key.after),
        most_tries=times.most_tries,
    )


_STATES = {
    Result.JOINED: "joined",
    Result.DECLINED: "declined",
    Result.REJECTED: "declined",
    Result.CANCELLED: "cancelled",
}

# freeswitch-facts of `originate`: the hang-up causes behind `-ERR CAUSE` (sofia_glue.c:1817 for SIP's codes).
_CAUSES = {
    Result.BUSY: {"USER_BUSY", "BUSY_EVERYWHERE"},
    Result.NO_ANSWER: {
        *("NO_ANSWER", "NO_USER_RESPONSE", "ALLOTTED_TIMEOUT", "PROGRESS_TIMEOUT", "RECOVERY_ON_TIMER_EXPIRE"),
        *("NORMAL_CLEARING", "NORMAL_UNSPECIFIED", "ORIGINATOR_CANCEL", "MANAGER_REQUEST"),
    },
    Result.NOT_REGISTERED: {"USER_NOT_REGISTERED", "SUBSCRIBER_ABSENT"},
    Result.REJECTED: {"CALL_REJECTED", "DECLINE", "UNWANTED", "OUTGOING_CALL_BARRED", "INCOMING_CALL_BARRED"},
    Result.IMPOSSIBLE: {
        *("UNALLOCATED_NUMBER", "INVALID_NUMBER_FORMAT", "NUMBER_CHANGED", "NO_ROUTE_DESTINATION"),
        *("NO_ROUTE_TRANSIT_NET", "INVALID_URL", "DOES_NOT_EXIST_ANYWHERE"),
    },
}
_RESULTS = {cause: result for result, causes in _CAUSES.items() for cause in causes}


def result_of(cause: str) -> Result:
    """What FreeSWITCH's hang-up cause means; an unknown one is a fault of the line, which may pass."""
    return _RESULTS.get(cause, Result.NO_LINE)


def result_of_job(answer: str) -> Result | None:
    """What the end of an ``originate`` in the background says; None when somebody answered."""
    if not answer.startswith("-ERR"):
        return None
    return result_of(next(iter(answer.removeprefix("-ERR").split()), ""))


def standing(results: Sequence[str], now: float, patience: Patience) -> Standing:
    """How it stands with an invitee after these tries, of which the last ended now."""
    last = Result(results[-1])
    again = patience.again(last)
    same = sum(_KINDS.get(Result(result)) == _KINDS.get(last) for result in results)
    if same <= again.times and len(results) < patience.most_tries:
        return Standing("waiting", str(last), now + again.after)
    return Standing(_STATES.get(last, "failed"), str(last))


def due(invited: Iterable[Invitee], now: float) -> list[Invitee]:
    """Who is to be called now, the longest due first; those who were never tried in the order of the list."""
    waiting = [one for one in invited if one.state == "waiting" and one.due_at <= now]
    return sorted(waiting, key=lambda one: (one.due_at, one.place))


def next_look(invited: Iterable[Invitee], now: float, pace: float) -> float:
    """Seconds until somebody else is due, after what is due now was done or held back; ``pace`` at most."""
    times = [one.due_at - now for one in invited if one.state == "waiting" and one.due_at > now]
    return min([pace, *times])
