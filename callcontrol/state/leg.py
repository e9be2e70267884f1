"""A leg of the ledger as a value, and what each piece of news makes of it. Pure.

News of a call comes from the daemon that let it in, from the switch's events, and from the switch's call detail record
(CDR), in any order and more than once. Whatever the order, the row ends the same:

- `Opened` makes the row, or fills in what a row made from a CDR does not say.
- `Entered` names the meeting; whoever was let in by a moderator is admitted by it. Who enters after a daemon closed
  the row is still there, so the row is open again.
- `Closed` closes the row. A call that moves from one conference of its room to another leaves the first, so of several
  leaves the last counts; a leave that was seen replaces a guess (`UNKNOWN`), and never the other way round.
- `Explained` says why, and nothing about when.
- `Settled`, the CDR, replaces all times and the end reason, once and for all: the switch held the call, so its clock
  counts. What it cannot know (tries, names) stays. Afterwards only what was empty is filled in.
- A row that waits for a moderator is admitted at the moment the first moderator of its meeting joined: that follows
  from the other rows, so it is never written as news.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: `Leg.waits_for`.
NOTHING, MODERATOR, ADMISSION = "", "moderator", "admission"
#: `Leg.closed_by`.
OPEN, DAEMON, SWITCH = "", "daemon", "switch"
#: `Leg.end_reason` of one who left a room by themselves, as far as is known.
LEFT = "left"
#: `Leg.end_reason` of a row whose call is gone while nobody watched; `left_at` is when it was last known to be there.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Leg:
    """One call (channel) that was in a room. Times are UTC epoch seconds with fractions, None when not known (yet).

    The source of each: f the flow that let the call in, e the switch's conference events, c its CDR, which overrules.
    """

    call: str
    """uuid of the channel (f)."""
    tenant: str
    """Id of the tenant (f c)."""
    room: str
    """Name of the room at that tenant; a lobby or side room counts as the room it belongs to (f c)."""
    role: str
    """"moderator" or "participant" (f c)."""
    direction: str
    """"inbound" or "outbound", as the switch sees it (f c)."""
    payer: str
    """Who pays the telephone company: "caller" (inbound) or "tenant" (outbound) (f c)."""
    began_at: float
    """The channel was created: the INVITE came in or went out (f c)."""
    answered_at: float
    """The call was answered (f c)."""
    joined_at: float
    """First in the room, its lobby or its side room; music while waiting included (f e c)."""
    number: str = ""
    """E.164, an extension for internal calls, "" when withheld (f c)."""
    name: str = ""
    """Name from the tenant's file, never the one a caller gave themselves (f c)."""
    tries: int = 1
    """Which try of a dial-out this was; 1 for inbound calls (f)."""
    language: str = ""
    """Language tag the caller hears (f c)."""
    waits_for: str = NOTHING
    """What a caller waits for after joining: NOTHING, MODERATOR (the first of the meeting), ADMISSION (f c)."""
    meeting: str = ""
    """FreeSWITCH's uuid of the conference, that of the room itself; "" when the call never left lobby or side room
    (e c)."""
    switch: str = ""
    """Name of the switch in the configuration, "" when only a CDR told of the call (e)."""
    admitted_at: float | None = None
    """Waiting was over; equals joined_at when there was none; None while waiting, or when waiting was all (e c)."""
    left_at: float | None = None
    """Out of the room, whatever came then (a farewell); None while open (e c)."""
    ended_at: float | None = None
    """The channel hung up (c)."""
    wait_seconds: float = 0.0
    """joined_at to admitted_at, or to left_at when never admitted; exact, never rounded."""
    room_seconds: float = 0.0
    """admitted_at to left_at; 0.0 while open."""
    end_reason: str = ""
    """LEFT, a farewell such as "room-ended" (f), a hangup cause of FreeSWITCH, or UNKNOWN; "" while open (e c)."""
    closed_by: str = OPEN
    """OPEN, DAEMON (seen to leave, or guessed: UNKNOWN), SWITCH (settled by its CDR)."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A call was let in, or was found in a room."""

    leg: Leg

    @property
    def call(self) -> str:
        """uuid of the channel."""
        return self.leg.call


@dataclass(frozen=True, slots=True)
class Entered:
    """A call became a member; ``meeting``: of the room itself, "" in a lobby or side room."""

    call: str
    switch: str
    meeting: str
    at: float


