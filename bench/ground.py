"""Where measurements with a real FreeSWITCH are made: the shipped configuration, a second door beside it, a daemon.

The second door leads to a dialplan without callcontrol (bench/freeswitch), so that both are numbers of one FreeSWITCH.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

from bench import machine
from bench.subject import Daemon, Switch
from callcontrol.freeswitch import FreeSwitchProcess, find_freeswitch

READY_SECONDS = 40.0
STOP_SECONDS = 15.0


class CannotRun(Exception):
    """Something this measurement needs is not here; the text says what to do."""


@dataclass(frozen=True)
class Files:
    """What FreeSWITCH reads; without more it is what is shipped, and a folder where the daemon writes extensions."""

    directory: Path
    conf: Path = machine.HOME / "freeswitch-conf"
    dialplan: Path = machine.HOME / "dialplan"
    prompts: Path = machine.HOME / "prompts"


@dataclass(frozen=True)
class Site:
    """FreeSWITCH's program, free ports (SIP: trunk, extensions, second door), the switch and its files."""

    binary: Path
    trunk: int
    extensions: int
    reference: int
    daemons: int
    http: int
    switch: Switch
    files: Files
    rtp_ports: tuple[int, int]
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    """Both, ready for calls."""

    site: Site
    freeswitch: FreeSwitchProcess
    daemon: Daemon


def site(files: Files, rtp_ports: tuple[int, int], environ: Mapping[str, str] = MappingProxyType({})) -> Site:
    """A site for `running`. Raises CannotRun.

    ``rtp_ports``: not those of vars.xml, as another FreeSWITCH here may hold some of them.
    """
    binary = find_freeswitch(os.environ)
    if binary is None:
        raise CannotRun("no FreeSWITCH: set FREESWITCH to its binary, or put it on PATH")
    trunk, extensions, reference, events, daemons, http = machine.free_ports(6)
    switch = Switch(events, secrets.token_urlsafe(16))
    return Site(binary, trunk, extensions, reference, daemons, http, switch, files, rtp_ports, environ)


@contextmanager
def running(
    folder: Path, here: Site, settings: Mapping[str, object] = MappingProxyType({}), *, beside: str = ""
) -> Iterator[Running]:
    """FreeSWITCH and a daemon with these settings, stopped in the end; ``beside``: a dialplan of bench/freeswitch."""
    conf, dialplan = _with_second_door(folder, here, beside) if beside else (here.files.conf, here.files.dialplan)
    here.files.directory.mkdir(parents=True, exist_ok=True)
    daemon = Daemon(folder, here.switch, listen=here.daemons, http_port=here.http, more=settings)
    freeswitch = FreeSwitchProcess(
        here.binary,
        run_folder=folder / "freeswitch",
        conf=conf,
        dialplan=dialplan,
        directory=here.files.directory,
        prompts=here.files.prompts,
        trunk_port=here.trunk,
        extension_port=here.extensions,
        esl_port=here.switch.port,
        esl_password=here.switch.password,
        daemons=f"127.0.0.1:{here.daemons}",
        rtp_ports=here.rtp_ports,
        extra_env=here.environ,
    )
    try:
        freeswitch.start()
        freeswitch.wait_ready(READY_SECONDS)
        daemon.wait_ready()
        yield Running(here, freeswitch, daemon)
    finally:
        daemon.stop()
        freeswitch.stop(STOP_SECONDS)


def _with_second_door(folder: Path, here: Site, beside: str) -> tuple[Path, Path]:
    """Configuration and dialplan, untouched, with the second door beside them."""
    conf, dialplan = folder / "switch" / "conf", folder / "switch" / "dialplan"
    shutil.copytree(here.files.conf, conf)
    shutil.copytree(here.files.dialplan, dialplan)
    shutil.copy(Path(__file__).with_name("freeswitch") / beside, dialplan)
    trunk = (conf / "sip_profiles" / "trunk.xml").read_text(encoding="utf-8")
    (conf / "sip_profiles" / "reference.xml").write_text(second_door(trunk, here.reference))
    return conf, dialplan


def second_door(trunk: str, port: int) -> str:
    """The trunk's SIP profile as one called ``reference``, on another port and into the context ``reference``."""
    profile = ElementTree.fromstring(trunk)
    profile.set("name", "reference")
    for param in profile.iter("param"):
        changed = {"context": "reference", "sip-port": str(port)}.get(param.get("name", ""))
        if changed is not None:
            param.set("value", changed)
    return ElementTree.tostring(profile, encoding="unicode") + "\n"
