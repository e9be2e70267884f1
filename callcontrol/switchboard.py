"""Everything the daemon has to do with one FreeSWITCH: the link to it, and the steward of its rooms.

A switch that comes up is asked for what it has, is told to read its extensions again (it may have been started before
they were written), and its rooms are claimed; one that is lost is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import structlog
from gevent.event import Event as Signal

from callcontrol import greenlets
from callcontrol.config import Switch
from callcontrol.errors import SwitchError
from callcontrol.ledger.books import Books
from callcontrol.ledger.watch import Present
from callcontrol.mailboxes import MailboxPost
from callcontrol.metrics import Metrics
from callcontrol.rooms.lease import RENEW_SECONDS
from callcontrol.rooms.steward import Ground, Steward
from callcontrol.switch.events import Event
from callcontrol.switch.link import Link
from callcontrol.switch.literals import text_literal

EVENTS = "DTMF BACKGROUND_JOB CUSTOM conference::maintenance vm::maintenance"

_log = structlog.get_logger("callcontrol.switchboard")


class Switchboard:
    """One switch. ``identity``: this daemon's name among those that may steer rooms, the same after a restart.

    ``on_job``: told of the end of every command in the background, by its name, with the answer; must not wait.
    """

    def __init__(
        self,
        switch: Switch,
        ground: Ground,
        books: Books,
        post: MailboxPost,
        identity: str,
        environ: Mapping[str, str],
        metrics: Metrics,
        on_job: Callable[[str, str], None],
    ) -> None:
        password = partial(switch.read_password, environ)
        self.link = Link(switch.name, (switch.host, switch.port), password, self, subscribe=EVENTS)
        self.steward = Steward(switch.name, ground, identity, self.link.api, self.link.begin)
        self._ground = ground
        self._books = books
        self._post = post
        self._metrics = metrics
        self._on_job = on_job
        self._known = False
        self._caught_up = False  # with messages that were left while this daemon did not steer

    def start(self, stopping: Signal) -> None:
        """Connect, and keep connected and in charge until ``stopping``."""
        self.link.start()
        greenlets.spawn(f"steering {self.link.name}", self._keep_lease, stopping)

    def stop(self) -> None:
        """Steer no rooms any more, and disconnect."""
        self.steward.lease.lost()
        self.link.stop()

    def reload_directory(self) -> None:
        """Let the switch read the extensions again."""
        try:
            self.link.api("reloadxml")
        except SwitchError as error:
            _log.error("the switch did not read the extensions", switch=self.link.name, error=str(error))

    def on_up(self, link: Link) -> None:
        """Connected, and again every now and then: take over what the switch says."""
        if not self._known:
            self.steward.lease.renew()  # for a switch that is new to us this only says that nobody steers it
            self.steward.lease.renew()
        asked = self._books.now()
        self.steward.resync()
        self._books.compare(link.name, self._present(), asked)
        self._metrics.link_up.labels(link.name).set(1)
        if not self._known:
            self.reload_directory()
        self._known = True
        if self.steward.lease.held and not self._caught_up:
            self._post.catch_up(link.name, link.api)
        self._caught_up = self.steward.lease.held

    def on_event(self, event: Event) -> None:
        """Something happened on the switch."""
        if event.name == "BACKGROUND_JOB":
            self._on_job(event.get("Job-UUID"), event.get("_body"))
        self.steward.take_event(event)
        self._books.take_event(self.link.name, event)
        if self.steward.lease.held:
            self._post.take_event(self.link.name, event, self.link.api)

    def on_down(self, link: Link) -> None:
        """The switch is lost."""
        self._known = self._caught_up = False
        self.steward.lease.lost()
        self._books.lost(link.name)
        self._metrics.link_up.labels(link.name).set(0)
        self._metrics.link_reconnects.labels(link.name).inc()

    def channel(self, call: str) -> Event:
        """Everything the switch knows of a call. Raises SwitchError."""
        return Event(self.link.api(f"uuid_dump {text_literal(call)} json").encode("utf-8", "surrogateescape"))

    def _present(self) -> dict[str, Present]:
        """Every call that is in a room of this switch, by its uuid."""
        registry = self._ground.registry
        ago = self._books.now() - registry.now()
        return {
            member.call: Present(member.call, member.switch, room.name, registry.meeting(room.name), member.since + ago)
            for room in registry.rooms().values()
            for member in room.members.values()
            if member.switch == self.link.name
        }

    def _keep_lease(self, stopping: Signal) -> None:
        while not stopping.wait(timeout=RENEW_SECONDS):
            try:
                if self._known:
                    self.steward.keep_lease()
            except SwitchError as error:
                _log.debug("cannot claim the rooms", switch=self.link.name, reason=str(error))
        with suppress(SwitchError):
            self.steward.lease.give_back()
