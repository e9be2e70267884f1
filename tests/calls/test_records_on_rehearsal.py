"""The ledger is settled by what the rehearsal switch writes of each call, as by FreeSWITCH's own records."""

from __future__ import annotations

from pathlib import Path

from callcontrol.rehearse import rehearsal_house
from callcontrol.state import Legs
from callcontrol.state.office import OfficeCall
from callcontrol.state.office_usage import office_calls_of
from tests.calls.room_scenarios import DECK, all_hang_up, meeting
from tests.patience import until

HOME = Path(__file__).parent.parent.parent
DORA, TYPED = "+4930123456", "030123456#"
OUTSIDE, CLARAS_NUMBER = "+493099887766", "+493023140033"


def test_callers_and_called_are_settled_by_the_records_of_the_switch(tmp_path: Path) -> None:
    with rehearsal_house(Path(__file__).parent / "tenants", HOME, tmp_path, {}) as house:
        dora = house.switch.telephone(DORA)
        boss, ann = meeting(house.switch, DECK, "regatta.deck", 1)
        boss.presses("*1").hears("dial-number").presses(TYPED).hears("callee-hint").presses("*2")
        dora.joins("regatta.deck")
        all_hang_up(boss.joins("regatta.deck", moderator=True), ann, dora)
        legs = Legs(house.daemon.database)
        until(lambda: [leg.closed_by for leg in legs.rows("regatta", 0, 1e11)] == ["switch"] * 3)
        found = {leg.number: (leg.direction, leg.payer, leg.room, leg.role) for leg in legs.rows("regatta", 0, 1e11)}
    assert found[DORA] == ("outbound", "tenant", "deck", "participant")
    assert found["+491713000001"] == ("inbound", "caller", "deck", "moderator")
    assert not list((tmp_path / "cdr").glob("*.json"))


def test_calls_of_an_office_are_in_the_ledger_by_the_records_of_the_switch(tmp_path: Path) -> None:
    with rehearsal_house(Path(__file__).parent / "office_tenants", HOME, tmp_path, {}) as house:
        away, clara = house.switch.telephone(OUTSIDE), house.switch.telephone("33@lighthouse.example")
        desk = house.switch.phone(door="extensions", extension="33@lighthouse.example").calls("03099887766")
        away.talks()
        desk.is_answered().hangs_up()
        house.switch.phone(DORA).calls(CLARAS_NUMBER).is_answered().hangs_up()
        clara.is_hung_up()
        house.switch.phone(door="extensions", extension="34@lighthouse.example").calls("33").is_answered().hangs_up()
        house.switch.phone(door="extensions", extension="33@lighthouse.example").calls("38").is_answered().hangs_up()

        def calls() -> list[OfficeCall]:
            return house.daemon.database.read(lambda one: office_calls_of(one, "lighthouse", "", 0.0, 100))

        until(lambda: [call.closed_by for call in calls()] == ["switch"] * 5)
        found = sorted((one.extension, one.service, one.number, one.answered_at is not None) for one in calls())
    assert found == [
        ("33", "in", DORA, True),
        ("33", "inside", "34", True),
        ("33", "out", OUTSIDE, True),
        ("38", "forward", OUTSIDE, True),
        ("38", "inside", "33", True),
    ]
