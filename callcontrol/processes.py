"""Child processes that never outlive us, whatever kills us, and the ports they are to listen on."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Final

from gevent import socket, subprocess

# Runs between fork and exec, in a Python of its own because a preexec_fn is not safe beside gevent's threads: asks the
# kernel for a SIGTERM when our process dies (PR_SET_PDEATHSIG = 1), so that kill -9 leaves nothing behind.
_GUARD: Final = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent process ended before this one was started")
os.execv(sys.argv[2], sys.argv[2:])
"""


def start_guarded(
    command: Sequence[str], *, environ: Mapping[str, str], output: IO[bytes] | None
) -> subprocess.Popen[bytes]:
    """Start ``command`` (an absolute path first). Ctrl-C in the terminal does not reach it; our death does.

    ``output``: where its standard output and error go; None: where ours go.
    """
    return subprocess.Popen(
        [sys.executable, "-I", "-c", _GUARD, str(os.getpid()), *command],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        umask=0o077,  # what it writes may hold passwords
    )


def stop_process(process: subprocess.Popen[bytes], deadline: float) -> None:
    """SIGTERM, SIGKILL after ``deadline`` seconds; harmless when it has ended."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=deadline)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def port_problem(address: tuple[str, int], *, datagram: bool = False) -> str | None:
    """Why nobody could listen at ``address`` now; None when somebody could. Nothing stays bound."""
    kind = socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, kind) as probe:
        if not datagram:  # a connection of an earlier process that is still being buried is no reason
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return f"port {address[1]} of {address[0]} cannot be used: {error.strerror}"
    return None
