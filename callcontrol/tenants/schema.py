"""The JSON Schema of tenant files: with it an editor completes keys, shows what they mean and underlines mistakes."""

from __future__ import annotations

from typing import Any

from callcontrol.tenants.model import TenantFile


def json_schema() -> dict[str, Any]:
    """JSON Schema of a tenant file, made from the model that loads it; draft 7, which every editor knows."""
    schema = TenantFile.model_json_schema(by_alias=True)
    _tidy(schema)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "callcontrol tenant",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _tidy(node: Any) -> None:
    """Take out pydantic's titles ("Moderator Pin"), and ``null`` where it only means that a key is absent."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("title"), str):
        del node["title"]
    if node.get("default", ...) is None:
        del node["default"]
        node["anyOf"] = [choice for choice in node.get("anyOf", []) if choice != {"type": "null"}]
        if len(node["anyOf"]) == 1:
            node |= node.pop("anyOf")[0]
    if "patternProperties" in node:
        node["additionalProperties"] = False  # a key of a wrong form is a mistake, not something else
    if "propertyNames" in node:  # variables are not replaced in keys
        node["propertyNames"] = node["propertyNames"]["anyOf"][0]
    for value in list(node.values()):
        _tidy(value)
