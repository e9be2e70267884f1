"""What is wrong in greenswitch 0.0.19, each defect shown in the original beside what we do instead.

When greenswitch mends one of these, the test says so and the override in callcontrol/switch/_greenswitch.py can go.
"""

from __future__ import annotations

import errno
import os
import socket as plain_socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent.event import Event as Signal
from gevent.exceptions import ConcurrentObjectUseError
from gevent.server import StreamServer
from greenswitch import esl

from callcontrol.errors import HungUp, SwitchLost, UnsafeText
from callcontrol.switch.connection import CallSocket
from callcontrol.switch.events import read_event
from callcontrol.switch.framing import FrameParser, Headers
from callcontrol.switch.link import _LinkSocket
from callcontrol.switch.server import CallServer
from tests.patience import PATIENCE, until
from tests.ports import free_port
from tests.wire import GOODBYE, OK, Peer, api_response, connect, event, framed, headers_of, plain_block, tcp_pair

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # greenswitch calls logging.warn

# How long a greenlet that waits for ever is watched.
A_WHILE = 0.15


@pytest.fixture
def beside() -> Iterator[Callable[..., gevent.Greenlet]]:
    """Starts what may never end; ends it after the test."""
    started: list[gevent.Greenlet] = []

    def start(function: Callable[..., Any], *args: Any, **kwargs: Any) -> gevent.Greenlet:
        def run() -> Any:
            try:
                return function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - the outcome, looked at by the test
                return error

        started.append(gevent.spawn(run))
        return started[-1]

    yield start
    gevent.killall(started, timeout=PATIENCE)


@contextmanager
def original() -> Iterator[tuple[esl.OutboundSession, Peer]]:
    """A session of greenswitch, connected to a peer."""
    ours, peer = tcp_pair()
    session = esl.OutboundSession(("127.0.0.1", 1), ours)
    session.session_data = {}
    try:
        yield session, peer
    finally:
        gevent.killall([session._receive_events_greenlet, session._process_events_greenlet], timeout=PATIENCE)
        session.sock_file.close()
        ours.close()
        peer.close()


@contextmanager
def ours() -> Iterator[tuple[CallSocket, Peer]]:
    """A call of ours, open and connected to a peer."""
    sock, peer = tcp_pair()
    call = CallSocket(sock, "ours")
    opening = gevent.spawn(call.open)
    peer.open_call()
    opening.get(timeout=PATIENCE)
    try:
        yield call, peer
    finally:
        call.stop()
        peer.close()


@contextmanager
def original_server(application: Callable[[Any], Any], **options: Any) -> Iterator[tuple[str, int]]:
    server = esl.OutboundESLServer("127.0.0.1", free_port(), application=application, **options)
    listening = gevent.spawn(server.listen)
    until(lambda: server._running)
    try:
        yield server.server.getsockname()
    finally:
        server._running = False
        gevent.killall([listening, *server._greenlets], timeout=PATIENCE)
        server.server.close()


@contextmanager
def our_server(conversation: Callable[..., None], max_calls: int = 1000) -> Iterator[tuple[str, int]]:
    server = CallServer(("127.0.0.1", 0), conversation, max_calls=max_calls, peers=["127.0.0.1"])
    server.start()
    try:
        yield server.address
    finally:
        server.stop_accepting()
        until(lambda: server.live == 0)


def still_waiting(greenlet: gevent.Greenlet) -> bool:
    greenlet.join(timeout=A_WHILE)
    return not greenlet.ready()


def completion(application: str, **headers: str) -> bytes:
    """CHANNEL_EXECUTE_COMPLETE in the plain format, the only one greenswitch reads."""
    fields = [("Event-Name", "CHANNEL_EXECUTE_COMPLETE"), ("variable_current_application", application)]
    fields += [(name.replace("_", "-"), value) for name, value in headers.items()]
    return framed(plain_block([(n.encode(), v.encode()) for n, v in fields]) + b"\n", b"text/event-plain")


FORGED = plain_block(
    [(b"Caller-Caller-ID-Number", b"anonymous"), (b"variable_sip_h_X-A", b"a%0ACaller-Caller-ID-Number: +49301")]
)


