"""The conversation with somebody we called: who calls, for which room, and whether they want to join.

Tenant keys: `dial_out` of a room (`number`, `moderator`, `language`), `languages`, `caller_id`.
Only a key brings them in, so no mailbox ever joins a conference. Ends: they are in the room (or wait for its
moderator) and FreeSWITCH alone holds the call; or they declined, pressed nothing, or came too late, and we hung up.

What became of it is written before they hear of it. A daemon that dies on them leaves them in music, and the next one
begins this conversation anew, without the question when it was answered already. When the store does not answer, the
variables we gave the call say who they are: nobody is left hanging.
"""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from callcontrol.dialout import Invited, Result, Ticket
from callcontrol.errors import HungUp
from callcontrol.flows.entrance import come_in, enter, give_place_back, obstacle, turn_away
from callcontrol.flows.house import House
from callcontrol.flows.visit import Guest
from callcontrol.prompts import PAUSE
from callcontrol.rooms.admission import Entry, Role
from callcontrol.spoken import spell, telephone_number
from callcontrol.state import StateUnavailable
from callcontrol.switch.call import Accepted, Call, Clip, Spoken
from callcontrol.switch.caller import Summons
from callcontrol.tenants import Room, Tenant

JOIN, DECLINE = "1", "9"
TRIES = 3
KEY_SECONDS = 5.0


def answer_summons(call: Call, summons: Summons, house: House, log: FilteringBoundLogger) -> str:
    """Ask somebody who answered whether they join; returns the outcome for log and metrics."""
    log = log.bind(round=summons.round)
    log.info("callee answered", number=summons.number, attempt=summons.attempt)
    found = _room_of(house, summons)
    if found is None:
        return _too_late(call, log, "the room is gone")
    return _Callee(Guest(call, house, found[0], log), summons, found[1]).converse()


class _Callee:
    """Somebody who answered."""

    def __init__(self, guest: Guest, summons: Summons, room: Room) -> None:
        self._guest = guest
        self._summons = summons
        self._room = room
        self._ticket = Ticket(summons.round, summons.place, summons.attempt)

    def converse(self) -> str:
        """From the first word to the room, or to goodbye; returns the outcome."""
        invited = self._who()
        if invited is None:
            return _too_late(self._guest.call, self._guest.log, "nobody waits for them any more")
        role = Role.MODERATOR if invited.moderator else Role.PARTICIPANT
        entry = Entry(self._room, role, "called", called=True)
        return come_in(self._guest, entry) if invited.accepted else self._ask(entry)

    def _who(self) -> Invited | None:
        """Who answered, as the round knows them; None when it does not want them any more."""
        try:
            return self._guest.house.rounds.answered(self._ticket)
        except StateUnavailable:
            self._guest.log.warning("who answered is taken from the call itself")
            summons = self._summons
            tenant, room = self._guest.tenant.id, self._room.name
            return Invited(tenant, room, summons.number, summons.number, summons.moderator, summons.attempt)

    def _ask(self, entry: Entry) -> str:
        call, keys = self._guest.call, {JOIN: True, DECLINE: False}
        again: list[Spoken] = ["dialout-accept"]
        questions = [[*self._greeting(), *again], *[again] * (TRIES - 1)]
        try:
            answer = call.ask(
                questions, lengths=[1], complete=keys.__contains__, judge=keys.get, first_seconds=KEY_SECONDS
            )
        except HungUp as gone:
            if gone.cause:  # without one only our socket is gone, and the next daemon asks again
                self._finish(Result.NO_KEY)
            raise
        match answer:
            case Accepted(value=True):
                return self._let_in(entry)
            case Accepted():
                return self._goodbye(Result.DECLINED, "declined-goodbye")
            case _:
                return self._goodbye(Result.NO_KEY, "dialout-no-key")

    def _let_in(self, entry: Entry) -> str:
        """Written first, then into the room: who is in a room was never lost."""
        guest = self._guest
        if reason := obstacle(guest, entry):
            self._finish(Result.NO_PLACE)
            return turn_away(guest, entry, reason)
        if not self._finish(Result.JOINED):
            give_place_back(guest, entry)
            return _too_late(guest.call, guest.log, "the round was cancelled meanwhile")
        return enter(guest, entry)

    def _goodbye(self, result: Result, prompt: str) -> str:
        self._finish(result)
        self._guest.log.info("does not join", result=str(result))
        self._guest.call.play(prompt)
        self._guest.call.hangup()
        return str(result)

    def _finish(self, result: Result) -> bool:
        """Whether the result counts: not when the round was cancelled meanwhile."""
        return self._guest.house.rounds.finish(self._ticket, self._guest.tenant.id, result)

    def _greeting(self) -> list[Spoken]:
        """Who calls, and for which room."""
        tenant, language, own = self._guest.tenant, self._guest.call.language, self._guest.house.prompts.own
        caller: list[Spoken] = ["dialout-unnamed"]
        if name := own(language, tenant.id):
            caller = ["dialout-call", Clip(name)]
        elif tenant.caller_id:
            caller = ["dialout-call", "dialout-number", *telephone_number(tenant.caller_id, language, tenant.region)]
        recorded = own(language, f"{tenant.id}.{self._room.name}")
        room: list[Spoken] = [Clip(recorded)] if recorded else [*spell(self._room.name, language)]
        return [PAUSE, *caller, PAUSE, "dialout-room", *room, PAUSE]


def _room_of(house: House, summons: Summons) -> tuple[Tenant, Room] | None:
    """The tenant and room as they are in force now."""
    tenant_id, _, name = summons.room.partition(".")
    tenant = house.tenants().by_id.get(tenant_id)
    room = tenant.rooms.get(name) if tenant is not None else None
    return (tenant, room) if tenant is not None and room is not None else None


def _too_late(call: Call, log: FilteringBoundLogger, reason: str) -> str:
    log.info("answered too late", reason=reason)
    call.play("conference-over")
    call.hangup()
    return "too late"
