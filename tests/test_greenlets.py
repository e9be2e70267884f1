"""No greenlet runs unseen: each is counted while it lives, and heard of when it dies."""

from __future__ import annotations

import gevent
from gevent.event import Event
from structlog.testing import capture_logs

from callcontrol import greenlets
from tests.patience import PATIENCE, until


def test_a_greenlet_is_counted_while_it_lives() -> None:
    before, go = greenlets.count(), Event()
    greenlet = greenlets.spawn("wait", go.wait)

    assert greenlets.count() == before + 1
    go.set()
    greenlet.join(timeout=PATIENCE)
    until(lambda: greenlets.count() == before)


def test_it_has_its_name_and_its_result() -> None:
    greenlet = greenlets.spawn("add", lambda a, b: a + b, 1, 2)

    assert greenlet.name == "add"
    assert greenlet.get(timeout=PATIENCE) == 3


def test_an_error_is_logged_with_the_name_of_the_greenlet() -> None:
    before = greenlets.count()
    with capture_logs() as lines:
        greenlets.spawn("read call 1", int, "no number").join(timeout=PATIENCE)
        until(lambda: greenlets.count() == before)

    (line,) = lines
    assert line["event"] == "greenlet died"
    assert line["greenlet"] == "read call 1"
    assert "no number" in line["error"]


def test_a_greenlet_that_is_killed_is_no_error() -> None:
    before = greenlets.count()
    with capture_logs() as lines:
        greenlets.spawn("wait", gevent.sleep, 60).kill(timeout=PATIENCE)
        until(lambda: greenlets.count() == before)

    assert lines == []
