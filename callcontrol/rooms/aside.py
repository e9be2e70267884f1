"""Calling somebody in: the moderator talks to the callee alone in a side room, then brings them along or lets them go.

The side room is the conference TENANT.ROOM.aside, so FreeSWITCH holds it like any room: who is in it is known after a
restart too. Keys there: `*2` both into the room, `*3` the callee is let go and the moderator returns. Whoever is left
alone in it (the callee hung up, nobody answered) returns or is let go by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from callcontrol.rooms.callin import RING_SECONDS, Refusal, callee, originate
from callcontrol.rooms.commands import RoomCommands
from callcontrol.rooms.conduct import Conduct
from callcontrol.rooms.keys import GAP
from callcontrol.rooms.room import Member, RoomState
from callcontrol.tenants import Tenant

_log = structlog.get_logger("callcontrol.rooms")


@dataclass
class _Ringing:
    call: str
    until: float


class Aside:
    """The side room of one room. ``begin`` starts a command in the background and names it with the callee's uuid."""

    def __init__(
        self,
        conduct: Conduct,
        commands: RoomCommands,
        tenant: Callable[[], Tenant | None],
        begin: Callable[[str, str], None],
        new_call: Callable[[], str],
    ) -> None:
        self._conduct = conduct
        self._commands = commands
        self._tenant = tenant
        self._begin = begin
        self._new_call = new_call
        self._ringing: _Ringing | None = None
        self._star_at: float | None = None
        self._away: set[str] = set()
        self.name = f"{conduct.name}.aside"

    @property
    def room(self) -> RoomState:
        """Who is in the side room now."""
        return self._conduct.room_called(self.name)

    def is_away(self, call: str) -> bool:
        """Whether this moderator only went aside, and has not left."""
        return call in self._away or call in self.room.members

    def dial(self, moderator: Member, digits: str, now: float) -> None:
        """Call somebody; the moderator waits for them aside, with music."""
        tenant = self._tenant()
        who = callee(digits, tenant) if tenant is not None else Refusal.NOT_A_NUMBER
        if isinstance(who, Refusal) or tenant is None or self._ringing is not None or self.room.members:
            _log.info("not called in", room=self._conduct.name, reason=str(who) if isinstance(who, Refusal) else "busy")
            self._conduct.commands.say(moderator, "number-refused")
            return
        call = self._new_call()
        self._ringing = _Ringing(call, now + RING_SECONDS + 5.0)
        self._away.add(moderator.call)
        _log.info("calls somebody in", room=self._conduct.name, number=who.number, call=call)
        self._conduct.commands.say(moderator, "calling")
        self._conduct.commands.move_moderator(moderator, self.name)
        self._begin(originate(who, call, self.name, tenant, moderator.language), call)

    def came(self, member: Member) -> None:
        """Somebody came into the side room."""
        self._away.discard(member.call)
        if not member.moderator:
            self._ringing = None
            for moderator in self.room.moderators:
                self._commands.say(moderator, "callee-hint")

    def left(self, member: Member) -> None:
        """Somebody left it: who is alone now does not stay there."""
        rest = self.room
        if self._ringing is None and len(rest.members) == 1 and member.call not in self._conduct.room.members:
            self._dissolve()

    def failed(self, call: str) -> None:
        """The callee could not be reached."""
        if self._ringing is not None and self._ringing.call == call:
            self._ringing = None
            _log.info("callee not reached", room=self._conduct.name, call=call)
            for moderator in self.room.moderators:
                self._commands.say(moderator, "callee-failed")
            self._dissolve()

    def press(self, member: Member, key: str, now: float) -> None:
        """A key pressed in the side room."""
        began, self._star_at = self._star_at, now if key == "*" else None
        if not member.moderator or began is None or now - began > GAP:
            return
        if key == "2":
            self._bring_all()
        elif key == "3":
            self._dissolve()

    def look_at_the_clock(self, now: float) -> None:
        """Nobody rings for ever."""
        if self._ringing is not None and now >= self._ringing.until:
            self.failed(self._ringing.call)

    def _bring_all(self) -> None:
        for member in self.room.by_arrival:
            if member.moderator:
                self._commands.move_moderator(member, self._conduct.name)
            else:
                self._commands.move([member.id], self._conduct.name)

    def _dissolve(self) -> None:
        """Moderators return; a callee, on the line or still ringing, is let go."""
        if self._ringing is not None:
            self._commands.let_go(self._ringing.call)
            self._ringing = None
        for member in self.room.by_arrival:
            if member.moderator:
                self._commands.move_moderator(member, self._conduct.name)
            else:
                self._commands.let_go(member.call)