def test_d1_a_callers_text_becomes_a_header() -> None:
    number = "Caller-Caller-ID-Number"

    assert esl.ESLEvent(FORGED.decode()).headers[number] == "+49301"
    assert Headers(FORGED).get(number) == "anonymous"


@pytest.mark.parametrize("separator", ["\x0b", "\x1c", "\x85", "\u2028"], ids=ascii)
def test_d1_signs_that_only_python_takes_for_line_ends(separator: str) -> None:
    block = plain_block([(b"Unique-ID", b"true"), (b"variable_x", f"a{separator}Unique-ID: forged".encode())])

    assert esl.ESLEvent(block.decode()).headers["Unique-ID"] == "forged"
    assert Headers(block).get("Unique-ID") == "true"


def test_d2_the_body_of_an_event_is_read_as_headers() -> None:
    body = plain_block([(b"Event-Name", b"BACKGROUND_JOB"), (b"Job-UUID", b"ours")]) + b"\nJob-UUID: attacker\n"
    (frame,) = FrameParser().feed(framed(body, b"text/event-plain"))
    found = read_event(frame)

    assert esl.ESLEvent(body.decode()).headers["Job-UUID"] == "attacker"
    assert found is not None
    assert found.get("Job-UUID") == "ours"


HOSTILE = [(b"Event-Name", b"DTMF"), (b"variable_sip_h_X-A", b"x%0AContent-Type: text/disconnect-notice")]


def test_d3_a_callers_header_hangs_the_call_up_for_the_program(beside: Callable[..., gevent.Greenlet]) -> None:
    with original() as (session, peer):
        playing = beside(session.playback, "a.wav")
        peer.command()
        peer.say(OK, framed(plain_block(HOSTILE) + b"\n", b"text/event-plain"))
        assert isinstance(playing.get(timeout=PATIENCE), esl.OutboundSessionHasGoneAway)

    with ours() as (call, peer):
        playing = beside(call.execute, "playback", "a.wav", deadline=PATIENCE)
        _, identity = peer.application()
        peer.say(framed(plain_block(HOSTILE) + b"\n", b"text/event-plain"))
        peer.complete(identity, which="ours")
        assert playing.get(timeout=PATIENCE).get("which") == "ours"


def test_d4_an_end_of_stream_inside_a_body_freezes_the_whole_process(beside: Callable[..., gevent.Greenlet]) -> None:
    class Enough(Exception):
        pass

    class Ended:
        """A connection that is over: each read gives nothing, at once."""

        reads = 0

        def read(self, length: int) -> bytes:
            self.reads += 1
            if self.reads > 1000:
                raise Enough
            return b""

    with pytest.raises(Enough):
        esl.ESLProtocol._read_socket(Ended(), 10)

    with ours() as (call, peer):
        answer = beside(call.api, "status", deadline=PATIENCE)
        peer.command()
        peer.say(b"Content-Type: api/response\nContent-Length: 10\n\nhalf")
        peer.close()
        assert isinstance(answer.get(timeout=PATIENCE), HungUp)


def test_d5_what_the_kernel_does_not_take_at_once_is_never_sent(beside: Callable[..., gevent.Greenlet]) -> None:
    with original() as (session, peer):
        beside(session.send, "x" * 8_000_000)
        gevent.sleep(0)
        received = 0
        with gevent.Timeout(A_WHILE, False):
            while received < 8_000_002:
                received += len(peer.sock.recv(1 << 20))
        assert received < 8_000_002

    with ours() as (call, peer):
        answer = beside(call.api, "x" * 8_000_000, deadline=PATIENCE)
        assert len(peer.command()) == 8_000_004
        peer.say(api_response("whole"))
        assert answer.get(timeout=PATIENCE) == "whole"


