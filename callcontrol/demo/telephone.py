"""A telephone in the terminal: choose who calls and which number, press keys, read what is heard.

Speaks to the rehearsal switch only; what it shows comes from the transcript of its phone, so that typed digits are
never shown again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from gevent.fileobject import FileObjectPosix
from rich.console import Console

from callcontrol.demo.settings import DemoSettings
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal.phone import Phone
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.rehearse import caller_phone, gets_into_a_room, is_over, print_step, tell
from callcontrol.tenants import Access, Number, Room, Tenant, Tenants

HELP = "keys 0-9 * # and Enter press them; h hangs up, r shows the rooms, n is another telephone, q ends"


class Telephone:
    """Reads lines from the terminal; several telephones may be in calls at once."""

    def __init__(self, switch: RehearsalSwitch, tenants: Tenants, settings: DemoSettings) -> None:
        self._switch = switch
        self._tenants = tenants
        self._prompts = PromptBook(settings.home / "prompts")
        self._out = Console(soft_wrap=True, highlight=False, markup=False)
        self._lines = FileObjectPosix(sys.stdin.fileno(), "r", close=False)
        self._phones: list[Phone] = []

    def use(self) -> None:
        """Until `q` or the end of input."""
        self._list_numbers()
        while self._call() and self._talk():
            pass

    def _list_numbers(self) -> None:
        for tenant, number in _numbers(self._tenants):
            rooms = [tenant.rooms[name] for name in number.room_names]
            self._out.print(f"  {number.e164:16} {tenant.name}: {_describe(rooms, number)}")

    def _call(self) -> bool:
        """Choose caller and number; False at the end of input."""
        number = self._ask("dial which number (q ends)? ")
        if number in (None, "q", ""):
            return False
        caller = self._ask("from which number (Enter: withheld; 33@acme.example: an extension)? ")
        if caller is None:
            return False
        phone = caller_phone(self._switch, caller)
        name = f"phone {len(self._phones) + 1}"
        self._phones.append(phone)
        phone.transcript.listener = lambda step: self._out.print(f"  [{name}] {tell(step, self._prompts)}")
        self._out.print(HELP)
        phone.calls(number.replace(" ", ""))
        return True

    def _talk(self) -> bool:
        """Keys of the newest phone; False when all is to end."""
        phone = self._phones[-1]
        while True:
            line = self._ask("")
            if line in (None, "q"):
                return False
            if line == "n" or is_over(phone):
                return True
            self._act(phone, line or "")

    def _act(self, phone: Phone, line: str) -> None:
        actions: dict[str, Callable[[], object]] = {"h": phone.hangs_up, "r": self._show_rooms}
        if line in actions:
            actions[line]()
        elif line and all(key in "0123456789*#" for key in line):
            phone.presses(line)
        else:
            self._out.print(HELP)

    def _show_rooms(self) -> None:
        for name, room in self._switch.rooms.items():
            self._out.print(f"  room {name}: {len(room.members)} in it")
        if not self._switch.rooms:
            self._out.print("  nobody is in a room")

    def _ask(self, question: str) -> str | None:
        self._out.print(question, end="")
        line = self._lines.readline()
        return line.strip() if line else None


def play_scripted_call(switch: RehearsalSwitch, tenants: Tenants, settings: DemoSettings) -> int:
    """One call to the first room with a PIN, told line by line; 0 when the caller got into the room."""
    prompts = PromptBook(settings.home / "prompts")
    tenant, number, room = _first_with_pin(tenants)
    print(f"a call from +49 30 5550100 to {number.e164} ({tenant.name}, room {room.name}), with the right PIN:")
    phone = switch.phone("+49305550100")
    phone.transcript.listener = lambda step: print_step(step, prompts, lambda line: print(f"  {line}"))
    assert room.pin is not None
    joined = gets_into_a_room(phone, number.e164, room.pin.get_secret_value())
    phone.hangs_up()
    return 0 if joined else 1


def _numbers(tenants: Tenants) -> list[tuple[Tenant, Number]]:
    return [(tenant, number) for tenant in tenants.by_id.values() for number in tenant.numbers.values()]


def _first_with_pin(tenants: Tenants) -> tuple[Tenant, Number, Room]:
    for tenant, number in _numbers(tenants):
        rooms = [tenant.rooms[name] for name in number.room_names]
        if len(rooms) == 1 and rooms[0].access.asks_for_pin and rooms[0].pin and len(number.languages) == 1:
            return tenant, number, rooms[0]
    raise LookupError("no tenant has a number that leads to one room with a PIN in one language")


def _describe(rooms: Sequence[Room], number: Number) -> str:
    if not rooms:
        return f"extension {number.extension}"
    words = {
        Access.OPEN: "open",
        Access.PIN: "with a PIN",
        Access.WHITELIST: "for listed numbers",
        Access.WHITELIST_OR_PIN: "for listed numbers, others with a PIN",
    }
    return ", ".join(f"room {room.name} {words[room.access]}" for room in rooms) + f" ({', '.join(number.languages)})"
