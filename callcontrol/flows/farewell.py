"""The last words to a caller who was shown out of a room: why, and goodbye.

The dialplan brings such a caller back to a daemon with `cc_farewell` set by whoever showed them out; any daemon can
say it, in the language the caller had. Ends with a hang-up.
"""

from __future__ import annotations

from callcontrol.ledger.books import Books
from callcontrol.switch.call import Call

FAREWELLS = frozenset({"moderator-absent", "alone-too-long", "time-over", "room-ended", "you-were-put-out"})


def say_farewell(call: Call, books: Books) -> str:
    """Say it and hang up; an unknown word is not said."""
    if call.farewell in FAREWELLS:
        books.explained(call.id, call.farewell)
        call.play(call.farewell)
    call.hangup()
    return f"shown out: {call.farewell}"
