"""The operator's window: what a daemon shows and takes over HTTP, and the client that the command line uses.

Meant for loopback. Whoever sees rooms and numbers, or wants something done to them, needs the token even there.
"""

from callcontrol.http.access import TOKEN_FILE, http_token, read_token
from callcontrol.http.client import NoStatus, call_participants, control_room, fetch_ready, fetch_rooms, fetch_status
from callcontrol.http.rooms import NotNow, NotThere, NotUnderstood, Rooms
from callcontrol.http.server import HttpServer

__all__ = [
    "TOKEN_FILE",
    "HttpServer",
    "NoStatus",
    "NotNow",
    "NotThere",
    "NotUnderstood",
    "Rooms",
    "call_participants",
    "control_room",
    "fetch_ready",
    "fetch_rooms",
    "fetch_status",
    "http_token",
    "read_token",
]
