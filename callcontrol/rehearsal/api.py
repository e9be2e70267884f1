"""The API commands of the event socket (`api`, `bgapi`) with FreeSWITCH's replies to the letter (mod_commands.c)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from callcontrol.rehearsal.arguments import split
from callcontrol.rehearsal.bus import new_uuid
from callcontrol.rehearsal.conferences import Rooms
from callcontrol.rehearsal.dial import Dial
from callcontrol.rehearsal.encoding import to_text
from callcontrol.rehearsal.events import Block, Event
from callcontrol.rehearsal.exchange import Exchange
from callcontrol.rehearsal.names import cause
from callcontrol.rehearsal.originate import Originate
from callcontrol.rehearsal.roomapi import conference
from callcontrol.rehearsal.session import Hub, Session
from callcontrol.rehearsal.showing import registrations, show

VERSION = "1.10.12-release git a88d069 2024-08-02 21:02:27Z 64bit"
LONG_VERSION = "1.10.12-release+git~20240802T210227Z~a88d069d6f~64bit (git a88d069 2024-08-02 21:02:27Z 64bit)"
REGISTRATIONS = "registrations as json"
NO_CHANNEL = "-ERR No such channel!\n"


class Api:
    """Answers one command line; what FreeSWITCH would not know is ``-ERR NAME Command not found!``."""

    def __init__(self, hub: Hub, rooms: Rooms, exchange: Exchange, dial: Dial) -> None:
        self._hub = hub
        self._began = time.monotonic()
        self._commands: dict[str, Callable[[str], str]] = {
            "conference": lambda text: conference(rooms.by_name, text),
            "show": lambda text: registrations(hub, exchange) if text == REGISTRATIONS else show(hub, text),
            "uuid_exists": lambda text: "true" if self._call(text) else "false",
            "uuid_kill": self._kill,
            "uuid_setvar": self._setvar,
            "uuid_setvar_multi": self._setvar_multi,
            "uuid_getvar": self._getvar,
            "uuid_dump": self._dump,
            "uuid_break": self._break,
            "break": self._break,
            "uuid_transfer": self._transfer,
            "uuid_answer": self._answer,
            "status": lambda text: self._status(),
            "version": lambda text: "1.10.12-release\n" if text == "short" else f"FreeSWITCH Version {LONG_VERSION}\n",
            "uuid_send_dtmf": self._send_dtmf,
            "uuid_recv_dtmf": self._recv_dtmf,
            "eval": lambda text: self._expand(text),
            "expand": lambda text: self(self._expand(text)),
            "reloadxml": lambda text: "+OK [Success]\n",
            "global_getvar": self._global_getvar,
            "global_setvar": self._global_setvar,
            "hostname": lambda text: hub.globals["hostname"],
            "echo": lambda text: text,
            "originate": Originate(dial),
            "sofia_contact": exchange.contacts,
            "vm_list": lambda text: "",  # mailboxes are not kept here, so there are no messages
            "create_uuid": lambda text: new_uuid(),
        }

    def __call__(self, line: str) -> str:
        name, _, argument = line.partition(" ")
        command = self._commands.get(name)
        return command(argument) if command else f"-ERR {name} Command not found!\n"

    def _call(self, uuid: str) -> Session | None:
        """A call that is not hung up; the others no command finds (switch_core_rwlock.c:89)."""
        session = self._hub.calls.get(uuid)
        return None if session is None or session.channel.down else session

    def _kill(self, text: str) -> str:
        uuid, _, reason = text.partition(" ")
        if not uuid:
            return "-USAGE: <uuid> [cause]\n"
        session = self._call(uuid)
        if session is None:
            return NO_CHANNEL
        session.hangup(cause(reason.strip()) if reason else "NORMAL_CLEARING")
        return "+OK\n"

    def _setvar(self, text: str) -> str:
        words = split(text, 3)
        if len(words) < 2:
            return "-USAGE: <uuid> <var> [value]\n"
        session = self._call(words[0])
        if session is None:
            return NO_CHANNEL
        session.channel.variables.set(words[1], words[2] if len(words) == 3 else None, checked=False)
        return "+OK\n"

    def _setvar_multi(self, text: str) -> str:
        uuid, _, pairs = text.partition(" ")
        session = self._call(uuid)
        usage = "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
        if session is None:
            return NO_CHANNEL + usage if pairs else usage if not text else ""
        for pair in split(pairs, 64, ";"):
            name, _, value = pair.partition("=")
            session.channel.variables.set(name, value)
        return "+OK\n"

    def _getvar(self, text: str) -> str:
        words = split(text, 4)
        if len(words) < 2:
            return "-USAGE: <uuid> <var>\n"
        session = self._call(words[0])
        if session is None:
            return NO_CHANNEL
        return session.variable(words[1]) or "_undef_"

    def _dump(self, text: str) -> str:
        words = split(text, 2)
        session = self._call(words[0]) if words else None
        if session is None:
            return NO_CHANNEL if words else "-USAGE: <uuid> [format]\n"
        style = "json" if words[1:] == ["json"] else "plain"
        head = Block(self._hub.origin.opening("CHANNEL_DATA"))
        return to_text(Event("CHANNEL_DATA", [head, *session.channel.full()]).payload(style))

    def _break(self, text: str) -> str:
        uuid, _, flag = text.partition(" ")
        session = self._call(uuid)
        if session is None:
            return NO_CHANNEL if text else "-USAGE: <uuid> [all]\n"
        if "all" in flag:
            session.drop_queued()
        session.breaking = True
        session.wake()
        return "+OK\n"

    def _transfer(self, text: str) -> str:
        words = split(text, 5)
        session = self._call(words[0]) if words else None
        if session is None or len(words) < 2:
            return NO_CHANNEL if words[1:] else "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
        session.transfer(words[1])
        return "+OK\n"

    def _answer(self, text: str) -> str:
        session = self._call(text)
        if session is None:
            return "-ERROR\n"
        session.answer()
        return "+OK\n"

    def _send_dtmf(self, text: str) -> str:
        words = split(text, 2)
        if len(words) < 2:
            return "-USAGE: <uuid> <dtmf_data>\n"
        if self._call(words[0]) is None:
            return "-ERR Cannot locate session!\n"
        return f"+OK {words[0]} sent DTMF {words[1]}.\n"

    def _recv_dtmf(self, text: str) -> str:
        """As if the phone had pressed the keys."""
        words = split(text, 2)
        session = self._call(words[0]) if words else None
        if len(words) < 2:
            return "-USAGE: <uuid> <dtmf_data>\n"
        if session is None:
            return "-ERR Cannot locate session!\n"
        session.keys.extend(words[1])
        session.wake()
        return f"+OK {words[0]} received DTMF {words[1]}.\n"

    def _expand(self, text: str) -> str:
        """``[uuid:UUID ]EXPRESSION``: with a call its variables, without only the global ones."""
        head, _, rest = text.partition(" ")
        session = self._call(head.removeprefix("uuid:")) if head.startswith("uuid:") else None
        if session is not None:
            return session.expand(rest)
        return re.sub(r"\$?\$\{([^{}]*)\}", lambda match: self._hub.globals.get(match[1], ""), text)

    def _global_getvar(self, text: str) -> str:
        if text:
            return self._hub.globals.get(text, "")
        return "".join(f"{name}={value}\n" for name, value in self._hub.globals.items())

    def _global_setvar(self, text: str) -> str:
        """``name=value``, or ``name=value=old``: only when it is ``old`` now (switch_core_set_var_conditional)."""
        name, value, old, *_ = [*text.split("="), "", ""]
        if not name:
            return "-USAGE: <var>=<value> [=<value2>]\n"
        known = self._hub.globals.get(name)
        if not old or known == old:
            self._hub.globals.pop(name, None)
            if value:
                self._hub.globals[name] = value
        return "+OK"

    def _status(self) -> str:
        up = int((time.monotonic() - self._began) * 1_000_000)
        parts = _parts(up)
        live = len(self._hub.calls)
        return (
            f"UP {parts}\nFreeSWITCH (Version {VERSION}) is ready\n"
            f"{self._hub.sessions} session(s) since startup\n"
            f"{live} session(s) - peak {self._hub.peak}, last 5min {self._hub.peak} \n"
            "0 session(s) per Sec out of max 2000, peak 0, last 5min 0 \n"
            "10000 session(s) max\nmin idle cpu 0.00/100.00\nCurrent Stack Size/Max 240K/8192K\n"
        )


def _parts(micro: int) -> str:
    rest, units = micro, []
    for name, size in (("year", 31_536_000_000_000), ("day", 86_400_000_000), ("hour", 3_600_000_000)):
        units.append((rest // size, name))
        rest %= size
    for name, size in (("minute", 60_000_000), ("second", 1_000_000), ("millisecond", 1000), ("microsecond", 1)):
        units.append((rest // size, name))
        rest %= size
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in units)
