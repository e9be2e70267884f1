"""The operator's window: /healthz, /readyz, /metrics and /status, and the client `callcontrol status` uses.

Only GET and HEAD, no body is read, one request per connection, everything within DEADLINE: whoever connects and says
nothing, or reads nothing, is cut off and costs the calls nothing. Meant for loopback; /status, which names rooms and
numbers, needs the token even there.
"""

from __future__ import annotations

import errno
import hmac
import http.client
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import gevent
import structlog
from gevent import socket
from gevent.pywsgi import WSGIHandler, WSGIServer

from callcontrol.errors import CallControlError
from callcontrol.metrics import CONTENT_TYPE, Metrics

#: Seconds a connection may last, its request, answer and reading of the answer included.
DEADLINE = 10.0
#: Bytes of request line and headers together, and connections at once.
LONGEST_REQUEST = 16 * 1024
MOST_CONNECTIONS = 64
#: Bytes the client reads at most: 1,000 live rooms are about 100 kB.
LONGEST_ANSWER = 16 * 1024 * 1024
TOKEN_FILE = "http-token"

_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 24\r\n\r\n"
    b'{"error": "bad request"}'
)

Reply = tuple[int, str, bytes]
StartResponse = Callable[[str, list[tuple[str, str]]], object]

_log = structlog.get_logger("callcontrol.http")


class NoStatus(CallControlError):
    """The daemon did not answer, or refused the token. The text says what to look at."""


class HttpServer:
    """Serves the operator's window from ``start`` until ``stop``."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        ready: Callable[[], list[str]],
        status: Callable[[], dict[str, Any]],
        metrics: Metrics,
        token: str,
    ) -> None:
        """``ready``: why this daemon should get no calls, empty when it should. ``status``: what /status shows."""
        self._ready = ready
        self._status = status
        self._metrics = metrics
        self._token = f"Bearer {token}".encode()
        self._server = WSGIServer(
            address, self._application, log=None, error_log=None, spawn=MOST_CONNECTIONS, handler_class=_Handler
        )
        self._pages = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics_page,
            "/status": self._status_page,
        }

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; the real port after ``start`` when it was 0."""
        host, port = cast("tuple[str, int]", self._server.address)[:2]  # IPv6 has two more
        return host, port

    def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        self._server.start()

    def stop(self) -> None:
        """Close, giving requests under way one second."""
        self._server.stop(timeout=1.0)

    def _application(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        code, content_type, body = self._reply(environ)
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body))), ("Connection", "close")]
        headers += [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
        if code == 401:
            headers.append(("WWW-Authenticate", "Bearer"))
        if code == 405:
            headers.append(("Allow", "GET, HEAD"))
        start_response(f"{code} {http.client.responses[code]}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _reply(self, environ: dict[str, Any]) -> Reply:
        page = self._pages.get(environ["PATH_INFO"])
        if page is None:
            return _json(404, {"error": "no such page", "pages": sorted(self._pages)})
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _json(405, {"error": "only GET and HEAD"})
        try:
            return page(environ)
        except Exception:  # noqa: BLE001 - one broken page must not look like a daemon that is down
            _log.exception("page failed", page=environ["PATH_INFO"])
            return _json(500, {"error": "the page failed, see the log"})

    def _healthz(self, _environ: dict[str, Any]) -> Reply:
        return _json(200, {"alive": True})  # that it is answered at all shows that the hub turns

    def _readyz(self, _environ: dict[str, Any]) -> Reply:
        reasons = self._ready()
        return _json(503 if reasons else 200, {"ready": not reasons, "reasons": reasons})

    def _metrics_page(self, _environ: dict[str, Any]) -> Reply:
        return 200, CONTENT_TYPE, self._metrics.text()

    def _status_page(self, environ: dict[str, Any]) -> Reply:
        given = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, self._token):
            return _json(401, {"error": "needs the header 'Authorization: Bearer <token>'"})
        return _json(200, self._status())


class _Handler(WSGIHandler):
    """pywsgi's handler with an end to everything: it has no deadline and takes 6 MB of headers by itself."""

    #: Of clients that are gone, and of those `handle` cut off; others are logged.
    ignored_socket_errors = (errno.EPIPE, errno.ECONNRESET, errno.EBADF)

    def handle(self) -> None:
        self.rfile = _Limited(self.rfile, LONGEST_REQUEST)  # type: ignore[assignment]  # has all pywsgi calls
        cut = gevent.get_hub().loop.timer(DEADLINE)
        # Not gevent.Timeout: pywsgi catches it, and then writes its 500 to a client that does not read, for ever.
        cut.start(_shut, self.socket)
        try:
            super().handle()
        finally:
            cut.close()

    def read_request(self, raw_requestline: str) -> Any:
        accepted = super().read_request(raw_requestline)
        for name in ("Content-Length", "Transfer-Encoding", "Expect", "Upgrade"):
            del self.headers[name]  # no error when it is missing; without them pywsgi reads no body
        self.content_length = 0
        return accepted

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        return "400", _BAD_REQUEST  # pywsgi prints a traceback for some of them


class _Limited:
    """A request's bytes, ending in ValueError after ``left`` of them."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file = file
        self._left = left

    @property
    def closed(self) -> bool:
        return self._file.closed

    def readline(self, size: int = -1) -> bytes:
        line = self._file.readline(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise ValueError("request too long")
        return line


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _json(code: int, content: dict[str, Any]) -> Reply:
    return code, "application/json", json.dumps(content).encode()


def http_token(folder: Path) -> str:
    """The token for /status from the state folder; folder and token are made when missing. Raises as read_token."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / TOKEN_FILE).exists():
        _make_token(folder / TOKEN_FILE)
    return read_token(folder)


def read_token(folder: Path) -> str:
    """The token a daemon with this state folder has made.

    Raises OSError when there is none or we may not read it, CallControlError when others may read it too.
    """
    path = folder / TOKEN_FILE
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), encoding="ascii") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise CallControlError(f"{path} must be for its owner only (chmod 600 {path})")
        token = file.read().strip()
    if len(token) < 32:
        raise CallControlError(
            f"{path} holds no token of 32 characters or more (delete it: the daemon makes a new one)"
        )
    return token


