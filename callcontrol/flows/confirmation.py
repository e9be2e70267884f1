"""What star codes are answered with, as prompts: what is set now, or why nothing was changed. Pure.

A target is always said back, as the person would dial it: an extension by its digits, a number digit by digit. Profiles
are said by their numbers, which are what people dial; only a file knows their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from callcontrol.forwarding import Condition
from callcontrol.forwarding.effects import (
    Activated,
    Confirmation,
    Refusal,
    RuleCancelled,
    RuleSaid,
    RuleSet,
    StatusIs,
    Undisturbed,
    WhyNot,
)
from callcontrol.forwarding.targets import Objection
from callcontrol.prompts import PAUSE
from callcontrol.spoken import key, number, telephone_number
from callcontrol.tenants import Target

Words = tuple[str, ...]

_RULES: Mapping[Condition, str] = {
    Condition.ALWAYS: "rule-always",
    Condition.NOT_REGISTERED: "rule-not-registered",
    Condition.BUSY: "rule-busy",
    Condition.NO_ANSWER: "rule-no-answer",
}
_CANCELLED: Mapping[Condition, str] = {
    Condition.ALWAYS: "cancelled-always",
    Condition.NOT_REGISTERED: "cancelled-not-registered",
    Condition.BUSY: "cancelled-busy",
    Condition.NO_ANSWER: "cancelled-no-answer",
}
_REFUSALS: Mapping[Refusal, str] = {
    Objection.EMPTY: "target-missing",
    Objection.ITSELF: "target-itself",
    Objection.EMERGENCY: "target-emergency",
    Objection.COSTLY: "target-blocked",
    Objection.BLOCKED: "target-blocked",
    Objection.NOT_A_NUMBER: "target-no-number",
    Objection.NO_EXTENSION: "target-unknown-extension",
    Objection.NO_VOICEMAIL: "target-no-voicemail",
    Objection.NO_TRUNK: "target-no-outside",
    WhyNot.NO_PROFILE: "profile-unknown",
}


def confirmed(said: Confirmation, language: str, region: str) -> Words:
    """Names of the prompts that say what a code did, or what is set. region: of who listens, ISO 3166."""
    match said:
        case RuleSet(rule, instead_of):
            replaced = () if instead_of is None else (PAUSE, "profile-zero-instead-of", *number(instead_of, language))
            return ("star-stored", PAUSE, *_rule(rule, language, region), *replaced)
        case RuleCancelled():
            return _cancelled(said, language)
        case Activated(profile):
            return ("profile-activated", *number(profile, language))
        case Undisturbed(on):
            return ("do-not-disturb-on" if on else "do-not-disturb-off",)
        case StatusIs():
            return _status(said, language, region)


def refused(reason: Refusal) -> Words:
    """Names of the prompts that say why nothing was changed."""
    return (_REFUSALS[reason], "nothing-changed")


def _cancelled(said: RuleCancelled, language: str) -> Words:
    """What was cancelled in profile 0; which profile is active only when it is another one."""
    first = "rule-was-not-set" if said.was is None else _CANCELLED[said.condition]
    return (first, PAUSE, "profile-active", *number(said.active, language)) if said.active else (first,)


def _status(said: StatusIs, language: str, region: str) -> Words:
    rules = chain.from_iterable((PAUSE, *_rule(rule, language, region)) for rule in said.rules)
    words = ["profile-active", *number(said.profile, language), *rules]
    if said.selective:
        words += [PAUSE, "rules-for-certain-callers"]
    elif not said.rules:
        words += [PAUSE, "no-rules"]
    if said.do_not_disturb:
        words += [PAUSE, "do-not-disturb-on"]
    return tuple(words)


def _rule(rule: RuleSaid, language: str, region: str) -> Words:
    """A rule with its target; of no_answer also after how many seconds."""
    seconds = (*number(rule.after, language), "seconds-to") if rule.condition is Condition.NO_ANSWER else ()
    return (_RULES[rule.condition], *seconds, *_target(rule.target, language, region))


def _target(target: Target, language: str, region: str) -> Words:
    match target.kind:
        case "extension":
            return ("target-extension", *key(target.value, language))
        case "number":
            return ("target-number", *telephone_number(target.value, language, region))
        case "voicemail":
            return ("target-voicemail",)
        case "busy":
            return ("target-busy",)
