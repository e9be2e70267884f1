"""Who is in which room: a view of what the switches have, fed by their events and replaced after every reconnect.

It also holds the places of callers who were let in a moment ago and are not members yet, so that two callers at once
cannot both take the last place. FreeSWITCH's own limit would refuse moderators too (mod_conference.c:2355).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from callcontrol.switch.events import Event

# From the decision to the member's event: one command and one event, tens of milliseconds; a caller who has not
# arrived after this is not coming.
PLACE_SECONDS = 10.0


@dataclass(frozen=True)
class Member:
    """One member of a room. ``since``: seconds on the registry's clock; ``switch``: the name of its FreeSWITCH."""

    call: str
    number: str
    moderator: bool
    since: float
    switch: str


class RoomRegistry:
    """Rooms and their members by call id. ``clock`` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rooms: dict[str, dict[str, Member]] = {}
        self._places: dict[str, dict[str, float]] = {}

    def members(self, room: str) -> Mapping[str, Member]:
        """Members of a room by call id; empty when there is no such room."""
        return self._rooms.get(room, {})

    def has_moderator(self, room: str) -> bool:
        """Whether a moderator is in the room."""
        return any(member.moderator for member in self.members(room).values())

    def rooms(self) -> Mapping[str, Mapping[str, Member]]:
        """All rooms that have members."""
        return self._rooms

    def take_place(self, room: str, call: str, at_most: int) -> bool:
        """Hold a place for a call that is about to join; False when members and held places fill the room."""
        self._forget_old_places(room)
        places = self._places.setdefault(room, {})
        if len(self.members(room).keys() | places.keys()) >= at_most:
            return False
        places[call] = self._clock() + PLACE_SECONDS
        return True

    def give_place_back(self, room: str, call: str) -> None:
        """The call did not join after all; harmless when it holds no place."""
        self._places.get(room, {}).pop(call, None)

    def apply(self, switch: str, event: Event) -> None:
        """One ``conference::maintenance`` event."""
        room, action = event.get("Conference-Name"), event.get("Action")
        if action == "add-member":
            self._add(room, _from_event(switch, event, self._clock()))
        elif action == "del-member":
            self._remove(room, event.get("Unique-ID"))
        elif action == "conference-destroy":
            self._rooms.pop(room, None)

    def replace(self, switch: str, json_list: str) -> None:
        """What ``conference json_list`` said: the members of this switch are these and no others."""
        listed = json.loads(json_list, strict=False) if json_list.startswith("[") else []
        self.forget(switch)
        for room in listed:
            for member in room.get("members", []):
                if member.get("type") == "caller":
                    self._add(room["conference_name"], _from_list(switch, member, self._clock()))

    def forget(self, switch: str) -> None:
        """Nothing is known of this switch any longer."""
        for room in list(self._rooms):
            for call in [call for call, member in self._rooms[room].items() if member.switch == switch]:
                self._remove(room, call)

    def _add(self, room: str, member: Member) -> None:
        self._rooms.setdefault(room, {})[member.call] = member
        self.give_place_back(room, member.call)

    def _remove(self, room: str, call: str) -> None:
        members = self._rooms.get(room, {})
        members.pop(call, None)
        if not members:
            self._rooms.pop(room, None)

    def _forget_old_places(self, room: str) -> None:
        places = {call: until for call, until in self._places.get(room, {}).items() if until > self._clock()}
        self._places[room] = places
        if not places:
            del self._places[room]


def _from_event(switch: str, event: Event, now: float) -> Member:
    return Member(
        call=event.get("Unique-ID"),
        number=event.get("Caller-Caller-ID-Number"),
        moderator=event.get("Member-Type") == "moderator",
        since=now,
        switch=switch,
    )


def _from_list(switch: str, member: Mapping[str, object], now: float) -> Member:
    flags = member.get("flags")
    joined = member.get("join_time")
    return Member(
        call=str(member.get("uuid", "")),
        number=str(member.get("caller_id_number", "")),
        moderator=isinstance(flags, Mapping) and bool(flags.get("is_moderator")),
        since=now - (joined if isinstance(joined, int | float) else 0),
        switch=switch,
    )
