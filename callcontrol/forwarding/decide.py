"""What becomes of a call to an extension. Pure, total, and the same answer for the same question.

Precedence: incoming block profile > selective rule > always > not registered > busy (and no call waiting) > no answer.

- One selective rule counts, the most special (selective.py). What it does not say, the profile says. A selective rule
  that lets the telephone ring (`ring`, or one with `no_answer`) comes before the profile's `always`.
- Without a telephone and without a rule for that, the no-answer rule applies at once; mobiles ring first, if there are.
- Do not disturb sends the call where `always`, else `busy`, points, else there is the busy tone. `ring: true` and the
  selective rule's own `always` come before it.
- No target is believed: each is looked at again (targets.py). A refused one ends the call; the caller is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from callcontrol.forwarding.selective import choose
from callcontrol.forwarding.settings import Settings, profile_label, target_of
from callcontrol.forwarding.targets import Objection, blocked_by, inspect
from callcontrol.forwarding.values import (
    MOST_HOPS,
    Busy,
    Called,
    Caller,
    Chain,
    Condition,
    Diversion,
    Forward,
    Plan,
    Refused,
    Reject,
    Ring,
    Situation,
    Step,
    Then,
    Voicemail,
)
from callcontrol.outgoing import Callee, callee
from callcontrol.tenants import BlockClass, Selective, Target
from callcontrol.tenants.document import KeyPath
from callcontrol.tenants.extension import Rules

RING_SECONDS = 60  # without a no-answer rule; a caller who waits longer has given up

DIRECT = Chain()
"""The chain of a call that nobody sent on."""

_DIVERSION: dict[Condition, Diversion] = {
    Condition.ALWAYS: "unconditional",
    Condition.NOT_REGISTERED: "unavailable",
    Condition.BUSY: "user-busy",
    Condition.NO_ANSWER: "no-answer",
}


def decide(called: Called, caller: Caller, situation: Situation, settings: Settings, chain: Chain = DIRECT) -> Plan:
    """What becomes of this call. ``settings``: of ``called``; ``chain``: where the call was sent on before."""
    return _Decision(called, caller, situation, settings, chain).plan()


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule that applies: where it stands and where it leads. after: seconds of a no-answer rule."""

    condition: Condition
    target: Target
    path: KeyPath
    stars: bool
    after: int


