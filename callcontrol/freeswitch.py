"""Starts and stops one FreeSWITCH process of our own, with the configuration and dialplan of this project.

Used by ``callcontrol demo`` and by the tests. An operator's FreeSWITCH is started by the operator (docs/freeswitch.md).

Refuses: a password in the argument list (it travels in the environment), a port somebody else holds, a value that would
break the XML it is written into. FreeSWITCH finds its modules itself, in the folder it was compiled for.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import gevent
from gevent import socket, subprocess

from callcontrol.errors import SwitchError, SwitchTimeout
from callcontrol.processes import port_problem, start_guarded, stop_process

_INHERITED: Final = ("PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH", "TMPDIR")
_CARRIER: Final = "CALLCONTROL_CARRIER_"
_UNSAFE: Final = re.compile(r'[<>&"\x00-\x1f]|\$\$\{')
_UNSAFE_IN_FILES: Final = re.compile(r"[,\[\]{}'!|@]")  # syntax of FreeSWITCH where it plays a file
_POLL_SECONDS: Final = 0.05


def find_freeswitch(environ: Mapping[str, str]) -> Path | None:
    """The FreeSWITCH binary: the variable FREESWITCH when set and not empty, else ``freeswitch`` on PATH, else None.

    Raises SwitchError when FREESWITCH names something that cannot be run: a typing error must not start the rehearsal.
    """
    named = environ.get("FREESWITCH", "")
    if named:
        if not os.access(named, os.X_OK) or os.path.isdir(named):
            raise SwitchError(f"FREESWITCH={named}: not a program (give the path of the freeswitch binary)")
        return Path(named).absolute()
    found = shutil.which("freeswitch", path=environ.get("PATH", ""))
    return Path(found).absolute() if found else None


def carrier_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Which carrier FreeSWITCH is to call through (docs/freeswitch.md), for ``extra_env``; none when none is named."""
    return {name: value for name, value in environ.items() if name.startswith(_CARRIER) and value}


