"""A telephone in the terminal: choose who calls and which number, press keys, read what is heard.

Speaks to the rehearsal switch only; what it shows comes from the transcripts of its phones, so that typed digits are
never shown again.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Callable
from typing import Final

from callcontrol import greenlets
from callcontrol.demo import guide
from callcontrol.demo.terminal import Note, Terminal
from callcontrol.prompts import PromptBook
from callcontrol.rehearsal.phone import Phone
from callcontrol.rehearsal.rooms import Room
from callcontrol.rehearsal.switch import RehearsalSwitch
from callcontrol.rehearse import UnknownCaller, as_dialled, caller_phone, is_over, tell
from callcontrol.tenants import Tenants

DIALLING: Final = """\
  #1, #2, ...   dial that number of the list      +49 30 8631   dial any number
  list          show the list again               rooms         who is in which room
  p1, p2, ...   back to a telephone in a call     q             end"""
TALKING: Final = """\
  0-9 * #       press these keys (then Enter)     h             hang up
  n             take another telephone            p1, p2, ...   back to an earlier one
  r             who is in which room              q             end"""
_KEYS: Final = re.compile(r"[0-9*#]+")
_DIALLABLE: Final = re.compile(r"\+?[0-9*#]+")
_ENTRY: Final = re.compile(r"#([0-9]{1,4})")
_PHONE: Final = re.compile(r"p ?([0-9]{1,4})")


class Telephone:
    """Reads lines from the terminal; several telephones may be in calls at once."""

    def __init__(self, switch: RehearsalSwitch, tenants: Tenants, prompts: PromptBook, terminal: Terminal) -> None:
        self._switch = switch
        self._tenants = tenants
        self._prompts = prompts
        self._terminal = terminal
        self._numbers = list(guide.numbers(tenants))
        self._phones: list[Phone] = []
        self._at_hand: Phone | None = None

    def use(self) -> None:
        """Until `q` or the end of input; then every telephone hangs up."""
        self._list()
        try:
            while self._turn():
                pass
        finally:
            for phone in self._phones:
                if not is_over(phone):
                    phone.hangs_up()

    def _turn(self) -> bool:
        """One line of the person at the terminal; False when all is to end."""
        phone = self._at_hand
        line = self._terminal.ask(f"{self._name(phone)}> " if phone else "dial (? helps)> ")
        if line is Note.END or line == "q":
            return False
        if phone is not None and is_over(phone):
            self._at_hand = None
            self._terminal.discard()
            self._terminal.say(f"  [{self._name(phone)}] the call is over")
        elif isinstance(line, str):
            return self._talk(phone, line) if phone is not None else self._dial(line)
        return True

    # -- between calls -------------------------------------------------------------------------------------------

    def _dial(self, line: str) -> bool:
        commands: dict[str, Callable[[], object]] = {
            "list": self._list,
            "rooms": self._show_rooms,
            "r": self._show_rooms,
        }
        number = self._number(line)
        if line in commands:
            commands[line]()
        elif found := _PHONE.fullmatch(line):
            self._pick_up(int(found[1]))
        elif number is None:
            self._terminal.say(DIALLING)
        else:
            return self._call(number)
        return True

    def _number(self, line: str) -> str | None:
        """What is dialled: the number of an entry of the list, or what was typed when a telephone can dial it."""
        if entry := _ENTRY.fullmatch(line):
            place = int(entry[1])
            return self._numbers[place - 1][1].e164 if 1 <= place <= len(self._numbers) else None
        dialled = as_dialled(line)
        return dialled if _DIALLABLE.fullmatch(dialled) else None

    def _call(self, number: str) -> bool:
        """Ask who calls, and call; False at the end of input."""
        phone = None
        while phone is None:
            caller = self._terminal.ask(f"call {number} from (Enter: {guide.USUAL_CALLER}, ? helps)> ")
            if caller is Note.END or caller == "q":
                return False
            phone = self._caller(caller) if isinstance(caller, str) else None
        self._phones.append(phone)
        self._at_hand = phone
        name = self._name(phone)
        phone.transcript.listener = lambda step: self._terminal.say(f"  [{name}] {tell(step, self._prompts)}")
        if len(self._phones) == 1:
            self._terminal.say(TALKING)
        phone.calls(number)
        greenlets.spawn(name, self._until_over, phone)
        return True

    def _caller(self, line: str) -> Phone | None:
        if line == "?":
            accounts = [account for account, _ in guide.extensions(self._tenants)]
            self._terminal.say("  a number, such as one a room lets in; anonymous for a withheld one; or an extension:")
            self._terminal.say(f"  {', '.join(accounts) or 'these tenants have none'}")
            return None
        try:
            return caller_phone(self._switch, self._tenants, line or guide.USUAL_CALLER)
        except UnknownCaller as error:
            self._terminal.say(f"  {error}")
            return None

    def _until_over(self, phone: Phone) -> None:
        phone.transcript.wait(lambda: is_over(phone), float("inf"))
        self._terminal.wake()

    # -- in a call -----------------------------------------------------------------------------------------------

    def _talk(self, phone: Phone, line: str) -> bool:
        actions: dict[str, Callable[[], object]] = {"h": phone.hangs_up, "r": self._show_rooms, "n": self._put_aside}
        if line in actions:
            actions[line]()
        elif found := _PHONE.fullmatch(line):
            self._pick_up(int(found[1]))
        elif keys := _KEYS.fullmatch(line.replace(" ", "")):
            phone.presses(keys[0])
        else:
            self._terminal.say(TALKING)
        return True

    def _put_aside(self) -> None:
        self._at_hand = None

    def _pick_up(self, number: int) -> None:
        if 1 <= number <= len(self._phones) and not is_over(self._phones[number - 1]):
            self._at_hand = self._phones[number - 1]
        else:
            self._terminal.say(f"  phone {number} is in no call")

    # -- what there is to see ------------------------------------------------------------------------------------

    def _list(self) -> None:
        width = max((len(guide.leads_to(number)) for _, number in self._numbers), default=0)
        owner = None
        for place, (tenant, number) in enumerate(self._numbers, start=1):
            if tenant is not owner:
                self._terminal.say(f"  {tenant.name}")
            owner = tenant
            head = f"    #{place:<3} {number.e164:14} {guide.leads_to(number):{width}}  "
            self._terminal.say(_beside(head, guide.needs(tenant, number)))
        if self._numbers:
            self._terminal.say("  dial #1 for the first, or any number; ? helps, q ends")
        else:
            self._terminal.say("  these tenants have no numbers")

    def _show_rooms(self) -> None:
        for room in self._switch.rooms.values():
            self._terminal.say(f"  {room.name}: {', '.join(self._members(room))}{_waiting(room)}")
        if not self._switch.rooms:
            self._terminal.say("  nobody is in a room")

    def _members(self, room: Room) -> list[str]:
        names = {phone.session: self._name(phone) for phone in self._phones}
        return [
            names.get(member.session, "somebody") + (" (moderator)" if member.moderator else "")
            for member in reversed(room.members)  # mod_conference puts the newest first
        ]

    def _name(self, phone: Phone) -> str:
        return f"phone {self._phones.index(phone) + 1}"


def _beside(head: str, text: str) -> str:
    """Both on as many lines as the terminal needs; 20 columns are left for the text whatever its width."""
    width = max(shutil.get_terminal_size().columns - 1, len(head) + 20)
    return textwrap.fill(text, width, initial_indent=head, subsequent_indent=" " * len(head))


def _waiting(room: Room) -> str:
    return "; music until a moderator is there" if room.wait_mod else ""
