"""A call to an extension: its telephones and mobiles ring, or the call goes where its forwarding says.

Tenant keys: `extensions` (all but passwords), `block_profiles`, `outgoing`, `caller_id`, `trunk`, `domain`.
What is to happen is decided in callcontrol/forwarding, from what the switch and the star codes say at this moment; this
flow carries it out, over as many forwards as are allowed. Nobody is answered by us but for a mailbox: the caller pays
from the moment somebody takes the call. Ends: they talk, or the caller speaks into a mailbox, and FreeSWITCH alone has
the call; or the caller was told, or hears that it is busy, and is hung up. A daemon that dies while it rings leaves the
caller to the next one, which begins anew.
"""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from callcontrol.account import OfficeAccount, Service
from callcontrol.flows.house import House
from callcontrol.flows.party import Party, party
from callcontrol.flows.presence import situation
from callcontrol.flows.telling import language_of, tell
from callcontrol.flows.trunk import by_trunk, needs_no_words
from callcontrol.flows.voicemail import leave_message
from callcontrol.forwarding import (
    Busy,
    Called,
    Chain,
    Forward,
    Missed,
    Refused,
    Reject,
    Ring,
    Then,
    Voicemail,
    decide,
)
from callcontrol.outgoing import Callee, Ringing, bridge, line, telephones
from callcontrol.routing import ExtensionRoute
from callcontrol.state.rounds import Held
from callcontrol.switch.call import Call
from callcontrol.switch.talk import Connected, NotReached

OUTSIDE_SECONDS = 60  # that a number outside rings to which a call is forwarded
CONNECTED = "connected"

_BUSY = frozenset({"USER_BUSY", "CALL_REJECTED"})
_NO_ANSWER = frozenset({"ALLOTTED_TIMEOUT", "NO_ANSWER"})
_DECLINED = "NORMAL_CLEARING"  # a mobile was answered, and hung up or pressed 9
# What the caller is told: prompt, and the cause of the hang-up.
_REFUSALS = {
    Refused.BLOCKED_CALLER: ("not-accepted", "CALL_REJECTED"),
    Refused.NOT_REGISTERED: ("extension-unavailable", "NO_USER_RESPONSE"),
    Refused.NO_ANSWER: ("extension-unavailable", "NO_ANSWER"),
    Refused.LOOP: ("forwarded-too-often", "EXCHANGE_ROUTING_ERROR"),
    Refused.TOO_FAR: ("forwarded-too-often", "EXCHANGE_ROUTING_ERROR"),
    Refused.BLOCKED_TARGET: ("extension-unavailable", "NO_USER_RESPONSE"),
    Refused.IMPOSSIBLE_TARGET: ("extension-unavailable", "NO_USER_RESPONSE"),
}


def call_extension(call: Call, house: House, route: ExtensionRoute, log: FilteringBoundLogger) -> str:
    """Put a caller through to an extension; returns the outcome for log and metrics."""
    tenant = route.tenant
    call.language = language_of(call, house, tenant, route.number)
    found = tenant.extensions.get(route.extension)
    if found is None:  # the tenant file has changed since the call was routed
        return tell(call, "extension-unavailable", "NO_USER_RESPONSE")
    return _Visit(call, house, party(call, house.tenants(), tenant), log).reach(Called(tenant, found))


