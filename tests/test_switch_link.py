"""The link to a switch comes back whatever happens to it, and tells those who use it what is true."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, repeat

import gevent
import pytest
from gevent.event import AsyncResult
from gevent.socket import socket
from structlog.testing import capture_logs

from callcontrol import greenlets
from callcontrol.errors import SwitchError, SwitchLost, SwitchRefused, SwitchTimeout, UnsafeText
from callcontrol.switch.events import Event
from callcontrol.switch.link import Link, LinkTimes
from tests.patience import PATIENCE, until
from tests.wire import GOODBYE, Peer, api_response, event, frames_of, nothing_left_behind, reply

PASSWORD = "s3cret-Passwort"
QUICK = LinkTimes(connect=PATIENCE, reply=PATIENCE, resync=10 * PATIENCE, backoff_first=0.01, backoff_most=0.04)
ASK = b"Content-Type: auth/request\n\n"


class Switch:
    """A FreeSWITCH that waits for its links."""

    def __init__(self) -> None:
        self._listener = socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.address: tuple[str, int] = self._listener.getsockname()

    def linked(self, *, password: str = PASSWORD) -> Peer:
        """The next connection, past authentication and subscription."""
        peer = self.connected()
        peer.say(ASK)
        assert peer.command() == f"auth {password}"
        peer.say(reply("+OK accepted"))
        assert peer.command() == "event json CUSTOM conference::maintenance"
        peer.say(reply("+OK event listener enabled json"))
        return peer

    def connected(self) -> Peer:
        with gevent.Timeout(PATIENCE):
            sock, _ = self._listener.accept()
        return Peer(sock)

    def close(self) -> None:
        self._listener.close()


class Listener:
    """Keeps what a link told; what it does about it is the test's."""

    def __init__(self, ask: Callable[[Link], object] = lambda link: None) -> None:
        self.told: list[str] = []
        self.events: list[Event] = []
        self.ask = ask
        self.answer: Callable[[Event], object] = lambda event: None

    def on_up(self, link: Link) -> None:
        self.told.append("up")
        self.ask(link)

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        self.answer(event)

    def on_down(self, link: Link) -> None:
        self.told.append("down")


@pytest.fixture
def switch() -> Iterator[Switch]:
    with nothing_left_behind():
        switch = Switch()
        yield switch
        switch.close()


@contextmanager
def link_to(
    switch: Switch,
    listener: Listener,
    *,
    password: Callable[[], str] = lambda: PASSWORD,
    times: LinkTimes = QUICK,
) -> Iterator[Link]:
    link = Link("local", switch.address, password, listener, times=times)
    link.start()
    try:
        yield link
    finally:
        link.stop()


def asking(link: Link, command: str, deadline: float = 5.0) -> AsyncResult[str]:
    outcome: AsyncResult[str] = AsyncResult()

    def run() -> None:
        try:
            outcome.set(link.api(command, deadline=deadline))
        except SwitchError as error:
            outcome.set_exception(error)

    greenlets.spawn("ask", run)
    return outcome


def test_a_link_is_up_when_it_is_subscribed_and_the_state_was_asked_for(switch: Switch) -> None:
    listener = Listener(lambda link: link.api("conference json_list"))
    with link_to(switch, listener) as link:
        peer = switch.linked()
        assert peer.command() == "api conference json_list"
        assert not link.up
        peer.say(api_response("[]"))
        until(lambda: link.up)
        peer.close()
        until(lambda: not link.up)

    assert link.reconnects == 0
    assert listener.told == ["up", "down"]


def test_events_reach_the_listener_in_their_order(switch: Switch) -> None:
    listener = Listener()
    recorded = [frame for frame in frames_of("moderated-room.inbound") if b"text/event-json" in frame[:60]]
    with link_to(switch, listener) as link:
        peer = switch.linked()
        peer.say(*recorded)
        until(lambda: len(listener.events) == len(recorded))
        assert link.up
        peer.close()

    actions = [event.get("Action") for event in listener.events if event.name == "CUSTOM"]
    assert actions[0] == "conference-create"
    assert "mute-member" in actions


