"""What becomes of a call to an extension: the precedence, rule by rule, as the caller lives through it."""

from __future__ import annotations

import pytest

from callcontrol.forwarding import (
    Busy,
    Called,
    Caller,
    Chain,
    Forward,
    Missed,
    Plan,
    Refused,
    Reject,
    Ring,
    Settings,
    Situation,
    Voicemail,
    decide,
)
from callcontrol.tenants import Target, Tenant
from tests.tenant_files import tenant

OFFICE = """\
domain: acme.example
trunk: carrier
numbers:
  "+49 30 8633": {{extension: "33"}}
  "+49 30 8634": {{extension: "34"}}
extensions:
  "33":
    name: Clara
    password: correct-horse
    voicemail: {{pin: "9051"}}
    {extension}
    forwarding:
      active: {active}
      profiles:
        {active}: {{{rules}}}
  "34": {{name: Max, password: correct-horse}}
  "35": {{name: Front desk, password: correct-horse}}
  "36": {{name: Munich, password: correct-horse}}
block_profiles:
  office: {{incoming: [anonymous, "+1 900*", mobile], forwarded: [international]}}
"""
BERLIN = Caller(number="+49308630000")
MUNICH = Caller(number="+49898630000")
MAX = Caller.internal("34")
NOBODY = Caller(withheld=True)


def office(rules: str = "", *, active: int = 0, extension: str = "call_waiting: false") -> Tenant:
    return tenant(OFFICE.format(rules=rules, active=active, extension=extension))


def called(of: Tenant, number: str = "33") -> Called:
    return Called(of, of.extensions[number])


def plan(of: Tenant, caller: Caller = BERLIN, situation: Situation | None = None, chain: Chain | None = None) -> Plan:
    who = called(of)
    return decide(who, caller, situation or Situation(), Settings.of(who.extension), chain or Chain())


def to(made: Plan) -> str:
    """Where a call is sent, in a word."""
    match made:
        case Forward(to=target):
            return str(target)
        case Voicemail():
            return "voicemail"
        case Busy():
            return "busy"
        case Reject(refused=refused):
            return refused.name
        case Ring(seconds=seconds):
            return f"ring {seconds}"


AWAY = Situation(registered=False)
TALKING = Situation(talking=True)
ALL = 'always: "34", not_registered: "35", busy: "36", no_answer: {to: voicemail, after: 10}'


def test_without_any_rule_the_telephone_rings_and_the_caller_is_told_in_the_end() -> None:
    made = plan(office())
    assert isinstance(made, Ring)
    assert made.telephones
    assert (to(made), to(made.no_answer), to(made.busy), to(made.unreachable)) == (
        "ring 60",
        "NO_ANSWER",
        "busy",
        "NOT_REGISTERED",
    )


def test_always_comes_before_everything_of_the_profile() -> None:
    for situation in (Situation(), AWAY, TALKING, Situation(registered=False, talking=True)):
        assert to(plan(office(ALL), situation=situation)) == "34"


def test_not_registered_comes_before_busy_and_busy_before_no_answer() -> None:
    rules = office(ALL.replace('always: "34", ', ""))
    assert to(plan(rules, situation=Situation(registered=False, talking=True))) == "35"
    assert to(plan(rules, situation=TALKING)) == "36"
    made = plan(rules)
    assert isinstance(made, Ring)
    assert (made.seconds, to(made.after(Missed.NO_ANSWER))) == (10, "voicemail")
    assert to(made.after(Missed.BUSY)) == "36"
    assert to(made.after(Missed.UNREACHABLE)) == "35"


def test_with_call_waiting_a_second_call_rings() -> None:
    rules = office('busy: "36"', extension="call_waiting: true")
    assert to(plan(rules, situation=TALKING)) == "ring 60"


def test_without_a_telephone_and_a_rule_for_it_the_no_answer_rule_applies_at_once() -> None:
    made = plan(office("no_answer: voicemail"), situation=AWAY)
    assert isinstance(made, Voicemail)
    assert made.reason.path == ("extensions", "33", "forwarding", "profiles", "0", "no_answer")


