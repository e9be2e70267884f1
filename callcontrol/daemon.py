"""The daemon: starts everything in order, serves calls, drains on SIGTERM.

Order of start: tenants, state store, links to the switches, and only then the socket FreeSWITCH hands calls to, so
that no call finds half a house. Order of end: no new calls (FreeSWITCH is refused and tries the next daemon), the
conversations end by themselves, `drain_seconds` at most; a caller cut then is in music and with another daemon within
seconds, by the dialplan's safety net.

Signals only set an event; the main greenlet acts.
"""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import gevent
import structlog
from gevent.event import Event as Signal

from callcontrol import greenlets
from callcontrol.attendance import Attendance
from callcontrol.config import Config
from callcontrol.desk import Desk
from callcontrol.dialout import Rounds
from callcontrol.dialout.exchange import Exchange
from callcontrol.dialout.lines import OutsideLines
from callcontrol.dialout.plan import patience
from callcontrol.dialout.scheduler import Scheduler
from callcontrol.directory import write_directory
from callcontrol.errors import ConfigError
from callcontrol.flows import House, serve
from callcontrol.http import HttpServer, http_token
from callcontrol.ledger.books import Books
from callcontrol.log import lines_dropped
from callcontrol.mailboxes import MailboxPost
from callcontrol.metrics import Metrics
from callcontrol.prompts import PromptBook
from callcontrol.rooms.api import RoomsApi
from callcontrol.rooms.names import Recordings, SpokenNames
from callcontrol.rooms.registry import RoomRegistry
from callcontrol.rooms.room import RoomState
from callcontrol.rooms.steward import Ground
from callcontrol.state import Database, Legs, StateStore
from callcontrol.state.outside import OutsideCalls
from callcontrol.state.rounds import RoundStore
from callcontrol.state.settings import SettingsStore
from callcontrol.switch.call import Call
from callcontrol.switch.connection import CallSocket
from callcontrol.switch.events import Event
from callcontrol.switch.framing import Headers
from callcontrol.switch.link import Link
from callcontrol.switch.server import CallServer
from callcontrol.switchboard import Switchboard
from callcontrol.tenants import Problem, Tenants, TenantStore

PRUNE_SECONDS = 300.0
DEFAULT_LANGUAGE = "en"

_log = structlog.get_logger("callcontrol.daemon")


