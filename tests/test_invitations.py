"""What a guest is told: in their language, the right numbers and PIN, and never the moderator's."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from callcontrol.invitations.invitation import Invitation, Meeting, NothingToInviteTo, invitation
from callcontrol.invitations.phrases import PHRASES, moment_in_words
from callcontrol.tenants import Tenant
from tests.tenant_files import tenant

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 9, tzinfo=BERLIN)
ACME = """
name: Acme GmbH
timezone: Europe/Berlin
languages: [de, en]
trunk: carrier
numbers:
  "+49 30 8631": {room: board}
  "+49 30 8632": {rooms: [board, standup], languages: [de]}
  "+49 30 8633": {rooms: [standup, board], languages: [en]}
  "+49 30 8634": {room: listed}
  "+49 30 8635": {room: lobby, languages: [fr]}
  "+49 30 8637": {room: manual}
  "+49 30 8636": {room: both, languages: [de]}
rooms:
  board: {access: pin, pin: "48213", moderator_pin: "907155", wait_for_moderator: true}
  standup:
    access: pin
    pin: "73950"
    dial_out: [{name: Max, number: "+49 171 5550001"}]
    schedule: {start: "2026-12-01 10:00", duration: 30, repeat: weekdays, until: "2026-12-02", dial_out: true}
  listed: {access: whitelist, whitelist: ["+49 171 5550001"]}
  both: {access: whitelist_or_pin, whitelist: ["+49 171 5550001"], pin: "55183"}
  lobby: {access: open}
  manual: {access: pin, pin: "61840", moderator_pin: "772091", admission: manual, wait_for_moderator: true}
  unreachable: {access: open}
  calling: {access: open, dial_out: [{name: Max, number: "+49 171 5550001"}]}
