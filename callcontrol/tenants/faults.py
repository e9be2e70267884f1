"""pydantic's errors in the words of this project, at the place in the file they are about.

What the file says is quoted (``{found}``) except where it is secret. A value from the environment is quoted as
the reference that stands in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from callcontrol.tenants import _yaml
from callcontrol.tenants._yaml import Ambiguous, Fault, Mark, Node, Scalar
from callcontrol.tenants.document import Document, KeyPath, label
from callcontrol.tenants.spelling import suggestion

SECRET_KEYS = frozenset({"pin", "moderator_pin", "password", "database", "url"})

_PLURAL = {"tuple_type": "a list", "mapping_type": "a mapping", "model_type": "a mapping", "dict_type": "a mapping"}


def model_faults(error: ValidationError, document: Document) -> Iterator[Fault]:
    """One fault for each error of the model, except what follows from an unknown key or an unset variable."""
    for detail in error.errors(include_url=False, include_input=False):
        path: KeyPath = tuple(step for step in detail["loc"] if step != "[key]")
        if detail["type"] == "missing":
            yield Fault(document.key_mark(path), f"missing key {path[-1]!r}", _missing_hint(path))
            continue
        path = document.existing(path)
        node, is_key = document.node(path), "[key]" in detail["loc"]
        if detail["type"] == "unreadable":
            continue  # a national number; that the region is wrong is reported by itself
        if path not in document.unset and not (isinstance(node, _yaml.Mapping) and node.misread):
            message, hint = _words(detail, node, path, is_key)
            mark = document.key_mark(path) if is_key else _value_mark(document, path)
            yield Fault(mark, message if is_key else f"{label(path)}: {message}", hint)


def _value_mark(document: Document, path: KeyPath) -> Mark:
    """A fault of a whole mapping stands at its key, one of a value at the value."""
    node = document.node(path)
    return document.key_mark(path) if isinstance(node, _yaml.Mapping) else document.value_mark(path)


def _missing_hint(path: KeyPath) -> str:
    return "an extension without password could be used by anybody" if path[-1] == "password" else ""


def _words(detail: Any, node: Node | None, path: KeyPath, is_key: bool) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    found = _found(node, path, is_key)
    match kind:
        case "refused":
            return context["text"].replace("{found}", found), context["hint"]
        case "string_type":
            return _no_text(node, path)
        case "bool_type":
            return f"must be true or false, not {found}", _flag_hint(node)
        case "int_type":
            quoted = isinstance(node, Scalar) and isinstance(node.value, str) and node.value.isdecimal()
            return f"must be a whole number, not {found}", "write it without quotes" if quoted else ""
        case "enum" | "literal_error":
            known = re.findall(r"'([^']*)'", context["expected"])
            message = f"unknown value {found}" if isinstance(node, Scalar) else f"must be text, not {found}"
            return message, suggestion(_source(node), known)
        case "greater_than_equal":
            return f"{found} is too small", f"{context['ge']} at least"
        case "less_than_equal":
            return f"{found} is too large", f"{context['le']} at most"
        case "too_long":
            return f"has more than {context['max_length']} entries", ""
        case _ if kind in _PLURAL:
            return f"must be {_PLURAL[kind]}", "it is empty" if _source(node) == "" else ""
    return str(detail["msg"]), ""


def _source(node: Node | None) -> str:
    return node.source if isinstance(node, Scalar) else "(list)" if isinstance(node, _yaml.Sequence) else "(mapping)"


def _found(node: Node | None, path: KeyPath, is_key: bool) -> str:
    if is_key:
        return repr(str(path[-1])[:40])
    if SECRET_KEYS & set(path):
        return "this value"
    if isinstance(node, Scalar):
        text = node.source if len(node.source) <= 40 else node.source[:37] + "..."
        if isinstance(node.value, int) and not isinstance(node.value, bool):
            return text
        return repr(text) if text else "nothing"
    return "a list" if isinstance(node, _yaml.Sequence) else "a mapping" if node else "this value"


def _no_text(node: Node | None, path: KeyPath) -> tuple[str, str]:
    """Digits without quotes are the commonest mistake: to YAML they are a number, and 0123 another one than 123."""
    secret = bool(SECRET_KEYS & set(path))
    if isinstance(node, Scalar) and isinstance(node.value, (int, Ambiguous)) and not isinstance(node.value, bool):
        shown = f'"{node.source[:40]}"' if not secret else 'with " before and after it'
        reason = ", and not the one it looks like" if isinstance(node.value, Ambiguous) else ""
        return f"unquoted digits are a number to YAML{reason}", f"quote it: {shown}" if not secret else "quote it"
    if isinstance(node, Scalar) and node.value is None:
        return "has no value", ""
    return f"must be text, not {_found(node, path, False)}", "quote it" if isinstance(node, Scalar) else ""


def _flag_hint(node: Node | None) -> str:
    word = _source(node).lower()
    if word in ("yes", "y", "on", "1"):
        return "write true"
    return "write false" if word in ("no", "n", "off", "0") else ""