def test_events_between_the_subscription_and_the_state_are_not_lost(switch: Switch) -> None:
    listener = Listener(lambda link: link.api("conference json_list"))
    with link_to(switch, listener) as link:
        peer = switch.linked()
        peer.command()
        peer.say(event("CUSTOM", Action="add-member"), api_response("[]"))
        until(lambda: link.up)
        peer.close()

    assert [event.get("Action") for event in listener.events] == ["add-member"]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_lost_link_wakes_those_who_wait_and_comes_back(switch: Switch, how: str) -> None:
    listener = Listener()
    with link_to(switch, listener) as link, capture_logs() as lines:
        peer = switch.linked()
        until(lambda: link.up)
        answer = asking(link, "status", deadline=PATIENCE)
        peer.command()
        getattr(peer, how)()
        with pytest.raises(SwitchLost):
            answer.get(timeout=PATIENCE)
        again = switch.linked()
        until(lambda: link.up)
        assert link.reconnects == 1
        again.close()
        until(lambda: not link.up)

    assert listener.told == ["up", "down", "up", "down"]
    assert [line["event"] for line in lines][:3] == ["link is up", "link is down", "link is up"]


def test_while_there_is_no_link_an_api_command_fails_at_once(switch: Switch) -> None:
    with link_to(switch, Listener()) as link:
        with pytest.raises(SwitchLost, match="no connection to local"):
            link.api("status")
        peer = switch.connected()
        peer.say(ASK)
        peer.command()
        with pytest.raises(SwitchLost):  # it would reach the switch before the password does its work
            link.api("status")
        peer.close()


@pytest.mark.parametrize("answer", ["-ERR No such channel!\n", "-USAGE: <uuid>\n"])
def test_a_refused_command_is_an_error_with_the_switchs_words(switch: Switch, answer: str) -> None:
    with link_to(switch, Listener()) as link:
        peer = switch.linked()
        until(lambda: link.up)
        waiting = asking(link, "uuid_kill nosuch")
        assert peer.command() == "api uuid_kill nosuch"
        peer.say(api_response(answer))
        with pytest.raises(SwitchRefused, match=answer.strip()):
            waiting.get(timeout=PATIENCE)
        with pytest.raises(UnsafeText):
            link.api("status\n\napi shutdown")
        assert link.up
        peer.close()


def test_a_switch_that_hangs_is_left_and_tried_again(switch: Switch) -> None:
    """It keeps the connection and answers nothing: only asking finds out."""
    deadlines = iter([PATIENCE, 0.05])  # it answers the first time
    listener = Listener(lambda link: link.api("conference json_list", deadline=next(deadlines, PATIENCE)))
    with link_to(switch, listener, times=replace(QUICK, resync=0.05)) as link, capture_logs() as lines:
        peer = switch.linked()
        peer.command()
        peer.say(api_response("[]"))
        until(lambda: link.up)
        assert peer.command() == "api conference json_list"
        assert peer.closed_by_other_side()
        again = switch.linked()
        again.command()
        again.say(api_response("[]"))
        until(lambda: link.up)
        again.close()
        peer.close()

    assert listener.told[:4] == ["up", "up", "down", "up"]
    assert "no reply to 'api' within 0.05 s" in [line.get("reason") for line in lines]


def test_the_state_is_asked_for_again_and_again(switch: Switch) -> None:
    listener = Listener()
    with link_to(switch, listener, times=replace(QUICK, resync=0.01)) as link:
        peer = switch.linked()
        until(lambda: len(listener.told) > 3)
        assert set(listener.told) == {"up"}
        assert link.up
        peer.close()


