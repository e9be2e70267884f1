"""Imports point down, and each outside thing has one door."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "callcontrol"

# From the bottom up; a module may import from lower layers and, where listed together, from its own.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"__init__", "errors"}),
    frozenset(
        {
            "account",
            "greenlets",
            "numbers",
            "mailserver",
            "prompts",
            "spoken",
            "wav",
            "guessing",
            "log",
            "metrics",
            "processes",
        }
    ),
    frozenset({"tenants", "state", "switch", "rehearsal", "http"}),
    frozenset({"config", "routing", "directory", "freeswitch", "outgoing", "status"}),
    frozenset({"mail", "messages"}),
    frozenset({"rooms", "ledger", "invitations", "forwarding", "mailboxes"}),
    frozenset({"dialout", "desk", "explain"}),
    frozenset({"flows", "switchboard", "attendance"}),
    frozenset({"parts"}),
    frozenset({"daemon"}),
    frozenset({"serving", "demo", "rehearse"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
# Neighbours in one layer that may know each other, and nobody else.
NEIGHBOURS = {("state", "guessing"), ("demo", "rehearse"), ("spoken", "prompts")}
STRANGERS = {("rehearsal", "switch"), ("rehearsal", "tenants"), ("state", "switch"), ("tenants", "switch")}


def part_of(path: Path) -> str:
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("callcontrol"):
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return {name for name in found if name != "__version__"}


def modules_of(path: Path) -> set[str]:
    """The modules a file names, those of type hints included; a package's face counts as no module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("callcontrol"):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & MODULES.keys()


MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
}


def layer_of(part: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if part in layer)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    part = part_of(path)
    for imported in imports_of(path) - {part}:
        lower = layer_of(imported) < layer_of(part)
        assert lower or (part, imported) in NEIGHBOURS, f"{part} must not import {imported}"
        assert (part, imported) not in STRANGERS


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter({name: modules_of(path) for name, path in MODULES.items()}).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")
