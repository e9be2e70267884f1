"""Calls out: a round calls the participants of a room, each as often as is fair, whatever happens to the daemons.

    rounds.begin("acme", "board", Cause.COMMAND)          # -> Begun, or Refused and why
    rounds.report("acme.board")                           # who was reached, who is tried again when
    rounds.cancel("acme.board", "the room has ended")

What follows from a try is decided in `plan`, one greenlet per round acts on it (`dialer`), and all that counts is in
the store before it happens: see docs/adr/0010-tries-are-claimed-before-the-call.md.
"""

from callcontrol.dialout.plan import Again, Patience, Result
from callcontrol.dialout.rounds import Rounds
from callcontrol.dialout.words import Invited, Why
from callcontrol.rooms.calls import Begun, Cause, InviteeReport, InviteeState, Refused
from callcontrol.state.rounds import Ticket

__all__ = [
    "Again",
    "Begun",
    "Cause",
    "Invited",
    "InviteeReport",
    "InviteeState",
    "Patience",
    "Refused",
    "Result",
    "Rounds",
    "Ticket",
    "Why",
]
