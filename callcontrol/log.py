"""The log: one line per decision, a fixed message plus fields, to stderr.

    configure("info")
    log = call_log(call.id, "acme", "room board")
    log.info("let in", room="acme.board", role="moderator", reason="PIN")

In a terminal the lines are for people, otherwise each is one JSON object. A line never holds a PIN, a password or keys
a caller pressed (fields with such names are blanked), never anything that could pass for another line, and it never
stops a call: when whoever reads stderr falls behind, lines queue, and beyond MOST_WAITING are dropped and counted.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import re
import select
import stat
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from json import JSONEncoder
from typing import Any, cast

import gevent
import structlog
from structlog.typing import EventDict, FilteringBoundLogger

#: A field with one of these words in its name is never written: `moderator_pin`, `keys`, `cc_keys`, `http.token`.
SENSITIVE = frozenset(
    {"pin", "pins", "password", "passwords", "passwd", "secret", "digits", "dtmf", "keys", "token", "authorization"}
)
BLANK = "***"
#: Characters of a value that are written; a caller may send 60 kB as their name.
LONGEST = 200
#: Items of a list or mapping, levels of nesting, and lines of a traceback that are written.
MOST_ITEMS = 20
DEEPEST = 3
MOST_TRACEBACK_LINES = 40
#: Bytes a pipe takes without blocking once poll says it is writable (PIPE_BUF of Linux, pipe(7)).
CHUNK = 4096
#: Lines that wait for a slow reader (about 3 MB), and seconds it gets for them when the process ends.
MOST_WAITING = 10_000
LAST_CHANCE = 0.5

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_WORD = re.compile(r"[a-z0-9]+")
_encode = JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def configure(level: str = "info", *, fd: int = 2, console: bool | None = None) -> None:
    """Send all logging of the process, that of libraries and of gevent's hub included, to ``fd``; once, at the start.

    ``level``: debug, info, warning or error. ``console``: lines for people; None = when ``fd`` is a terminal.
    """
    _out.open(fd)
    colours = _out.isatty()
    for_people = structlog.dev.ConsoleRenderer(colors=colours)
    structlog.configure(
        processors=[_one_line, for_people if (colours if console is None else console) else _as_json],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=_NamedOutput,
    )
    logging.root.handlers[:] = [_FromLibraries()]
    logging.root.setLevel(logging.WARNING)  # what libraries say below that is about themselves, and may hold commands
    logging.captureWarnings(True)
    setattr(gevent.get_hub(), "print_exception", _hub_error)  # noqa: B010 - a plain assignment is no type mypy accepts


def call_log(call_id: str, tenant: str, service: str) -> FilteringBoundLogger:
    """The logger of one call: its fields are in each line, so that one search finds the call's whole story."""
    fields = {"call": call_id, "tenant": tenant, "service": service}
    log = structlog.get_logger("callcontrol.call").bind(**{name: value for name, value in fields.items() if value})
    return cast(FilteringBoundLogger, log)


def lines_dropped() -> int:
    """Lines lost since the start, because the reader of stderr had fallen too far behind or was gone."""
    return _out.dropped


class _Output:
    """Writes whole lines to a file descriptor of its own; never raises, never waits.

    A blocked write would freeze every call, so each looks first whether the reader has room. If not, the lines queue
    here and the hub writes on when there is room; when the queue is full they are dropped.
    """

    def __init__(self) -> None:
        self._fd: int | None = None
        self._poll = select.poll()
        self._queue: deque[bytes] = deque()
        self._watcher: Any = None
        self._thread = 0
        self.dropped = 0
        #: Lines dropped since the last line that was taken: the next one tells.
        self.untold = 0

    def open(self, fd: int) -> None:
        """Write to a duplicate of ``fd``: were stderr closed, its number could become a caller's socket."""
        self.close()
        with contextlib.suppress(OSError):
            self._fd = os.dup(fd)
            self._poll = select.poll()
            self._poll.register(self._fd, select.POLLOUT)
            self._thread = threading.get_ident()
            if stat.S_ISREG(os.fstat(self._fd).st_mode):
                return  # has always room, and epoll refuses it
            self._watcher = gevent.get_hub().loop.io(self._fd, 2, ref=False)

    def close(self) -> None:
        """Give the reader LAST_CHANCE seconds for what is queued."""
        until = time.monotonic() + LAST_CHANCE
        while not self._drain() and (left := until - time.monotonic()) > 0:
            self._poll.poll(left * 1000)
        if self._watcher is not None:
            self._watcher.close()
        if self._fd is not None:
            os.close(self._fd)
        self._fd = self._watcher = None
        self._queue.clear()

    def isatty(self) -> bool:
        return self._fd is not None and os.isatty(self._fd)

    def line(self, text: str) -> None:
        """Write the line now, or later, or count it as dropped."""
        if self._fd is None or len(self._queue) >= MOST_WAITING:
            self.dropped += 1
            self.untold += 1
            return
        self.untold = 0
        self._queue.append((text + "\n").encode("utf-8", "backslashreplace"))
        if self._thread == threading.get_ident() and not self._drain() and self._watcher is not None:
            self._watcher.start(self._room_again)

    def _room_again(self) -> None:
        if self._drain() and self._watcher is not None:
            self._watcher.stop()

    def _drain(self) -> bool:
        """Write what the reader has room for; whether nothing is left. A reader that is gone gets nothing more."""
        queue, fd = self._queue, self._fd
        try:
            while fd is not None and queue and self._poll.poll(0):
                written = os.write(fd, queue[0][:CHUNK])
                data = queue.popleft()
                if written < len(data):
                    queue.appendleft(data[written:])
        except OSError:
            self.dropped += len(queue)
            self.untold += len(queue)
            queue.clear()
        return not queue


