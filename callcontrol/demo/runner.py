"""Starts a switch and a daemon, says when a call would be answered, restarts what dies, and stops everything."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import gevent
import structlog
from gevent import subprocess
from gevent.event import Event as Signal

from callcontrol import greenlets
from callcontrol.demo.settings import DemoSettings
from callcontrol.errors import CallControlError, SwitchError
from callcontrol.freeswitch import FreeSwitchProcess, carrier_variables
from callcontrol.processes import start_guarded, stop_process
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal.switch import RehearsalSwitch

READY_SECONDS = 30.0
STOP_SECONDS = 15.0  # more than the demo daemon's drain of 5 s
WATCH_SECONDS = 0.2
RESTART_PAUSES = (0.0, 1.0, 2.0, 5.0)  # seconds before the first, second, ... restart within a minute; the last stays

_log = structlog.get_logger("callcontrol.demo")


class Part(Protocol):
    """Something the demo starts and watches."""

    def start(self) -> None: ...
    def alive(self) -> bool: ...
    def stop(self, deadline: float) -> None: ...


class DaemonProcess:
    """``callcontrol serve`` as a process of its own, so that it may die without taking the demo with it."""

    def __init__(self, settings: DemoSettings, environ: Mapping[str, str], log: Path | None = None) -> None:
        """``log``: the file its output goes to; None: where ours goes."""
        self._settings = settings
        self._environ = environ
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "callcontrol", "serve", "--config", str(self._settings.config_file)]
        with contextlib.nullcontext() if self._log is None else self._settings.open_log() as output:
            self._process = start_guarded(command, environ=self._environ, output=output)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, deadline: float) -> None:
        if self._process is not None:
            stop_process(self._process, deadline)

    def last_words(self) -> str:
        """Where to read why it ended."""
        return "its last lines above say why" if self._log is None else f"the last lines of {self._log} say why"

    def ready(self) -> bool:
        """Whether its /readyz says so."""
        connection = http.client.HTTPConnection(*self._settings.http, timeout=1.0)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class RehearsalPart:
    """The rehearsal switch, in this process."""

    def __init__(self, settings: DemoSettings, password: str, *, pace: float) -> None:
        self.switch = RehearsalSwitch(
            settings.listen,
            prompts=PromptBook(settings.home / "prompts"),
            password=password,
            listen=("127.0.0.1", settings.esl_port),
            pace=pace,
            cdr=settings.cdr,
        )
        self._started = False

    def start(self) -> None:
        self.switch.start()
        self._started = True

    def alive(self) -> bool:
        return self._started

    def stop(self, deadline: float) -> None:
        if self._started:
            self.switch.stop()
        self._started = False


def freeswitch_part(binary: Path, settings: DemoSettings, password: str) -> FreeSwitchProcess:
    """FreeSWITCH with our configuration, on the demo's ports. Raises SwitchError for a path it cannot use."""
    settings.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _freeswitch(binary, settings, password)
    except ValueError as error:
        raise SwitchError(str(error)) from error


def _freeswitch(binary: Path, settings: DemoSettings, password: str) -> FreeSwitchProcess:
    return FreeSwitchProcess(
        binary,
        run_folder=settings.state / "freeswitch",
        conf=settings.home / "freeswitch-conf",
        dialplan=settings.home / "dialplan",
        prompts=settings.home / "prompts",
        directory=settings.directory,
        trunk_port=settings.sip_port,
        extension_port=settings.extension_port,
        esl_port=settings.esl_port,
        esl_password=password,
        daemons=f"{settings.listen[0]}:{settings.listen[1]}",
        rtp_ports=settings.rtp_ports,
        cdr=settings.cdr,
        voicemail=settings.voicemail,
        extra_env=carrier_variables(os.environ),
    )


class Runner:
    """Runs the parts until told to stop."""

    def __init__(self, switch: Part, daemon: DaemonProcess) -> None:
        self._parts: dict[str, Part] = {"switch": switch, "daemon": daemon}
        self._daemon = daemon
        self._deaths: dict[str, list[float]] = {"switch": [], "daemon": []}
        self.stopping = Signal()

    def start(self) -> None:
        """Start both and return when a call would be answered. Raises SwitchError when that does not come about."""
        for name, part in self._parts.items():
            _log.info("starting", part=name)
            part.start()
            if isinstance(part, FreeSwitchProcess):
                part.wait_ready(READY_SECONDS)  # or the daemon's first lines would be about a switch that is not there
        expires = time.monotonic() + READY_SECONDS
        while not self._daemon.ready():
            if not self._daemon.alive():
                raise SwitchError(f"the daemon ended while it was started: {self._daemon.last_words()}")
            if time.monotonic() > expires:
                raise SwitchError(f"no call would be answered after {READY_SECONDS:g} s: {self._daemon.last_words()}")
            gevent.sleep(WATCH_SECONDS)

    def watch(self) -> None:
        """Restart what dies, until `stopping` is set."""
        while not self.stopping.wait(timeout=WATCH_SECONDS):
            for name, part in self._parts.items():
                if not part.alive():
                    self._restart(name, part)

    def close(self) -> None:
        """Stop everything that was started: the daemon first, so that its callers hear goodbye rather than nothing."""
        for part in reversed(self._parts.values()):
            part.stop(STOP_SECONDS)

    def _restart(self, name: str, part: Part) -> None:
        now = time.monotonic()
        deaths = self._deaths[name] = [at for at in self._deaths[name] if now - at < 60.0] + [now]
        pause = RESTART_PAUSES[min(len(deaths), len(RESTART_PAUSES)) - 1]
        _log.warning("died, starting it again", part=name, after_s=pause)
        if self.stopping.wait(timeout=pause):
            return
        try:
            part.start()
        except SwitchError as error:
            _log.error("cannot start", part=name, error=str(error))


def run(runner: Runner, announce: Callable[[], None], meanwhile: Callable[[], None] | None = None) -> None:
    """Start, announce, do ``meanwhile`` to its end (None: nothing) until SIGINT or SIGTERM; then stop everything.

    Raises the CallControlError or OSError that ended it before.
    """
    handlers = [gevent.signal_handler(number, runner.stopping.set) for number in (signal.SIGINT, signal.SIGTERM)]
    story = gevent.spawn(_story, runner, announce, meanwhile)  # noqa: TID251 - its errors are raised here, not logged
    story.rawlink(lambda _: runner.stopping.set())
    try:
        runner.stopping.wait()
        story.kill()
    finally:
        runner.close()
        for handler in handlers:
            handler.cancel()
    if isinstance(story.value, Exception):
        raise story.value


def _story(runner: Runner, announce: Callable[[], None], meanwhile: Callable[[], None] | None) -> Exception | None:
    try:
        runner.start()
        announce()
        watch = greenlets.spawn("demo watch", runner.watch)
        if meanwhile is None:
            watch.join()
        else:
            meanwhile()
    except (CallControlError, OSError) as error:
        return error
    return None


def child_environment() -> dict[str, str]:
    """What the daemon inherits: everything, because tenant files may name variables of it."""
    return dict(os.environ)
