"""What holds for every file, caller, code and moment, however odd."""

from __future__ import annotations

import random
import re
from contextlib import suppress
from dataclasses import replace
from itertools import permutations

import phonenumbers
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import shortnumberinfo
from pydantic import ValidationError

from callcontrol.forwarding import (
    MOST_HOPS,
    Called,
    Caller,
    Chain,
    Forward,
    Missed,
    Plan,
    Ring,
    Settings,
    Situation,
    decide,
)
from callcontrol.forwarding.effects import Done, Setting, apply
from callcontrol.forwarding.effects import target as dialled_target
from callcontrol.forwarding.overlay import marks_of, overlay
from callcontrol.forwarding.starcodes import NotACode, read
from callcontrol.outgoing import Callee, line
from callcontrol.outgoing import callee as callee_of
from callcontrol.state.settings import Stored
from callcontrol.tenants import Extension, ForwardingProfile, NoAnswer, Selective, Source, Target, Tenant
from callcontrol.tenants.fields import Reading
from tests.tenant_files import tenant

PEOPLE = ("33", "34", "35", "36", "37", "38", "39", "112233")
SPECIAL = ",|{}[]@&$^;=:!'\"\\ \t\r\n\0<>()#*+"
FRAME = """\
domain: acme.example
trunk: carrier
numbers: {"+49 30 8634": {extension: "34"}, "+49 30 8635": {room: board}}
rooms: {board: {access: open}}
block_profiles: {office: {incoming: [anonymous, mobile], forwarded: [international, "+49 89*"]}}
extensions:
""" + "".join(f'  "{person}": {{name: Somebody, password: correct-horse}}\n' for person in PEOPLE)
BASE = tenant(FRAME)

NUMBERS = ("+4930863000", "+49898630000", "+4989863", "+431588000", "+491712345678", "+499001234567", "+49308634")
EMERGENCIES = ("110", "112", "911", "+49112", "+49110", "0112", "00112", "+112", "0049112", "+1911", "999")

targets = st.one_of(
    st.sampled_from([Target("voicemail"), Target("busy")]),
    st.sampled_from(PEOPLE).map(lambda number: Target("extension", number)),
    st.sampled_from(NUMBERS + EMERGENCIES).map(lambda number: Target("number", number)),
    st.text(st.sampled_from("0123456789+" + SPECIAL), max_size=24).map(lambda text: Target("number", text)),
    st.text(max_size=12).map(lambda text: Target("extension", text)),
)
no_answers = st.builds(lambda to, after: NoAnswer.model_construct(to=to, after=after), targets, st.integers(5, 120))
rules = st.fixed_dictionaries(
    {
        "always": st.none() | targets,
        "not_registered": st.none() | targets,
        "busy": st.none() | targets,
        "no_answer": st.none() | no_answers,
    }
)
sources = st.one_of(
    st.sampled_from(PEOPLE).map(lambda number: Source("extension", number)),
    st.sampled_from(["+4", "+49", "+4930", "+4989", "+4989863", "+43", "+491712345678"]).map(
        lambda digits: Source("number", digits)
    ),
    st.sampled_from([Source("internal"), Source("anonymous")]),
)


def _selective(source: Source, said: dict[str, object], ring: bool) -> Selective:
    if ring or not any(said.values()):
        said = dict.fromkeys(said)
    return Selective.model_construct(source=source, ring=ring, **said)


selective = st.builds(_selective, sources, rules, st.booleans())
profiles = st.builds(
    lambda said, rules: ForwardingProfile.model_construct(name=None, selective=tuple(rules), **said),
    rules,
    st.lists(selective, max_size=5, unique_by=lambda rule: rule.source),
)
extensions = st.builds(
    lambda number, profile, undisturbed, waiting, blocked, mailbox, mobile: BASE.extensions[number].model_copy(
        update={
            "do_not_disturb": undisturbed,
            "call_waiting": waiting,
            "block_profile": blocked,
            "voicemail": mailbox,
            "mobile": mobile,
            "forwarding": BASE.extensions[number].forwarding.model_copy(update={"active": 1, "profiles": {1: profile}}),
        }
    ),
    st.sampled_from(PEOPLE),
    profiles,
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, "office", "internal_only", "international", "premium", "mobile"]),
    st.sampled_from([None, object()]),
    st.lists(st.sampled_from(NUMBERS), max_size=3).map(tuple),
)
callers = st.one_of(
    st.sampled_from(PEOPLE).map(Caller.internal),
    st.sampled_from(NUMBERS).map(lambda number: Caller(number=number)),
    st.text(max_size=16).map(lambda shown: Caller.outside(shown, "DE")),
    st.just(Caller(withheld=True)),
)
situations = st.builds(Situation, st.booleans(), st.booleans())
chains = st.lists(st.sampled_from(PEOPLE), max_size=6).map(lambda who: Chain(tuple(("acme", one) for one in who)))


