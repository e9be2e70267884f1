"""Calling a room's participants: asked for by key or by the moderator's arrival, and told to the moderators.

Moderators hear how many were reached whenever that has changed and nothing is under way for the moment: not at each
call that ends, but once the first calls are over, after retries that reached somebody, and when the round is over. Who
comes later hears it then. The last report tells how to call the others again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from callcontrol import greenlets
from callcontrol.errors import SwitchError
from callcontrol.rooms.calls import Begun, Calls, Cause, InviteeReport, InviteeState, Refused
from callcontrol.rooms.commands import PAUSE
from callcontrol.rooms.conduct import Conduct
from callcontrol.rooms.room import Member, Phase
from callcontrol.spoken import reached
from callcontrol.tenants import DialOutWhen

#: A call that is due within so many seconds is as good as under way; one that is as overdue as HELD_UP is not: the
#: tenant's lines or calls of a day are used up, and that may take long.
SOON, HELD_UP = 10.0, 30.0
ASK_AGAIN = 10.0  # seconds after which those who could not say whether they call are asked again

_log = structlog.get_logger("callcontrol.rooms")


class Gathering:
    """The participants of one room. ``epoch``: UTC epoch seconds.

    ``run`` does something beside us: to begin may take a second, which the room must not wait.
    """

    def __init__(
        self,
        conduct: Conduct,
        calls: Calls,
        epoch: Callable[[], float],
        run: Callable[[str, Callable[[], None]], object] = greenlets.spawn,
    ) -> None:
        self._conduct = conduct
        self._calls = calls
        self._epoch = epoch
        self._run = run
        self._begin_at = float("-inf")  # when to call the participants of a moderator who is here
        self._cancelled = False
        self._told: tuple[int, int, bool] | None = None

    @property
    def possible(self) -> bool:
        """Whether the tenant file lists anybody to call."""
        return bool(self._conduct.rules().dial_out)

    def call_all(self, by: Member) -> None:
        """Call all participants, or again those who were not reached."""
        self._beside(lambda: self._call_all(by))

    def look_at_the_clock(self) -> None:
        """Call the participants of a moderator who came; tell what has changed; when the room ends, call nobody."""
        room = self._conduct.room
        if room.phase == Phase.ENDING:
            self.room_is_over()
        elif room.moderators:
            self._call_for_moderator()
            self._report(self._calls.report(self._conduct.name), room.moderators)

    def room_is_over(self) -> None:
        """Nobody is to be called any more: those who ring are let go."""
        if not self._cancelled:
            self._cancelled = True
            self._calls.cancel(self._conduct.name, "the room has ended")

    # -- how -----------------------------------------------------------------------------------------------------------

    def _beside(self, action: Callable[[], None]) -> None:
        def run() -> None:
            try:
                action()
            except SwitchError as error:
                _log.warning("moderators are not told of the calls", room=self._conduct.name, reason=str(error))

        self._run(f"calls for {self._conduct.name}", run)

    def _call_all(self, by: Member) -> None:
        answer = self._begin(Cause.KEY)
        people = self._calls.report(self._conduct.name)
        so_far = (*reached(*_count(people), by.language), PAUSE) if any(map(_joined, people)) else ()
        match answer:
            case Begun(called=()) if people and all(map(_joined, people)):
                self._conduct.commands.say(by, "all-reached")
            case Begun(called=()) if not any(one.state.goes_on for one in people):
                self._conduct.commands.say(by, *so_far, "nobody-to-call")  # who declined is left in peace
            case Begun():
                self._conduct.commands.say(by, *so_far, "calling-all")
            case Refused(for_now=True):
                self._conduct.commands.say(by, "system-error")
            case Refused():
                self._conduct.commands.say(by, "nobody-to-call")

    def _call_for_moderator(self) -> None:
        """A moderator is here: where the room wants it, the participants are called, once per meeting.

        The name of the round is that of the meeting, so neither a moderator who returns nor a daemon that was restarted
        calls them again.
        """
        wanted = self._conduct.rules().dial_out_when == DialOutWhen.ON_MODERATOR and self.possible
        if wanted and self._epoch() >= self._begin_at:
            self._begin_at = self._epoch() + ASK_AGAIN
            self._beside(self._call_all_of_meeting)
        elif not wanted:
            self._begin_at = float("inf")  # nor when the tenant file changes in the middle of a meeting

    def _call_all_of_meeting(self) -> None:
        room = self._conduct.room
        answer = self._begin(Cause.MODERATOR, f"{self._conduct.name}@meeting-{room.gathered:.0f}")
        if isinstance(answer, Begun) or not answer.for_now:
            self._begin_at = float("inf")
        if isinstance(answer, Begun) and answer.called:
            for moderator in room.moderators:
                self._conduct.commands.say(moderator, "calling-all")

    def _begin(self, cause: Cause, round_id: str = "") -> Begun | Refused:
        tenant, _, room = self._conduct.name.partition(".")
        answer = self._calls.begin(tenant, room, cause, round_id=round_id)
        if isinstance(answer, Begun) and answer.called:
            self._told = None  # how that ends is news, even when it ends as before
        _log.info("participants to be called", room=self._conduct.name, cause=cause, answer=str(answer))
        return answer

    def _report(self, people: Sequence[InviteeReport], moderators: Sequence[Member]) -> None:
        if not people or any(self._under_way(one) for one in people):
            if self._told is not None and self._told[2]:
                self._told = None  # they are called again, by whomever
            return
        joined, called = _count(people)
        over = not any(one.state.goes_on for one in people)
        told, self._told = self._told, (joined, called, over)
        if told == self._told or (told is not None and told[:2] == (joined, called) and not over):
            return
        hint = (PAUSE, "redial-hint") if over and joined < called else ()
        for moderator in moderators:
            self._conduct.commands.say(moderator, *reached(joined, called, moderator.language), *hint)

    def _under_way(self, one: InviteeReport) -> bool:
        waits = one.state == InviteeState.WAITING
        return one.state == InviteeState.CALLING or (waits and -HELD_UP < one.due_at - self._epoch() < SOON)


def _joined(one: InviteeReport) -> bool:
    return one.state == InviteeState.JOINED


def _count(people: Sequence[InviteeReport]) -> tuple[int, int]:
    return sum(map(_joined, people)), len(people)
