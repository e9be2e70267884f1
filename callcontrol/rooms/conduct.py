"""What moderators and members can do to a room: the one set of controls behind keys, command line and HTTP.

Each control changes the room's state, brings FreeSWITCH to it (`settle`), and says so to whom it concerns: privately
where it concerns one, to all where it concerns all. Nothing here reads a key or a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from callcontrol.rooms import hands
from callcontrol.rooms.commands import RoomCommands
from callcontrol.rooms.phases import Turn, advance, desired
from callcontrol.rooms.registry import RoomRegistry
from callcontrol.rooms.room import Member, Phase, RoomState, variables_of
from callcontrol.spoken import number
from callcontrol.tenants import Record, Room


class Conduct:
    """Controls of one room. ``rules`` answers with the tenant file as it is now; ``now`` is UTC epoch seconds."""

    def __init__(
        self,
        name: str,
        registry: RoomRegistry,
        rules: Callable[[], Room],
        commands: RoomCommands,
        lobby: RoomCommands,
        now: Callable[[], float],
        recording_path: Callable[[str], str],
    ) -> None:
        self.name = name
        self.lobby_name = f"{name}.lobby"
        self.aside_name = f"{name}.aside"
        self._registry = registry
        self.rules = rules
        self.commands = commands
        self.lobby_commands = lobby
        self._now = now
        self._recording_path = recording_path
        self._let_in: set[str] = set()  # calls that are on their way out of the lobby
        self._owed: dict[str, str] = {}  # variables that are still to be written
        self.unsettled = False  # FreeSWITCH may not be as the room demands: a command failed

    @property
    def room(self) -> RoomState:
        """The room as it is now; empty when nobody is in it."""
        return self.room_called(self.name)

    @property
    def lobby(self) -> RoomState:
        """Who waits to be let in by a moderator."""
        return self.room_called(self.lobby_name)

    @property
    def aside(self) -> RoomState:
        """A moderator and whom they called, before they come in."""
        return self.room_called(self.aside_name)

    def room_called(self, name: str) -> RoomState:
        """This room or a side room of it."""
        return self._registry.room(name) or RoomState(name)

    # -- for everyone ------------------------------------------------------------------------------------------------

    def toggle_mute(self, member: Member) -> None:
        """Mute or unmute oneself; who was muted by a moderator stays so."""
        room = self.room
        if member.id in room.muted:
            self.change(muted=room.muted - {member.id})
            still = member.id in desired(self.room).muted
            self.commands.say(member, "cannot-unmute" if still else "unmuted")
        elif member.id in desired(room).muted:
            self.commands.say(member, "cannot-unmute")
        else:
            self.change(muted=room.muted | {member.id})
            self.commands.say(member, "muted")

    def toggle_hand(self, member: Member) -> None:
        """Raise or lower one's hand; hears one's place in the queue."""
        raised, place = hands.toggle(self.room.hands, member.id)
        self.change(hands=raised)
        if place:
            self.commands.say(member, "hand-raised", *number(place, member.language))
        else:
            self.commands.say(member, "hand-lowered")

    def tell_count(self, member: Member) -> None:
        """How many are here; a moderator also hears how many wait."""
        words = ["participants-count", *number(len(self.room.members), member.language)]
        if member.moderator and self.lobby.members:
            words += ["waiting-count", *number(len(self.lobby.members), member.language)]
        self.commands.say(member, *words)

    # -- for moderators ------------------------------------------------------------------------------------------------

    def give_floor(self, by: Member) -> None:
        """The first raised hand goes down and may speak."""
        first, rest = hands.next_hand(self.room.hands)
        speaker = self.room.member(first) if first is not None else None
        if speaker is None:
            self.change(hands=rest)
            self.commands.say(by, "no-hands")
            return
        room, one = self.room, {speaker.id}
        self.change(hands=rest, floor=room.floor | one, muted=room.muted - one, silenced=room.silenced - one)
        self.commands.say(speaker, "floor-given")
        self.commands.say(by, "next-hand")

    def set_mute_all(self, muted: bool) -> None:
        """Mute all participants, those who come later too; or give all their microphones back."""
        if muted:
            self.change(mute_all=True, floor=frozenset())
        else:
            self.change(mute_all=False, floor=frozenset(), muted=frozenset(), silenced=frozenset())
        self.commands.say_all(self.room, "all-muted" if muted else "all-unmuted")

    def toggle_mute_all(self) -> None:
        """The other way round."""
        self.set_mute_all(not self.room.mute_all)

    def set_muted(self, member: Member, muted: bool) -> None:
        """Mute or unmute one member, who hears it."""
        room, one = self.room, {member.id}
        if muted:
            self.change(silenced=room.silenced | one, floor=room.floor - one)
        else:
            self.change(silenced=room.silenced - one, muted=room.muted - one, floor=room.floor | one)
        self.commands.say(member, "muted-by-moderator" if muted else "unmuted")

    def set_locked(self, locked: bool) -> None:
        """Nobody but moderators comes in any more; or again. All hear it."""
        self.change(locked=locked)
        self.commands.say_all(self.room, "room-now-locked" if locked else "room-now-unlocked")

    def toggle_lock(self) -> None:
        """The other way round."""
        self.set_locked(not self.room.locked)

    def set_held(self, held: bool) -> bool:
        """Music for everyone, nobody hears anybody; or back to the meeting. False when this phase knows no hold."""
        if not self.turn(Turn.HOLD if held else Turn.RESUME):
            return False
        self.commands.say_all(self.room, "hold-on" if held else "hold-off")
        return True

    def toggle_hold(self) -> None:
        """The other way round."""
        self.set_held(self.room.phase != Phase.HELD)

    def toggle_record(self, by: Member | None) -> None:
        """Record, or stop; all hear it."""
        if self.rules().record == Record.NEVER:
            if by is not None:
                self.commands.say(by, "recording-not-allowed")
            return
        if self.room.record:
            self.stop_recording()
        elif not self.start_recording() and by is not None:
            self.commands.say(by, "recording-not-allowed")

    def start_recording(self) -> bool:
        """Record this meeting into a file of its own; False when FreeSWITCH refuses.

        Its +OK comes before the file is opened, so all hear of it with `recording_began`.
        """
        path = self._recording_path(self.name)
        if not self.commands.record(path):
            return False
        self.change(record=path)
        return True

    def stop_recording(self) -> None:
        """End the recording."""
        self.commands.stop_recording(self.room.record)
        self.change(record="")
        self.commands.say_all(self.room, "recording-stopped")

    def last_to_join(self) -> Member | None:
        """Whom `put_out` would mean: the newest member who does not moderate."""
        guests = [member for member in self.room.by_arrival if not member.moderator]
        return guests[-1] if guests else None

    def put_out(self, member: Member) -> None:
        """Out of the room, with a word of why."""
        self.commands.show_out(member, "you-were-put-out")

    def admit(self, member: Member | None = None) -> int:
        """Let in one who waits, or all of them; how many that were."""
        waiting = self.lobby.by_arrival if member is None else (member,)
        self._let_in |= {guest.call for guest in waiting}
        self.lobby_commands.move([guest.id for guest in waiting], self.name)
        return len(waiting)

    def welcome(self, member: Member) -> None:
        """Tell a member who was let in that they were; in the lobby the way out of it would cut the words short."""
        if member.call in self._let_in:
            self._let_in.remove(member.call)
            self.commands.say(member, "admitted")

    def end(self, farewell: str = "room-ended") -> None:
        """Everybody out, those who wait too."""
        self.turn(Turn.END)
        self.show_everybody_out(farewell)

    def show_everybody_out(self, farewell: str = "room-ended") -> None:
        """Out, with a word of why."""
        for member in self.room.by_arrival:
            self.commands.show_out(member, farewell)
        for member in self.lobby.by_arrival:
            self.lobby_commands.show_out(member, farewell)
        for member in self.aside.moderators:  # whom they called is let go once they are gone
            self.commands.show_out(member, farewell)

    # -- state ---------------------------------------------------------------------------------------------------------

    def turn(self, turn: Turn) -> bool:
        """Let the phase follow a turn; whether it changed."""
        phase = advance(self.room.phase, turn, self.rules().when_moderator_leaves)
        if phase == self.room.phase:
            return False
        self.change(phase=phase, since=self._now())
        return True

    def change(self, **fields: object) -> None:
        """Change the room, remember it in FreeSWITCH, and bring FreeSWITCH to it."""
        before = variables_of(self.room)
        changed = replace(self.room, **fields)  # type: ignore[arg-type]
        if changed.members:
            after = variables_of(changed)
            self._owed |= {name: value for name, value in after.items() if before[name] != value}
            if self._owed:
                self._registry.begin_change(changed)
            self.settle()

    def settle(self) -> None:
        """Bring FreeSWITCH to what the room's state demands; does nothing when it is there."""
        if not self.room.members:
            self._owed.clear()
            self.unsettled = False
            return
        self.unsettled = True
        self._remember()
        if self.room.phase != Phase.WAITING:
            self._mute_and_play()
        self.unsettled = False

    def _remember(self) -> None:
        while self._owed:
            name, value = next(iter(self._owed.items()))
            self.commands.remember({name: value})
            if self._owed.get(name) == value:
                del self._owed[name]
            if not self._owed:
                self._registry.end_change(self.name)

    def _mute_and_play(self) -> None:
        room = self.room
        wanted = desired(room)
        for member in room.members.values():
            if member.can_speak and member.id in wanted.muted:
                self.commands.mute(member.id)
            elif not member.can_speak and member.id not in wanted.muted:
                self.commands.unmute(member.id)
        if wanted.music != room.music:
            self.commands.music(wanted.music)
            self.change(music=wanted.music)

    def recording_began(self, path: str, *, works: bool) -> None:
        """FreeSWITCH opened the file, and all hear it; or it cannot write it, and the moderators hear that."""
        if not path or path != self.room.record:
            return
        if works:
            self.commands.say_all(self.room, "recording-started")
            return
        self.change(record="")
        for moderator in self.room.moderators:
            self.commands.say(moderator, "recording-failed")

    def recording_ended(self, path: str) -> None:
        """FreeSWITCH writes no longer to a file; all hear it where nobody asked for that."""
        if path and path == self.room.record:
            self.change(record="")
            self.commands.say_all(self.room, "recording-stopped")
