"""Who has just hung up is not busy, on a real FreeSWITCH: it hears of the end later than the telephones do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sip_carrier import Carrier
from tests.switch.conftest import Phones
from tests.switch.demo import Demo
from tests.switch.office import DOMAIN, Office, office_of
from tests.switch.phones import Phone, Switch

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(240)]

CLARA, BERLIN = "+493023160033", "+4930555123"
TIMES = 8  # of each of the five ways to be free again


@pytest.fixture(scope="module")
def parts(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Carrier]]:
    with office_of(freeswitch_binary, tmp_path_factory.mktemp("busy")) as parts:
        yield parts


@pytest.fixture
def office(parts: tuple[Demo, Carrier], make_phones: Callable[[Switch], Phones]) -> Iterator[Office]:
    demo, carrier = parts
    office = Office(demo, make_phones)
    office.carrier = carrier
    yield office
    demo.event_socket.api("hupall")
    for number in (33, 34):
        demo.event_socket.api(f"sofia profile extensions flush_inbound_reg {number}@{DOMAIN}")


def talk(caller: Phone, number: str, called: Phone) -> None:
    """They talk, and FreeSWITCH's table of channels knows both (`uuid` is found in it)."""
    caller.calls(number)
    called.rings().answers()
    assert caller.is_answered().uuid != called.uuid


@pytest.mark.parametrize("way", ["called and hung up", "called", "hung up", "was called", "redials"])
def test_who_has_just_hung_up_can_be_called_at_once(office: Office, way: str) -> None:
    """``way``: what Clara did in the call before; only in "redials" it is the colleague who calls again."""
    clara, max_, guest = office.desk("Clara", "33"), office.desk("Max", "34"), office.caller("Guest")
    for _ in range(TIMES):
        if way.startswith("called"):
            talk(clara, "34", max_)
        else:
            talk(max_, "33", clara)
        first, second = (clara, max_) if "hung up" in way else (max_, clara)
        first.hangs_up()
        hung_up = time.monotonic()
        caller = max_.calls("33") if way == "redials" else guest.calls(CLARA, from_=BERLIN)
        if way != "redials" and second is max_:
            max_.is_hung_up("NORMAL_CLEARING")
        rings_anew(clara, hung_up)
        caller.hangs_up()
        clara.is_refused()


def rings_anew(phone: Phone, since: float) -> None:
    """It rings for a call that came after ``since``: the one before may be over for all but this telephone."""
    incoming = lambda: phone._had("incoming").get("at", 0.0) > since  # noqa: E731
    phone._handset.until(incoming, 5, "ring for the call that comes at once")
