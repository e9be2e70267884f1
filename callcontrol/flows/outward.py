"""An extension calls somebody outside, by the trunk of its tenant and with the tenant's number.

Tenant keys: `trunk`, `caller_id`, `outgoing`, `block_profiles` (`outgoing`), `extensions` (`block_profile`).
Emergency numbers always go to the trunk: no profile and no limit stands before them. The caller hears what the network
says before anybody answers. Ends: they talk and FreeSWITCH alone holds them; or the caller was told why not.
"""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from callcontrol.account import OfficeAccount, Service
from callcontrol.flows.house import House
from callcontrol.flows.party import shown_of, shows
from callcontrol.flows.telling import language_of, tell
from callcontrol.flows.trunk import by_trunk, needs_no_words, past_limits
from callcontrol.forwarding import Called
from callcontrol.forwarding.targets import blocked_by
from callcontrol.numbers import is_emergency
from callcontrol.outgoing import Callee, Refusal, Ringing, callee, line
from callcontrol.routing import OutwardRoute
from callcontrol.state.rounds import Held
from callcontrol.switch.call import Call
from callcontrol.switch.talk import Connected, NotReached

RING_SECONDS = 120  # the network ends it sooner, with an announcement of its own

_UNKNOWN = frozenset({"UNALLOCATED_NUMBER", "INVALID_NUMBER_FORMAT", "NO_ROUTE_DESTINATION", "NUMBER_CHANGED"})
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
    # Without this the call would ask for the privacy that the telephone asked for (switch_caller.c:148).
    shown = {"origination_privacy": "screen", **shows(route.tenant)}
    ring = Ringing(line(who), RING_SECONDS, {**account.variables(), **shown})
    return _told(call, past_limits(call, ring), log)


def _call(call: Call, house: House, caller: Called, digits: str, log: FilteringBoundLogger) -> str:
    who = callee(digits, caller.tenant)
    if isinstance(who, Refusal):
        log.info("the number is not called", reason=who.value)
        return tell(call, *_REFUSALS[who])
    if blocked_by(caller, "outgoing", who.number) is not None:
        log.info("the number is not called", reason="the block profile of the extension")
        return tell(call, "number-refused", "OUTGOING_CALL_BARRED")
    account = OfficeAccount(caller.tenant.id, caller.extension.number, Service.OUT, who.number)
    ring = Ringing(line(who), RING_SECONDS, shown_of(call, caller.tenant))
    reached = by_trunk(call, house, caller.tenant, account, ring)
    if isinstance(reached, Held):
        log.warning("the number is not called", reason=reached.value)
        return tell(call, "lines-busy", "NORMAL_CIRCUIT_CONGESTION")
    return _told(call, reached, log)


def _told(call: Call, reached: Connected | NotReached, log: FilteringBoundLogger) -> str:
    if isinstance(reached, Connected):
        return "connected"
    cause = reached.cause
    log.info("the number was not reached", cause=cause)
    if needs_no_words(reached):
        call.hangup(cause)
        return cause
    return tell(call, "number-unknown" if cause in _UNKNOWN else "not-reached", cause)
