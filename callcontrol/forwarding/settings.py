"""What an extension has set, in force: its part of the tenant file with what star codes put over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from callcontrol.forwarding.values import Condition
from callcontrol.tenants import Extension, ForwardingProfile, Target
from callcontrol.tenants.document import KeyPath
from callcontrol.tenants.extension import Rules

ZERO = ForwardingProfile()
"""Profile 0 of an extension whose file does not describe it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The profiles of one extension, which is active, and do not disturb.

    profiles: as in force, always with 0. stars: which of ``active``, ``do_not_disturb`` and ``rules`` (of profile 0)
    star codes set.
    """

    extension: str
    active: int
    do_not_disturb: bool
    profiles: Mapping[int, ForwardingProfile]
    stars: frozenset[str] = frozenset()

    @classmethod
    def of(cls, extension: Extension) -> Settings:
        """What the tenant file says, nothing over it."""
        profiles = extension.forwarding.profiles
        return cls(
            extension=extension.number,
            active=extension.forwarding.active,
            do_not_disturb=extension.do_not_disturb,
            profiles=profiles if 0 in profiles else {0: ZERO, **profiles},
        )

    @property
    def profile(self) -> ForwardingProfile:
        """The active profile."""
        return self.profiles[self.active]

    @property
    def profile_from_stars(self) -> bool:
        """Whether star codes wrote the active profile."""
        return self.active == 0 and "rules" in self.stars

    @property
    def path(self) -> KeyPath:
        """Where the forwarding of the extension stands in the file."""
        return ("extensions", self.extension, "forwarding")

    @property
    def profile_path(self) -> KeyPath:
        """Where the active profile stands in the file."""
        return (*self.path, "profiles", str(self.active))


def target_of(rules: Rules, condition: Condition) -> Target | None:
    """Where a profile or selective rule sends calls in this condition."""
    match condition:
        case Condition.ALWAYS:
            return rules.always
        case Condition.NOT_REGISTERED:
            return rules.not_registered
        case Condition.BUSY:
            return rules.busy
        case Condition.NO_ANSWER:
            return rules.no_answer.to if rules.no_answer else None


def profile_label(number: int, profile: ForwardingProfile) -> str:
    """A profile as people call it: ``profile 1 (Urlaub)``."""
    return f"profile {number} ({profile.name})" if profile.name else f"profile {number}"