def test_d6_two_who_write_at_once_get_each_others_replies(beside: Callable[..., gevent.Greenlet]) -> None:
    with original() as (session, _):
        writers = [beside(session.send, "x" * 8_000_000) for _ in range(6)]  # the kernel takes some of it
        until(lambda: any(writer.ready() for writer in writers))
        assert {type(writer.value) for writer in writers if writer.ready()} == {ConcurrentObjectUseError}
        assert len(session._commands_sent) == 6  # the places of those who failed are not taken back

    with ours() as (call, peer):
        writers = [beside(call.api, letter * 3_000_000, deadline=PATIENCE) for letter in "abc"]
        for command in peer.commands(3):
            peer.say(api_response(command[4]))
        assert [writer.get(timeout=PATIENCE) for writer in writers] == ["a", "b", "c"]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_d7_a_lost_connection_wakes_nobody(how: str, beside: Callable[..., gevent.Greenlet]) -> None:
    with original() as (session, peer):
        asking, playing = beside(session.send, "api status"), beside(session.playback, "a.wav")
        peer.command()
        getattr(peer, how)()
        assert still_waiting(asking)
        assert still_waiting(playing)

    with ours() as (call, peer):
        asking = beside(call.api, "status", deadline=PATIENCE)
        playing = beside(call.execute, "playback", "a.wav", deadline=PATIENCE)
        peer.commands(2)
        getattr(peer, how)()
        assert isinstance(asking.get(timeout=PATIENCE), HungUp)
        assert isinstance(playing.get(timeout=PATIENCE), HungUp)


def test_d8_the_question_for_the_password_is_waited_for_for_ever(beside: Callable[..., gevent.Greenlet]) -> None:
    def accept_and_close(sock: Any, address: Any) -> None:
        sock.close()

    switch = StreamServer(("127.0.0.1", 0), accept_and_close)
    switch.start()
    link = esl.InboundESL("127.0.0.1", switch.server_port, "secret", timeout=PATIENCE)
    assert still_waiting(beside(link.connect))
    link.sock.close()
    link.sock_file.close()
    gevent.killall([link._receive_events_greenlet, link._process_events_greenlet])
    switch.stop()

    sock, peer = tcp_pair()
    ours = _LinkSocket(sock, "ours", lambda event: None)
    asking = beside(ours.authenticate, "secret", deadline=PATIENCE)
    peer.close()
    assert isinstance(asking.get(timeout=PATIENCE), SwitchLost)


UNFORESEEN = [
    b"Content-Type: api/response\nContent-Length: 1\n\n\xe9",
    b"Content-Type: text/event-json\nContent-Length: 19\n\n" + b'{"Event-Name":"X"}\n',
    b"\n",
    b"content-type: auth/request\n\n",
]


@pytest.mark.parametrize("frame", UNFORESEEN, ids=["latin-1", "json", "blank line", "lower case"])
def test_d9_an_unforeseen_frame_kills_the_reader_and_the_session_looks_alive(
    frame: bytes, beside: Callable[..., gevent.Greenlet], capsys: pytest.CaptureFixture[str]
) -> None:
    with original() as (session, peer):
        asking = beside(session.send, "api status")
        peer.command()
        peer.say(frame)
        session._receive_events_greenlet.join(timeout=PATIENCE)
        assert session._receive_events_greenlet.exception is not None
        assert session.connected
        assert still_waiting(asking)
    assert "Traceback" in capsys.readouterr().err  # gevent's, as nobody links the greenlet

    with ours() as (call, peer):
        asking = beside(call.api, "status", deadline=PATIENCE)
        peer.command()
        peer.say(frame)
        if b"api/response" not in frame:
            peer.say(api_response("\xe9"))
        assert asking.get(timeout=PATIENCE) in ("\udce9", "\xe9")


def test_d9_a_reply_to_nothing_kills_the_reader_too(capsys: pytest.CaptureFixture[str]) -> None:
    with original() as (session, peer):
        peer.say(OK)
        session._receive_events_greenlet.join(timeout=PATIENCE)
        assert isinstance(session._receive_events_greenlet.exception, IndexError)
        assert session.connected
    capsys.readouterr()

    with ours() as (call, peer):
        peer.say(OK)
        call.wait_gone(deadline=PATIENCE)
        assert not call.connected


