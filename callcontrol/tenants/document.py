"""A file as data and as places: plain values for the model, and line and column of every path in them.

A path is what pydantic reports: ``("rooms", "board", "whitelist", 1)``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Environment
from collections.abc import Sequence as Items
from typing import Any

from callcontrol.tenants import _yaml
from callcontrol.tenants._yaml import Entry, Fault, Mark, Node, Scalar, Sequence

KeyPath = tuple[str | int, ...]

_REFERENCE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?")


class Document:
    """One parsed file. ``unset``: paths whose variable is not set, known after ``values``; ``faults`` say so."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.faults: list[Fault] = []
        self.unset: set[KeyPath] = set()

    def values(self, environ: Environment[str, str]) -> Any:
        """Dicts, lists and scalars, with ``${NAME}`` and ``${NAME:-default}`` replaced from ``environ``."""
        return self._value(self.root, (), environ)

    def _value(self, node: Node, path: KeyPath, environ: Environment[str, str]) -> Any:
        if isinstance(node, _yaml.Mapping):
            return {key: self._value(entry.node, (*path, key), environ) for key, entry in node.entries.items()}
        if isinstance(node, Sequence):
            return [self._value(item, (*path, index), environ) for index, item in enumerate(node.items)]
        return self._replaced(node, path, environ) if isinstance(node.value, str) else node.value

    def _replaced(self, node: Scalar, path: KeyPath, environ: Environment[str, str]) -> str:
        """The text with its variables. A fault names the variable, never its value."""

        def replacement(match: re.Match[str]) -> str:
            name, default = match.groups()
            if match.group() == "$${":
                return "${"
            if name is None:
                hint = "${NAME} or ${NAME:-default}; $${ stands for a plain ${"
                self._unset(node, path, f"{label(path)}: this is no variable", hint)
                return ""
            if environ.get(name) or (name in environ and default is None):
                return environ[name]
            if default is None:
                hint = "set it for callcontrol, or write ${" + name + ":-default}"
                self._unset(node, path, f"{label(path)}: the environment variable {name} is not set", hint)
            return default or ""

        return _REFERENCE.sub(replacement, node.source)

    def _unset(self, node: Scalar, path: KeyPath, message: str, hint: str) -> None:
        self.unset.add(path)
        self.faults.append(Fault(node.mark, message, hint))

    def node(self, path: Items[str | int]) -> Node | None:
        """The node at ``path``, if there is one."""
        node, _, steps = self._descend(path)
        return node if steps == len(path) else None

    def existing(self, path: Items[str | int]) -> KeyPath:
        """As much of ``path`` as the file has."""
        return tuple(path[: self._descend(path)[2]])

    def key_mark(self, path: Items[str | int]) -> Mark:
        """Where the key of ``path`` stands; of its nearest parent when the file has no such key."""
        node, entry, _ = self._descend(path)
        return entry.mark if entry else node.mark

    def value_mark(self, path: Items[str | int]) -> Mark:
        """Where the value of ``path`` (as far as it exists) stands; its key when the value is empty."""
        node = self._descend(path)[0]
        return self.key_mark(path) if isinstance(node, Scalar) and node.value is None else node.mark

    def _descend(self, path: Items[str | int]) -> tuple[Node, Entry | None, int]:
        """The deepest node along ``path`` that exists, its entry, and how many steps it took."""
        node, entry, steps = self.root, None, 0
        for step in path:
            if isinstance(node, _yaml.Mapping) and step in node.entries:
                entry = node.entries[str(step)]
                node = entry.node
            elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
                node, entry = node.items[step], None
            else:
                break
            steps += 1
        return node, entry, steps


def label(path: Items[str | int]) -> str:
    """What a path is called in a message: its last key, and for a list the entry's place in it."""
    words = [step for step in path if isinstance(step, str)]
    position = f" entry {path[-1] + 1}" if path and isinstance(path[-1], int) else ""
    return (words[-1] if words else "the file") + position
