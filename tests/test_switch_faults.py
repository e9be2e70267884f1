"""The connection to FreeSWITCH ends, breaks or falls silent at every byte: nobody waits longer than they said.

What FreeSWITCH says here was recorded (tests/data/captures); only the ids of our commands are put in, and the
Content-Length that goes with them. Each fault is tried at every byte of the short frames and of every border, and at
each STEP-th byte inside the long ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, chain, repeat
from socket import SHUT_WR
from uuid import UUID

import gevent
import pytest
from gevent.pool import Group, Pool
from gevent.socket import socket
from structlog.testing import capture_logs

from callcontrol.errors import HungUp, SwitchError, SwitchTimeout
from callcontrol.switch.connection import CallSocket
from callcontrol.switch.events import Event
from callcontrol.switch.link import Link, LinkTimes
from tests.patience import PATIENCE, until
from tests.wire import Peer, framed, frames_of, headers_of, nothing_left_behind, reply, tcp_pair

# The deadline of each wait that meets the fault. An end is heard of at once, silence only when the deadline is over.
FAULTS = {"closed": 10 * PATIENCE, "reset": 10 * PATIENCE, "stalled": 0.05}
STEP = 41
SHORT = 250
AT_ONCE = 25

Segment = tuple[int, list[bytes]]


def with_id(frame: bytes, identity: str) -> bytes:
    """A recorded event for the command with our id."""
    before, mark, after = frame.partition(b'"Application-UUID":"')
    body = before[before.index(b"\n\n") + 2 :] + mark + identity.encode() + after[after.index(b'"') :]
    return framed(body)


def sent(frame: bytes, identity: str) -> bytes:
    """A recorded frame as FreeSWITCH says it to us."""
    return with_id(frame, identity) if b'"Application-UUID"' in frame else frame


def recorded(name: str, *marks: bytes) -> bytes:
    """The first frame of a capture that holds all the marks."""
    return next(frame for frame in frames_of(name) if all(mark in frame for mark in marks))


BRIDGE, ROOM = "bridge-outcomes.outbound", "moderated-room.inbound"
ACCEPTED = recorded(BRIDGE, b"Reply-Text: +OK\n")
CALL: Sequence[Segment] = (
    (
        4,
        [
            recorded(BRIDGE, b"CHANNEL_DATA"),
            recorded(BRIDGE, b"Events Enabled"),
            reply("+OK events nixed"),
            recorded(BRIDGE, b"event listener enabled json"),
        ],
    ),
    (1, [ACCEPTED, recorded(BRIDGE, b'"CHANNEL_EXECUTE_COMPLETE"', b'"Application":"answer"')]),
    (1, [recorded(BRIDGE, b"No such channel")]),
    (1, [ACCEPTED, recorded(BRIDGE, b'"CHANNEL_EXECUTE_COMPLETE"', b'"Application":"multiset"')]),
    (
        2,
        [
            recorded(BRIDGE, b"event listener enabled json"),
            ACCEPTED,
            recorded(BRIDGE, b'"CHANNEL_EXECUTE"', b'"Application":"multiset"'),
        ],
    ),
    (1, [ACCEPTED, recorded(BRIDGE, b'"CHANNEL_HANGUP"'), recorded(BRIDGE, b"disconnect-notice")]),
)
LINK: Sequence[Segment] = (
    (0, [recorded(ROOM, b"auth/request")]),
    (1, [recorded(ROOM, b"+OK accepted")]),
    (1, [recorded(ROOM, b"event listener enabled json")]),
    (1, [recorded(ROOM, b"conference_name"), recorded(ROOM, b'"Action":"add-member"')]),
)


def offsets(conversation: Sequence[Segment]) -> list[int]:
    """Where the faults are tried."""
    frames = [frame for _, frames in conversation for frame in frames]
    ends = list(accumulate(len(frame) for frame in frames))
    tried = {0}
    for frame, end in zip(frames, ends, strict=True):
        start = end - len(frame)
        header = frame.index(b"\n\n") + 2
        if len(frame) <= SHORT:
            tried.update(range(start, end + 1))
        elif b"Content-Length" in frame[:header]:
            tried.update([*range(start, start + header + 3), *range(start + header, end, STEP), end - 1, end])
        else:
            tried.update([*range(start, end, STEP), *range(end - 90, end + 1)])
    return sorted(tried)


def play(peer: Peer, conversation: Sequence[Segment], budget: int, fault: str) -> None:
    """FreeSWITCH's part of a conversation, up to so many bytes, and then the fault."""
    try:
        for commands, frames in conversation:
            asked = peer.commands(commands)
            identity = headers_of(asked[-1]).get("Event-UUID", "") if asked else ""
            data = b"".join(sent(frame, identity) for frame in frames)
            peer.say(data[:budget])
            budget -= len(data)
            if budget <= 0:
                break
    except (EOFError, OSError):
        pass
    if fault == "reset":
        peer.reset()
        return
    if fault == "closed":
        peer.sock.shutdown(SHUT_WR)
    assert peer.closed_by_other_side()
    peer.close()


def whole(conversation: Sequence[Segment], budget: int) -> int:
    """How many segments of a conversation so many bytes hold."""
    sizes = (sum(len(sent(frame, str(UUID(int=0)))) for frame in frames) for _, frames in conversation)
    return sum(end <= budget for end in accumulate(sizes))


