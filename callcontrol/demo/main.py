"""Which demo: FreeSWITCH for SIP phones, or the rehearsal switch with a telephone here."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from callcontrol.demo import guide
from callcontrol.demo.runner import DaemonProcess, RehearsalPart, Runner, child_environment, freeswitch_part, run
from callcontrol.demo.script import play_scripted_call
from callcontrol.demo.settings import DemoSettings
from callcontrol.demo.telephone import Telephone
from callcontrol.demo.terminal import Terminal
from callcontrol.errors import ConfigError
from callcontrol.freeswitch import find_freeswitch
from callcontrol.log import configure
from callcontrol.prompts import PromptBook
from callcontrol.tenants import Tenants, load_folder

PACE = 1.0  # in the terminal prompts last as long as they do on a telephone


def run_demo(settings: DemoSettings, environ: Mapping[str, str], *, phone: bool) -> int:
    """Run the demo to its end; returns the exit status.

    Raises ConfigError for tenants that cannot be used, SwitchError when something cannot be started.
    """
    tenants, problems = load_folder(settings.tenants, environ)
    if problems:
        raise ConfigError(problems)
    binary = find_freeswitch(environ)
    settings.refuse_taken_ports(with_sip=binary is not None)
    if binary is not None:
        return _run_freeswitch(settings, tenants, binary)
    if not phone:
        return _run_rehearsal(settings)
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _run_telephone(settings, tenants)
    return _run_script(settings, tenants)


def _run_freeswitch(settings: DemoSettings, tenants: Tenants, binary: Path) -> int:
    switch = freeswitch_part(binary, settings, settings.prepare())
    run(Runner(switch, DaemonProcess(settings, child_environment())), lambda: _announce_freeswitch(settings, tenants))
    return 0


def _run_rehearsal(settings: DemoSettings) -> int:
    switch = RehearsalPart(settings, settings.prepare(), pace=0.0)
    run(Runner(switch, DaemonProcess(settings, child_environment())), lambda: _announce_rehearsal(settings))
    return 0


def _run_script(settings: DemoSettings, tenants: Tenants) -> int:
    part = RehearsalPart(settings, settings.prepare(), pace=0.0)
    outcome = []

    def call() -> None:
        outcome.append(play_scripted_call(part.switch, tenants, _prompts(settings), _say))

    run(Runner(part, DaemonProcess(settings, child_environment())), lambda: _announce_rehearsal(settings), call)
    return outcome[0] if outcome else 0


def _run_telephone(settings: DemoSettings, tenants: Tenants) -> int:
    """The log goes to a file: it would come between the lines of the conversation."""
    part = RehearsalPart(settings, settings.prepare(), pace=PACE)
    with settings.open_log() as log:
        configure(level="info", fd=log.fileno())
    daemon = DaemonProcess(settings, child_environment(), log=settings.log_file)

    def use() -> None:
        _say(f"  log: {settings.log_file}   PINs: {settings.tenants}{os.sep}*.yaml (of the examples: README.md)")
        with Terminal(sys.stdin.fileno(), sys.stdout) as terminal:
            Telephone(part.switch, tenants, _prompts(settings), terminal).use()

    run(Runner(part, daemon), lambda: _announce_rehearsal(settings), use)
    return 0


def _announce_freeswitch(settings: DemoSettings, tenants: Tenants) -> None:
    _say(f"ready: FreeSWITCH answers on 127.0.0.1. Any SIP phone may dial (no account, port {settings.sip_port}):")
    for tenant, number in guide.numbers(tenants):
        address = f"sip:{number.e164}@127.0.0.1:{settings.sip_port}"
        _say(f"  {address:36}  {tenant.name}, {guide.leads_to(number)}: {guide.needs(tenant, number)}")
    for account, extension in guide.extensions(tenants):
        _say(f"  register {account} through 127.0.0.1:{settings.extension_port}  {extension.name}")
    _say(f"PINs and passwords are in {settings.tenants}{os.sep}*.yaml. Ctrl-C ends it.")


def _announce_rehearsal(settings: DemoSettings) -> None:
    _say("ready: no FreeSWITCH was found, so a rehearsal switch plays its part (set FREESWITCH=/path/to/freeswitch)")
    _say(f"  metrics: http://{settings.http[0]}:{settings.http[1]}/metrics")


def _prompts(settings: DemoSettings) -> PromptBook:
    return PromptBook(settings.home / "prompts")


def _say(line: str) -> None:
    print(line, flush=True)