_out = _Output()
atexit.register(_out.close)


class _NamedOutput:
    """What a bound logger calls in the end, with the name of the module that logs."""

    def __init__(self, name: str = "callcontrol") -> None:
        self.name = name

    def info(self, text: str) -> None:
        _out.line(text)

    debug = warning = error = critical = info


class _FromLibraries(logging.Handler):
    """Passes what libraries say through `logging` and `warnings` on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            log = structlog.get_logger(record.name)
            say = log.error if record.levelno >= logging.ERROR else log.warning
            say(record.getMessage(), exc_info=record.exc_info)
        except Exception:  # noqa: BLE001 - a library's broken format string must not end what it was doing
            _out.dropped += 1


def _hub_error(context: object, kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """In place of gevent printing a traceback over several lines. Must not raise."""
    where = getattr(context, "name", None) or type(context).__name__
    structlog.get_logger("gevent").error("unhandled error", greenlet=str(where), exc_info=(kind, error, trace))


def _one_line(logger: Any, method: str, fields: EventDict) -> EventDict:
    """Time, level, module and message first; secrets blanked; text from outside harmless; the traceback last."""
    line: EventDict = {
        "timestamp": _timestamp(time.time()),
        "level": method,
        "logger": getattr(logger, "name", "callcontrol"),
        "event": _harmless(fields.pop("event", "")),
    }
    error = fields.pop("exc_info", None)
    for name, value in fields.items():
        line[name] = BLANK if _is_sensitive(name) else _harmless(value)
    if error:
        line["exception"] = _traceback(error)
    if _out.untold:
        line["lines_dropped"] = _out.untold
    return line


def _as_json(_logger: object, _method: str, fields: EventDict) -> str:
    return _encode(fields)


def _harmless(value: Any, depth: int = DEEPEST) -> Any:
    if type(value) is str and len(value) <= LONGEST and value.isprintable():
        return value  # nearly always
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth and isinstance(value, Mapping):
        items = list(value.items())[:MOST_ITEMS]
        return {_text(key): BLANK if _is_sensitive(str(key)) else _harmless(item, depth - 1) for key, item in items}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_harmless(item, depth - 1) for item in list(value)[:MOST_ITEMS]]
    return _text(value)


def _text(value: object) -> str:
    """Printable characters of one line: no line ends, no terminal commands, nothing that turns the reading order."""
    try:
        text = value if type(value) is str else str(value)
    except Exception as error:  # noqa: BLE001 - whatever a foreign __str__ does, the line is written
        return f"<{type(value).__name__}: {type(error).__name__}>"
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    return text if text.isprintable() else printable(text)


def printable(text: str) -> str:
    """The text with what a terminal would not show as a character written as an escape: ``\\x1b``, ``\\u202e``."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode("ascii")
        for letter in text
    )


@lru_cache(maxsize=1024)
def _is_sensitive(name: str) -> bool:
    return not SENSITIVE.isdisjoint(_WORD.findall(name.lower()))


def _timestamp(now: float) -> str:
    """ISO 8601, UTC, milliseconds."""
    second = int(now)
    return f"{_to_the_second(second)}.{int((now - second) * 1000):03d}Z"


@lru_cache(maxsize=2)
def _to_the_second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _traceback(info: Any) -> str:
    """The last lines of the traceback, without local variables. Each begins with "|": none can pass for a log line."""
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    elif not isinstance(info, tuple):
        info = sys.exc_info()
    lines = "".join(traceback.format_exception(*info)).rstrip("\n").split("\n")
    return "\n".join(f"| {_text(line)}" for line in lines[-MOST_TRACEBACK_LINES:])
