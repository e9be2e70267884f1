"""Compares the ledger with what a switch says it has: after a restart, after a lost link, and every now and then.

- A call that is in a room and has no row gets one, from the variables of its channel (account.py). Whom a moderator
  called in comes to a row this way too.
- A row that was closed though its call is still there is open again.
- An open row whose call is nowhere is closed as UNKNOWN, after `patience` seconds and two comparisons: its leave was
  seen by nobody. It ends when the call was last known to be there: at the last comparison that found it, or at the
  last one a daemon wrote down (table `sightings`), or at its joining. Those seconds are too few rather than too many;
  the switch's record puts them right if it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog
from gevent.event import Event as Signal

from callcontrol.account import account_of, side_of
from callcontrol.errors import SwitchError
from callcontrol.state import Leg, Legs, StateUnavailable
from callcontrol.state.leg import ADMISSION, DAEMON, MODERATOR, NOTHING, OPEN, UNKNOWN, Closed, Entered, News, Opened
from callcontrol.switch.events import Event

#: Seconds until a member without a row is looked at: the flow that let it in tells of it in that time.
STRANGE_AFTER = 2.0
#: Seconds in which a call may not be listed by the switch yet, though it is on its way into the room.
ON_THE_WAY = 10.0
#: Seconds between clocks of two machines that are taken for none.
SKEW = 2.0
TICK = 1.0

_log = structlog.get_logger("callcontrol.ledger")


@dataclass(frozen=True)
class Present:
    """A call that is in a room: since ``at`` (UTC epoch seconds); ``conference``: its name, a side room perhaps.

    ``meeting``: FreeSWITCH's uuid of that conference.
    """

    call: str
    switch: str
    conference: str
    meeting: str
    at: float


@dataclass
class _Stranger:
    """A member whose row we know nothing of; ``news``: what happened to it meanwhile."""

    present: Present
    news: list[News]


@dataclass(frozen=True)
class _Look:
    asked: float
    present: Mapping[str, Present]


class Watch:
    """``ask``: the channel of a call on a switch, as an event; raises SwitchError. ``switches``: all their names."""

    def __init__(
        self,
        legs: Legs,
        tell: Callable[[News], None],
        ask: Callable[[str, str], Event],
        switches: Iterable[str],
        clock: Callable[[], float],
        patience: float,
    ) -> None:
        self._legs = legs
        self._tell = tell
        self._ask = ask
        self._switches = frozenset(switches)
        self._clock = clock
        self._patience = patience
        self._with_row: set[str] = set()
        self._strangers: dict[str, _Stranger] = {}
        self._looks: dict[str, _Look] = {}
        self._due: set[str] = set()  # switches whose last look is still to be compared
        self._seen: dict[str, float] = {}  # when a call was last listed
        self._missing: dict[str, float] = {}  # since when an open row's call is not listed
        self._stopping = Signal()

    @property
    def due(self) -> bool:
        """Whether something is still to be compared."""
        return bool(self._due)

    # -- what is told; returns at once -------------------------------------------------------------------------------

    def has_row(self, call: str) -> list[News]:
        """The row of this call is written; what the switch told of it earlier, which found no row then."""
        self._with_row.add(call)
        stranger = self._strangers.pop(call, None)
        return stranger.news if stranger is not None else []

    def entered(self, present: Present) -> Entered:
        """A call became a member; the news of it."""
        news = _entry(present, present.at)
        if present.call not in self._with_row:
            self._strangers.setdefault(present.call, _Stranger(present, [])).news.append(news)
        return news

    def left(self, call: str, at: float) -> Closed:
        """A call is no member any longer; the news of it."""
        news = Closed(call, at)
        if call in self._strangers:
            self._strangers[call].news.append(news)
        self._forget(call)
        return news

    def compare(self, switch: str, present: Mapping[str, Present], asked: float) -> None:
        """All members a switch has, as it said at ``asked``."""
        self._looks[switch] = _Look(asked, present)
        self._due.add(switch)

    def lost(self, switch: str) -> None:
        """The switch cannot be asked any longer."""
        self._looks.pop(switch, None)
        self._due.discard(switch)

    # -- the greenlet ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Compare until `stop`."""
        while not self._stopping.wait(timeout=TICK):
            try:
                self.look()
            except StateUnavailable:
                continue  # what was to be compared is still due
            except Exception:  # noqa: BLE001 - one call that is odd must not end the ledger's watch
                _log.exception("comparison of the ledger failed")

    def stop(self) -> None:
        """End the greenlet."""
        self._stopping.set()

    def look(self) -> None:
        """What is due now. Raises StateUnavailable."""
        for switch in tuple(self._due):
            look = self._looks.get(switch)
            if look is not None:
                self._compare(switch, look)
            if self._looks.get(switch) is look:  # else it was asked again meanwhile
                self._due.discard(switch)
        now = self._clock()
        old = [one for one in self._strangers.values() if now - one.present.at >= STRANGE_AFTER]
        if old:
            self._meet(old)

    # -- how ---------------------------------------------------------------------------------------------------------

    def _compare(self, switch: str, look: _Look) -> None:
        rows = {leg.call: leg for leg in self._legs.open_rows()}
        for call in look.present:
            self._seen[call] = look.asked
            self._missing.pop(call, None)
        for call, present in look.present.items():
            row = rows.get(call)
            if row is None:
                if call not in self._with_row:
                    self._strangers.setdefault(call, _Stranger(present, [_entry(present, present.at)]))
            elif not row.switch or (not row.meeting and not side_of(present.conference)[1]):
                self._tell(_entry(present, look.asked))
        self._reopen(look, [call for call in look.present if call in self._with_row and call not in rows])
        missing = [leg for leg in rows.values() if self._is_missing(leg, switch, look)]
        for leg in missing:
            self._look_for(leg, look)
        if not missing:
            self._legs.sighted(switch, look.asked)
        self._forget_all_but(rows.keys() | {call for look in self._looks.values() for call in look.present})

    def _reopen(self, look: _Look, calls: list[str]) -> None:
        """Rows that were closed though their calls are there."""
        for leg in self._legs.of_calls(calls):
            if leg.closed_by == DAEMON and leg.left_at is not None and leg.left_at < look.asked - SKEW:
                self._tell(_entry(look.present[leg.call], look.asked))

    def _is_missing(self, leg: Leg, switch: str, look: _Look) -> bool:
        if abs(look.asked - leg.joined_at) < ON_THE_WAY or leg.closed_by != OPEN:
            return False
        if leg.switch:
            return leg.switch == switch and leg.call not in look.present
        everywhere = self._looks.keys() >= self._switches
        return everywhere and not any(leg.call in other.present for other in self._looks.values())

    def _look_for(self, leg: Leg, look: _Look) -> None:
        since = self._missing.setdefault(leg.call, look.asked)
        if look.asked <= since or look.asked - since < self._patience:
            return
        known = max(self._seen.get(leg.call, 0.0), self._sighting(leg))
        at = max(leg.joined_at, min(known, look.asked))  # a clock may have been ahead when that was noted
        _log.warning("a call is gone and nobody saw it leave", call=leg.call, tenant=leg.tenant, room=leg.room)
        self._tell(Closed(leg.call, at, UNKNOWN))
        self._forget(leg.call)

    def _sighting(self, leg: Leg) -> float:
        """When a daemon last wrote down that no open row of this switch was without its call."""
        at = self._legs.last_sighting(leg.switch) if leg.switch else 0.0
        return at if leg.joined_at < at - ON_THE_WAY else 0.0

    def _meet(self, strangers: list[_Stranger]) -> None:
        """Members whose row another daemon wrote, or nobody."""
        rows = {leg.call for leg in self._legs.of_calls([stranger.present.call for stranger in strangers])}
        for stranger in strangers:
            call = stranger.present.call
            if call not in rows:
                self._adopt(stranger)
            if self._strangers.get(call) is stranger:  # else our own flow wrote the row meanwhile
                for news in self.has_row(call):
                    self._tell(news)

    def _adopt(self, stranger: _Stranger) -> None:
        """Write the row of a member nobody wrote down."""
        present = stranger.present
        try:
            channel = self._ask(present.switch, present.call)
        except SwitchError:  # gone, or the next comparison finds it again
            self._strangers.pop(present.call, None)
            return
        leg = leg_of_channel(present, channel)
        if leg is not None and self._strangers.get(present.call) is stranger:
            _log.info("a member without a row was written down", call=leg.call, tenant=leg.tenant, room=leg.room)
            self._tell(Opened(leg))

    def _forget_all_but(self, calls: set[str]) -> None:
        """What is known of calls whose leaving no event told."""
        self._with_row &= calls
        self._seen = {call: at for call, at in self._seen.items() if call in calls}
        self._missing = {call: since for call, since in self._missing.items() if call in calls}

    def _forget(self, call: str) -> None:
        for known in (self._seen, self._missing):
            known.pop(call, None)
        self._with_row.discard(call)


