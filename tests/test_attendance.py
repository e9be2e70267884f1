"""Who is there: an operator sees an office as the switches know it, whatever callers call themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from callcontrol.attendance import CALLS, REGISTRATIONS, Attendance
from callcontrol.errors import SwitchLost
from callcontrol.forwarding import Settings
from callcontrol.http import NotThere
from callcontrol.tenants import Tenant, Tenants
from tests.tenant_files import tenant

ACME = tenant(
    """
    tenant: acme
    domain: acme.example
    region: DE
    extensions:
      "33": {name: Clara, password: "long-enough-33-secret", do_not_disturb: true}
      "34":
        name: Max
        password: "long-enough-34-secret"
        forwarding: {active: 2, profiles: {2: {name: Urlaub, always: "33"}}}
    """,
    tail="",
)
NOBODY = '{"row_count": 0}\n'


def rows(*found: Mapping[str, object]) -> str:
    return json.dumps({"row_count": len(found), "rows": found})


def registered(user: str = "33", realm: str = "acme.example", port: int = 5062) -> dict[str, object]:
    return {
        "reg_user": user,
        "realm": realm,
        "expires": "1795300000",
        "network_ip": "10.0.0.9",
        "network_port": str(port),
    }


def call(account: str = "33@acme.example", **changed: object) -> dict[str, object]:
    row = {"uuid": "u1", "direction": "inbound", "callstate": "ACTIVE", "cid_num": "33", "dest": "34"}
    return row | {"presence_id": account, "created_epoch": "1795290000"} | changed


class Switch:
    """A switch that answers, or not."""

    def __init__(self, registrations: str = NOBODY, calls: str = NOBODY, name: str = "local", up: bool = True) -> None:
        self.name, self.up = name, up
        self._answers = {REGISTRATIONS: registrations, CALLS: calls}

    def api(self, command: str, /, *, deadline: float) -> str:
        if not self.up:
            raise SwitchLost("gone")
        return self._answers[command]


def settings(tenant: Tenant) -> dict[str, Settings]:
    return {number: Settings.of(extension) for number, extension in tenant.extensions.items()}


def who(*switches: Switch, name: str = "acme") -> dict[str, Any]:
    return Attendance(lambda: Tenants.of([ACME]), settings, switches).who(name)


def extension(shown: Mapping[str, Any], number: str = "33") -> Any:
    return next(one for one in shown["extensions"] if one["extension"] == number)


def test_every_extension_of_the_tenant_is_shown_with_what_it_has_set() -> None:
    clara, max_ = who(Switch())["extensions"]
    assert (clara["name"], clara["do_not_disturb"], clara["profile"], clara["profile_name"]) == ("Clara", True, 0, "")
    assert (max_["name"], max_["do_not_disturb"], max_["profile"], max_["profile_name"]) == ("Max", False, 2, "Urlaub")
    assert clara["state"] == max_["state"] == "not registered"


def test_all_telephones_of_an_extension_are_shown_wherever_they_are_registered() -> None:
    shown = who(
        Switch(rows(registered(), registered(port=5063), registered("34"))), Switch(rows(registered()), name="b")
    )
    assert [(one["address"], one["switch"]) for one in extension(shown)["telephones"]] == [
        ("10.0.0.9:5062", "local"),
        ("10.0.0.9:5063", "local"),
        ("10.0.0.9:5062", "b"),
    ]
    assert extension(shown)["state"] == "idle"


@pytest.mark.parametrize(
    ("row", "state", "other"),
    [
        (call(), "talking", "34"),
        (call(callstate="HELD"), "talking", "34"),
        (call(callstate="RINGING"), "calling", "34"),
        (call(direction="outbound", callstate="RINGING", cid_num="+4930111"), "ringing", "+4930111"),
        (call(direction="outbound", callstate="EARLY", cid_num="+4930111"), "ringing", "+4930111"),
        (call(direction="outbound", cid_num="+4930111"), "talking", "+4930111"),
    ],
)
def test_a_call_is_shown_with_whom_it_is(row: Mapping[str, object], state: str, other: str) -> None:
    one = extension(who(Switch(rows(registered()), rows(row))))
    assert one["state"] == state
    assert one["calls"] == [{"call": "u1", "state": state, "other": other, "since": 1795290000, "switch": "local"}]


def test_who_talks_and_is_called_besides_talks() -> None:
    shown = who(Switch(NOBODY, rows(call(direction="outbound", callstate="RINGING"), call())))
    assert extension(shown)["state"] == "talking"


def test_an_extension_of_the_same_number_in_another_tenant_is_another() -> None:
    shown = who(Switch(rows(registered(realm="globex.example")), rows(call("33@globex.example"))))
    assert extension(shown)["state"] == "not registered"


def test_a_number_that_a_call_shows_makes_it_nobodys_call() -> None:
    shown = who(Switch(NOBODY, rows(call("", cid_num="33", cid_name="33@acme.example", name="sofia/extensions/33"))))
    assert extension(shown)["calls"] == []


def test_a_switch_that_does_not_answer_is_named_and_the_others_are_shown() -> None:
    shown = who(Switch(rows(registered())), Switch(name="b", up=False))
    assert shown["unreached"] == ["b"]
    assert extension(shown)["state"] == "idle"


@pytest.mark.parametrize("answer", ["", "-USAGE", "[]", '{"rows": 5}', '{"rows": [5, null, {}]}', "[" * 100_000])
def test_an_answer_that_cannot_be_read_shows_nobody(answer: str) -> None:
    assert extension(who(Switch(answer, answer)))["state"] == "not registered"


def test_a_tenant_that_is_none_is_told() -> None:
    with pytest.raises(NotThere, match="no tenant is called 'nobody'"):
        who(Switch(), name="nobody")
