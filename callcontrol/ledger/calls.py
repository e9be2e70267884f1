"""Calls of an office as they are shown: on the tenant's clock, numbers masked where it wants that. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callcontrol.account import Service
from callcontrol.ledger.history import plain
from callcontrol.ledger.month import local
from callcontrol.numbers import masked
from callcontrol.state.leg import OPEN
from callcontrol.state.office import OfficeCall
from callcontrol.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. ``number``: the other end. ``talked``: seconds, None when nobody answered or it is open.

    ``service``: in, inside, out, forward or mobile; ``payer``: caller, tenant, or "" for nobody.
    """

    began: datetime
    extension: str
    name: str
    service: str
    number: str
    payer: str
    answered: bool
    talked: float | None
    end_reason: str
    open: bool
    call: str


def entry(call: OfficeCall, tenant: Tenant) -> Entry:
    """A call as it is shown."""
    known = tenant.extensions.get(call.extension)
    over, answered = call.ended_at, call.answered_at
    return Entry(
        began=local(call.began_at, tenant.timezone),
        extension=call.extension,
        name=known.name if known is not None else "",
        service=call.service,
        number=masked(call.number) if tenant.mask_numbers else call.number,
        payer=Service(call.service).payer,
        answered=answered is not None,
        talked=None if over is None or answered is None else round(max(0.0, over - answered), 3),
        end_reason=call.end_reason,
        open=call.closed_by == OPEN,
        call=call.call,
    )


def as_json(tenant: Tenant, entries: Sequence[Entry]) -> dict[str, Any]:
    """Everything, the latest first; times are ISO 8601 with the offset of the tenant's clock."""
    return {"tenant": tenant.id, "timezone": tenant.timezone, "calls": [plain(one) for one in entries]}
