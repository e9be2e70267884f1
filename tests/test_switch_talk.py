"""Whether two talk: told by the caller's own events, in whichever order FreeSWITCH sends them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callcontrol import greenlets
from callcontrol.errors import HungUp, SwitchTimeout
from callcontrol.prompts import PromptBook
from callcontrol.switch.call import Call
from callcontrol.switch.connection import CallSocket
from callcontrol.switch.framing import Headers
from callcontrol.switch.talk import Connected, NotReached
from tests.patience import PATIENCE
from tests.test_switch_connection import doing
from tests.wire import OK, Peer, event, headers_of, nothing_left_behind, reply, tcp_pair

DIAL = "{originate_timeout=20}[leg_timeout=20]sofia/gateway/carrier/+493099887766"
CHANNEL = b"Unique-ID: c0ffee\nAnswer-State: ringing\n"


class Line:
    """A call, and FreeSWITCH's end of it."""

    def __init__(self, peer: Peer, socket: CallSocket) -> None:
        self.peer = peer
        self.call = Call(socket, Headers(CHANNEL), PromptBook.__new__(PromptBook), "en")

    def connects(self, seconds: float = 20.0):  # type: ignore[no-untyped-def]
        """Begin to connect; what became of it, and the id of the application."""
        outcome = doing(self.call.connect, DIAL, seconds=seconds)
        self.variables = self.peer.command()
        assert self.peer.command() == "event json CHANNEL_BRIDGE CHANNEL_ANSWER"
        bridge = headers_of(self.peer.command())
        assert (bridge["execute-app-name"], bridge["execute-app-arg"]) == ("bridge", DIAL)
        self.peer.say(b"Content-Type: api/response\nContent-Length: 4\n\n+OK\n", reply("+OK"), OK)
        return outcome, bridge["Event-UUID"]


@pytest.fixture
def line() -> Iterator[Line]:
    with nothing_left_behind():
        ours, peer = tcp_pair()
        socket = CallSocket(ours, "test")
        opening = greenlets.spawn("open", socket.open)
        peer.open_call()
        opening.get(timeout=PATIENCE)
        yield Line(peer, socket)
        socket.stop()
        peer.close()


def test_once_they_talk_the_call_is_left_to_freeswitch(line: Line) -> None:
    outcome, _ = line.connects()
    line.peer.say(event("CHANNEL_ANSWER", Answer_State="answered"), event("CHANNEL_BRIDGE", Answer_State="answered"))
    assert outcome.get(timeout=PATIENCE) == Connected()
    assert line.peer.command() == "api uuid_setvar_multi c0ffee socket_resume=false;cc_next=end"
    assert line.peer.closed_by_other_side()


def test_the_network_that_speaks_before_the_answer_is_no_talk_yet(line: Line) -> None:
    outcome, _ = line.connects()
    line.peer.say(event("CHANNEL_BRIDGE", Answer_State="early"))
    assert not outcome.ready()
    line.peer.say(event("CHANNEL_ANSWER", Answer_State="answered"))
    assert outcome.get(timeout=PATIENCE) == Connected()


def test_nobody_takes_the_call_and_each_telephone_says_why(line: Line) -> None:
    outcome, identity = line.connects()
    line.peer.complete(
        identity,
        variable_originate_disposition="ALLOTTED_TIMEOUT",
        variable_originate_failed_cause="ALLOTTED_TIMEOUT",
        variable_originate_causes=["a-1;ALLOTTED_TIMEOUT", "b-2;USER_BUSY"],
    )
    assert outcome.get(timeout=PATIENCE) == NotReached("ALLOTTED_TIMEOUT", ("ALLOTTED_TIMEOUT", "USER_BUSY"))


def test_an_announcement_and_then_a_refusal_was_heard(line: Line) -> None:
    outcome, identity = line.connects()
    line.peer.say(event("CHANNEL_BRIDGE", Answer_State="early"))
    line.peer.complete(
        identity,
        variable_originate_disposition="SUCCESS",
        variable_bridge_hangup_cause="USER_BUSY",
        variable_originate_causes="a-1;NONE",
    )
    assert outcome.get(timeout=PATIENCE) == NotReached("USER_BUSY", ("NONE",), heard=True)


def test_a_caller_who_gives_up_is_hung_up(line: Line) -> None:
    outcome, _ = line.connects()
    line.peer.say(event("CHANNEL_HANGUP", Hangup_Cause="ORIGINATOR_CANCEL"))
    with pytest.raises(HungUp):
        outcome.get(timeout=PATIENCE)


def test_a_switch_that_says_nothing_is_not_waited_for_longer_than_it_may_ring(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callcontrol.switch.call.CONNECTING_SECONDS", 0.05)
    outcome, _ = line.connects(seconds=0.0)
    with pytest.raises(SwitchTimeout):
        outcome.get(timeout=PATIENCE)
