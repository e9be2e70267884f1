"""Every call that FreeSWITCH hands over is served, or refused in a way its caller can hear."""

from __future__ import annotations

import socket as plain_socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest
from gevent import subprocess
from gevent.event import Event as Signal
from gevent.socket import socket
from structlog.testing import capture_logs

from callcontrol import greenlets
from callcontrol.errors import HungUp, SwitchTimeout
from callcontrol.switch.connection import CallSocket
from callcontrol.switch.framing import Headers
from callcontrol.switch.server import CallServer, Conversation
from tests.patience import PATIENCE, until
from tests.wire import GOODBYE, OK, Peer, connect, event, headers_of, nothing_left_behind


@contextmanager
def serving(
    conversation: Conversation, *, max_calls: int = 10_000, peer: str = "127.0.0.1", open_seconds: float = PATIENCE
) -> Iterator[tuple[CallServer, list[str]]]:
    """A server and the reasons of its refusals; afterwards nothing may be left of its calls."""
    refusals: list[str] = []
    with nothing_left_behind():
        server = CallServer(
            ("127.0.0.1", 0),
            conversation,
            max_calls=max_calls,
            peers=[peer],
            on_refused=refusals.append,
            open_seconds=open_seconds,
        )
        server.start()
        try:
            yield server, refusals
        finally:
            server.stop_accepting()


def talk_until(over: Signal) -> Conversation:
    """A conversation that lasts until the test ends it or the caller hangs up."""

    def conversation(call: CallSocket, channel: Headers) -> None:
        until(lambda: over.is_set() or not call.connected)

    return conversation


def hang_up_at_once(call: CallSocket, channel: Headers) -> None:
    call.hangup("NORMAL_CLEARING")
    call.wait_gone(deadline=PATIENCE)


def place_call(address: tuple[str, int]) -> dict[str, str]:
    """One call from FreeSWITCH's side, to its end; the hang-up it was told."""
    with gevent.Timeout(PATIENCE):
        peer = connect(address)
        peer.open_call()
        headers = headers_of(peer.command(deadline=PATIENCE))
        peer.say(OK, event("CHANNEL_HANGUP", Hangup_Cause=headers["hangup-cause"]), GOODBYE)
        assert peer.closed_by_other_side()
        peer.close()
        return headers


def all_at_once(count: int, what: Callable[[], object]) -> list[object]:
    jobs = [greenlets.spawn("caller", what) for _ in range(count)]
    return [job.get(timeout=PATIENCE) for job in jobs]


def test_a_conversation_gets_the_channel_data_and_its_return_closes_the_socket() -> None:
    channels: list[Headers] = []
    with serving(lambda call, channel: channels.append(channel)) as (server, _):
        peer = connect(server.address)
        peer.open_call([(b"variable_cc_door", b"trunk")])
        assert peer.closed_by_other_side()
        peer.close()

    assert [channel.get("variable_cc_door") for channel in channels] == ["trunk"]


@pytest.mark.parametrize("calls", [400, 1000])
def test_calls_that_come_all_at_once_are_all_served(calls: int) -> None:
    with serving(hang_up_at_once) as (server, refusals):
        ends = all_at_once(calls, lambda: place_call(server.address))

    assert [end["hangup-cause"] for end in ends] == ["NORMAL_CLEARING"] * calls
    assert refusals == []


def test_connections_wait_in_the_backlog_while_the_daemon_is_busy() -> None:
    """FreeSWITCH does not speak first: a connection dropped by a short backlog is lost without a word."""
    if int(Path("/proc/sys/net/core/somaxconn").read_text()) < 400:
        pytest.skip("the kernel allows no backlog of 400 (net.core.somaxconn)")
    with serving(hang_up_at_once) as (server, _):
        # These sockets are not gevent's: while they connect, nothing else runs in this process.
        busy = [plain_socket.create_connection(server.address, timeout=PATIENCE) for _ in range(400)]
        for sock in busy:
            peer = Peer(socket(fileno=sock.detach()))
            assert peer.command() == "connect"
            peer.close()


def test_of_a_burst_no_more_than_the_limit_are_let_in() -> None:
    over, peak = Signal(), 0
    conversing = 0

    def conversation(call: CallSocket, channel: Headers) -> None:
        nonlocal conversing, peak
        conversing += 1
        peak = max(peak, conversing)
        call.wait_gone(deadline=PATIENCE)
        conversing -= 1

    with serving(conversation, max_calls=10) as (server, refusals):
        peers = [connect(server.address) for _ in range(100)]
        for peer in peers:
            peer.open_call()
        until(lambda: len(refusals) == 90 and conversing == 10)
        assert server.live == 10
        over.set()
        for peer in peers:
            peer.close()
        until(lambda: server.live == 0)

    assert peak == 10
    assert refusals == ["full"] * 90


def test_those_who_are_just_being_refused_take_no_place() -> None:
    over = Signal()
    with serving(talk_until(over), max_calls=1) as (server, refusals):
        first, second = connect(server.address), connect(server.address)
        first.open_call()
        second.open_call()
        until(lambda: refusals == ["full"])
        first.say(event("CHANNEL_HANGUP"))
        assert first.closed_by_other_side()
        until(lambda: server.live == 0)  # its place is given back after its socket
        third = connect(server.address)
        third.open_call()
        until(lambda: server.live == 1)
        gevent.sleep(0)

        assert refusals == ["full"]
        for peer in (first, second, third):
            peer.close()


