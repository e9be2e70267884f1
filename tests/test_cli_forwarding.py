"""An administrator asks where calls go and what people set by star codes, and takes it back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcontrol.cli import main
from callcontrol.desk import Desk
from callcontrol.forwarding import Called
from callcontrol.forwarding.effects import Done, Setting
from callcontrol.forwarding.starcodes import read
from callcontrol.state import Database, sqlite_url
from callcontrol.state.settings import SettingsStore
from callcontrol.tenants import load_folder

FILE = """\
tenant: acme
domain: acme.example
region: DE
timezone: Europe/Berlin
trunk: carrier
numbers:
  "+49 30 8633": {extension: "33"}
  "+49 30 8631": {room: board}
  "+49 30 8632": {room: sales}
extensions:
  "33":
    name: Clara
    password: correct-horse
    voicemail: {pin: "4711"}
    forwarding:
      active: 1
      profiles:
        1: {name: Urlaub, always: "34", selective: [{from: "35", ring: true}, {from: "+49", busy: voicemail}]}
  "34":
    name: Max
    password: correct-horse
    forwarding:
      profiles:
        0: {always: "33", no_answer: {to: "33", after: 5}}
  "35": {name: Front desk, password: correct-horse}
rooms:
  board: {access: whitelist_or_pin, pin: "48213", whitelist: ["+49 171 2345678"]}
  sales: {access: whitelist, whitelist: ["+49 171 5550001"], schedule: {start: "2026-12-01 10:00"}}
