"""The daemon: starts everything in order, serves calls, drains on SIGTERM.

Order of start: tenants, state store, links to the switches, and only then the socket FreeSWITCH hands calls to, so
that no call finds half a house. Order of end: no new calls (FreeSWITCH is refused and tries the next daemon), the
conversations end by themselves, `drain_seconds` at most; a caller cut then is in music and with another daemon within
seconds, by the dialplan's safety net.

Signals only set an event; the main greenlet acts.
"""

from __future__ import annotations

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
from callcontrol.directory import write_directory
from callcontrol.errors import ConfigError
from callcontrol.flows import serve
from callcontrol.http import HttpServer, http_token
from callcontrol.parts import Parts
from callcontrol.rooms.api import RoomsApi
from callcontrol.rooms.room import RoomState
from callcontrol.switch.call import Call
from callcontrol.switch.connection import CallSocket
from callcontrol.switch.framing import Headers
from callcontrol.switch.server import CallServer
from callcontrol.tenants import Problem, Tenants

PRUNE_SECONDS = 300.0

_log = structlog.get_logger("callcontrol.daemon")


class Daemon(Parts):
    """One callcontrol process. ``start`` returns when calls are answered; ``run`` stays until ``stop`` was called.

    ``epoch``: the clock by which rooms are open and call their participants, UTC epoch seconds.
    """

    def __init__(self, config: Config, environ: Mapping[str, str], *, epoch: Callable[[], float] = time.time) -> None:
        super().__init__(config, environ, epoch, self._tenants_changed, self._tenant_problems)
        self._stopping = Signal()
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
            office=Attendance(self.house.tenants, self.desk.settings_of_all, self.links),
        )

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

    def _converse(self, socket: CallSocket, channel: Headers) -> None:
        arrived = time.monotonic()
        call = Call(socket, channel, self.house.prompts, self.house.language)
        del channel  # 6 kB that a caller at a prompt need not carry
        call.on_answered = lambda: self.metrics.answer_seconds.observe(time.monotonic() - arrived)
        with self.metrics.calls_live.track_inprogress():
            serve(call, self.house)

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
