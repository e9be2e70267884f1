"""What wrong PINs lead to: who is refused for how long, which room's tries are slowed down.

Pure decisions: this module knows no clock, no store and no log. Times are UTC epoch seconds, waits are seconds.

- 6 wrong PINs in 15 minutes from one number: refused for 15 minutes, each further block twice as long, a day at most.
- A right PIN clears the count. So does a day without a wrong PIN after the last block.
- Wrong PINs of mailboxes are counted for themselves, and no right PIN clears that count: all mailboxes are behind one
  number, and whoever owns one, or knows the PIN of a room, could guess at the others for ever.
- Callers without a number share one count per number they dialled.
- 20 wrong PINs in an hour at one target: each further try waits 5 seconds and the alarm is on. A target never locks,
  because anybody could then keep the rightful participants out of their own room.
- The target is the room. On a number shared by several rooms a wrong PIN names no room, so the target is the number:
  counting it against each room would let one caller slow down rooms with numbers of their own.

A block is against a number, and numbers can be forged on many trunks. A forger can thus keep a caller out for up to a
day, and can spread guesses over many numbers; the delay per target, which no caller can evade, is there for the second.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: Wrong PINs of one caller within CALLER_WINDOW seconds that lead to a block.
CALLER_LIMIT = 6
CALLER_WINDOW = 15 * 60.0
#: Length of the first block; doubled by each further one, up to LONGEST_BLOCK.
FIRST_BLOCK = 15 * 60.0
LONGEST_BLOCK = 24 * 3600.0
#: Seconds without a wrong PIN after the end of a block until the next block is a first one again.
FORGIVEN_AFTER = 24 * 3600.0
#: Wrong PINs at one target within TARGET_WINDOW seconds from which on each further try is delayed.
TARGET_LIMIT = 20
TARGET_WINDOW = 3600.0
#: Seconds each further try waits: at most 720 tries an hour on one line. Many lines still give many tries: the alarm
#: is there for that.
TARGET_DELAY = 5.0

_E164 = re.compile(r"\+[0-9]{1,15}\Z")


@dataclass(frozen=True, slots=True)
class Attempts:
    """What one caller key has done.

    recent: times of the wrong PINs that count towards the next block, oldest first.
    blocked_until: end of the newest block, 0.0 when there was none.
    blocks: how many blocks in a row there were.
    """

    recent: tuple[float, ...] = ()
    blocked_until: float = 0.0
    blocks: int = 0


@dataclass(frozen=True, slots=True)
class WrongPin:
    """What one wrong PIN led to.

    blocked: seconds the caller is refused from now on, 0.0 when they may try again.
    newly_blocked: True for the wrong PIN that began the block, so that each block is counted once.
    delay: seconds each try at this target waits by now.
    alarm: True for each wrong PIN that reaches or exceeds the limit of the target.
    """

    blocked: float
    newly_blocked: bool
    delay: float
    alarm: bool


@dataclass(frozen=True)
class RightPin:
    """What a right PIN leads to.

    blocked: seconds a block of the caller still runs; then the PIN is refused. 0.0 when it is accepted.
    delay: seconds this try waits because the target is being guessed at.
    """

    blocked: float
    delay: float


def caller_key(caller: str | None, dialled: str) -> str:
    """Whose wrong PINs are counted together: ``+49...``, or ``anonymous:+4930...`` for a caller without a number.

    ``caller`` is E.164, or None when withheld. Anything else counts as withheld: invented text would otherwise
    give each call a count of its own. ``dialled`` is the number of ours, as written in the tenant file's E.164.
    """
    return caller if caller is not None and _E164.match(caller) else f"anonymous:{dialled}"


def extension_key(tenant: str, extension: str) -> str:
    """Whose wrong PINs are counted together for a caller whom FreeSWITCH authenticated as an extension."""
    return f"extension:{tenant}/{extension}"


def mailbox_caller(key: str) -> str:
    """Whose wrong PINs of mailboxes are counted together: ``key`` is what `caller_key` or `extension_key` made."""
    return f"mailboxes:{key}"


def target_key(tenant: str, dialled: str, rooms: Sequence[str]) -> str:
    """What a wrong PIN is counted against: ``room:acme/board``, or ``number:+4930...`` when several rooms share it."""
    return f"room:{tenant}/{rooms[0]}" if len(rooms) == 1 else f"number:{dialled}"


def mailbox_key(tenant: str) -> str:
    """What a wrong PIN of a mailbox is counted against: all mailboxes of a tenant, as any extension may be tried."""
    return f"mailboxes:{tenant}"


def after_wrong(attempts: Attempts, now: float) -> Attempts:
    """The attempts after one more wrong PIN at ``now``.

    During a block nothing is added: calls that were already past the check when the block began neither lengthen it
    nor bring the next one nearer.
    """
    if is_blocked(attempts, now):
        return attempts
    blocks = 0 if now > forget_at(attempts) else attempts.blocks
    recent = (*_within(attempts.recent, now, CALLER_WINDOW), now)
    if len(recent) < CALLER_LIMIT:
        return Attempts(recent, attempts.blocked_until if blocks else 0.0, blocks)
    return Attempts((), now + block_seconds(blocks), blocks + 1)


def is_blocked(attempts: Attempts, now: float) -> float:
    """Seconds the caller is still refused, 0.0 when not; at most LONGEST_BLOCK, even after the clock was set back."""
    return min(max(attempts.blocked_until - now, 0.0), LONGEST_BLOCK)


def forget_at(attempts: Attempts) -> float:
    """The time after which the attempts say nothing any more, so that a store may drop them."""
    newest = max((attempts.blocked_until, *attempts.recent))
    return newest + (FORGIVEN_AFTER if attempts.blocks else CALLER_WINDOW)


def block_seconds(blocks: int) -> float:
    """Length of the block that follows ``blocks`` earlier ones (0 or more)."""
    doublings = min(blocks, 16)  # 2**16 * FIRST_BLOCK is far above the longest; keeps the power small
    return float(min(FIRST_BLOCK * 2**doublings, LONGEST_BLOCK))


def after_wrong_at(times: Sequence[float], now: float) -> tuple[float, ...]:
    """The times of a target's wrong PINs after one more at ``now``: oldest first, at most TARGET_LIMIT are kept."""
    return (*_within(times, now, TARGET_WINDOW), now)[-TARGET_LIMIT:]


def room_delay(times: Sequence[float], now: float) -> float:
    """Seconds the next try at a target waits, whose wrong PINs were at ``times``: 0.0 or TARGET_DELAY."""
    return TARGET_DELAY if len(_within(times, now, TARGET_WINDOW)) >= TARGET_LIMIT else 0.0


def judge(before: Attempts, after: Attempts, times: Sequence[float], now: float) -> WrongPin:
    """Put into one value what the caller's attempts and the target's times say after a wrong PIN at ``now``."""
    delay = room_delay(times, now)
    return WrongPin(
        blocked=is_blocked(after, now),
        newly_blocked=is_blocked(after, now) > 0 and not is_blocked(before, now),
        delay=delay,
        alarm=delay > 0,
    )


def _within(times: Sequence[float], now: float, window: float) -> tuple[float, ...]:
    """The times less than ``window`` away; a clock that was set back must not keep times of the future for ever."""
    return tuple(time for time in times if abs(now - time) < window)
