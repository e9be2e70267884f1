"""Which number leads where: every door, every way to write a number, and every miss."""

from __future__ import annotations

import pytest

from callcontrol.routing import (
    Door,
    ExtensionRoute,
    MailboxRoute,
    NoRoute,
    OutwardRoute,
    RoomRoute,
    Route,
    StarRoute,
    route,
)
from callcontrol.tenants import Tenants
from tests.tenant_files import tenant

ACME = tenant(
    """
    tenant: acme
    domain: acme.example
    region: DE
    languages: [de]
    numbers:
      "+49 30 8631": {room: board}
      "+49 30 8632": {rooms: [board, sales]}
      "+49 30 8633": {extension: "33"}
      "+49 30 8634": {voicemail: true}
    rooms: {board: {access: pin, pin: "48213"}, sales: {access: pin, pin: "6604"}}
    extensions: {"33": {name: Clara, password: "long-enough-33-secret", voicemail: {pin: "90714"}}}
    """,
    tail="",
)
GLOBEX = tenant(
    """
    tenant: globex
    domain: globex.example
    region: US
    numbers: {"+1 202 555 0100": {room: lobby}}
    rooms: {lobby: {access: open}}
    extensions: {"33": {name: Max, password: "long-enough-44-secret"}}
    """,
    tail="",
)
EVERYBODY = Tenants.of([ACME, GLOBEX])


def from_trunk(dialled: str) -> Route:
    return route(EVERYBODY, Door.TRUNK, dialled)


def from_extension(dialled: str, domain: str = "acme.example") -> Route:
    return route(EVERYBODY, Door.EXTENSIONS, dialled, domain)


def leads_to(found: Route) -> str:
    """The service in a word; a miss is its reason."""
    match found:
        case RoomRoute(tenant, _, rooms):
            return f"{tenant.id}: {'+'.join(room.name for room in rooms)}"
        case ExtensionRoute(tenant, extension):
            return f"{tenant.id}: extension {extension}"
        case StarRoute(tenant, extension):
            return f"{tenant.id}: star code of {extension.number}"
        case MailboxRoute(tenant):
            return f"{tenant.id}: mailboxes"
        case OutwardRoute(tenant, digits):
            return f"{tenant.id}: outside {digits}"
        case NoRoute(reason):
            return reason


@pytest.mark.parametrize("dialled", ["+49308631", "0049308631", "011 49 30 8631", "0308631", "49308631"])
def test_a_carrier_may_write_a_number_in_any_form(dialled: str) -> None:
    assert leads_to(from_trunk(dialled)) == "acme: board"


@pytest.mark.parametrize("dialled", ["+12025550100", "12025550100", "2025550100", "0012025550100"])
def test_each_tenants_country_is_tried(dialled: str) -> None:
    assert leads_to(from_trunk(dialled)) == "globex: lobby"


def test_a_number_leads_to_one_room_or_to_several_of_which_the_pin_picks_one() -> None:
    assert leads_to(from_trunk("+49308631")) == "acme: board"
    assert leads_to(from_trunk("+49308632")) == "acme: board+sales"


def test_a_number_leads_to_the_mailboxes_from_outside_and_inside() -> None:
    assert leads_to(from_trunk("+49308634")) == "acme: mailboxes"
    assert leads_to(from_extension("0308634")) == "acme: mailboxes"


def test_a_number_leads_to_an_extension() -> None:
    assert leads_to(from_trunk("+49308633")) == "acme: extension 33"


@pytest.mark.parametrize("dialled", ["+49308639", "33", "110", "", "anonymous", "*791", "９", "+" * 60])
def test_a_number_of_nobody_leads_nowhere(dialled: str) -> None:
    found = from_trunk(dialled)
    assert leads_to(found) == "no tenant has this number"
    assert isinstance(found, NoRoute)
    assert found.tenant is None


def test_an_extension_reaches_its_colleagues_by_their_short_numbers() -> None:
    assert leads_to(from_extension("33")) == "acme: extension 33"
    assert leads_to(from_extension("33", "globex.example")) == "globex: extension 33"


