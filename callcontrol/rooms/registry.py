"""Who is in which room: a view of what the switches have, fed by their events and replaced after every reconnect.

It also holds the places of callers who were let in a moment ago and are not members yet, so that two callers at once
cannot both take the last place. FreeSWITCH's own limit would refuse moderators too (mod_conference.c:2355).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from callcontrol.rooms.changes import Came, Change, Changed, Left, RecordingBegan, RecordingEnded
from callcontrol.rooms.room import Member, Phase, RoomState, with_variables
from callcontrol.switch.events import Event

# From the decision to the member's event: one command and one event, tens of milliseconds; a caller who has not
# arrived after this is not coming.
PLACE_SECONDS = 10.0


class RoomRegistry:
    """Rooms by name. ``clock`` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rooms: dict[str, RoomState] = {}
        self._places: dict[str, dict[str, float]] = {}
        self._languages: dict[str, str] = {}
        self._conferences: dict[str, str] = {}  # which conference of FreeSWITCH a room is
        self._writing: dict[str, float] = {}  # when what we changed in a room was written down there

    # -- what is known -----------------------------------------------------------------------------------------------

    def room(self, name: str) -> RoomState | None:
        """The live room of this name."""
        return self._rooms.get(name)

    def rooms(self) -> Mapping[str, RoomState]:
        """All live rooms."""
        return self._rooms

    def room_of(self, call: str) -> tuple[str, Member] | None:
        """Where a call is a member."""
        for name, room in self._rooms.items():
            if call in room.members:
                return name, room.members[call]
        return None

    def people(self, name: str) -> tuple[Member, ...]:
        """Who is in this room or its lobby."""
        found = filter(None, (self._rooms.get(name), self._rooms.get(f"{name}.lobby")))
        return tuple(member for room in found for member in room.members.values())

    def meeting(self, room: str) -> str:
        """FreeSWITCH's uuid of the conference that a live room is; ``""`` while not known."""
        return self._conferences.get(room, "")

    # -- places --------------------------------------------------------------------------------------------------------

    def take_place(self, room: str, call: str, at_most: int) -> bool:
        """Hold a place for a call that is about to join; False when members and held places fill the room."""
        self._forget_old_places(room)
        places = self._places.setdefault(room, {})
        state = self._rooms.get(room)
        members = state.members.keys() if state else set()
        if len((members | places.keys()) - {call}) >= at_most:
            return False
        places[call] = self._clock() + PLACE_SECONDS
        return True

    def give_place_back(self, room: str, call: str) -> None:
        """The call did not join after all; harmless when it holds no place."""
        self._places.get(room, {}).pop(call, None)
        self._languages.pop(call, None)

    def note_language(self, call: str, language: str) -> None:
        """The language of a call that is a member or about to be one."""
        self._languages[call] = language
        if (found := self.room_of(call)) is not None:
            name, member = found
            self.put(self._rooms[name].with_member(replace(member, language=language)))

    # -- what the switch says ------------------------------------------------------------------------------------------

    def apply(self, switch: str, event: Event) -> Change | None:
        """Take in one ``conference::maintenance`` event; what it changed, None when nothing we follow."""
        name, action = event.get("Conference-Name"), event.get("Action")
        match action:
            case "add-member":
                self._is(name, event.get("Conference-Unique-ID"))
                return self._came(name, self._known(_from_event(switch, event, self._clock())))
            case "del-member":
                return self._left(name, event.get("Unique-ID"))
            case "mute-member" | "unmute-member":
                return self._spoke(name, event.get("Unique-ID"), can_speak=action == "unmute-member")
            case "start-recording":
                return RecordingBegan(name, event.get("Path"), works=not event.get("Error"))
            case "stop-recording":
                return RecordingEnded(name, event.get("Path"))
            case "conference-destroy" if self._conferences.get(name, "") in ("", event.get("Conference-Unique-ID")):
                self._writing.pop(name, None)
                return Changed(name) if self._rooms.pop(name, None) else None
        return None

    def replace(self, switch: str, json_list: str, asked: float = float("inf")) -> frozenset[str]:
        """What ``conference json_list`` said: the rooms of this switch are these and no others; their names.

        ``asked``: when. What we changed in a room later than that, or were still writing down then, stays as it is.
        """
        listed = json.loads(json_list, strict=False) if json_list.startswith("[") else []
        before = dict(self._rooms)
        self.forget(switch)
        names = set()
        for entry in listed:
            room = self._from_list(switch, entry, before, asked)
            if room.members:
                self.put(room)
                names.add(room.name)
        for kept in (self._writing, self._conferences):
            for name in kept.keys() - self._rooms.keys():
                del kept[name]
        return frozenset(names)

    def forget(self, switch: str) -> None:
        """Nothing is known of this switch any longer."""
        for room in list(self._rooms.values()):
            for member in room.by_arrival:
                if member.switch == switch:
                    self._remove(room.name, member.call)

    def put(self, room: RoomState) -> None:
        """The room is like this now."""
        self._rooms[room.name] = room

    def now(self) -> float:
        """The clock of ``asked``."""
        return self._clock()

    def begin_change(self, room: RoomState) -> None:
        """The room is to be like this; until `end_change` nobody but us knows."""
        self._writing[room.name] = float("inf")
        self.put(room)

    def end_change(self, room: str) -> None:
        """What was changed is written down in FreeSWITCH."""
        if room in self._writing:
            self._writing[room] = self._clock()

    # -- how -----------------------------------------------------------------------------------------------------------

    def _is(self, name: str, conference: str) -> None:
        """A room that FreeSWITCH made anew has none of the members we still knew; their leaving was lost."""
        if conference and self._conferences.get(name, conference) != conference:
            self._rooms.pop(name, None)
            self._writing.pop(name, None)
        self._conferences[name] = conference

    def _came(self, name: str, member: Member) -> Came | Changed:
        room = self._rooms.get(name) or RoomState(name)
        known = room.members.get(member.call)
        elsewhere = self.room_of(member.call) if known is None else None
        if elsewhere is not None:  # nobody is in two rooms: the event of leaving the other was lost
            self._remove(elsewhere[0], member.call)
        since = member.since if known is None else known.since
        self.put(room.with_member(replace(member, since=since)))
        for places in self._places.values():
            places.pop(member.call, None)
        return Came(name, member) if known is None else Changed(name)

    def _left(self, name: str, call: str) -> Left | None:
        room = self._rooms.get(name)
        if room is None or call not in room.members:
            return None
        self._languages.pop(call, None)
        self._remove(name, call)
        return Left(name, room.members[call])

    def _remove(self, name: str, call: str) -> None:
        rest = self._rooms[name].without(call)
        if rest.members:
            self.put(rest)
        else:
            del self._rooms[name]

    def _spoke(self, name: str, call: str, *, can_speak: bool) -> Changed | None:
        room = self._rooms.get(name)
        if room is None or call not in room.members:
            return None
        self.put(room.with_member(replace(room.members[call], can_speak=can_speak)))
        return Changed(name)

    def _from_list(
        self, switch: str, entry: Mapping[str, Any], before: Mapping[str, RoomState], asked: float
    ) -> RoomState:
        """What mod_conference knows wins over what was written down: wait-mod is cleared by any moderator, for ever."""
        waits = bool(entry.get("wait_mod"))
        room = RoomState(str(entry.get("conference_name", "")), phase=Phase.WAITING if waits else Phase.OPEN)
        now, seen = self._clock(), before.get(room.name, room).members
        for member in entry.get("members", []):
            if member.get("type") == "caller":
                found = self._known(_from_json(switch, member, now))
                # The switch tells whole seconds, too coarse for places in a queue.
                room = room.with_member(replace(found, since=seen[found.call].since) if found.call in seen else found)
                for places in self._places.values():
                    places.pop(str(member.get("uuid", "")), None)
        self._is(room.name, str(entry.get("conference_uuid", "")))
        ours = before.get(room.name)
        if ours is not None and self._writing.get(room.name, float("-inf")) >= asked:
            return _with_members(ours, room.members)
        room = with_variables(room, entry.get("variables") or {})
        if not entry.get("recording", True):
            room = replace(room, record="")
        if room.phase == Phase.WAITING and not waits:
            return replace(room, phase=Phase.OPEN, moderated=True)
        return room

    def _known(self, member: Member) -> Member:
        return replace(member, language=self._languages.get(member.call, ""))

    def _forget_old_places(self, room: str) -> None:
        places = {call: until for call, until in self._places.get(room, {}).items() if until > self._clock()}
        self._places[room] = places
        if not places:
            del self._places[room]


def _from_event(switch: str, event: Event, now: float) -> Member:
    return Member(
        call=event.get("Unique-ID"),
        id=_whole(event.get("Member-ID")),
        number=event.get("Caller-Caller-ID-Number"),
        moderator=event.get("Member-Type") == "moderator",
        can_speak=event.get("Speak") != "false",
        since=now,
        switch=switch,
    )


def _from_json(switch: str, member: Mapping[str, Any], now: float) -> Member:
    flags = member.get("flags") or {}
    joined = member.get("join_time")
    return Member(
        call=str(member.get("uuid", "")),
        id=_whole(str(member.get("id", ""))),
        number=str(member.get("caller_id_number", "")),
        moderator=bool(flags.get("is_moderator")),
        can_speak=bool(flags.get("can_speak", True)),
        since=now - (joined if isinstance(joined, int | float) else 0),
        switch=switch,
    )


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _with_members(room: RoomState, members: Mapping[str, Member]) -> RoomState:
    """What we decided about a room, with who is there in truth."""
    for call in room.members.keys() - members.keys():
        room = room.without(call)
    return replace(room, members=members)
