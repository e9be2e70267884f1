"""Every minute somebody spends in a room is in the ledger, whatever becomes of the daemon. On the rehearsal switch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from callcontrol.config import Config, Switch
from callcontrol.daemon import Daemon
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.state import Database, Leg, Legs, StateUnavailable, sqlite_url
from tests.patience import until

HOME = Path(__file__).parent.parent
OPEN_ROOM, WAITING, KNOCKING, SECRET = (f"+493023127{n:03}" for n in (1, 2, 3, 4))
BOSS, ANN, BEN = "+4917130000001", "+493055501001", "+493055501002"
TENANT = f"""
tenant: pier
domain: pier.example
region: DE
languages: [de]
trunk: carrier
numbers:
  "{OPEN_ROOM}": {{room: square}}
  "{WAITING}": {{room: board}}
  "{KNOCKING}": {{room: foyer}}
  "{SECRET}": {{room: cellar}}
rooms:
  square: {{access: open, moderators: ["{BOSS}"], dial_out: [{{name: Ann Smith, number: "{ANN}"}}]}}
  board: {{access: open, wait_for_moderator: true, moderators: ["{BOSS}"]}}
  foyer: {{access: open, wait_for_moderator: true, admission: manual, moderators: ["{BOSS}"]}}
  cellar: {{access: pin, pin: "48213"}}
extensions:
  "33": {{name: Clara, password: "long-enough-33-secret"}}
"""


class House:
    """One switch, one database, and as many daemons as a test needs; the switch's calls go to the newest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tenants").mkdir()
        (folder / "cdr").mkdir()
        (folder / "tenants" / "pier.yaml").write_text(TENANT)
        self.switch = RehearsalSwitch(("127.0.0.1", 0), prompts=PromptBook(HOME / "prompts"), password="of-the-house")
        self.switch.hub.cdr = folder / "cdr"
        self.switch.start()
        self.database = Database(sqlite_url(folder / "state"))
        self.legs = Legs(self.database)
        self._daemons: list[Daemon] = []

    def daemon(self, **changed: object) -> Daemon:
        host, port = self.switch.link_address
        values: dict[str, object] = {
            "listen": ("127.0.0.1", 0),
            "http": ("127.0.0.1", 0),
            "switches": (Switch(name="near", host=host, port=port, password="of-the-house"),),
            "tenants": self.folder / "tenants",
            "state": self.folder / "state",
            "database": sqlite_url(self.folder / "state"),
            "prompts": HOME / "prompts",
            "recordings": self.folder / "recordings",
            "drain_seconds": 1,
        }
        daemon = Daemon(Config.model_validate(values | changed), {})
        self._daemons.append(daemon)
        daemon.start()
        self.switch.hub.daemon = daemon.calls.address
        until(lambda: not daemon.reasons())
        return daemon

    def rows(self) -> dict[str, Leg]:
        """Rows by the number of their caller."""
        return {leg.number: leg for leg in self.legs.rows("pier", 0.0, 1e11)}

    def row(self, number: str, good: Callable[[Leg], object] = lambda leg: leg.meeting) -> Leg:
        """The row of a caller, once it is as wanted."""
        until(lambda: number in self.rows() and good(self.rows()[number]))
        return self.rows()[number]

    def phone(self, number: str) -> Any:
        return self.switch.phone(number)

    def close(self) -> None:
        for daemon in self._daemons:
            daemon.stop()
            daemon.run()
        self.database.close()
        self.switch.stop()


def closed(leg: Leg) -> bool:
    return leg.left_at is not None


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def test_a_call_in_a_room_is_an_open_row_and_a_closed_one_once_it_has_left(house: House) -> None:
    house.daemon()
    before = time.time()
    ann = house.phone(ANN).calls(OPEN_ROOM).joins("pier.square")
    row = house.row(ANN)
    assert (row.tenant, row.room, row.role, row.direction, row.payer) == (
        "pier",
        "square",
        "participant",
        "inbound",
        "caller",
    )
    assert (row.name, row.language, row.switch, row.tries) == ("Ann Smith", "de", "near", 1)
    assert before - 1 < row.began_at <= row.answered_at <= row.joined_at <= time.time()
    assert (row.admitted_at, row.left_at, row.closed_by) == (row.joined_at, None, "")
    gevent.sleep(0.3)
    ann.hangs_up()
    row = house.row(ANN, closed)
    assert row.left_at is not None
    assert 0.2 < row.room_seconds == row.left_at - row.joined_at < time.time() - before + 1
    assert (row.end_reason, row.closed_by, row.wait_seconds) == ("left", "daemon", 0.0)