class Daemon:
    """One callcontrol process. ``start`` returns when calls are answered; ``run`` stays until ``stop`` was called.

    ``epoch``: the clock by which rooms are open and call their participants, UTC epoch seconds.
    """

    def __init__(self, config: Config, environ: Mapping[str, str], *, epoch: Callable[[], float] = time.time) -> None:
        self._config = config
        self._stopping = Signal()
        self.metrics = Metrics()
        self.rooms = RoomRegistry(time.monotonic)
        self.tenants = TenantStore(config.tenants, environ, self._tenants_changed, self._tenant_problems)
        self.database = Database(config.database)
        self.state = StateStore(self.database)
        self.desk = Desk(SettingsStore(self.database), epoch)
        switches = [switch.name for switch in config.switches]
        self.books = Books(Legs(self.database), self._channel, switches, config.cdr)
        prompts = PromptBook(config.prompts, config.switch_prompts)
        seen_by_switch = config.switch_recordings or str(config.recordings.absolute())
        self._names = names = SpokenNames(config.recordings, seen_by_switch)
        recordings = Recordings(config.recordings, seen_by_switch, lambda: time.strftime("%Y-%m-%dT%H%M%S"))
        identity = f"{socket.gethostname()}/{config.listen[0]}:{config.listen[1] or os.getpid()}"
        links: list[Link] = []
        exchange = self._exchange(identity, links, epoch)
        self.rounds = Rounds(exchange)
        self.lines = OutsideLines(OutsideCalls(self.database), links, epoch)
        self.schedules = Scheduler(self.rounds, exchange.store, exchange.tenants, epoch, self._occurred)
        ground = Ground(
            self.rooms, lambda: self.tenants.current, prompts, epoch, recordings.path_for, names, self.rounds
        )
        self.post = MailboxPost.of(config, lambda: self.tenants.current)
        self.switchboards = [
            Switchboard(switch, ground, self.books, self.post, identity, environ, self.metrics, self._job_ended)
            for switch in config.switches
        ]
        links += [board.link for board in self.switchboards]
        self._house = House(
            tenants=lambda: self.tenants.current,
            prompts=prompts,
            rooms=self.rooms,
            names=names,
            state=self.state,
            desk=self.desk,
            rounds=self.rounds,
            lines=self.lines,
            books=self.books,
            metrics=self.metrics,
            now=epoch,
            links_up=lambda: all(board.link.up for board in self.switchboards),
            language=DEFAULT_LANGUAGE,
        )
        self.calls = CallServer(
            config.listen,
            self._converse,
            max_calls=config.max_calls,
            peers=config.peers,
            on_refused=lambda reason: self.metrics.refused.labels(reason).inc(),
        )
        self.http = HttpServer(
            config.http,
            ready=self.reasons,
            status=self.status,
            metrics=self.metrics,
            token=http_token(config.state),
            rooms=RoomsApi(self.rooms, self.rounds, *(board.steward for board in self.switchboards)),
            office=Attendance(lambda: self.tenants.current, self.desk.settings_of_all, links),
        )
        self._watch_ourselves()

    def start(self) -> None:
        """Start everything. Raises ConfigError or OSError (an address is taken)."""
        problems = self.tenants.load()
        if problems and not self.tenants.current.by_id:
            raise ConfigError(problems)
        self.database.open()
        self.books.start()
        self._names.prepare()
        self._write_directory(self.tenants.current)
        for board in self.switchboards:
            board.start(self._stopping)
        greenlets.spawn("tenant files", self.tenants.watch)
        greenlets.spawn("housekeeping", self._keep_house)
        self.rounds.start()
        self.lines.start()
        self.schedules.start()
        self.http.start()
        self.calls.start()
        _log.info("ready", calls=_written(self.calls.address), http=_written(self.http.address))

    def run(self) -> None:
        """Serve until `stop`, then drain."""
        self._stopping.wait()
        self._drain()

    def stop(self) -> None:
        """Begin to drain; safe in a signal handler."""
        self._stopping.set()

    def reasons(self) -> list[str]:
        """Why this daemon should get no calls; empty when it should."""
        checks = {
            "draining": self._stopping.is_set(),
            "not listening for calls": not self.calls.listening,
            "no tenants are loaded": not self.tenants.current.by_id,
            "no link to any switch": not any(board.link.up for board in self.switchboards),
        }
        return [reason for reason, true in checks.items() if true]

    def status(self) -> dict[str, object]:
        """What `callcontrol status` shows."""
        tenants = self.tenants.current
        return {
            "ready": not self.reasons(),
            "reasons": self.reasons(),
            "conversations": self.calls.live,
            "switches": [
                {"name": board.link.name, "up": board.link.up, "reconnects": board.link.reconnects}
                for board in self.switchboards
            ],
            "rooms": [_room_status(room) for _, room in sorted(self.rooms.rooms().items())],
            "numbers": [
                {
                    "number": number.e164,
                    "tenant": tenant.id,
                    "leads_to": number.leads_to,
                }
                for tenant in tenants.by_id.values()
                for number in tenant.numbers.values()
            ],
        }

    def _exchange(self, identity: str, links: Sequence[Link], epoch: Callable[[], float]) -> Exchange:
        return Exchange(
            store=RoundStore(self.database),
            tenants=lambda: self.tenants.current,
            lines=links,
            hosted_by=lambda room: next((member.switch for member in self.rooms.people(room)), ""),
            numbers_in=lambda room: [member.number for member in self.rooms.people(room)],
            language_of=self.state.language_of,
            identity=identity,
            patience=patience(self._config.dial_out),
            now=epoch,
            count=lambda tenant, result: self.metrics.calls_out.labels(tenant, str(result)).inc(),
        )

    def _occurred(self, outcome: str) -> None:
        self.metrics.occurrences.labels(outcome).inc()

    def _job_ended(self, job: str, answer: str) -> None:
        self.rounds.take_job(job, answer)

    def _converse(self, socket: CallSocket, channel: Headers) -> None:
        arrived = time.monotonic()
        call = Call(socket, channel, self._house.prompts, self._house.language)
        del channel  # 6 kB that a caller at a prompt need not carry
        call.on_answered = lambda: self.metrics.answer_seconds.observe(time.monotonic() - arrived)
        with self.metrics.calls_live.track_inprogress():
            serve(call, self._house)

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

    def _drain(self) -> None:
        _log.info("draining", conversations=self.calls.live, at_most_s=self._config.drain_seconds)
        self.calls.stop_accepting()
        self.schedules.stop()
        self.rounds.stop()
        self.lines.stop()
        expires = time.monotonic() + self._config.drain_seconds
        while self.calls.live and time.monotonic() < expires:
            gevent.sleep(0.05)
        if self.calls.live:
            _log.warning(
                "conversations cut short; their callers hear music and reach the next daemon", n=self.calls.live
            )
        self.tenants.stop()
        self.post.stop()
        for board in self.switchboards:
            board.stop()
        self.http.stop()
        self.books.stop()
        self.database.close()
        _log.info("stopped")

    def _channel(self, switch: str, call: str) -> Event:
        return next(board for board in self.switchboards if board.link.name == switch).channel(call)

    def _keep_house(self) -> None:
        while not self._stopping.wait(timeout=PRUNE_SECONDS):
            self.state.prune(time.time())

    def _tenants_changed(self, tenants: Tenants) -> None:
        self.metrics.tenant_reloads.labels("ok").inc()
        _log.info("tenants in force", tenants=sorted(tenants.by_id))
        self._write_directory(tenants)
        self.schedules.tenants_changed()
        greenlets.spawn("star codes", self.desk.tenants_changed, tenants)

    def _tenant_problems(self, problems: Sequence[Problem]) -> None:
        self.metrics.tenant_problems.replace(
            {path.name: float(n) for path, n in Counter(p.path for p in problems).items()}
        )
        if not problems:
            _log.info("all tenant files are sound")
            return
        self.metrics.tenant_reloads.labels("refused").inc()
        for problem in problems:
            _log.error("tenant file refused", problem=str(problem))

    def _write_directory(self, tenants: Tenants) -> None:
        folder: Path | None = self._config.directory
        if folder is None or not write_directory(folder, tenants):
            return
        for board in self.switchboards:
            if board.link.up:
                greenlets.spawn(f"reload directory of {board.link.name}", board.reload_directory)


def _room_status(room: RoomState) -> dict[str, object]:
    return {"room": room.name, "members": len(room.members), "moderators": len(room.moderators)}


def _written(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"