class _Visit:
    """One caller on the way to somebody."""

    def __init__(self, call: Call, house: House, who: Party, log: FilteringBoundLogger) -> None:
        self._call, self._house, self._who, self._log = call, house, who, log
        self._chain = Chain(before=who.before)
        self._sent_on = ""  # Diversion to colleagues
        self._sent_out = ""  # ... and to the outside

    def reach(self, called: Called) -> str:
        """Try the extension, and where its calls are sent, until somebody answers or the caller is told."""
        while True:
            registered = telephones(self._call.contacts(called.extension.number, called.tenant.domain or ""))
            settings = self._house.desk.settings(called)
            now = situation(self._call, called, registered)
            plan = decide(called, self._who.caller, now, settings, self._chain)
            log = self._log.bind(extension=called.extension.number)
            log.info("the call was decided", plan=type(plan).__name__.lower(), why=plan.reason.text)
            then = self._ring(called, plan, registered) if isinstance(plan, Ring) else plan
            if then is None:
                return CONNECTED
            if not isinstance(then, Forward):
                return self._end(called, then)
            log.info("the call is forwarded", to=str(then.to), why=then.diversion)
            self._chain = then.chain
            self._sent_on = _header(called, called.extension.number, then.diversion, then.chain)
            self._sent_out = _header(called, _known_as(called), then.diversion, then.chain)
            if then.to.kind != "extension":
                return self._outside(called, then)
            called = Called(called.tenant, called.tenant.extensions[then.to.value])

    def _ring(self, called: Called, plan: Ring, registered: tuple[str, ...]) -> Then | None:
        """Ring; what is to happen when nobody took the call, None when somebody did."""
        lines = self._lines_for(called, plan.mobiles)
        rings = [*self._desks(called, plan, registered), *self._mobiles(called, plan, lines)]
        if not rings:
            return plan.after(Missed.UNREACHABLE)
        dial, seconds = bridge(rings)
        reached = self._call.connect(dial, seconds=seconds, noted=self._account(called).variables())
        if isinstance(reached, Connected):
            self._log.info("the call is connected", extension=called.extension.number)
            self._house.lines.taken_by(reached.other, lines)
            return None
        self._house.lines.give_back(lines)
        self._log.info("nobody took the call", extension=called.extension.number, causes=reached.causes)
        return plan.after(_missed(reached))

    def _desks(self, called: Called, plan: Ring, registered: tuple[str, ...]) -> list[Ringing]:
        if not plan.telephones:
            return []
        variables = {"presence_id": called.account, **self._who.inside}
        return [Ringing(endpoint, plan.seconds, variables, diversion=self._sent_on) for endpoint in registered]

    def _mobiles(self, called: Called, plan: Ring, lines: tuple[str, ...]) -> list[Ringing]:
        accept = self._house.prompts.file(called.tenant.languages[0], "take-call")
        # Counted like a forward: a mobile may send the call back to us.
        diversion = self._sent_out or _header(called, _known_as(called), "no-answer", self._chain.after(called))
        return [
            Ringing(
                line(Callee(number, trunk=called.tenant.trunk or "")),
                plan.seconds,
                {"origination_uuid": name, **_paid(called, Service.MOBILE, number).variables(), **self._who.outside},
                accept=accept,
                diversion=diversion,
            )
            for number, name in zip(plan.mobiles, lines, strict=False)
        ]

    def _lines_for(self, called: Called, mobiles: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the calls to the mobiles; none when the tenant's limits do not allow them."""
        if not mobiles:
            return ()
        taken = self._house.lines.take(called.tenant, [_paid(called, Service.MOBILE, number) for number in mobiles])
        if isinstance(taken, Held):
            self._log.warning("the mobiles do not ring", reason=taken.value)
            return ()
        return taken

    def _outside(self, called: Called, then: Forward) -> str:
        """Send the call on to a number outside; nobody is tried after that."""
        account = _paid(called, Service.FORWARD, then.to.value)
        endpoint = line(Callee(then.to.value, trunk=called.tenant.trunk or ""))
        ring = Ringing(endpoint, OUTSIDE_SECONDS, self._who.outside, diversion=self._sent_out)
        noted = self._account(called).variables()
        reached = by_trunk(self._call, self._house, called.tenant, account, ring, noted)
        if isinstance(reached, Connected):
            return CONNECTED
        if isinstance(reached, Held):
            self._log.warning("the call is not forwarded", reason=reached.value)
            return tell(self._call, *_REFUSALS[Refused.IMPOSSIBLE_TARGET])
        self._log.info("the forward was not answered", cause=reached.cause)
        if needs_no_words(reached):
            self._call.hangup(reached.cause)
            return reached.cause
        return tell(self._call, "extension-unavailable", "NO_USER_RESPONSE")

    def _end(self, called: Called, then: Voicemail | Busy | Reject) -> str:
        match then:
            case Busy():
                self._call.hangup("USER_BUSY")
                return "busy"
            case Voicemail():
                shown = self._who.inside.get("origination_caller_id_number", "")
                return leave_message(self._call, called, shown, self._account(called))
            case Reject(refused=refused):
                return tell(self._call, *_REFUSALS[refused])

    def _account(self, called: Called) -> OfficeAccount:
        """Of the caller's own call."""
        caller, tenant = self._who.caller, called.tenant.id
        service = Service.INSIDE if caller.extension else Service.IN
        return OfficeAccount(tenant, called.extension.number, service, caller.extension or caller.number)


def _paid(called: Called, service: Service, number: str) -> OfficeAccount:
    """Of a call to the outside that is made for the one who is called."""
    return OfficeAccount(called.tenant.id, called.extension.number, service, number)


def _missed(reached: NotReached) -> Missed:
    """Why ringing came to nothing: one telephone that rang to the end says more than others that were busy.

    A mobile whose owner declined, or whose mailbox pressed no key, was reached and did not answer.
    """
    causes = set(reached.causes) or {reached.cause}
    if causes & _NO_ANSWER:
        return Missed.NO_ANSWER
    if causes & _BUSY:
        return Missed.BUSY
    return Missed.NO_ANSWER if _DECLINED in causes else Missed.UNREACHABLE


def _known_as(called: Called) -> str:
    """The number outside that leads to this extension, or else the tenant's, or the extension."""
    tenant, own = called.tenant, called.extension.number
    direct = next((number.e164 for number in tenant.numbers.values() if number.extension == own), None)
    return direct or tenant.caller_id or own


def _header(called: Called, number: str, reason: str, chain: Chain) -> str:
    """Diversion (RFC 5806)."""
    return f"<sip:{number}@{called.tenant.domain}>;reason={reason};counter={min(chain.hops, 9)}"