def leg_of_channel(present: Present, channel: Event) -> Leg | None:
    """The row of a call that is in a room, from its channel's data; None for a call that is none of ours."""
    account = account_of(lambda name: channel.get(f"variable_{name}"))
    room, side = side_of(present.conference)
    if account is None or room != f"{account.tenant}.{account.room}":
        return None
    waits = "wait-mod" in channel.get("variable_current_application_data") and account.role != "moderator"
    began = _epoch(channel.get("Caller-Channel-Created-Time")) or present.at
    return Leg(
        call=present.call,
        tenant=account.tenant,
        room=account.room,
        role=account.role,
        direction="outbound" if channel.get("Call-Direction") == "outbound" else "inbound",
        payer=account.payer,
        began_at=began,
        answered_at=_epoch(channel.get("Caller-Channel-Answered-Time")) or began,
        joined_at=present.at,
        number=account.number,
        name=account.name,
        tries=account.tries,
        language=account.language,
        waits_for=ADMISSION if side else MODERATOR if waits else NOTHING,
    )


def _entry(present: Present, at: float) -> Entered:
    side = side_of(present.conference)[1]
    return Entered(present.call, present.switch, "" if side else present.meeting, at)


def _epoch(microseconds: str) -> float:
    return int(microseconds) / 1e6 if microseconds.isdecimal() and len(microseconds) < 18 else 0.0
