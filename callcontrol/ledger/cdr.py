"""What one call detail record of FreeSWITCH (a file of mod_json_cdr) says of a leg in a room, or of an office. Pure.

A record tells the channel's times, its variables, and each application with the time it began (`app_log`,
switch_ivr.c:3335). Being in a room is the application `conference`; moving from the lobby into the room is another one
(conference_api.c:3662). The end of being there is the beginning of the next application, or the hangup.

The file is another process's output, and parts of it were typed by callers: everything is taken by its shape or not at
all. Checked against files of FreeSWITCH 1.10.12 (tests/data/cdr).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from callcontrol.account import account_of, office_account_of, side_of
from callcontrol.state.leg import ADMISSION, LEFT, MODERATOR, NOTHING, Leg
from callcontrol.state.office import OfficeCall

#: Bytes of a record. That of a usual call has 10 000, most of it variables.
MOST_BYTES = 2_000_000

# From 2000 to 2100: no clock was ever right outside, and 0 means that it did not happen.
_EARLIEST, _LATEST = 946_684_800.0, 4_102_444_800.0
_MICROSECONDS = re.compile(r"[0-9]{1,17}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}", re.ASCII)


@dataclass(frozen=True)
class NotOurs:
    """A record of a call that was in no room and no office of ours."""


@dataclass(frozen=True)
class Faulty:
    """Not a record that can be used; ``reason`` has nothing of the file in it."""

    reason: str


@dataclass(frozen=True)
class _Step:
    """One application. ``room``: the conference ``TENANT.ROOM``, "" when it was none; ``side`` as in `side_of`."""

    at: float
    room: str
    side: str
    waits: bool


def read_cdr(data: bytes) -> Leg | OfficeCall | NotOurs | Faulty:
    """The leg a record tells of. Its ``joined_at`` is 0.0 when the switch was told to log no applications."""
    record = _parsed(data)
    if isinstance(record, Faulty):
        return record
    variables = _object(record, "variables")
    call = _text(variables, "uuid")
    if not _UUID.fullmatch(call):
        return Faulty("it names no call")
    leg = _leg(call, variables)
    if leg is None:
        return _office_call(call, variables)
    if not leg.began_at or leg.ended_at is None:
        return Faulty("it has no times")
    if _text(variables, "disable_app_log") == "true":
        return leg
    return _in_room(leg, _steps(record), variables)


def _leg(call: str, variables: Mapping[str, object]) -> Leg | None:
    """The leg without its time in the room."""
    account = account_of(lambda name: _text(variables, name))
    if account is None:
        return None
    began, ended = _epoch(_text(variables, "start_uepoch")), _epoch(_text(variables, "end_uepoch"))
    answered = _epoch(_text(variables, "answer_uepoch"))
    left = max(began, ended) if ended else None
    cause = _text(variables, "hangup_cause")
    return Leg(
        call=call,
        tenant=account.tenant,
        room=account.room,
        role=account.role,
        direction="outbound" if _text(variables, "direction") == "outbound" else "inbound",
        payer=account.payer,
        began_at=began,
        answered_at=max(began, answered),
        joined_at=0.0,
        number=account.number,
        name=account.name,
        tries=account.tries,
        language=account.language,
        left_at=left,
        ended_at=left,
        end_reason=cause if _WORD.fullmatch(cause) and cause != "NORMAL_CLEARING" else LEFT,
    )


def _office_call(call: str, variables: Mapping[str, object]) -> OfficeCall | NotOurs | Faulty:
    account = office_account_of(lambda name: _text(variables, name))
    if account is None:
        return NotOurs()
    began, ended = _epoch(_text(variables, "start_uepoch")), _epoch(_text(variables, "end_uepoch"))
    if not began or not ended:
        return Faulty("it has no times")
    answered, over = _epoch(_text(variables, "answer_uepoch")), max(began, ended)
    return replace(
        OfficeCall.of(call, account, began),
        answered_at=min(max(began, answered), over) if answered else None,
        ended_at=over,
        end_reason=_word(_text(variables, "hangup_cause")),
    )


def _in_room(leg: Leg, steps: list[_Step], variables: Mapping[str, object]) -> Leg | NotOurs:
    """The leg with its time in the room: a clock that was set back makes seconds vanish, never appear."""
    name = f"{leg.tenant}.{leg.room}"
    stays = [number for number, step in enumerate(steps) if step.room == name]
    if not stays:
        return NotOurs()
    first, last, ended = steps[stays[0]], steps[stays[-1]], leg.ended_at or 0.0
    followed = stays[-1] + 1 < len(steps)
    joined = max(first.at, leg.began_at)
    left = max(joined, min(steps[stays[-1] + 1].at, ended) if followed else ended)
    waits_for = ADMISSION if first.side else MODERATOR if first.waits and leg.role != "moderator" else NOTHING
    inside = [steps[number].at for number in stays if not steps[number].side]
    farewell = _text(variables, "cc_farewell")
    return replace(
        leg,
        joined_at=joined,
        left_at=left,
        waits_for=waits_for,
        admitted_at=max(joined, inside[0]) if waits_for == ADMISSION and inside else None,
        meeting=_uuid(_text(variables, "conference_uuid")) if not last.side else "",
        end_reason=farewell if followed and _WORD.fullmatch(farewell) else leg.end_reason,
    )


def _steps(record: Mapping[str, object]) -> list[_Step]:
    """The applications in their order; what has no time is left out."""
    listed = _object(record, "app_log").get("applications")
    steps = []
    for entry in listed if isinstance(listed, list) else []:
        if not isinstance(entry, dict):
            continue
        at = _epoch(_text(entry, "app_stamp"))
        if not at:
            continue
        invitation = _text(entry, "app_data") if _text(entry, "app_name") == "conference" else ""
        name, _, rest = invitation.partition("@")
        room, side = side_of(name)
        steps.append(_Step(at, room, side, "wait-mod" in rest))
    return steps


def _parsed(data: bytes) -> dict[str, object] | Faulty:
    if len(data) > MOST_BYTES:
        return Faulty("it is too long")
    try:
        record = json.loads(data.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return Faulty("it is no JSON")
    return record if isinstance(record, dict) else Faulty("it is no JSON object")


def _object(parent: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def _text(parent: Mapping[str, object], name: str) -> str:
    value = parent.get(name)
    return value if isinstance(value, str) else ""


def _uuid(text: str) -> str:
    return text if _UUID.fullmatch(text) else ""


def _word(text: str) -> str:
    return text if _WORD.fullmatch(text) else ""


def _epoch(text: str) -> float:
    """Seconds of a time in microseconds; 0.0 when it is none."""
    seconds = int(text) / 1e6 if _MICROSECONDS.fullmatch(text) else 0.0
    return seconds if _EARLIEST < seconds < _LATEST else 0.0
