"""Extensions: they have a domain, and what they forward to exists, can be reached and is not themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from callcontrol.numbers import is_costly
from callcontrol.tenants.blocks import PREDEFINED, Entry, blocking
from callcontrol.tenants.document import KeyPath
from callcontrol.tenants.draft import Draft, Finding, Part
from callcontrol.tenants.extension import ExtensionEntry, Rules, Selective
from callcontrol.tenants.fields import UNKNOWN_REGION, Target
from callcontrol.tenants.rules.common import reaches, unknown
from callcontrol.tenants.spelling import suggestion


def have_a_domain(draft: Draft) -> Iterator[Finding]:
    """Telephones register with the domain of their tenant."""
    if draft.extensions and not draft.has("domain"):
        yield Finding(("extensions",), "extensions: the tenant has no domain", "domain: acme.example", at_key=True)


def name_block_profiles_that_exist(draft: Draft) -> Iterator[Finding]:
    """``block_profile`` is one of ``block_profiles``."""
    for extension in draft.extensions.values():
        name = extension.value.block_profile
        there = {**draft.block_profiles, **PREDEFINED}
        if name and extension.intact("block_profile") and name not in there:
            known = suggestion(name, there)
            yield Finding((*extension.path, "block_profile"), f"unknown block profile {name!r}", known)


def describe_no_predefined_profile(draft: Draft) -> Iterator[Finding]:
    """What ``international`` blocks is the same for every tenant."""
    for name, profile in draft.block_profiles.items():
        if name in PREDEFINED:
            message = f"block profile {name!r} is there already and cannot be changed"
            yield Finding(profile.path, message, "give yours another name", at_key=True)


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose forwarding is looked at."""

    number: str
    part: Part[ExtensionEntry]


def forward_to_somebody(draft: Draft) -> Iterator[Finding]:
    """Every target of every profile can be reached, and the active profile exists."""
    for number, extension in draft.extensions.items():
        owner = _Owner(number, extension)
        profiles = list(draft.profiles(extension))
        for profile in profiles:
            yield from _targets(draft, owner, profile)
            rules = list(draft.selective(profile))
            yield from _selective(draft, owner, rules)
            if rules and profile.path[-1] == "0":
                hint = "put them into a profile from 1 to 9"
                yield Finding((*profile.path, "selective"), "selective: profile 0 has no selective rules", hint)
        forwarding = draft.forwarding(extension)
        active = forwarding.value.active
        if forwarding.intact("active") and active and str(active) not in {profile.path[-1] for profile in profiles}:
            yield Finding((*forwarding.path, "active"), f"active: there is no profile {active}")


def _selective(draft: Draft, owner: _Owner, rules: list[Part[Selective]]) -> Iterator[Finding]:
    seen: dict[object, Part[Selective]] = {}
    for rule in rules:
        yield from _targets(draft, owner, rule)
        if not rule.intact("source"):
            continue
        source, place = rule.value.source, (*rule.path, "from")
        if source in seen:
            first = draft.line((*seen[source].path, "from"))
            yield Finding(place, "from: these callers have a rule already", f"in line {first}")
        seen.setdefault(source, rule)
        if source.kind == "extension" and source.value not in draft.extensions:
            yield unknown(place, "extension", source.value, draft.extensions)


def _targets(draft: Draft, owner: _Owner, rules: Part[Rules]) -> Iterator[Finding]:
    for key in ("always", "no_answer", "busy", "not_registered"):
        target = rules.value.targets.get(key) if rules.intact(key) else None
        if target is not None:
            place: KeyPath = (*rules.path, key, "to") if key == "no_answer" else (*rules.path, key)
            yield from _leads_somewhere(draft, owner, place, target)


def _leads_somewhere(draft: Draft, owner: _Owner, path: KeyPath, target: Target) -> Iterator[Finding]:
    entry = owner.part.value
    if target.kind == "extension" and target.value == owner.number:
        yield Finding(path, f"extension {owner.number} forwards to itself")
    elif target.kind == "voicemail" and owner.part.intact("voicemail") and entry.voicemail is None:
        yield Finding(path, f"extension {owner.number} has no voicemail to forward to", "add voicemail: to it")
    else:
        yield from reaches(draft, path, target)
        yield from _is_not_blocked(draft, owner, path, target)


def _is_not_blocked(draft: Draft, owner: _Owner, path: KeyPath, target: Target) -> Iterator[Finding]:
    """Calls look again: what a star code set is in no file, and what a number costs may change."""
    region = draft.reading.region
    if target.kind != "number":
        return
    if is_costly(target.value):
        yield Finding(path, f"{target.value} is a premium, satellite or personal number", "nobody may forward there")
        return
    name = owner.part.value.block_profile if owner.part.intact("block_profile") else None
    forwarded = _forwarded(draft, name)
    if region != UNKNOWN_REGION and blocking(forwarded, target.value, region) is not None:
        yield Finding(path, f"block profile {name!r} forbids to forward there")


def _forwarded(draft: Draft, name: str | None) -> Sequence[Entry]:
    if name is not None and name in PREDEFINED:
        return PREDEFINED[name].forwarded
    profile = draft.block_profiles.get(name) if name else None
    return profile.value.forwarded if profile and profile.intact("forwarded") else ()


RULES = (have_a_domain, name_block_profiles_that_exist, describe_no_predefined_profile, forward_to_somebody)