@pytest.mark.parametrize("answer", ["-ERR invalid", "+OK", "-ERR"])
def test_a_wrong_password_is_said_without_saying_it(switch: Switch, answer: str) -> None:
    listener = Listener()
    with link_to(switch, listener) as link, capture_logs() as lines:
        peer = switch.connected()
        peer.say(ASK)
        peer.command()
        peer.say(reply(answer))
        assert peer.closed_by_other_side()
        switch.linked().close()  # the next attempt
        until(lambda: listener.told[:1] == ["up"])
        assert link.reconnects == 0
        peer.close()

    assert lines[0]["reason"] == "the switch does not accept the event socket password"
    assert PASSWORD not in repr(lines)


def test_a_new_password_is_used_at_the_next_attempt(switch: Switch) -> None:
    passwords = chain(["old"], repeat("new"))
    with link_to(switch, Listener(), password=lambda: next(passwords)) as link, capture_logs():
        peer = switch.connected()
        peer.say(ASK)
        assert peer.command() == "auth old"
        peer.close()
        again = switch.linked(password="new")
        until(lambda: link.up)
        again.close()
        until(lambda: not link.up)
        link.stop()


def test_a_password_with_a_line_end_is_not_sent(switch: Switch) -> None:
    with link_to(switch, Listener(), password=lambda: f"{PASSWORD}\n\napi shutdown"), capture_logs() as lines:
        peer = switch.connected()
        peer.say(ASK)
        with pytest.raises(EOFError):
            peer.command()
        peer.close()
        until(lambda: lines)

    assert lines[0]["reason"] == "the event socket password holds a line break"
    assert PASSWORD not in repr(lines)


def test_no_error_on_the_way_to_a_link_shows_the_password(switch: Switch) -> None:
    def everything_that_is_told(how: Callable[[Peer], None]) -> str:
        with link_to(switch, Listener()), capture_logs() as lines:
            peer = switch.connected()
            peer.say(ASK)
            peer.command()
            how(peer)
            until(lambda: lines)
            peer.close()
        shown = [
            traceback.format_exception(line["exc_info"]) for line in lines if isinstance(line.get("exc_info"), tuple)
        ]
        return repr(lines) + repr(shown)

    told = [
        everything_that_is_told(lambda peer: peer.close()),
        everything_that_is_told(lambda peer: peer.reset()),
        everything_that_is_told(lambda peer: peer.say(b"Content-Type: api/response\nContent-Length: x\n\n")),
        everything_that_is_told(lambda peer: peer.say(reply(f"-ERR invalid {PASSWORD[::-1]}"))),
    ]
    assert all(PASSWORD not in text for text in told)


def test_a_switch_that_refuses_our_address_is_told_apart(switch: Switch) -> None:
    rude = b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"
    with link_to(switch, Listener()), capture_logs() as lines:
        peer = switch.connected()
        peer.say(rude)
        assert peer.closed_by_other_side()
        peer.close()
        until(lambda: lines)

    assert "refuses our address" in lines[0]["reason"]


def test_a_switch_that_never_asks_for_the_password_is_left(switch: Switch) -> None:
    """greenswitch waits for ever (D8)."""
    with link_to(switch, Listener(), times=replace(QUICK, reply=0.05)), capture_logs() as lines:
        peer = switch.connected()
        assert peer.closed_by_other_side()
        peer.close()
        until(lambda: lines)

    assert lines[0]["reason"] == "the switch did not ask for the password"


def test_a_subscription_that_is_refused_drops_the_link(switch: Switch) -> None:
    listener = Listener()
    with link_to(switch, listener), capture_logs() as lines:
        peer = switch.connected()
        peer.say(ASK)
        peer.command()
        peer.say(reply("+OK accepted"))
        peer.command()
        peer.say(reply("-ERR permission denied"))
        assert peer.closed_by_other_side()
        peer.close()
        until(lambda: lines)

    assert listener.told == []
    assert lines[0]["reason"] == "-ERR permission denied"


