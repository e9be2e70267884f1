"""What all parts of the rehearsal switch share: who takes its events, how time passes, which files there are."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from callcontrol import wav
from callcontrol.rehearsal.channel import Channel
from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.events import MAINTENANCE, Block, Event, Origin, Part
from callcontrol.rehearsal.names import VERBOSE


class Prompts(Protocol):
    """The part of callcontrol.prompts.PromptBook a switch needs."""

    def identify(self, path: str) -> tuple[str, str] | None:
        """Language and name of a prompt's file."""


class Taker(Protocol):
    """Who takes events: a connection to the event socket."""

    def wants(self, name: str, subclass: str) -> bool:
        """Whether it has asked for events of this name."""

    def deliver(self, event: Event) -> None:
        """Write an event of a wanted name, if it passes the filters."""


class Source(Protocol):
    """Whom an event is about: a call."""

    @property
    def channel(self) -> Channel:
        """Its channel."""

    @property
    def listeners(self) -> Sequence[Taker]:
        """The connections that command it."""


class Bus:
    """Shared by every call, room and connection of one rehearsal switch.

    pace: how long media lasts, as a share of its real length (0: no time at all; 1: as long as it is).
    """

    def __init__(self, prompts: Prompts | None, pace: float) -> None:
        self.prompts = prompts
        self.pace = pace
        self.origin = Origin(new_uuid())
        self.listeners: set[Taker] = set()  # connections that are not limited to one call
        self.missing: set[str] = set()
        self._durations: dict[str, float] = {}

    def fire(
        self,
        name: str,
        session: Source | None = None,
        after: Sequence[Header] = (),
        before: Sequence[Header] = (),
        body: str | None = None,
        owner: Source | None = None,
    ) -> None:
        """Send an event to all who want it. ``owner``: the call whose own socket may take it besides the others."""
        source = session or owner
        takers = [one for one in self._listening(source) if one.wants(name, "")]
        head = self.origin.opening(name)
        if takers:
            parts: list[Part] = [Block([*head, *before])]
            if session is not None:
                parts += session.channel.full() if name in VERBOSE else session.channel.basic()
            parts.append(Block(after))
            self._send(Event(name, parts, source.channel.uuid if source else "", body), takers)

    def fire_maintenance(self, action: str, headers: Sequence[Header], session: Source | None = None) -> None:
        """Send a conference::maintenance event; ``headers`` are complete but for the opening ones."""
        takers = [one for one in self._listening(session) if one.wants("CUSTOM", MAINTENANCE)]
        head = [("Event-Subclass", MAINTENANCE), *self.origin.opening("CUSTOM", action)]
        if takers:
            about = session.channel.uuid if session else ""
            self._send(Event("CUSTOM", [Block([*head, *headers])], about), takers)

    def connect_reply(self, channel: Channel) -> bytes:
        """The answer to ``connect``: the call as it is, written like an event without a frame."""
        tail = [("Content-Type", "command/reply"), ("Reply-Text", "+OK\n")]
        tail += [("Socket-Mode", "async"), ("Control", "full")]
        head = Block(self.origin.opening("CHANNEL_DATA"))
        return Event("CHANNEL_DATA", [head, *channel.described(), *channel.full(), Block(tail)]).payload("plain")

    def describe(self, path: str) -> tuple[str, str]:
        """Language and name a transcript shows for a file; the stem where the prompts do not know it."""
        known = self.prompts.identify(path) if self.prompts else None
        return known or (Path(path).parent.name, Path(path).stem)

    def exists(self, path: str) -> bool:
        """Whether FreeSWITCH could open the file. Without a prompt book every file is there that is not ``missing``."""
        if path in self.missing or Path(path).stem in self.missing:
            return False
        if self.prompts is None or is_music(path):
            return True
        return self.prompts.identify(path) is not None or os.path.exists(path)

    def seconds(self, path: str) -> float:
        """How long a WAV lasts, in real seconds; what cannot be read counts as one second."""
        if path not in self._durations:
            try:
                self._durations[path] = wav.read(Path(path)).seconds
            except wav.WavError:
                self._durations[path] = 1.0
        return self._durations[path]

    def _listening(self, session: Source | None) -> Sequence[Taker]:
        own = session.listeners if session is not None else []
        if not self.listeners:
            return own
        return [*self.listeners, *(one for one in own if one not in self.listeners)]

    def _send(self, event: Event, takers: Sequence[Taker]) -> None:
        for one in takers:
            one.deliver(event)


def is_music(path: str) -> bool:
    """Whether a file is music to wait by: it lies in a folder ``music``."""
    return Path(path).parent.name == "music"


def new_uuid() -> str:
    """A fresh identifier as FreeSWITCH makes them."""
    return str(uuid.uuid4())
