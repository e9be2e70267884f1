"""What the command line asks a running daemon. For commands, not for the daemon: all of it blocks."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from callcontrol.errors import CallControlError
from callcontrol.http.rooms import DIAL_OUT, PREFIX, NotNow, NotThere, NotUnderstood
from callcontrol.http.who import WHO
from callcontrol.http.wire import DEADLINE

#: Bytes the client reads at most: 1,000 live rooms are about 100 kB.
LONGEST_ANSWER = 16 * 1024 * 1024

_REFUSALS: dict[int, type[CallControlError]] = {400: NotUnderstood, 404: NotThere, 409: NotNow}


class NoStatus(CallControlError):
    """The daemon did not answer, or refused the token. The text says what to look at."""


def fetch_status(address: tuple[str, int], token: str, *, timeout: float = 5.0) -> dict[str, Any]:
    """What /status of a running daemon shows. Raises NoStatus. ``timeout``: seconds without any byte."""
    return _open(address, token, "/status", timeout)


def fetch_rooms(address: tuple[str, int], token: str, *, timeout: float = 5.0) -> dict[str, Any]:
    """What /rooms of a running daemon shows: ``{"rooms": [...]}``. Raises NoStatus."""
    content = _open(address, token, "/rooms", timeout)
    if not isinstance(content.get("rooms"), list):
        raise NoStatus(f"something else than callcontrol answers at {address[0]}:{address[1]}")
    return content


def fetch_who(address: tuple[str, int], token: str, tenant: str, *, timeout: float = DEADLINE) -> dict[str, Any]:
    """The extensions of a tenant, as a running daemon shows them. Raises NoStatus, and NotThere for no tenant."""
    code, content = _ask(address, "GET", WHO + quote(tenant, safe=""), timeout, _bearer(token))
    _check_token(code)
    if code == 404:
        raise NotThere(str(content.get("error", "the daemon knows nothing about extensions")))
    if code != 200 or not isinstance(content.get("extensions"), list):
        raise NoStatus(f"the daemon answered {code}: {content.get('error', '')}")
    return content


def control_room(
    address: tuple[str, int],
    token: str,
    room: str,
    action: str,
    member: str | None = None,
    *,
    timeout: float = DEADLINE,
) -> dict[str, Any]:
    """Do something in a live room; what the daemon says to it.

    Raises NoStatus, and what it refuses as NotUnderstood, NotThere or NotNow.
    """
    return _post(address, token, room, action, {} if member is None else {"member": member}, timeout)


def call_participants(
    address: tuple[str, int], token: str, room: str, numbers: Sequence[str] = (), *, timeout: float = DEADLINE
) -> dict[str, Any]:
    """Call the participants of a room, or ``numbers``; who is called and who is not.

    Raises NoStatus, and what the daemon refuses as NotUnderstood, NotThere or NotNow.
    """
    return _post(address, token, room, DIAL_OUT, {"numbers": list(numbers)} if numbers else {}, timeout)


def _post(
    address: tuple[str, int], token: str, room: str, action: str, body: dict[str, Any], timeout: float
) -> dict[str, Any]:
    page = f"{PREFIX}{quote(room, safe='')}/{quote(action, safe='')}"
    code, content = _ask(address, "POST", page, timeout, _bearer(token), json.dumps(body).encode())
    _check_token(code)
    if code in _REFUSALS:
        raise _REFUSALS[code](str(content.get("error", f"the daemon answered {code}")))
    if code != 200:
        raise NoStatus(f"the daemon answered {code}: {content.get('error', '')}")
    return content


def fetch_ready(address: tuple[str, int], *, timeout: float = 3.0) -> list[str]:
    """Why a running daemon should get no calls, empty when it should. Raises NoStatus when none answers."""
    code, content = _ask(address, "GET", "/readyz", timeout, {})
    reasons = content.get("reasons")
    if code not in (200, 503) or not isinstance(reasons, list):
        raise NoStatus(f"something else than callcontrol answers at {address[0]}:{address[1]}")
    return [str(reason) for reason in reasons]


def _open(address: tuple[str, int], token: str, page: str, timeout: float) -> dict[str, Any]:
    """A page that needs the token."""
    code, content = _ask(address, "GET", page, timeout, _bearer(token))
    _check_token(code)
    if code != 200:
        raise NoStatus(f"the daemon answered {code}: {content.get('error', '')}")
    return content


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _check_token(code: int) -> None:
    if code == 401:
        raise NoStatus("the daemon refused the token (does it run with another state folder?)")


def _ask(
    address: tuple[str, int],
    method: str,
    page: str,
    timeout: float,
    headers: dict[str, str],
    body: bytes | None = None,
) -> tuple[int, dict[str, Any]]:
    """HTTP status and JSON of a page."""
    connection = http.client.HTTPConnection(*address, timeout=timeout)
    try:
        connection.request(method, page, body=body, headers=headers)
        response = connection.getresponse()
        content = json.loads(response.read(LONGEST_ANSWER))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoStatus(f"no answer from a daemon at {address[0]}:{address[1]}: {error} (is it running?)") from error
    finally:
        connection.close()
    return response.status, content if isinstance(content, dict) else {}
