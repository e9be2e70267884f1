"""Calling somebody in: the moderator talks to the callee alone in a side room, then brings them along or lets them go.

The side room is the conference TENANT.ROOM.aside, so FreeSWITCH holds it like any room; which calls ring for it stands
in a variable of the moderator's channel. So all of it is known after a restart. Keys there: `*2` both into the room,
`*3` the callee is let go and the moderator returns.

Rule: `settle` looks at who is there and who is on the way, and nobody is left alone: a callee without moderator is let
go, a moderator without callee returns. What happened (refused, hung up, a lost event) need not be known for that.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from callcontrol.outgoing import (
    RING_SECONDS,
    Callee,
    Conference,
    Refusal,
    accounted,
    callee,
    line,
    originate,
    shown,
    telephones,
)
from callcontrol.rooms.commands import PAUSE, PROFILE, RoomCommands
from callcontrol.rooms.conduct import Conduct
from callcontrol.rooms.keys import GAP
from callcontrol.rooms.room import Member, RoomState
from callcontrol.tenants import Tenant

LEGS = "cc_callee"  # of the moderator's channel: uuids of the calls that ring, joined by ":"
TRAVEL_SECONDS = 5.0  # from one conference to the other; who has not arrived then has hung up
BIRTH_SECONDS = 2.0  # from the command to the calls it makes
LATE_SECONDS = 5.0  # FreeSWITCH ends the ringing itself; if it did not, or its word got lost

_UUID = re.compile(r"[0-9a-f-]{36}")
_log = structlog.get_logger("callcontrol.rooms")


@dataclass(frozen=True)
class _Ringing:
    """``job``: the name of the command, ``""`` when another daemon gave it; times of the clock, in seconds."""

    job: str
    legs: tuple[str, ...]
    since: float
    until: float


@dataclass(frozen=True)
class _Trip:
    """Somebody between two conferences."""

    moderator: bool
    until: float


class Aside:
    """The side room of one room. ``begin`` starts a command in the background and gives it a name (``new_call``).

    ``ring_seconds``: how long the callee's telephones ring.
    """

    def __init__(
        self,
        conduct: Conduct,
        commands: RoomCommands,
        tenant: Callable[[], Tenant | None],
        begin: Callable[[str, str], None],
        new_call: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
        ring_seconds: float = RING_SECONDS,
    ) -> None:
        self._conduct = conduct
        self._commands = commands
        self._tenant = tenant
        self._begin = begin
        self._new_call = new_call
        self._clock = clock
        self._ring_seconds = ring_seconds
        self._ringing: _Ringing | None = None
        self._trips: dict[str, _Trip] = {}
        self._talked = False  # the callee has been in the side room
        self._over: set[str] = set()  # calls that ring no longer, though FreeSWITCH may know them for a moment
        self._dismissed: set[str] = set()
        self._words: dict[str, str] = {}  # what a moderator hears once back
        self._stars: dict[str, float] = {}
        self.name = conduct.aside_name

    @property
    def room(self) -> RoomState:
        """Who is in the side room now."""
        return self._conduct.aside

    @property
    def busy(self) -> bool:
        """Somebody rings, or is between two conferences: then all of them may be empty for a moment."""
        return self._ringing is not None or bool(self._trips)

    @property
    def moderates(self) -> bool:
        """A moderator is aside or on the way: the room has one, though not in it."""
        return bool(self.room.moderators) or any(trip.moderator for trip in self._trips.values())

    def is_away(self, call: str) -> bool:
        """Whether this moderator only went aside, and has not left."""
        return call in self._trips or call in self.room.members

    # -- what moderators want ------------------------------------------------------------------------------------------

    def dial(self, moderator: Member, digits: str) -> None:
        """Call somebody; the moderator waits for them aside, with music."""
        tenant, say = self._tenant(), self._conduct.commands.say
        if tenant is None or self.busy or self.room.members:
            _log.info("not called in", room=self._conduct.name, reason="somebody is being called already")
            say(moderator, "number-refused")
            return
        who = callee(digits, tenant)
        if isinstance(who, Refusal):
            _log.info("not called in", room=self._conduct.name, reason=str(who))
            say(moderator, "number-refused")
        elif not (endpoints := self._endpoints(who)):
            _log.info("not called in", room=self._conduct.name, number=who.number, reason="no telephone is registered")
            say(moderator, "callee-failed")
        else:
            self._ring(moderator, who, endpoints, tenant)

    def press(self, member: Member, key: str, at: float) -> None:
        """A key pressed in the side room; the callee's mean nothing yet."""
        if not member.moderator or member.call in self._trips:
            return
        began = self._stars.pop(member.call, None)
        if began is None or at - began > GAP:
            if key == "*":
                self._stars[member.call] = at
        elif key == "2" and any(not other.moderator for other in self.room.members.values()):
            _log.info("brought in", room=self._conduct.name, call=member.call)
            self._bring_in(self.room.by_arrival)
        elif key == "3":
            self._end_ringing()
            self._let_go(other.call for other in self.room.by_arrival if not other.moderator)
            self._bring_in(self.room.moderators)
        else:
            self._explain()

    # -- what happens --------------------------------------------------------------------------------------------------

    def came(self, member: Member) -> None:
        """Somebody came into the side room."""
        _log.info("aside", room=self._conduct.name, call=member.call, moderator=member.moderator)
        if member.moderator:
            self._trips.pop(member.call, None)
        self.settle()
        self._explain()

    def left(self, member: Member) -> None:
        """Somebody left it."""
        self._stars.pop(member.call, None)
        self.settle()

    def arrived(self, member: Member) -> bool:
        """Somebody came into the room; whether it is a moderator who only was aside."""
        trip = self._trips.pop(member.call, None)
        if word := self._words.pop(member.call, ""):
            self._conduct.commands.say(member, word)
        return trip is not None and trip.moderator

    def failed(self, job: str) -> None:
        """Nobody answered, or the call was refused."""
        if self._ringing is not None and self._ringing.job == job:
            _log.info("callee not reached", room=self._conduct.name)
            self._over.update(self._ringing.legs)
            self._ringing = None
            self.settle()

    def look_at_the_clock(self) -> bool:
        """Whether a moderator got lost on the way, that is hung up between two conferences."""
        now = self._clock()
        overdue = {call: trip for call, trip in self._trips.items() if trip.until <= now}
        for call in overdue:
            del self._trips[call]
            self._words.pop(call, None)
        self.settle()
        return any(trip.moderator and call not in self._known() for call, trip in overdue.items())

    def settle(self) -> None:
        """Nobody stays alone. To be called after everything that may have changed who is there."""
        self._dismissed &= self.room.members.keys()
        here = [member for member in self.room.by_arrival if member.call not in self._trips.keys() | self._dismissed]
        guests = [member.call for member in here if not member.moderator]
        moderators = [member for member in here if member.moderator]
        if guests:
            self._talked, self._ringing = True, None
            self._over.update(guests)
        if not moderators and not any(trip.moderator for trip in self._trips.values()):
            self._end_ringing()
            self._let_go(guests)
        elif moderators and not guests and not self._rings(moderators[0]):
            word = "" if self._talked else "callee-failed"
            self._words.update({member.call: word for member in moderators})
            self._bring_in(moderators)

    # -- how -----------------------------------------------------------------------------------------------------------

    def _endpoints(self, who: Callee) -> tuple[str, ...]:
        if who.domain:
            return telephones(self._commands.contacts(who.number, who.domain))
        return (line(who),)

    def _ring(self, moderator: Member, who: Callee, endpoints: tuple[str, ...], tenant: Tenant) -> None:
        now, job = self._clock(), self._new_call()
        legs = {self._new_call(): endpoint for endpoint in endpoints}
        room, language = self._conduct.name, moderator.language or tenant.languages[0]
        said = shown(who, tenant, room) | accounted(who, tenant, room) | {"cc_language": language}
        command = originate(legs, said, Conference(self.name, PROFILE), self._ring_seconds)
        _log.info("calls somebody in", room=self._conduct.name, number=who.number, telephones=len(legs))
        self._talked = False
        self._over.clear()
        self._commands.note(moderator.call, LEGS, ":".join(legs))
        self._begin(command, job)
        self._ringing = _Ringing(job, tuple(legs), now, now + self._ring_seconds + LATE_SECONDS)
        self._conduct.commands.move_moderator(moderator, self.name)
        self._trips[moderator.call] = _Trip(moderator=True, until=now + TRAVEL_SECONDS)

    def _rings(self, moderator: Member) -> bool:
        """Whether somebody is still being called."""
        if self._ringing is None:
            self._ringing = self._remembered(moderator)
        ringing, now = self._ringing, self._clock()
        if ringing is None:
            return False
        born = now >= ringing.since + BIRTH_SECONDS
        if now < ringing.until and (not born or any(map(self._commands.exists, ringing.legs))):
            return True
        self._end_ringing()
        return False

    def _remembered(self, moderator: Member) -> _Ringing | None:
        """What the moderator's channel says of calls another daemon, or we before a restart, have made."""
        written = self._commands.variable(moderator.call, LEGS).split(":")
        legs = tuple(leg for leg in written if _UUID.fullmatch(leg) and leg not in self._over)
        if not any(map(self._commands.exists, legs)):
            return None
        now = self._clock()
        return _Ringing("", legs, now - BIRTH_SECONDS, now + self._ring_seconds + LATE_SECONDS)

    def _explain(self) -> None:
        """Tell moderators who wait what is going on, or what they can press."""
        members = self.room.by_arrival
        company = any(not member.moderator for member in members)
        words = (PAUSE, "callee-hint") if company else ("calling",)  # the music ends a moment after the callee came
        for member in members:
            if member.moderator and member.call not in self._trips:
                self._commands.hush(member)
                self._commands.say(member, *words)

    def _bring_in(self, members: Iterable[Member]) -> None:
        for member in members:
            if member.moderator:
                self._commands.move_moderator(member, self._conduct.name)
            else:
                self._commands.move([member.id], self._conduct.name)
            self._trips[member.call] = _Trip(member.moderator, self._clock() + TRAVEL_SECONDS)

    def _let_go(self, calls: Iterable[str]) -> None:
        for call in calls:
            self._commands.let_go(call)
            self._dismissed.add(call)

    def _end_ringing(self) -> None:
        if self._ringing is not None:
            for leg in self._ringing.legs:
                self._commands.let_go(leg)
            self._over.update(self._ringing.legs)
            self._ringing = None

    def _known(self) -> set[str]:
        return {*self.room.members, *self._conduct.room.members}