def _make_token(path: Path) -> None:
    """Write a new token and give it its name in one step: two daemons that start together agree on one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="ascii"
    ) as file:
        file.write(secrets.token_urlsafe(32))
    try:
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def fetch_status(address: tuple[str, int], token: str, *, timeout: float = 5.0) -> dict[str, Any]:
    """What /status of a running daemon shows. Raises NoStatus. ``timeout``: seconds without any byte."""
    code, content = _fetch(address, "/status", timeout, {"Authorization": f"Bearer {token}"})
    if code == 401:
        raise NoStatus("the daemon refused the token (does it run with another state folder?)")
    if code != 200:
        raise NoStatus(f"the daemon answered {code}: {content.get('error', '')}")
    return content


def fetch_ready(address: tuple[str, int], *, timeout: float = 3.0) -> list[str]:
    """Why a running daemon should get no calls, empty when it should. Raises NoStatus when none answers."""
    code, content = _fetch(address, "/readyz", timeout, {})
    reasons = content.get("reasons")
    if code not in (200, 503) or not isinstance(reasons, list):
        raise NoStatus(f"something else than callcontrol answers at {address[0]}:{address[1]}")
    return [str(reason) for reason in reasons]


def _fetch(address: tuple[str, int], page: str, timeout: float, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """HTTP status and JSON of a page. For commands, not for the daemon: it blocks."""
    connection = http.client.HTTPConnection(*address, timeout=timeout)
    try:
        connection.request("GET", page, headers=headers)
        response = connection.getresponse()
        content = json.loads(response.read(LONGEST_ANSWER))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoStatus(f"no answer from a daemon at {address[0]}:{address[1]}: {error} (is it running?)") from error
    finally:
        connection.close()
    return response.status, content if isinstance(content, dict) else {}
