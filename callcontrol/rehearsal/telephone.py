"""Scripted phones that can be called: they pick up, are busy, refuse, or let it ring; then they are like any phone."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Self

from callcontrol.rehearsal.exchange import Exchange, Reaction
from callcontrol.rehearsal.phone import Network, Phone
from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.template import Dialled
from callcontrol.rehearsal.transcript import Kind

BUSY = Reaction(cause="USER_BUSY", rings=False)


class Telephone(Phone):
    """One telephone that others can call. Made by RehearsalSwitch.telephone.

    What it does with a call is told beforehand: ``telephone.busy(times=2).picks_up(after=1.0)``. A reaction with
    ``times`` is used up, one after the other; the last one without stays. It is busy while it has a call.
    """

    def __init__(
        self,
        switch: Network,
        exchange: Exchange,
        call: Dialled,
        patience: float,
        contact: str,
        picks_up: Reaction,
        presses: Sequence[str],
    ) -> None:
        super().__init__(switch, call, patience)
        self._exchange = exchange
        self.number = call.number
        self.extension = call.extension or ""
        self.contact = contact
        self._always = picks_up
        self._next_times: deque[Reaction] = deque()
        self._presses = tuple(presses)
        self.times_called = 0

    # -- what it does when it is called ----------------------------------------------------------------------------

    def picks_up(self, after: float = 0.0, times: int | None = None) -> Self:
        """Somebody answers after it has rung for so many seconds."""
        return self._does(Reaction(after=after), times)

    def busy(self, times: int | None = None) -> Self:
        """Somebody is talking on it."""
        return self._does(BUSY, times)

    def rejects(self, after: float = 0.0, times: int | None = None) -> Self:
        """Somebody presses the red key (603)."""
        return self._does(Reaction(after=after, cause="CALL_REJECTED"), times)

    def rings_out(self, times: int | None = None) -> Self:
        """Nobody picks up until the caller gives up; unless media takes time, that is at once."""
        return self._does(Reaction(endless=True, hopeless=True), times)

    def rings_on(self, times: int | None = None) -> Self:
        """It rings until the caller gives up, or the script picks up or hangs up."""
        return self._does(Reaction(endless=True), times)

    def announces(self, times: int | None = None) -> Self:
        """A machine of the network speaks before any answer (183) until the caller gives up."""
        return self._does(Reaction(endless=True, rings=False, announces=True), times)

    def is_unreachable(self, cause: str = "NO_USER_RESPONSE", times: int | None = None) -> Self:
        """The network refuses with a status that means ``cause`` to FreeSWITCH (480 as it stands)."""
        return self._does(Reaction(cause=cause, rings=False), times)

    def answers_now(self) -> Self:
        """Pick up while it rings on."""
        self._live().answer()
        return self

    def unregisters(self) -> Self:
        """It is switched off: nobody can call it any more."""
        self._exchange.disconnect(self)
        return self

    # -- what happens to it ----------------------------------------------------------------------------------------

    def is_called(self, by: str | None = None) -> Self:
        """A call for it has arrived, shown as from ``by``."""
        fits = f"is called by {by}" if by else "is called"
        self._next(fits, lambda step: step.kind is Kind.RINGS and by in (None, step.text), awaits_call=True)
        return self

    def stops_ringing(self, cause: str | None = None) -> Self:
        """The caller gave up, or somebody else was quicker (LOSE_RACE)."""
        wanted = f"stops ringing {cause or ''}".rstrip()
        self._next(wanted, lambda step: step.kind is Kind.STOPS_RINGING and cause in (None, step.text))
        return self

    # -- underneath ------------------------------------------------------------------------------------------------

    def is_rung(self, session: Session) -> Reaction:
        """What the switch asks when a call arrives."""
        if self._has_call():
            return BUSY
        self.times_called += 1
        reaction = self._next_times.popleft() if self._next_times else self._always
        session.transcript = self.transcript
        self.transcript.begin()
        self._takes(session)
        self.transcript.add(Kind.RINGS, session.channel.call.user)
        session.answers.extend(self._presses)
        return reaction

    def _has_call(self) -> bool:
        return self.session is not None and not self.session.channel.down

    def _does(self, reaction: Reaction, times: int | None) -> Self:
        if times is None:
            self._always = reaction
        else:
            self._next_times.extend([reaction] * times)
        return self
