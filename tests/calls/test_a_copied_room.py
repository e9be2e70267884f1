"""A room copied in the tenant file under a new name, with a number and PINs of its own, works at once."""

from __future__ import annotations

from pathlib import Path

from callcontrol.rehearse import rehearsal_house
from tests.patience import until

HOME = Path(__file__).parent.parent.parent
TENANT = """
tenant: harbour
region: DE
timezone: Europe/Berlin
languages: [en]
numbers:
  "+49 30 23125001": {room: board}
#numbers
rooms:
  board:
    access: pin
    pin: "48213"
    moderator_pin: "907155"
    wait_for_moderator: true
    schedule: {start: 2020-01-01 00:00, duration: 1440, repeat: daily}
#rooms
"""
COPY = """
  board-two:
    access: pin
    pin: "59324"
    moderator_pin: "816044"
    wait_for_moderator: true
    schedule: {start: 2020-01-01 00:00, duration: 1440, repeat: daily}
"""


def test_a_copied_room_works_at_once(tmp_path: Path) -> None:
    file = tmp_path / "tenants" / "harbour.yaml"
    file.parent.mkdir()
    file.write_text(TENANT)
    with rehearsal_house(file.parent, HOME, tmp_path / "state", {}) as house:
        house.switch.phone("+49305550170").calls("+493023125002").hears("number-unknown")
        number = '  "+49 30 23125002": {room: board-two}'
        file.write_text(TENANT.replace("#numbers", number).replace("#rooms", COPY))
        until(lambda: house.daemon.tenants.current.find_number("+493023125002") is not None)
        guest = house.switch.phone("+49305550171").calls("+493023125002").hears("enter-pin").presses("59324#")
        guest.hears("waiting-for-moderator").joins("harbour.board-two").hears_music()
        host = house.switch.phone("+49305550172").calls("+493023125002").hears("enter-pin").presses("816044#")
        host.joins("harbour.board-two", moderator=True)
        guest.hears_no_music()
        first = house.switch.phone("+49305550173").calls("+493023125001").hears("enter-pin").presses("48213#")
        first.joins("harbour.board")
        for phone in (guest, host, first):
            phone.hangs_up()