def plan(extension: Extension, caller: Caller, situation: Situation, chain: Chain) -> Plan:
    return decide(Called(BASE, extension), caller, situation, Settings.of(extension), chain)


def everything(made: Plan) -> list[Plan]:
    return [made, *(made.after(missed) for missed in Missed)] if isinstance(made, Ring) else [made]


def called_numbers(made: Plan) -> list[str]:
    mobiles = list(made.mobiles) if isinstance(made, Ring) else []
    forwards = [one.to.value for one in everything(made) if isinstance(one, Forward) and one.to.kind == "number"]
    return mobiles + forwards


def is_emergency_anywhere(number: str) -> bool:
    """As dialled, and as the country of the number would read it without its country code."""
    if shortnumberinfo.is_emergency_number(number.lstrip("+"), "DE"):
        return True
    parsed = phonenumbers.parse(number)
    regions = phonenumbers.region_codes_for_country_code(parsed.country_code)
    return any(shortnumberinfo.is_emergency_number(str(parsed.national_number), region) for region in regions)


@given(extensions, callers, situations, chains)
def test_every_call_has_a_plan_with_reasons_and_the_same_each_time(
    extension: Extension, caller: Caller, situation: Situation, chain: Chain
) -> None:
    made = plan(extension, caller, situation, chain)
    assert made == plan(extension, caller, situation, chain)
    assert all(one.why and one.reason.text for one in everything(made))


@given(extensions, callers, situations, chains)
def test_no_plan_calls_an_emergency_number_or_anything_but_a_number(
    extension: Extension, caller: Caller, situation: Situation, chain: Chain
) -> None:
    made = plan(extension, caller, situation, chain)
    for number in called_numbers(made):
        assert re.fullmatch(r"\+[1-9][0-9]{4,14}", number, re.ASCII)
        assert not is_emergency_anywhere(number)
        assert number != "+499001234567"
    for one in everything(made):
        if isinstance(one, Forward) and one.to.kind == "extension":
            assert one.to.value in BASE.extensions
            assert one.to.value != extension.number


@given(extensions, callers, situations, st.randoms(use_true_random=False))
def test_the_order_of_selective_rules_never_matters(
    extension: Extension, caller: Caller, situation: Situation, dice: random.Random
) -> None:
    profile = extension.forwarding.profiles[1]
    shuffled = list(profile.selective)
    dice.shuffle(shuffled)
    other = profile.model_copy(update={"selective": tuple(shuffled)})
    forwarding = extension.forwarding.model_copy(update={"profiles": {1: other}})
    before = plan(extension, caller, situation, Chain())
    after = plan(extension.model_copy(update={"forwarding": forwarding}), caller, situation, Chain())
    assert [_without_reasons(one) for one in everything(before)] == [_without_reasons(one) for one in everything(after)]


def _without_reasons(made: Plan) -> tuple[object, ...]:
    if isinstance(made, Ring):
        return (Ring, made.telephones, made.mobiles, made.seconds)
    names = [name for name in type(made).__dataclass_fields__ if name != "why"]
    return (type(made), *(getattr(made, name) for name in names))


def test_four_rules_about_one_caller_say_the_same_in_all_24_orders() -> None:
    rules = ['{from: "+49", always: "34"}', '{from: "+49 89", always: "35"}', '{from: "+49 898", always: "36"}']
    rules.append('{from: anonymous, always: "37"}')
    found = set()
    for order in permutations(rules):
        here = tenant(
            FRAME.replace(
                '"33": {',
                f'"33": {{forwarding: {{active: 1, profiles: {{1: {{selective: [{", ".join(order)}]}}}}}}, ',
            )
        )
        who = here.extensions["33"]
        made = decide(Called(here, who), Caller(number="+49898630000"), Situation(), Settings.of(who))
        assert isinstance(made, Forward)
        found.add(made.to)
    assert found == {Target("extension", "36")}


@given(st.lists(extensions, min_size=8, max_size=8), callers, st.lists(situations, min_size=8, max_size=8), st.data())
@settings(deadline=None)
def test_every_chain_ends_within_five_hops_and_visits_nobody_twice(
    people: list[Extension], caller: Caller, moments: list[Situation], data: st.DataObject
) -> None:
    house = {
        number: person.model_copy(update={"number": number}) for number, person in zip(PEOPLE, people, strict=True)
    }
    office: Tenant = BASE.model_copy(update={"extensions": house})
    number, chain, seen = data.draw(st.sampled_from(PEOPLE)), Chain(), []
    while True:
        seen.append(number)
        who = house[number]
        situation = moments[PEOPLE.index(number)]
        made = decide(Called(office, who), caller, situation, Settings.of(who), chain)
        ending = made.after(data.draw(st.sampled_from(Missed))) if isinstance(made, Ring) else made
        if not isinstance(ending, Forward) or ending.to.kind == "number":
            break
        number, chain = ending.to.value, ending.chain
    assert len(seen) == len(set(seen))
    assert len(seen) <= MOST_HOPS + 1


