"""What the switch's own record of a call says of a leg, whatever stands in the file. The records are real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.account import Account, account_of, decoded, encoded
from callcontrol.ledger.cdr import MOST_BYTES, Faulty, NotOurs, read_cdr
from callcontrol.state import Leg

RECORDS = Path(__file__).parent / "data" / "cdr"
WAITED = "waited-for-moderator"


def record(name: str = WAITED) -> Any:
    return json.loads((RECORDS / f"{name}.cdr.json").read_text())


def read(content: Any) -> Leg | NotOurs | Faulty:
    return read_cdr(json.dumps(content).encode())


def leg(content: Any) -> Leg:
    found = read(content)
    assert isinstance(found, Leg), found
    return found


def stamps(content: Any) -> dict[str, float]:
    """When each conference was entered, and when the next application began after the last of them."""
    steps = content["app_log"]["applications"]
    found = {
        step["app_data"].partition("@")[0]: int(step["app_stamp"]) / 1e6
        for step in steps
        if step["app_name"] == "conference"
    }
    last = max(place for place, step in enumerate(steps) if step["app_name"] == "conference")
    if last + 1 < len(steps):
        found["next"] = int(steps[last + 1]["app_stamp"]) / 1e6
    return found


def hung_up(content: Any) -> float:
    return int(content["variables"]["end_uepoch"]) / 1e6


def test_who_waited_in_the_room_itself_was_there_from_the_conference_to_the_hangup() -> None:
    content = record()
    found = leg(content)
    assert (found.tenant, found.room, found.role, found.payer) == ("theatre", "stage", "participant", "caller")
    assert (found.direction, found.number, found.language) == ("inbound", "+49305550003", "en")
    assert (found.joined_at, found.left_at) == (stamps(content)["theatre.stage"], hung_up(content))
    assert found.began_at < found.answered_at < found.joined_at < hung_up(content) == found.ended_at
    assert (found.waits_for, found.admitted_at, found.end_reason) == ("moderator", None, "left")
    assert found.meeting == content["variables"]["conference_uuid"]


def test_who_came_through_the_lobby_and_was_shown_out_left_before_the_farewell() -> None:
    content = record("lobby-then-room-shown-out")
    found, at = leg(content), stamps(content)
    assert (found.joined_at, found.admitted_at) == (at["theatre.foyer.lobby"], at["theatre.foyer"])
    assert (found.left_at, found.end_reason, found.waits_for) == (at["next"], "room-ended", "admission")
    assert found.ended_at == hung_up(content) > at["next"] + 1


def test_who_never_came_out_of_the_lobby_was_never_admitted_and_was_in_no_meeting() -> None:
    found = leg(record("lobby-only-shown-out"))
    assert (found.room, found.admitted_at, found.meeting, found.waits_for) == ("foyer", None, "", "admission")
    assert found.end_reason == "room-ended"


def test_a_moderator_who_was_aside_was_on_the_books_of_the_room_all_the_time() -> None:
    content = record("moderator-aside-and-back")
    found = leg(content)
    assert [step["app_data"] for step in content["app_log"]["applications"] if step["app_name"] == "conference"] == [
        "agency.parlour@room+flags{moderator}",
        "agency.parlour.aside@room",
        "agency.parlour@room",
    ]
    first = next(step for step in content["app_log"]["applications"] if step["app_name"] == "conference")
    assert (found.joined_at, found.left_at) == (int(first["app_stamp"]) / 1e6, hung_up(content))
    assert (found.role, found.waits_for, found.meeting) == (
        "moderator",
        "",
        content["variables"]["conference_uuid"],
    )


def test_whom_a_moderator_called_in_waits_aside_and_the_tenant_pays() -> None:
    found = leg(record("callee-aside-then-room"))
    assert (found.room, found.direction, found.payer, found.number) == ("parlour", "outbound", "tenant", "33")
    assert found.waits_for == "admission"
    assert found.admitted_at is not None
    assert found.joined_at < found.admitted_at < (found.left_at or 0.0)


def test_a_call_without_an_account_or_without_a_room_is_none_of_ours() -> None:
    assert read(record("not-ours")) == NotOurs()
    content = record()
    content["app_log"]["applications"] = [
        step for step in content["app_log"]["applications"] if step["app_name"] != "conference"
    ]
    assert read(content) == NotOurs()
    del content["app_log"]
    assert read(content) == NotOurs()


def test_without_the_log_of_applications_only_the_ends_of_the_call_are_known() -> None:
    content = record()
    del content["app_log"]
    content["variables"]["disable_app_log"] = "true"
    found = leg(content)
    assert (found.joined_at, found.left_at) == (0.0, hung_up(content))


def test_another_conference_than_the_one_on_the_account_does_not_count() -> None:
    content = record()
    content["variables"]["cc_room"] = "theatre.circle"
    assert read(content) == NotOurs()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is no JSON"),
        (b"{", "it is no JSON"),
        (b"[]", "it is no JSON object"),
        (b"null", "it is no JSON object"),
        (b"[" * 100_000, "it is no JSON"),
        (b"\xff\xfe", "it is no JSON"),
        (b"9" * 10_000, "it is no JSON"),
        (b" " * (MOST_BYTES + 1), "it is too long"),
        (b"{}", "it names no call"),
        (b'{"variables": {"uuid": "../../etc/passwd"}}', "it names no call"),
    ],
)
def test_what_is_no_record_is_told_apart(data: bytes, reason: str) -> None:
    assert read_cdr(data) == Faulty(reason)


def test_half_a_record_is_none() -> None:
    data = json.dumps(record()).encode()
    for length in range(0, len(data), 97):
        assert isinstance(read_cdr(data[:length]), Faulty)


@pytest.mark.parametrize("name", ["start_uepoch", "end_uepoch"])
@pytest.mark.parametrize("value", ["0", "", "-5", "1e9", "٣", "99999999999999999", None, 1795307075, [], {}])
def test_a_record_without_times_is_faulty(name: str, value: object) -> None:
    content = record()
    content["variables"][name] = value
    assert read(content) == Faulty("it has no times")


def test_a_clock_that_was_set_back_takes_seconds_away_and_never_adds_any() -> None:
    content = record()
    content["variables"]["end_uepoch"] = str(int(content["variables"]["start_uepoch"]) - 3_600_000_000)
    found = leg(content)
    assert found.left_at == found.joined_at
    assert found.ended_at == found.began_at


@pytest.mark.parametrize(
    ("variable", "hostile"),
    [
        ("cc_number", "'; DROP TABLE legs; --"),
        ("cc_name", "\u0000"),
        ("cc_name", "<script>"),
        ("cc_name", ".1B.5B2J"),  # a terminal would obey
        ("cc_language", "x" * 3000),
        ("cc_try", "9999999999"),
        ("conference_uuid", "\ud800"),
        ("hangup_cause", "A\nB"),
    ],
)
def test_text_that_has_not_the_shape_it_should_have_is_left_out(variable: str, hostile: str) -> None:
    content = record()
    content["variables"][variable] = hostile
    found = leg(content)
    assert hostile not in (found.number, found.name, found.language, found.meeting, found.end_reason)
    assert found.tries == 1


@pytest.mark.parametrize("room", ["theatre", "theatre.", ".stage", "theatre.stage.lobby", "Theatre.Stage", "a/b.c", ""])
def test_a_room_that_cannot_be_ours_is_not(room: str) -> None:
    content = record()
    content["variables"]["cc_room"] = room
    assert read(content) == NotOurs()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(st.data())
def test_whatever_stands_in_a_field_the_leg_stays_within_the_call(data: st.DataObject) -> None:
    content = record("lobby-then-room-shown-out")
    for _ in range(data.draw(st.integers(1, 4))):
        part = data.draw(st.sampled_from(["variables", "app_log", "step", "top"]))
        if part == "step" and isinstance(content.get("app_log"), dict):
            steps = content["app_log"].get("applications")
            if isinstance(steps, list) and steps and isinstance(steps[-1], dict):
                steps[data.draw(st.integers(0, len(steps) - 1))] = data.draw(JSON)
            continue
        if part in ("variables", "app_log") and isinstance(content.get(part), dict) and content[part]:
            content[part][data.draw(st.sampled_from(sorted(content[part])))] = data.draw(JSON)
        elif part == "top":
            content[data.draw(st.sampled_from(sorted(content)))] = data.draw(JSON)
    found = read(content)
    if isinstance(found, Leg):
        assert found.left_at is not None
        assert found.began_at <= found.joined_at <= found.left_at
        assert found.admitted_at is None or found.joined_at <= found.admitted_at
        json.dumps([found.number, found.name, found.meeting, found.end_reason]).encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    assert isinstance(read_cdr(data), Faulty | NotOurs)


@given(st.text(max_size=80))
def test_a_name_survives_the_channel_or_is_left_out(name: str) -> None:
    assert all(letter.isalnum() or letter == "." for letter in encoded(name))
    assert decoded(encoded(name)) in (name, "", name.encode("utf-8", "replace").decode())


def test_an_account_comes_back_from_its_variables() -> None:
    ann = Account("acme", "board", "moderator", "tenant", "+491712345678", "Ann Müller-Lüdenscheidt", language="de")
    variables = {**ann.variables(), "cc_language": "de"}
    assert account_of(lambda name: variables.get(name, "")) == ann
    forged = variables | {"cc_tenant": "globex"}
    assert account_of(lambda name: forged.get(name, "")) is None
