"""Keys of a room's members, and what they do: each is answered privately, or to all where it concerns all.

What cannot be undone is asked for again: the next key must be `1`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from callcontrol.rooms.aside import Aside
from callcontrol.rooms.commands import PAUSE
from callcontrol.rooms.conduct import Conduct
from callcontrol.rooms.gathering import Gathering
from callcontrol.rooms.keys import (
    Action,
    Confirmed,
    Declined,
    Everybody,
    KeyReader,
    Number,
    Pressed,
    Unknown,
    table_for,
)
from callcontrol.rooms.room import Member
from callcontrol.spoken import key as spoken_key
from callcontrol.tenants import KeyAction, Tenant

# The question is heard first: five seconds for the answer begin when it is over.
QUESTION_SECONDS = 5.0 + 4.0
DIAL_SECONDS = 10.0 + 4.0

HELP = {
    KeyAction.MUTE: "help-mute",
    KeyAction.HAND: "help-hand",
    KeyAction.COUNT: "help-count",
    KeyAction.CALL_IN: "help-call-in",
    KeyAction.RECORD: "help-record",
    KeyAction.HOLD: "help-hold",
    KeyAction.PUT_OUT: "help-put-out",
    KeyAction.LOCK: "help-lock",
    KeyAction.MUTE_ALL: "help-mute-all",
    KeyAction.ADMIT: "help-admit",
    KeyAction.END: "help-end",
}
QUESTIONS = {KeyAction.PUT_OUT: "put-out-confirm", KeyAction.END: "end-confirm"}

_log = structlog.get_logger("callcontrol.rooms")


class Keypad:
    """Keys of one room. ``tenant`` answers with the tenant file as it is now, for its key table."""

    def __init__(
        self, conduct: Conduct, aside: Aside, gathering: Gathering, tenant: Callable[[], Tenant | None]
    ) -> None:
        self._conduct = conduct
        self._aside = aside
        self._gathering = gathering
        self._tenant = tenant
        self._readers: dict[str, KeyReader] = {}
        self._tables: dict[str, Mapping[str, KeyAction]] = {}
        self._questions: dict[str, KeyAction] = {}
        self._doubtful: dict[str, int] = {}  # whom a moderator was asked about

    def press(self, call: str, key: str, now: float) -> None:
        """A member pressed a key."""
        member = self._conduct.room.members.get(call)
        if member is not None:
            self._mean(member, self._reader(member).press(key, now), now)

    def look_at_the_clock(self, now: float) -> None:
        """Sequences and questions that were not finished in time."""
        for call, reader in list(self._readers.items()):
            if reader.deadline is not None and reader.deadline <= now:
                member = self._conduct.room.members.get(call)
                if member is not None:
                    self._mean(member, reader.expire(now), now)

    def forget(self, call: str) -> None:
        """The member is gone."""
        for kept in (self._readers, self._tables, self._questions, self._doubtful):
            kept.pop(call, None)

    def _reader(self, member: Member) -> KeyReader:
        """The member's reader; a new one when the tenant changed the keys and none is half read."""
        table = self._table(member)
        known = self._readers.get(member.call)
        if known is None or (self._tables.get(member.call) != table and known.deadline is None):
            known = self._readers[member.call] = KeyReader(table)
            self._tables[member.call] = table
        return known

    def _table(self, member: Member) -> Mapping[str, KeyAction]:
        tenant = self._tenant()
        return table_for(tenant.keys if tenant is not None else {}, member.moderator)

    def _mean(self, member: Member, pressed: Pressed | None, now: float) -> None:
        if pressed is not None:
            self._conduct.commands.hush(member)  # whoever presses on has heard enough of the answer before
        match pressed:
            case Action(action=action) if action in QUESTIONS:
                self._question(member, action, now)
            case Action(action=KeyAction.CALL_IN):
                or_all = self._gathering.possible
                self._reader(member).expect_number(now, first_within=DIAL_SECONDS, or_all=or_all)
                self._conduct.commands.say(member, "dial-number-or-all" if or_all else "dial-number")
            case Action(action=action):
                _log.info("key", room=self._conduct.name, call=member.call, action=action)
                self._do(member, action)
            case Confirmed():
                self._confirmed(member)
            case Declined():
                self._questions.pop(member.call, None)
                self._conduct.commands.say(member, "cancelled")
            case Unknown():
                hint = ["help-hint"] if self._table(member).get("**") == KeyAction.HELP else []
                self._conduct.commands.say(member, "unknown-key", *hint)
            case Number(digits=digits):
                self._aside.dial(member, digits)
            case Everybody():
                self._gathering.call_all(member)
            case None:
                pass

    def _question(self, member: Member, action: KeyAction, now: float) -> None:
        conduct = self._conduct
        if action == KeyAction.PUT_OUT:
            last = conduct.last_to_join()
            if last is None:
                conduct.commands.say(member, "nobody-to-put-out")
                return
            self._doubtful[member.call] = last.id
        self._questions[member.call] = action
        self._reader(member).expect_confirmation(now, QUESTION_SECONDS)
        conduct.commands.say(member, QUESTIONS[action])

    def _confirmed(self, member: Member) -> None:
        action = self._questions.pop(member.call, None)
        _log.info("key confirmed", room=self._conduct.name, call=member.call, action=action)
        if action == KeyAction.END:
            self._conduct.end()
        elif action == KeyAction.PUT_OUT:
            guest = self._conduct.room.member(self._doubtful.pop(member.call, 0))
            if guest is None:
                self._conduct.commands.say(member, "nobody-to-put-out")
            else:
                self._conduct.put_out(guest)
                self._conduct.commands.say(member, "put-out-done")

    def _do(self, member: Member, action: KeyAction) -> None:
        conduct = self._conduct
        match action:
            case KeyAction.HELP:
                self._help(member)
            case KeyAction.MUTE:
                conduct.toggle_mute(member)
            case KeyAction.HAND if member.moderator:
                conduct.give_floor(member)
            case KeyAction.HAND:
                conduct.toggle_hand(member)
            case KeyAction.COUNT:
                conduct.tell_count(member)
            case KeyAction.RECORD:
                conduct.toggle_record(member)
            case KeyAction.HOLD:
                conduct.toggle_hold()
            case KeyAction.LOCK:
                conduct.toggle_lock()
            case KeyAction.MUTE_ALL:
                conduct.toggle_mute_all()
            case KeyAction.ADMIT:
                if not conduct.admit():
                    conduct.commands.say(member, "nobody-waits")

    def _help(self, member: Member) -> None:
        for sequence, action in self._table(member).items():
            text = "help-hand-moderator" if action == KeyAction.HAND and member.moderator else HELP.get(action)
            if text is not None:
                self._conduct.commands.say(member, *spoken_key(sequence, member.language), text, PAUSE)