def test_d10_the_end_of_one_prompt_is_taken_for_the_end_of_the_next(beside: Callable[..., gevent.Greenlet]) -> None:
    with original() as (session, peer):
        beside(session.playback, "first.wav", block=False)
        peer.command()
        peer.say(OK)
        second = beside(session.playback, "second.wav")
        peer.command()
        peer.say(OK, completion("playback", which="first"))
        assert second.get(timeout=PATIENCE).headers["which"] == "first"

    with ours() as (call, peer):
        first = beside(call.execute, "playback", "first.wav", deadline=PATIENCE)
        _, first_id = peer.application()
        second = beside(call.execute, "playback", "second.wav", deadline=PATIENCE)
        _, second_id = peer.application()
        peer.complete(first_id, which="first")
        assert first.get(timeout=PATIENCE).get("which") == "first"
        assert still_waiting(second)
        peer.complete(second_id, which="second")
        assert second.get(timeout=PATIENCE).get("which") == "second"


def test_d10_one_completion_wakes_two_of_three(beside: Callable[..., gevent.Greenlet]) -> None:
    with original() as (session, peer):
        waits = [beside(session.playback, "a.wav") for _ in range(3)]
        peer.commands(3)
        peer.say(OK, OK, OK, completion("playback"))
        gevent.joinall([waits[0], waits[2]], timeout=PATIENCE)
        assert still_waiting(waits[1])
        assert [wait.ready() for wait in waits] == [True, False, True]

    with ours() as (call, peer):
        waits = [beside(call.execute, "playback", "a.wav", deadline=PATIENCE) for _ in range(3)]
        identities = [peer.application()[1] for _ in range(3)]
        peer.complete(identities[0])
        waits[0].join(timeout=PATIENCE)
        assert still_waiting(waits[1])
        assert [wait.ready() for wait in waits] == [True, False, False]


def test_d10_an_application_during_which_another_ran_never_ends(beside: Callable[..., gevent.Greenlet]) -> None:
    """FreeSWITCH writes the name of what started last (switch_core_session.c:2940)."""
    with original() as (session, peer):
        digits = beside(session.play_and_get_digits, response_timeout=60)
        peer.command()
        peer.say(OK, completion("playback"))
        assert still_waiting(digits)

    with ours() as (call, peer):
        digits = beside(call.execute, "play_and_get_digits", deadline=PATIENCE)
        _, identity = peer.application()
        peer.complete(identity, variable_current_application="playback")
        assert digits.get(timeout=PATIENCE).application_uuid == identity


def test_d11_a_handler_of_ones_own_makes_every_verb_wait_for_ever(beside: Callable[..., gevent.Greenlet]) -> None:
    with original() as (session, peer):
        session.register_handle("CHANNEL_EXECUTE_COMPLETE", lambda event: None)
        playing = beside(session.playback, "a.wav")
        peer.command()
        peer.say(OK, completion("playback"))
        assert still_waiting(playing)

    with ours() as (call, peer):
        call.register_handle("CHANNEL_EXECUTE_COMPLETE", lambda event: None)
        playing = beside(call.execute, "playback", "a.wav", deadline=PATIENCE)
        _, identity = peer.application()
        peer.complete(identity)
        assert playing.get(timeout=PATIENCE).application_uuid == identity


def test_d12_a_line_end_in_a_file_name_is_a_second_command(beside: Callable[..., gevent.Greenlet]) -> None:
    name = "x.wav\n\napi system touch pwned"
    with original() as (session, peer):
        beside(session.playback, name, block=False)
        assert peer.commands(2)[1] == "api system touch pwned"

    with ours() as (call, _), pytest.raises(UnsafeText):
        call.execute("playback", name, deadline=1)


class Idle:
    """An application of greenswitch that talks until its greenlet is killed."""

    running = 0
    peak = 0

    def __init__(self, session: esl.OutboundSession) -> None:
        self.session = session

    def run(self) -> None:
        Idle.running += 1
        Idle.peak = max(Idle.peak, Idle.running)
        try:
            gevent.sleep(60)
        finally:
            Idle.running -= 1
            self.session.connected = False


def wait_gone(call: CallSocket, channel: Headers) -> None:
    call.wait_gone(deadline=PATIENCE)