def test_who_waits_for_the_moderator_waits_until_the_moderator_is_there(house: House) -> None:
    house.daemon()
    ann = house.phone(ANN).calls(WAITING).joins("pier.board")
    ben = house.phone(BEN).calls(WAITING).joins("pier.board")
    assert house.row(ANN).admitted_at is None
    ben.hangs_up()
    boss = house.phone(BOSS).calls(WAITING).joins("pier.board", moderator=True)
    opened = house.row(BOSS).joined_at
    row = house.row(ANN, lambda leg: leg.admitted_at)
    assert row.admitted_at == opened
    assert row.wait_seconds == pytest.approx(opened - row.joined_at)
    ann.hangs_up()
    boss.hangs_up()
    assert house.row(BOSS, closed).role == "moderator"
    gone = house.row(BEN, closed)
    assert (gone.admitted_at, gone.room_seconds) == (None, 0.0)
    assert gone.wait_seconds > 0


def test_the_lobby_counts_as_waiting_in_the_room(house: House) -> None:
    house.daemon()
    ann = house.phone(ANN).calls(KNOCKING).joins("pier.foyer.lobby")
    row = house.row(ANN, lambda leg: leg.switch)
    assert (row.room, row.meeting, row.admitted_at) == ("foyer", "", None)
    boss = house.phone(BOSS).calls(KNOCKING).joins("pier.foyer", moderator=True)
    boss.presses("*8")
    ann.joins("pier.foyer")
    row = house.row(ANN, lambda leg: leg.admitted_at)
    assert row.meeting == house.row(BOSS).meeting
    assert (row.left_at, row.closed_by) == (None, ""), "moving from one conference to the other is not leaving"
    ann.hangs_up()
    row = house.row(ANN, closed)
    assert row.room_seconds > 0
    assert row.wait_seconds + row.room_seconds == pytest.approx((row.left_at or 0) - row.joined_at)


def test_who_is_shown_out_has_left_when_the_farewell_began_and_the_row_tells_why(house: House) -> None:
    house.daemon()
    ann = house.phone(ANN).calls(WAITING).joins("pier.board")
    boss = house.phone(BOSS).calls(WAITING).joins("pier.board", moderator=True)
    boss.presses("*0").hears("end-confirm").presses("1")
    ann.is_hung_up("NORMAL_CLEARING")
    assert house.row(ANN, lambda leg: leg.end_reason == "room-ended").closed_by == "daemon"


def test_a_call_that_never_reaches_a_room_has_no_row(house: House) -> None:
    daemon = house.daemon()
    house.phone(ANN).calls(SECRET).hears("enter-pin").presses("1111#").hears("wrong-pin").hangs_up()
    house.phone(BEN).calls(OPEN_ROOM).joins("pier.square")
    house.row(BEN)
    assert daemon.books.writer.waiting == 0
    assert house.rows().keys() == {BEN}


def test_an_extension_is_on_the_books_by_its_number_and_the_name_the_tenant_gave_it(house: House) -> None:
    house.daemon()
    clara = house.switch.phone(door="extensions", extension="33@pier.example", name="Not Clara").calls(OPEN_ROOM)
    clara.joins("pier.square")
    row = house.row("33")
    assert (row.name, row.payer, row.direction) == ("Clara", "caller", "inbound")
    clara.hangs_up()


def test_a_withheld_number_stays_withheld_in_the_ledger(house: House) -> None:
    house.daemon()
    house.switch.phone(ANN, withheld=True).calls(OPEN_ROOM).joins("pier.square")
    assert house.row("").name == ""


# -- what becomes of the daemon ----------------------------------------------------------------------------------------


def killed(daemon: Daemon) -> None:
    """As `kill -9`, for the ledger: nothing is written any more, and no event is heard."""
    daemon.books.writer.stop()
    daemon.books.watch.stop()
    if daemon.books.spool is not None:
        daemon.books.spool.stop()
    for board in daemon.switchboards:
        board.link.stop()
    daemon.calls.stop_accepting()


