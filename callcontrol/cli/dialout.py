"""`callcontrol dialout`: call a room's participants now."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from callcontrol.cli.common import HTTP, JSON, STATE, or_exit

WAIT_SECONDS = 1.0
PENDING = ("waiting", "calling")

Person = Mapping[str, Any]


@click.command()
@click.argument("room", metavar="TENANT/ROOM")
@click.argument("numbers", metavar="[NUMBER]...", nargs=-1)
@HTTP
@STATE
@JSON
@click.option("--wait", is_flag=True, help="show what becomes of it, until nobody is called any more")
def dialout(
    room: str, numbers: tuple[str, ...], address: tuple[str, int], state: Any, as_json: bool, wait: bool
) -> None:
    """Call the participants of a room; those who press 1 are in it, without a PIN.

    Without NUMBER all of the room's `dial_out` are called, or when they were called a moment ago, those not reached
    yet. Nobody has to be in the room. With --wait the exit status is 1 when somebody was not reached.
    """
    from callcontrol.http import call_participants, fetch_rooms, read_token

    if as_json and wait:
        raise click.UsageError("--wait is for people, --json for programs: choose one")
    name = room.replace("/", ".", 1)
    token = or_exit(lambda: read_token(state))
    answer = or_exit(lambda: call_participants(address, token, name, numbers))
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    tell_begun(answer)
    if wait and answer["round"]:
        sys.exit(or_exit(lambda: follow(lambda: people_of(fetch_rooms(address, token)["rooms"], name))))


def tell_begun(answer: Mapping[str, Any]) -> None:
    """Print who is going to be called and who is not."""
    if not answer["called"] and not answer["refused"]:
        already = "those not reached yet are being called already"
        _say(f"{answer['room']}: {already if answer['round'] else 'nobody is called, all have joined or declined'}")
    for one in answer["called"]:
        _say(f"{answer['room']}: {_who(one)} is called")
    for one in answer["refused"]:
        _say(f"{answer['room']}: {_who(one)} is not called: {one['reason']}")


def people_of(rooms: Sequence[Mapping[str, Any]], name: str) -> Sequence[Person]:
    """Whom a room calls, of all rooms."""
    return next((room["calls"] for room in rooms if room["room"] == name), [])


def follow(fetch: Callable[[], Sequence[Person]]) -> int:
    """Print each change until nobody is called any more; 0 when all were reached, else 1."""
    from callcontrol.status import call_state

    told: dict[str, tuple[Any, ...]] = {}
    never = threading.Event()
    while True:
        people, now = fetch(), datetime.now()
        for one in people:
            news = (one["state"], one["reason"], one["tries"])
            if told.get(one["number"]) != news:
                told[one["number"]] = news
                _say(f"{now:%H:%M:%S} {_who(one)} {call_state(one, now)}")
        if not any(one["state"] in PENDING for one in people):
            break
        never.wait(WAIT_SECONDS)
    reached = sum(one["state"] == "joined" for one in people)
    _say(f"{reached} of {len(people)} reached")
    return 0 if people and reached == len(people) else 1


def _who(one: Person) -> str:
    return one["number"] if one["name"] == one["number"] else f"{one['name']} ({one['number']})"


def _say(line: str) -> None:
    from callcontrol.log import printable

    click.echo(printable(line))
