"""The daemon as a process: signals, and the order of its end."""

from __future__ import annotations

import signal
from collections.abc import Mapping

import gevent

from callcontrol.config import Config
from callcontrol.daemon import Daemon


def serve_until_signal(config: Config, environ: Mapping[str, str]) -> None:
    """Serve calls until SIGTERM or SIGINT, then drain. Raises ConfigError and OSError before the first call."""
    daemon = Daemon(config, environ)
    handlers = [gevent.signal_handler(number, daemon.stop) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        daemon.start()
        daemon.run()
    finally:
        for handler in handlers:
            handler.cancel()
