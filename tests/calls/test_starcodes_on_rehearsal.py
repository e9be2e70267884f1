"""What an extension hears that dials star codes, and that nobody else can dial them for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callcontrol.forwarding import Called, Settings
from callcontrol.forwarding.settings import target_of
from callcontrol.forwarding.values import Condition
from callcontrol.rehearsal.phone import Phone
from callcontrol.rehearse import RehearsalHouse, rehearsal_house
from callcontrol.state import StateUnavailable
from callcontrol.tenants import Target

HOME = Path(__file__).parent.parent.parent
TENANTS = Path(__file__).parent / "star_tenants"
CLARA, MAX, ANNE = "33@pier.example", "34@pier.example", "33@quai.example"
EXTENSION_34 = ("target-extension", "digits/3", "digits/4")
ABROAD = ("ascii/43", "digits/4", "digits/3")
CONDITIONS = {
    "1": (Condition.ALWAYS, ("rule-always",), "cancelled-always"),
    "2": (Condition.NO_ANSWER, ("rule-no-answer", "digits/20", "seconds-to"), "cancelled-no-answer"),
    "3": (Condition.BUSY, ("rule-busy",), "cancelled-busy"),
    "4": (Condition.NOT_REGISTERED, ("rule-not-registered",), "cancelled-not-registered"),
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[RehearsalHouse]:
    with rehearsal_house(TENANTS, HOME, tmp_path, {}) as house:
        yield house


def phone(house: RehearsalHouse, account: str = CLARA, **options: object) -> Phone:
    """A telephone of an extension."""
    return house.switch.phone(door="extensions", extension=account, **options)  # type: ignore[arg-type]


def settings(house: RehearsalHouse, account: str = CLARA) -> Settings:
    """What is set for an extension."""
    number, _, domain = account.partition("@")
    tenant = house.daemon.tenants.current.find_domain(domain)
    assert tenant is not None
    return house.daemon.desk.settings(Called(tenant, tenant.extensions[number]))


def rule(house: RehearsalHouse, condition: Condition, account: str = CLARA) -> Target | None:
    """Where profile 0 sends calls."""
    return target_of(settings(house, account).profiles[0], condition)


def hears_only(caller: Phone, *names: str, language: str = "de") -> None:
    """This, and then goodbye."""
    caller.is_answered().hears(*names, language=language).is_hung_up("NORMAL_CLEARING").hears_nothing_else()


# -- the table ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digit", CONDITIONS)
def test_a_rule_dialled_in_one_string_is_said_back_with_its_target(house: RehearsalHouse, digit: str) -> None:
    condition, words, _ = CONDITIONS[digit]
    hears_only(phone(house).calls(f"*1{digit}34"), "star-stored", *words, *EXTENSION_34)
    assert rule(house, condition) == Target("extension", "34")


def test_the_log_says_in_words_what_each_code_set(house: RehearsalHouse) -> None:
    with capture_logs() as logs:
        for code in ("*1134", "**11", "*15", "**15", "*102", "*10"):
            phone(house).calls(code).is_answered().is_hung_up("NORMAL_CLEARING")
    assert [line["now"] for line in logs if line["event"] == "star code"] == [
        "profile 0, always: 34",
        "profile 0, no rule for always in profile 0",
        "do not disturb on",
        "do not disturb off",
        "profile 2",
        "profile 2",
    ]


@pytest.mark.parametrize("digit", CONDITIONS)
def test_a_rule_without_its_target_asks_for_it(house: RehearsalHouse, digit: str) -> None:
    condition, words, _ = CONDITIONS[digit]
    caller = phone(house).calls(f"*1{digit}").hears("enter-target").presses("34#")
    hears_only(caller, "star-stored", *words, *EXTENSION_34)
    assert rule(house, condition) == Target("extension", "34")


@pytest.mark.parametrize("digit", CONDITIONS)
def test_a_rule_is_cancelled(house: RehearsalHouse, digit: str) -> None:
    condition, _, cancelled = CONDITIONS[digit]
    hears_only(phone(house).calls(f"**1{digit}"), "rule-was-not-set")
    phone(house).calls(f"*1{digit}34").hears("star-stored").is_hung_up()
    hears_only(phone(house).calls(f"**1{digit}"), cancelled)
    assert rule(house, condition) is None


@pytest.mark.parametrize(
    ("dialled", "said", "target"),
    [
        ("0301234567", ("digits/0", "digits/3", "digits/0", "digits/1"), Target("number", "+49301234567")),
        ("0049301234567", ("digits/0", "digits/3", "digits/0", "digits/1"), Target("number", "+49301234567")),
        ("+49301234567", ("digits/0", "digits/3", "digits/0", "digits/1"), Target("number", "+49301234567")),
    ],
)
def test_a_number_is_said_back_as_it_is_dialled_at_home(
    house: RehearsalHouse, dialled: str, said: tuple[str, ...], target: Target
) -> None:
    caller = phone(house).calls(f"*11{dialled}").hears("star-stored", "rule-always", "target-number", *said)
    caller.is_hung_up()
    assert rule(house, Condition.ALWAYS) == target


def test_a_number_abroad_is_said_back_with_its_country(house: RehearsalHouse) -> None:
    phone(house, MAX).calls("*110043123456789").hears("rule-always", "target-number", *ABROAD).is_hung_up()


@pytest.mark.parametrize("dialled", ["*11*791", "*11791"])
def test_voicemail_is_a_target(house: RehearsalHouse, dialled: str) -> None:
    hears_only(phone(house).calls(dialled), "star-stored", "rule-always", "target-voicemail")
    assert rule(house, Condition.ALWAYS) == Target("voicemail")


def test_voicemail_may_be_pressed_when_the_target_is_asked_for(house: RehearsalHouse) -> None:
    caller = phone(house).calls("*13").hears("enter-target").presses("*791#")
    hears_only(caller, "star-stored", "rule-busy", "target-voicemail")


def test_a_profile_is_activated_and_said_by_its_number(house: RehearsalHouse) -> None:
    hears_only(phone(house).calls("*102"), "profile-activated", "digits/2")
    assert settings(house).active == 2
    hears_only(phone(house).calls("*100"), "profile-activated", "digits/0")
    assert settings(house).active == 0


def test_a_rule_set_while_another_profile_is_active_says_that_profile_zero_is_active_now(house: RehearsalHouse) -> None:
    phone(house).calls("*102").hears("profile-activated").is_hung_up()
    hears_only(
        phone(house).calls("*1134"), "star-stored", "rule-always", *EXTENSION_34, "profile-zero-instead-of", "digits/2"
    )
    assert settings(house).active == 0


def test_cancelling_leaves_another_profile_active_and_says_which(house: RehearsalHouse) -> None:
    hears_only(phone(house, MAX).calls("**11"), "rule-was-not-set", "profile-active", "digits/2")
    assert settings(house, MAX).active == 2


def test_do_not_disturb_is_switched_on_and_off(house: RehearsalHouse) -> None:
    hears_only(phone(house).calls("*15"), "do-not-disturb-on")
    assert settings(house).do_not_disturb
    hears_only(phone(house).calls("**15"), "do-not-disturb-off")
    assert not settings(house).do_not_disturb


def test_the_status_tells_the_active_profile_and_its_rules(house: RehearsalHouse) -> None:
    hears_only(phone(house).calls("*10"), "profile-active", "digits/0", "no-rules")
    phone(house).calls("*102").hears("profile-activated").is_hung_up()
    phone(house).calls("*15").hears("do-not-disturb-on").is_hung_up()
    caller = phone(house).calls("*10").hears("profile-active", "digits/2", "rule-always", *EXTENSION_34)
    caller.hears("rule-no-answer", "digits/5", "currency/and", "digits/20", "seconds-to", "target-number", "digits/0")
    caller.hears("do-not-disturb-on").is_hung_up()


def test_the_status_tells_of_rules_for_certain_callers_and_of_the_busy_tone(house: RehearsalHouse) -> None:
    phone(house).calls("*103").hears("profile-activated").is_hung_up()
    hears_only(phone(house).calls("*10"), "profile-active", "digits/3", "rules-for-certain-callers")
    hears_only(phone(house, MAX).calls("*10"), "profile-active", "digits/2", "rule-busy", "target-busy")


def test_the_status_of_four_rules_with_long_numbers_is_heard_to_its_end(house: RehearsalHouse) -> None:
    for digit in CONDITIONS:
        phone(house, MAX).calls(f"*1{digit}0043123456789012").hears("star-stored").is_hung_up()
    caller = phone(house, MAX).calls("*10").hears("profile-active", "digits/0")
    for rule_said in ("rule-always", "rule-not-registered", "rule-busy", "rule-no-answer"):
        caller.hears(rule_said, *ABROAD, "digits/0", "digits/1", "digits/2")
    caller.is_hung_up("NORMAL_CLEARING")


def test_a_french_tenant_hears_french(house: RehearsalHouse) -> None:
    caller = phone(house, ANNE).calls("*1135")
    hears_only(caller, "star-stored", "rule-always", "target-extension", "digits/3", "digits/5", language="fr")


def test_what_was_set_survives_a_restart(tmp_path: Path) -> None:
    with rehearsal_house(TENANTS, HOME, tmp_path, {}) as house:
        phone(house).calls("*1134").hears("star-stored").is_hung_up()
    with rehearsal_house(TENANTS, HOME, tmp_path, {}) as house:
        hears_only(phone(house).calls("*10"), "profile-active", "digits/0", "rule-always", *EXTENSION_34)


# -- refused, and why --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialled", "why"),
    [
        ("*1133", "target-itself"),
        ("*1103023131033", "target-itself"),
        ("*11112", "target-emergency"),
        ("*110110", "target-emergency"),
        ("*1109001234567", "target-blocked"),
        ("*110043123456789", "target-blocked"),
        ("*1135", "target-unknown-extension"),
        ("*11*792", "target-no-number"),
        ("*1100", "target-no-number"),
        ("*107", "profile-unknown"),
    ],
)
def test_a_refusal_says_why_and_that_nothing_was_changed(house: RehearsalHouse, dialled: str, why: str) -> None:
    before = settings(house)
    hears_only(phone(house).calls(dialled), why, "nothing-changed")
    assert settings(house) == before


def test_who_has_no_mailbox_cannot_send_calls_there(house: RehearsalHouse) -> None:
    hears_only(phone(house, MAX).calls("*11*791"), "target-no-voicemail", "nothing-changed")


def test_a_tenant_without_a_trunk_forwards_to_nobody_outside(house: RehearsalHouse) -> None:
    hears_only(phone(house, ANNE).calls("*110145678901"), "target-no-outside", "nothing-changed", language="fr")


def test_silence_is_asked_once_more_and_then_refused(house: RehearsalHouse) -> None:
    caller = phone(house).calls("*11").never_presses_again()
    hears_only(caller, "enter-target", "enter-target", "target-missing", "nothing-changed")


def test_hanging_up_instead_of_a_target_changes_nothing(house: RehearsalHouse) -> None:
    before = settings(house)
    phone(house).calls("*11").hears("enter-target").presses("3").hangs_up()
    assert settings(house) == before


@pytest.mark.parametrize("dialled", ["*", "*99", "*1", "**10", "*1011", "*11A4", "*15#5", "**1134"])
def test_what_is_no_code_is_told_before_the_call_is_answered(house: RehearsalHouse, dialled: str) -> None:
    before = settings(house)
    phone(house).calls(dialled).hears("star-code-unknown").is_refused("UNALLOCATED_NUMBER")
    assert settings(house) == before


def test_without_the_store_nothing_is_set_and_the_caller_is_told(
    house: RehearsalHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise StateUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(house.daemon.database, "write", away)
        hears_only(phone(house).calls("*1134"), "not-stored")
        hears_only(phone(house).calls("*10"), "settings-unavailable")
    hears_only(phone(house).calls("*10"), "profile-active", "digits/0", "no-rules")


# -- nobody else -------------------------------------------------------------------------------------------------------


FORGED = {"X-Extension": CLARA, "P-Asserted-Identity": "33", "X-cc_door": "extensions", "X-user_name": "33"}


def test_from_the_trunk_a_star_code_is_no_number_whoever_the_call_says_it_is_from(house: RehearsalHouse) -> None:
    before = settings(house)
    for number in ("33", CLARA, "+493023131033", "+4930111"):
        caller = house.switch.phone(number, headers=FORGED).calls("*1134")
        caller.hears("number-unknown").is_refused("UNALLOCATED_NUMBER")
    assert settings(house) == before


def test_an_account_steers_its_own_tenant_only(house: RehearsalHouse) -> None:
    before = settings(house)
    forged = {"From": "<sip:33@pier.example>", "X-domain_name": "pier.example", **FORGED}
    hears_only(phone(house, ANNE, headers=forged).calls("*15"), "do-not-disturb-on", language="fr")
    assert settings(house, ANNE).do_not_disturb
    assert settings(house) == before


def test_a_forged_from_steers_the_extension_of_the_password(house: RehearsalHouse) -> None:
    before = settings(house)
    hears_only(phone(house, MAX, number="33", name="33", headers=FORGED).calls("*15"), "do-not-disturb-on")
    assert settings(house, MAX).do_not_disturb
    assert settings(house) == before


@pytest.mark.parametrize("account", ["99@pier.example", "33@elsewhere.example"])
def test_who_is_no_extension_of_the_tenant_hears_that_the_number_is_unknown(
    house: RehearsalHouse, account: str
) -> None:
    caller = house.switch.phone("33", door="extensions", extension=account, headers=FORGED).calls("*15")
    caller.hears("number-unknown").is_refused("UNALLOCATED_NUMBER")
    assert not settings(house).do_not_disturb


def test_who_proved_no_password_is_not_let_in(house: RehearsalHouse) -> None:
    house.switch.phone("33", door="extensions", headers=FORGED).calls("*15").is_refused("CALL_REJECTED")
    assert not settings(house).do_not_disturb


@pytest.mark.parametrize("dialled", ["*1134;gw=carrier", "*1134;domain_name=pier.example", "*1134;x=y@pier.example"])
def test_parameters_in_the_address_open_no_other_door(house: RehearsalHouse, dialled: str) -> None:
    house.switch.phone("33", headers=FORGED).calls(dialled).is_refused()
    assert rule(house, Condition.ALWAYS) is None
