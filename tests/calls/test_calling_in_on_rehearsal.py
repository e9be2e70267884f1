"""A moderator calls somebody in, on the rehearsal switch: who picks up, and who does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.rehearsal import RehearsalSwitch
from callcontrol.rehearse import rehearsal_house
from tests.calls.room_scenarios import DECK, all_hang_up, meeting

HOME = Path(__file__).parent.parent.parent
DORA, TYPED = "+4930123456", "030123456#"


@pytest.fixture
def line(tmp_path: Path) -> Iterator[RehearsalSwitch]:
    with rehearsal_house(Path(__file__).parent / "tenants", HOME, tmp_path, {}) as house:
        yield house.switch


def test_who_is_called_in_talks_to_the_moderator_first_and_comes_along(line: RehearsalSwitch) -> None:
    dora = line.telephone(DORA, answers_after=0.1)
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*1").hears("dial-number").presses(TYPED).hears("callee-hint")
    dora.is_called(by=DECK).joins("regatta.deck.aside").can_speak()
    boss.presses("*2").joins("regatta.deck", moderator=True)
    dora.joins("regatta.deck").can_speak()
    all_hang_up(boss, ann, dora)


def test_the_moderator_may_go_back_alone(line: RehearsalSwitch) -> None:
    dora = line.telephone(DORA)
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*1").hears("dial-number").presses(TYPED).hears("callee-hint").presses("*3")
    boss.joins("regatta.deck", moderator=True)
    dora.joins("regatta.deck.aside").is_hung_up()
    all_hang_up(boss, ann)


def test_the_moderator_need_not_wait_for_somebody_who_does_not_pick_up(line: RehearsalSwitch) -> None:
    dora = line.telephone(DORA).rings_on()
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*1").hears("dial-number").presses(TYPED).hears("calling")
    dora.is_called()
    boss.presses("*3").joins("regatta.deck", moderator=True)
    dora.stops_ringing()
    all_hang_up(boss, ann)


@pytest.mark.parametrize("reaction", ["busy", "rejects", "rings_out"])
def test_a_callee_who_will_not_come_is_told_to_the_moderator(line: RehearsalSwitch, reaction: str) -> None:
    getattr(line.telephone(DORA), reaction)()
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*1").hears("dial-number").presses(TYPED).joins("regatta.deck.aside", moderator=True)
    boss.joins("regatta.deck", moderator=True).hears("callee-failed").can_speak()
    all_hang_up(boss, ann)


def test_all_telephones_of_an_extension_ring_and_one_is_picked_up(line: RehearsalSwitch) -> None:
    desk, mobile = (line.telephone("34@regatta.example") for _ in range(2))
    desk.rings_on()
    boss, ann = meeting(line, DECK, "regatta.deck", 1)
    boss.presses("*1").hears("dial-number").presses("34#").hears("callee-hint")
    desk.is_called().stops_ringing("LOSE_RACE")
    mobile.joins("regatta.deck.aside")
    all_hang_up(boss, ann, mobile)
