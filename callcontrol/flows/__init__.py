"""Flows: what callers live through, one module per thing a number can lead to.

`serve` is the frame around every flow and the one place where a hang-up and every other error of a call is caught:
the caller hears an apology rather than silence, and the log tells how the call ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from callcontrol.errors import HungUp, SwitchError
from callcontrol.flows.callee import answer_summons
from callcontrol.flows.conference import enter_conference
from callcontrol.flows.extension import call_extension
from callcontrol.flows.farewell import say_farewell
from callcontrol.flows.house import House
from callcontrol.flows.outward import call_outside
from callcontrol.flows.starcode import steer_forwarding
from callcontrol.flows.telling import tell
from callcontrol.flows.visit import Visit
from callcontrol.flows.voicemail import messages_by_pin, own_messages
from callcontrol.forwarding import starcodes
from callcontrol.log import call_log
from callcontrol.routing import ExtensionRoute, MailboxRoute, NoRoute, OutwardRoute, RoomRoute, Route, StarRoute, route
from callcontrol.switch.call import Call

__all__ = ["House", "serve"]


@dataclass(frozen=True)
class _Purpose:
    """What a call is for: the labels it is counted under, and the conversation, which returns its outcome."""

    tenant: str
    service: str
    converse: Callable[[FilteringBoundLogger], str]


def serve(call: Call, house: House) -> None:
    """Serve one call to its end. Raises nothing."""
    log = call_log(call.id, "", "")
    tenant, service, outcome = "", "none", "failed"
    try:
        call.begin()
        purpose = _purpose(call, house)
        tenant, service = purpose.tenant, purpose.service
        log = log.bind(tenant=tenant, service=service)
        outcome = purpose.converse(log)
        log.info("conversation over", outcome=outcome)
    except HungUp as gone:
        outcome = "hung up"
        log.info("caller hung up", cause=gone.cause)
    except SwitchError as error:
        log.error("the switch did not do its part", error=str(error))
        _apologise(call)
    except Exception:  # whatever broke, the person on the line must not be left in silence
        log.exception("a flow failed")
        _apologise(call)
    finally:
        house.metrics.calls.labels(tenant, service, outcome).inc()


def _purpose(call: Call, house: House) -> _Purpose:
    """Somebody who is shown out, somebody we called, or somebody who called."""
    summons = call.summons
    if call.farewell:
        return _Purpose("", "none", lambda log: say_farewell(call, house.books))
    if summons is not None:
        tenant, _, room = summons.room.partition(".")
        return _Purpose(tenant, f"room {room}", lambda log: answer_summons(call, summons, house, log))
    known = call.caller.authenticated
    who = (known.domain, known.extension) if known is not None else ()
    where = route(house.tenants(), call.door, call.dialled, *who)
    tenant = where.tenant.id if where.tenant is not None else ""
    return _Purpose(tenant, _service_name(where), lambda log: _converse(call, house, where, log))


def _converse(call: Call, house: House, where: Route, log: FilteringBoundLogger) -> str:
    log.info("call arrived", door=call.door, dialled=call.dialled, caller=call.caller.number or "withheld")
    match where:
        case RoomRoute():
            return enter_conference(Visit.begin(call, house, where, log))
        case ExtensionRoute():
            return call_extension(call, house, where, log)
        case OutwardRoute():
            return call_outside(call, house, where, log)
        case MailboxRoute():
            return messages_by_pin(call, house, where, log)
        case StarRoute(tenant, extension) if starcodes.read(call.dialled) == starcodes.Voicemail():
            return own_messages(call, house, tenant, extension)
        case StarRoute(tenant, extension):
            return steer_forwarding(call, house, tenant, extension, log)
        case NoRoute():
            log.info("no service", reason=where.reason)
            call.language = where.tenant.languages[0] if where.tenant is not None else house.language
            return tell(call, "number-unknown", "UNALLOCATED_NUMBER")


def _apologise(call: Call) -> None:
    try:
        call.play("system-error")
        call.hangup("NORMAL_TEMPORARY_FAILURE")
    except (HungUp, SwitchError):
        pass  # the call is gone, or its socket is: then the dialplan's safety net takes over


def _service_name(where: Route) -> str:
    match where:
        case RoomRoute(rooms=(room,)):
            return f"room {room.name}"
        case RoomRoute():
            return "rooms"
        case ExtensionRoute(extension=extension):
            return f"extension {extension}"
        case StarRoute():
            return "star code"
        case OutwardRoute():
            return "outside"
        case MailboxRoute():
            return "mailboxes"
        case NoRoute():
            return "none"
