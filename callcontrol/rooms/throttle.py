"""How often a room is told who came and who went, so that fifty people joining do not flood it. Pure.

- At most one announcement per INTERVAL. The first is made at once; what happens until the next may be made is collected
  and told together. Who comes and goes again in between was never there.
- Names are said in rooms of up to NAMED members; bigger ones hear a tone.
- Nothing is announced where nobody else could hear it: who goes is announced to the last one there, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from callcontrol.tenants import Announce

#: Seconds between two announcements.
INTERVAL = 5.0
#: The biggest room in which names are said.
NAMED = 10


@dataclass(frozen=True)
class Tone:
    """The tone for one who came (``join``) or went."""

    join: bool


@dataclass(frozen=True)
class Name:
    """The recorded name of this member, who came (``join``) or went."""

    member_id: int
    join: bool


@dataclass(frozen=True)
class Summary:
    """Several came and went since the last announcement; two at least. How that sounds is for whoever plays it."""

    came: int
    went: int


Announcement = Tone | Name | Summary


class Throttle:
    """Announcements of one room. Whoever owns a throttle calls `expire` once ``deadline`` is reached.

    ``size``: how many members there are afterwards; ``now``: seconds on a clock that never goes back.
    """

    def __init__(self) -> None:
        self._pending: dict[int, bool] = {}
        self._quiet_until = float("-inf")
        self._announce = Announce.NONE
        self._size = 0

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to announce; None while nothing is left to announce."""
        return self._quiet_until if self._pending else None

    def joined(self, announce: Announce, size: int, member_id: int, now: float) -> Announcement | None:
        """Somebody came; what to announce at once."""
        return self._happened(announce, size, member_id, True, now)

    def left(self, announce: Announce, size: int, member_id: int, now: float) -> Announcement | None:
        """Somebody went; what to announce at once."""
        return self._happened(announce, size, member_id, False, now)

    def expire(self, now: float) -> Announcement | None:
        """What was collected; None before ``deadline``."""
        if not self._pending or now < self._quiet_until:
            return None
        announcement = self._announcement()
        self._pending.clear()
        self._quiet_until = now + INTERVAL
        return announcement

    def _happened(self, announce: Announce, size: int, member_id: int, join: bool, now: float) -> Announcement | None:
        self._announce, self._size = announce, size
        if announce == Announce.NONE or size < 1:
            self._pending.clear()
            return None
        if self._pending.get(member_id, join) != join:
            del self._pending[member_id]
        else:
            self._pending[member_id] = join
        if size < 2:  # whoever is left need not hear of having come
            self._pending = {member: came for member, came in self._pending.items() if not came}
        return self.expire(now)

    def _announcement(self) -> Announcement:
        if len(self._pending) > 1:
            came = sum(self._pending.values())
            return Summary(came, len(self._pending) - came)
        ((member_id, join),) = self._pending.items()
        if self._announce == Announce.NAME and self._size <= NAMED:
            return Name(member_id, join)
        return Tone(join)
