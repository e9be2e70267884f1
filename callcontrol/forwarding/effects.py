"""What a star code does: settings and code in, new settings and what is to be confirmed out. Pure.

A refusal says why, and changes nothing. Rules are written into profile 0, which becomes active: the confirmation says
which profile that replaced, so that nobody loses their holiday profile unheard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from callcontrol.forwarding import starcodes
from callcontrol.forwarding.settings import Settings, target_of
from callcontrol.forwarding.starcodes import Activate, CancelRule, DoNotDisturb, SetRule, Status
from callcontrol.forwarding.targets import Allowed, Objection, inspect
from callcontrol.forwarding.values import Called, Condition
from callcontrol.numbers import is_emergency, national_prefix, to_e164
from callcontrol.tenants import ForwardingProfile, NoAnswer, Target

Setting = SetRule | CancelRule | Activate | Status | DoNotDisturb
"""The codes about settings; the others are calls."""


class WhyNot(StrEnum):
    """Why a code is refused though its target, if any, is fine."""

    NO_PROFILE = "there is no such profile"
    NO_INTERCOM = "the extension allows no intercom"
    UNDISTURBED = "the extension does not want to be disturbed"


Refusal = Objection | WhyNot


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was changed."""

    reason: Refusal


@dataclass(frozen=True, slots=True)
class RuleSaid:
    """A rule as it is read out. after: seconds of a no-answer rule, else 0."""

    condition: Condition
    target: Target
    after: int = 0


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rule is in profile 0, which is active. instead_of: the profile that was active before, None when it was 0."""

    rule: RuleSaid
    instead_of: int | None


@dataclass(frozen=True, slots=True)
class RuleCancelled:
    """Profile 0 has no such rule now. was: what it was; None when there was none. active: the profile in force."""

    condition: Condition
    was: Target | None
    active: int


@dataclass(frozen=True, slots=True)
class Activated:
    """This profile is in force. name: as in the tenant file, ``""`` when it has none."""

    profile: int
    name: str


@dataclass(frozen=True, slots=True)
class StatusIs:
    """What is set. selective: how many selective rules the active profile has besides."""

    profile: int
    name: str
    rules: tuple[RuleSaid, ...]
    selective: int
    do_not_disturb: bool


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """Do not disturb is on or off now."""

    on: bool


Confirmation = RuleSet | RuleCancelled | Activated | StatusIs | Undisturbed


@dataclass(frozen=True, slots=True)
class Done:
    """The settings as they are now, which parts of them this code wrote, and what to say.

    wrote: of ``active``, ``do_not_disturb``, ``rules``; these are to be stored.
    """

    settings: Settings
    wrote: frozenset[str]
    said: Confirmation


def apply(code: Setting, settings: Settings, called: Called) -> Done | Refused:
    """What ``code`` does to the settings of ``called``, who dialled it."""
    match code:
        case SetRule(condition, text):
            return _set(condition, text, settings, called)
        case CancelRule(condition):
            return _cancel(condition, settings)
        case Activate(number):
            return _activate(number, settings)
        case Status():
            return Done(settings, frozenset(), _status(settings))
        case DoNotDisturb(on):
            return _done(replace(settings, do_not_disturb=on), {"do_not_disturb"}, Undisturbed(on))


def target(text: str, called: Called) -> Target | Refused:
    """What a person means with a dialled target, when calls may be sent there.

    text: an extension, ``00...``, ``+...``, ``0...`` or ``*791``. Where no 0 is dialled before an area code, as in
    the US, a number may stand as it is dialled there.
    """
    meant = _meant(text, called)
    if isinstance(meant, Objection):
        return Refused(meant)
    found = inspect(meant, called)
    return found.target if isinstance(found, Allowed) else Refused(found)


def intercom(extension: str, called: Called, theirs: Settings | None) -> Refused | None:
    """Why ``called`` may not open the loudspeaker of an extension; None when it may.

    theirs: settings of that extension; None when there is no such extension.
    """
    if not extension:
        return Refused(Objection.EMPTY)
    if extension == called.extension.number:
        return Refused(Objection.ITSELF)
    other = called.tenant.extensions.get(extension)
    if other is None or theirs is None:
        return Refused(Objection.NO_EXTENSION)
    if not other.intercom:
        return Refused(WhyNot.NO_INTERCOM)
    return Refused(WhyNot.UNDISTURBED) if theirs.do_not_disturb else None


# -- the codes -------------------------------------------------------------------------------------------------------


def _set(condition: Condition, text: str, settings: Settings, called: Called) -> Done | Refused:
    found = target(text, called)
    if isinstance(found, Refused):
        return found
    zero = settings.profiles[0]
    rule: Target | NoAnswer = found
    if condition is Condition.NO_ANSWER:
        before = (
            zero.no_answer or Settings.of(called.extension).profiles[0].no_answer
        )  # cancelled, the file's time counts
        rule = NoAnswer(to=found, after=before.after) if before else NoAnswer(to=found)
    new = _with_zero(settings, zero.model_copy(update={condition.value: rule}))
    said = RuleSaid(condition, found, rule.after if isinstance(rule, NoAnswer) else 0)
    return _done(replace(new, active=0), {"rules", "active"}, RuleSet(said, settings.active or None))


def _cancel(condition: Condition, settings: Settings) -> Done:
    zero = settings.profiles[0]
    new = _with_zero(settings, zero.model_copy(update={condition.value: None}))
    return _done(new, {"rules"}, RuleCancelled(condition, target_of(zero, condition), settings.active))


def _activate(number: int, settings: Settings) -> Done | Refused:
    profile = settings.profiles.get(number)
    if profile is None:
        return Refused(WhyNot.NO_PROFILE)
    return _done(replace(settings, active=number), {"active"}, Activated(number, profile.name or ""))


def _status(settings: Settings) -> StatusIs:
    profile = settings.profile
    rules = tuple(said for condition in Condition if (said := _said(profile, condition)))
    return StatusIs(settings.active, profile.name or "", rules, len(profile.selective), settings.do_not_disturb)


def _said(profile: ForwardingProfile, condition: Condition) -> RuleSaid | None:
    to = target_of(profile, condition)
    if to is None:
        return None
    seconds = profile.no_answer.after if profile.no_answer and condition is Condition.NO_ANSWER else 0
    return RuleSaid(condition, to, seconds)


def _with_zero(settings: Settings, zero: ForwardingProfile) -> Settings:
    profiles: Mapping[int, ForwardingProfile] = MappingProxyType({**settings.profiles, 0: zero})
    return replace(settings, profiles=profiles)


def _done(settings: Settings, wrote: set[str], said: Confirmation) -> Done:
    return Done(replace(settings, stars=settings.stars | wrote), frozenset(wrote), said)


# -- what a dialled target means -------------------------------------------------------------------------------------


def _meant(text: str, called: Called) -> Target | Objection:
    if not text:
        return Objection.EMPTY
    if text == starcodes.VOICEMAIL:
        return Target("voicemail")
    if len(text) > starcodes.LONGEST or not text.removeprefix("+").isascii() or not text.removeprefix("+").isdigit():
        return Objection.NOT_A_NUMBER
    if text in called.tenant.extensions:
        return Target("extension", text)
    if text == starcodes.VOICEMAIL[1:]:  # *11791, where nobody has extension 791
        return Target("voicemail")
    return _outside(text, called.tenant.region)


def _outside(text: str, region: str) -> Target | Objection:
    """A number outside. People dial 0 before 112 where an old telephone system wanted it; that is no target either."""
    if any(is_emergency(text.lstrip("+").removeprefix(zeros), region) for zeros in ("", "0", "00")):
        return Objection.EMERGENCY
    number = next(filter(None, (to_e164(form, region) for form in _forms(text, region))), None)
    if number is not None:
        return Target("number", number)
    return Objection.NOT_A_NUMBER if text.startswith(("+", "0")) else Objection.NO_EXTENSION


def _forms(text: str, region: str) -> tuple[str, ...]:
    if text.startswith("00"):
        return ("+" + text[2:],)
    if text.startswith("0"):
        return (text, text[1:]) if national_prefix(region) != "0" else (text,)
    return (text,) if text.startswith("+") or national_prefix(region) != "0" else ()
