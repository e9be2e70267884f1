"""Steers all live rooms of one switch: gives each its actor, and every event to the actor it is for.

`take_event` runs in the link's reader and only sorts; whatever takes time happens in the room's own greenlet.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from gevent.event import AsyncResult

from callcontrol import greenlets
from callcontrol.account import main_room
from callcontrol.errors import CallControlError, SwitchTimeout
from callcontrol.prompts import PromptBook
from callcontrol.rooms.actor import Control, Item, KeyPressed, NotReached, Resynced, RoomActor
from callcontrol.rooms.announcer import Announcer
from callcontrol.rooms.aside import Aside
from callcontrol.rooms.calls import Calls
from callcontrol.rooms.commands import RoomCommands
from callcontrol.rooms.conduct import Conduct
from callcontrol.rooms.gathering import Gathering
from callcontrol.rooms.keypad import Keypad
from callcontrol.rooms.lease import Lease
from callcontrol.rooms.names import SpokenNames
from callcontrol.rooms.registry import RoomRegistry
from callcontrol.switch.events import Event
from callcontrol.tenants import Access, Room, Tenant, Tenants

CONTROL_SECONDS = 5.0

T = TypeVar("T")
_log = structlog.get_logger("callcontrol.rooms")


class NoSuchRoom(CallControlError):
    """Nobody is in a room of that name."""


@dataclass(frozen=True)
class Ground:
    """What rooms stand on. ``recording_path``: a fresh file, as FreeSWITCH sees it, for a room's name; ``calls``: who
    calls participants."""

    registry: RoomRegistry
    tenants: Callable[[], Tenants]
    prompts: PromptBook
    epoch: Callable[[], float]
    recording_path: Callable[[str], str]
    names: SpokenNames
    calls: Calls


class Steward:
    """All rooms of one switch.

    ``identity``: this daemon's name among those that may steer, the same after a restart. ``api`` sends an API command
    over the link; ``begin`` starts one in the background, whose end is an event that carries the name given to it.
    """

    def __init__(
        self,
        switch: str,
        ground: Ground,
        identity: str,
        api: Callable[[str], str],
        begin: Callable[[str, str], None],
    ) -> None:
        self._switch = switch
        self._ground = ground
        self._api = api
        self._begin = begin
        self._unanswered: list[list[Event]] = []  # what happened since each question for the state that is open
        self._jobs: dict[str, str] = {}  # calls being made, and the room each is for
        self._actors: dict[str, RoomActor] = {}
        self.lease = Lease(identity, api, time.monotonic)

    def take_event(self, event: Event) -> None:
        """One event of the link; must not block."""
        if event.name == "DTMF":
            self._take_key(event.get("Unique-ID"), event.get("DTMF-Digit"))
        elif event.name == "BACKGROUND_JOB":
            self._take_job(event.get("Job-UUID"), event.get("_body"))
        elif event.get("Event-Subclass") == "conference::maintenance":
            for happened in self._unanswered:
                happened.append(event)
            change = self._ground.registry.apply(self._switch, event)
            if change is not None:
                self._give(change.room, change)

    def keep_lease(self) -> None:
        """Claim or keep the right to steer; whoever gets it begins with what the switch says. To be called often."""
        had = self.lease.held
        if self.lease.renew() != had:
            _log.info("steers the rooms" if self.lease.held else "another daemon steers the rooms", switch=self._switch)
            self.resync()

    def resync(self) -> None:
        """Replace what is known by what the switch says, and let every room compare.

        What happened while the answer was on its way may be younger than the answer, so it is taken in once more.
        """
        registry, happened = self._ground.registry, list[Event]()
        self._unanswered.append(happened)
        asked = registry.now()
        try:
            listed = self._api("conference json_list")
        finally:
            self._unanswered = [other for other in self._unanswered if other is not happened]
        names = registry.replace(self._switch, listed, asked)
        for event in happened:
            registry.apply(self._switch, event)
        for name in {main_room(name) for name in names} | set(self._actors):
            self._give(name, Resynced())

    def submit(self, name: str, action: Callable[[Conduct], T]) -> T:
        """Run ``action`` in the room's greenlet and return what it returns. Raises NoSuchRoom, SwitchTimeout."""
        actor = self._actors.get(name)
        if actor is None:
            raise NoSuchRoom(f"nobody is in a room called {name}")
        result: AsyncResult[T] = AsyncResult()

        def run(conduct: Conduct) -> None:
            try:
                result.set(action(conduct))
            except Exception as error:  # noqa: BLE001 - belongs to whoever asked, and is raised there
                result.set_exception(error)

        actor.inbox.put(Control(run))
        answered = result.wait(timeout=CONTROL_SECONDS)
        if not result.ready():
            raise SwitchTimeout(f"the room {name} did not answer within {CONTROL_SECONDS:g} s")
        result.get()
        return answered  # type: ignore[return-value]  # the stubs say Optional

    def _take_key(self, call: str, key: str) -> None:
        found = self._ground.registry.room_of(call)
        if found is not None:
            self._give(found[0], KeyPressed(call, key, time.monotonic()))

    def _take_job(self, job: str, answer: str) -> None:
        room = self._jobs.pop(job, None)
        if room is not None and answer.startswith("-ERR"):
            self._give(room, NotReached(job))

    def _give(self, name: str, item: Item) -> None:
        if not self.lease.held:
            return
        name = main_room(name)
        actor = self._actors.get(name)
        if actor is None:
            actor = self._open(name)
            if actor is None:
                return
        actor.inbox.put(item)

    def _open(self, name: str) -> RoomActor | None:
        """An actor for a room of one of our tenants; conferences that are not ours are left alone."""
        if self._rules(name) is None:
            return None
        ground = self._ground
        conduct = Conduct(
            name,
            ground.registry,
            rules=lambda: self._rules(name) or Room.model_construct(access=Access.OPEN, name=name.partition(".")[2]),
            commands=self._commands(name),
            lobby=RoomCommands(f"{name}.lobby", self._api, ground.prompts, music=lambda: True),
            now=ground.epoch,
            recording_path=ground.recording_path,
        )
        actor = self._actors[name] = self._actor(conduct)
        greenlets.spawn(f"room {name}", actor.run)
        return actor

    def _actor(self, conduct: Conduct) -> RoomActor:
        ground, aside = self._ground, self._aside(conduct)
        gathering = Gathering(conduct, ground.calls, ground.epoch)
        return RoomActor(
            conduct,
            Keypad(conduct, aside, gathering, lambda: self._tenant(conduct.name)),
            aside,
            gathering,
            self._announcer(),
            self._learn_language,
            self._steers,
            self._close,
            epoch=ground.epoch,
        )

    def _aside(self, conduct: Conduct) -> Aside:
        commands = self._commands(f"{conduct.name}.aside")

        def begin(command: str, call: str) -> None:
            self._jobs[call] = conduct.name
            self._begin(command, call)

        return Aside(conduct, commands, lambda: self._tenant(conduct.name), begin, lambda: str(uuid.uuid4()))

    def _commands(self, name: str) -> RoomCommands:
        def music() -> bool:
            room = self._ground.registry.room(name)
            return room is None or room.silent

        return RoomCommands(name, self._api, self._ground.prompts, music)

    def _announcer(self) -> Announcer:
        ground = self._ground
        return Announcer(ground.prompts.tone, ground.names.file_of, ground.names.forget)

    def _steers(self) -> bool:
        return self.lease.held

    def _close(self, name: str) -> None:
        self._actors.pop(name, None)

    def _tenant(self, name: str) -> Tenant | None:
        return self._ground.tenants().by_id.get(name.partition(".")[0])

    def _rules(self, name: str) -> Room | None:
        tenant = self._tenant(name)
        return tenant.rooms.get(name.partition(".")[2]) if tenant is not None else None

    def _learn_language(self, call: str) -> None:
        """After a restart only the channel itself knows which language its caller chose."""
        commands = RoomCommands("any", self._api, self._ground.prompts)
        self._ground.registry.note_language(call, commands.variable(call, "cc_language"))
