"""The switch's end of a socket: commands come in whole, output blocks no call, and it fails where it is told to."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Iterator

import gevent
import pytest
from gevent import socket
from hypothesis import given, settings
from hypothesis import strategies as st

from callcontrol.rehearsal import Fault, FaultKind
from callcontrol.rehearsal.wire import Command, CommandReader, Outlet
from tests.patience import PATIENCE, until

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    near = socket.create_connection(server.getsockname())
    far, _ = server.accept()
    server.close()
    yield near, far
    near.close()
    far.close()


def read_all(sock: socket.socket) -> bytes:
    data = b""
    while chunk := sock.recv(65536):
        data += chunk
    return data


class Chunks:
    """A socket that hands out these chunks, then its end."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = list(chunks)

    def recv(self, _: int) -> bytes:
        return self._chunks.pop(0) if self._chunks else b""


TALK = (
    b"connect\n\n\n\nsendmsg\ncall-command: execute\nContent-Type: text/plain\ncontent-length: 4\n\na\n\nb"
    b"api x y\r\n\r\nexit\n\n"
)


@settings(deadline=None)
@given(st.lists(st.integers(0, len(TALK)), max_size=8))
def test_commands_are_the_same_however_the_bytes_arrive(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(TALK)]
    chunks = [TALK[start:end] for start, end in itertools.pairwise(places) if end > start]
    reader = CommandReader(Chunks(chunks))  # type: ignore[arg-type]
    commands = []
    while (command := reader.read()) is not None:
        commands.append(command)
    head = (("call-command", "execute"), ("Content-Type", "text/plain"), ("content-length", "4"))
    sendmsg = Command("sendmsg", head, "a\n\nb")
    assert commands == [Command("connect"), sendmsg, Command("api x y"), Command("exit")]


def test_the_end_of_the_stream_within_a_command_is_no_command() -> None:
    assert CommandReader(Chunks([b"sendmsg\ncontent-length: 9\n\nabc"])).read() is None  # type: ignore[arg-type]


def test_a_peer_that_does_not_read_blocks_nobody(pair: Pair) -> None:
    near, _far = pair
    outlet = Outlet(near)
    with gevent.Timeout(PATIENCE):
        for _ in range(200):
            outlet.write(b"x" * 65536)
        outlet.close(seconds=0.05)
        until(lambda: outlet.closed)


def test_what_was_written_arrives_before_the_close(pair: Pair) -> None:
    near, far = pair
    outlet = Outlet(near)
    outlet.write(b"x" * 3_000_000)
    outlet.close()
    assert len(read_all(far)) == 3_000_000


@pytest.mark.parametrize("at", [0, 1, 5, 10, 11])
def test_a_socket_closes_at_the_byte_it_is_told(pair: Pair, at: int) -> None:
    near, far = pair
    outlet = Outlet(near, Fault(FaultKind.CLOSE, at))
    outlet.arm()
    outlet.write(b"hello ")
    outlet.write(b"there")
    assert read_all(far) == b"hello there"[:at]


def test_a_socket_is_reset_at_the_byte_it_is_told(pair: Pair) -> None:
    near, far = pair
    outlet = Outlet(near, Fault(FaultKind.RESET, 5))
    outlet.arm()
    outlet.write(b"hello there")
    with pytest.raises(OSError, match="reset") as failure:
        read_all(far)
    assert failure.value.errno == errno.ECONNRESET


def test_a_socket_stalls_at_the_byte_it_is_told(pair: Pair) -> None:
    near, far = pair
    outlet = Outlet(near, Fault(FaultKind.STALL, 5))
    outlet.arm()
    outlet.write(b"hello there")
    outlet.write(b"more")
    assert far.recv(100) == b"hello"
    far.settimeout(0.1)
    with pytest.raises(TimeoutError):
        far.recv(1)