def converse(call: CallSocket, deadlines: Iterator[float]) -> str:
    """Our part: every kind of wait there is, each with its deadline; how it ended."""
    step = "open"
    try:
        call.open(deadline=next(deadlines))
        step = "execute"
        call.execute("answer", deadline=next(deadlines))
        step = "api"
        assert call.api("uuid_kill nosuch", deadline=next(deadlines)) == "-ERR No such channel!"
        step = "execute again"
        call.execute("multiset", "a=b", deadline=next(deadlines))
        step = "start"
        call.start("multiset", "a=b", deadline=next(deadlines))
        step = "hangup"
        call.hangup("NORMAL_CLEARING")
        call.wait_gone(deadline=next(deadlines))
        return "done"
    except HungUp:
        return f"{step}: hung up"
    except SwitchTimeout:
        return f"{step}: timeout"


def one_call(budget: int, fault: str) -> str:
    """How a call ended. What comes before the fault has all the time it needs; none of it takes for ever."""
    ours, peer = tcp_pair()
    switch = gevent.spawn(play, peer, CALL, budget, fault)
    call = CallSocket(ours, f"{fault} at {budget}")
    deadlines = chain(repeat(PATIENCE, whole(CALL, budget)), repeat(FAULTS[fault]))
    try:
        with gevent.Timeout(2 * PATIENCE):
            return converse(call, deadlines)
    finally:
        call.stop()
        switch.get(timeout=PATIENCE)


def in_turns(work: Callable[[int], object], budgets: Sequence[int]) -> Iterator[object]:
    """Some at a time: the waits of a silent switch run beside each other."""
    yield from Pool(AT_ONCE).imap(work, budgets)


def test_without_a_fault_the_recorded_call_goes_to_its_end() -> None:
    with nothing_left_behind():
        assert one_call(10**9, "closed") == "done"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_ends_by_its_deadline_wherever_the_connection_fails(fault: str) -> None:
    budgets = offsets(CALL)
    with nothing_left_behind():
        outcomes = list(in_turns(lambda budget: one_call(budget, fault), budgets))

    assert len(outcomes) > 800
    steps = ["open", "execute", "api", "execute again", "start"]
    wanted = "timeout" if fault == "stalled" else "hung up"
    assert set(outcomes) <= {f"{step}: {wanted}" for step in steps} | {"done", "hangup: hung up"}
    assert {f"{step}: {wanted}" for step in steps} <= set(outcomes)
    assert outcomes[0] == f"open: {wanted}"


class Asking:
    """A listener that asks for the rooms at each connection."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.rooms: list[str] = []

    def on_up(self, link: Link) -> None:
        self.rooms.append(link.api("conference json_list", deadline=self.deadline))

    def on_event(self, event: Event) -> None:
        pass

    def on_down(self, link: Link) -> None:
        pass


def one_link(budget: int, fault: str) -> str:
    """A link that is lost at a byte, and up once more; what it then knows."""
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        deadline = FAULTS[fault]
        asking, healthy = Asking(deadline), Group()
        accepting = gevent.Greenlet(play_to_all, listener, healthy)
        times = LinkTimes(reply=deadline, resync=deadline, backoff_first=0.001, backoff_most=0.002)
        link = Link("local", listener.getsockname(), lambda: "secret", asking, times=times)
        link.start()
        try:
            play(Peer(listener.accept()[0]), LINK, budget, fault)
            asking.deadline = PATIENCE  # from here on all is well, if slow
            link._times = replace(times, reply=PATIENCE, resync=PATIENCE)
            accepting.start()
            until(lambda: link.up)
            return asking.rooms[-1]
        finally:
            link.stop()
            accepting.kill()
            healthy.join(timeout=PATIENCE)


def play_to_all(listener: socket, healthy: Group) -> None:
    """Each further connection meets a switch without a fault."""
    while True:
        healthy.spawn(play, Peer(listener.accept()[0]), LINK, 10**9, "stalled")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_link_comes_back_wherever_the_connection_fails(fault: str) -> None:
    budgets = offsets(LINK)
    with nothing_left_behind(), capture_logs() as lines:
        known = list(in_turns(lambda budget: one_link(budget, fault), budgets))

    assert len(known) > 200
    assert all('"conference_name":' in str(rooms) for rooms in known)
    assert {line["event"] for line in lines} == {"link is up", "link is down"}


@pytest.mark.parametrize("fault", FAULTS)
def test_whoever_waits_on_a_link_is_told_by_their_deadline(fault: str) -> None:
    """An answer that is cut at any of its bytes is no answer."""
    answer = recorded(ROOM, b"conference_name")

    def one_question(budget: int) -> str:
        ours, peer = tcp_pair()
        call = CallSocket(ours, "question")
        switch = gevent.spawn(play, peer, [(1, [answer])], budget, fault)
        try:
            return call.api("conference json_list", deadline=FAULTS[fault])
        except (HungUp, SwitchError) as error:
            return type(error).__name__
        finally:
            call.stop()
            switch.get(timeout=PATIENCE)

    with nothing_left_behind():
        told = list(in_turns(one_question, range(0, len(answer), 7)))
    assert set(told) == {"SwitchTimeout" if fault == "stalled" else "HungUp"}
