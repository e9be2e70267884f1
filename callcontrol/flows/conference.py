"""A call to a conference number: from the first ring to the room, or to the reason why not.

Tenant keys: `numbers` (`room`, `rooms`, `languages`) and of each room `access`, `pin`, `moderator_pin`, `whitelist`,
`moderators`, `wait_for_moderator`, `max_participants`.
Ends: the caller is in the room and FreeSWITCH alone holds the call; or they heard why not and we hang up. A caller
without any right to enter is refused without being answered.
"""

from __future__ import annotations

from callcontrol.flows.entrance import come_in
from callcontrol.flows.language import choose_language, remembered_language
from callcontrol.flows.pin import entry_by_pin
from callcontrol.flows.visit import Visit
from callcontrol.rooms.admission import entries_by_pin, entry_by_number


def enter_conference(visit: Visit) -> str:
    """Let the caller into a conference room; returns the outcome for log and metrics."""
    call, house = visit.call, visit.house
    entry = entry_by_number(visit.route.rooms, visit.number)
    if entry is None and not entries_by_pin(visit.route.rooms, visit.number):
        return refuse(visit, "caller is not listed")
    if entry is None and (seconds := house.state.blocked_for(visit.key, house.now())):
        return refuse(visit, "caller is blocked for guessing", seconds_left=round(seconds))
    call.answer()
    choose_language(visit)
    if entry is None:
        entry = entry_by_pin(visit)
    else:
        call.play("welcome")
    if entry is None:
        call.hangup()
        return "no right PIN"
    return come_in(visit, entry)


def refuse(visit: Visit, reason: str, **details: object) -> str:
    """Not answered: the caller hears in the ringing that it is not accepted, pays nothing, and is told no reason."""
    visit.log.info("refused", reason=reason, **details)
    visit.call.language = remembered_language(visit) or visit.route.number.languages[0]
    visit.call.play_unanswered("not-accepted")
    visit.call.hangup("CALL_REJECTED")
    return "refused"