def test_without_a_telephone_the_mobiles_ring_before_the_no_answer_rule() -> None:
    made = plan(office("no_answer: voicemail", extension='mobile: ["+49 171 2345678"]'), situation=AWAY)
    assert isinstance(made, Ring)
    assert (made.telephones, made.mobiles, to(made.no_answer)) == (False, ("+491712345678",), "voicemail")


def test_a_mobile_that_sends_its_calls_back_to_us_does_not_ring_for_ever() -> None:
    mobile = office(extension='mobile: ["+49 171 2345678"]')
    last, beyond = (plan(mobile, chain=Chain(before=before)) for before in (4, 5))
    assert isinstance(last, Ring)
    assert isinstance(beyond, Ring)
    assert (last.mobiles, beyond.mobiles) == (("+491712345678",), ())
    assert to(plan(mobile, situation=AWAY, chain=Chain(before=5))) == "NOT_REGISTERED"


def test_a_mobile_does_not_ring_for_its_own_call() -> None:
    mobile = office(extension='mobile: ["+49 171 2345678", "+49 171 2345679"]')
    made = plan(mobile, Caller.outside("0171 2345678", "DE"))
    assert isinstance(made, Ring)
    assert made.mobiles == ("+491712345679",)


def test_busy_may_be_what_a_rule_says() -> None:
    assert isinstance(plan(office("always: busy")), Busy)


# Do not disturb


@pytest.mark.parametrize(
    ("rules", "expected"),
    [("", "busy"), ('busy: "36"', "36"), (ALL, "34"), ('not_registered: "35", no_answer: voicemail', "busy")],
)
def test_do_not_disturb_sends_the_call_where_always_or_else_busy_points(rules: str, expected: str) -> None:
    for situation in (Situation(), AWAY, TALKING):
        assert to(plan(office(rules, extension="do_not_disturb: true"), situation=situation)) == expected


def test_do_not_disturb_is_told_to_whom_the_call_is_sent() -> None:
    made = plan(office(ALL, extension="do_not_disturb: true"))
    assert isinstance(made, Forward)
    assert made.diversion == "do-not-disturb"


def test_who_always_gets_through_is_not_held_back_by_do_not_disturb() -> None:
    rules = 'selective: [{from: "34", ring: true}, {from: "+49", always: "35"}]'
    undisturbed = office(rules, active=1, extension="do_not_disturb: true")
    assert to(plan(undisturbed, MAX)) == "ring 60"
    assert to(plan(undisturbed, BERLIN)) == "35"
    assert to(plan(undisturbed, NOBODY)) == "busy"


# Selective rules


SELECTIVE = """always: "36", selective: [{from: anonymous, always: voicemail}, {from: internal, always: "34"},
    {from: "+49", always: "35"}, {from: "+49 89", always: "34"}, {from: "34", ring: true}]"""


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (NOBODY, "voicemail"),
        (MAX, "ring 60"),
        (Caller.internal("35"), "34"),
        (BERLIN, "35"),
        (MUNICH, "34"),
        (Caller(number="+4315880"), "36"),
        (Caller(), "36"),
    ],
)
def test_the_most_special_selective_rule_decides(caller: Caller, expected: str) -> None:
    assert to(plan(office(SELECTIVE, active=1), caller)) == expected


def test_a_call_from_the_trunk_that_shows_an_extension_is_no_internal_call() -> None:
    assert to(plan(office(SELECTIVE, active=1), Caller.outside("34", "DE"))) == "36"


def test_a_selective_rule_that_waits_for_no_answer_lets_the_telephone_ring_before_always() -> None:
    rules = 'always: "36", selective: [{from: "+49", no_answer: {to: "34", after: 5}}]'
    made = plan(office(rules, active=1))
    assert isinstance(made, Ring)
    assert (made.seconds, to(made.no_answer)) == (5, "34")


def test_a_selective_rule_for_busy_leaves_other_moments_to_the_profile() -> None:
    rules = office('always: "36", selective: [{from: "+49", busy: "34"}]', active=1)
    assert to(plan(rules)) == "36"
    assert to(plan(rules, situation=TALKING)) == "34"


