"""Accepts the outbound sockets that FreeSWITCH opens, one per call, and gives each its own greenlet.

Never closes a socket it accepted without a word: FreeSWITCH would leave that caller parked in silence
(mod_event_socket.c:534). A call that cannot be served is opened and hung up with a cause instead.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection
from typing import Any

import structlog
from gevent.server import StreamServer
from gevent.socket import socket

from callcontrol import greenlets
from callcontrol.errors import HungUp, SwitchError
from callcontrol.switch.connection import CONNECT_SECONDS, CallSocket
from callcontrol.switch.framing import Headers

# FreeSWITCH does not speak first and retries a lost SYN only after a second; with 100 the queue overflows at 400 calls
# in flight, with 1024 never (measured).
BACKLOG = 2048
ACCEPT_PAUSE_SECONDS = 0.1  # out of file descriptors: the calls wait in the backlog meanwhile
REFUSAL_CAUSE = "NORMAL_CIRCUIT_CONGESTION"  # SIP 503: the carrier may try another way

Conversation = Callable[[CallSocket, Headers], None]
_log = structlog.get_logger("callcontrol.server")


class CallServer:
    """Listens for calls. ``conversation`` gets each call's socket and channel data; its return ends the socket.

    ``peers``: addresses that may open a socket; others are closed at once (they are no FreeSWITCH).
    ``max_calls``: conversations at once; one more is refused with REFUSAL_CAUSE.
    ``on_refused``: told the reason of each refusal, for the metrics.
    ``open_seconds``: how long a switch may take to send the channel data, and to end a call we refuse.
    ``live``: conversations now; those being refused do not count.
    """

    def __init__(
        self,
        address: tuple[str, int],
        conversation: Conversation,
        *,
        max_calls: int,
        peers: Collection[str],
        on_refused: Callable[[str], None] = lambda reason: None,
        open_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._conversation = conversation
        self._max_calls = max_calls
        self._peers = frozenset(peers)
        self._on_refused = on_refused
        self._open_seconds = open_seconds
        self._server = _Listener(address, self._serve, BACKLOG, _spawn_call)  # type: ignore[call-overload]  # stubs: SSL only
        self.live = 0

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, with the port the system chose when 0 was asked for."""
        return str(self._server.server_host), int(self._server.server_port)

    @property
    def listening(self) -> bool:
        return bool(self._server.started)

    def start(self) -> None:
        """Listen. OSError when the address is taken."""
        self._server.start()

    def stop_accepting(self) -> None:
        """Close the listening socket: FreeSWITCH is refused and tries the next daemon. Conversations go on."""
        self._server.close()

    def _serve(self, sock: socket, address: tuple[str, int]) -> None:
        if address[0] not in self._peers:
            self._refuse_stranger(sock, address[0])
            return
        welcome = self.live < self._max_calls
        self.live += welcome  # before the first wait: a limit counted later lets a burst through
        try:
            self._converse(CallSocket(sock, f"call {address[1]}"), welcome=welcome)
        finally:
            self.live -= welcome

    def _converse(self, call: CallSocket, *, welcome: bool) -> None:
        try:
            if welcome:
                self._conversation(call, call.open(deadline=self._open_seconds))
            else:
                self._refuse(call)
        except HungUp:
            pass  # gone before we could say a word; a port scan ends here too
        except SwitchError as error:
            _log.warning("call could not be opened", error=str(error))
            self._on_refused("unusable socket")
        finally:
            call.stop()

    def _refuse(self, call: CallSocket) -> None:
        call.open(deadline=self._open_seconds)
        _log.warning("call refused", reason="too many calls at once", limit=self._max_calls)
        self._on_refused("full")
        call.hangup(REFUSAL_CAUSE)
        call.wait_gone(deadline=self._open_seconds)

    def _refuse_stranger(self, sock: socket, host: str) -> None:
        _log.warning("socket refused", reason="not one of the configured peers", peer=host)
        self._on_refused("stranger")
        sock.close()


class _Listener(StreamServer):
    """gevent's server; an error of accept (EMFILE, ECONNABORTED) is logged and costs a pause at most."""

    reuse_addr = 1
    # The machine has nothing left for one more call. Other errors are about the one connection that is lost.
    _EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
    _FATAL = (errno.EBADF, errno.EINVAL, errno.ENOTSOCK)

    def do_read(self) -> Any:
        try:
            return super().do_read()
        except OSError as error:
            if error.errno in self._FATAL:
                raise
            _log.error("cannot accept a call", error=error.strerror)
            if error.errno in self._EXHAUSTED:
                self._pause()
            return None

    def _pause(self) -> None:
        self.stop_accepting()
        timer = self.loop.timer(ACCEPT_PAUSE_SECONDS)
        timer.start(self._resume, timer)

    def _resume(self, timer: Any) -> None:
        timer.close()
        if self.started:
            self.start_accepting()


def _spawn_call(function: Callable[..., object], *args: Any) -> Any:
    return greenlets.spawn("call", function, *args)
