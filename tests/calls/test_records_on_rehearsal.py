"""The ledger is settled by what the rehearsal switch writes of each call, as by FreeSWITCH's own records."""

from __future__ import annotations

from pathlib import Path

from callcontrol.rehearse import rehearsal_house
from callcontrol.state import Legs
from tests.calls.room_scenarios import DECK, all_hang_up, meeting
from tests.rehearsal_daemon import eventually

HOME = Path(__file__).parent.parent.parent
DORA, TYPED = "+4930123456", "030123456#"


def test_callers_and_called_are_settled_by_the_records_of_the_switch(tmp_path: Path) -> None:
    with rehearsal_house(Path(__file__).parent / "tenants", HOME, tmp_path, {}) as house:
        dora = house.switch.telephone(DORA)
        boss, ann = meeting(house.switch, DECK, "regatta.deck", 1)
        boss.presses("*1").hears("dial-number").presses(TYPED).hears("callee-hint").presses("*2")
        dora.joins("regatta.deck")
        all_hang_up(boss.joins("regatta.deck", moderator=True), ann, dora)
        legs = Legs(house.daemon.database)
        eventually(lambda: [leg.closed_by for leg in legs.rows("regatta", 0, 1e11)] == ["switch"] * 3, seconds=15)
        found = {leg.number: (leg.direction, leg.payer, leg.room, leg.role) for leg in legs.rows("regatta", 0, 1e11)}
    assert found[DORA] == ("outbound", "tenant", "deck", "participant")
    assert found["+491713000001"] == ("inbound", "caller", "deck", "moderator")
    assert not list((tmp_path / "cdr").glob("*.json"))
