"""A star code, and then a call that proves what it did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.rehearsal.phone import Phone
from callcontrol.rehearsal.telephone import Telephone
from callcontrol.rehearse import RehearsalHouse, rehearsal_house

HOME = Path(__file__).parent.parent.parent
TENANTS = Path(__file__).parent / "star_tenants"
CLARA, MAX = "33@pier.example", "34@pier.example"
CLARAS_NUMBER, GUEST, OUTSIDE = "+493023131033", "+49305557001", "+493099887766"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[RehearsalHouse]:
    with rehearsal_house(TENANTS, HOME, tmp_path, {}) as house:
        yield house


@pytest.fixture
def clara(house: RehearsalHouse) -> Telephone:
    return house.switch.telephone(CLARA)


@pytest.fixture
def max_(house: RehearsalHouse) -> Telephone:
    """34, who takes calls himself."""
    dials(house, "*100", account=MAX)
    return house.switch.telephone(MAX)


def dials(house: RehearsalHouse, *codes: str, account: str = CLARA) -> None:
    """The extension dials codes, each of which is answered."""
    for code in codes:
        house.switch.phone(door="extensions", extension=account).calls(code).is_answered().is_hung_up()


def guest(house: RehearsalHouse) -> Phone:
    """Somebody outside calls Clara."""
    return house.switch.phone(GUEST).calls(CLARAS_NUMBER)


def reaches(house: RehearsalHouse, telephone: Telephone) -> None:
    """A call for Clara rings there, and they talk."""
    caller = guest(house)
    telephone.is_called(by=GUEST).talks()
    caller.is_answered().hangs_up()
    telephone.is_hung_up()


def test_all_calls_go_to_the_target_until_that_is_cancelled(
    house: RehearsalHouse, clara: Telephone, max_: Telephone
) -> None:
    reaches(house, clara)
    dials(house, "*1134")
    reaches(house, max_)
    dials(house, "**11")
    reaches(house, clara)
    assert (clara.times_called, max_.times_called) == (2, 1)


def test_unanswered_calls_go_to_the_target(house: RehearsalHouse, clara: Telephone, max_: Telephone) -> None:
    clara.rings_out()
    dials(house, "*1234")
    reaches(house, max_)
    dials(house, "**12")
    guest(house).hears("extension-unavailable").is_refused()
    assert (clara.times_called, max_.times_called) == (2, 1)


def test_calls_for_a_busy_telephone_go_to_the_target(house: RehearsalHouse, clara: Telephone, max_: Telephone) -> None:
    clara.busy()
    dials(house, "*1334")
    reaches(house, max_)
    dials(house, "**13")
    guest(house).is_refused("USER_BUSY")


def test_calls_for_an_extension_without_a_telephone_go_to_the_target(house: RehearsalHouse, max_: Telephone) -> None:
    dials(house, "*1434")
    reaches(house, max_)
    dials(house, "**14")
    guest(house).hears("extension-unavailable").is_refused()


def test_calls_go_to_a_number_outside_with_the_callers_number(house: RehearsalHouse, clara: Telephone) -> None:
    outside = house.switch.telephone(OUTSIDE)
    dials(house, f"*11{OUTSIDE.replace('+49', '0')}")
    reaches(house, outside)
    assert clara.times_called == 0


def test_a_profile_steers_calls_while_it_is_active(house: RehearsalHouse, clara: Telephone, max_: Telephone) -> None:
    dials(house, "*102")
    reaches(house, max_)
    dials(house, "*100")
    reaches(house, clara)


def test_do_not_disturb_is_busy_and_goes_where_busy_calls_go(
    house: RehearsalHouse, clara: Telephone, max_: Telephone
) -> None:
    dials(house, "*15")
    guest(house).is_refused("USER_BUSY")
    dials(house, "*1334")
    reaches(house, max_)
    dials(house, "**15")
    reaches(house, clara)


def test_what_was_refused_steers_nothing(house: RehearsalHouse, clara: Telephone) -> None:
    dials(house, "*1133", "*11112", "*110043123456789", "*107")
    reaches(house, clara)