@given(callers)
def test_a_plan_without_any_rule_rings(caller: Caller) -> None:
    assert isinstance(plan(BASE.extensions["33"], caller, Situation(), Chain()), Ring)


# Star codes

keys = st.text(st.sampled_from("0123456789*#+"), max_size=24)
anything = st.one_of(keys, keys.map(lambda text: "*11" + text), st.text(max_size=40), st.text(SPECIAL, max_size=8))


@given(anything)
def test_any_text_is_read_and_only_keys_are_a_code(dialled: str) -> None:
    meant = read(dialled)
    assert meant == read(dialled)
    if not isinstance(meant, NotACode):
        typed = dialled.removesuffix("#")
        assert re.fullmatch(r"[0-9*+]{1,32}", typed, re.ASCII)


settings_codes = st.one_of(
    st.builds("*1{}{}".format, st.sampled_from("1234"), st.one_of(st.sampled_from(PEOPLE + EMERGENCIES), keys)),
    st.sampled_from(["*10", "*100", "*101", "*102", "**11", "**12", "**13", "**14", "*15", "**15"]),
)


@given(settings_codes, extensions, st.booleans())
def test_a_code_is_refused_or_confirmed_and_never_leads_to_an_emergency_number(
    dialled: str, extension: Extension, stored: bool
) -> None:
    code = read(dialled)
    if not isinstance(code, Setting):
        return
    who = Called(BASE, extension)
    before = Settings.of(extension)
    made = apply(code, replace(before, active=0) if stored else before, who)
    if isinstance(made, Done):
        assert made.settings.profiles[0].selective == ()
        assert made.settings.active in made.settings.profiles
        plan = decide(who, Caller(number="+4930863000"), Situation(), made.settings)
        assert not any(is_emergency_anywhere(number) for number in called_numbers(plan))


@given(st.one_of(st.sampled_from(EMERGENCIES), st.text(max_size=32), st.text("0123456789+", max_size=16)), extensions)
def test_a_dialled_target_is_refused_or_one_of_four_kinds(text: str, extension: Extension) -> None:
    found = dialled_target(text, Called(BASE, extension))
    if isinstance(found, Target):
        assert text not in EMERGENCIES
        match found.kind:
            case "number":
                assert re.fullmatch(r"\+[1-9][0-9]{4,14}", found.value, re.ASCII)
                assert not is_emergency_anywhere(found.value)
            case "extension":
                assert found.value in BASE.extensions
            case _:
                assert found == Target("voicemail")


stored_things = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    extensions,
    st.none() | st.integers(),
    st.none() | st.dictionaries(st.sampled_from(["always", "busy", "no_answer", "not_registered", "x"]), stored_things),
    situations,
    callers,
)
def test_whatever_stands_in_the_store_a_call_has_a_plan(
    extension: Extension, active: int | None, rules: dict[str, object] | None, situation: Situation, caller: Caller
) -> None:
    over = overlay(extension, Stored(active=active, rules=rules, marks=dict(marks_of(extension))))
    made = decide(Called(BASE, extension), caller, situation, over.settings)
    assert not any(is_emergency_anywhere(number) for number in called_numbers(made))


# Hostile texts


hostile = st.text(st.sampled_from("0123456789+" + SPECIAL + "äß٣３"), max_size=24) | st.text(max_size=24)


@given(hostile, extensions, st.sampled_from(["always", "busy", "not_registered", "no_answer"]))
def test_no_text_in_a_file_or_on_a_telephone_reaches_a_dial_string_but_as_a_number(
    text: str, extension: Extension, rule: str
) -> None:
    who = Called(BASE, extension)
    found = dialled_target(text, who)
    meant = [found] if isinstance(found, Target) else []
    with suppress(ValidationError):
        profile = ForwardingProfile.model_validate({rule: text}, context=Reading("DE"))
        meant.append(profile.targets[rule])
    for target in meant:
        profile = ForwardingProfile.model_construct(name=None, selective=(), **_rules(target))
        made = decide(who, Caller(number="+4930863000"), Situation(), Settings("33", 0, False, {0: profile}))
        if isinstance(made, Forward):
            callee = callee_of(made.to.value, BASE)
            assert isinstance(callee, Callee)
            if not callee.domain:
                assert re.fullmatch(r"sofia/gateway/carrier/\+[1-9][0-9]{4,14}", line(callee), re.ASCII)


def _rules(target: Target) -> dict[str, object]:
    return {"always": target, "busy": None, "not_registered": None, "no_answer": None}
