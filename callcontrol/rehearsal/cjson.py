"""JSON as the cJSON library prints it, formatted and not: FreeSWITCH's `json_list` and `show ... as json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from callcontrol.rehearsal.encoding import json_text

Json = str | int | float | bool | None | Mapping[str, "Json"] | Sequence["Json"]


def compact(value: Json) -> str:
    """cJSON_PrintUnformatted: no blank anywhere."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json_text(name)}:{compact(item)}" for name, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(map(compact, value)) + "]"
    return _plain(value)


def pretty(value: Json, depth: int = 0) -> str:
    """cJSON_Print: objects on lines with tabs, arrays along the line."""
    if isinstance(value, Mapping):
        inner = "\t" * (depth + 1)
        rows = [f"{inner}{json_text(name)}:\t{pretty(item, depth + 1)}" for name, item in value.items()]
        return "{\n" + ",\n".join(rows) + ("\n" if rows else "") + "\t" * depth + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(pretty(item, depth + 1) for item in value) + "]"
    return _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, str):
        return json_text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
