"""An operator sees whether the daemon lives, gets calls, and why not; nobody can use that window against calls."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent import socket
from structlog.testing import capture_logs

from callcontrol.errors import CallControlError, SwitchLost, SwitchTimeout
from callcontrol.http import (
    HttpServer,
    NoStatus,
    NotNow,
    NotThere,
    NotUnderstood,
    control_room,
    fetch_ready,
    fetch_rooms,
    fetch_status,
    http_token,
    read_token,
    wire,
)
from callcontrol.metrics import Metrics
from callcontrol.rooms.calls import Begun, Refused
from tests.live_rooms import BOARD, EPOCH, LiveRooms, invitee
from tests.patience import PATIENCE, until

TOKEN = "t" * 43


class Daemon:
    """What the server asks the daemon, to be changed by a test."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.metrics = Metrics()
        self.live = LiveRooms()
        self.server = HttpServer(
            ("127.0.0.1", 0),
            ready=lambda: self.reasons,
            status=self.status,
            metrics=self.metrics,
            token=TOKEN,
            rooms=self.live.api,
        )

    def status(self) -> dict[str, Any]:
        return {"rooms": [{"room": "acme.board", "members": 2}]}


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    daemon = Daemon()
    daemon.server.start()
    yield daemon
    daemon.server.stop()


