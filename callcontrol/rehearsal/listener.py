"""One event-socket connection as FreeSWITCH keeps it: what it subscribed to, what passes, in which format.

The rules are those of mod_event_socket.c ``event_handler`` and the commands ``myevents``, ``event``, ``nixevent``,
``noevents`` and ``filter``: types first, then filters, then the limit to one call.
"""

from __future__ import annotations

import re

from callcontrol.rehearsal import names
from callcontrol.rehearsal.events import JSON, PLAIN, Event
from callcontrol.rehearsal.session import Session
from callcontrol.rehearsal.wire import Outlet


class Subscription:
    """Which events one connection wants. Pure: nothing is sent here."""

    def __init__(self) -> None:
        self.types: set[str] = set()
        self.subclasses: set[str] = set()
        self.filters: list[tuple[str, str]] = []
        self.style = PLAIN
        self.on = False
        self.mine_only = ""  # the uuid that `myevents` limits everything to

    def wants(self, name: str, subclass: str) -> bool:
        """Whether the type is subscribed; nothing about filters yet."""
        if not self.on:
            return False
        if "ALL" in self.types:
            return True
        if name not in self.types:
            return False
        return name != "CUSTOM" or not subclass or subclass in self.subclasses

    def passes(self, event: Event) -> bool:
        """Whether an event of a wanted type passes the filters and ``myevents``."""
        if self.filters and not self._filtered(event):
            return False
        return not self.mine_only or self.mine_only == event.about

    def _filtered(self, event: Event) -> bool:
        """mod_event_socket.c:321-370: positives are OR-ed, a ``-`` vetoes, vetoes alone drop everything."""
        send = False
        for name, text in self.filters:
            value = event.header(name)
            if value is None:
                continue
            stripped = text.lstrip("+- ")
            signs = text[: len(text) - len(stripped)].replace(" ", "")
            positive = not signs.endswith("-")
            if send and positive:
                continue
            if _matches(text, stripped, value):
                if not positive:
                    return False
                send = True
        return send

    def myevents(self, uuid: str, line: str) -> str:
        """``myevents [plain|json]``: the 23 types of one's own call."""
        if self.mine_only:
            return "-ERR aready enabled."
        self.types |= names.MYEVENTS
        self.mine_only, self.on = uuid, True
        if "json" in line or "JSON" in line:
            self.style = JSON
        return "+OK Events Enabled"

    def add(self, words: list[str]) -> str:
        """``event [plain|json] TYPE ... [CUSTOM SUBCLASS ...]``; everything after CUSTOM is a subclass."""
        if words and words[0].lower() in (PLAIN, JSON):
            self.style = words.pop(0).lower()
        custom = False
        count = 0
        for word in words:
            if custom:
                self.subclasses.add(word)
            elif (name := word.upper()) in names.EVENTS:
                count += 1
                self.types.add(name)
                if name == "ALL":
                    self.types |= names.EVENTS
                custom = name == "CUSTOM"
        if not count:
            return "-ERR no keywords supplied"
        self.on = True
        return f"+OK event listener enabled {self.style}"

    def remove(self, words: list[str]) -> str:
        """``nixevent TYPE ... [CUSTOM SUBCLASS ...]``."""
        custom = False
        count = 0
        for word in words:
            if custom:
                self.subclasses.discard(word)
            elif (name := word.upper()) in names.EVENTS:
                count += 1
                if name == "CUSTOM":
                    custom = True
                elif name == "ALL":
                    self.types.clear()
                else:
                    self.types -= {"ALL", name}
        if not count:
            return "-ERR no keywords supplied"
        self.on = True
        return "+OK events nixed"

    def clear(self) -> str:
        """``noevents``; the limit of ``myevents`` stays (mod_event_socket.c:2593)."""
        if not self.on:
            return "-ERR not listening for events"
        self.on = False
        self.types.clear()
        self.subclasses.clear()
        return "+OK no longer listening for events"

    def filter(self, text: str) -> str:
        """``filter [add] NAME VALUE`` and ``filter delete NAME|all [VALUE]``."""
        name, _, value = text.strip().partition(" ")
        if name.lower() == "delete" and value:
            name, _, value = value.partition(" ")
            keep = [] if name.lower() == "all" else [pair for pair in self.filters if not _same(pair, name, value)]
            self.filters = keep
            return f"+OK filter deleted. [{name}][{value}]"
        if name.lower() == "add" and " " in value:
            name, _, value = value.partition(" ")
        if not value:
            return "-ERR invalid syntax"
        self.filters.append((name, value))
        return f"+OK filter added. [{name}]=[{value}]"


class Listener:
    """One connection: its subscription, its outlet and, when it is a call's, the session it controls."""

    def __init__(self, outlet: Outlet, session: Session | None = None, full: bool = True) -> None:
        self.outlet = outlet
        self.session = session
        self.full = full
        self.subscription = Subscription()
        self.authed = session is not None
        self.running = True
        self.connected = False
        self.resume = False
        self.logging = False
        self._held: bytearray | None = None  # events that came while a command is carried out
        self.linger: int | None = None  # None: not asked for; -1: without limit; else seconds

    @property
    def uuid(self) -> str:
        """The call this connection controls, or ``""``."""
        return self.session.channel.uuid if self.session else ""

    def wants(self, name: str, subclass: str) -> bool:
        """Whether it has subscribed to events of this name."""
        return self.subscription.wants(name, subclass)

    def deliver(self, event: Event) -> None:
        """Write an event of a wanted type if it passes; while a command is carried out, after its reply."""
        if not self.subscription.passes(event):
            return
        frame = event.frame(self.subscription.style)
        if self._held is None:
            self.outlet.write(frame)
        else:
            self._held += frame

    @property
    def answering(self) -> bool:
        """Whether a command is being carried out."""
        return self._held is not None

    def hold(self) -> None:
        """A command begins: FreeSWITCH's one thread per connection writes its reply before any event."""
        self._held = bytearray()

    def let_go(self) -> None:
        """The reply is written; now the events that came meanwhile."""
        held, self._held = self._held, None
        if held:
            self.outlet.write(bytes(held))


def _matches(text: str, stripped: str, value: str) -> bool:
    if not text.startswith("/"):
        return value.lower() == stripped.lower()
    pattern, _, flags = stripped[1:].rpartition("/")
    try:
        return re.search(pattern, value, re.IGNORECASE if "i" in flags else 0) is not None
    except re.error:
        return False


def _same(pair: tuple[str, str], name: str, value: str) -> bool:
    return pair[0].lower() == name.lower() and (not value or pair[1] == value)
