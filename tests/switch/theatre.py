"""The theatre: the tenant of the tests of moderated rooms (``tenants/``), and whoever calls there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.switch.conftest import Phones
from tests.switch.demo import Demo
from tests.switch.phones import Phone, Switch

STAGE_ASKS, STAGE, STAGE_FRENCH, FOYER, LOUNGE = (f"+493023126{n:03}" for n in (1, 2, 3, 4, 5))
SCHOOL, KIOSK, BELFRY, SALON, BOX = (f"+493023126{n:03}" for n in (6, 7, 8, 9, 10))
SET = "+493023127001"
HOST = "+491712000001"  # +49 171 20000* moderates
SECOND_HOST = "+491712000002"
BACK = 30.0  # s in which whatever was killed is back


class Theatre:
    """Callers of one test: guests call from numbers of their own, hosts from numbers that moderate."""

    def __init__(self, demo: Demo, make_phones: Callable[[Switch], Phones]) -> None:
        self.demo, self._make_phones, self._guests = demo, make_phones, 0
        self._phones = make_phones(demo.switch)

    def kill_daemon(self) -> None:
        """kill -9; returns once the next one is ready for calls."""
        before = self.demo.text().count('"event":"ready"')
        self.demo.kill_daemon()
        self.wait_for(lambda: self.demo.text().count('"event":"ready"') > before)

    def kill_switch(self) -> None:
        """kill -9 of FreeSWITCH; returns once the daemon has its link to the next one."""
        before = self.demo.text().count('"event":"link is up"')
        (pid,) = (pid for pid in self.demo.children() if pid != self.demo.daemon_pid())
        os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: self.demo.text().count('"event":"link is up"') > before)
        self.demo.ask_again()
        self.wait_for(lambda: "is ready" in self.demo.event_socket.api("status"))
        self._phones = self._make_phones(self.demo.switch)

    def wait_for(self, true: Callable[[], bool], within: float = BACK) -> None:
        """Look often whether it is true; AssertionError with the log after so many seconds."""
        deadline = time.monotonic() + within
        while not true():
            assert time.monotonic() < deadline, self.demo.text()
            time.sleep(0.02)

    def puts_in_force(self, file: Path, text: str) -> None:
        """Save a tenant file; returns once it counts."""
        before = self.demo.text().count('"event":"tenants in force"')
        file.write_text(text)
        self.wait_for(lambda: self.demo.text().count('"event":"tenants in force"') > before)

    def guest(self, name: str, number: str = STAGE) -> Phone:
        """Dials, and is not waited for."""
        self._guests += 1
        return self._phones(name).calls(number, from_=f"+4930555{self._guests:04}")

    def host(self, name: str = "Host", number: str = STAGE, from_: str = HOST) -> Phone:
        """Dials as a moderator, and is not waited for."""
        return self._phones(name).calls(number, from_=from_)

    def meeting(self, number: str, room: str, *names: str) -> tuple[Phone, ...]:
        """Guests with these names and, last, a moderator, all in the room."""
        guests = [self.guest(name, number) for name in names]
        host = self.host(number=number)
        for guest in guests:
            guest.joins(room)
        return (*guests, host.joins(room, moderator=True))


def all_hear_all(*phones: Phone) -> None:
    """Everybody hears everybody else."""
    for phone in phones:
        phone.hears_tone_of(*(other for other in phones if other is not phone))


def nobody_hears_anybody(*phones: Phone) -> None:
    """None of them hears another one."""
    for phone in phones:
        phone.does_not_hear(*(other for other in phones if other is not phone))
