"""A channel: its variables, its caller, its state, and the header blocks events are made of.

Variables keep FreeSWITCH's order: setting one again moves it to the end (switch_channel.c:1488, EF_UNIQ_HEADERS).
Names are found in any case. The caller's blocks are encoded once and again only when something in them changed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from uuid import uuid4

from callcontrol.rehearsal import encoding, template
from callcontrol.rehearsal.cjson import Json
from callcontrol.rehearsal.encoding import Header, Value
from callcontrol.rehearsal.events import Block, Encoded, Part, encode
from callcontrol.rehearsal.placed import Placed

STATES = {"CS_NEW": 0, "CS_INIT": 1, "CS_ROUTING": 2, "CS_EXECUTE": 4, "CS_CONSUME_MEDIA": 7, "CS_RESET": 9}
STATES |= {"CS_HANGUP": 10, "CS_REPORTING": 11, "CS_DESTROY": 12}


def micros() -> int:
    """Now in microseconds since 1970, as FreeSWITCH counts."""
    return int(time.time() * 1_000_000)


class Variables:
    """A channel's variables in FreeSWITCH's order, with their encoded lines kept per format."""

    def __init__(self, initial: Iterable[Header]) -> None:
        self._values: dict[str, Header] = {}
        self._lines: dict[str, dict[str, bytes]] = {}
        self._stale: dict[str, set[str]] = {}  # by format: variables whose line is still to be encoded
        for name, value in initial:
            self._values[name.lower()] = (name, value)

    def get(self, name: str) -> str | None:
        """A variable's value, or None; an array is flattened as FreeSWITCH does."""
        found = self._values.get(name.lower())
        return None if found is None else encoding.flat(found[1])

    def set(self, name: str, value: Value | None, checked: bool = True) -> None:
        """Set a variable; None or an empty text removes it, ``checked`` refuses ``${`` (switch_channel.c:1488)."""
        key = name.lower()
        self._values.pop(key, None)
        for lines in self._lines.values():
            lines.pop(key, None)
        if not value or (checked and isinstance(value, str) and "${" in value):
            return
        self._values[key] = (name, value)
        for style, lines in self._lines.items():
            lines[key] = b""
            self._stale[style].add(key)

    def headers(self) -> Sequence[Header]:
        """All variables as event headers."""
        return [("variable_" + name, value) for name, value in self._values.values()]

    def encoded(self, style: str) -> bytes:
        """All variables encoded in one format."""
        lines = self._lines.get(style)
        if lines is None:
            lines = {key: _line(style, name, value) for key, (name, value) in self._values.items()}
            self._lines[style] = lines
            self._stale[style] = set()
        stale = self._stale[style]
        while stale:
            key = stale.pop()
            if key in self._values:
                lines[key] = _line(style, *self._values[key])
        return (b"," if style == "json" else b"").join(lines.values())


def _line(style: str, name: str, value: Value) -> bytes:
    return encode([("variable_" + name, value)], style)