def test_members_who_stay_keep_their_open_rows_over_a_restart(house: House) -> None:
    first = house.daemon()
    ann = house.phone(ANN).calls(OPEN_ROOM).joins("pier.square")
    before = house.row(ANN)
    killed(first)
    house.daemon()
    ben = house.phone(BEN).calls(OPEN_ROOM).joins("pier.square")
    assert house.row(BEN).meeting == before.meeting
    assert house.row(ANN) == before
    ann.hangs_up()
    ben.hangs_up()
    assert house.row(ANN, closed).end_reason == "left"


def test_a_member_nobody_wrote_down_gets_a_row_from_the_channel(house: House) -> None:
    first = house.daemon()
    first.books.writer.stop()
    ann = house.phone(ANN).calls(WAITING).joins("pier.board")
    boss = house.phone(BOSS).calls(WAITING).joins("pier.board", moderator=True)
    killed(first)
    assert house.rows() == {}
    house.daemon()
    row = house.row(ANN)
    assert (row.role, row.payer, row.name, row.waits_for) == ("participant", "caller", "", "moderator")
    assert row.admitted_at is not None
    assert house.row(BOSS).role == "moderator"
    ann.hangs_up()
    boss.hangs_up()
    house.row(BOSS, closed)


def test_who_left_while_no_daemon_was_there_is_closed_without_an_invented_second(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callcontrol.ledger.books.PATIENCE", 0.0)
    monkeypatch.setattr("callcontrol.ledger.watch.ON_THE_WAY", -1.0)
    first = house.daemon()
    ann = house.phone(ANN).calls(OPEN_ROOM).joins("pier.square")
    row = house.row(ANN)
    killed(first)
    ann.hangs_up()
    second = house.daemon()
    for _ in range(2):
        second.books.compare("near", {}, time.time())
        until(lambda: not second.books.watch.due)
    gone = house.row(ANN, closed)
    assert (gone.end_reason, gone.closed_by) == ("unknown", "daemon")
    assert gone.left_at == row.joined_at, "nobody ever saw the call there"


def test_two_daemons_write_one_row(house: House) -> None:
    house.daemon()
    house.daemon()
    ann = house.phone(ANN).calls(OPEN_ROOM).joins("pier.square")
    house.row(ANN)
    ann.hangs_up()
    house.row(ANN, closed)
    assert len(list(house.legs.rows("pier", 0.0, 1e11))) == 1


def test_a_store_that_is_away_holds_up_no_call_and_is_told_everything_later(house: House) -> None:
    daemon = house.daemon()
    write, stored = daemon.books.writer._legs, Stubborn()
    daemon.books.writer._legs = stored  # type: ignore[assignment]
    ann = house.phone(ANN).calls(OPEN_ROOM).joins("pier.square")
    ann.hangs_up()
    until(lambda: stored.asked)
    assert house.rows() == {}
    daemon.books.writer._legs = write
    assert house.row(ANN, closed).end_reason == "left"


class Stubborn:
    """A ledger that is away."""

    asked = 0

    def write(self, news: object) -> int:
        self.asked += 1
        raise StateUnavailable("away")


# -- the switch's records ----------------------------------------------------------------------------------------------


def test_the_record_of_a_call_settles_its_row_and_is_put_away(house: House) -> None:
    daemon = house.daemon(cdr=house.folder / "cdr")
    ann = house.phone(ANN).calls(WAITING).joins("pier.board")
    boss = house.phone(BOSS).calls(WAITING).joins("pier.board", moderator=True)
    house.row(ANN, lambda leg: leg.admitted_at)
    boss.hangs_up()
    ann.hangs_up()
    row = house.row(ANN, settled)
    assert row.left_at is not None
    assert row.ended_at is not None
    assert row.admitted_at == max(row.joined_at, house.row(BOSS, settled).joined_at)
    assert row.wait_seconds + row.room_seconds == pytest.approx(row.left_at - row.joined_at)
    assert row.name == ""
    spool = daemon.books.spool
    assert spool is not None
    assert spool.largest_correction < 30.0
    until(lambda: not list((house.folder / "cdr").glob("*.json")))
    assert len(list((house.folder / "cdr" / "done").glob("*/*.cdr.json"))) == 2


def settled(leg: Leg) -> bool:
    return leg.closed_by == "switch"


def test_who_left_while_the_daemon_was_dead_is_closed_to_the_second_by_the_record(house: House) -> None:
    first = house.daemon(cdr=house.folder / "cdr")
    ann = house.phone(ANN).calls(OPEN_ROOM).joins("pier.square")
    ben = house.phone(BEN).calls(OPEN_ROOM).joins("pier.square")
    house.row(ANN), house.row(BEN)
    killed(first)
    hung_up = time.time()
    ann.hangs_up()
    until(lambda: ann.session.over)
    gone = time.time()
    second = house.daemon(cdr=house.folder / "cdr")
    row = house.row(ANN, settled)
    assert row.left_at is not None
    assert hung_up - 1 < row.left_at < gone + 1
    assert (row.end_reason, row.name, row.switch) == ("left", "Ann Smith", "near")
    assert house.row(BEN).closed_by == "", "Ben is still there"
    ben.hangs_up()
    house.row(BEN, settled)
    assert second.books.spool is not None


def test_a_call_nobody_ever_wrote_down_is_made_good_by_its_record(house: House) -> None:
    first = house.daemon()
    first.books.writer.stop()
    ann = house.phone(ANN).calls(KNOCKING).joins("pier.foyer.lobby")
    boss = house.phone(BOSS).calls(KNOCKING).joins("pier.foyer", moderator=True)
    boss.presses("*8")
    ann.joins("pier.foyer").hangs_up()
    boss.hangs_up()
    killed(first)
    assert house.rows() == {}
    house.daemon(cdr=house.folder / "cdr")
    row = house.row(ANN, settled)
    assert (row.tenant, row.room, row.role, row.payer) == ("pier", "foyer", "participant", "caller")
    assert row.admitted_at is not None
    assert row.joined_at < row.admitted_at < (row.left_at or 0.0)
    assert house.row(BOSS, settled).meeting == row.meeting


def test_two_daemons_on_one_folder_settle_each_leg_once(house: House) -> None:
    for _ in range(2):
        house.daemon(cdr=house.folder / "cdr")
    phones = [house.phone(f"+4930555020{number:02}").calls(OPEN_ROOM).joins("pier.square") for number in range(12)]
    for phone in phones:
        phone.hangs_up()
    until(lambda: len(house.rows()) == 12 and all(map(settled, house.rows().values())))
    assert len(list(house.legs.rows("pier", 0.0, 1e11))) == 12
    until(lambda: len(list((house.folder / "cdr" / "done").glob("*/*.cdr.json"))) == 12)


def test_whom_a_moderator_calls_in_is_on_the_books_and_the_tenant_pays(house: House) -> None:
    house.switch.exchange.gateways |= {"carrier"}
    house.switch.telephone(BEN)
    house.daemon(cdr=house.folder / "cdr")
    boss = house.phone(BOSS).calls(OPEN_ROOM).joins("pier.square", moderator=True)
    boss.presses("*1").hears("dial-number-or-all")
    boss.presses("03055501002#")
    boss.joins("pier.square.aside", moderator=True)
    assert house.row(BEN, lambda leg: leg.switch).admitted_at is None
    boss.presses("*2").joins("pier.square", moderator=True)
    row = house.row(BEN, lambda leg: leg.admitted_at)
    assert (row.direction, row.payer, row.room, row.role) == ("outbound", "tenant", "square", "participant")
    assert house.row(BOSS).left_at is None, "aside is on the books of the room"
    boss.hangs_up()


def test_whom_the_room_calls_is_on_the_books_with_the_try_it_took(house: House) -> None:
    house.switch.exchange.gateways |= {"carrier"}
    ann = house.switch.telephone(ANN, presses=["1"])
    house.daemon(cdr=house.folder / "cdr")
    boss = house.phone(BOSS).calls(OPEN_ROOM).joins("pier.square", moderator=True)
    boss.presses("*1").hears("dial-number-or-all").presses("#")
    ann.joins("pier.square")
    row = house.row(ANN)
    assert (row.direction, row.payer, row.name, row.tries) == ("outbound", "tenant", "Ann Smith", 1)
    assert row.began_at <= row.answered_at <= row.joined_at
    ann.hangs_up()
    boss.hangs_up()
    assert house.row(ANN, settled).tries == 1
