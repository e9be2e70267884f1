"""What a daemon is made of, put together; nothing runs yet and no socket is open.

From the ground up: what is stored, what calls out, the switches with their rooms, and what flows may use. Parts that
need one made later are given a function, or a list, that has it by then.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence

from callcontrol import greenlets
from callcontrol.config import Config
from callcontrol.desk import Desk
from callcontrol.dialout import Result, Rounds
from callcontrol.dialout.exchange import Exchange
from callcontrol.dialout.lines import OutsideLines
from callcontrol.dialout.plan import patience
from callcontrol.dialout.scheduler import Scheduler
from callcontrol.flows import House
from callcontrol.ledger.books import Books
from callcontrol.ledger.spool import Spool
from callcontrol.log import lines_dropped
from callcontrol.mailboxes import MailboxPost
from callcontrol.metrics import Metrics
from callcontrol.prompts import PromptBook
from callcontrol.rooms.names import Recordings, SpokenNames
from callcontrol.rooms.registry import RoomRegistry
from callcontrol.rooms.steward import Ground
from callcontrol.state import Database, Legs, StateStore
from callcontrol.state.mailed import MailedMessages
from callcontrol.state.office import OfficeCalls
from callcontrol.state.rounds import RoundStore
from callcontrol.state.settings import SettingsStore
from callcontrol.switch.events import Event
from callcontrol.switch.link import Link
from callcontrol.switchboard import Switchboard
from callcontrol.tenants import Problem, Tenants, TenantStore

DEFAULT_LANGUAGE = "en"


class Parts:
    """All parts of one daemon.

    ``on_tenants`` and ``on_problems``: told what became of the tenant files. ``epoch``: the clock by which rooms are
    open and call their participants, UTC epoch seconds.
    """

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        epoch: Callable[[], float],
        on_tenants: Callable[[Tenants], None],
        on_problems: Callable[[Sequence[Problem]], None],
    ) -> None:
        self._config = config
        self._epoch = epoch
        self._identity = f"{socket.gethostname()}/{config.listen[0]}:{config.listen[1] or os.getpid()}"
        self.links: list[Link] = []
        self.metrics = Metrics()
        self.rooms = RoomRegistry(time.monotonic)
        self.tenants = TenantStore(config.tenants, environ, on_tenants, on_problems)
        self._store()
        self._call_out()
        self._reach_switches(environ)
        self.house = self._furnished()
        self._watch_ourselves()

    def _now_in_force(self) -> Tenants:
        return self.tenants.current

    # -- what is stored ------------------------------------------------------------------------------------------------

    def _store(self) -> None:
        config = self._config
        self.database = Database(config.database)
        self.state = StateStore(self.database)
        self.desk = Desk(SettingsStore(self.database), self._epoch)
        switches = [switch.name for switch in config.switches]
        self._offices = OfficeCalls(self.database)
        legs = Legs(self.database)
        spool = Spool(config.cdr, legs, self._offices) if config.cdr is not None else None
        self.books = Books(legs, self._channel, switches, spool)
        self._prompts = PromptBook(config.prompts, config.switch_prompts)
        self._names = SpokenNames(config.recordings, self._recordings_seen_by_switch)

    @property
    def _recordings_seen_by_switch(self) -> str:
        return self._config.switch_recordings or str(self._config.recordings.absolute())

    def _channel(self, switch: str, call: str) -> Event:
        return next(board for board in self.switchboards if board.link.name == switch).channel(call)

    # -- what calls out ------------------------------------------------------------------------------------------------

    def _call_out(self) -> None:
        exchange = self._exchange()
        self.rounds = Rounds(exchange)
        self.lines = OutsideLines(self._offices, self.links, self._epoch)
        self.schedules = Scheduler(self.rounds, exchange.store, self._now_in_force, self._epoch, self._occurred)
        self.post = MailboxPost.of(self._config, self._now_in_force, MailedMessages(self.database), self._epoch)

    def _exchange(self) -> Exchange:
        return Exchange(
            store=RoundStore(self.database),
            tenants=self._now_in_force,
            lines=self.links,
            hosted_by=lambda room: next((member.switch for member in self.rooms.people(room)), ""),
            meeting_of=lambda room: self.rooms.meeting(room) if self.rooms.room(room) is not None else "",
            numbers_in=lambda room: [member.number for member in self.rooms.people(room)],
            language_of=self.state.language_of,
            identity=self._identity,
            patience=patience(self._config.dial_out),
            now=self._epoch,
            count=self._called,
        )

    def _called(self, tenant: str, result: Result) -> None:
        self.metrics.calls_out.labels(tenant, str(result)).inc()

    def _occurred(self, outcome: str) -> None:
        self.metrics.occurrences.labels(outcome).inc()

    # -- the switches and their rooms ----------------------------------------------------------------------------------

    def _reach_switches(self, environ: Mapping[str, str]) -> None:
        def today() -> str:
            return time.strftime("%Y-%m-%dT%H%M%S")

        path_for = Recordings(self._config.recordings, self._recordings_seen_by_switch, today).path_for
        ground = Ground(self.rooms, self._now_in_force, self._prompts, self._epoch, path_for, self._names, self.rounds)
        jobs = self.rounds.take_job
        self.switchboards = [
            Switchboard(switch, ground, self.books, self.post, self._identity, environ, self.metrics, jobs)
            for switch in self._config.switches
        ]
        self.links += [board.link for board in self.switchboards]

    # -- what flows may use --------------------------------------------------------------------------------------------

    def _furnished(self) -> House:
        return House(
            tenants=self._now_in_force,
            prompts=self._prompts,
            rooms=self.rooms,
            names=self._names,
            state=self.state,
            desk=self.desk,
            rounds=self.rounds,
            lines=self.lines,
            books=self.books,
            metrics=self.metrics,
            now=self._epoch,
            links_up=lambda: all(link.up for link in self.links),
            language=DEFAULT_LANGUAGE,
        )

    def _watch_ourselves(self) -> None:
        watch = self.metrics.watch
        watch("greenlets", "Greenlets started by name and alive", greenlets.count)
        watch("state_available", "1 while the state store answers", lambda: self.database.available)
        watch("state_outages", "Times the state store went away since the start", lambda: self.database.outages)
        self.books.watch_with(watch)
        watch("log_lines_dropped", "Log lines lost since the start", lines_dropped)
        watch("rounds_running", "Rounds of calls this daemon drives", lambda: self.rounds.running)
        for board in self.switchboards:
            self.metrics.link_up.labels(board.link.name).set(0)  # a link that never came up is down too
