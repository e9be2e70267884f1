"""Star codes: what is dialled, what it means, and what it does to an extension's settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callcontrol.forwarding import Condition, Settings, effects
from callcontrol.forwarding.effects import (
    Activated,
    Done,
    Refusal,
    Refused,
    RuleCancelled,
    RuleSaid,
    RuleSet,
    Setting,
    StatusIs,
    Undisturbed,
    WhyNot,
    intercom,
)
from callcontrol.forwarding.starcodes import (
    Activate,
    CancelRule,
    DoNotDisturb,
    Intercom,
    NeedsTarget,
    NotACode,
    Read,
    SetRule,
    Status,
    Voicemail,
    read,
    with_target,
)
from callcontrol.forwarding.targets import Objection
from callcontrol.tenants import Target
from tests.tenant_files import tenant
from tests.test_forwarding_decide import called, office

TABLE: list[tuple[str, Read]] = [
    ("*100", Activate(0)),
    ("*103", Activate(3)),
    ("*10", Status()),
    ("*1133", SetRule(Condition.ALWAYS, "33")),
    ("*1233", SetRule(Condition.NO_ANSWER, "33")),
    ("*1333", SetRule(Condition.BUSY, "33")),
    ("*1433", SetRule(Condition.NOT_REGISTERED, "33")),
    ("*110049301234567", SetRule(Condition.ALWAYS, "0049301234567")),
    ("*11+49301234567", SetRule(Condition.ALWAYS, "+49301234567")),
    ("*11030123456", SetRule(Condition.ALWAYS, "030123456")),
    ("*11*791", SetRule(Condition.ALWAYS, "*791")),
    ("*11791", SetRule(Condition.ALWAYS, "791")),
    ("*11", NeedsTarget("*11")),
    ("*14", NeedsTarget("*14")),
    ("**11", CancelRule(Condition.ALWAYS)),
    ("**12", CancelRule(Condition.NO_ANSWER)),
    ("**13", CancelRule(Condition.BUSY)),
    ("**14", CancelRule(Condition.NOT_REGISTERED)),
    ("*15", DoNotDisturb(on=True)),
    ("**15", DoNotDisturb(on=False)),
    ("*791", Voicemail()),
    ("*8034", Intercom("34")),
    ("*80", NeedsTarget("*80")),
]


@pytest.mark.parametrize(("dialled", "meant"), TABLE)
def test_a_code_is_dialled_in_one_string(dialled: str, meant: Read) -> None:
    assert read(dialled) == meant
    assert read(dialled + "#") == meant


@pytest.mark.parametrize(
    "dialled",
    [
        "",
        "#",
        "*",
        "**",
        "33",
        "*1",
        "*16",
        "*1033",
        "**10",
        "**1133",
        "*7911",
        "*11##",
        "*11 33",
        "*11a",
        "*1133*",
        "110",
    ],
)
def test_what_is_no_code_is_none(dialled: str) -> None:
    assert read(dialled) == NotACode()


@pytest.mark.parametrize("hostile", [*",|{}[]@&$^;='\"\\ \n\0", "sofia", "٣٣", "３３"])
def test_nothing_but_keys_is_ever_read_as_a_target(hostile: str) -> None:
    for text in (f"*11{hostile}", f"*1133{hostile}", f"*11{hostile}33", f"*80{hostile}"):
        assert read(text) == NotACode()


def test_a_code_is_never_longer_than_any_number() -> None:
    assert read("*11" + "0" * 30) == NotACode()


def test_the_target_may_be_asked_for_afterwards() -> None:
    asked = read("*11")
    assert isinstance(asked, NeedsTarget)
    assert with_target(asked, "*791#") == SetRule(Condition.ALWAYS, "*791")
    assert with_target(asked, "33") == SetRule(Condition.ALWAYS, "33")
    assert with_target(asked, "#") == NeedsTarget("*11")


# What a target means


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("34", Target("extension", "34")),
        ("0049301234567", Target("number", "+49301234567")),
        ("+49301234567", Target("number", "+49301234567")),
        ("0301234567", Target("number", "+49301234567")),
        ("00431588000", Target("number", "+431588000")),
        ("*791", Target("voicemail")),
        ("791", Target("voicemail")),
        ("030" + "8634", Target("extension", "34")),  # our own number
    ],
)
def test_a_target_is_an_extension_a_number_or_the_mailbox(text: str, meant: Target) -> None:
    assert effects.target(text, called(office())) == meant


def test_791_is_the_extension_where_there_is_one() -> None:
    text = """
        domain: acme.example
        extensions:
          "33": {name: Clara, password: correct-horse, voicemail: {pin: "9051"}}
          "791": {name: Max, password: correct-horse}
        """
    assert effects.target("791", called(tenant(text))) == Target("extension", "791")
    assert effects.target("*791", called(tenant(text))) == Target("voicemail")


def test_in_a_country_without_0_a_number_is_dialled_as_everybody_dials_it_there() -> None:
    here = tenant(
        """
        domain: acme.example
        trunk: carrier
        extensions:
          "33": {name: Clara, password: correct-horse}
        """,
        tail="tenant: acme\nregion: US\n",
    )
    for text in ("2025550100", "12025550100", "02025550100", "0012025550100", "+12025550100"):
        assert effects.target(text, called(here)) == Target("number", "+12025550100")
    assert effects.target("0911", called(here)) == Refused(Objection.EMERGENCY)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Objection.EMPTY),
        ("33", Objection.ITSELF),
        ("0308633", Objection.ITSELF),
        ("99", Objection.NO_EXTENSION),
        ("49301234567", Objection.NO_EXTENSION),
        ("112", Objection.EMERGENCY),
        ("0110", Objection.EMERGENCY),
        ("00112", Objection.EMERGENCY),
        ("+112", Objection.EMERGENCY),
        ("09001234567", Objection.COSTLY),
        ("090012345678", Objection.COSTLY),
        ("011833", Objection.COSTLY),
        ("00881612345678", Objection.COSTLY),
        ("00", Objection.NOT_A_NUMBER),
        ("+", Objection.NOT_A_NUMBER),
        ("*5", Objection.NOT_A_NUMBER),
        ("0049", Objection.NOT_A_NUMBER),
        ("+4930{1234}", Objection.NOT_A_NUMBER),
    ],
)
def test_a_target_is_refused_with_the_reason(text: str, reason: Objection) -> None:
    assert effects.target(text, called(office())) == Refused(reason)


def test_a_target_the_block_profile_forbids_is_refused() -> None:
    who = called(office(extension="block_profile: office"))
    assert effects.target("0043158800", who) == Refused(Objection.BLOCKED)


def test_without_mailbox_or_trunk_nobody_forwards_there() -> None:
    bare = called(
        tenant('domain: acme.example\nextensions: {"33": {name: Clara, password: correct-horse}}\n'),
    )
    assert effects.target("*791", bare) == Refused(Objection.NO_VOICEMAIL)
    assert effects.target("0301234567", bare) == Refused(Objection.NO_TRUNK)


# What a code does


def done(dialled: str, settings: Settings | None = None) -> Done:
    made = result(dialled, settings)
    assert isinstance(made, Done)
    return made


def result(dialled: str, settings: Settings | None = None) -> Done | Refused:
    who = called(office('always: "36"', active=2))
    code = read(dialled)
    assert isinstance(code, Setting)
    return effects.apply(code, settings or Settings.of(who.extension), who)


def test_a_rule_is_written_into_profile_0_which_becomes_active_and_this_is_said() -> None:
    made = done("*1134")
    assert made.settings.active == 0
    assert made.settings.profiles[0].always == Target("extension", "34")
    assert made.settings.profiles[2].always == Target("extension", "36")
    assert made.said == RuleSet(RuleSaid(Condition.ALWAYS, Target("extension", "34")), instead_of=2)
    assert made.wrote == {"rules", "active"}
    again = done("*1335", made.settings)
    assert again.said == RuleSet(RuleSaid(Condition.BUSY, Target("extension", "35")), instead_of=None)
    assert again.settings.profiles[0].always == Target("extension", "34")


def test_no_answer_rings_20_seconds_or_as_long_as_before() -> None:
    made = done("*12*791")
    assert made.said == RuleSet(RuleSaid(Condition.NO_ANSWER, Target("voicemail"), 20), instead_of=2)
    rule = made.settings.profiles[0].no_answer
    assert rule is not None
    zero = made.settings.profiles[0].model_copy(update={"no_answer": rule.model_copy(update={"after": 5})})
    again = done("*1234", replace(made.settings, profiles={**made.settings.profiles, 0: zero}))
    assert again.said == RuleSet(RuleSaid(Condition.NO_ANSWER, Target("extension", "34"), 5), instead_of=None)


def test_no_answer_rings_as_long_as_the_file_says_also_after_the_rule_was_cancelled() -> None:
    who = called(office("no_answer: {to: voicemail, after: 45}"))
    cancelled = effects.apply(CancelRule(Condition.NO_ANSWER), Settings.of(who.extension), who)
    assert isinstance(cancelled, Done)
    again = effects.apply(SetRule(Condition.NO_ANSWER, "34"), cancelled.settings, who)
    assert isinstance(again, Done)
    assert again.said == RuleSet(RuleSaid(Condition.NO_ANSWER, Target("extension", "34"), 45), instead_of=None)


def test_a_cancelled_rule_is_gone_and_the_active_profile_stays() -> None:
    made = done("**11", replace(done("*1134").settings, active=2))
    assert made.settings.profiles[0].always is None
    assert made.said == RuleCancelled(Condition.ALWAYS, Target("extension", "34"), active=2)
    assert made.wrote == {"rules"}
    assert done("**11", made.settings).said == RuleCancelled(Condition.ALWAYS, None, active=2)


def test_a_profile_is_activated_by_its_number() -> None:
    assert done("*100").said == Activated(0, "")
    assert done("*100").settings.active == 0
    assert result("*103") == Refused(WhyNot.NO_PROFILE)


def test_do_not_disturb_is_switched_and_nothing_else() -> None:
    on = done("*15")
    assert (on.said, on.settings.do_not_disturb, on.settings.active) == (Undisturbed(on=True), True, 2)
    assert done("**15", on.settings).settings.do_not_disturb is False


def test_the_status_tells_the_active_profile_and_its_rules() -> None:
    said = done("*10").said
    rules = (RuleSaid(Condition.ALWAYS, Target("extension", "36")),)
    assert said == StatusIs(2, "", rules, selective=0, do_not_disturb=False)
    assert done("*10").wrote == frozenset()


@pytest.mark.parametrize("dialled", ["*1133", "*11112", "*1299", "*1309001234567"])
def test_a_refused_code_changes_nothing(dialled: str) -> None:
    assert isinstance(result(dialled), Refused)


@pytest.mark.parametrize(
    ("dialled", "reason"),
    [
        ("34", None),
        ("35", WhyNot.NO_INTERCOM),
        ("36", WhyNot.UNDISTURBED),
        ("33", Objection.ITSELF),
        ("99", Objection.NO_EXTENSION),
        ("", Objection.EMPTY),
    ],
)
def test_intercom_opens_only_loudspeakers_that_allow_it(dialled: str, reason: Refusal | None) -> None:
    text = """
        domain: acme.example
        extensions:
          "33": {name: Clara, password: correct-horse, intercom: true}
          "34": {name: Max, password: correct-horse, intercom: true}
          "35": {name: Front desk, password: correct-horse}
          "36": {name: Munich, password: correct-horse, intercom: true, do_not_disturb: true}
        """
    here = tenant(text)
    other = here.extensions.get(dialled)
    expected = Refused(reason) if reason else None
    assert intercom(dialled, called(here), Settings.of(other) if other else None) == expected