class _Decision:
    """One question; ``_why`` collects the reasons that are common to all answers."""

    def __init__(self, called: Called, caller: Caller, situation: Situation, settings: Settings, chain: Chain) -> None:
        self._called, self._caller, self._situation = called, caller, situation
        self._settings, self._chain = settings, chain
        self._profile = settings.profile
        self._selective: Selective | None = None
        self._selective_path: KeyPath = ()
        self._why: tuple[Step, ...] = ()

    def plan(self) -> Plan:
        blocked = self._blocked()
        if blocked is not None:
            return blocked
        self._find_selective()
        return self._always_selective() or self._undisturbed() or self._at_once() or self._ring()

    # -- the order of precedence -----------------------------------------------------------------------------------

    def _blocked(self) -> Reject | None:
        name = self._called.extension.block_profile
        if name is None or self._caller.extension:
            return None
        place = self._blocking_entry()
        path: KeyPath = ("block_profiles", name, "incoming")
        if place is None:
            self._note(f"block profile {name} puts {self._caller} through", path)
            return None
        step = Step(f"block profile {name} does not put {self._caller} through", (*path, place))
        return Reject((step,), Refused.BLOCKED_CALLER)

    def _blocking_entry(self) -> int | None:
        if self._caller.number:
            return blocked_by(self._called, "incoming", self._caller.number)
        kinds = {BlockClass.EXTERNAL} | ({BlockClass.ANONYMOUS} if self._caller.withheld else set())
        incoming = self._called.tenant.block_profiles[str(self._called.extension.block_profile)].incoming
        return next((place for place, entry in enumerate(incoming) if entry in kinds), None)

    def _find_selective(self) -> None:
        settings = self._settings
        stars = "active" in settings.stars
        path = settings.profile_path if stars else (*settings.path, "active")
        self._note(f"{profile_label(settings.active, self._profile)} is active", path, stars=stars)
        found = choose(self._profile.selective, self._caller) if settings.active else None
        if found is not None:
            self._selective_path = (*settings.profile_path, "selective", found[0])
            self._selective = found[1]
            source = found[1].source
            text = f"the selective rule from {source.value or source.kind} is about {self._caller}"
            self._note(text, (*self._selective_path, "from"))

    def _always_selective(self) -> Then | None:
        return self._go(self._own(Condition.ALWAYS))

    def _undisturbed(self) -> Then | None:
        """What do not disturb makes of the call."""
        if not self._settings.do_not_disturb:
            return None
        path: KeyPath = ("extensions", self._settings.extension, "do_not_disturb")
        self._note("do not disturb is on", path, stars="do_not_disturb" in self._settings.stars)
        if self._selective is not None and self._selective.ring:
            self._note("these callers ring all the same", (*self._selective_path, "ring"))
            return None
        rule = self._own(Condition.BUSY) or self._profiles(Condition.ALWAYS) or self._profiles(Condition.BUSY)
        return self._go(rule, "do-not-disturb") or Busy((*self._why, Step("the caller hears that it is busy", path)))

    def _at_once(self) -> Then | None:
        """What happens before anything rings."""
        happening = self._happening()
        rule = next(filter(None, map(self._own, happening)), None)
        if rule is None and not self._lets_ring():
            rule = self._profiles(Condition.ALWAYS)
        return self._go(rule or next(filter(None, map(self._profiles, happening)), None)) or self._nothing_to_ring()

    def _happening(self) -> list[Condition]:
        """The conditions that hold now, in their order."""
        happening = []
        if not self._situation.registered:
            self._note("no telephone is registered")
            happening.append(Condition.NOT_REGISTERED)
        if self._situation.talking and not self._called.extension.call_waiting:
            path: KeyPath = ("extensions", self._settings.extension, "call_waiting")
            self._note("the extension is in a call, and has no call waiting", path)
            happening.append(Condition.BUSY)
        return happening

    def _lets_ring(self) -> bool:
        if self._selective is None or not (self._selective.ring or self._selective.no_answer):
            return False
        self._note("it lets the telephone ring before the profile's always", self._selective_path)
        return True

    def _nothing_to_ring(self) -> Then | None:
        if self._situation.talking and not self._called.extension.call_waiting:
            return self._busy()
        if self._situation.registered or self._mobiles():
            return None
        return self._unreachable()

    def _ring(self) -> Ring:
        rule = self._rule(Condition.NO_ANSWER)
        seconds = rule.after if rule else RING_SECONDS
        mobiles = self._mobiles()
        whom = (["its telephones"] if self._situation.registered else []) + (["its mobiles"] if mobiles else [])
        why = Step(f"rings {' and '.join(whom)} for {seconds} s", rule.path if rule else (), bool(rule and rule.stars))
        return Ring(
            telephones=self._situation.registered,
            mobiles=mobiles,
            seconds=seconds,
            no_answer=self._go(rule) or self._reject("nobody answers, and there is no rule for it", Refused.NO_ANSWER),
            busy=self._go(self._rule(Condition.BUSY)) or self._busy(),
            unreachable=self._go(self._rule(Condition.NOT_REGISTERED)) or self._unreachable(),
            why=(*self._why, why),
        )

    def _busy(self) -> Busy:
        return Busy((*self._why, Step("busy or declined, and there is no rule for it", self._settings.profile_path)))

    def _unreachable(self) -> Then:
        """Nothing rings, and there is no rule for that."""
        rule = self._rule(Condition.NO_ANSWER)
        if rule is None:
            return self._reject("nothing can ring, and there is no rule for it", Refused.NOT_REGISTERED)
        step = Step("no rule for not_registered: that for no answer applies at once", rule.path, rule.stars)
        return self._send(rule, "unavailable", (*self._why, step))

    # -- rules and where they lead ---------------------------------------------------------------------------------

    def _rule(self, condition: Condition) -> _Rule | None:
        return self._own(condition) or self._profiles(condition)

    def _own(self, condition: Condition) -> _Rule | None:
        """What the selective rule says."""
        if self._selective is None:
            return None
        return _rule_of(self._selective, condition, self._selective_path, stars=False)

    def _profiles(self, condition: Condition) -> _Rule | None:
        """What the active profile says."""
        stars = self._settings.profile_from_stars
        return _rule_of(self._profile, condition, self._settings.profile_path, stars=stars)

    def _go(self, rule: _Rule | None, diversion: Diversion | None = None) -> Then | None:
        if rule is None:
            return None
        return self._send(rule, diversion or _DIVERSION[rule.condition], self._why)

    def _send(self, rule: _Rule, diversion: Diversion, why: tuple[Step, ...]) -> Then:
        found = inspect(rule.target, self._called)
        if isinstance(found, Objection):
            refused = Refused.BLOCKED_TARGET if found is Objection.BLOCKED else Refused.IMPOSSIBLE_TARGET
            text = f"{rule.condition}: {rule.target} is not called: {found}"
            return Reject((*why, Step(text, rule.path, rule.stars)), refused)
        why = (*why, Step(f"{rule.condition}: {found.target}", rule.path, rule.stars))
        match found.target.kind:
            case "voicemail":
                return Voicemail(why)
            case "busy":
                return Busy(why)
            case _:
                return self._forward(found.target, diversion, why)

    def _forward(self, to: Target, diversion: Diversion, why: tuple[Step, ...]) -> Forward | Reject:
        chain = self._chain.after(self._called)
        if to.kind == "extension" and chain.has(self._called.tenant.id, to.value):
            return Reject((*why, Step(f"the call was at extension {to.value} before")), Refused.LOOP)
        if chain.hops > MOST_HOPS:
            return Reject((*why, Step(f"the call was forwarded {MOST_HOPS} times before")), Refused.TOO_FAR)
        return Forward(why, to, diversion, chain)

    def _reject(self, text: str, refused: Refused) -> Reject:
        return Reject((*self._why, Step(text, self._settings.profile_path)), refused)

    def _mobiles(self) -> tuple[str, ...]:
        """Mobiles that may be called and are not who is calling; none after too many forwards: one may send it back."""
        if self._chain.after(self._called).hops > MOST_HOPS:
            return ()
        tenant, mobiles = self._called.tenant, self._called.extension.mobile
        others = (number for number in mobiles if number != self._caller.number)
        return tuple(number for number in others if isinstance(callee(number, tenant), Callee))

    def _note(self, text: str, path: KeyPath = (), *, stars: bool = False) -> None:
        self._why = (*self._why, Step(text, path, stars))


def _rule_of(rules: Rules, condition: Condition, path: KeyPath, *, stars: bool) -> _Rule | None:
    target = target_of(rules, condition)
    if target is None:
        return None
    after = rules.no_answer.after if rules.no_answer else RING_SECONDS
    return _Rule(condition, target, (*path, condition.value), stars, after)