class FreeSwitchProcess:
    """One FreeSWITCH on loopback: ``start``, ``wait_ready``, ... ``stop``; may be started again after it ended."""

    def __init__(
        self,
        binary: Path,
        *,
        run_folder: Path,
        conf: Path,
        dialplan: Path,
        prompts: Path,
        directory: Path,
        trunk_port: int,
        extension_port: int,
        esl_port: int,
        esl_password: str,
        daemons: str,
        rtp_ports: tuple[int, int] = (16384, 32768),
        language: str = "de",
        cdr: Path | None = None,
        voicemail: Path | None = None,
        extra_env: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing happens yet. ``daemons`` is ``host:port[|host:port...]``; ``rtp_ports`` first and last.

        ``cdr``: the folder where it writes what became of each call; None: in its log folder.
        ``voicemail``: the folder where it keeps messages and greetings; None: in its database folder.
        ``extra_env``: more variables of freeswitch-conf/callcontrol/vars.xml; they win over the arguments.
        Raises ValueError for an empty or well-known password, and for a value that cannot stand in XML.
        """
        if esl_password in ("", "ClueCon"):
            raise ValueError("the event socket needs a password of its own: whoever has it owns the machine")
        self._binary = binary.absolute()
        self._run_folder = run_folder.absolute()
        self._conf = conf.absolute()
        self._directory = directory.absolute()
        self._process: subprocess.Popen[bytes] | None = None
        self._values = {
            "CALLCONTROL_TRUNK_IP": "127.0.0.1",
            "CALLCONTROL_EXTENSION_IP": "127.0.0.1",
            "CALLCONTROL_TRUNK_PORT": str(trunk_port),
            "CALLCONTROL_EXTENSION_PORT": str(extension_port),
            "CALLCONTROL_ESL_PORT": str(esl_port),
            "CALLCONTROL_ESL_PASSWORD": esl_password,
            "CALLCONTROL_DAEMONS": daemons,
            "CALLCONTROL_RTP_START": str(rtp_ports[0]),
            "CALLCONTROL_RTP_END": str(rtp_ports[1]),
            "CALLCONTROL_DIALPLAN": str(dialplan.absolute()),
            "CALLCONTROL_PROMPTS": str(prompts.absolute()),
            "CALLCONTROL_DIRECTORY": str(self._directory),
            "CALLCONTROL_LANGUAGE": language,
            "CALLCONTROL_CDR": str((cdr or self._run_folder / "log" / "cdr").absolute()),
            "CALLCONTROL_VOICEMAIL": str((voicemail or self._run_folder / "db" / "voicemail").absolute()),
        } | dict(extra_env or {})
        _refuse_unsafe(self._values)

    @property
    def pid(self) -> int | None:
        """Process id, or None before the first start."""
        return self._process.pid if self._process else None

    @property
    def log_file(self) -> Path:
        """FreeSWITCH's own log."""
        return self._run_folder / "log" / "freeswitch.log"

    def start(self) -> None:
        """Start the process and return at once. Raises SwitchError when a port is taken or it runs already."""
        if self.alive():
            raise SwitchError("FreeSWITCH is running already")
        self._refuse_taken_ports()
        for name in ("log", "db", "run"):
            (self._run_folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(self._run_folder / "freeswitch.out", "wb", opener=_private) as output:
            self._process = start_guarded(self._command(), environ=self._environment(), output=output)

    def wait_ready(self, deadline: float) -> None:
        """Return when both doors answer SIP and the event socket accepts; at most ``deadline`` seconds.

        Raises SwitchError when the process ended (with the last lines it wrote), SwitchTimeout at the deadline.
        """
        expires = time.monotonic() + deadline
        while self.alive():
            if self._accepts() and all(self._answers(*door) for door in self._doors()):
                return
            if time.monotonic() > expires:
                raise SwitchTimeout(f"FreeSWITCH is not ready after {deadline} s: see {self.log_file}")
            gevent.sleep(_POLL_SECONDS)
        raise SwitchError(f"FreeSWITCH did not start: {self._last_words()}")

    def alive(self) -> bool:
        """True while the process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self, deadline: float) -> None:
        """SIGTERM (calls are hung up), SIGKILL after ``deadline`` seconds; harmless when nothing runs."""
        if self._process is not None:
            stop_process(self._process, deadline)

    def _command(self) -> list[str]:
        folders = [f for name in ("log", "db", "run") for f in (f"-{name}", str(self._run_folder / name))]
        return [str(self._binary), "-nonat", "-nf", "-nc", "-conf", str(self._conf), *folders]

    def _environment(self) -> dict[str, str]:
        """What FreeSWITCH needs, and nothing else of ours: tenants' passwords may stand in the daemon's environment."""
        return {name: os.environ[name] for name in _INHERITED if name in os.environ} | self._values

    def _doors(self) -> list[tuple[str, int]]:
        return [
            (self._values["CALLCONTROL_TRUNK_IP"], int(self._values["CALLCONTROL_TRUNK_PORT"])),
            (self._values["CALLCONTROL_EXTENSION_IP"], int(self._values["CALLCONTROL_EXTENSION_PORT"])),
        ]

    def _esl(self) -> tuple[str, int]:
        return ("127.0.0.1", int(self._values["CALLCONTROL_ESL_PORT"]))

    def _refuse_taken_ports(self) -> None:
        """FreeSWITCH itself would start without the door and another program's answers would look like its own."""
        wanted = [(door, kind) for door in self._doors() for kind in (True, False)] + [(self._esl(), False)]
        for address, datagram in wanted:
            if problem := port_problem(address, datagram=datagram):
                raise SwitchError(problem)

    def _accepts(self) -> bool:
        """The event socket starts when all modules are loaded, so its accepting tells that they are."""
        try:
            socket.create_connection(self._esl(), timeout=1).close()
        except OSError:
            return False
        return True

    def _answers(self, host: str, port: int) -> bool:
        """One OPTIONS to a door; sofia says 503 while the core is still starting."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
            ours.settimeout(0.5)
            try:
                ours.connect((host, port))
                ours.send(_options(host, port, *ours.getsockname()))
                return bool(ours.recv(65535).startswith(b"SIP/2.0 200"))
            except OSError:
                return False

    def _last_words(self) -> str:
        code = self._process.returncode if self._process else None
        try:
            lines = (self._run_folder / "freeswitch.out").read_text(errors="replace").strip().splitlines()[-3:]
        except OSError:
            lines = []
        return f"{' / '.join(lines) or 'it said nothing'} (exit status {code}; log: {self.log_file})"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _refuse_unsafe(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        if not value or _UNSAFE.search(value):
            raise ValueError(f'{name} must not be empty nor hold one of < > & " $${{ or a control character')
    if found := _UNSAFE_IN_FILES.search(values["CALLCONTROL_PROMPTS"]):
        raise ValueError(f"FreeSWITCH cannot play files from {values['CALLCONTROL_PROMPTS']}: {found[0]} in a path")


def _options(host: str, port: int, our_host: str, our_port: int) -> bytes:
    token = secrets.token_hex(8)
    return (
        f"OPTIONS sip:ready@{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {our_host}:{our_port};branch=z9hG4bK{token}\r\n"
        f"Max-Forwards: 1\r\nFrom: <sip:ready@{our_host}>;tag={token}\r\nTo: <sip:ready@{host}>\r\n"
        f"Call-ID: {token}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode("ascii")
