"""One call's socket: each wait gets its own answer, or an error by its deadline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent.event import AsyncResult
from structlog.testing import capture_logs

from callcontrol import greenlets
from callcontrol.errors import HungUp, SwitchTimeout, UnsafeText
from callcontrol.switch import _greenswitch
from callcontrol.switch.connection import CallSocket
from tests.patience import PATIENCE, until
from tests.wire import GOODBYE, OK, Peer, api_response, event, headers_of, nothing_left_behind, reply, tcp_pair

A_PLAYBACK = ("playback", "/prompts/de/welcome.wav")


@pytest.fixture
def peer_and_call() -> Iterator[tuple[Peer, CallSocket]]:
    """FreeSWITCH's end and ours of a call that is open; afterwards nothing may be left of it."""
    with nothing_left_behind():
        ours, peer = tcp_pair()
        call = CallSocket(ours, "test")
        opening = greenlets.spawn("open", call.open)
        peer.open_call()
        opening.get(timeout=PATIENCE)
        yield peer, call
        call.stop()
        peer.close()


@pytest.fixture
def call(peer_and_call: tuple[Peer, CallSocket]) -> CallSocket:
    return peer_and_call[1]


@pytest.fixture
def peer(peer_and_call: tuple[Peer, CallSocket]) -> Peer:
    return peer_and_call[0]


