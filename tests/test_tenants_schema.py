"""The JSON Schema for editors and the reference for people say what the loader does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from callcontrol.tenants import DEFAULT_KEYS, BlockClass, BlockProfile, KeyAction, json_schema
from callcontrol.tenants.extension import (
    ExtensionEntry,
    Forwarding,
    ForwardingProfile,
    NoAnswer,
    Selective,
    Voicemail,
)
from callcontrol.tenants.fields import Model
from callcontrol.tenants.folder import check_paths
from callcontrol.tenants.keys import FOR_EVERYONE
from callcontrol.tenants.model import NumberEntry, Outgoing, TenantFile
from callcontrol.tenants.room import DialOut, RoomEntry
from callcontrol.tenants.schedule import Schedule
from callcontrol.tenants.tariff import Tariff

ROOT = Path(__file__).parent.parent
REFERENCE = (ROOT / "docs" / "tenants.md").read_text("utf-8")
SECTIONS: dict[str, type[Model]] = {
    "The tenant": TenantFile,
    "Numbers": NumberEntry,
    "Rooms": RoomEntry,
    "Dial-out": DialOut,
    "Schedule": Schedule,
    "Tariff": Tariff,
    "Outgoing": Outgoing,
    "Extensions": ExtensionEntry,
    "Voicemail": Voicemail,
    "Forwarding": Forwarding,
    "Forwarding profile": ForwardingProfile,
    "No answer": NoAnswer,
    "Selective rule": Selective,
    "Block profiles": BlockProfile,
}


def rows(section: str) -> dict[str, tuple[str, str]]:
    """Key -> (default, meaning) of a table in the reference."""
    body = re.split(rf"^##+ {re.escape(section)}$", REFERENCE, flags=re.MULTILINE)[1].split("\n#")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines() if line.startswith("| `")
    ]
    return {key.strip("`"): (default, meaning) for key, default, meaning in cells}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_reference_has_every_key_with_its_default(section: str) -> None:
    fields = {field.alias or name: field for name, field in SECTIONS[section].model_fields.items()}
    documented = rows(section)
    assert sorted(documented) == sorted(fields)
    for key, field in fields.items():
        default = documented[key][0]
        if field.is_required():
            assert (key, default) == (key, "required")
        elif isinstance(field.default, (bool, int, str, Decimal)):
            written = json.dumps(field.default) if isinstance(field.default, bool) else str(field.default)
            assert (key, default) == (key, f"`{written}`")


def test_the_reference_has_every_word_a_value_can_be() -> None:
    words = {word for node in nodes(json_schema()) for word in enumeration(node)}
    words |= set(BlockClass) | set(KeyAction)
    assert [word for word in sorted(words) if f"`{word}`" not in REFERENCE] == []


def test_the_reference_has_the_keys_of_a_room() -> None:
    table = {key: (action, who) for key, (action, who) in rows("Keys in a room").items()}
    assert {key: action.strip("`") for key, (action, _) in table.items()} == dict(DEFAULT_KEYS)
    assert {
        KeyAction(action.strip("`")) for action, who in table.values() if who.startswith("everyone")
    } == FOR_EVERYONE


def enumeration(node: dict[str, Any]) -> list[str]:
    values = node.get("enum", [])
    return [] if len(values) > 100 else values  # the regions of the world


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        yield from nodes(child)


def test_the_schema_in_docs_is_the_one_the_models_make() -> None:
    """When this fails: callcontrol schema > docs/tenant.schema.json"""
    assert (ROOT / "docs" / "tenant.schema.json").read_text("utf-8") == (
        json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    )


def test_every_key_in_the_schema_has_a_description_and_no_mapping_takes_unknown_keys() -> None:
    for node in nodes(json_schema()):
        for key, value in node.get("properties", {}).items():
            assert value.get("description"), key
        if node.get("type") == "object":
            assert node.get("additionalProperties") is False or "pattern" in node["propertyNames"]


def test_the_schema_has_defaults_enumerations_patterns_and_limits() -> None:
    schema = json_schema()
    room = schema["$defs"]["RoomEntry"]["properties"]
    assert room["max_participants"] == {
        "default": 100,
        "description": "How many callers fit in (2 to 1000), the moderator counted; a moderator is let in beyond it.",
        "maximum": 1000,
        "minimum": 2,
        "type": "integer",
    }
    assert schema["$defs"]["Access"]["enum"] == ["open", "pin", "whitelist", "whitelist_or_pin"]
    assert {"pattern": "^[0-9]{4,10}$"} in room["pin"]["anyOf"]
    assert "DE" in schema["properties"]["region"]["enum"]
    assert list(schema["properties"]["keys"]["patternProperties"]) == [r"^\*[0-9*#]{1,3}$"]


def test_every_reference_inside_the_schema_leads_somewhere() -> None:
    schema = json_schema()
    for node in nodes(schema):
        if "$ref" in node:
            assert node["$ref"].removeprefix("#/$defs/") in schema["$defs"]


@pytest.mark.parametrize("name", ["acme", "globex"])
def test_an_example_tenant_names_the_schema_for_editors_and_has_no_fault(name: str) -> None:
    path = ROOT / "tenants" / f"{name}.yaml"
    assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=../docs/tenant.schema.json\n")
    assert check_paths([path], {}) == []


def test_the_example_tenants_go_together() -> None:
    assert check_paths([ROOT / "tenants"], {}) == []
