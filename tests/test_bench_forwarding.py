"""The benchmark of forwarding measures something: no figure is checked here, only the way to it."""

from __future__ import annotations

from pathlib import Path

from bench.forwarding import CHAIN, KINDS, Plan, _file, _Ground, measure, report
from callcontrol.forwarding import Called, Caller, Forward, Reject, Ring, Settings, Situation, Voicemail, decide
from callcontrol.state import Database
from callcontrol.tenants import Tenants
from callcontrol.tenants.loader import load_tenant

BERLIN = Caller(number="+49300000001")


def test_each_kind_of_extension_decides_as_its_name_says() -> None:
    loaded = load_tenant(Path("t0.yaml"), _file(0).encode(), {})
    assert loaded.problems == ()
    assert loaded.tenant is not None
    plans: dict[str, set[type]] = {}
    for extension in loaded.tenant.extensions.values():
        made = decide(Called(loaded.tenant, extension), BERLIN, Situation(), Settings.of(extension))
        plans.setdefault(extension.name, set()).add(type(made))
    assert plans == dict(zip(KINDS, ({Ring}, {Ring}, {Forward}, {Voicemail}, {Forward}), strict=True))


def test_the_chain_ends_at_the_sixth_hop(tmp_path: Path) -> None:
    tenant = load_tenant(Path("t0.yaml"), _file(0).encode(), {}).tenant
    assert tenant is not None
    ground = _Ground(Tenants.of([tenant]), Database(f"sqlite:///{tmp_path}/none.db"))
    assert isinstance(ground.follow(ground.of_kind["on to the next"][0], BERLIN), Reject)


def test_a_small_run_measures_every_kind(tmp_path: Path) -> None:
    result = measure(tmp_path, Plan(extensions=500, decisions=20, rounds=1, stored=3))
    told = report(result)
    assert all(f"decide: {kind}" in told for kind in (*KINDS, CHAIN))
    assert all(cost.p50[0] > 0 for cost in result.costs)