"""


def acme(more: str = "") -> Tenant:
    return tenant(ACME + more)


def invited(
    room: str, language: str = "en", *, moderator: bool = False, meeting: Meeting | None = None, now: datetime = NOW,
    of: Tenant | None = None,
) -> Invitation:  # fmt: skip
    owner = of or acme()
    return invitation(owner, owner.rooms[room], language, moderator=moderator, meeting=meeting, now=now)


def test_a_guest_is_told_when_where_and_with_which_pin() -> None:
    assert invited("standup", "de").text() == (
        "Telefonkonferenz standup (Acme GmbH)\n"
        "====================================\n"
        "\n"
        "Wann:\n"
        "  Montag bis Freitag um 10:00 Uhr\n"
        "  Dienstag, 1. Dezember 2026, 10:00 Uhr\n"
        "  Mittwoch, 2. Dezember 2026, 10:00 Uhr\n"
        "  Dauer 30 Minuten, Zeitzone Europe/Berlin\n"
        "\n"
        "Sie können 15 Minuten vor Beginn anrufen.\n"
        "Wer auf der Liste des Raums steht, wird zu Beginn angerufen.\n"
        "\n"
        "Einwahl:\n"
        "  +49 30 8632  Deutsch\n"
        "  +49 30 8633  Englisch\n"
        "\n"
        "PIN: 73950#\n"
        "\n"
        "Mit dem Mobiltelefon antippen (wählt Nummer und PIN):\n"
        "  tel:+49308632,,73950%23\n"
        "  tel:+49308633,,73950%23\n"
        "\n"
        "Tasten während der Konferenz: *6 Mikrofon aus und ein, *9 Hand heben und senken, ** Hilfe\n"
    )


@pytest.mark.parametrize(
    ("language", "first"),
    [("de", ["8632", "8631", "8633"]), ("en", ["8633", "8631", "8632"]), ("fr", ["8632", "8633"])],
)
def test_the_numbers_that_speak_the_guests_language_come_first(language: str, first: list[str]) -> None:
    numbers = [number.e164[-4:] for number in invited("board", language).numbers]
    assert numbers[: len(first)] == first
    assert sorted(numbers) == ["8631", "8632", "8633"]


def test_one_tap_presses_the_key_of_the_language_where_the_number_asks_for_it() -> None:
    taps = {number.e164[-4:]: number.tap for number in invited("board", "en").numbers}
    assert taps["8631"] == "tel:+49308631,,2,,,48213%23"
    assert taps["8632"] == "tel:+49308632,,48213%23"


def test_only_the_moderators_invitation_has_the_moderators_pin() -> None:
    for language in PHRASES:
        assert "907155" not in invited("board", language).text()
        told = invited("board", language, moderator=True).text()
        assert "907155#" in told
        assert "48213#" in told, "moderators pass the guests' PIN on"
        assert ",907155%23" in told
        assert ",48213%23" not in told


def test_guests_who_will_wait_are_told_so() -> None:
    assert "You hear music until the moderator is there." in invited("board").text()
    assert "The moderator lets you in; until then you hear music." in invited("manual").text()
    for room in ("board", "manual"):
        assert "hear music" not in invited(room, moderator=True).text()


@pytest.mark.parametrize(
    ("room", "says", "tap"),
    [
        ("lobby", "No PIN is needed.", "tel:+49308635\n"),
        ("listed", "Only calls from listed numbers are accepted; no PIN is needed.", "tel:+49308634,,2\n"),
        ("both", "PIN: 55183#\nCallers from a listed number need no PIN.", "tel:+49308636,,55183%23\n"),
    ],
)
def test_what_is_asked_for_depends_on_the_room(room: str, says: str, tap: str) -> None:
    told = invited(room).text()
    assert says in told
    assert tap in told


def test_a_room_that_is_always_open_says_so_unless_a_date_is_given() -> None:
    assert "At any time, the conference is always open." in invited("lobby").text()
    told = invited("lobby", meeting=Meeting(datetime(2026, 12, 1, 10, tzinfo=BERLIN), 45)).text()
    assert "  Tuesday, 1 December 2026, 10:00\n  45 minutes, timezone Europe/Berlin\n" in told
    assert "At any time" not in told


def test_a_room_that_only_calls_has_an_invitation_without_numbers() -> None:
    assert "Dial in" not in invited("calling").text()


def test_a_meeting_that_is_under_way_is_the_next_one_until_it_is_over() -> None:
    assert invited("standup", now=datetime(2026, 12, 1, 10, 29, tzinfo=BERLIN)).dates[0].day == 1
    assert invited("standup", now=datetime(2026, 12, 1, 10, 31, tzinfo=BERLIN)).dates[0].day == 2


@pytest.mark.parametrize(
    ("room", "moderator", "now", "says"),
    [
        ("unreachable", False, NOW, "no number leads to acme/unreachable, and it calls nobody"),
        ("lobby", True, NOW, "acme/lobby has no moderator_pin"),
        ("standup", False, datetime(2026, 12, 3, tzinfo=BERLIN), "the schedule of acme/standup is over"),
    ],
)
def test_nobody_is_invited_to_what_they_cannot_come_to(room: str, moderator: bool, now: datetime, says: str) -> None:
    with pytest.raises(NothingToInviteTo, match=says):
        invited(room, moderator=moderator, now=now)


def test_keys_are_those_of_the_tenant() -> None:
    told = invited("lobby", of=acme('keys: {"*5": mute, "*9": null}\n')).text()
    assert "Keys during the conference: *5 microphone off and on, ** help\n" in told


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", "Sonntag, 1. März 2026, 09:05 Uhr"),
        ("en", "Sunday, 1 March 2026, 09:05"),
        ("fr", "dimanche 1er mars 2026, 09:05"),
    ],
)
def test_dates_are_written_as_the_language_writes_them(language: str, words: str) -> None:
    assert moment_in_words(datetime(2026, 3, 1, 9, 5, tzinfo=BERLIN), language) == words


@pytest.mark.parametrize("repeat", ["daily", "weekdays", "weekly", "monthly"])
@pytest.mark.parametrize("language", list(PHRASES))
def test_each_rhythm_is_told_in_each_language(repeat: str, language: str) -> None:
    owner = tenant(
        "timezone: Europe/Berlin\n"
        'numbers: {"+49 30 8631": {room: a}}\n'
        f'rooms: {{a: {{access: open, schedule: {{start: "2026-12-01 10:00", repeat: {repeat}}}}}}}\n'
    )
    told = invitation(owner, owner.rooms["a"], language, moderator=False, meeting=None, now=NOW).text()
    assert "{" not in told
    assert told.count("10:00") == 4


@pytest.mark.parametrize(("day", "says"), [(1, "Le 1er de chaque mois"), (2, "Le 2 de chaque mois")])
def test_the_first_of_the_month_is_le_premier(day: int, says: str) -> None:
    schedule = f'{{start: "2026-12-0{day} 10:00", repeat: monthly}}'
    owner = tenant(f"""
timezone: Europe/Berlin
numbers: {{"+49 30 8631": {{room: a}}}}
rooms: {{a: {{access: open, schedule: {schedule}}}}}
""")
    told = invitation(owner, owner.rooms["a"], "fr", moderator=False, meeting=None, now=NOW).text()
    assert says in told


def test_no_representation_shows_a_pin() -> None:
    assert "907155" not in f"{invited('board', moderator=True)!r}"