def test_d13_a_call_waits_for_the_next_look_at_the_socket(
    monkeypatch: pytest.MonkeyPatch, beside: Callable[..., gevent.Greenlet]
) -> None:
    looks: list[float] = []
    look = Signal()

    def sleep(seconds: float) -> None:
        """A tenth of a second that is over when the test says so."""
        looks.append(seconds)
        look.wait()
        look.clear()

    with monkeypatch.context() as patch:
        patch.setattr(esl, "gevent", SimpleNamespace(**vars(gevent) | {"sleep": sleep}))
        with original_server(Idle) as address:
            until(lambda: looks)
            peer = connect(address)
            asked = beside(peer.command)
            assert still_waiting(asked)
            look.set()
            assert asked.get(timeout=PATIENCE) == "connect"
            peer.reset()
    assert looks[0] == 0.1

    with our_server(wait_gone) as address:
        peer = connect(address)
        assert peer.command() == "connect"
        peer.reset()


def connect_while_busy(address: tuple[str, int], calls: int, patience: float) -> int:
    """How many connections the kernel takes for a process that does not get to accept them."""
    taken: list[plain_socket.socket] = []
    with suppress(TimeoutError):
        while len(taken) < calls:
            taken.append(plain_socket.create_connection(address, timeout=patience))
    for sock in taken:
        sock.close()
    return len(taken)


def test_d14_a_burst_of_calls_overflows_the_backlog() -> None:
    with original_server(Idle) as address:
        assert connect_while_busy(address, 150, A_WHILE) < 150
    with our_server(wait_gone) as address:
        assert connect_while_busy(address, 150, PATIENCE) == 150


def test_d15_one_failed_accept_ends_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    class Exhausted(esl.socket.socket):
        def accept(self) -> Any:
            raise full

    replaced = SimpleNamespace(**{name: getattr(esl.socket, name) for name in esl.socket.__all__})
    replaced.socket, replaced.error = Exhausted, OSError
    with monkeypatch.context() as patch:
        patch.setattr(esl, "socket", replaced)
        server = esl.OutboundESLServer("127.0.0.1", free_port(), application=Idle)
        with pytest.raises(OSError, match="Too many open files"):
            server.listen()
        server.server.close()

    failures = [full, OSError(errno.ECONNABORTED, "aborted")]
    accept = StreamServer.do_read

    def accept_in_the_end(server: StreamServer) -> Any:
        if failures:
            raise failures.pop()
        return accept(server)

    monkeypatch.setattr(StreamServer, "do_read", accept_in_the_end)
    with our_server(wait_gone) as address:
        peer = connect(address)
        assert peer.command() == "connect"
        assert failures == []
        peer.close()


def place_calls(address: tuple[str, int], calls: int) -> list[Peer]:
    """Calls that arrive in one moment; all are asked before any of them answers."""
    peers = [connect(address) for _ in range(calls)]
    for peer in peers:
        assert peer.command() == "connect"
    for peer in peers:
        peer.say(b"Unique-ID: 1\nContent-Type: command/reply\nReply-Text: %2BOK%0A\n\n")
    return peers


def test_d16_a_burst_passes_the_limit() -> None:
    Idle.peak = 0
    with original_server(Idle, max_connections=10) as address:
        peers = place_calls(address, 50)
        until(lambda: Idle.running == 50)
        for peer in peers:
            peer.close()
    assert Idle.peak == 50

    conversations: list[CallSocket] = []

    def conversation(call: CallSocket, channel: Headers) -> None:
        conversations.append(call)
        call.wait_gone(deadline=PATIENCE)

    with our_server(conversation, max_calls=10) as address:
        peers = place_calls(address, 50)
        until(lambda: len(conversations) == 10)
        for peer in peers:
            peer.close()
    assert len(conversations) == 10


def test_d17_a_peer_that_leaves_without_a_word_is_kept_for_ever(beside: Callable[..., gevent.Greenlet]) -> None:
    with original() as (session, peer):
        opening = beside(session.connect)
        assert peer.command() == "connect"
        peer.close()
        assert still_waiting(opening)
        assert session.sock.fileno() >= 0

    sock, peer = tcp_pair()
    call = CallSocket(sock, "ours")
    opening = beside(call.open)
    peer.commands(4)
    peer.close()
    assert isinstance(opening.get(timeout=PATIENCE), HungUp)
    until(lambda: call.sock.fileno() < 0)


