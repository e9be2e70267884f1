"""The values of forwarding: who calls, what is known about the called extension, and what becomes of the call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from callcontrol.numbers import is_withheld, to_e164
from callcontrol.tenants import Extension, Target, Tenant
from callcontrol.tenants.document import KeyPath

MOST_HOPS = 5  # forwards of one call


class Condition(StrEnum):
    """When a rule applies; the names are those of the tenant file."""

    ALWAYS = "always"
    NOT_REGISTERED = "not_registered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as far as it is proved: an extension of the same tenant, a number outside, or nobody known.

    extension: only of whom FreeSWITCH authenticated, in the tenant of the called extension; never what a call from the
    trunk says of itself. number: E.164, ``""`` when there is none that can be read. withheld: no number was shown.
    """

    extension: str = ""
    number: str = ""
    withheld: bool = False

    @classmethod
    def internal(cls, extension: str) -> Caller:
        """An authenticated extension of the called tenant; ``CLIR`` does not make a colleague anonymous."""
        return cls(extension=extension)

    @classmethod
    def outside(cls, shown: str, region: str) -> Caller:
        """Everybody else, by the number the call shows, read in ``region``."""
        if is_withheld(shown):
            return cls(withheld=True)
        return cls(number=to_e164(shown, region) or "")

    def __str__(self) -> str:
        if self.extension:
            return f"extension {self.extension}"
        return "an anonymous caller" if self.withheld else self.number or "a caller without a telephone number"


@dataclass(frozen=True, slots=True)
class Situation:
    """What only the switch knows about an extension now.

    registered: it has a telephone; talking: one of its telephones is in a call.
    """

    registered: bool = True
    talking: bool = False


@dataclass(frozen=True, slots=True)
class Called:
    """The extension a call is for, and its tenant."""

    tenant: Tenant
    extension: Extension

    @property
    def account(self) -> str:
        """The account its telephones register with, such as ``33@acme.example``."""
        return f"{self.extension.number}@{self.tenant.domain}"


@dataclass(frozen=True, slots=True)
class Chain:
    """How a call came here: the extensions that sent it on, in their order, and forwards before it reached us.

    before: Diversion headers of a call from the trunk, so that a loop through the telephone network ends too.
    """

    visited: tuple[tuple[str, str], ...] = ()
    before: int = 0

    @property
    def hops(self) -> int:
        """How often the call was sent on."""
        return len(self.visited) + self.before

    def after(self, called: Called) -> Chain:
        """The chain of a call that ``called`` sends on."""
        return Chain((*self.visited, (called.tenant.id, called.extension.number)), self.before)

    def has(self, tenant: str, extension: str) -> bool:
        """Whether this extension sent the call on already."""
        return (tenant, extension) in self.visited


@dataclass(frozen=True, slots=True)
class Step:
    """One reason. path: the key of the tenant file it rests on, () for none; stars: a star code said so, not the file.

    path may go deeper than the file does (a key with its default): its nearest parent is meant then.
    """

    text: str
    path: KeyPath = ()
    stars: bool = False


class Refused(StrEnum):
    """Why a call ends, as what the caller is to be told."""

    BLOCKED_CALLER = "the block profile does not put this caller through"
    NOT_REGISTERED = "no telephone is registered"
    NO_ANSWER = "nobody answers"
    LOOP = "the call was at this extension before"
    TOO_FAR = "the call was forwarded too often"
    BLOCKED_TARGET = "the block profile forbids to forward there"
    IMPOSSIBLE_TARGET = "the target cannot be called"


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of a call when it does not ring here. why: the reasons, the last one decides."""

    why: tuple[Step, ...]

    @property
    def reason(self) -> Step:
        """What decided."""
        return self.why[-1]


Diversion = Literal["unconditional", "unavailable", "user-busy", "no-answer", "do-not-disturb"]
"""The reason of a Diversion header, RFC 5806 section 4."""


@dataclass(frozen=True, slots=True)
class Forward(Ending):
    """Send the call on, to an extension of the tenant or to a number outside. chain: to decide with at the target.

    to: checked just now; never an emergency number, nor one the tenant or the block profile does not allow.
    """

    to: Target
    diversion: Diversion
    chain: Chain


@dataclass(frozen=True, slots=True)
class Voicemail(Ending):
    """The mailbox of the called extension, which has one."""


@dataclass(frozen=True, slots=True)
class Busy(Ending):
    """The busy tone."""


@dataclass(frozen=True, slots=True)
class Reject(Ending):
    """Tell the caller that it cannot be, and end the call."""

    refused: Refused


class Missed(StrEnum):
    """Why ringing came to nothing: nobody answered in time, busy or declined, or no telephone could be reached."""

    NO_ANSWER = "no answer"
    BUSY = "busy"
    UNREACHABLE = "unreachable"


Then = Forward | Voicemail | Busy | Reject


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring all telephones of the extension (if any is registered) and its mobiles, for ``seconds``.

    mobiles: E.164, checked. no_answer, busy, unreachable: what then, see `after`.
    """

    telephones: bool
    mobiles: tuple[str, ...]
    seconds: int
    no_answer: Then
    busy: Then
    unreachable: Then
    why: tuple[Step, ...]

    @property
    def reason(self) -> Step:
        """What decided."""
        return self.why[-1]

    def after(self, missed: Missed) -> Then:
        """What becomes of the call when ringing came to nothing."""
        return {Missed.NO_ANSWER: self.no_answer, Missed.BUSY: self.busy, Missed.UNREACHABLE: self.unreachable}[missed]


Plan = Ring | Then
