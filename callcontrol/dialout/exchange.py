"""What rounds stand on: the store, the tenants, the switches and the clock; and how a call is made on a switch."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from callcontrol.dialout.plan import Patience, Result, standing
from callcontrol.errors import SwitchError, SwitchRefused
from callcontrol.guessing import extension_key
from callcontrol.numbers import to_e164
from callcontrol.outgoing import Callee, Extension, accounted, line, originate, shown, telephones
from callcontrol.state.rounds import Invitee, Round, RoundStore, Ticket, Try
from callcontrol.switch.literals import text_literal
from callcontrol.switch.questions import call_exists, contacts_of
from callcontrol.tenants import Room, Tenant, Tenants

#: Where the dialplan hands whoever answered to a daemon.
ANSWERED = Extension("back", "callcontrol")

_log = structlog.get_logger("callcontrol.dialout")


class Line(Protocol):
    """The link to one switch."""

    name: str
    up: bool

    def api(self, command: str) -> str:
        """The answer of an API command. Raises SwitchError."""

    def begin(self, command: str, job: str) -> None:
        """Start a command in the background; its end is an event with this name. Raises SwitchError."""


def _new_call() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Exchange:
    """``hosted_by``: which switch has this room (TENANT.ROOM) now, ``""`` when nobody is in it. ``meeting_of``: the
    meeting that goes on there, as the ledger knows it; ``""`` for none. ``numbers_in``: of those who are in it or wait
    for its moderator, as they came. ``language_of``: what somebody of a tenant once chose.
    ``identity``: this daemon's name, the same after a restart. ``now``: UTC epoch
    seconds. ``count``: told of each result this daemon writes, with the tenant's id.
    """

    store: RoundStore
    tenants: Callable[[], Tenants]
    lines: Sequence[Line]
    hosted_by: Callable[[str], str]
    meeting_of: Callable[[str], str]
    numbers_in: Callable[[str], Iterable[str]]
    language_of: Callable[[str, str], str | None]
    identity: str
    patience: Patience = field(default_factory=Patience)
    now: Callable[[], float] = time.time
    new_call: Callable[[], str] = _new_call
    count: Callable[[str, Result], None] = lambda tenant, result: None

    def room_of(self, tenant: str, room: str) -> tuple[Tenant, Room] | None:
        """A room as it is in force now."""
        found = self.tenants().by_id.get(tenant)
        rules = found.rooms.get(room) if found is not None else None
        return (found, rules) if found is not None and rules is not None else None

    def is_there(self, round_: Round, one: Invitee, tenant: Tenant) -> bool:
        """Whether somebody with this number is in the room already, having called themselves."""
        numbers = self.numbers_in(round_.room_name)
        return any(one.number in (number, to_e164(number, tenant.region)) for number in numbers)

    def line(self, name: str) -> Line | None:
        """The switch of this name."""
        return next((line for line in self.lines if line.name == name), None)

    def line_for(self, round_: Round, tries: Sequence[Try]) -> Line | None:
        """Where to call from: the switch that has the room, else that of the last call, else any that is up."""
        last = max(tries, key=lambda one: one.began_at).switch if tries else ""
        wanted = [self.line(self.hosted_by(round_.room_name)), self.line(last), *self.lines]
        return next((line for line in wanted if line is not None and line.up), None)

    def endpoints(self, who: Callee, switch: Line) -> tuple[str, ...]:
        """What rings for somebody; nothing when no telephone is registered. Raises SwitchError."""
        if not who.domain:
            return (line(who),)
        try:
            return telephones(contacts_of(switch.api, who.number, who.domain))
        except SwitchRefused:
            return ()

    def command(self, round_: Round, one: Invitee, who: Callee, try_: Try, tenant: Tenant, rings: Iterable[str]) -> str:
        """The command that makes the calls of a try. Raises UnsafeText."""
        variables = {
            "cc_door": "dialout",
            "cc_dialled": who.number,
            "cc_round": round_.id,
            "cc_place": str(one.place),
            "cc_try": str(try_.number),
            "cc_language": self._chosen(who, tenant) or one.language or tenant.languages[0],
            "cc_next": "again",
            "socket_resume": "true",  # a daemon that dies leaves the callee to the safety net, not in silence
            "sensitive_dtmf": "true",
        }
        legs = dict(zip(try_.calls, rings, strict=True))
        variables |= accounted(who, tenant, round_.room_name, moderator=one.moderator)
        return originate(legs, shown(who, tenant, round_.room_name) | variables, ANSWERED, self.patience.ring)

    def _chosen(self, who: Callee, tenant: Tenant) -> str | None:
        """The language somebody once chose, if the tenant still speaks it."""
        known_as = extension_key(tenant.id, f"{who.number}@{who.domain}") if who.domain else who.number
        chosen = self.language_of(tenant.id, known_as)
        return chosen if chosen in tenant.languages else None

    def finish(self, ticket: Ticket, tenant: str, result: Result) -> bool:
        """Write a result; False when the try had one. Raises StateUnavailable."""
        now = self.now()
        counts = self.store.finish_try(ticket, str(result), now, lambda results: standing(results, now, self.patience))
        if counts:
            self.count(tenant, result)
        return counts

    def exists(self, try_: Try) -> bool | None:
        """Whether the switch has a call of this try; None when it cannot be asked now."""
        switch = self.line(try_.switch)
        if switch is None:
            return False
        try:
            return any(call_exists(switch.api, call) for call in try_.calls)
        except SwitchRefused:
            return False
        except SwitchError:
            return None

    def hang_up(self, tries: Iterable[Try]) -> None:
        """End what still rings; who answered, perhaps this moment, is told by the flow that speaks with them."""
        for try_ in tries:
            switch = self.line(try_.switch)
            if switch is None or try_.answered_at is not None:
                continue
            for call in try_.calls:
                try:
                    if switch.api(f"uuid_getvar {text_literal(call)} current_application") == "_undef_":
                        switch.api(f"uuid_kill {text_literal(call)}")
                except SwitchRefused:
                    _log.debug("rings no longer", call=call)
                except SwitchError as error:
                    _log.warning("cannot end a call that rings", call=call, reason=str(error))
