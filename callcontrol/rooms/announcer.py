"""Tells a room who comes and goes: by tone, by recorded name, or in one sentence for several at once."""

from __future__ import annotations

from collections.abc import Callable

from callcontrol.rooms.conduct import Conduct
from callcontrol.rooms.room import Member, Phase
from callcontrol.rooms.throttle import Announcement, Name, Summary, Throttle, Tone


class Announcer:
    """Announcements of one room. ``name_file``: the recorded name of a call, as FreeSWITCH sees it; None without one.

    ``forget_name``: the call is over and its recorded name is not needed any longer.
    """

    def __init__(
        self,
        tone: Callable[[str], str],
        name_file: Callable[[str], str | None],
        forget_name: Callable[[str], None],
    ) -> None:
        self._tone = tone
        self._name_file = name_file
        self._forget_name = forget_name
        self._throttle = Throttle()
        self._calls: dict[int, str] = {}

    def joined(self, conduct: Conduct, member: Member, now: float) -> None:
        """Somebody came."""
        self._calls[member.id] = member.call
        if conduct.room.phase == Phase.WAITING:
            return  # nobody hears anybody, and each is told that the moderator is not there
        announce, size = conduct.rules().announce, len(conduct.room.members)
        self._announce(conduct, self._throttle.joined(announce, size, member.id, now), but=member.id)

    def left(self, conduct: Conduct, member: Member, now: float) -> None:
        """Somebody went."""
        announce, size = conduct.rules().announce, len(conduct.room.members)
        self._announce(conduct, self._throttle.left(announce, size, member.id, now))
        self._drop_names(conduct)

    def look_at_the_clock(self, conduct: Conduct, now: float) -> None:
        """Announce what was collected, when it is time."""
        if self._throttle.deadline is not None:
            self._announce(conduct, self._throttle.expire(now))
            self._drop_names(conduct)

    def _announce(self, conduct: Conduct, announcement: Announcement | None, but: int | None = None) -> None:
        if conduct.room.phase not in (Phase.OPEN, Phase.ABANDONED):
            return  # into music nothing is announced
        match announcement:
            case Tone(join=join):
                conduct.commands.play_all(conduct.room, self._tone("join" if join else "leave"))
            case Name(member_id=identity, join=join):
                self._say_name(conduct, identity, join)
            case Summary(came=came, went=went):
                skipped = [but] if but is not None else []
                conduct.commands.say_all(
                    conduct.room, "several-joined" if came >= went else "somebody-left", but=skipped
                )

    def _say_name(self, conduct: Conduct, identity: int, join: bool) -> None:
        file = self._name_file(self._calls.get(identity, ""))
        if file is None:
            conduct.commands.say_all(conduct.room, "somebody-joined" if join else "somebody-left")
            return
        conduct.commands.say_all(conduct.room, "has-joined" if join else "has-left", behind=file)

    def _drop_names(self, conduct: Conduct) -> None:
        """Names of those who are gone, once nothing is left to announce of them."""
        if self._throttle.deadline is not None:
            return
        here = (conduct.room, conduct.aside)
        for identity in [known for known in self._calls if not any(room.member(known) for room in here)]:
            self._forget_name(self._calls.pop(identity))