def says(daemon: Daemon, request: bytes) -> bytes:
    """Everything the server answers to these bytes, until it closes."""
    with gevent.Timeout(PATIENCE), socket.create_connection(daemon.server.address) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def asks(daemon: Daemon, method: str, page: str, *headers: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    lines = [f"{method} {page} HTTP/1.1", "Host: x", *headers, "", ""]
    head, _, body = says(daemon, "\r\n".join(lines).encode("latin-1") + body).partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    return int(status.split()[1]), dict(field.split(": ", 1) for field in fields), body


def posts(daemon: Daemon, page: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
    """The answer to a POST with the token."""
    length = f"Content-Length: {len(body)}"
    code, _, answer = asks(daemon, "POST", page, f"Authorization: Bearer {TOKEN}", length, body=body)
    return code, json.loads(answer)


def elsewhere(function: Callable[..., Any], *args: Any) -> Any:
    """Run the blocking client as another process would: beside this hub."""
    return gevent.get_hub().threadpool.apply(function, args)


def test_a_living_daemon_says_so(daemon):
    assert asks(daemon, "GET", "/healthz")[::2] == (200, b'{"alive": true}')


def test_a_daemon_is_ready_when_nothing_speaks_against_it(daemon):
    assert asks(daemon, "GET", "/readyz")[::2] == (200, b'{"ready": true, "reasons": []}')


def test_a_daemon_that_drains_or_lost_its_switch_says_why_it_should_get_no_calls(daemon):
    daemon.reasons = ["draining", "no link to any switch"]
    code, _, body = asks(daemon, "GET", "/readyz")
    assert code == 503
    assert json.loads(body) == {"ready": False, "reasons": ["draining", "no link to any switch"]}


def test_prometheus_gets_the_metrics(daemon):
    daemon.metrics.refused.labels("full").inc()
    code, headers, body = asks(daemon, "GET", "/metrics")
    assert code == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert b'callcontrol_refused_total{reason="full"} 1.0' in body


def test_the_status_needs_the_token(daemon):
    assert asks(daemon, "GET", "/status", f"Authorization: Bearer {TOKEN}")[::2] == (
        200,
        b'{"rooms": [{"room": "acme.board", "members": 2}]}',
    )


@pytest.mark.parametrize(
    "header", ["X: y", "Authorization: Bearer ", "Authorization: Bearer é", f"Authorization: {TOKEN}"]
)
def test_without_the_token_the_status_names_no_room(daemon, header):
    code, headers, body = asks(daemon, "GET", "/status", header)
    assert code == 401
    assert headers["WWW-Authenticate"] == "Bearer"
    assert b"board" not in body


def test_a_page_that_does_not_exist_lists_those_that_do(daemon):
    code, _, body = asks(daemon, "GET", "/statuz")
    assert code == 404
    assert json.loads(body)["pages"] == ["/healthz", "/metrics", "/readyz", "/rooms", "/status"]


@pytest.mark.parametrize("page", ["/healthz", "/status", "/rooms"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_a_page_that_shows_something_changes_nothing(daemon, method, page):
    code, headers, body = asks(daemon, method, page, "Content-Length: 0")
    assert (code, headers["Allow"]) == (405, "GET, HEAD")
    assert json.loads(body) == {"error": "only GET and HEAD"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_a_room_is_steered_by_post_only(daemon, method):
    daemon.live.comes("+4930111")
    daemon.live.told()
    code, headers, _ = asks(daemon, method, f"/rooms/{BOARD}/lock", f"Authorization: Bearer {TOKEN}")
    assert (code, headers["Allow"]) == (405, "POST")
    assert daemon.live.told() == []


@pytest.mark.parametrize("page", ["/rooms", f"/rooms/{BOARD}/lock"])
def test_without_rooms_to_steer_there_are_no_pages_about_them(page):
    lone = HttpServer(("127.0.0.1", 0), ready=list, status=dict, metrics=Metrics(), token=TOKEN)
    lone.start()
    code, _, body = asks(SimpleNamespace(server=lone), "GET", page, f"Authorization: Bearer {TOKEN}")
    lone.stop()
    assert (code, json.loads(body)["pages"]) == (404, ["/healthz", "/metrics", "/readyz", "/status"])


class Office:
    """The office of one tenant."""

    def who(self, tenant: str) -> dict[str, Any]:
        if tenant != "acme":
            raise NotThere(f"no tenant is called {tenant!r}")
        return {"tenant": "acme", "extensions": [], "unreached": []}


@pytest.fixture
def house_with_office() -> Iterator[SimpleNamespace]:
    server = HttpServer(("127.0.0.1", 0), ready=list, status=dict, metrics=Metrics(), token=TOKEN, office=Office())
    server.start()
    yield SimpleNamespace(server=server)
    server.stop()


def test_an_operator_sees_an_office(house_with_office):
    code, _, body = asks(house_with_office, "GET", "/who/acme", f"Authorization: Bearer {TOKEN}")
    assert (code, json.loads(body)) == (200, {"tenant": "acme", "extensions": [], "unreached": []})


@pytest.mark.parametrize("page", ["/who/", "/who/nobody", "/who/acme/33", "/who/%2e%2e"])
def test_an_office_that_is_none_is_not_found(house_with_office, page):
    code, _, body = asks(house_with_office, "GET", page, f"Authorization: Bearer {TOKEN}")
    assert code == 404
    assert json.loads(body)["error"].startswith("no tenant is called")


def test_an_office_is_shown_with_the_token_only_and_never_changed(house_with_office):
    assert asks(house_with_office, "GET", "/who/acme")[0] == 401
    assert asks(house_with_office, "POST", "/who/acme", f"Authorization: Bearer {TOKEN}")[0] == 405


def test_an_operator_sees_the_live_rooms(daemon):
    daemon.live.comes("+4930111")
    code, _, body = asks(daemon, "GET", "/rooms", f"Authorization: Bearer {TOKEN}")
    assert code == 200
    assert json.loads(body) == {"rooms": daemon.live.api.rooms()}
    assert [member["number"] for member in json.loads(body)["rooms"][0]["members"]] == ["+4930111"]


@pytest.mark.parametrize(("method", "page"), [("GET", "/rooms"), ("POST", f"/rooms/{BOARD}/end")])
@pytest.mark.parametrize("header", ["X: y", "Authorization: Bearer ", f"Authorization: Bearer {TOKEN}x"])
def test_without_the_token_rooms_are_neither_seen_nor_steered(daemon, method, page, header):
    daemon.live.comes("+4930111")
    code, headers, body = asks(daemon, method, page, header, "Content-Length: 0")
    assert (code, headers["WWW-Authenticate"]) == (401, "Bearer")
    assert b"4930111" not in body
    assert daemon.live.told() == []


@pytest.mark.parametrize(
    "body", [b'{"member": "+4930111"}', b'{"member": "+49 30 111"}', b'{"member": 1}', b'{"member": "1"}']
)
def test_an_operator_steers_a_member(daemon, body):
    daemon.live.comes("+4930111")
    code, answer = posts(daemon, f"/rooms/{BOARD}/mute", body)
    assert (code, answer["text"]) == (200, "member 1 (+4930111) is muted")
    assert f"conference {BOARD} mute 1 quiet" in daemon.live.told()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"member": null}', b" \r\n"])
def test_an_operator_steers_a_room(daemon, body):
    daemon.live.comes("+4930111")
    assert posts(daemon, f"/rooms/{BOARD}/lock", body) == (
        200,
        {"room": BOARD, "action": "lock", "changed": True, "text": "it is locked"},
    )


@pytest.mark.parametrize(
    ("page", "body", "code", "error"),
    [
        ("/rooms/acme.sales/lock", b"", 404, "nobody is in a room called 'acme.sales'"),
        (f"/rooms/{BOARD}/mute", b'{"member": 9}', 404, f"no member or waiting caller of {BOARD} is 'id:9'"),
        (f"/rooms/{BOARD}/mute", b"", 400, "mute needs a member: the id, or the caller's number"),
        (f"/rooms/{BOARD}/lock", b'{"member": 1}', 400, "lock is for the whole room and takes no member"),
        (f"/rooms/{BOARD}/record", b"", 409, "no recording before a moderator has been there, nor of a room that ends"),
        (f"/rooms/{BOARD}", b"", 404, "no such page (it is POST /rooms/NAME/ACTION)"),
        (f"/rooms/{BOARD}/lock/now", b"", 404, "no such page (it is POST /rooms/NAME/ACTION)"),
        ("/rooms/acme.b%0Aoard%2F/lock", b"", 404, "no such page (it is POST /rooms/NAME/ACTION)"),
    ],
)
def test_what_cannot_be_done_says_why(daemon, page, body, code, error):
    daemon.live.comes("+4930111")
    daemon.live.told()
    assert posts(daemon, page, body) == (code, {"error": error})
    assert daemon.live.told() == []


def test_an_operator_has_participants_called_though_nobody_is_in_the_room(daemon):
    daemon.live.calls.answer = Begun(
        "r-1", (invitee("Max", "waiting", due_in=60),), (invitee("Eve", "failed", "costly"),)
    )
    code, answer = posts(daemon, f"/rooms/{BOARD}/dialout", b'{"numbers": ["33", "+49 171 5550001"]}')
    assert (code, answer["room"], answer["round"]) == (200, BOARD, "r-1")
    assert [(one["name"], one["state"], one["next_try"]) for one in answer["called"]] == [
        ("Max", "waiting", EPOCH + 60)
    ]
    assert [(one["name"], one["reason"], one["next_try"]) for one in answer["refused"]] == [("Eve", "costly", None)]
    assert posts(daemon, f"/rooms/{BOARD}/dialout")[0] == 200
    assert [(room, str(cause), numbers) for room, cause, _, numbers in daemon.live.calls.asked] == [
        (BOARD, "command", ("33", "+49 171 5550001")),
        (BOARD, "command", ()),
    ]


@pytest.mark.parametrize(
    ("page", "body", "code", "error"),
    [
        (f"/rooms/{BOARD}/dialout", b"", 409, "nobody is called: there is no trunk"),
        ("/rooms/acme/dialout", b"", 404, "'acme' is no TENANT.ROOM"),
        (f"/rooms/{BOARD}/dialout", b'{"numbers": "33"}', 400, "numbers must be a list of texts"),
        (f"/rooms/{BOARD}/dialout", b'{"numbers": [33]}', 400, "numbers must be a list of texts"),
        (
            f"/rooms/{BOARD}/dialout",
            b'{"member": 1}',
            400,
            'the body must be empty or a JSON object like {"numbers": ["+491712345678"]}',
        ),
    ],
)
def test_why_nobody_is_called_is_said(daemon, page, body, code, error):
    daemon.live.calls.answer = Refused("there is no trunk")
    assert posts(daemon, page, body) == (code, {"error": error})


def test_whom_a_room_calls_is_shown_before_anybody_is_in_it(daemon):
    daemon.live.calls.people = {BOARD: (invitee("Max", "joined", "joined", tries=2),)}
    _, _, body = asks(daemon, "GET", "/rooms", f"Authorization: Bearer {TOKEN}")
    (room,) = json.loads(body)["rooms"]
    assert (room["room"], room["phase"], room["members"]) == (BOARD, None, [])
    number = invitee("Max", "joined").number
    assert room["calls"] == [
        {"name": "Max", "number": number, "state": "joined", "reason": "joined", "tries": 2, "next_try": None}
    ]


def test_an_unknown_action_is_answered_with_those_there_are(daemon):
    code, answer = posts(daemon, f"/rooms/{BOARD}/explode")
    assert code == 400
    assert {"admit", "end", "kick", "lock", "mute-all"} < set(answer["actions"])


@pytest.mark.parametrize(
    "body",
    [
        *(b"[]", b"7", b"member=1", b'{"member": 1', b"\xff\xfe", b"[" * 1000),
        *(b'{"member": 1, "quiet": 1}', b'{"Member": 1}', b'{"member": true}', b'{"member": 1.0}', b'{"member": [1]}'),
    ],
)
def test_a_body_that_is_none_changes_nothing(daemon, body):
    daemon.live.comes("+4930111")
    assert posts(daemon, f"/rooms/{BOARD}/mute", body)[0] == 400
    assert daemon.live.told() == []


def test_a_body_that_is_too_long_is_not_read(daemon):
    request = f"POST /rooms/{BOARD}/end HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 1025\r\n\r\n"
    assert says(daemon, request.encode()).startswith(b"HTTP/1.1 413 ")


def test_a_body_in_chunks_is_refused_and_not_taken_for_an_empty_one(daemon):
    daemon.live.comes("+4930111", f"{BOARD}.lobby")
    head = f"POST /rooms/{BOARD}/admit HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert says(daemon, head.encode() + b"5\r\n12345\r\n0\r\n\r\n").startswith(b"HTTP/1.1 411 ")
    assert daemon.live.told() == []


def test_who_does_not_send_the_promised_body_is_cut_off_and_changes_nothing(daemon, monkeypatch, capfd):
    monkeypatch.setattr(wire, "DEADLINE", 0.2)
    daemon.live.comes("+4930111")
    head = f"POST /rooms/{BOARD}/end HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 10\r\n\r\n{{}}"
    says(daemon, head.encode())
    assert daemon.live.told() == []
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (SwitchTimeout("the room did not answer within 5 s"), 504, "the room did not answer within 5 s"),
        (SwitchLost("closed"), 503, "the switch cannot be reached: closed"),
    ],
)
def test_a_switch_that_is_away_is_no_fault_of_the_operator(daemon, monkeypatch, error, code, text):
    def away(*_: object) -> None:
        raise error

    monkeypatch.setattr(daemon.live, "submit", away)
    assert posts(daemon, f"/rooms/{BOARD}/lock") == (code, {"error": text})
    with pytest.raises(NoStatus, match=f"{code}: {text}"):
        elsewhere(control_room, daemon.server.address, TOKEN, BOARD, "lock")


def test_the_command_line_shows_and_steers_rooms(daemon):
    daemon.live.comes("+4930111")
    address = daemon.server.address
    assert elsewhere(fetch_rooms, address, TOKEN) == {"rooms": daemon.live.api.rooms()}
    assert elsewhere(control_room, address, TOKEN, BOARD, "mute", "+4930111")["changed"]
    assert elsewhere(fetch_rooms, address, TOKEN)["rooms"][0]["members"][0]["muted"]


@pytest.mark.parametrize(
    ("room", "action", "kind"),
    [
        (BOARD, "explode", NotUnderstood),
        (BOARD, "../../status", NotThere),
        ("acme.sales", "lock", NotThere),
        ("acme/\n..\u00e9", "lock", NotThere),
        (BOARD, "admit", NotNow),
    ],
)
def test_the_command_line_knows_why_something_was_refused(daemon, room, action, kind):
    daemon.live.comes("+4930111")
    with pytest.raises((NotUnderstood, NotThere, NotNow)) as refused:
        elsewhere(control_room, daemon.server.address, TOKEN, room, action)
    assert refused.type is kind


def test_head_is_answered_without_a_body(daemon):
    code, headers, body = asks(daemon, "HEAD", "/healthz")
    assert (code, headers["Content-Length"], body) == (200, "15", b"")


def test_a_broken_page_is_an_error_in_the_log_and_the_daemon_stays_alive(daemon, monkeypatch):
    monkeypatch.setattr(daemon.server, "_status", lambda: 1 / 0)
    with capture_logs() as logs:
        code, _, body = asks(daemon, "GET", "/status", f"Authorization: Bearer {TOKEN}")
    assert (code, json.loads(body)) == (500, {"error": "the page failed, see the log"})
    assert [line["event"] for line in logs] == ["page failed"]
    assert asks(daemon, "GET", "/healthz")[0] == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_a_request_that_is_none_gets_400_and_leaves_no_traceback(daemon, request_bytes, capfd):
    assert says(daemon, request_bytes).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert capfd.readouterr() == ("", "")


def test_a_request_line_without_end_is_refused(daemon):
    assert says(daemon, b"GET /" + b"x" * 10_000).startswith(b"HTTP/1.1 414 ")


@pytest.mark.parametrize("header", [b"Content-Length: 999999999", b"Transfer-Encoding: chunked", b"Upgrade: websocket"])
def test_a_body_is_not_waited_for(daemon, header):
    answer = says(daemon, b"POST /healthz HTTP/1.1\r\n" + header + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 405 ")


def test_a_second_request_on_the_connection_is_not_served(daemon):
    assert says(daemon, b"GET /healthz HTTP/1.1\r\n\r\n" * 2).count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("beginning", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nX: y\r\n"])
def test_who_sends_too_slowly_is_cut_off(daemon, monkeypatch, beginning):
    monkeypatch.setattr(wire, "DEADLINE", 0.2)
    assert b"200 OK" not in says(daemon, beginning)


def test_who_does_not_read_the_answer_is_cut_off(daemon, monkeypatch, capfd):
    monkeypatch.setattr(wire, "DEADLINE", 0.2)
    monkeypatch.setattr(daemon.server, "_status", lambda: {"long": "x" * 20_000_000})
    with socket.create_connection(daemon.server.address) as connection, gevent.Timeout(PATIENCE):
        connection.sendall(f"GET /status HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        until(lambda: len(daemon.server._server.pool))
        until(lambda: not len(daemon.server._server.pool))
    assert capfd.readouterr().err == ""


def test_silent_connections_do_not_keep_others_out_for_longer_than_the_deadline(daemon, monkeypatch):
    monkeypatch.setattr(wire, "DEADLINE", 0.3)
    silent = [socket.create_connection(daemon.server.address) for _ in range(200)]
    until(lambda: b"200 OK" in says(daemon, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
    for connection in silent:
        connection.close()


def test_a_stopped_server_keeps_no_connection(daemon):
    with socket.create_connection(daemon.server.address):
        gevent.sleep(0)
        daemon.server.stop()
        assert not len(daemon.server._server.pool)


def test_the_command_line_reads_the_status_of_a_running_daemon(daemon):
    assert elsewhere(fetch_status, daemon.server.address, TOKEN)["rooms"][0]["room"] == "acme.board"


def test_the_command_line_knows_whether_a_daemon_is_ready_and_why_not(daemon):
    assert elsewhere(fetch_ready, daemon.server.address) == []
    daemon.reasons = ["draining"]
    assert elsewhere(fetch_ready, daemon.server.address) == ["draining"]


def test_the_command_line_says_what_to_look_at_when_the_token_is_another_daemons(daemon):
    for ask in (fetch_status, fetch_rooms, lambda *access: control_room(*access, BOARD, "lock")):
        with pytest.raises(NoStatus, match="refused the token"):
            elsewhere(ask, daemon.server.address, "wrong")


def test_the_command_line_says_so_when_no_daemon_is_there(daemon):
    address = daemon.server.address
    daemon.server.stop()
    for ask in (
        fetch_ready,
        lambda address: fetch_status(address, TOKEN),
        lambda address: fetch_rooms(address, TOKEN),
        lambda address: control_room(address, TOKEN, BOARD, "lock"),
    ):
        with pytest.raises(NoStatus, match=r"no answer from a daemon at 127.0.0.1:\d+"):
            elsewhere(ask, address)


def test_the_command_line_does_not_take_another_program_for_the_daemon(daemon, monkeypatch):
    monkeypatch.setattr(daemon.server, "_pages", {})
    with pytest.raises(NoStatus, match="something else than callcontrol"):
        elsewhere(fetch_ready, daemon.server.address)


def test_the_command_line_does_not_wait_for_ever_for_a_daemon_that_hangs():
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(NoStatus, match="timed out"):
        elsewhere(lambda: fetch_ready(deaf.getsockname(), timeout=0.2))


def test_the_command_line_makes_no_token_where_no_daemon_ever_ran(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_token(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_token_is_made_once_for_its_owner_only(tmp_path):
    token = http_token(tmp_path / "state")
    assert len(token) >= 32
    assert http_token(tmp_path / "state") == token
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["http-token"]
    assert (tmp_path / "state" / "http-token").stat().st_mode & 0o777 == 0o600


def test_a_token_others_can_read_is_refused(tmp_path):
    http_token(tmp_path)
    (tmp_path / "http-token").chmod(0o644)
    with pytest.raises(CallControlError, match="chmod 600"):
        http_token(tmp_path)


def test_an_empty_token_is_no_token(tmp_path):
    (tmp_path / "http-token").touch(mode=0o600)
    with pytest.raises(CallControlError, match="holds no token"):
        http_token(tmp_path)


def test_a_link_in_place_of_the_token_is_not_followed(tmp_path: Path):
    os.symlink("/etc/hostname", tmp_path / "http-token")
    with pytest.raises(OSError, match="http-token"):
        http_token(tmp_path)
