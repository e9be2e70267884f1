"""How it stands with everybody who is called, as last seen: rooms ask often and must not wait for the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from callcontrol.rooms.calls import InviteeReport, InviteeState
from callcontrol.state.rounds import Invitee, Round, Try

REMEMBERED_SECONDS = 600.0  # how long a round that is over is told of


@dataclass(frozen=True)
class _Seen:
    round: str
    people: tuple[InviteeReport, ...]
    until: float


class Reports:
    """The last round of each room. ``now``: UTC epoch seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._rooms: dict[str, _Seen] = {}

    def seen(self, round_: Round, invited: Sequence[Invitee], tries: Sequence[Try] = ()) -> None:
        """A round as it is now. ``round_.ended_at`` says whether it is over."""
        until = float("inf") if round_.ended_at is None else round_.ended_at + REMEMBERED_SECONDS
        known = self._rooms.get(round_.room_name)
        if known is None or round_.ended_at is None or known.round == round_.id or known.until < until:
            self._rooms[round_.room_name] = _Seen(round_.id, reported(invited, tries), until)

    def of(self, room_name: str) -> tuple[InviteeReport, ...]:
        """Everybody of the round that runs, or ended within ten minutes."""
        known = self._rooms.get(room_name)
        if known is None or known.until > self._now():
            return known.people if known else ()
        del self._rooms[room_name]
        return ()

    def all(self) -> dict[str, tuple[InviteeReport, ...]]:
        """The same for all rooms."""
        return {name: people for name in list(self._rooms) if (people := self.of(name))}

    def running(self) -> set[str]:
        """Rounds that were running when last seen."""
        return {seen.round for seen in self._rooms.values() if seen.until == float("inf")}


def reported(invited: Sequence[Invitee], tries: Sequence[Try] = ()) -> tuple[InviteeReport, ...]:
    """What is told of these people."""
    made: dict[int, int] = {}
    for try_ in tries:
        made[try_.place] = made.get(try_.place, 0) + 1
    return tuple(
        InviteeReport(one.name, one.number, InviteeState(one.state), one.reason, made.get(one.place, 0), one.due_at)
        for one in invited
    )
