"""The office: a tenant whose extensions call each other and the outside (``office/``), and the carrier between."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.sip_carrier import Attempt, Carrier, Relays
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
