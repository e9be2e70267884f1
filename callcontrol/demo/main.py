"""Which demo: FreeSWITCH for SIP phones, or the rehearsal switch with a telephone here."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from rich.console import Console

from callcontrol.demo.runner import DaemonProcess, RehearsalPart, Runner, child_environment, freeswitch_part, run
from callcontrol.demo.settings import DemoSettings
from callcontrol.demo.telephone import Telephone, play_scripted_call
from callcontrol.errors import ConfigError
from callcontrol.freeswitch import find_freeswitch
from callcontrol.tenants import Tenants, load_folder

PACE = 1.0  # in the terminal prompts last as long as they do on a telephone


def run_demo(settings: DemoSettings, environ: Mapping[str, str], *, phone: bool) -> int:
    """Run the demo to its end; returns the exit status. Raises ConfigError for tenants that cannot be used."""
    tenants, problems = load_folder(settings.tenants, environ)
    if problems:
        raise ConfigError(problems)
    password = settings.prepare()
    daemon = DaemonProcess(settings, child_environment())
    binary = find_freeswitch(environ)
    if binary is not None:
        runner = Runner(freeswitch_part(binary, settings, password), daemon)
        run(runner, lambda: _announce_freeswitch(settings, tenants), None)
        return 0
    return _run_rehearsal(settings, tenants, password, daemon, phone=phone)


def _run_rehearsal(
    settings: DemoSettings, tenants: Tenants, password: str, daemon: DaemonProcess, *, phone: bool
) -> int:
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    part = RehearsalPart(settings, password, pace=PACE if terminal else 0.0)
    runner = Runner(part, daemon)
    outcome = [0]

    def meanwhile() -> None:
        if terminal:
            Telephone(part.switch, tenants, settings).use()
        else:
            outcome[0] = play_scripted_call(part.switch, tenants, settings)

    run(runner, lambda: _announce_rehearsal(settings), meanwhile if phone else None)
    return outcome[0]


def _announce_freeswitch(settings: DemoSettings, tenants: Tenants) -> None:
    out = Console(soft_wrap=True, highlight=False, markup=False)
    out.print(f"ready: FreeSWITCH answers on 127.0.0.1. Any SIP phone may dial (no account, port {settings.sip_port}):")
    for tenant in tenants.by_id.values():
        for number in tenant.numbers.values():
            leads_to = ", ".join(number.room_names) or f"extension {number.extension}"
            out.print(f"  sip:{number.e164}@127.0.0.1:{settings.sip_port}  {tenant.name}: {leads_to}")
    for tenant in tenants.by_id.values():
        for extension in tenant.extensions.values():
            account = f"{extension.number}@{tenant.domain}"
            out.print(f"  register {account} through 127.0.0.1:{settings.extension_port}  {extension.name}")
    out.print("Ctrl-C ends it.")


def _announce_rehearsal(settings: DemoSettings) -> None:
    out = Console(soft_wrap=True, highlight=False, markup=False)
    out.print(
        "ready: no FreeSWITCH was found, so a rehearsal switch plays its part (set FREESWITCH=/path/to/freeswitch)"
    )
    out.print(f"  metrics: http://{settings.http[0]}:{settings.http[1]}/metrics   process {os.getpid()}")
