"""Participants are called when a moderator wants it, and moderators are told how it goes, without a flood."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callcontrol.rooms.calls import Begun, Cause, Refused
from callcontrol.rooms.gathering import ASK_AGAIN, SOON, Gathering
from callcontrol.rooms.phases import Turn
from callcontrol.rooms.room import Member
from tests.live_rooms import BOARD, EPOCH, LiveRooms, invitee

LISTED = 'dial_out: [{name: Max, number: "34"}, {name: Clara, number: "35"}]'
HEAD = "domain: acme.example\nextensions: {"
HEAD += ", ".join(f'"{number}": {{name: N, password: "k7Tz-pq9L-{number}x"}}' for number in (34, 35)) + "}\n"
ASKED = f"{HEAD}rooms: {{board: {{access: open, {LISTED}}}}}\n"
ON_MODERATOR = f"{HEAD}rooms: {{board: {{access: open, dial_out_when: on_moderator, {LISTED}}}}}\n"


class Meeting:
    """A room with a moderator, and its calls."""

    def __init__(self, rules: str = ASKED, *, moderator: bool = True) -> None:
        self.live = LiveRooms(rules)
        self.calls = self.live.calls
        self.now = EPOCH
        self.waiting: list[Callable[[], None]] = []
        self.gathering = self.new_daemon()
        self.live.comes("+49171555", moderator=moderator)
        self.live.conduct().change(gathered=EPOCH)
        self.live.told()

    def new_daemon(self) -> Gathering:
        self.gathering = Gathering(
            self.live.conduct(), self.calls, lambda: self.now, lambda _, run: self.waiting.append(run)
        )
        return self.gathering

    @property
    def moderator(self) -> Member:
        return self.live.conduct().room.by_arrival[0]

    def looks(self, *people: object) -> list[str]:
        """A second passes with these people on the list; what moderators hear."""
        self.now += 1
        self.calls.people[BOARD] = tuple(people)  # type: ignore[assignment]
        self.gathering.look_at_the_clock()
        return self.heard()

    def heard(self) -> list[str]:
        while self.waiting:
            self.waiting.pop(0)()
        said = [words(command) for command in self.live.commands if " play " in command]
        self.live.told()
        return said


def words(command: str) -> str:
    """What a play command says, prompts by their names."""
    spoken = command.split(" play ")[1].split()[0].removeprefix("file_string://")
    names = [part.rpartition("/")[2].removesuffix(".wav") for part in spoken.split("!")]
    return " ".join(name for name in names if name != "400")


JOINED = invitee("Max", "joined", "joined")
RINGS = invitee("Clara", "calling")
BUSY = invitee("Clara", "waiting", "busy", due_in=60)
LOST = invitee("Clara", "failed", "busy")


# -- what moderators hear ----------------------------------------------------------------------------------------------


def test_nothing_is_said_while_somebody_is_being_called() -> None:
    meeting = Meeting()
    assert meeting.looks(JOINED, RINGS) == []


def test_between_the_tries_moderators_hear_how_many_were_reached_once() -> None:
    meeting = Meeting()
    meeting.looks(JOINED, RINGS)
    assert meeting.looks(JOINED, BUSY) == ["reached-one-of 2 reached"]
    assert meeting.looks(JOINED, BUSY) == []


def test_a_try_that_changes_nothing_is_not_told() -> None:
    meeting = Meeting()
    meeting.looks(JOINED, BUSY)
    meeting.looks(JOINED, RINGS)
    again = invitee("Clara", "waiting", "busy", due_in=120, tries=2)
    assert meeting.looks(JOINED, again) == []


def test_a_retry_that_reaches_somebody_is_told() -> None:
    meeting = Meeting()
    meeting.looks(JOINED, BUSY)
    meeting.looks(JOINED, RINGS)
    assert meeting.looks(JOINED, invitee("Clara", "joined")) == ["all-reached"]


def test_the_end_is_told_with_the_key_that_calls_again() -> None:
    meeting = Meeting()
    meeting.looks(JOINED, BUSY)
    assert meeting.looks(JOINED, LOST) == ["reached-one-of 2 reached redial-hint"]
    assert meeting.looks(JOINED, LOST) == []


def test_a_call_that_is_due_in_a_moment_is_as_good_as_under_way() -> None:
    meeting = Meeting()
    assert meeting.looks(JOINED, invitee("Clara", "waiting", due_in=SOON)) == []


def test_calls_that_the_tenants_limits_hold_up_do_not_hold_up_the_report() -> None:
    meeting = Meeting()
    assert meeting.looks(JOINED, invitee("Clara", "waiting", "all lines in use", due_in=-60)) == [
        "reached-one-of 2 reached"
    ]


def test_calling_again_by_key_is_told_though_it_failed_in_a_moment() -> None:
    meeting = Meeting()
    meeting.looks(JOINED, LOST)
    meeting.calls.answer = Begun("r", (LOST,), ())
    meeting.gathering.call_all(meeting.moderator)
    meeting.heard()
    assert meeting.looks(JOINED, LOST) == ["reached-one-of 2 reached redial-hint"]


def test_calling_again_in_vain_is_told_again() -> None:
    meeting = Meeting()
    meeting.looks(JOINED, LOST)
    meeting.looks(JOINED, RINGS)
    assert meeting.looks(JOINED, LOST) == ["reached-one-of 2 reached redial-hint"]


def test_a_moderator_who_comes_later_hears_it_then() -> None:
    meeting = Meeting(moderator=False)
    assert meeting.looks(JOINED, LOST) == []
    meeting.live.comes("+49171556", moderator=True)
    meeting.live.told()
    assert meeting.looks(JOINED, LOST) == ["reached-one-of 2 reached redial-hint"]


def test_a_room_that_calls_nobody_says_nothing() -> None:
    assert Meeting().looks() == []


# -- the key -----------------------------------------------------------------------------------------------------------


def test_the_key_calls_everybody() -> None:
    meeting = Meeting()
    meeting.calls.answer = Begun("r", (RINGS,), ())
    meeting.gathering.call_all(meeting.moderator)
    assert meeting.heard() == ["calling-all"]
    assert meeting.calls.asked == [(BOARD, Cause.KEY, "", ())]


def test_the_key_says_who_is_there_before_it_calls_the_others() -> None:
    meeting = Meeting()
    meeting.calls.people[BOARD] = (JOINED, LOST)
    meeting.calls.answer = Begun("r", (LOST,), ())
    meeting.gathering.call_all(meeting.moderator)
    assert meeting.heard() == ["reached-one-of 2 reached calling-all"]


@pytest.mark.parametrize(
    ("answer", "people", "heard"),
    [
        (Begun("", (), ()), (JOINED,), "all-reached"),
        (Begun("", (), ()), (JOINED, invitee("Clara", "declined")), "reached-one-of 2 reached nobody-to-call"),
        (Begun("r", (), ()), (RINGS,), "calling-all"),
        (Refused("the room has nobody to call"), (), "nobody-to-call"),
        (Refused("the state store does not answer", for_now=True), (), "system-error"),
    ],
)
def test_the_key_says_why_nobody_is_called(answer: Begun | Refused, people: tuple[object, ...], heard: str) -> None:
    meeting = Meeting()
    meeting.calls.people[BOARD] = people  # type: ignore[assignment]
    meeting.calls.answer = answer
    meeting.gathering.call_all(meeting.moderator)
    assert meeting.heard() == [heard]


# -- the moderator's arrival -------------------------------------------------------------------------------------------


def test_the_first_moderator_of_a_meeting_has_all_called_once() -> None:
    meeting = Meeting(ON_MODERATOR)
    meeting.calls.answer = Begun("r", (RINGS,), ())
    assert meeting.looks() == ["calling-all"]
    meeting.live.comes("+49171556", moderator=True)
    meeting.now += ASK_AGAIN
    meeting.looks()
    assert meeting.calls.asked == [(BOARD, Cause.MODERATOR, f"{BOARD}@meeting-{EPOCH:.0f}", ())]


def test_after_a_restart_the_round_of_a_meeting_has_the_same_name() -> None:
    meeting = Meeting(ON_MODERATOR)
    meeting.looks()
    meeting.new_daemon()
    meeting.looks()
    first, second = meeting.calls.asked
    assert first == second


def test_without_a_moderator_nobody_is_called() -> None:
    meeting = Meeting(ON_MODERATOR, moderator=False)
    meeting.looks()
    assert meeting.calls.asked == []


def test_a_store_that_is_away_is_asked_again_after_a_while() -> None:
    meeting = Meeting(ON_MODERATOR)
    meeting.calls.answer = Refused("away", for_now=True)
    meeting.looks()
    meeting.looks()
    assert len(meeting.calls.asked) == 1
    meeting.now += ASK_AGAIN
    meeting.calls.answer = Begun("r", (RINGS,), ())
    assert meeting.looks() == ["calling-all"]


def test_a_tenant_file_saved_in_the_middle_of_a_meeting_calls_nobody() -> None:
    meeting = Meeting(ASKED)
    meeting.looks()
    meeting.live.rules = LiveRooms(ON_MODERATOR).rules
    meeting.looks()
    assert meeting.calls.asked == []


# -- the end -----------------------------------------------------------------------------------------------------------


def test_a_room_that_ends_calls_nobody_any_more() -> None:
    meeting = Meeting(ON_MODERATOR)
    meeting.live.conduct().turn(Turn.END)
    for _ in range(2):
        meeting.looks(JOINED, RINGS)
    assert (meeting.calls.cancelled, meeting.calls.asked) == ([BOARD], [])
