"""Mailboxes: speak into one, listen to one's own, from the own telephone or with a PIN from anywhere.

Tenant keys: `extensions` (`voicemail`: `pin`), `numbers` (`voicemail`, `languages`). Who listens is decided here and
never by FreeSWITCH: the telephone it authenticated, for its own mailbox, or whoever enters extension and PIN at a
number made for it. Wrong ones are counted like wrong PINs of rooms, against the caller and against all mailboxes of the
tenant, and it is not told which of the two was wrong; neither is logged.
Ends: FreeSWITCH alone holds the call, in the mailbox; or the caller heard why not and we hung up.
"""

from __future__ import annotations

from hmac import compare_digest

from structlog.typing import FilteringBoundLogger

from callcontrol.account import OfficeAccount
from callcontrol.flows.house import House
from callcontrol.flows.language import choose_language, remembered_language
from callcontrol.flows.telling import language_of, tell
from callcontrol.flows.tries import Tries
from callcontrol.flows.visit import Arrival
from callcontrol.forwarding import Called
from callcontrol.guessing import mailbox_caller, mailbox_key
from callcontrol.routing import MailboxRoute
from callcontrol.switch.call import Accepted, Call
from callcontrol.switch.mailbox import Mailbox
from callcontrol.tenants import Extension, Tenant

TRIES = 3
EXTENSION_DIGITS = range(2, 7)
PIN_DIGITS = range(4, 11)


def leave_message(call: Call, called: Called, shown: str, account: OfficeAccount) -> str:
    """Let the caller speak into the mailbox of an extension; returns the outcome for log and metrics.

    ``call.language``: of the greeting. ``shown``: the number the owner sees, "" when it is the one the call shows.
    """
    if called.extension.voicemail is None or called.tenant.domain is None:
        return tell(call, "extension-unavailable", "NO_USER_RESPONSE")
    call.answer()
    box = Mailbox(called.tenant.domain, called.extension.number, shown=shown)
    call.use_mailbox(box, noted=account.variables())
    return "in the mailbox"


def own_messages(call: Call, house: House, tenant: Tenant, extension: Extension) -> str:
    """`*791`: the mailbox of the extension that FreeSWITCH authenticated, without a PIN."""
    call.language = language_of(call, house, tenant)
    if extension.voicemail is None or tenant.domain is None:
        return tell(call, "target-no-voicemail", "UNALLOCATED_NUMBER")
    call.answer()
    call.use_mailbox(Mailbox(tenant.domain, extension.number, owner=True))
    return "listens"


def messages_by_pin(call: Call, house: House, route: MailboxRoute, log: FilteringBoundLogger) -> str:
    """A number with `voicemail: true`: the mailbox whose extension and PIN the caller enters."""
    arrival = Arrival.at(call, house, route.tenant, route.number, log)
    if seconds := house.state.blocked_for(mailbox_caller(arrival.key), house.now()):
        return _refuse(arrival, seconds)
    call.answer()
    choose_language(arrival)
    owner = _Login(arrival).owner()
    if owner is None or route.tenant.domain is None:
        call.play("goodbye")
        call.hangup()
        return "no right PIN"
    log.info("listens to a mailbox", extension=owner.number)
    call.use_mailbox(Mailbox(route.tenant.domain, owner.number, owner=True))
    return "listens"


def _refuse(arrival: Arrival, seconds: float) -> str:
    arrival.log.info("refused", reason="caller is blocked for guessing", seconds_left=round(seconds))
    arrival.call.language = remembered_language(arrival) or arrival.dialled.languages[0]
    arrival.call.play_unanswered("not-accepted")
    arrival.call.hangup("CALL_REJECTED")
    return "refused"


class _Login:
    """Asks for extension and PIN until they fit, three times at most."""

    def __init__(self, arrival: Arrival) -> None:
        self._arrival = arrival
        caller = mailbox_caller(arrival.key)
        self._tries = Tries(arrival, mailbox_key(arrival.tenant.id), caller, right_clears=False)

    def owner(self) -> Extension | None:
        """The extension whose PIN was entered; None when it was not."""
        words: tuple[str, ...] = ("mailbox-enter-extension",)
        for _ in range(TRIES):
            number = self._typed(words, EXTENSION_DIGITS)
            pin = self._typed(("enter-pin",), PIN_DIGITS) if number else ""
            if not pin:
                self._arrival.log.info("no extension or PIN entered")
                return None
            found = self._judged(number, pin)
            if found is not None or self._tries.blocked:
                return found
            words = ("mailbox-wrong", "mailbox-enter-extension")
        return None

    def _typed(self, words: tuple[str, ...], digits: range) -> str:
        """What is typed, as a `#` ends it; empty when nothing is."""
        answer = self._arrival.call.ask(
            [words, words],
            lengths=[digits[-1]],
            complete=lambda typed: False,
            judge=lambda typed: typed,
        )
        return answer.value if isinstance(answer, Accepted) else ""

    def _judged(self, number: str, pin: str) -> Extension | None:
        """The owner when extension and PIN fit and the caller is not blocked by now."""
        extension = self._arrival.tenant.extensions.get(number)
        mailbox = extension.voicemail if extension is not None else None
        right = mailbox is not None and compare_digest(mailbox.pin.get_secret_value().encode(), pin.encode())
        return extension if self._tries.accept(right) else None
