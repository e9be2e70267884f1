"""The PIN: asked three times at most, compared against every role, guessing made slow.

A wrong PIN is counted against the caller and against the room (or the number, when it leads to several rooms): the
sixth within 15 minutes ends the call and refuses further ones, the twentieth at a room delays each further try. What
is too short for any PIN is not counted.
What was typed is neither logged nor kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from callcontrol.flows.tries import Tries
from callcontrol.flows.visit import Visit
from callcontrol.guessing import target_key
from callcontrol.rooms.admission import Entry, entries_by_pin
from callcontrol.switch.call import Accepted, Nothing, TooManyTries

#: Digits (tenants/fields.py). Less is no guess but the key of a language, typed by a telephone that dials an
#: an invitation (callcontrol/invitations/dialin.py) for a caller who is not asked for a language any more.
SHORTEST = 4
WELCOME_AND_TRIES = (("welcome", "enter-pin"), ("wrong-pin",), ("wrong-pin",))


def entry_by_pin(visit: Visit) -> Entry | None:
    """The room and role of the PIN the caller enters; None after telling them goodbye."""
    entries = entries_by_pin(visit.route.rooms, visit.number)
    judge = _Judge(visit, entries)
    answer = visit.call.ask(
        WELCOME_AND_TRIES,
        lengths=[len(pin) for pin in entries],
        complete=entries.__contains__,
        judge=judge,
        may_retry=judge.may_retry,
    )
    match answer:
        case Accepted(entry):
            return entry
        case Nothing():
            visit.log.info("no PIN entered")
        case TooManyTries():
            visit.log.info("too many wrong PINs")
    visit.call.play("goodbye")
    return None


class _Judge:
    """Compares one try, and counts it when it is wrong."""

    def __init__(self, visit: Visit, entries: Mapping[str, Entry]) -> None:
        route = visit.route
        self._visit = visit
        self._entries = entries
        target = target_key(route.tenant.id, route.number.e164, [room.name for room in route.rooms])
        self._tries = Tries(visit, target, visit.key)

    def __call__(self, digits: str) -> Entry | None:
        """The entry of a right PIN; None when it is wrong, or right but the caller is blocked by now."""
        if len(digits) < SHORTEST:
            self._visit.log.info("too short for a PIN")
            return None
        entry = self._entries.get(digits)
        return entry if self._tries.accept(entry is not None) else None

    def may_retry(self) -> bool:
        return not self._tries.blocked