def test_d18_every_call_looks_into_its_queue_each_second() -> None:
    waits: list[float] = []
    with original() as (session, _):
        queue = session._esl_event_queue
        session._esl_event_queue = SimpleNamespace(get=lambda timeout: waits.append(timeout) or queue.get(timeout=0.01))
        until(lambda: len(waits) > 2)
        assert waits[0] == 1
        assert session._process_events_greenlet is not None

    with ours() as (call, _):
        assert call._process_events_greenlet is None
        assert call._esl_event_queue is None


def test_d19_a_call_too_many_is_left_in_silence() -> None:
    """`exit` may come before FreeSWITCH has parked the call, and nobody ends it then (mod_event_socket.c:538)."""
    with original_server(Idle, max_connections=0) as address:
        peer = connect(address)
        assert peer.command() == "connect"
        peer.say(b"Content-Type: command/reply\nReply-Text: %2BOK%0A\n\n")
        assert peer.command() == "exit"
        peer.say(OK)
        peer.close()

    with our_server(wait_gone, max_calls=0) as address:
        peer = connect(address)
        peer.open_call()
        assert headers_of(peer.command())["call-command"] == "hangup"
        peer.close()


def test_d20_a_program_that_fails_at_its_start_leaves_the_caller_in_silence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(session: Any, channel: object = None) -> None:
        raise ValueError("a mistake")

    with original_server(broken) as address:
        (peer,) = place_calls(address, 1)
        assert not peer.closed_by_other_side(deadline=A_WHILE)
        peer.close()
    assert "a mistake" in capsys.readouterr().err

    with our_server(broken) as address:
        (peer,) = place_calls(address, 1)
        assert peer.closed_by_other_side()
        peer.close()


def test_d21_a_hangup_wakes_nobody(beside: Callable[..., gevent.Greenlet]) -> None:
    hangup = framed(plain_block([(b"Event-Name", b"CHANNEL_HANGUP")]) + b"\n", b"text/event-plain")
    with original() as (session, peer):
        playing = beside(session.playback, "a.wav")
        peer.command()
        peer.say(OK, hangup)
        assert still_waiting(playing)

    with ours() as (call, peer):
        playing = beside(call.execute, "playback", "a.wav", deadline=PATIENCE)
        peer.application()
        peer.say(event("CHANNEL_HANGUP", Hangup_Cause="NORMAL_CLEARING"))
        gone = playing.get(timeout=PATIENCE)
        assert isinstance(gone, HungUp)
        assert gone.cause == "NORMAL_CLEARING"


def test_d22_the_text_of_a_goodbye_is_read_as_headers_of_the_next_frame(capsys: pytest.CaptureFixture[str]) -> None:
    with original() as (session, peer):
        peer.say(GOODBYE, OK)
        session._receive_events_greenlet.join(timeout=PATIENCE)
        assert isinstance(session._receive_events_greenlet.exception, AttributeError)
    capsys.readouterr()

    goodbye, after = FrameParser().feed(GOODBYE + OK)
    assert b"ClueCon" in goodbye.body
    assert after.reply_text == "+OK"


def test_d23_values_are_changed_on_the_way() -> None:
    block = plain_block([(b"padded", b"  x  "), (b"empty", b""), (b"last", b"1")])
    original_values, our_values = esl.ESLEvent(block.decode()).headers, Headers(block)

    assert (original_values["padded"], original_values["empty"]) == ("x", "_undef_")
    assert (our_values.get("padded"), our_values.get("empty")) == ("  x  ", "")


def test_d26_a_server_that_cannot_listen_says_that_all_is_well() -> None:
    with plain_socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(SystemExit) as ended:
            esl.OutboundESLServer("127.0.0.1", taken.getsockname()[1], application=Idle).listen()
        assert ended.value.code is None  # exit status 0

        with pytest.raises(OSError, match="in use"):
            CallServer(taken.getsockname(), wait_gone, max_calls=1, peers=[]).start()
