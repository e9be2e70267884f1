"""Where figures come from: this machine and its software, and what one process has used of it. Linux only."""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from callcontrol import __version__
from callcontrol.freeswitch import find_freeswitch

PAGE_BYTES = resource.getpagesize()
HOME = Path(__file__).resolve().parent.parent


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process since its start, of all its threads, ended ones included.

    The kernel's own clock of that process (clock_getcpuclockid(3)); /proc/PID/stat counts in steps of 10 ms.
    """
    return time.clock_gettime((~pid << 3) | 2)


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def open_sockets(pid: int) -> int:
    """How many sockets a process holds."""
    count = 0
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(entry.path).startswith("socket:")
        except FileNotFoundError:
            continue  # closed while we looked
    return count


def is_realtime(pid: int) -> bool:
    """Whether a process is scheduled before all ordinary ones."""
    return os.sched_getscheduler(pid) in (os.SCHED_FIFO, os.SCHED_RR)


def share_priority(pid: int, other: int, *, alike: bool) -> None:
    """Schedule all threads of ``pid`` as ``other`` is scheduled, or as ordinary ones. Raises PermissionError."""
    policy = os.sched_getscheduler(other) if alike else os.SCHED_OTHER
    parameters = os.sched_getparam(other) if alike else os.sched_param(0)
    for thread in os.listdir(f"/proc/{pid}/task"):
        if os.sched_getscheduler(int(thread)) != policy:
            os.sched_setscheduler(int(thread), policy, parameters)


def allow_files(wanted: int) -> None:
    """Let this process and those it starts open ``wanted`` files. Raises OSError when the system does not allow it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise OSError(f"so many calls need {wanted} open files; this system allows {hard} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody holds at this moment, neither TCP nor UDP."""
    ports: list[int] = []
    while len(ports) < count:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            if (port := int(tcp.getsockname()[1])) not in ports:
                ports.append(port)
    return ports


def origin(environ: Mapping[str, str]) -> dict[str, str]:
    """Everything somebody needs to judge a figure: versions, kernel, processor, load."""
    freeswitch = find_freeswitch(environ)
    sipp = shutil.which("sipp", path=environ.get("PATH", ""))
    return {
        "callcontrol": f"{__version__} {_said(['git', 'describe', '--always', '--dirty'])}",
        "Python": f"{platform.python_version()}, gevent {version('gevent')}, greenswitch {version('greenswitch')}",
        "FreeSWITCH": _version_of([str(freeswitch), "-version"]) if freeswitch else "none found",
        "sipp": _version_of([sipp, "-v"]) if sipp else "none found",
        "kernel": f"{platform.system()} {platform.release()}, somaxconn {_somaxconn()}",
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _said(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, cwd=HOME).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _version_of(command: list[str]) -> str:
    found = re.search(r"v?(\d+\.\d+\.\d+[-\w.~+]*)", _said(command))
    return found[1] if found else "unknown"


def _somaxconn() -> str:
    path = Path("/proc/sys/net/core/somaxconn")
    return path.read_text().strip() if path.exists() else "unknown"


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()
