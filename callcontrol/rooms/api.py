"""Live rooms for the operator: what they are like, and the controls, for the command line and a web page.

The controls are those of the keys (`conduct`), but name what is wanted instead of switching over: `lock` on a locked
room is fine and says so. An action runs in the room's own greenlet, one after the other with everything that happens
there, so it sees the room as it is. Numbers are shown in full: who holds the token is the operator.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from callcontrol.account import main_room
from callcontrol.http import NotNow, NotThere, NotUnderstood
from callcontrol.rooms.calls import Begun, Calls, Cause, Refused
from callcontrol.rooms.conduct import Conduct
from callcontrol.rooms.registry import RoomRegistry
from callcontrol.rooms.room import Member, Phase, RoomState
from callcontrol.rooms.shown import people_called, shown
from callcontrol.rooms.steward import NoSuchRoom
from callcontrol.tenants import Record

T = TypeVar("T")

ID_PREFIX = "id:"
SILENT = (Phase.CLOSED, Phase.HELD)
_SEPARATORS = str.maketrans("", "", " ()./-")  # people write numbers with them

_log = structlog.get_logger("callcontrol.rooms")


class Steers(Protocol):
    """Whoever can run an action in a room of one switch: a Steward."""

    def submit(self, name: str, action: Callable[[Conduct], T], /) -> T:
        """Run it and return what it returns. Raises NoSuchRoom, SwitchError, and what the action raises."""


@dataclass(frozen=True)
class Done:
    """What an action did. ``changed``: False when it was so already."""

    text: str
    changed: bool = True


class RoomsApi:
    """All rooms of the ``registry``, steered by the stewards of its switches; ``calls`` calls their participants.

    ``clock``: that of the registry, seconds; ``epoch``: UTC epoch seconds.
    """

    def __init__(
        self,
        registry: RoomRegistry,
        calls: Calls,
        *stewards: Steers,
        clock: Callable[[], float] = time.monotonic,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self._registry = registry
        self._calls = calls
        self._stewards = stewards
        self._clock = clock
        self._epoch = epoch

    def rooms(self) -> list[dict[str, Any]]:
        """All live rooms by name, and those that call participants, ready for JSON; times are UTC epoch seconds."""
        calls = self._calls.reports()
        live = self._registry.rooms()
        started = self._epoch() - self._clock()
        names = {main_room(name) for name in live} | calls.keys()
        return [shown(name, live, calls.get(name, ()), started) for name in sorted(names)]

    def call(self, room: str, numbers: Sequence[str] = ()) -> dict[str, Any]:
        """Call the participants of a room, or ``numbers``; who is called and who is not, and why.

        Raises NotThere for a name that is none, NotNow for every other reason to call nobody.
        """
        tenant, dot, name = room.partition(".")
        if not dot:
            raise NotThere(f"{room!r} is no TENANT.ROOM")
        match self._calls.begin(tenant, name, Cause.COMMAND, numbers=numbers):
            case Refused(reason=reason):
                raise NotNow(f"nobody is called: {reason}")
            case Begun() as begun:
                _log.info("operator calls participants", room=room, round=begun.round_id, people=len(begun.called))
                return {
                    "room": room,
                    "round": begun.round_id,
                    "called": people_called(begun.called),
                    "refused": people_called(begun.refused),
                }

    def perform(self, room: str, action: str, member: str | None = None) -> dict[str, Any]:
        """Do something in a live room; what was done.

        ``member``: a member's id, ``id:`` and the id, or the number of a caller. Raises NotUnderstood for an action
        there is not or without its member, NotThere for a room or member, NotNow, SwitchError.
        """
        done = self._submit(room, _chosen(action, member))
        _log.info("operator's control", room=room, action=action, member=member, changed=done.changed)
        return {"room": room, "action": action, "changed": done.changed, "text": done.text}

    def _submit(self, room: str, action: Callable[[Conduct], Done]) -> Done:
        for steward in self._stewards:
            try:
                return steward.submit(room, action)
            except NoSuchRoom:
                continue  # a room lives on one switch
        if room in map(main_room, self._registry.rooms()):
            raise NotNow(f"{room} is not steered by this daemon but by another one (or belongs to no tenant)")
        raise NotThere(f"nobody is in a room called {room!r}")


# -- what can be done --------------------------------------------------------------------------------------------------


def _set_muted(conduct: Conduct, wanted: str, *, muted: bool) -> Done:
    member, room = _member(conduct, wanted), conduct.room
    word = "muted" if muted else "unmuted"
    if member.call not in room.members:
        raise NotNow(f"{_called(member)} waits to be let in and is no member yet")
    if not muted and room.phase in SILENT:
        raise NotNow(f"the room is {room.phase}: nobody can speak in it")
    by_all = room.mute_all and not member.moderator and member.id not in room.floor
    silent = member.id in room.muted | room.silenced or by_all
    if (member.id in room.silenced) if muted else not silent:
        return Done(f"{_called(member)} was {word} already", changed=False)
    conduct.set_muted(member, muted)
    return Done(f"{_called(member)} is {word}")


def _kick(conduct: Conduct, wanted: str) -> Done:
    member = _member(conduct, wanted)
    conduct.put_out(member)
    return Done(f"{_called(member)} is put out")


def _set_mute_all(conduct: Conduct, *, muted: bool) -> Done:
    room = _inhabited(conduct)
    if room.mute_all == muted and (muted or not room.muted | room.silenced):
        return Done("all participants were muted already" if muted else "nobody was muted", changed=False)
    conduct.set_mute_all(muted)
    return Done("all participants are muted" if muted else "all participants may speak")


def _set_locked(conduct: Conduct, *, locked: bool) -> Done:
    word = "locked" if locked else "unlocked"
    if _inhabited(conduct).locked == locked:
        return Done(f"it was {word} already", changed=False)
    conduct.set_locked(locked)
    return Done(f"it is {word}")


def _set_held(conduct: Conduct, *, held: bool) -> Done:
    phase = _inhabited(conduct).phase
    if phase == (Phase.HELD if held else Phase.OPEN):
        return Done("it was on hold already" if held else "it was not on hold", changed=False)
    if not conduct.set_held(held):
        raise NotNow(f"the room is {phase}: only an open room can be put on hold, and only one on hold resumed")
    return Done("it is on hold" if held else "it goes on")


def _record(conduct: Conduct) -> Done:
    room = _inhabited(conduct)
    if conduct.rules().record == Record.NEVER:
        raise NotNow("the tenant file does not allow recording this room (record: never)")
    if room.record:
        return Done(f"it was being recorded already, into {room.record}", changed=False)
    if not room.moderated or room.phase == Phase.ENDING:
        raise NotNow("no recording before a moderator has been there, nor of a room that ends")
    if not conduct.start_recording():
        raise NotNow("FreeSWITCH cannot write the recording: may it write to the folder `recordings`?")
    return Done(f"it is being recorded into {conduct.room.record}")


def _stop_recording(conduct: Conduct) -> Done:
    path = _inhabited(conduct).record
    if not path:
        return Done("it was not being recorded", changed=False)
    conduct.stop_recording()
    return Done(f"the recording is in {path}")


def _admit(conduct: Conduct, wanted: str | None = None) -> Done:
    guest = None if wanted is None else _member(conduct, wanted)
    if guest is not None and guest.call in conduct.room.members:
        return Done(f"{_called(guest)} was in already", changed=False)
    if not conduct.lobby.members:
        raise NotNow("nobody waits to be let in")
    if conduct.rules().wait_for_moderator and not conduct.room.members:
        raise NotNow("no moderator is there, and the room waits for one (wait_for_moderator)")
    number = conduct.admit(guest)
    return Done(f"{_called(guest)} is let in" if guest is not None else f"{number} let in")


def _end(conduct: Conduct) -> Done:
    conduct.end()
    return Done("everybody is being shown out")


_Whole = Callable[[Conduct], Done]
_Personal = Callable[[Conduct, str], Done]

#: Actions on a room, and actions on one member of it.
OF_ROOM: Mapping[str, _Whole] = {
    "mute-all": partial(_set_mute_all, muted=True),
    "unmute-all": partial(_set_mute_all, muted=False),
    "lock": partial(_set_locked, locked=True),
    "unlock": partial(_set_locked, locked=False),
    "hold": partial(_set_held, held=True),
    "resume": partial(_set_held, held=False),
    "record": _record,
    "stop-recording": _stop_recording,
    "admit": _admit,
    "end": _end,
}
OF_MEMBER: Mapping[str, _Personal] = {
    "mute": partial(_set_muted, muted=True),
    "unmute": partial(_set_muted, muted=False),
    "kick": _kick,
    "admit": _admit,
}
ACTIONS = tuple(sorted({*OF_ROOM, *OF_MEMBER}))


def _chosen(action: str, member: str | None) -> _Whole:
    if action not in ACTIONS:
        raise NotUnderstood(f"there is no action {action!r}; there are {', '.join(ACTIONS)}", ACTIONS)
    if member is None:
        if action not in OF_ROOM:
            raise NotUnderstood(f"{action} needs a member: the id, or the caller's number")
        return OF_ROOM[action]
    if action not in OF_MEMBER:
        raise NotUnderstood(f"{action} is for the whole room and takes no member")
    personal = OF_MEMBER[action]
    return lambda conduct: personal(conduct, member)


# -- who is meant ------------------------------------------------------------------------------------------------------


def _member(conduct: Conduct, wanted: str) -> Member:
    """The one member, or waiting caller, that ``wanted`` means. Raises NotThere, and NotNow when it means several."""
    everybody = [*conduct.room.by_arrival, *conduct.lobby.by_arrival]
    only_id = wanted.startswith(ID_PREFIX)
    text = wanted.removeprefix(ID_PREFIX)
    found = [m for m in everybody if str(m.id) == text or (not only_id and _digits(m.number) == _digits(text) != "")]
    if not found:
        raise NotThere(f"no member or waiting caller of {conduct.name} is {wanted!r}")
    if len(found) > 1:
        them = ", ".join(f"{ID_PREFIX}{member.id} ({member.number})" for member in found)
        raise NotNow(f"{wanted!r} means several: {them}; name the one with {ID_PREFIX}")
    return found[0]


def _digits(number: str) -> str:
    """A number without what people write into it; 00 is +."""
    plain = number.translate(_SEPARATORS)
    return "+" + plain[2:] if plain.startswith("00") else plain


def _inhabited(conduct: Conduct) -> RoomState:
    """The room. Raises NotNow when callers wait in the lobby but nobody is in it: nothing would hold its state."""
    if not conduct.room.members:
        raise NotNow("nobody is in the room; callers wait to be let in")
    return conduct.room


def _called(member: Member) -> str:
    return f"member {member.id} ({member.number})"