def test_a_refused_caller_is_hung_up_with_a_cause_and_the_socket_stays_until_the_end() -> None:
    """Closing at once would leave the caller parked in silence (mod_event_socket.c:534)."""
    with serving(hang_up_at_once, max_calls=0) as (server, refusals), capture_logs() as lines:
        peer = connect(server.address)
        peer.open_call()
        refusal = headers_of(peer.command())
        peer.say(OK)
        assert not peer.closed_by_other_side(deadline=0.1)
        peer.say(event("CHANNEL_HANGUP"))
        assert peer.closed_by_other_side()
        peer.close()

    assert (refusal["call-command"], refusal["hangup-cause"]) == ("hangup", "NORMAL_CIRCUIT_CONGESTION")
    assert refusals == ["full"]
    assert lines[0]["reason"] == "too many calls at once"


def test_a_switch_that_does_not_end_a_refused_call_is_not_waited_for_for_ever() -> None:
    with serving(hang_up_at_once, max_calls=0) as (server, _):
        peer = connect(server.address)
        peer.open_call()
        server._open_seconds = 0.05  # the call was opened in time, however slow we are
        peer.command()
        assert peer.closed_by_other_side()
        peer.close()


def test_a_stranger_is_turned_away_without_a_word() -> None:
    with serving(hang_up_at_once, peer="192.0.2.1") as (server, refusals), capture_logs() as lines:
        peer = connect(server.address)
        with pytest.raises((EOFError, ConnectionError)):
            peer.command()
        peer.close()

    assert refusals == ["stranger"]
    assert lines[0]["peer"] == "127.0.0.1"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_port_scan_leaves_nothing_behind(how: str) -> None:
    with serving(hang_up_at_once) as (server, refusals):
        for _ in range(50):
            getattr(connect(server.address), how)()
        until(lambda: server.live == 0)

        place_call(server.address)
    assert refusals == []


def test_a_peer_that_says_nothing_is_closed_at_the_deadline() -> None:
    with serving(hang_up_at_once, open_seconds=0.05) as (server, refusals), capture_logs() as lines:
        peer = connect(server.address)
        assert peer.closed_by_other_side()
        peer.close()

    assert refusals == ["unusable socket"]
    assert "no channel data" in lines[0]["error"]


def test_a_peer_that_speaks_another_protocol_is_closed() -> None:
    with serving(hang_up_at_once, open_seconds=0.2) as (server, _), capture_logs():
        peer = connect(server.address)
        peer.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert peer.closed_by_other_side()
        peer.close()


@pytest.mark.parametrize("error", [HungUp(), SwitchTimeout("x"), ValueError("a mistake of ours")], ids=repr)
def test_a_conversation_that_fails_closes_its_socket_and_frees_its_place(error: Exception) -> None:
    def conversation(call: CallSocket, channel: Headers) -> None:
        raise error

    with capture_logs() as lines, serving(conversation, max_calls=1) as (server, refusals):
        for _ in range(3):
            peer = connect(server.address)
            peer.open_call()
            assert peer.closed_by_other_side()
            peer.close()
            until(lambda: server.live == 0)

    assert "full" not in refusals
    assert sum(line["event"] == "greenlet died" for line in lines) == (3 if isinstance(error, ValueError) else 0)


def test_a_daemon_that_stops_accepting_refuses_new_calls_and_keeps_its_own() -> None:
    over = Signal()
    with serving(talk_until(over)) as (server, _):
        peer = connect(server.address)
        peer.open_call()
        until(lambda: server.live == 1)
        server.stop_accepting()

        assert not server.listening
        with pytest.raises(ConnectionRefusedError):
            connect(server.address)
        assert server.live == 1
        over.set()
        assert peer.closed_by_other_side()
        peer.close()


def test_an_address_that_is_taken_is_told() -> None:
    with serving(hang_up_at_once) as (server, _):
        second = CallServer(server.address, hang_up_at_once, max_calls=1, peers=[])
        with pytest.raises(OSError, match="in use"):
            second.start()


OUT_OF_DESCRIPTORS = """
import resource
import gevent
from structlog.testing import capture_logs
from callcontrol.switch.server import CallServer
from tests.patience import PATIENCE, until
from tests.wire import connect

def conversation(call, channel):
    call.wait_gone(deadline=PATIENCE)

server = CallServer(("127.0.0.1", 0), conversation, max_calls=1000, peers=["127.0.0.1"])
server.start()
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
peers = []
with capture_logs() as told:
    try:
        while True:
            peers.append(connect(server.address))
            gevent.sleep(0.001)
    except OSError as error:
        print("full at", len(peers), error.strerror)
    until(lambda: "cannot accept a call" in [line["event"] for line in told])
for peer in peers:
    peer.close()
until(lambda: not server.live)
late = connect(server.address)
print("served", late.command())
"""


def test_a_daemon_out_of_file_descriptors_serves_again_when_it_has_some() -> None:
    run = subprocess.run([sys.executable, "-c", OUT_OF_DESCRIPTORS], capture_output=True, text=True, timeout=PATIENCE)

    assert "Too many open files" in run.stdout
    assert run.stdout.splitlines()[-1] == "served connect", run.stderr
    assert "Traceback" not in run.stderr
