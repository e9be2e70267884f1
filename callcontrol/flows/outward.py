"""An extension calls somebody outside, by the trunk of its tenant and with the tenant's number.

Tenant keys: `trunk`, `caller_id`, `outgoing`, `block_profiles` (`outgoing`), `extensions` (`block_profile`).
Emergency numbers always go to the trunk: no profile and no limit stands before them. The caller hears what the network
says before anybody answers. Ends: they talk and FreeSWITCH alone holds them; or the caller was told why not.
"""

from __future__ import annotations

from collections.abc import Mapping

from structlog.typing import FilteringBoundLogger

from callcontrol.account import OfficeAccount, Service
from callcontrol.flows.house import House
from callcontrol.flows.party import shown_of, shows
from callcontrol.flows.telling import language_of, tell
from callcontrol.forwarding import Called
from callcontrol.forwarding.targets import blocked_by
from callcontrol.numbers import is_emergency
from callcontrol.outgoing import Callee, Refusal, Ringing, bridge, callee, line
from callcontrol.routing import OutwardRoute
from callcontrol.state.rounds import Held
from callcontrol.switch.call import Call
from callcontrol.switch.talk import Connected, NotReached

RING_SECONDS = 120  # the network ends it sooner, with an announcement of its own

_UNKNOWN = frozenset({"UNALLOCATED_NUMBER", "INVALID_NUMBER_FORMAT", "NO_ROUTE_DESTINATION", "NUMBER_CHANGED"})
_SILENT = frozenset({"USER_BUSY", "CALL_REJECTED"})  # telephones say that themselves, with a tone
_REFUSALS = {
    Refusal.NOT_A_NUMBER: ("number-unknown", "UNALLOCATED_NUMBER"),
    Refusal.EMERGENCY: ("number-refused", "CALL_REJECTED"),
    Refusal.COSTLY: ("number-refused", "CALL_REJECTED"),
    Refusal.NO_TRUNK: ("no-outside-line", "OUTGOING_CALL_BARRED"),
}


def call_outside(call: Call, house: House, route: OutwardRoute, log: FilteringBoundLogger) -> str:
    """Put an extension through to a number outside; returns the outcome for log and metrics."""
    call.language = language_of(call, house, route.tenant)
    proved = call.caller.authenticated
    extension = route.tenant.extensions.get(proved.extension) if proved is not None else None
    if is_emergency(route.digits, route.tenant.region):
        return _emergency(call, route, proved.extension if proved is not None else "", log)
    if extension is None:  # of a tenant file that was just changed
        return tell(call, "not-accepted", "CALL_REJECTED")
    return _call(call, house, Called(route.tenant, extension), route.digits, log)


def _emergency(call: Call, route: OutwardRoute, extension: str, log: FilteringBoundLogger) -> str:
    log.warning("an emergency call", number=route.digits)
    if route.tenant.trunk is None:
        return tell(call, *_REFUSALS[Refusal.NO_TRUNK])
    who = Callee(route.digits, trunk=route.tenant.trunk)
    account = OfficeAccount(route.tenant.id, extension, Service.OUT, who.number)
    return _told(call, _connect(call, who, {**account.variables(), **shows(route.tenant)}), log)


def _call(call: Call, house: House, caller: Called, digits: str, log: FilteringBoundLogger) -> str:
    who = callee(digits, caller.tenant)
    if isinstance(who, Refusal):
        log.info("the number is not called", reason=who.value)
        return tell(call, *_REFUSALS[who])
    if blocked_by(caller, "outgoing", who.number) is not None:
        log.info("the number is not called", reason="the block profile of the extension")
        return tell(call, "number-refused", "OUTGOING_CALL_BARRED")
    account = OfficeAccount(caller.tenant.id, caller.extension.number, Service.OUT, who.number)
    taken = house.lines.take(caller.tenant, [account])
    if isinstance(taken, Held):
        log.warning("the number is not called", reason=taken.value)
        return tell(call, "lines-busy", "NORMAL_CIRCUIT_CONGESTION")
    variables = {"origination_uuid": taken[0], **account.variables(), **shown_of(call, caller.tenant)}
    reached = _connect(call, who, variables)
    if isinstance(reached, Connected):
        house.lines.taken_by(reached.other, taken)
    else:
        house.lines.give_back(taken)
    return _told(call, reached, log)


def _connect(call: Call, who: Callee, variables: Mapping[str, str]) -> Connected | NotReached:
    dial, seconds = bridge([Ringing(line(who), RING_SECONDS, variables)], early_media=not call.answered)
    return call.connect(dial, seconds=seconds)


def _told(call: Call, reached: Connected | NotReached, log: FilteringBoundLogger) -> str:
    if isinstance(reached, Connected):
        return "connected"
    cause = reached.cause
    log.info("the number was not reached", cause=cause)
    if reached.heard or cause in _SILENT:
        call.hangup(cause)
        return cause
    return tell(call, "number-unknown" if cause in _UNKNOWN else "not-reached", cause)