def doing(verb: Callable[..., Any], *args: Any, **kwargs: Any) -> AsyncResult[Any]:
    """The outcome of a verb that runs beside the test; its error is raised by `get`."""
    outcome: AsyncResult[Any] = AsyncResult()

    def run() -> None:
        try:
            outcome.set(verb(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - told by `get`
            outcome.set_exception(error)

    greenlets.spawn("verb", run)
    return outcome


def test_a_call_is_opened_with_the_two_events_we_wait_for_and_no_others() -> None:
    with nothing_left_behind():
        ours, peer = tcp_pair()
        call = CallSocket(ours, "test")
        channel = doing(call.open)

        assert peer.commands(4) == [
            "connect",
            "myevents json",
            "nixevent ALL",
            "event json CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP",
        ]
        peer.say(b"Unique-ID: c0ffee\nContent-Type: command/reply\nReply-Text: %2BOK%0A\n\n", OK, OK, OK)
        assert channel.get(timeout=PATIENCE).get("Unique-ID") == "c0ffee"
        call.stop()
        peer.close()


def test_a_caller_who_is_gone_before_we_asked_is_hung_up() -> None:
    """FreeSWITCH then writes the notice in place of the reply (mod_event_socket.c:2647)."""
    with nothing_left_behind():
        ours, peer = tcp_pair()
        call = CallSocket(ours, "test")
        channel = doing(call.open)
        peer.commands(4)
        peer.say(GOODBYE)

        with pytest.raises(HungUp):
            channel.get(timeout=PATIENCE)
        assert peer.closed_by_other_side()
        peer.close()


def test_a_switch_that_sends_no_channel_data_is_waited_for_until_the_deadline() -> None:
    with nothing_left_behind():
        ours, peer = tcp_pair()
        call = CallSocket(ours, "test")
        with pytest.raises(SwitchTimeout, match="no channel data"):
            call.open(deadline=0.05)
        call.stop()
        peer.close()


def test_an_application_ends_with_its_own_completion(call: CallSocket, peer: Peer) -> None:
    ended = doing(call.execute, *A_PLAYBACK, deadline=PATIENCE)
    name, identity = peer.application()
    peer.complete("somebody-else")
    peer.say(event("CHANNEL_EXECUTE", Application_UUID=identity))
    peer.say(event("CHANNEL_EXECUTE_COMPLETE", Application="playback"))
    peer.complete(identity, variable_cc_keys="1")

    assert name == "playback"
    assert ended.get(timeout=PATIENCE).get("variable_cc_keys") == "1"


def test_what_is_sent_is_one_command_in_one_piece(call: CallSocket, peer: Peer) -> None:
    ended = doing(call.execute, *A_PLAYBACK, deadline=PATIENCE)
    command = peer.command()
    identity = headers_of(command)["Event-UUID"]

    assert command.split("\n") == [
        "sendmsg",
        "call-command: execute",
        "execute-app-name: playback",
        f"Event-UUID: {identity}",
        "execute-app-arg: /prompts/de/welcome.wav",
    ]
    peer.say(OK)
    peer.complete(identity)
    ended.get(timeout=PATIENCE)


def test_applications_that_end_in_another_order_find_their_own_waits(call: CallSocket, peer: Peer) -> None:
    outer = doing(call.execute, "playback", "long.wav", deadline=PATIENCE)
    _, outer_id = peer.application()
    inner = doing(call.execute, "playback", "short.wav", deadline=PATIENCE)
    _, inner_id = peer.application()
    peer.complete(inner_id, which="inner")
    peer.complete(outer_id, which="outer")

    assert (inner.get(timeout=PATIENCE).get("which"), outer.get(timeout=PATIENCE).get("which")) == ("inner", "outer")


def test_a_wait_given_up_takes_no_completion_from_the_next(call: CallSocket, peer: Peer) -> None:
    late = doing(call.execute, *A_PLAYBACK, deadline=0.05)
    _, late_id = peer.application()
    with pytest.raises(SwitchTimeout):
        late.get(timeout=PATIENCE)
    ended = doing(call.execute, *A_PLAYBACK, deadline=PATIENCE)
    _, identity = peer.application()
    peer.complete(late_id, which="late")
    peer.complete(identity, which="next")

    assert ended.get(timeout=PATIENCE).get("which") == "next"


def test_a_reply_that_comes_too_late_is_not_taken_for_the_next_one(call: CallSocket, peer: Peer) -> None:
    with pytest.raises(SwitchTimeout, match="no reply to 'api'"):
        call.api("status", deadline=0.05)
    answer = doing(call.api, "version")
    peer.commands(2)
    peer.say(api_response("late\n"), api_response("in time\n"))

    assert answer.get(timeout=PATIENCE) == "in time"


def test_replies_reach_those_who_asked_in_the_order_they_asked(call: CallSocket, peer: Peer) -> None:
    answers = [doing(call.api, f"echo {n}") for n in range(20)]
    asked = [command.split()[-1] for command in peer.commands(20)]
    peer.say(*(api_response(n) for n in asked))

    assert [answer.get(timeout=PATIENCE) for answer in answers] == [str(n) for n in range(20)]


def test_an_api_command_may_be_answered_by_a_reply_without_body(call: CallSocket, peer: Peer) -> None:
    answer = doing(call.api, "status")
    peer.command()
    peer.say(reply("-ERR permission denied"))

    assert answer.get(timeout=PATIENCE) == "-ERR permission denied"


def test_start_comes_back_when_the_application_begins(call: CallSocket, peer: Peer) -> None:
    begun = doing(call.start, "conference", "acme.board@room", deadline=PATIENCE)
    assert peer.command() == "event json CHANNEL_EXECUTE"
    peer.say(reply("+OK event listener enabled json"))
    _, identity = peer.application()
    peer.say(event("CHANNEL_EXECUTE", Application_UUID=identity, Application="conference"))

    assert begun.get(timeout=PATIENCE).get("Application") == "conference"


@pytest.mark.parametrize("how", ["hangup", "goodbye", "closed", "reset", "nonsense", "refused"])
def test_every_wait_ends_when_the_caller_is_gone(call: CallSocket, peer: Peer, how: str) -> None:
    playing = doing(call.execute, *A_PLAYBACK, deadline=PATIENCE)
    peer.command()
    asking = doing(call.api, "status", deadline=PATIENCE)
    peer.command()
    if how != "refused":
        peer.say(OK)
    with capture_logs() as lines:
        match how:
            case "hangup":
                peer.say(event("CHANNEL_HANGUP", Hangup_Cause="ORIGINATOR_CANCEL"))
            case "goodbye":
                peer.say(GOODBYE)
            case "closed":
                peer.close()
            case "reset":
                peer.reset()
            case "nonsense":
                peer.say(b"Content-Type: api/response\nContent-Length: many\n\n")
            case "refused":
                peer.say(reply("-ERR invalid session handle"), event("CHANNEL_HANGUP"))
        for waiting in (playing, asking):
            with pytest.raises(HungUp) as gone:
                waiting.get(timeout=PATIENCE)
            assert gone.value.cause == ("ORIGINATOR_CANCEL" if how == "hangup" else "")
    assert len(lines) == (how == "nonsense")
    with pytest.raises(HungUp):
        call.execute(*A_PLAYBACK, deadline=PATIENCE)
    call.wait_gone(deadline=0.01)


def test_a_completion_that_came_before_the_hangup_counts(call: CallSocket, peer: Peer) -> None:
    ended = doing(call.execute, "play_and_get_digits", "", deadline=PATIENCE)
    _, identity = peer.application()
    peer.say(
        event("CHANNEL_EXECUTE_COMPLETE", Application_UUID=identity, variable_cc_keys="4711"), event("CHANNEL_HANGUP")
    )

    assert ended.get(timeout=PATIENCE).get("variable_cc_keys") == "4711"


def test_nothing_is_heard_after_the_hangup(call: CallSocket, peer: Peer) -> None:
    peer.say(event("CHANNEL_HANGUP", Hangup_Cause="NORMAL_CLEARING"), reply("+OK to nothing"), GOODBYE)
    until(lambda: not call.connected)

    with pytest.raises(HungUp, match="NORMAL_CLEARING"):
        call.api("status")


def test_a_reply_to_nothing_we_asked_ends_the_call(call: CallSocket, peer: Peer) -> None:
    with capture_logs() as lines:
        peer.say(OK)
        call.wait_gone(deadline=PATIENCE)

    assert [line["reason"] for line in lines] == ["a reply to nothing we asked"]


@pytest.mark.parametrize("text", ["a.wav\n\napi system reboot", "a.wav\nevent-lock: true", "a.wav\r", "a\0b"])
def test_a_line_end_in_an_argument_never_reaches_the_switch(call: CallSocket, peer: Peer, text: str) -> None:
    for verb in (
        lambda: call.execute("playback", text, deadline=1),
        lambda: call.execute(text, deadline=1),
        lambda: call.start("conference", text, deadline=1),
        lambda: call.api(text),
        lambda: call.hangup(text),
    ):
        with pytest.raises(UnsafeText):
            verb()
    call.hangup("NORMAL_CLEARING")
    assert peer.command() == "sendmsg\ncall-command: hangup\nhangup-cause: NORMAL_CLEARING"


def test_somebody_elses_timeout_is_not_mistaken_for_the_switchs(call: CallSocket, peer: Peer) -> None:
    with pytest.raises(gevent.Timeout) as raised, gevent.Timeout(0.05) as theirs:
        call.execute(*A_PLAYBACK, deadline=PATIENCE)
    assert raised.value is theirs


def test_our_timeout_is_not_swallowed_by_somebody_else(call: CallSocket, peer: Peer) -> None:
    with pytest.raises(SwitchTimeout), gevent.Timeout(60, False):
        call.execute(*A_PLAYBACK, deadline=0.05)


def test_a_switch_that_stops_reading_ends_the_call_instead_of_holding_its_greenlets(
    call: CallSocket, peer: Peer
) -> None:
    call.send_seconds = 0.1
    blocked = [doing(call.api, "x" * 8_000_000, deadline=PATIENCE) for _ in range(3)]

    for waiting in blocked:
        with pytest.raises(HungUp):
            waiting.get(timeout=PATIENCE)


def test_a_command_cut_short_by_somebody_elses_timeout_ends_the_call(call: CallSocket, peer: Peer) -> None:
    """Half a command on the wire would make the next one its second half."""
    with gevent.Timeout(0.05, False):
        call.api("x" * 8_000_000, deadline=PATIENCE)

    with pytest.raises(HungUp):
        call.api("status")


def test_several_greenlets_write_one_command_after_the_other(call: CallSocket, peer: Peer) -> None:
    answers = [doing(call.api, letter * 3_000_000, deadline=PATIENCE) for letter in "abc"]
    for command in peer.commands(3):
        assert len(set(command[4:])) == 1
        peer.say(api_response(command[4]))

    assert [answer.get(timeout=PATIENCE) for answer in answers] == list("abc")


def test_the_reader_refuses_to_wait_for_itself(call: CallSocket, peer: Peer) -> None:
    """A listener that asked the switch from inside the reader would wait for its own deadline."""
    refused: list[BaseException] = []

    class Curious(_greenswitch.SafeProtocol):
        def on_frame(self, frame: object) -> None:
            try:
                self.send("api status", deadline=PATIENCE)
            except BaseException as error:  # noqa: BLE001 - looked at below
                refused.append(error)

    ours, other = tcp_pair()
    curious = Curious(ours, "curious")
    curious.start_event_handlers()
    other.say(event("HEARTBEAT"))
    until(lambda: refused)

    assert "another greenlet" in str(refused[0])
    curious.stop()
    other.close()


def test_a_reader_that_is_killed_ends_the_call(call: CallSocket, peer: Peer) -> None:
    playing = doing(call.execute, *A_PLAYBACK, deadline=PATIENCE)
    peer.command()
    call._receive_events_greenlet.kill()

    with pytest.raises(HungUp):
        playing.get(timeout=PATIENCE)


def test_a_switch_that_never_stops_talking_leaves_the_other_calls_their_turn(call: CallSocket, peer: Peer) -> None:
    noise = event("HEARTBEAT", padding="x" * 6000)
    turns: list[int] = []

    class Endless:
        """As a socket of a switch that writes faster than we read: recv never waits."""

        def recv(self, size: int) -> bytes:
            return (noise * 10)[:size] if len(turns) < 5 else b""

        def setsockopt(self, *args: object) -> None: ...

        def close(self) -> None: ...

    def count_turns() -> None:
        while len(turns) < 5:
            turns.append(1)
            gevent.sleep(0)

    loud = CallSocket(Endless(), "loud")  # type: ignore[arg-type]
    others = greenlets.spawn("others", count_turns)
    with gevent.Timeout(PATIENCE), capture_logs():
        loud.wait_gone(deadline=PATIENCE)
        others.join()
