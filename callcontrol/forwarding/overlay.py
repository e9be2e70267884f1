"""What star codes set, laid over the tenant file. Pure.

Each value that a code set carries a mark of what the file said then. When the file says something else now, the
administrator decided after the person did: the file counts. Marks exist for the active profile, for do not disturb and
for the rules of profile 0 as a whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from callcontrol.forwarding.settings import ZERO, Settings, target_of
from callcontrol.forwarding.values import Condition
from callcontrol.state.settings import Stored
from callcontrol.tenants import Extension, ForwardingProfile, NoAnswer, Target

PARTS = ("active", "do_not_disturb", "rules")

_VALUES = {
    "extension": re.compile(r"[1-9][0-9]{1,5}", re.ASCII),
    "number": re.compile(r"\+[1-9][0-9]{4,14}", re.ASCII),
    "voicemail": re.compile(""),
    "busy": re.compile(""),
}


@dataclass(frozen=True, slots=True)
class Overlaid:
    """The settings in force, what of the stored counts, and the names of the parts that the file replaced since."""

    settings: Settings
    counts: Stored
    replaced: tuple[str, ...]


def overlay(extension: Extension, stored: Stored) -> Overlaid:
    """The settings of an extension: its part of the tenant file with what is ``stored`` over it."""
    filed = Settings.of(extension)
    if stored.empty:
        return Overlaid(filed, stored, ())
    replaced = _replaced(filed, stored, marks_of(extension))
    counts = without(stored, replaced)
    return Overlaid(_over(filed, counts), counts, replaced)


def _replaced(filed: Settings, stored: Stored, marks: Mapping[str, str]) -> tuple[str, ...]:
    """The parts about which the file says something else now; a profile that it has no longer cannot be active."""
    lost = {"active"} if stored.active not in filed.profiles else set()
    return tuple(part for part in set_parts(stored) if stored.marks.get(part) != marks[part] or part in lost)


def set_parts(stored: Stored) -> tuple[str, ...]:
    """The parts that star codes set."""
    return tuple(part for part in PARTS if getattr(stored, part) is not None)


def without(stored: Stored, parts: Iterable[str]) -> Stored:
    """``stored`` as though no code had set these parts."""
    gone = set(parts)
    marks = {part: mark for part, mark in stored.marks.items() if part not in gone}
    return Stored(
        active=None if "active" in gone else stored.active,
        do_not_disturb=None if "do_not_disturb" in gone else stored.do_not_disturb,
        rules=None if "rules" in gone else stored.rules,
        marks=marks,
        changed_at=stored.changed_at,
    )


def to_store(counts: Stored, settings: Settings, wrote: Iterable[str], extension: Extension, now: float) -> Stored:
    """What is stored after a code ``wrote`` parts of ``settings``. counts: what was stored and still counts."""
    values = {
        "active": settings.active,
        "do_not_disturb": settings.do_not_disturb,
        "rules": _rules_out(settings.profiles[0]),
    }
    written = {part: values[part] for part in wrote}
    if not written:
        return counts
    marks = marks_of(extension)
    new = {**counts.marks, **{part: marks[part] for part in written}}
    return replace(counts, marks=new, changed_at=now, **written)  # type: ignore[arg-type]


def marks_of(extension: Extension) -> Mapping[str, str]:
    """What the tenant file says about each part, as a text that changes with it."""
    zero = extension.forwarding.profiles.get(0, ZERO)
    rules = hashlib.sha256(repr(sorted(_rules_out(zero).items())).encode()).hexdigest()[:16]
    return {
        "active": str(extension.forwarding.active),
        "do_not_disturb": str(extension.do_not_disturb).lower(),
        "rules": rules,
    }


# -- as stored -------------------------------------------------------------------------------------------------------


def _over(filed: Settings, counts: Stored) -> Settings:
    profiles = filed.profiles
    if counts.rules is not None:
        profiles = MappingProxyType({**profiles, 0: _rules_in(counts.rules, profiles[0])})
    return Settings(
        extension=filed.extension,
        active=filed.active if counts.active is None else counts.active,
        do_not_disturb=filed.do_not_disturb if counts.do_not_disturb is None else counts.do_not_disturb,
        profiles=profiles,
        stars=frozenset(set_parts(counts)),
    )


def _rules_out(profile: ForwardingProfile) -> dict[str, Any]:
    """Rules as JSON: ``{"always": ["extension", "34"], "no_answer": ["voicemail", "", 20]}``."""
    rules: dict[str, Any] = {}
    for condition in Condition:
        target = target_of(profile, condition)
        if target is not None:
            rules[condition.value] = [target.kind, target.value]
    if profile.no_answer is not None:
        rules[Condition.NO_ANSWER.value].append(profile.no_answer.after)
    return rules


def _rules_in(rules: Mapping[str, Any], filed: ForwardingProfile) -> ForwardingProfile:
    """Profile 0 with these rules and the name it has in the file; a rule that cannot be read is none."""
    read: dict[str, Target | NoAnswer | None] = {}
    for condition in Condition:
        target = _target_in(rules.get(condition.value))
        read[condition.value] = target
        if target is not None and condition is Condition.NO_ANSWER:
            read[condition.value] = NoAnswer(to=target, after=_seconds_in(rules[condition.value]))
    return filed.model_copy(update={**read, "selective": ()})


def _target_in(rule: object) -> Target | None:
    match rule:
        case [str(kind), str(value), *_] if kind in _VALUES and _VALUES[kind].fullmatch(value):
            return Target(kind, value)  # type: ignore[arg-type]
    return None


def _seconds_in(rule: object) -> int:
    match rule:
        case [_, _, int(after)] if 5 <= after <= 120:
            return after
    return 20
