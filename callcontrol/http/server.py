"""The pages: /healthz, /readyz, /metrics, /status and, where there are rooms and extensions, /rooms and /who/TENANT.

GET and HEAD show, only POST /rooms/NAME/ACTION changes anything. How a connection is kept short is in `wire`.
"""

from __future__ import annotations

import hmac
import http.client
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import structlog
from gevent.pywsgi import WSGIServer

from callcontrol.http.rooms import PREFIX, Rooms, control_page, rooms_page
from callcontrol.http.who import WHO, Office, who_page
from callcontrol.http.wire import MOST_CONNECTIONS, Handler, Reply, as_json
from callcontrol.metrics import CONTENT_TYPE, Metrics

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]

SHOWS = ("GET", "HEAD")

_log = structlog.get_logger("callcontrol.http")


@dataclass(frozen=True)
class _Page:
    answer: Callable[[Environ], Reply]
    methods: tuple[str, ...] = SHOWS
    needs_token: bool = False


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
        rooms: Rooms | None = None,
        office: Office | None = None,
    ) -> None:
        """``ready``: why this daemon should get no calls, empty when it should. ``status``: what /status shows.

        ``rooms``: shows and steers live rooms; ``office``: shows extensions; without them there are no such pages.
        """
        self._ready = ready
        self._status = status
        self._metrics = metrics
        self._token = f"Bearer {token}".encode()
        self._server = WSGIServer(
            address, self._application, log=None, error_log=None, spawn=MOST_CONNECTIONS, handler_class=Handler
        )
        self._pages = {
            "/healthz": _Page(self._healthz),
            "/readyz": _Page(self._readyz),
            "/metrics": _Page(self._metrics_page),
            "/status": _Page(lambda _environ: as_json(200, self._status()), needs_token=True),
        }
        self._below: dict[str, _Page] = {}
        if rooms is not None:
            self._pages["/rooms"] = _Page(lambda _environ: rooms_page(rooms), needs_token=True)
            self._below[PREFIX] = _Page(partial(control_page, rooms), methods=("POST",), needs_token=True)
        if office is not None:
            self._below[WHO] = _Page(partial(who_page, office), needs_token=True)

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

    def _application(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        reply = self._reply(environ)
        headers = [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body)))]
        headers += [("Connection", "close"), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
        start_response(f"{reply.code} {http.client.responses[reply.code]}", [*headers, *reply.headers])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else reply.body]

    def _reply(self, environ: Environ) -> Reply:
        path = environ["PATH_INFO"]
        page = self._pages.get(path) or next((p for below, p in self._below.items() if path.startswith(below)), None)
        if page is None:
            return as_json(404, {"error": "no such page", "pages": sorted(self._pages)})
        if environ["REQUEST_METHOD"] not in page.methods:
            return as_json(405, {"error": f"only {' and '.join(page.methods)}"}, ("Allow", ", ".join(page.methods)))
        if page.needs_token and not self._knows_token(environ):
            error = "needs the header 'Authorization: Bearer <token>'"
            return as_json(401, {"error": error}, ("WWW-Authenticate", "Bearer"))
        try:
            return page.answer(environ)
        except Exception:  # noqa: BLE001 - one broken page must not look like a daemon that is down
            _log.exception("page failed", page=path)
            return as_json(500, {"error": "the page failed, see the log"})

    def _knows_token(self, environ: Environ) -> bool:
        given = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1", "replace")
        return hmac.compare_digest(given, self._token)

    def _healthz(self, _environ: Environ) -> Reply:
        return as_json(200, {"alive": True})  # that it is answered at all shows that the hub turns

    def _readyz(self, _environ: Environ) -> Reply:
        reasons = self._ready()
        return as_json(503 if reasons else 200, {"ready": not reasons, "reasons": reasons})

    def _metrics_page(self, _environ: Environ) -> Reply:
        return Reply(200, self._metrics.text(), CONTENT_TYPE)