@dataclass(frozen=True, slots=True)
class Closed:
    """A call left the room, or (reason UNKNOWN) was not there any longer and was last known to be at ``at``."""

    call: str
    at: float
    reason: str = LEFT


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a call is shown out of its room, such as "room-ended"."""

    call: str
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What the switch's CDR says. ``joined_at`` 0.0: it does not tell when the call was in a room."""

    leg: Leg

    @property
    def call(self) -> str:
        """uuid of the channel."""
        return self.leg.call


News = Opened | Entered | Closed | Explained | Settled


def after(known: Leg | None, news: News) -> Leg | None:
    """The row after ``news``; None when there is none yet and this does not make one."""
    match news:
        case Opened(leg=leg):
            return leg if known is None else _filled(known, leg)
        case Settled(leg=leg) if known is None:
            return replace(leg, closed_by=SWITCH) if leg.joined_at else None
        case Settled(leg=leg) if known is not None:
            return _settled(known, leg)
        case Entered() if known is not None:
            return _entered(known, news)
        case Closed() if known is not None:
            return _closed(known, news)
        case Explained(reason=reason) if known is not None and known.closed_by != SWITCH:
            return replace(known, end_reason=reason)
    return known


def reckoned(leg: Leg, opened_at: float | None) -> Leg:
    """The row with its seconds; ``opened_at``: when the first moderator of its meeting joined, None when none did."""
    admitted = leg.admitted_at
    if leg.waits_for == NOTHING:
        admitted = leg.joined_at
    elif leg.waits_for == MODERATOR:
        admitted = None if opened_at is None else max(leg.joined_at, opened_at)
    if admitted is not None and leg.left_at is not None and admitted > leg.left_at:
        admitted = None
    until = leg.left_at if admitted is None else admitted
    return replace(
        leg,
        admitted_at=admitted,
        wait_seconds=0.0 if until is None else max(0.0, until - leg.joined_at),
        room_seconds=0.0 if admitted is None or leg.left_at is None else max(0.0, leg.left_at - admitted),
    )


def _filled(known: Leg, other: Leg) -> Leg:
    """``known`` with what it lacks."""
    return replace(
        known,
        number=known.number or other.number,
        name=known.name or other.name,
        language=known.language or other.language,
        meeting=known.meeting or other.meeting,
        switch=known.switch or other.switch,
        tries=max(known.tries, other.tries),
    )


def _entered(known: Leg, news: Entered) -> Leg:
    found = replace(known, switch=known.switch or news.switch, meeting=known.meeting or news.meeting)
    if known.closed_by == SWITCH:
        return found
    if known.left_at is not None and news.at >= known.left_at:
        reason = "" if known.end_reason in (LEFT, UNKNOWN) else known.end_reason
        found = replace(found, left_at=None, end_reason=reason, closed_by=OPEN)
    if news.meeting and found.waits_for == ADMISSION and found.admitted_at is None:
        found = replace(found, admitted_at=news.at)
    return replace(found, joined_at=min(known.joined_at, news.at))


def _closed(known: Leg, news: Closed) -> Leg:
    guess, guessed = news.reason == UNKNOWN, known.end_reason == UNKNOWN
    if known.closed_by == SWITCH or (known.closed_by == DAEMON and guess):
        return known
    seen = known.admitted_at if known.waits_for == ADMISSION else None
    at = max(news.at, known.joined_at, seen or 0.0)
    if known.closed_by == DAEMON and known.left_at is not None and not guessed:
        at = max(at, known.left_at)
    explained = known.end_reason not in ("", LEFT, UNKNOWN)
    return replace(known, left_at=at, end_reason=known.end_reason if explained else news.reason, closed_by=DAEMON)


def _settled(known: Leg, cdr: Leg) -> Leg:
    if known.closed_by == SWITCH:
        return known
    if not cdr.joined_at:  # the switch's log of applications was off: how long it was is known from us alone
        left = cdr.left_at if known.left_at is None else known.left_at
        reason = cdr.end_reason if known.end_reason in ("", LEFT, UNKNOWN) else known.end_reason
        times = replace(known, left_at=left, end_reason=reason)
    else:
        times = replace(
            known,
            joined_at=cdr.joined_at,
            admitted_at=cdr.admitted_at,
            left_at=cdr.left_at,
            end_reason=cdr.end_reason,
            waits_for=cdr.waits_for,
        )
    times = replace(times, began_at=cdr.began_at, answered_at=cdr.answered_at, ended_at=cdr.ended_at, closed_by=SWITCH)
    return _filled(times, cdr)
