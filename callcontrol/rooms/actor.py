"""One live room: a greenlet that takes what happens in it one after the other, and decides what follows.

It lives from the first member (of the room, or of its lobby) to the last. It keeps nothing that matters: after a
restart another one begins from what FreeSWITCH says, and does the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from gevent.queue import Empty, Queue

from callcontrol.errors import SwitchError
from callcontrol.rooms.announcer import Announcer
from callcontrol.rooms.aside import Aside
from callcontrol.rooms.changes import Came, Change, Left, RecordingBegan, RecordingEnded
from callcontrol.rooms.conduct import Conduct
from callcontrol.rooms.gathering import Gathering
from callcontrol.rooms.keypad import Keypad
from callcontrol.rooms.phases import Turn, first_phase, settled
from callcontrol.rooms.room import Member, Phase, RoomState
from callcontrol.rooms.throttle import INTERVAL
from callcontrol.rooms.timers import Due, GiveUp, GraceOver, NearlyOver, Over, Remind, room_due, waiting_due
from callcontrol.spoken import number
from callcontrol.tenants import Record

TICK_SECONDS = 1.0
SHOW_OUT_AGAIN = 5.0  # seconds after which somebody who should be gone and is not is shown out again

_log = structlog.get_logger("callcontrol.rooms")


@dataclass(frozen=True)
class KeyPressed:
    """A member pressed a key."""

    call: str
    key: str
    at: float


@dataclass(frozen=True)
class Resynced:
    """The registry was replaced by what the switch has."""


@dataclass(frozen=True)
class Control:
    """Somebody else (command line, HTTP) wants something done here, one after the other with everything else."""

    action: Callable[[Conduct], None]


@dataclass(frozen=True)
class NotReached:
    """A call we began came to nothing."""

    call: str


Item = Change | KeyPressed | Resynced | Control | NotReached


@dataclass
class RoomActor:
    """Runs one room. ``over`` is told once nobody is left."""

    conduct: Conduct
    keypad: Keypad
    aside: Aside
    gathering: Gathering
    announcer: Announcer
    learn_language: Callable[[str], None]
    steers: Callable[[], bool]
    over: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    epoch: Callable[[], float] = time.time
    inbox: Queue[Item] = field(default_factory=Queue)
    _inhabited: bool = False
    _reminded: dict[str, int] = field(default_factory=dict)
    _alone_since: float | None = None
    _warned: bool = False
    _unheard_knock: bool = False
    _knocks_told: float = float("-inf")
    _shown_out: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        """Until the room is empty."""
        try:
            while self._one_round():
                pass
        finally:
            self.over(self.conduct.name)  # at once: from here on nobody reads the inbox
        if self._inhabited and self.steers():
            self.gathering.room_is_over()

    def _one_round(self) -> bool:
        try:
            item = self.inbox.get(timeout=TICK_SECONDS)
        except Empty:
            item = None
        try:
            if not self.steers():
                return False
            if item is not None:
                self._take(item)
            if self.inbox.empty():  # a key that already lies there was pressed before the time we would see now
                self._look_at_the_clock()
        except SwitchError as error:
            if self.steers():  # a daemon that stops has given its rooms up
                _log.warning("room waits for its switch", room=self.conduct.name, reason=str(error))
        except Exception:  # noqa: BLE001 - one mistake must not leave a room without anybody who steers it
            _log.exception("room stumbled", room=self.conduct.name)
        rooms = (self.conduct.room, self.conduct.lobby, self.aside.room)
        self._inhabited = self._inhabited or bool(self.conduct.room.members)
        return self.steers() and (self.aside.busy or not self.inbox.empty() or any(room.members for room in rooms))

    def _take(self, item: Item) -> None:
        match item:
            case Came(room=name, member=member) if name == self.conduct.name:
                self._came(self._with_language(member))
            case Came(room=name, member=member) if name == self.aside.name:
                self.aside.came(self._with_language(member))
            case Came(member=member):
                self._knocked(self._with_language(member))
            case Left(room=name, member=member) if name == self.aside.name:
                self.aside.left(member)
                if member.moderator:
                    self._moderators_may_be_gone()
            case Left(room=name, member=member):
                self._left(member, from_lobby=name != self.conduct.name)
            case KeyPressed(call=call, key=key, at=at) if call in self.aside.room.members:
                self.aside.press(self.aside.room.members[call], key, at)
            case KeyPressed(call=call, key=key, at=at):
                self.keypad.press(call, key, at)
            case NotReached(call=call):
                self.aside.failed(call)
            case RecordingBegan(path=path, works=works):
                self.conduct.recording_began(path, works=works)
            case RecordingEnded(path=path):
                self.conduct.recording_ended(path)
            case Resynced():
                self._resynced()
            case Control(action=action):
                action(self.conduct)
            case _:
                self.conduct.settle()

    # -- who comes and goes --------------------------------------------------------------------------------------------

    def _came(self, member: Member) -> None:
        conduct, room = self.conduct, self.conduct.room
        _log.info("joined", room=conduct.name, call=member.call, moderator=member.moderator, members=len(room.members))
        if not room.gathered:
            conduct.change(phase=first_phase(conduct.rules()), since=self.epoch(), gathered=self.epoch())
        if member.moderator:
            self._moderator_came(member)
        if not self.aside.arrived(member):
            self.announcer.joined(conduct, member, self.clock())
        conduct.settle()
        conduct.welcome(member)
        self._watch_loneliness()

    def _moderator_came(self, member: Member) -> None:
        conduct = self.conduct
        before = conduct.room.phase
        conduct.change(moderated=True)
        if conduct.turn(Turn.MODERATOR_CAME) and before in (Phase.CLOSED, Phase.ABANDONED):
            conduct.commands.say_all(conduct.room, "moderator-back", but=[member.id])
        if conduct.rules().record == Record.ALWAYS and not conduct.room.record:
            conduct.start_recording()
        self._unheard_knock = False
        self._tell_who_waits(member)

    def _tell_who_waits(self, member: Member) -> None:
        waiting = len(self.conduct.lobby.members)
        if waiting:
            self.conduct.commands.say(member, "waiting-count", *number(waiting, member.language))

    def _knocked(self, member: Member) -> None:
        _log.info("waits to be let in", room=self.conduct.name, call=member.call)
        self._unheard_knock = True
        self._tell_of_knocks()

    def _tell_of_knocks(self) -> None:
        """Moderators hear how many wait, at once and then once in a while, however many knock."""
        now, moderators = self.clock(), self.conduct.room.moderators
        if self._unheard_knock and moderators and now - self._knocks_told >= INTERVAL:
            self._unheard_knock, self._knocks_told = False, now
            for moderator in moderators:
                self._tell_who_waits(moderator)

    def _left(self, member: Member, *, from_lobby: bool) -> None:
        conduct = self.conduct
        self.keypad.forget(member.call)
        self._reminded.pop(member.call, None)
        if from_lobby or not conduct.room.members:
            return
        _log.info("left", room=conduct.name, call=member.call, members=len(conduct.room.members))
        if member.moderator:
            self._moderators_may_be_gone()
        if not self.aside.is_away(member.call):
            self.announcer.left(conduct, member, self.clock())
        conduct.settle()
        self._watch_loneliness()

    def _moderators_may_be_gone(self) -> None:
        conduct = self.conduct
        if conduct.room.moderators or self.aside.moderates:
            return
        if conduct.turn(Turn.MODERATORS_LEFT):
            conduct.commands.say_all(conduct.room, "moderator-left")

    def _resynced(self) -> None:
        """Compare what was written down with who is there; make good what was missed."""
        conduct = self.conduct
        for room in (conduct.room, conduct.lobby, self.aside.room):
            for member in room.members.values():
                self._with_language(member)
        room = conduct.room
        if room.members:
            phase = room.phase if self.aside.moderates else settled(room.phase, room, conduct.rules())
            since = room.since if phase == room.phase else self.epoch()
            moderated = room.moderated or bool(room.moderators)
            conduct.change(phase=phase, since=since, moderated=moderated, gathered=room.gathered or self.epoch())
            conduct.settle()
        self.aside.settle()
        self._watch_loneliness()

    def _with_language(self, member: Member) -> Member:
        if member.language:
            return member
        self.learn_language(member.call)
        rooms = (self.conduct.room, self.conduct.lobby, self.aside.room)
        return next((room.members[member.call] for room in rooms if member.call in room.members), member)

    def _watch_loneliness(self) -> None:
        room = self.conduct.room
        alone = len(room.members) == 1 and room.phase != Phase.WAITING
        self._alone_since = (self._alone_since or self.clock()) if alone else None

    # -- what time brings ----------------------------------------------------------------------------------------------

    def _look_at_the_clock(self) -> None:
        now, conduct = self.clock(), self.conduct
        if conduct.unsettled:
            conduct.settle()
        self.keypad.look_at_the_clock(now)
        if self.aside.look_at_the_clock():
            self._moderators_may_be_gone()
        self.announcer.look_at_the_clock(conduct, now)
        self._tell_of_knocks()
        self.gathering.look_at_the_clock()
        rules = conduct.rules()
        waiting = conduct.lobby if conduct.lobby.members else _waiting(conduct.room)
        for due in waiting_due(waiting, rules, self._reminded, now):
            self._do(due, lobby=bool(conduct.lobby.members))
        # Not at once: who is shown out twice in a moment is hung up before the farewell.
        ending = conduct.room.phase == Phase.ENDING and self.epoch() - conduct.room.since >= SHOW_OUT_AGAIN
        if ending and conduct.room.members and self._not_just_shown_out("everybody"):
            conduct.show_everybody_out()
        for due in room_due(conduct.room, rules, self._alone_since, self._warned, now, self.epoch()):
            self._do(due, lobby=False)

    def _do(self, due: Due, *, lobby: bool) -> None:
        conduct = self.conduct
        commands = conduct.lobby_commands if lobby else conduct.commands
        match due:
            case Remind(member=member, place=place, turn=turn):
                self._reminded[member.call] = turn
                commands.say(member, "still-waiting", "place-in-queue", *number(place, member.language))
            case GiveUp(member=member, farewell=farewell) if self._not_just_shown_out(member.call):
                _log.info("shown out", room=conduct.name, call=member.call, reason=farewell)
                commands.show_out(member, farewell)
            case GraceOver():
                conduct.turn(Turn.GRACE_OVER)
                _log.info("moderators did not return", room=conduct.name, phase=conduct.room.phase)
                if conduct.room.phase == Phase.ENDING:
                    conduct.end()
            case NearlyOver():
                self._warned = True
                conduct.commands.say_all(conduct.room, "time-nearly-over")
            case Over() if self._not_just_shown_out(conduct.name):
                conduct.end("time-over")

    def _not_just_shown_out(self, who: str) -> bool:
        """Whether it is time to say it (again): a command may have been lost, but each needs its time to be lived."""
        now = self.clock()
        if now - self._shown_out.get(who, float("-inf")) < SHOW_OUT_AGAIN:
            return False
        self._shown_out[who] = now
        return True


def _waiting(room: RoomState) -> RoomState:
    return room if room.phase == Phase.WAITING else RoomState(room.name)
