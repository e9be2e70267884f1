"""A switch with telephones that do as they are told, and a clock that only the test moves: for tests of calls out."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from callcontrol.dialout.exchange import Exchange
from callcontrol.dialout.plan import Patience, Result
from callcontrol.errors import SwitchLost
from callcontrol.state.rounds import RoundStore
from callcontrol.tenants import Tenant, Tenants

BEGAN = 1_795_000_000.0
_COMMAND = re.compile(r"originate \{([^}]*)\}(\S+) back XML callcontrol")


class Clock:
    """Seconds since 1970, as the test says."""

    def __init__(self, now: float = BEGAN) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Ringing:
    """A call being made: the job, the variables of the command, uuid -> endpoint."""

    job: str
    said: dict[str, str]
    legs: dict[str, str]
    at: float

    @property
    def number(self) -> str:
        return self.said["cc_dialled"]


@dataclass
class Switch:
    """Stands in for the link: it only notes what is asked. ``contacts``: extension -> what sofia_contact says."""

    clock: Clock
    name: str = "local"
    up: bool = True
    contacts: Mapping[str, str] = field(default_factory=dict)
    ringing: list[Ringing] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)
    killed: list[str] = field(default_factory=list)
    lost: bool = False
    on_end: Callable[[str, str], None] = lambda job, answer: None

    def api(self, command: str) -> str:
        if not self.up:
            raise SwitchLost("no connection")
        word, _, argument = command.partition(" ")
        if word == "uuid_exists":
            return "true" if argument in self.calls else "false"
        if word == "uuid_kill":
            self.killed.append(argument)
            self.calls.discard(argument)
            return "+OK"
        if word == "uuid_getvar":  # the application that runs on a call: none while it rings
            rings = any(argument.split()[0] in call.legs for call in self.ringing)
            return "_undef_" if rings else "socket"
        assert word == "sofia_contact"
        extension = argument.removeprefix("extensions/").partition("@")[0]
        return self.contacts.get(extension, "error/user_not_registered")

    def begin(self, command: str, job: str) -> None:
        if not self.up or self.lost:
            raise SwitchLost("no connection")
        found = _COMMAND.fullmatch(command)
        assert found is not None, command
        said = dict(pair.split("=", 1) for pair in found[1].split(","))
        legs = dict(re.findall(r"\[origination_uuid=([^]]*)\]([^,]*)", found[2]))
        self.calls |= legs.keys()
        self.ringing.append(Ringing(job, said, legs, self.clock()))

    def fails(self, call: Ringing, cause: str) -> None:
        """Nobody is reached."""
        self.ringing.remove(call)
        self.calls -= call.legs.keys()
        self.on_end(call.job, f"-ERR {cause}\n")

    def answers(self, call: Ringing) -> None:
        """The first telephone is picked up, the others fall silent."""
        self.ringing.remove(call)
        self.calls -= set(list(call.legs)[1:])
        self.on_end(call.job, f"+OK {next(iter(call.legs))}\n")

    def call_to(self, number: str) -> Ringing:
        """The call that rings there now."""
        return next(call for call in self.ringing if call.number == number)


def exchange(
    store: RoundStore,
    tenant: Callable[[], Tenant],
    clock: Clock,
    *switches: Switch,
    identity: str = "one",
    patience: Patience | None = None,
    hosted_by: Callable[[str], str] = lambda name: "",
    meeting_of: Callable[[str], str] = lambda name: "",
    numbers_in: Callable[[str], Iterable[str]] = lambda name: (),
    count: Callable[[str, Result], None] = lambda tenant, result: None,
) -> Exchange:
    """What rounds of a daemon called ``identity`` stand on."""
    return Exchange(
        store=store,
        tenants=lambda: Tenants.of([tenant()]),
        lines=switches,
        hosted_by=hosted_by,
        meeting_of=meeting_of,
        numbers_in=numbers_in,
        language_of=lambda tenant, number: None,
        identity=identity,
        patience=patience or Patience(),
        now=clock,
        new_call=lambda: str(uuid.uuid4()),
        count=count,
    )
