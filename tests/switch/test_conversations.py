"""The scenarios of tests/calls on a real FreeSWITCH, with SIP phones that listen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.calls.scenarios import SCENARIOS, Scenario
from tests.calls.times import times
from tests.switch.conftest import REPOSITORY, Phones
from tests.switch.demo import Demo
from tests.switch.phones import Phone, Switch

pytestmark = pytest.mark.freeswitch


@pytest.fixture(scope="module")
def demo(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(
        freeswitch_binary, REPOSITORY / "tests/calls/tenants", tmp_path_factory.mktemp("demo") / "state", **times()
    )
    try:
        yield running
    finally:
        assert running.close() == 0


class Caller:
    """A phone that calls from a number of its own; everything else is the phone's."""

    def __init__(self, phone: Phone, number: str, name: str, withheld: bool, headers: Mapping[str, str]) -> None:
        self._phone = phone
        private = {"P-Asserted-Identity": f"<sip:{number}@127.0.0.1>", "Privacy": "id"} if withheld else {}
        self._call = {"from_": number, "name": name, "headers": {**headers, **private}}

    def calls(self, number: str) -> Phone:
        return self._phone.calls(number, **self._call)  # type: ignore[arg-type]


class RealLine:
    def __init__(self, phones: Phones) -> None:
        self._phones = phones

    def phone(
        self, number: str, *, name: str = "", withheld: bool = False, headers: Mapping[str, str] | None = None
    ) -> Caller:
        return Caller(self._phones(), number, name, withheld, headers or {})


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_on_freeswitch(scenario: Scenario, demo: Demo, make_phones: Callable[[Switch], Phones]) -> None:
    scenario(RealLine(make_phones(demo.switch)))  # type: ignore[arg-type]


def test_no_pin_is_in_any_log(demo: Demo) -> None:
    """Runs last: after all the calls above neither the daemon's nor FreeSWITCH's log holds a PIN or what was typed."""
    written = demo.text() + (demo.state / "freeswitch/log/freeswitch.log").read_text(errors="replace")
    for pin in (
        "48213",
        "907155",
        "52974",
        "73518",
        "19673",
        "38145",
        "829306",
        "80461",
        "62907",
        "730185",
        "11112",
        "22223",
        "33334",
    ):
        assert pin not in written
