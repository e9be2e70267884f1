"""A conference room as the tenant file describes it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from callcontrol.tenants.fields import Callee, Email, Flag, Label, Language, Model, Pattern, Pin, whole
from callcontrol.tenants.schedule import Schedule


class Access(StrEnum):
    """Who is let into a room."""

    OPEN = "open"
    PIN = "pin"
    WHITELIST = "whitelist"
    WHITELIST_OR_PIN = "whitelist_or_pin"

    @property
    def asks_for_pin(self) -> bool:
        """True when a caller of this room's own number can be asked for a PIN."""
        return self in (Access.PIN, Access.WHITELIST_OR_PIN)


class Admission(StrEnum):
    """Whether participants are let in by themselves or by the moderator."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class AfterModerator(StrEnum):
    """What becomes of a room without moderator, after the grace time."""

    WAIT = "wait"
    CONTINUE = "continue"
    END = "end"


class Announce(StrEnum):
    """What the others hear when somebody comes or goes."""

    NONE = "none"
    TONE = "tone"
    NAME = "name"


class Record(StrEnum):
    """Who decides about recording."""

    NEVER = "never"
    MODERATOR = "moderator"
    ALWAYS = "always"


class DialOutWhen(StrEnum):
    """What makes a room call its participants, apart from its schedule."""

    ASKED = "asked"
    ON_MODERATOR = "on_moderator"


class DialOut(Model):
    """Somebody who is called by the room."""

    name: Label
    """Whom the report and the moderator know this person as."""
    number: Callee
    """An extension of this tenant or a telephone number."""
    moderator: Flag = False
    """True when this person moderates."""
    language: Language | None = None
    """Language this person is spoken to in, unless they chose one at an earlier call; without it the tenant's first."""


class RoomEntry(Model):
    """A conference room: who is let in, who moderates, what happens inside."""

    access: Access
    """open (anybody), pin, whitelist (listed numbers only) or whitelist_or_pin (listed numbers without PIN)."""
    pin: Pin | None = None
    """PIN of the participants, 4 to 10 digits, in quotes."""
    moderator_pin: Pin | None = None
    """PIN of the moderators; asked for in the same place, the PIN tells the role."""
    whitelist: tuple[Pattern, ...] = ()
    """Numbers that are let in: "+49 171 2345678", or all that begin so: "+49 89 999998*". Withheld ones never are."""
    moderators: tuple[Pattern, ...] = ()
    """Numbers whose callers moderate: let in like the whitelist, or with access pin by either PIN."""
    wait_for_moderator: Flag = False
    """Participants hear music until a moderator is there."""
    admission: Admission = Admission.AUTOMATIC
    """automatic, or manual: the moderator lets callers in."""
    when_moderator_leaves: AfterModerator = AfterModerator.CONTINUE
    """wait (music until one is back), continue or end, once the last moderator has been gone for moderator_grace."""
    moderator_grace: Annotated[int, whole(0, 3600)] = 120
    """Seconds (0 to 3600) before when_moderator_leaves happens."""
    max_participants: Annotated[int, whole(2, 1000)] = 100
    """How many callers fit in (2 to 1000), the moderator counted; a moderator is let in beyond it."""
    max_wait: Annotated[int, whole(10, 86400)] = 900
    """Seconds (10 to 86400) a caller waits for the moderator before being told goodbye."""
    max_alone: Annotated[int, whole(10, 86400)] = 900
    """Seconds (10 to 86400) the last member stays alone before being told goodbye."""
    max_duration: Annotated[int, whole(60, 604800)] = 21600
    """Seconds (60 to 604800) a meeting lasts at most; told five minutes before."""
    announce: Announce = Announce.TONE
    """none, tone or name (each caller records a name before entering)."""
    record: Record = Record.NEVER
    """never, moderator (by key) or always."""
    dial_out: tuple[DialOut, ...] = ()
    """Whom the room calls."""
    dial_out_when: DialOutWhen = DialOutWhen.ASKED
    """asked (by key or command) or on_moderator: also when the first moderator of a meeting comes."""
    schedule: Schedule | None = None
    """When the room is open; without it, always."""
    owner: Email | None = None
    """Whom invitations are sent to, and who is named as organiser in them; an e-mail address."""


class Room(RoomEntry):
    """A room of a loaded tenant, with its name."""

    name: str
    """Name within the tenant; the conference of FreeSWITCH is called TENANT.ROOM."""
