"""The office: a tenant whose extensions call each other and the outside (``office/``), and the carrier between."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.sip_carrier import Attempt, Carrier, Relays
from tests.switch.conftest import REPOSITORY
from tests.switch.demo import Demo
from tests.switch.phones import Phone
from tests.switch.theatre import Theatre

DOMAIN, PASSWORD = "office.example", "w8Kd-xm4R-office"


class Office(Theatre):
    """Telephones of one test. ``carrier`` knows what becomes of each number outside, and notes every call."""

    carrier: Carrier

    def desk(self, name: str, extension: str, *, aloud: bool = False) -> Phone:
        """A telephone registered as an extension; silent unless it is to be recognised by its tone."""
        return self._phones(name).speaks(aloud).registers(extension, DOMAIN, PASSWORD)

    def outside(self, name: str, number: str) -> Phone:
        """Somebody outside who has this number."""
        phone = self._phones(name).speaks(False)
        self.carrier.numbers[number] = Relays(phone.address)
        return phone

    def caller(self, name: str) -> Phone:
        """Somebody outside who calls us."""
        return self._phones(name).speaks(False)


def header(attempt: Attempt, name: str) -> str:
    """A header of the INVITE the carrier got, ``""`` when it has none."""
    lines = (line for line in attempt.text.splitlines() if line.lower().startswith(f"{name.lower()}:"))
    return next(lines, "").partition(":")[2].strip()


def run(demo: Demo, *words: str) -> dict[str, Any]:
    """What `callcontrol WORDS --json` says."""
    where = ["--config", str(demo.state / "callcontrol.yaml")]
    if words[0] == "who":
        where = ["--http", f"127.0.0.1:{demo.http}", "--state", str(demo.state)]
    command = [sys.executable, "-m", "callcontrol", *words, "--json", *where]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def dials(office: Office, phone: Phone, code: str, said: str = "") -> None:
    """The star code is carried out or refused, with these words in the log; what people hear: test_star_codes.py."""
    before = len(star_codes(office))
    phone.calls(code).is_answered()
    office.wait_for(lambda: len(star_codes(office)) > before)
    assert said in str(star_codes(office)[-1])
    phone.hangs_up()


def star_codes(office: Office) -> list[dict[str, Any]]:
    return [line for line in office.demo.log() if line["event"].startswith("star code")]


def rings_for(called: Phone, caller: Phone, within: float = 10.0) -> None:
    """The call reaches this telephone; it is not taken."""
    called.rings(within=within)
    caller.hangs_up()
    called.is_refused()


def talk(caller: Phone, called: Phone) -> None:
    """The call is taken, both hear each other, and the caller hangs up."""
    called.rings().answers()
    caller.is_answered()
    caller.speaks().hears_tone_of(called.speaks())
    called.hears_tone_of(caller)
    caller.speaks(False).hangs_up()
    called.speaks(False).is_hung_up()


@contextmanager
def office_of(binary: Path, folder: Path, files: str = "office") -> Iterator[tuple[Demo, Carrier]]:
    """A demo with the tenants of ``files``, a folder beside this one, in a folder of its own; and the carrier."""
    tenants = folder / "tenants"
    shutil.copytree(Path(__file__).with_name(files), tenants)
    with Carrier() as carrier:
        demo = Demo(binary, tenants, folder / "state", CALLCONTROL_CARRIER_PROXY=carrier.address)
        try:
            yield demo, carrier
        finally:
            assert demo.close() == os.EX_OK