@pytest.mark.parametrize("dialled", ["+49308632", "0308632", "0049308632", "030 8632"])
def test_an_extension_reaches_services_as_its_country_dials(dialled: str) -> None:
    assert leads_to(from_extension(dialled)) == "acme: board+sales"


def test_an_extension_reaches_the_services_of_another_tenant_too() -> None:
    assert leads_to(from_extension("0012025550100")) == "globex: lobby"


@pytest.mark.parametrize("dialled", ["*1134", "**11", "*10", "*", "*11+49308631", "*791"])
def test_a_star_code_is_for_the_extension_that_dials_it(dialled: str) -> None:
    found = route(EVERYBODY, Door.EXTENSIONS, dialled, "acme.example", "33")
    assert leads_to(found) == "acme: star code of 33"


@pytest.mark.parametrize(("door", "who"), [("trunk", ("acme.example", "33")), ("dialout", ("acme.example", "33"))])
def test_a_star_code_through_another_door_is_no_number(door: str, who: tuple[str, str]) -> None:
    assert isinstance(route(EVERYBODY, door, "*1134", *who), NoRoute)


@pytest.mark.parametrize("who", [(), ("acme.example",), ("acme.example", "34"), ("elsewhere.example", "33")])
def test_a_star_code_of_nobody_leads_nowhere(who: tuple[str, ...]) -> None:
    assert isinstance(route(EVERYBODY, Door.EXTENSIONS, "*1134", *who), NoRoute)


@pytest.mark.parametrize("dialled", ["112", "112#", "1-1-2", "1.1.2", "1 1 2"])
def test_an_emergency_number_goes_outside_as_digits_however_a_telephone_writes_it(dialled: str) -> None:
    assert leads_to(from_extension(dialled)) == "acme: outside 112"


@pytest.mark.parametrize("dialled", ["112a", "abc112", "112*", "112##"])
def test_what_is_no_number_is_no_emergency_number(dialled: str) -> None:
    assert leads_to(from_extension(dialled)) == "no extension and no number"


@pytest.mark.parametrize(
    ("dialled", "where"),
    [("33#", "acme: extension 33"), ("0308632#", "acme: board+sales"), ("03086399#", "acme: outside 03086399")],
)
def test_a_closing_hash_is_no_part_of_a_number(dialled: str, where: str) -> None:
    assert leads_to(from_extension(dialled)) == where


@pytest.mark.parametrize("dialled", ["+493086399", "03086399", "00442071838750", "09001234567"])
def test_an_extension_calls_outside_whatever_is_no_service_of_ours(dialled: str) -> None:
    assert leads_to(from_extension(dialled)) == f"acme: outside {dialled}"


@pytest.mark.parametrize("dialled", ["110", "112"])
def test_an_emergency_number_goes_outside_before_anything_else(dialled: str) -> None:
    assert leads_to(from_extension(dialled)) == f"acme: outside {dialled}"


@pytest.mark.parametrize("dialled", ["#", "clara", "33@evil.example"])
def test_an_extension_reaches_nothing_by_what_is_no_number(dialled: str) -> None:
    assert leads_to(from_extension(dialled)) == "no extension and no number"


def test_a_domain_is_the_same_in_capitals() -> None:
    assert leads_to(from_extension("33", "ACME.example")) == "acme: extension 33"


def test_what_an_extension_dials_in_vain_is_told_in_its_tenants_language() -> None:
    found = from_extension("34")
    assert leads_to(found) == "no extension and no number"
    assert isinstance(found, NoRoute)
    assert found.tenant is ACME


@pytest.mark.parametrize("domain", ["", "elsewhere.example"])
def test_an_extension_of_nobody_reaches_nothing(domain: str) -> None:
    assert leads_to(from_extension("+49308631", domain)) == "no tenant has this domain"


@pytest.mark.parametrize("door", ["", "cellar"])
def test_a_call_through_no_door_we_know_reaches_nothing(door: str) -> None:
    assert leads_to(route(EVERYBODY, door, "+49308631")) == "the call came through no door we know"


def test_without_tenants_every_number_is_nobodys() -> None:
    assert leads_to(route(Tenants.of([]), Door.TRUNK, "+49308631")) == "no tenant has this number"
