"""What star codes are answered with: every answer has words in every language, and every refusal says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcontrol.flows.confirmation import confirmed, refused
from callcontrol.forwarding import Condition
from callcontrol.forwarding.effects import Activated, RuleCancelled, RuleSaid, RuleSet, StatusIs, Undisturbed, WhyNot
from callcontrol.forwarding.targets import Objection
from callcontrol.prompts import PromptBook
from callcontrol.tenants import Target

BOOK = PromptBook(Path(__file__).parent.parent / "prompts")
COLLEAGUE, OUTSIDE = Target("extension", "34"), Target("number", "+49301234567")
TARGETS = (COLLEAGUE, OUTSIDE, Target("voicemail"), Target("busy"))
RULES = [RuleSaid(condition, target, 20) for condition in Condition for target in TARGETS]
SAID = [
    *(RuleSet(rule, instead_of) for rule in RULES for instead_of in (None, 2)),
    *(
        RuleCancelled(condition, was, active)
        for condition in Condition
        for was in (None, COLLEAGUE)
        for active in (0, 9)
    ),
    *(Activated(profile, "Urlaub") for profile in range(10)),
    *(StatusIs(3, "", rules, selective, on) for rules in ((), tuple(RULES)) for selective in (0, 2) for on in (0, 1)),
    Undisturbed(True),
    Undisturbed(False),
]


def text(words: tuple[str, ...], language: str) -> str:
    return " ".join(BOOK.text(language, word) for word in words if word != "pause")


@pytest.mark.parametrize("language", BOOK.languages)
def test_every_answer_has_words(language: str) -> None:
    for said in SAID:
        assert text(confirmed(said, language, "DE"), language)


@pytest.mark.parametrize("language", BOOK.languages)
@pytest.mark.parametrize("reason", [*Objection, WhyNot.NO_PROFILE])
def test_every_refusal_says_why_and_that_nothing_was_changed(reason: Objection | WhyNot, language: str) -> None:
    why, unchanged = refused(reason)
    assert BOOK.text(language, why)
    assert unchanged == "nothing-changed"


def test_in_english() -> None:
    def english(said: object) -> str:
        return text(confirmed(said, "en", "DE"), "en")  # type: ignore[arg-type]

    rule = RuleSaid(Condition.NO_ANSWER, COLLEAGUE, 20)
    assert (
        english(RuleSet(rule, None))
        == "Stored. Calls you do not answer go after twenty seconds to extension three four"
    )
    assert english(RuleSet(RuleSaid(Condition.ALWAYS, Target("voicemail")), 2)) == (
        "Stored. All calls go to your voicemail. Profile zero is now active, instead of profile two"
    )
    assert english(StatusIs(0, "", (), 0, False)) == "The active profile is zero No forwarding is set."


def test_who_hears_of_no_rules_has_none_at_all() -> None:
    assert "no-rules" in confirmed(StatusIs(0, "", (), 0, False), "de", "DE")
    assert "no-rules" not in confirmed(StatusIs(1, "", (), 1, False), "de", "DE")


def test_a_number_is_said_as_it_is_dialled_where_the_extension_is() -> None:
    rule = RuleSet(RuleSaid(Condition.ALWAYS, OUTSIDE), None)
    assert "ascii/43" not in confirmed(rule, "de", "DE")
    assert "ascii/43" in confirmed(rule, "de", "AT")
