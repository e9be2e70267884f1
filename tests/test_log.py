"""The log tells the story of each call, in lines nobody can forge, without a secret, and never at a call's expense."""

from __future__ import annotations

import json
import logging
import os
import pty
import sys
import time
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import subprocess
from gevent.os import make_nonblocking, nb_read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcontrol import log
from tests.patience import PATIENCE


class Written:
    """A log in a file, read back line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT)

    def text(self) -> str:
        return self._path.read_text(encoding="utf-8")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().split("\n")[:-1]]

    def last(self) -> dict[str, Any]:
        return self.lines()[-1]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    written = Written(tmp_path / "log")
    log.configure("info", fd=written.fd)
    return written


def test_each_line_of_a_call_says_when_which_call_which_tenant_which_service_and_what(written):
    log.call_log("7f3a", "acme", "room board").info("let in", role="moderator")
    line = written.last()
    assert list(line) == ["timestamp", "level", "logger", "event", "call", "tenant", "service", "role"]
    assert (line["call"], line["tenant"], line["service"]) == ("7f3a", "acme", "room board")
    assert (line["level"], line["event"], line["role"]) == ("info", "let in", "moderator")
    age = time.time() - datetime.fromisoformat(line["timestamp"]).timestamp()
    assert line["timestamp"].endswith("Z")
    assert -1 < age < 600


def test_what_is_not_known_yet_is_left_out(written):
    log.call_log("7f3a", "", "").bind(tenant="acme").info("call arrived")
    assert written.last()["tenant"] == "acme"
    assert "service" not in written.last()


@pytest.mark.parametrize(
    "name",
    ["pin", "moderator_pin", "PIN", "password", "digits", "keys", "cc_keys", "token", "Authorization", "http.token"],
)
def test_a_secret_is_blanked_whatever_the_field_is_called(written, name):
    log.call_log("7f3a", "acme", "room").info("x", **{name: "48213", "nested": {name: "48213"}})
    assert "48213" not in written.text()
    assert written.last()[name] == "***"


def test_words_that_only_contain_a_secret_word_are_not_blanked(written):
    log.call_log("7f3a", "acme", "room").info("x", spinning="yes", keyset="de", pinned=3)
    assert (written.last()["spinning"], written.last()["keyset"], written.last()["pinned"]) == ("yes", "de", 3)


def test_a_display_name_cannot_begin_a_line_of_its_own_command_the_terminal_or_turn_the_text(written):
    hostile = 'x\n{"event":"let in"}\r\x1b[2J\x9b\u2028\u202e\x00\udce9'
    log.call_log("7f3a", "acme", "room").info("call arrived", name=hostile)
    assert len(written.lines()) == 1
    expected = 'x\\n{"event":"let in"}\\r\\x1b[2J\\x9b\\u2028\\u202e\\x00\\udce9'
    assert written.last()["name"] == expected


def test_a_header_of_60_kb_takes_200_characters(written):
    log.call_log("7f3a", "acme", "room").info("call arrived", name="x" * 60_000)
    assert written.last()["name"] == "x" * 199 + "…"


def test_umlauts_stay_readable(written):
    log.call_log("7f3a", "acme", "room").info("call arrived", name="Jörg Müller")
    assert "Jörg Müller" in written.text()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=200, deadline=None
)
@given(
    st.recursive(
        st.text() | st.binary(max_size=20) | st.floats() | st.integers() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_is_logged_is_one_json_line(written, value):
    before = len(written.text().split("\n"))
    log.call_log("7f3a", "acme", "room").info(str(value), value=value)
    lines = written.text().split("\n")
    assert len(lines) == before + 1
    assert all(letter.isprintable() for letter in lines[-2])
    json.loads(lines[-2])


def test_a_value_that_cannot_be_printed_does_not_end_the_call(written):
    class Broken:
        def __str__(self) -> str:
            raise ValueError("48213")

    log.call_log("7f3a", "acme", "room").info("x", value=Broken())
    assert written.last()["value"] == "<Broken: ValueError>"


def test_an_error_is_told_with_its_traceback_in_the_same_line_and_without_local_variables(written):
    def flow() -> None:
        entered = "48" + "213"
        raise RuntimeError(f"boom\n2026-11-21 forged line{len(entered)}")

    try:
        flow()
    except RuntimeError:
        log.call_log("7f3a", "acme", "room").exception("a flow failed")
    line = written.last()
    assert line["event"] == "a flow failed"
    assert "RuntimeError: boom" in line["exception"]
    assert all(part.startswith("| ") for part in line["exception"].split("\n"))
    assert "48213" not in written.text()


def test_what_libraries_say_is_a_line_like_any_other(written):
    logging.getLogger("sqlalchemy.pool").warning("connection %s lost\nsecond line", 7)
    logging.getLogger("gevent").info("chatter")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old habits", UserWarning, stacklevel=1)
    first, second = written.lines()
    assert (first["logger"], first["level"]) == ("sqlalchemy.pool", "warning")
    assert first["event"] == "connection 7 lost\\nsecond line"
    assert (second["logger"], second["level"]) == ("py.warnings", "warning")


def test_a_library_that_logs_wrongly_is_not_interrupted_by_it(written):
    log._FromLibraries().emit(logging.LogRecord("broken", logging.ERROR, "x.py", 1, "%d", ("no number",), None))
    assert written.text() == ""


def test_a_greenlet_nobody_waits_for_dies_in_the_log_and_not_on_several_lines_of_stderr(written, capfd):
    gevent.joinall([gevent.spawn(lambda: 1 / 0)])
    assert written.last()["event"] == "unhandled error"
    assert "ZeroDivisionError" in written.last()["exception"]
    assert capfd.readouterr().err == ""


def test_lines_below_the_level_are_not_written(written):
    log.call_log("7f3a", "acme", "room").debug("detail")
    assert written.text() == ""


def test_in_a_terminal_lines_are_for_people_and_still_cannot_be_forged():
    reader, terminal = pty.openpty()
    log.configure("info", fd=terminal)
    try:
        raise ValueError("a\nb")
    except ValueError:
        log.call_log("7f3a", "acme", "room").exception("call arrived", name="x\x1b[2J\ny", moderator_pin="48213")
    text = os.read(reader, 65536).decode()
    assert "call arrived" in text
    assert "x\\x1b[2J\\ny" in text
    assert "48213" not in text
    assert all(line.startswith(("2026", "\x1b[2m20", "| ")) or not line for line in text.split("\r\n"))


def test_a_reader_that_stopped_reading_stops_no_call_and_gets_the_lines_when_it_reads_again():
    reader, writer = os.pipe()
    make_nonblocking(reader)
    log.configure("info", fd=writer)
    mine = log.call_log("7f3a", "acme", "room")
    dropped = log.lines_dropped()
    for number in range(2000):  # and who waited for the reader here would wait for ever
        mine.info("line", number=number)
    assert log.lines_dropped() == dropped
    received = b""
    with gevent.Timeout(PATIENCE):
        while received.count(b"\n") < 2000:
            received += nb_read(reader, 65536)
    assert [json.loads(line)["number"] for line in received.splitlines()] == list(range(2000))


def test_lines_lost_because_nobody_read_for_long_are_counted_and_told(monkeypatch):
    monkeypatch.setattr(log, "MOST_WAITING", 10)
    reader, writer = os.pipe()
    make_nonblocking(reader)
    log.configure("info", fd=writer)
    before = log.lines_dropped()
    mine = log.call_log("7f3a", "acme", "room")
    while log.lines_dropped() < before + 5:
        mine.info("line")
    received = b""
    while log._out._queue:
        received += nb_read(reader, 65536)
    mine.info("after")
    while b"after" not in received:
        received += nb_read(reader, 65536)
    assert json.loads(received.splitlines()[-1])["lines_dropped"] == 5


def test_a_reader_that_is_gone_is_no_error():
    reader, writer = os.pipe()
    log.configure("info", fd=writer)
    os.close(reader)
    before = log.lines_dropped()
    log.call_log("7f3a", "acme", "room").info("line")
    assert log.lines_dropped() == before + 1


CLOSED = """
import os, socket
os.close(2)
from callcontrol import log
log.configure("info")
here, there = socket.socketpair()
os.dup2(here.fileno(), 2)
log.call_log("7f3a", "acme", "room").info("line")
here.setblocking(False); there.setblocking(False)
try:
    print(there.recv(100))
except BlockingIOError:
    print("nothing", log.lines_dropped())
"""


def test_a_closed_stderr_is_no_error_and_its_number_may_become_a_callers_socket():
    result = subprocess.run([sys.executable, "-c", CLOSED], stdout=subprocess.PIPE, text=True, timeout=PATIENCE)
    assert result.stdout == "nothing 1\n"


LEAVING = """
from callcontrol import log
log.configure("info")
mine = log.call_log("7f3a", "acme", "room")
for number in range(1000):
    mine.info("line", number=number)
"""


def test_lines_that_wait_are_written_before_the_process_ends():
    result = subprocess.run([sys.executable, "-c", LEAVING], stderr=subprocess.PIPE, timeout=PATIENCE)
    assert len(result.stderr.splitlines()) == 1000