"""
DIALLED_AT = 1_795_000_000.0  # 2026-11-18 11:06 UTC


class Office:
    """A folder with a configuration and one tenant."""

    def __init__(self, folder: Path) -> None:
        self.tenants = folder / "tenants"
        self.tenants.mkdir()
        (self.tenants / "acme.yaml").write_text(FILE)
        self.config = folder / "callcontrol.yaml"
        self.config.write_text("")
        self.url = sqlite_url(folder / "state")

    def types(self, *words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--config", str(self.config)])

    def tells(self, *words: str) -> list[str]:
        """The lines of an explanation, without the folder."""
        result = self.types(*words)
        assert result.exit_code == 0, result.output
        return [line.replace(f"{self.tenants}/", "") for line in result.output.splitlines()]

    def dials(self, dialled: str, extension: str = "33") -> None:
        tenant = load_folder(self.tenants, {})[0].by_id["acme"]
        database = Database(self.url)
        code = read(dialled)
        assert isinstance(code, Setting)
        desk = Desk(SettingsStore(database), lambda: DIALLED_AT)
        assert isinstance(desk.dial(code, Called(tenant, tenant.extensions[extension])), Done)
        database.close()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def columns(lines: list[str]) -> list[tuple[str, ...]]:
    return [tuple(line.split(maxsplit=1)) for line in lines]


# explain


def test_a_call_is_explained_line_by_line_to_its_end(office: Office) -> None:
    assert columns(office.tells("explain", "+43 1 5880", "030 8633")) == [
        ("+4315880", "calls 030 8633, tenant acme"),
        ("acme.yaml:7:3", "+49 30 8633 leads to extension 33"),
        ("acme.yaml:11:3", "extension 33 (Clara)"),
        ("acme.yaml:16:7", "profile 1 (Urlaub) is active"),
        ("acme.yaml:18:27", "always: 34"),
        ("->", "forwarded to extension 34"),
        ("acme.yaml:19:3", "extension 34 (Max)"),
        ("acme.yaml:22:5", "profile 0 is active"),
        ("acme.yaml:24:13", "always: 33"),
        ("the", "call was at extension 33 before"),
        ("->", "the call ends: the call was at this extension before"),
    ]


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("", "forwarded to extension 34"),
        ("busy", "the mailbox of extension 33"),
        ("35:busy", "forwarded to extension 34"),
        ("dnd", "the mailbox of extension 33"),
        ("unregistered, busy", "the mailbox of extension 33"),
    ],
)
def test_what_is_assumed_changes_what_is_explained(office: Office, state: str, outcome: str) -> None:
    told = office.tells("explain", "+49 30 1234567", "acme/33", "--state", state)
    assert next(line for line in told if "->" in line).split("-> ")[1] == outcome


def test_who_calls_the_own_extension_is_talking_as_in_a_call(office: Office) -> None:
    told = office.tells("explain", "35", "35")
    assert any("the extension is in a call" in line for line in told)
    assert told[-1].strip() == "-> the busy tone"


def test_star_codes_count_as_they_do_for_calls(office: Office) -> None:
    office.dials("*11*791")
    told = [" ".join(line.split()) for line in office.tells("explain", "35", "33")]
    assert told[2:] == [
        "star code profile 0 is active",
        "star code always: voicemail",
        "-> the mailbox of extension 33",
    ]
    alone = CliRunner().invoke(main, ["explain", "35", "33", "--tenants", str(office.tenants)])
    assert "star code" not in alone.output
    assert "rings its telephones" in alone.output


def test_a_number_of_a_room_is_explained_too(office: Office) -> None:
    assert columns(office.tells("explain", "0171 2345678", "+49 30 8631")) == [
        ("+491712345678", "calls +49 30 8631, tenant acme"),
        ("acme.yaml:8:3", "+49 30 8631 leads to room board"),
        ("acme.yaml:27:11", "room board: access whitelist_or_pin"),
        ("->", "+491712345678 comes in as participant: listed number"),
    ]
    assert columns(office.tells("explain", "anonymous", "+49 30 8631"))[-1] == (
        "acme.yaml:27:37",
        "-> opens with its PIN",
    )
    assert columns(office.tells("explain", "34", "030 8632", "--at", "2026-12-01 10:10"))[2:] == [
        ("acme.yaml:28:11", "room sales: access whitelist"),
        ("acme.yaml:28:62", "open by its schedule at 2026-12-01 10:10"),
        ("acme.yaml:28:30", "-> extension 34 does not come in"),
    ]
    closed = office.tells("explain", "0171 5550001", "030 8632", "--at", "2026-12-01 09:10")
    assert closed[-1].endswith("-> only whom the room has called comes in")


def test_a_call_of_an_extension_to_the_outside_is_explained_too(office: Office) -> None:
    (office.tenants / "acme.yaml").write_text(
        FILE.replace("    name: Max", "    name: Max\n    block_profile: careful")
        + 'block_profiles: {careful: {outgoing: [mobile, "+43*"]}}\n'
    )
    outcomes = {
        "030 1234567": "-> +49301234567, by the carrier carrier",
        "0043 1 5880": "-> the call ends: the block profile does not allow it",
        "0171 2345678": "-> the call ends: the block profile does not allow it",
        "0900 1234567": "-> the call ends: a premium, satellite or personal number",
        "112": "-> by the carrier carrier",
        "+49 30 8633": "-> forwarded to extension 34",
    }
    for number, outcome in outcomes.items():
        told = office.tells("explain", "34", number)
        assert told[0] == f"extension 34 calls {number}, tenant acme"
        assert any(line.endswith(outcome) for line in told), told
    told = columns(office.tells("explain", "acme/34", "0043 1 5880"))
    assert told[2] == ("acme.yaml:30:47", "block profile careful forbids calls to +4315880")


def test_to_another_tenant_an_extension_is_a_caller_from_outside(office: Office) -> None:
    text = FILE.replace("tenant: acme", "tenant: globex").replace("acme.example", "globex.example")
    text = text.replace("30 863", "30 864").replace("trunk: carrier", 'caller_id: "+43 1 5880"\ntrunk: carrier')
    (office.tenants / "globex.yaml").write_text(text)
    assert office.tells("explain", "globex/34", "+49 30 8633")[0] == "+4315880 calls +49 30 8633, tenant acme"
    assert office.tells("explain", "globex/34", "acme/33")[0] == "+4315880 calls acme/33, tenant acme"
    result = office.types("explain", "34", "+49 30 8633")
    assert (result.exit_code, "CALLER is acme/34 or globex/34" in result.output) == (2, True)


def test_a_call_to_nobody_is_a_mistake_of_the_question(office: Office) -> None:
    for words, expected in (
        (("34", "99"), "nobody has 99"),
        (("34", "globex/33"), "nobody has globex/33"),
        (("anonymous", "99"), "nobody has 99"),
        (("99", "33"), "nobody calls as '99'"),
        (("acme/99", "33"), "nobody calls as 'acme/99'"),
        (("+49", "33"), "nobody calls as '+49'"),
        (("34", "*1135"), "a star code is no call"),
        (("34", "33", "--state", "asleep"), "'asleep': one of busy, unregistered, dnd, or EXTENSION:STATE"),
    ):
        result = office.types("explain", *words)
        assert result.exit_code == 2
        assert expected in result.output


def test_an_extension_that_two_tenants_have_is_named_with_its_tenant(office: Office) -> None:
    text = FILE.replace("tenant: acme", "tenant: globex").replace("acme.example", "globex.example")
    (office.tenants / "globex.yaml").write_text(text.replace("30 863", "30 864"))
    result = office.types("explain", "anonymous", "33")
    assert (result.exit_code, "NUMBER is acme/33 or globex/33" in result.output) == (2, True)
    assert office.tells("explain", "anonymous", "globex/33")[0] == "an anonymous caller calls globex/33, tenant globex"


def test_a_faulty_file_is_shown_when_nobody_has_the_number(office: Office) -> None:
    (office.tenants / "acme.yaml").write_text(FILE.replace("always", "allways"))
    result = office.types("explain", "anonymous", "33")
    assert result.exit_code == 2
    assert "unknown key 'allways' (did you mean 'always'?)" in result.output


# forwarding


def test_what_an_extension_has_set_is_shown(office: Office) -> None:
    assert office.tells("forwarding", "acme", "33") == [
        "Extension 33 (Clara) of acme",
        "do not disturb: off",
        "active: profile 1 (Urlaub)",
        "profile 0:",
        "  no rule: it rings",
        "profile 1 (Urlaub):",
        "  from 35: rings",
        "  from +49: busy: voicemail",
        "  always: 34",
    ]


def test_star_codes_are_shown_and_taken_back(office: Office) -> None:
    office.dials("*1235")
    office.dials("*15")
    assert office.tells("forwarding", "acme", "33")[1:5] + office.tells("forwarding", "acme", "33")[-1:] == [
        "do not disturb: on (by star code)",
        "active: profile 0 (by star code)",
        "profile 0 (by star code):",
        "  no_answer: 35 after 20 s",
        "The last star code that changed something was dialled at 2026-11-18 12:06 (Europe/Berlin).",
    ]
    assert office.tells("forwarding", "acme", "33", "--reset")[:4] == [
        "what star codes had set is forgotten",
        "Extension 33 (Clara) of acme",
        "do not disturb: off",
        "active: profile 1 (Urlaub)",
    ]
    assert office.tells("forwarding", "acme", "33", "--reset")[0] == "star codes had set nothing"


def test_what_the_file_replaced_is_shown(office: Office) -> None:
    office.dials("*1135", "34")
    (office.tenants / "acme.yaml").write_text(FILE.replace("after: 5", "after: 15"))
    told = office.tells("forwarding", "acme", "34")
    assert told[3:6] == ["profile 0:", "  always: 33", "  no_answer: 33 after 15 s"]
    assert told[-1] == "Replaced by the tenant file since star codes set it: rules"


def test_programs_read_it_as_json(office: Office) -> None:
    office.dials("*1234")
    told = json.loads(office.types("forwarding", "acme", "33", "--json").output)
    assert (told["active"], told["by_star_code"], told["changed_at"]) == (0, ["active", "rules"], DIALLED_AT)
    assert told["profiles"]["0"] == {"name": None, "no_answer": {"to": "34", "after": 20}, "selective": []}
    assert told["profiles"]["1"]["selective"][0] == {"from": "35", "ring": True}


def test_an_extension_nobody_has_is_a_mistake(office: Office) -> None:
    result = office.types("forwarding", "acme", "99")
    assert (result.exit_code, "no extension is called '99' (possible: 33, 34, 35)" in result.output) == (2, True)
