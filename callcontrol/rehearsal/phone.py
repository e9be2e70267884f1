"""Scripted phones: a test is the dialogue. Every verb returns the phone; an expectation that fails prints it all.

A phone's expectations walk forward through what happened to it: ``hears("enter-pin")`` waits until that prompt is
played to it, skipping what came before; ``hears_nothing_else()`` fails when anything was skipped or follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, Self

from callcontrol.rehearsal.line import SILENCE
from callcontrol.rehearsal.rooms import Room
from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.template import Dialled
from callcontrol.rehearsal.transcript import Kind, Step, Transcript, counted
from callcontrol.rehearsal.wire import Fault

_SPOKEN = (Kind.HEARS, Kind.TONE)


class Network(Protocol):
    """The switch, as a telephone needs it."""

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The conferences by name."""

    def dialled(self, call: Dialled, number: str) -> Dialled:
        """A call to ``number`` with fresh identifiers."""

    def place(self, call: Dialled, transcript: Transcript, fault: Fault | None) -> Session:
        """Begin a call."""


class Phone:
    """One telephone; it may call again after a call has ended. Made by RehearsalSwitch.phone."""

    def __init__(
        self,
        switch: Network,
        call: Dialled,
        patience: float,
    ) -> None:
        self._switch = switch
        self._call = call
        self._number = call.number
        self._patience = patience
        self._fault: Fault | None = None
        self._seen = 0  # steps before this one are asserted or skipped
        self._skipped: list[Step] = []
        self._said: set[int] = set()
        self._early_keys: list[str] = []
        self.transcript = Transcript()
        self.session: Session | None = None

    # -- what the phone does -------------------------------------------------------------------------------------

    def fails(self, fault: Fault) -> Self:
        """The switch's socket for the next call fails in this way."""
        self._fault = fault
        return self

    def calls(self, number: str) -> Self:
        """Dial. Returns at once; the call goes on by itself."""
        call = self._switch.dialled(self._call, number)
        self.transcript.begin()
        self._seen = len(self.transcript.steps)
        self.transcript.add(Kind.CALLS, number)
        self._takes(self._switch.place(call, self.transcript, self._fault))
        self._fault = None
        return self

    def presses(self, keys: str) -> Self:
        """Press keys; those pressed before somebody listens wait. They are counted, never written down."""
        self.transcript.add(Kind.PRESSES, counted(keys))
        self._queue(list(keys))
        return self

    def answers(self, *groups: str) -> Self:
        """Press one group of keys after each question has been heard to its end; counted, never written down."""
        self._live().answers.extend(groups)
        return self

    def stays_silent(self, times: int = 1) -> Self:
        """Let the next ``times`` waits for a key run out at once."""
        self.transcript.add(Kind.STAYS_SILENT)
        self._queue([SILENCE] * times)
        return self

    def never_presses_again(self) -> Self:
        """From now on every wait for a key runs out at once."""
        self._live().silent = True
        self._live().wake()
        return self

    def keeps_listening(self, name: str) -> Self:
        """The prompt ``name`` goes on until the phone presses a key, hangs up, or calls ``listened()``."""
        self._live().lingering_at = name
        return self

    def listened(self) -> Self:
        """The prompt kept by ``keeps_listening`` ends."""
        session = self._live()
        session.lingering_at = ""
        session.breaking = True
        session.wake()
        return self

    def hangs_up(self) -> Self:
        """End the call from this side."""
        self.transcript.add(Kind.HANGS_UP)
        self._live().hangup(by_phone=True)
        return self

    # -- what happens to it --------------------------------------------------------------------------------------

    def hears(self, *names: str, language: str | None = None) -> Self:
        """Each prompt is played to it, in this order; ``language`` when that matters."""
        for name in names:
            self._next(f"hears {name}" + (f" ({language})" if language else ""), _plays(name, language))
        return self

    def is_answered(self) -> Self:
        """The call is answered."""
        return self._until("is answered", lambda: self._live().channel.answered)

    def is_refused(self, cause: str | None = None) -> Self:
        """The call ends without ever being answered."""
        return self._next(f"is refused {cause or ''}".rstrip(), _ends(Kind.REFUSED, cause))

    def is_hung_up(self, cause: str | None = None) -> Self:
        """The other side ends the call after it was answered."""
        return self._next(f"is hung up {cause or ''}".rstrip(), _ends(Kind.HUNG_UP, cause))

    def talks(self, with_: str | None = None) -> Self:
        """It is connected with somebody, shown or dialled as ``with_``."""
        return self._next("talks", lambda step: step.kind is Kind.TALKS and with_ in (None, step.text))

    def joins(self, room: str, moderator: bool = False) -> Self:
        """It comes into the conference, as moderator or not."""
        wanted = f"{room} as moderator" if moderator else room
        return self._next(f"joins {wanted}", lambda step: step.kind is Kind.JOINS and step.text == wanted)

    def leaves(self, room: str) -> Self:
        """It is out of the conference and the call goes on."""
        return self._next(f"leaves {room}", lambda step: step.kind is Kind.LEAVES and step.text == room)

    def hears_music(self) -> Self:
        """Music is what it hears now."""
        return self._until("hears music", lambda: self._live().music)

    def hears_no_music(self) -> Self:
        """Music, if there was any, has stopped."""
        return self._until("hears no music", lambda: not self._live().music)

    def can_speak(self) -> Self:
        """It is in a room where the others hear it: not muted, and the wait for a moderator is over."""
        return self._until("can speak", lambda: self._heard_by_others())

    def cannot_speak(self) -> Self:
        """It is in a room where nobody hears it."""
        return self._until("cannot speak", lambda: not self._heard_by_others())

    def hears_nothing_else(self) -> Self:
        """No prompt was played to it that this script does not name."""
        rest = [step for place, step in enumerate(self.transcript.steps) if place not in self._said]
        unsaid = [step for step in rest if step.kind in _SPOKEN]
        if unsaid:
            self._fail("hears nothing else", f"but it also heard: {', '.join(step.text for step in unsaid)}")
        return self

    # -- underneath ----------------------------------------------------------------------------------------------

    def _heard_by_others(self) -> bool:
        for room in self._switch.rooms.values():
            for member in room.members:
                if member.session is self.session:
                    return member.can_speak and not member.hold and not room.wait_mod
        return False

    def _takes(self, session: Session) -> None:
        """This is its call now."""
        self.session = session
        session.keys.extend(self._early_keys)
        self._early_keys = []

    def _live(self) -> Session:
        if self.session is None:
            raise AssertionError("this phone has no call yet")
        return self.session

    def _queue(self, keys: list[str]) -> None:
        if self.session is None or self.session.over:
            self._early_keys += keys
        else:
            self.session.keys.extend(keys)
            self.session.wake()

    def _next(self, expectation: str, fits: Callable[[Step], bool], awaits_call: bool = False) -> Self:
        def found() -> int | None:
            steps = self.transcript.steps
            return next((place for place in range(self._seen, len(steps)) if fits(steps[place])), None)

        def over() -> bool:
            return not awaits_call and self._over()

        self.transcript.wait(lambda: found() is not None or over(), self._patience)
        place = found()
        if place is None:
            self._fail(expectation, "the call is over" if over() else f"not within {self._patience:g} s")
        else:
            self._said.add(place)
            self._seen = place + 1
        return self

    def _until(self, expectation: str, condition: Callable[[], bool]) -> Self:
        self.transcript.wait(lambda: condition() or self._over(), self._patience)
        if not condition():
            self._fail(expectation, "the call is over" if self._over() else f"not within {self._patience:g} s")
        return self

    def _over(self) -> bool:
        return self.session is not None and self.session.over

    def _fail(self, expectation: str, why: str) -> None:
        lines = ["", f"dialogue of {self._number or 'a withheld number'}:"]
        steps = self.transcript.steps
        for place, step in enumerate(steps):
            if place == self._seen:
                lines.append("    ------ asserted until here ------")
            lines.append(f"  {'✓' if place in self._said else ' '} {step}")
        if self._seen >= len(steps):
            lines.append("    ------ asserted until here ------")
        lines.append(f"expected: {expectation}; {why}")
        raise AssertionError("\n".join(lines))


def _plays(name: str, language: str | None) -> Callable[[Step], bool]:
    return lambda step: step.kind in _SPOKEN and step.text == name and language in (None, step.language)


def _ends(kind: Kind, cause: str | None) -> Callable[[Step], bool]:
    return lambda step: step.kind is kind and cause in (None, step.text)