def test_a_switch_that_is_down_is_tried_with_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[float, float]] = []

    def uniform(least: float, most: float) -> float:
        drawn.append((least, most))
        return 0.001

    monkeypatch.setattr("random.uniform", uniform)
    times = replace(QUICK, backoff_first=0.02, backoff_most=0.08)
    with nothing_left_behind(), capture_logs() as lines, socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and nobody listens
        link = Link("local", silent.getsockname(), lambda: PASSWORD, Listener(), times=times)
        link.start()
        until(lambda: len(drawn) > 4)
        link.stop()

    assert drawn[:5] == [(0.01, 0.02), (0.02, 0.04), *[(0.04, 0.08)] * 3]
    assert "refused" in lines[0]["reason"].lower()


def test_a_listener_that_fails_over_an_event_hears_the_next_one(switch: Switch) -> None:
    listener = Listener()
    listener.answer = lambda event: {}["no such key"]
    with link_to(switch, listener) as link, capture_logs() as lines:
        peer = switch.linked()
        peer.say(event("CUSTOM", Action="one"), event("CUSTOM", Action="two"))
        until(lambda: len(listener.events) == 2)
        assert link.up
        peer.close()

    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["listener failed"] * 2


def test_a_listener_that_fails_at_the_state_gets_a_new_link(switch: Switch) -> None:
    mistakes = [ValueError("no JSON")]

    def ask(link: Link) -> None:
        if mistakes:
            raise mistakes.pop()

    listener = Listener(ask)
    with link_to(switch, listener) as link, capture_logs():
        switch.linked().close()
        peer = switch.linked()
        until(lambda: link.up)
        peer.close()

    assert listener.told[:3] == ["up", "down", "up"]


def test_a_listener_that_fails_at_the_end_of_a_link_does_not_end_the_next(switch: Switch) -> None:
    listener = Listener()
    listener.on_down = lambda link: {}["no such key"]  # type: ignore[method-assign,assignment]
    with link_to(switch, listener) as link, capture_logs():
        switch.linked().close()
        peer = switch.linked()
        until(lambda: link.up)
        peer.close()
        until(lambda: not link.up)


def test_a_listener_that_asks_from_within_an_event_is_told_at_once_that_it_cannot(switch: Switch) -> None:
    listener = Listener()
    with link_to(switch, listener) as link, capture_logs() as lines:
        peer = switch.linked()
        until(lambda: link.up)
        listener.answer = lambda event: link.api("status", deadline=2 * PATIENCE)
        peer.say(event("CUSTOM"))
        until(lambda: lines)
        assert link.up
        peer.close()


def test_a_goodbye_of_the_switch_ends_the_link(switch: Switch) -> None:
    with link_to(switch, Listener()) as link, capture_logs() as lines:
        peer = switch.linked()
        until(lambda: link.up)
        peer.say(GOODBYE)
        until(lambda: not link.up)
        peer.close()

    assert "the switch said goodbye" in [line.get("reason") for line in lines]


def test_a_link_that_is_stopped_is_closed_and_says_nothing_more(switch: Switch) -> None:
    listener = Listener()
    with capture_logs() as lines:
        with link_to(switch, listener) as link:
            peer = switch.linked()
            until(lambda: link.up)
        assert peer.closed_by_other_side()
        until(lambda: listener.told == ["up", "down"])
        peer.close()

    assert [line["event"] for line in lines] == ["link is up"]


def test_a_link_that_is_stopped_while_it_connects_does_not_connect(switch: Switch) -> None:
    listener = Listener()
    with link_to(switch, listener) as link:
        gevent.sleep(0)  # the connection is on its way, and nobody holds a socket that could be closed
        link.stop()
        peer = switch.connected()
        assert peer.closed_by_other_side()
        peer.close()

    assert listener.told == []


def test_a_deadline_is_the_askers_own(switch: Switch) -> None:
    with link_to(switch, Listener()) as link:
        peer = switch.linked()
        until(lambda: link.up)
        with pytest.raises(SwitchTimeout, match="'api'"):
            link.api("status", deadline=0.05)
        assert link.up
        peer.close()
