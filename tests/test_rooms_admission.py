"""Who gets into a room: by number, by PIN, and as what."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from callcontrol.rooms.admission import Entry, Role, entries_by_pin, entry_by_number, is_open
from callcontrol.tenants import Room
from tests.tenant_files import tenant

LISTED, BLOCK, HOST, STRANGER = "+491712345678", "+498999999812", "+493012345678", "+493055501000"
SECRETS = 'pin: "48213", moderator_pin: "907155"'
LISTS = 'whitelist: ["+49 171 2345678", "+49 89 999998*"], moderators: ["+49 30 12345678"]'


def room(text: str, name: str = "board") -> Room:
    return tenant(f"rooms:\n  {name}: {{{text}}}\n").rooms[name]


def told(entry: Entry | None) -> tuple[str, str] | None:
    return None if entry is None else (entry.role.value, entry.reason)


OPEN = room('access: open, moderators: ["+49 30 12345678"]')
PIN = room(f'access: pin, {SECRETS}, whitelist: ["+49 171 2345678"], moderators: ["+49 30 12345678"]')
LISTED_ONLY = room(f"access: whitelist, {LISTS}", "crew")
EITHER = room(f'access: whitelist_or_pin, pin: "73518", moderator_pin: "829306", {LISTS}', "pilots")


@pytest.mark.parametrize("number", [STRANGER, LISTED, None])
def test_an_open_room_lets_everybody_in_even_without_a_number(number: str | None) -> None:
    assert told(entry_by_number([OPEN], number)) == ("participant", "open room")


def test_a_listed_moderator_moderates_an_open_room() -> None:
    assert told(entry_by_number([OPEN], HOST)) == ("moderator", "open room")


@pytest.mark.parametrize("number", [STRANGER, LISTED, HOST, None])
def test_a_room_with_a_pin_opens_to_no_number(number: str | None) -> None:
    assert entry_by_number([PIN], number) is None


@pytest.mark.parametrize("restricted", [LISTED_ONLY, EITHER], ids=["whitelist", "whitelist_or_pin"])
@pytest.mark.parametrize(
    ("number", "entry"),
    [
        (LISTED, ("participant", "listed number")),
        (BLOCK, ("participant", "listed number")),
        (HOST, ("moderator", "listed number")),
        (STRANGER, None),
        (None, None),
        ("", None),
        ("anonymous", None),
        (f"{LISTED}0", None),
        ("+498999999", None),
    ],
)
def test_a_list_lets_in_whom_it_names_and_nobody_who_withholds(
    restricted: Room, number: str | None, entry: tuple[str, str] | None
) -> None:
    assert told(entry_by_number([restricted], number)) == entry


def test_each_pin_opens_its_room_in_its_role() -> None:
    entries = entries_by_pin([PIN], STRANGER)
    assert {pin: told(entry) for pin, entry in entries.items()} == {
        "48213": ("participant", "PIN"),
        "907155": ("moderator", "moderator PIN"),
    }


def test_a_listed_moderator_moderates_with_either_pin() -> None:
    assert {entry.role for entry in entries_by_pin([PIN], HOST).values()} == {Role.MODERATOR}


def test_a_withheld_number_may_use_a_pin() -> None:
    assert told(entries_by_pin([EITHER], None)["73518"]) == ("participant", "PIN")


@pytest.mark.parametrize("without_pin", [OPEN, LISTED_ONLY])
def test_rooms_without_a_pin_have_none_to_enter(without_pin: Room) -> None:
    assert entries_by_pin([without_pin], STRANGER) == {}


def test_on_a_shared_number_the_pin_picks_the_room() -> None:
    entries = entries_by_pin([PIN, EITHER], STRANGER)
    assert {pin: entry.room.name for pin, entry in entries.items()} == {
        "48213": "board",
        "907155": "board",
        "73518": "pilots",
        "829306": "pilots",
    }


def test_on_a_shared_number_a_listed_caller_walks_in_only_when_one_room_lists_them() -> None:
    entry = entry_by_number([PIN, EITHER], LISTED)
    assert entry is not None
    assert entry.room is EITHER
    assert entry_by_number([LISTED_ONLY, EITHER], LISTED) is None
    assert entry_by_number([PIN, EITHER], STRANGER) is None


def test_no_pin_is_shown_when_an_entry_is_written_down() -> None:
    for pin, entry in entries_by_pin([PIN, EITHER], STRANGER).items():
        assert pin not in repr(entry)


@pytest.mark.parametrize(
    ("clock", "expected"),
    [("09:44:59", False), ("09:45:00", True), ("10:00:00", True), ("11:00:00", True), ("11:00:01", False)],
)
def test_a_room_with_a_schedule_opens_a_quarter_of_an_hour_early_and_closes_at_its_end(
    clock: str, expected: bool
) -> None:
    daily = tenant(
        "timezone: America/New_York\n"
        "rooms: {board: {access: open, schedule: {start: 2026-01-01 10:00, repeat: daily}}}\n"
    )
    moment = datetime.fromisoformat(f"2026-07-01 {clock}").replace(tzinfo=ZoneInfo(daily.timezone))
    assert is_open(daily.rooms["board"], daily.timezone, moment) == expected


def test_a_room_without_schedule_is_always_open() -> None:
    assert is_open(OPEN, "UTC", datetime(2026, 7, 1, 3, tzinfo=ZoneInfo("UTC")))