class Channel:
    """One leg of a call. ``state`` is where it goes, ``running`` where its thread is (both are shown in events)."""

    def __init__(self, call: template.Dialled | Placed) -> None:
        self.call = call
        self.uuid = call.uuid
        self.name = call.channel_name
        self.variables = Variables(call.variables())
        self.outbound = isinstance(call, Placed)
        self.in_dialplan = self.found = not self.outbound
        self.caller = (call.display, call.user)  # name and number
        self.callee = ("Outbound Call", call.dialled) if self.outbound else ("", "")
        self.state = "CS_ROUTING"
        self.running = "CS_INIT"
        self.callstate = "DOWN"
        self.answered = self.early = False
        self.hangup_cause = ""
        self.codec = ("PCMA", "8000", "64000")
        self.destination = call.dialled
        self.context, self.dialplan = call.context, call.dialplan
        self.transfer_source = ""
        self.profile_index = 1
        self.past_profiles: list[Json] = []
        self.profile_created = call.created
        self.times = {"answered": 0, "progress": 0, "progress_media": 0, "hangup": 0}
        self._caller: Block | None = None

    @property
    def down(self) -> bool:
        """Whether the call is over."""
        return STATES[self.state] >= STATES["CS_HANGUP"]

    @property
    def has_media(self) -> bool:
        """Whether codecs are agreed on: for a call that comes in, from its INVITE."""
        return not self.outbound or self.early or self.answered

    @property
    def answer_state(self) -> str:
        """What events show as Answer-State."""
        if self.down:
            return "hangup"
        if self.answered:
            return "answered"
        return "early" if self.early else "ringing"

    def stamp(self, what: str) -> None:
        """Note the time of ``answered``, ``progress``, ``progress_media`` or ``hangup``."""
        self.times[what] = micros()
        self._caller = None

    def flip(self) -> None:
        """Whom FreeSWITCH called enters the dialplan: from now on the callee is the caller (switch_channel.c:3236)."""
        for name, value in zip(("name", "number"), self.caller, strict=True):
            self.variables.set(f"pre_transfer_caller_id_{name}", value)
        self.variables.set("channel_cid_flipped", "yes")
        self.variables.set("call_uuid", self.uuid)
        self.caller, self.callee = self.callee, self.caller
        self.in_dialplan = True
        self._caller = None

    def transfer(self, target: str, context: str, now: int) -> None:
        """What a transfer to another extension leaves in the caller's profile and variables (switch_ivr.c:2163).

        ``now``: microseconds. The profile until then is kept in `past_profiles` by whoever transfers.
        """
        source = f"{now // 1_000_000}:{uuid4()}:bl_xfer:{target}/{context}/XML"
        self.destination, self.context, self.transfer_source = target, context, source
        self.dialplan = "XML"
        self.profile_index += 1
        self.profile_created = now
        self._caller = None
        left = int(self.variables.get("max_forwards") or 71) - 1
        for name, value in (
            ("max_forwards", str(left)),
            ("transfer_history", source),
            ("transfer_source", source),
            ("call_uuid", self.uuid),
        ):
            self.variables.set(name, value)

    def basic(self) -> list[Part]:
        """The headers of every event of this channel, without variables."""
        return [Block(self._state_headers()), self._caller_block()]

    def full(self) -> list[Part]:
        """The headers of an event that shows the variables too."""
        return [*self.basic(), Encoded(self.variables.headers, self.variables.encoded)]

    def described(self) -> list[Part]:
        """The ``Channel-...`` copy of the caller's profile that only the reply to ``connect`` has."""
        return [Block(self._profile("Channel"))]

    def _state_headers(self) -> list[Header]:
        cause: list[Header] = [("Hangup-Cause", self.hangup_cause)] if self.hangup_cause else []
        return [
            ("Channel-State", self.running),
            ("Channel-Call-State", self.callstate),
            ("Channel-State-Number", str(STATES[self.state])),
            ("Channel-Name", self.name),
            ("Unique-ID", self.uuid),
            ("Call-Direction", self.call.direction),
            ("Presence-Call-Direction", self.call.direction),
            ("Channel-HIT-Dialplan", "true" if self.in_dialplan else "false"),
            *self._present(),
            ("Channel-Call-UUID", self.variables.get("call_uuid") or self.uuid),
            ("Answer-State", self.answer_state),
            *cause,
            *(self._codecs() if self.has_media else ()),
        ]

    def _present(self) -> list[Header]:
        presence = self.variables.get("presence_id")
        return [("Channel-Presence-ID", presence)] if presence else []

    def _codecs(self) -> list[Header]:
        codec, rate, bits = self.codec
        return [
            ("Channel-Read-Codec-Name", codec),
            ("Channel-Read-Codec-Rate", rate),
            ("Channel-Read-Codec-Bit-Rate", bits),
            ("Channel-Write-Codec-Name", "PCMA"),
            ("Channel-Write-Codec-Rate", "8000"),
            ("Channel-Write-Codec-Bit-Rate", "64000"),
        ]

    def _caller_block(self) -> Block:
        if self._caller is None:
            self._caller = Block(self._profile("Caller"))
        return self._caller

    def _profile(self, prefix: str) -> list[Header]:
        call = self.call
        moved = bool(self.transfer_source)
        rows: list[Header] = [
            ("Direction", call.direction),
            ("Logical-Direction", call.direction),
            ("Username", call.username),
            ("Dialplan", self.dialplan),
            ("Caller-ID-Name", self.caller[0]),
            ("Caller-ID-Number", self.caller[1]),
            ("Orig-Caller-ID-Name", call.display),
            ("Orig-Caller-ID-Number", call.user),
            ("Callee-ID-Name", self.callee[0]),
            ("Callee-ID-Number", self.callee[1]),
            ("Network-Addr", template.HOST if self.found else ""),
            ("ANI", call.user),
            ("Destination-Number", self.destination),
            ("Unique-ID", call.uuid),
            ("Source", call.source),
            ("Transfer-Source", self.transfer_source),
            ("Context", self.context),
            *([("RDNIS", call.dialled)] if moved else []),
            ("Channel-Name", self.name),
            *self._times(),
            ("Screen-Bit", "true"),
            ("Privacy-Hide-Name", "true" if call.hidden else "false"),
            ("Privacy-Hide-Number", "true" if call.hidden else "false"),
        ]
        return [(f"{prefix}-{name}", value) for name, value in rows if value]

    def _times(self) -> list[Header]:
        return [
            ("Profile-Index", str(self.profile_index)),
            ("Profile-Created-Time", str(self.profile_created)),
            ("Channel-Created-Time", str(self.call.created)),
            ("Channel-Answered-Time", str(self.times["answered"])),
            ("Channel-Progress-Time", str(self.times["progress"])),
            ("Channel-Progress-Media-Time", str(self.times["progress_media"])),
            ("Channel-Hangup-Time", str(self.times["hangup"])),
            *((f"Channel-{what}-Time", "0") for what in ("Transfer", "Resurrect", "Bridged")),
            ("Channel-Last-Hold", "0"),
            ("Channel-Hold-Accum", "0"),
        ]
