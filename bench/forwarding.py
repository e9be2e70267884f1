"""Forwarding: what a decision about a call costs in an installation with 10,000 extensions.

Ten profiles' worth of rules for each kind of extension, read from tenant files by the loader that serves calls; the
callers are as many different numbers as there are extensions, so that what is cached for a number is new for most.

`decide` is the pure decision. `settings` is what comes before it: the row that star codes left in the database, read as
the daemon does it, and laid over the file. `bare row` is the same row read through the same threads and nothing else:
what the database itself costs. `star code` reads, decides and writes one row in a transaction.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from bench.figures import across, percentile, table
from callcontrol.desk import Desk
from callcontrol.forwarding import Called, Caller, Condition, Forward, Settings, Situation, decide
from callcontrol.forwarding.decide import DIRECT
from callcontrol.forwarding.starcodes import SetRule
from callcontrol.state import Database, sqlite_url
from callcontrol.state._schema import extension_settings
from callcontrol.state.settings import SettingsStore
from callcontrol.tenants import Extension, Tenants, load_folder

OF_A_TENANT = 500
AREAS = ("30", "40", "69", "89", "201", "211", "221", "341", "351", "511")
HEAD = """\
tenant: t{tenant}
domain: t{tenant}.example
region: DE
trunk: carrier
block_profiles: {{office: {{incoming: [anonymous, "+1 900*"], forwarded: [international]}}}}
extensions:
"""
KINDS = {
    "no rule": "",
    "no answer to voicemail": "0: {no_answer: {to: voicemail, after: 20}}",
    "always to a number": '0: {always: "+49 30 2312%04d"}',
    "ten selective rules": "1: {name: Urlaub, always: voicemail, selective: ["
    + ", ".join(f'{{from: "+49 {area}", always: voicemail}}' for area in AREAS[:-2])
    + ", {from: internal, ring: true}, {from: anonymous, always: voicemail}]}",
    "on to the next": '0: {always: "%d"}',
}
CHAIN = "five hops, the sixth refused"


@dataclass(frozen=True)
class Plan:
    """``extensions``: a multiple of 500; ``decisions`` of each kind a round; ``stored``: reads, writes a round."""

    extensions: int
    decisions: int
    rounds: int
    stored: int


FULL = Plan(10_000, 20_000, 5, 2_000)
QUICK = Plan(500, 500, 1, 50)


@dataclass(frozen=True)
class Cost:
    """Microseconds of one kind of thing: percentiles of each round."""

    what: str
    p50: list[float]
    p99: list[float]


@dataclass(frozen=True)
class Result:
    """All kinds; ``loading``: seconds until the files of all extensions are in force."""

    extensions: int
    loading: float
    costs: list[Cost]


def measure(folder: Path, plan: Plan) -> Result:
    """Write the files, load them, decide."""
    written = folder / "tenants"
    written.mkdir()
    for tenant in range(plan.extensions // OF_A_TENANT):
        (written / f"t{tenant}.yaml").write_text(_file(tenant), encoding="utf-8")
    began = time.perf_counter()
    tenants, problems = load_folder(written, {})
    loading = time.perf_counter() - began
    if problems:
        raise ValueError(str(problems[0]))
    database = Database(sqlite_url(folder / "state"))
    database.open()
    try:
        return Result(plan.extensions, loading, _costs(tenants, database, plan))
    finally:
        database.close()


def report(result: Result) -> str:
    """One table, microseconds."""
    rows = [(cost.what, across(cost.p50, 1), across(cost.p99, 1)) for cost in result.costs]
    loaded = f"{result.extensions:,} extensions, their files read and checked in {result.loading:.1f} s"
    return f"{loaded}\n\n{table(('one decision', 'p50 µs', 'p99 µs'), rows)}"


def _costs(tenants: Tenants, database: Database, plan: Plan) -> list[Cost]:
    """Rounds of all kinds interleaved, so that a busy moment of the machine hits none of them alone."""
    ground = _Ground(tenants, database)
    ways: dict[str, tuple[Callable[[Called, Caller], object], Sequence[Called], int]] = {
        f"decide: {kind}": (ground.decide, ground.of_kind[kind], plan.decisions) for kind in KINDS
    }
    ways[f"decide: {CHAIN}"] = (ground.follow, ground.of_kind["on to the next"], plan.decisions // 5)
    everybody = [called for kind in ground.of_kind.values() for called in kind]
    ways["star code"] = (ground.dial, everybody, plan.stored)
    ways["bare row"] = (ground.bare, everybody, plan.stored)
    ways["settings"] = (ground.settings, everybody, plan.stored)
    ways["settings and decide"] = (ground.serve, everybody, plan.stored)
    costs = [Cost(what, [], []) for what in ways]
    for place in range(plan.rounds):
        for cost in costs:
            do, whom, many = ways[cost.what]
            taken = list(_timed(do, whom, many, random.Random(place)))
            cost.p50.append(percentile(taken, 0.50))
            cost.p99.append(percentile(taken, 0.99))
    return costs


def _timed(
    do: Callable[[Called, Caller], object], whom: Sequence[Called], many: int, dice: random.Random
) -> Iterator[float]:
    """Microseconds of each, everybody called by everybody."""
    calls = [(dice.choice(whom), _caller(dice)) for _ in range(many)]
    for called, caller in calls:
        began = time.perf_counter_ns()
        do(called, caller)
        yield (time.perf_counter_ns() - began) / 1000


def _caller(dice: random.Random) -> Caller:
    """Eight of ten from outside, one a colleague, one anonymous."""
    match dice.randrange(10):
        case 0:
            return Caller.internal(str(1000 + dice.randrange(OF_A_TENANT)))
        case 1:
            return Caller(withheld=True)
        case _:
            return Caller(number=f"+49{dice.choice(AREAS)}{dice.randrange(10_000):07d}")


class _Ground:
    """What is called upon: the extensions by kind, and the desk."""

    def __init__(self, tenants: Tenants, database: Database) -> None:
        self._database = database
        self._desk = Desk(SettingsStore(database), time.time)
        self.of_kind: dict[str, list[Called]] = {kind: [] for kind in KINDS}
        for tenant in tenants.by_id.values():
            for extension in tenant.extensions.values():
                self.of_kind[extension.name].append(Called(tenant, extension))

    def decide(self, called: Called, caller: Caller) -> object:
        return decide(called, caller, Situation(), Settings.of(called.extension))

    def follow(self, called: Called, caller: Caller) -> object:
        """All decisions of a call that is forwarded until it may be no more."""
        chain = DIRECT
        while True:
            plan = decide(called, caller, Situation(), Settings.of(called.extension), chain)
            if not isinstance(plan, Forward):
                return plan
            called, chain = Called(called.tenant, _next(called, plan)), plan.chain

    def dial(self, called: Called, caller: Caller) -> object:
        return self._desk.dial(SetRule(Condition.BUSY, str(1000 + int(called.extension.number) % OF_A_TENANT)), called)

    def bare(self, called: Called, caller: Caller) -> object:
        table = extension_settings
        mine = (table.c.tenant == called.tenant.id, table.c.extension == called.extension.number)
        return self._database.read(lambda connection: connection.execute(select(table).where(*mine)).one_or_none())

    def settings(self, called: Called, caller: Caller) -> object:
        return self._desk.settings(called)

    def serve(self, called: Called, caller: Caller) -> object:
        return decide(called, caller, Situation(), self._desk.settings(called))


def _next(called: Called, plan: Forward) -> Extension:
    return called.tenant.extensions[plan.to.value]


def _file(tenant: int) -> str:
    """Kinds in blocks, so that the chain of those who send calls on to the next is long."""
    kinds = list(KINDS.items())
    each = OF_A_TENANT // len(kinds)
    lines = [HEAD.format(tenant=tenant)]
    for place in range(OF_A_TENANT):
        name, profile = kinds[place // each]
        number = 1000 + place
        onward = 1000 + (place + 1) % each + place // each * each
        profile = profile % onward if "%" in profile else profile
        forwarding = f", forwarding: {{active: {profile[0]}, profiles: {{{profile}}}}}" if profile else ""
        lines.append(
            f'  "{number}": {{name: {name}, password: "correct-horse-{number}", block_profile: office, '
            f'voicemail: {{pin: "{9_070_000 + place}"}}{forwarding}}}\n'
        )
    return "".join(lines)
