"""The operator's window: what a daemon shows and takes over HTTP, and the client that the command line uses.

Meant for loopback. Whoever sees rooms and numbers, or wants something done to them, needs the token even there.
"""

from callcontrol.http.access import TOKEN_FILE, http_token, read_token
from callcontrol.http.client import (
    NoStatus,
    call_participants,
    control_room,
    fetch_ready,
    fetch_rooms,
    fetch_status,
    fetch_who,
)
from callcontrol.http.rooms import NotNow, NotThere, NotUnderstood, Rooms
from callcontrol.http.server import HttpServer
from callcontrol.http.who import Office

__all__ = [
    "TOKEN_FILE",
    "HttpServer",
    "NoStatus",
    "NotNow",
    "NotThere",
    "NotUnderstood",
    "Office",
    "Rooms",
    "call_participants",
    "control_room",
    "fetch_ready",
    "fetch_rooms",
    "fetch_status",
    "fetch_who",
    "http_token",
    "read_token",
]
