"""An operator sees who is in which room, and steers rooms as moderators do with their keys."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from callcontrol.http import NotNow, NotThere, NotUnderstood
from callcontrol.rooms.api import ACTIONS, RoomsApi
from callcontrol.rooms.phases import Turn
from callcontrol.rooms.room import Phase
from tests.live_rooms import BOARD, EPOCH, LiveRooms

MODERATOR, GUEST, STRANGER = "+49171555", "+4930111", "+4930222"


@pytest.fixture
def live() -> LiveRooms:
    """A moderator, member 1, and a guest, member 2, in an open room."""
    live = LiveRooms()
    live.comes(MODERATOR, moderator=True)
    live.comes(GUEST)
    live.told()
    return live


# -- seeing ------------------------------------------------------------------------------------------------------------


def test_without_callers_there_are_no_rooms():
    assert LiveRooms().api.rooms() == []


def test_a_room_is_shown_with_its_members_in_order_of_arrival(live):
    live.conduct().change(hands=(2,), locked=True, phase=Phase.HELD, since=EPOCH - 60)
    (room,) = live.api.rooms()
    assert {name: room[name] for name in ("room", "phase", "since", "locked", "mute_all", "record")} == {
        "room": BOARD,
        "phase": "held",
        "since": EPOCH - 60,
        "locked": True,
        "mute_all": False,
        "record": None,
    }
    assert [(m["id"], m["number"], m["role"], m["muted"], m["hand"]) for m in room["members"]] == [
        (1, MODERATOR, "moderator", True, None),
        (2, GUEST, "participant", True, 1),
    ]
    assert {m["since"] for m in room["members"]} == {EPOCH}
    json.dumps(room)


def test_who_waits_and_who_talks_aside_is_shown_with_the_room_they_belong_to(live):
    live.comes(STRANGER, f"{BOARD}.lobby")
    live.comes("+4940333", f"{BOARD}.aside")
    (room,) = live.api.rooms()
    assert [person["number"] for person in room["waiting"]] == [STRANGER]
    assert [person["number"] for person in room["aside"]] == ["+4940333"]


def test_a_room_nobody_is_in_yet_is_shown_when_somebody_waits_for_it():
    live = LiveRooms()
    live.comes(GUEST, f"{BOARD}.lobby")
    (room,) = live.api.rooms()
    assert (room["room"], room["phase"], room["since"], room["members"]) == (BOARD, None, None, [])


# -- steering ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["2", "id:2", GUEST, "+49 30 111", "0049-30/111"])
def test_a_member_is_named_by_id_or_number(live, who):
    assert live.api.perform(BOARD, "mute", who) == {
        "room": BOARD,
        "action": "mute",
        "changed": True,
        "text": f"member 2 ({GUEST}) is muted",
    }
    assert live.told() == [f"conference {BOARD} mute 2 quiet", f"conference {BOARD} play muted-by-moderator 2"]


def test_a_muted_member_gets_the_microphone_back(live):
    live.api.perform(BOARD, "mute", "2")
    live.told()
    assert live.api.perform(BOARD, "unmute", "2")["changed"]
    assert live.told() == [f"conference {BOARD} unmute 2 quiet", f"conference {BOARD} play unmuted 2"]


def test_one_of_those_who_were_muted_together_may_speak(live):
    live.api.perform(BOARD, "mute-all")
    live.told()
    assert live.api.perform(BOARD, "unmute", "2")["changed"]
    assert f"conference {BOARD} unmute 2 quiet" in live.told()
    assert not live.api.perform(BOARD, "unmute", "2")["changed"]


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("mute-all", [f"conference {BOARD} mute 2 quiet", f"conference {BOARD} play all-muted"]),
        ("lock", [f"conference {BOARD} play room-now-locked"]),
        (
            "hold",
            [
                f"conference {BOARD} mute 1 quiet",
                f"conference {BOARD} mute 2 quiet",
                f"conference {BOARD} play local_stream://moh",
                f"conference {BOARD} stop async",
                f"conference {BOARD} play hold-on",
            ],
        ),
        ("record", [f"conference {BOARD} record /recordings/{BOARD}.wav"]),
    ],
)
def test_asking_twice_is_doing_it_once(live, action, told):
    assert live.api.perform(BOARD, action)["changed"]
    assert live.told() == told
    assert not live.api.perform(BOARD, action)["changed"]
    assert live.told() == []


@pytest.mark.parametrize(
    ("action", "opposite"),
    [("mute-all", "unmute-all"), ("lock", "unlock"), ("hold", "resume"), ("record", "stop-recording")],
)
def test_what_was_done_is_undone_once(live, action, opposite):
    before = live.api.rooms()
    assert not live.api.perform(BOARD, opposite)["changed"]
    assert live.told() == []
    live.api.perform(BOARD, action)
    assert live.api.rooms() != before
    assert live.api.perform(BOARD, opposite)["changed"]
    (room,) = live.api.rooms()
    assert room | {"since": None} == before[0]


def test_muting_one_twice_says_so(live):
    live.api.perform(BOARD, "mute", "2")
    live.told()
    assert live.api.perform(BOARD, "mute", "2")["text"] == f"member 2 ({GUEST}) was muted already"
    assert live.told() == []


@pytest.mark.parametrize("room", [BOARD, f"{BOARD}.lobby"])
def test_a_caller_is_put_out_of_the_room_or_of_its_lobby(live, room):
    identity = live.comes(STRANGER, room)
    live.told()
    live.api.perform(BOARD, "kick", STRANGER)
    assert all(f"call-{identity}" in command for command in live.told())


def test_those_who_wait_are_let_in_one_by_one_or_all_at_once(live):
    for number in (STRANGER, "+4930333", "+4930444"):
        live.comes(number, f"{BOARD}.lobby")
    live.told()
    assert live.api.perform(BOARD, "admit", "4")["text"] == "member 4 (+4930333) is let in"
    assert live.told()[-1] == f"conference {BOARD}.lobby transfer {BOARD}@room 4"
    assert live.api.perform(BOARD, "admit")["text"] == "3 let in"
    assert live.told()[-1] == f"conference {BOARD}.lobby transfer {BOARD}@room 3 4 5"


def test_who_is_in_already_needs_not_be_let_in(live):
    assert not live.api.perform(BOARD, "admit", GUEST)["changed"]


def test_the_end_shows_everybody_out(live):
    live.comes(STRANGER, f"{BOARD}.lobby")
    live.told()
    live.api.perform(BOARD, "end")
    told = " ".join(live.told())
    assert all(f"call-{identity}" in told for identity in (1, 2, 3))
    assert live.conduct().room.phase == Phase.ENDING


def test_what_the_operator_does_is_in_the_log(live):
    with capture_logs() as logs:
        live.api.perform(BOARD, "mute", GUEST)
    assert logs == [
        {
            "event": "operator's control",
            "room": BOARD,
            "action": "mute",
            "member": GUEST,
            "changed": True,
            "log_level": "info",
        }
    ]


# -- refusing ----------------------------------------------------------------------------------------------------------


def test_an_action_that_does_not_exist_is_answered_with_those_that_do(live):
    with pytest.raises(NotUnderstood, match="no action 'explode'") as refused:
        live.api.perform(BOARD, "explode")
    assert refused.value.actions == ACTIONS
    assert set(ACTIONS) == {
        *("mute", "unmute", "kick", "mute-all", "unmute-all", "lock", "unlock"),
        *("hold", "resume", "record", "stop-recording", "admit", "end"),
    }


@pytest.mark.parametrize("action", ["mute", "unmute", "kick"])
def test_an_action_on_a_member_needs_one(live, action):
    with pytest.raises(NotUnderstood, match=f"{action} needs a member"):
        live.api.perform(BOARD, action)


@pytest.mark.parametrize("action", ["mute-all", "lock", "hold", "record", "end"])
def test_an_action_on_all_is_not_done_when_one_is_named(live, action):
    with pytest.raises(NotUnderstood, match="takes no member"):
        live.api.perform(BOARD, action, "2")
    assert live.told() == []


@pytest.mark.parametrize("room", ["acme.sales", "acme", "", f"{BOARD}.lobby", "acme.board\n"])
def test_a_room_nobody_is_in_cannot_be_steered(live, room):
    with pytest.raises(NotThere, match="nobody is in a room called"):
        live.api.perform(room, "lock")


@pytest.mark.parametrize("room", [BOARD, f"{BOARD}.lobby"])
def test_a_room_that_another_daemon_steers_is_seen_but_not_steered(room):
    live = LiveRooms()
    live.comes(GUEST, room)
    idle = RoomsApi(live.registry, live.calls)
    assert [entry["room"] for entry in idle.rooms()] == [BOARD]
    with pytest.raises(NotNow, match="not steered by this daemon"):
        idle.perform(BOARD, "lock")


@pytest.mark.parametrize("who", ["7", "id:7", "+4999", "", " ", "id:", f"id:{GUEST}", "2 2", "²"])
def test_nobody_is_touched_when_nobody_is_meant(live, who):
    live.comes("")  # withheld
    live.told()
    with pytest.raises(NotThere, match="no member or waiting caller"):
        live.api.perform(BOARD, "kick", who)
    assert live.told() == []


def test_two_callers_of_one_number_are_told_apart_by_their_ids(live):
    live.comes(GUEST)
    live.told()
    with pytest.raises(NotNow, match=r"means several: id:2 .*, id:3 "):
        live.api.perform(BOARD, "kick", GUEST)
    live.api.perform(BOARD, "kick", "3")
    assert all("call-3" in command for command in live.told())


def test_an_extension_whose_number_is_another_members_id_is_not_confused(live):
    live.comes("2")
    live.told()
    with pytest.raises(NotNow, match=r"means several: id:2 .*, id:3 \(2\)"):
        live.api.perform(BOARD, "kick", "2")
    live.api.perform(BOARD, "kick", "id:2")
    assert all("call-2" in command for command in live.told())


def test_a_room_that_must_not_be_recorded_is_not():
    live = LiveRooms("rooms: {board: {access: open}}\n")
    live.comes(MODERATOR, moderator=True)
    with pytest.raises(NotNow, match="does not allow recording"):
        live.api.perform(BOARD, "record")


def test_nothing_is_recorded_before_a_moderator_has_been_there():
    live = LiveRooms()
    live.comes(GUEST)
    with pytest.raises(NotNow, match="before a moderator"):
        live.api.perform(BOARD, "record")
    assert live.told() == []


@pytest.mark.parametrize("action", ["hold", "resume"])
def test_a_room_that_waits_is_neither_held_nor_resumed(action):
    live = LiveRooms()
    live.comes(GUEST)
    live.conduct().change(phase=Phase.WAITING)
    live.told()
    with pytest.raises(NotNow, match="the room is waiting"):
        live.api.perform(BOARD, action)
    assert live.told() == []


def test_nobody_gets_a_microphone_in_a_room_on_hold(live):
    live.conduct().turn(Turn.HOLD)
    with pytest.raises(NotNow, match="the room is held: nobody can speak"):
        live.api.perform(BOARD, "unmute", "2")


def test_who_waits_to_be_let_in_has_no_microphone_to_take(live):
    live.comes(STRANGER, f"{BOARD}.lobby")
    with pytest.raises(NotNow, match="waits to be let in"):
        live.api.perform(BOARD, "mute", STRANGER)


def test_nobody_is_let_in_when_nobody_waits(live):
    with pytest.raises(NotNow, match="nobody waits"):
        live.api.perform(BOARD, "admit")


def test_nobody_is_let_into_a_room_that_waits_for_its_moderator():
    live = LiveRooms('rooms: {board: {access: pin, pin: "4821", moderator_pin: "9137", wait_for_moderator: true}}\n')
    live.comes(GUEST, f"{BOARD}.lobby")
    with pytest.raises(NotNow, match="no moderator is there"):
        live.api.perform(BOARD, "admit")


@pytest.mark.parametrize("action", ["mute-all", "unmute-all", "lock", "unlock", "hold", "resume", "record"])
def test_a_room_with_nobody_but_waiting_callers_has_nothing_to_change(action):
    live = LiveRooms()
    live.comes(GUEST, f"{BOARD}.lobby")
    with pytest.raises(NotNow, match="nobody is in the room"):
        live.api.perform(BOARD, action)
