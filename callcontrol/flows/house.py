"""What every flow may use, in one place; made once by the daemon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from callcontrol.desk import Desk
from callcontrol.dialout import Rounds
from callcontrol.dialout.lines import OutsideLines
from callcontrol.ledger.books import Books
from callcontrol.metrics import Metrics
from callcontrol.prompts import PromptBook
from callcontrol.rooms.names import SpokenNames
from callcontrol.rooms.registry import RoomRegistry
from callcontrol.state import StateStore
from callcontrol.tenants import Tenants


@dataclass(frozen=True)
class House:
    """``tenants`` answers with the newest good files; ``now`` is UTC epoch seconds; ``links_up``: is `rooms` fed?

    ``language``: for callers whose number belongs to nobody, so that no tenant says how to speak to them.
    """

    tenants: Callable[[], Tenants]
    prompts: PromptBook
    rooms: RoomRegistry
    names: SpokenNames
    state: StateStore
    desk: Desk
    rounds: Rounds
    lines: OutsideLines
    books: Books
    metrics: Metrics
    now: Callable[[], float]
    links_up: Callable[[], bool]
    language: str
