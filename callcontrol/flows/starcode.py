"""The conversation after a star code: an extension steers its own forwarding and hears what is set now.

Tenant keys: `extensions` (`forwarding`, `voicemail`, `block_profile`, `do_not_disturb`), `languages`. Only a telephone
that FreeSWITCH authenticated gets here, on the door of the extensions, and only for its own extension in its own
tenant. What was dialled is stored before it is confirmed; when the store does not answer, that is said and nothing
else. A code without its target asks for it, twice at most. Ends with a hang-up.
"""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from callcontrol.flows.confirmation import confirmed, refused
from callcontrol.flows.house import House
from callcontrol.flows.intercom import open_intercom
from callcontrol.flows.telling import language_of
from callcontrol.forwarding import Called, starcodes
from callcontrol.forwarding.effects import (
    Activated,
    Confirmation,
    Refusal,
    Refused,
    RuleCancelled,
    RuleSaid,
    RuleSet,
    Setting,
    StatusIs,
    Undisturbed,
)
from callcontrol.forwarding.starcodes import (
    Activate,
    CancelRule,
    DoNotDisturb,
    Intercom,
    NeedsTarget,
    NotACode,
    Read,
    SetRule,
    Status,
)
from callcontrol.forwarding.targets import Objection
from callcontrol.prompts import PAUSE
from callcontrol.state import StateUnavailable
from callcontrol.switch.call import Accepted, Call
from callcontrol.tenants import Extension, Tenant

QUESTIONS = 2
TARGET_SECONDS = 10.0
AT_ONCE = 40  # prompts: four rules with long numbers are a hundred, and last longer than `play` may


def steer_forwarding(call: Call, house: House, tenant: Tenant, extension: Extension, log: FilteringBoundLogger) -> str:
    """Carry out the star code that ``extension`` dialled; returns the outcome for log and metrics."""
    call.language = language_of(call, house, tenant)
    read = starcodes.read(call.dialled)
    if isinstance(read, Intercom):
        return open_intercom(call, house, Called(tenant, extension), read.extension, log)
    if not _steers(read):
        call.play_unanswered("star-code-unknown")
        call.hangup("UNALLOCATED_NUMBER")
        return "no such star code"
    call.answer()
    return _Steering(call, house, Called(tenant, extension), log.bind(extension=extension.number)).converse(read)


class _Steering:
    """One extension and its code."""

    def __init__(self, call: Call, house: House, who: Called, log: FilteringBoundLogger) -> None:
        self._call = call
        self._house = house
        self._who = who
        self._log = log

    def converse(self, read: Read) -> str:
        """Ask for what is missing, do it, and say what is so now."""
        if isinstance(read, NeedsTarget):
            read = self._with_target(read)
        match read:
            case SetRule() | CancelRule() | Activate() | Status() | DoNotDisturb():
                outcome = self._carry_out(read)
            case Intercom(extension):
                return open_intercom(self._call, self._house, self._who, extension, self._log)
            case NotACode():  # letters among the digits of a target
                outcome = self._refuse(Objection.NOT_A_NUMBER)
            case _:
                outcome = self._refuse(Objection.EMPTY)
        self._call.hangup()
        return outcome

    def _with_target(self, code: NeedsTarget) -> Read:
        """The code with the target that is pressed now; without one it stays as it is."""
        answer = self._call.ask(
            [["enter-target"]] * QUESTIONS,
            lengths=[starcodes.LONGEST],
            complete=lambda digits: False,
            judge=lambda digits: digits,
            first_seconds=TARGET_SECONDS,
        )
        return starcodes.with_target(code, answer.value) if isinstance(answer, Accepted) else code

    def _carry_out(self, code: Setting) -> str:
        try:
            made = self._house.desk.dial(code, self._who)
        except StateUnavailable as error:
            self._log.warning("star code not stored", code=_named(code), error=str(error))
            self._say("settings-unavailable" if isinstance(code, Status) else "not-stored")
            return "star code not stored"
        if isinstance(made, Refused):
            return self._refuse(made.reason)
        self._log.info("star code", code=_named(code), now=_in_words(made.said))
        self._say(*confirmed(made.said, self._call.language, self._who.tenant.region))
        return "star code confirmed"

    def _refuse(self, reason: Refusal) -> str:
        self._log.info("star code refused", reason=str(reason))
        self._say(*refused(reason))
        return "star code refused"

    def _say(self, *words: str) -> None:
        """Say it; a moment later the call ends, so that no telephone swallows the last digit."""
        spoken = (*words, PAUSE)
        for first in range(0, len(spoken), AT_ONCE):
            self._call.play(*spoken[first : first + AT_ONCE])


def _steers(read: Read) -> bool:
    """Whether a code is about settings or an intercom, or will be once its target is known."""
    complete = starcodes.with_target(read, "0") if isinstance(read, NeedsTarget) else read
    return isinstance(complete, SetRule | CancelRule | Activate | Status | DoNotDisturb | Intercom)


def _named(code: Setting) -> str:
    return type(code).__name__


def _in_words(said: Confirmation) -> str:
    """What is set now, for whoever reads the log."""
    match said:
        case RuleSet(rule=RuleSaid(condition=condition, target=target)):
            return f"profile 0, {condition}: {target}"
        case RuleCancelled(condition=condition, active=active):
            return f"profile {active}, no rule for {condition} in profile 0"
        case Undisturbed(on=on):
            return f"do not disturb {'on' if on else 'off'}"
        case Activated(profile=profile) | StatusIs(profile=profile):
            return f"profile {profile}"