def test_ring_as_usual_means_that_the_no_answer_rule_of_the_profile_still_holds() -> None:
    rules = office('always: "36", no_answer: voicemail, selective: [{from: "+49", ring: true}]', active=1)
    made = plan(rules)
    assert isinstance(made, Ring)
    assert (to(made), to(made.no_answer)) == ("ring 20", "voicemail")


# Blocked callers and targets


@pytest.mark.parametrize("caller", [NOBODY, Caller(number="+19005550100"), Caller(number="+491712345678")])
def test_a_caller_whom_the_block_profile_holds_back_comes_before_every_rule(caller: Caller) -> None:
    rules = 'always: "36", selective: [{from: anonymous, ring: true}, {from: "+1", ring: true}]'
    assert to(plan(office(rules, active=1, extension="block_profile: office"), caller)) == "BLOCKED_CALLER"


def test_the_block_profile_lets_everybody_else_and_all_colleagues_through() -> None:
    blocked = office("always: voicemail", extension="block_profile: office")
    assert to(plan(blocked, BERLIN)) == "voicemail"
    inside = office("always: voicemail", extension="block_profile: internal_only")
    assert to(plan(inside, MAX)) == "voicemail"
    for caller in (BERLIN, NOBODY, Caller()):
        assert to(plan(inside, caller)) == "BLOCKED_CALLER"


@pytest.mark.parametrize(
    ("target", "extension", "expected"),
    [
        (Target("number", "+4315880"), "block_profile: office", Refused.BLOCKED_TARGET),
        (Target("number", "+499001234567"), "intercom: false", Refused.IMPOSSIBLE_TARGET),
        (Target("number", "110"), "intercom: false", Refused.IMPOSSIBLE_TARGET),
        (Target("number", "34"), "intercom: false", Refused.IMPOSSIBLE_TARGET),
        (Target("extension", "99"), "intercom: false", Refused.IMPOSSIBLE_TARGET),
        (Target("extension", "33"), "intercom: false", Refused.IMPOSSIBLE_TARGET),
        (Target("number", "+49308633"), "intercom: false", Refused.IMPOSSIBLE_TARGET),
    ],
)
def test_a_target_is_looked_at_again_when_a_call_goes_there(target: Target, extension: str, expected: Refused) -> None:
    """It may have been stored when it was allowed, or by somebody who got at the store."""
    who = called(office(extension=extension))
    profile = Settings.of(who.extension).profiles[0].model_copy(update={"always": target})
    settings = Settings("33", 0, do_not_disturb=False, profiles={0: profile})
    made = decide(who, BERLIN, Situation(), settings)
    assert isinstance(made, Reject)
    assert made.refused is expected


def test_a_number_of_our_own_is_the_extension_behind_it() -> None:
    assert to(plan(office('always: "+49 30 8634"'))) == "34"


# Chains


def test_a_call_that_comes_back_ends() -> None:
    made = plan(office('always: "34"'), chain=Chain((("acme", "35"), ("acme", "34"))))
    assert to(made) == "LOOP"


def test_a_call_is_forwarded_five_times_at_most() -> None:
    rules = office('always: "+49 30 1234567"')
    far = tuple(("acme", str(number)) for number in range(50, 54))
    assert to(plan(rules, chain=Chain(far))) == "+49301234567"
    assert to(plan(rules, chain=Chain((*far, ("acme", "60"))))) == "TOO_FAR"
    assert to(plan(rules, chain=Chain(far, before=1))) == "TOO_FAR"


def test_whoever_gets_the_call_is_told_why_and_by_whom() -> None:
    made = plan(office('no_answer: "34"'))
    assert isinstance(made, Ring)
    assert isinstance(made.no_answer, Forward)
    assert made.no_answer.diversion == "no-answer"
    assert made.no_answer.chain.visited == (("acme", "33"),)


def test_every_reason_names_its_place_in_the_file() -> None:
    made = plan(office(SELECTIVE, active=1), MUNICH)
    base = ("extensions", "33", "forwarding")
    assert [(step.text, step.path) for step in made.why] == [
        ("profile 1 is active", (*base, "active")),
        ("the selective rule from +4989 is about +49898630000", (*base, "profiles", "1", "selective", 3, "from")),
        ("always: 34", (*base, "profiles", "1", "selective", 3, "always")),
    ]
