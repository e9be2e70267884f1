"""Extensions: they have a domain, and what they forward to exists, can be reached and is not themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from callcontrol.numbers import NumberPattern
from callcontrol.tenants.document import KeyPath
from callcontrol.tenants.draft import Draft, Finding, Part
from callcontrol.tenants.extension import ExtensionEntry, Rules, Selective
from callcontrol.tenants.fields import Target
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
        if name and extension.intact("block_profile") and name not in draft.block_profiles:
            known = suggestion(name, draft.block_profiles) if draft.block_profiles else "there are no block_profiles"
            yield Finding((*extension.path, "block_profile"), f"unknown block profile {name!r}", known)


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
            yield from _selective(draft, owner, list(draft.selective(profile)))
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
    """Only patterns are looked at: what premium or international means depends on the call."""
    name = owner.part.value.block_profile if owner.part.intact("block_profile") else None
    profile = draft.block_profiles.get(name) if name else None
    if target.kind != "number" or profile is None or not profile.intact("forwarded"):
        return
    patterns = [entry for entry in profile.value.forwarded if isinstance(entry, NumberPattern)]
    if any(pattern.matches(target.value) for pattern in patterns):
        yield Finding(path, f"block profile {name!r} forbids to forward there")


RULES = (have_a_domain, name_block_profiles_that_exist, forward_to_somebody)
