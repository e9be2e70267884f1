"""YAML text as a tree of nodes that know their place. The only module that imports ``yaml``.

The bytes may come from anybody: nothing here raises, whatever they are. It refuses what a tenant file never needs:
more than 1 MiB, more than 32 levels, tags, a second document, control characters, keys that are no text, a key given
twice, aliases that multiply (a small file with a billion values). Anchors, aliases and ``<<`` are fine.

Plain scalars are read as YAML 1.2 reads them: ``yes`` and ``NO`` are text, only ``true`` and ``false`` are flags.
Digits that other YAML readers change (``0123`` is 83 in YAML 1.1) become ``Ambiguous``: nobody is given a changed PIN.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_VALUES = 200_000  # after aliases are expanded; a tenant of 1,000 extensions has about 30,000

# libyaml reads 1 MiB in 0.2 s, the parser in Python needs 20 s; both speak of the same events.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Not printable, or a line break for YAML and not for editors (NEL, LS, PS): line numbers would not agree.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMERIC = re.compile(
    r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|[0-9][0-9_]*|([0-9][0-9_]*)?\.[0-9_]*([eE][-+]?[0-9]+)?"
    r"|[0-9]+[eE][-+]?[0-9]+|\.(inf|Inf|INF))|\.(nan|NaN|NAN)"
)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file; both count from 1, columns in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a place; the file's name is added later."""

    mark: Mark
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Unquoted digits that YAML readers do not agree about: 0123, +49308631, 0x10, 1_000, 1.5."""

    text: str


@dataclass(slots=True)
class Scalar:
    """A single value. source: its text as written, without quotes."""

    mark: Mark
    value: str | int | bool | Ambiguous | None
    source: str


@dataclass(slots=True)
class Sequence:
    """A list."""

    mark: Mark
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Entry:
    """One key of a mapping and what it has. ambiguous: other YAML readers would change this key (unquoted 0123)."""

    mark: Mark
    node: Node
    ambiguous: bool = False


@dataclass(slots=True)
class Mapping:
    """Keys in the order of the file; keys are always text, as written.

    misread: keys were taken out because nobody knows them, so that what is left may say less than its author meant.
    """

    mark: Mark
    entries: dict[str, Entry] = field(default_factory=dict)
    misread: bool = False


Node = Scalar | Sequence | Mapping


def parse(data: bytes) -> tuple[Node | None, list[Fault]]:
    """The tree of one YAML document and all faults; no tree when the text is no YAML. Never raises."""
    if len(data) > MAX_BYTES:
        return None, [Fault(Mark(1, 1), f"the file is larger than {MAX_BYTES // 1024} KiB")]
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        mark = _mark_at(data[: error.start].decode("utf-8").removeprefix("\ufeff"))
        return None, [Fault(mark, f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8")]
    control = _CONTROL.search(text)
    if control:
        name = f"U+{ord(control.group()):04X}"
        return None, [Fault(_mark_at(text[: control.start()]), f"control character {name}", "remove it")]
    return _Builder(text).build()


def _mark_at(before: str) -> Mark:
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Mark(len(lines), len(lines[-1]) + 1)


class _StopError(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class _Builder:
    """Turns the events of one document into nodes; recursion is bounded by MAX_DEPTH."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._faults: list[Fault] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._values = 0
        self._events: Iterator[Any] = iter(())

    def build(self) -> tuple[Node | None, list[Fault]]:
        root: Node | None = None
        try:
            self._events = yaml.parse(self._text, Loader=_LOADER)
            root = self._document()
        except yaml.MarkedYAMLError as error:
            self._faults.append(_syntax_fault(error, self._text))
        except yaml.YAMLError:
            self._faults.append(Fault(Mark(1, 1), "the file is no YAML"))
        except _StopError as stop:
            self._faults.append(stop.fault)
        return root, self._faults

    def _document(self) -> Node | None:
        root = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _StopError(Fault(_mark(event), "a second document begins here", "one tenant per file"))
                root = self._node(next(self._events), 1)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        mark = _mark(event)
        if depth > MAX_DEPTH:
            raise _StopError(Fault(mark, f"nested more than {MAX_DEPTH} levels deep"))
        before = self._values
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, mark)
        self._count(1, mark)
        if event.tag is not None:
            self._faults.append(Fault(mark, "tags (!) are not allowed here", "quote text that begins with !"))
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = Scalar(mark, _resolved(event), event.value)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Sequence(mark, [self._node(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)])
        else:
            node = self._mapping(mark, depth)
        if event.anchor:
            self._anchors[event.anchor] = (node, self._values - before)
        return node

    def _until(self, end: type) -> Iterator[Any]:
        while not isinstance(event := next(self._events), end):
            yield event

    def _count(self, values: int, mark: Mark) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise _StopError(Fault(mark, f"more than {MAX_VALUES} values", "aliases count as often as they are used"))

    def _alias(self, event: Any, mark: Mark) -> Node:
        if event.anchor not in self._anchors:
            self._faults.append(Fault(mark, f"unknown alias *{event.anchor}", "quote text that begins with *"))
            return Scalar(mark, None, "")
        node, values = self._anchors[event.anchor]
        self._count(values, mark)
        return node

    def _mapping(self, mark: Mark, depth: int) -> Mapping:
        mapping, merged = Mapping(mark), []
        for key in self._until(yaml.MappingEndEvent):
            key_mark = _mark(key)
            if not isinstance(key, yaml.ScalarEvent):
                self._no_key(key, key_mark, depth)
                continue
            self._count(1, key_mark)
            node = self._node(next(self._events), depth + 1)
            if key.value == "<<" and not key.style:
                merged.append((key_mark, node))
            elif key.value in mapping.entries:
                first = mapping.entries[key.value].mark
                hint = f"first in line {first.line}, column {first.column}"
                self._faults.append(Fault(key_mark, f"duplicate key {key.value[:40]!r}", hint))
            else:
                mapping.entries[key.value] = Entry(key_mark, node, isinstance(_resolved(key), Ambiguous))
        for key_mark, node in merged:
            self._merge(mapping, node, key_mark)
        return mapping

    def _no_key(self, key: Any, mark: Mark, depth: int) -> None:
        """A key that is no text; ``*5: lock`` is the usual case, an alias to YAML."""
        if isinstance(key, yaml.AliasEvent):
            self._faults.append(Fault(mark, f"the key *{key.anchor} is an alias to YAML", f'quote it: "*{key.anchor}"'))
        else:
            self._node(key, depth + 1)
            self._faults.append(Fault(mark, "a key must be text", "quote it"))
        self._node(next(self._events), depth + 1)

    def _merge(self, mapping: Mapping, node: Node, mark: Mark) -> None:
        """``<<``: what another mapping has, unless the key is given here."""
        for source in node.items if isinstance(node, Sequence) else [node]:
            if not isinstance(source, Mapping):
                self._faults.append(Fault(mark, "<< needs a mapping, or a list of mappings"))
                continue
            self._count(len(source.entries), mark)
            for key, entry in source.entries.items():
                mapping.entries.setdefault(key, entry)


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _resolved(event: Any) -> str | int | bool | Ambiguous | None:
    """The value of a scalar; anything quoted or in a block (| or >) is text."""
    text: str = event.value
    if event.style:
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return int(text)
    return Ambiguous(text) if _NUMERIC.fullmatch(text) and text != "." else text


# What libyaml says -> what is meant, and what to do. Anything else is passed on in its own words.
_WORDINGS = {
    "mapping values are not allowed in this context": (
        "a ':' is not possible here",
        "quote text that contains ': ', and look at the indentation",
    ),
    "did not find expected key": ("the indentation does not fit the lines above", "the block begins in line {block}"),
    "did not find expected '-' indicator": ("an entry of the list needs '- '", "the list begins in line {block}"),
    "could not find expected ':'": ("a ':' is missing after the key", ""),
    "found unexpected end of stream": ("the text in quotes is not closed", "it begins in line {block}"),
    "did not find expected ',' or ']'": ("the list in [ ] is not closed", "it begins in line {block}"),
    "did not find expected ',' or '}'": ("the mapping in { } is not closed", "it begins in line {block}"),
    "did not find expected alphabetic or numeric character": ("text cannot begin with * or &", "quote it"),
    "did not find expected node content": ("a value is missing or begins with a sign of YAML", "quote it"),
    "did not find expected <document start>": ("the indentation does not fit the lines above", ""),
}


def _syntax_fault(error: yaml.MarkedYAMLError, text: str) -> Fault:
    place, began = error.problem_mark, error.context_mark
    if place is None:
        return Fault(Mark(1, 1), "the file is no YAML")
    block = began.line + 1 if began else place.line + 1
    problem = str(error.problem or error.context)
    message, hint = _WORDINGS.get(problem, (problem, ""))
    if not text[place.index :].strip():  # seen only at the end of the file, perhaps after its last line
        mark = (
            Mark(began.line + 1, began.column + 1) if began and text[began.index :].strip() else _mark_at(text.rstrip())
        )
        return Fault(mark, message, "up to the end of the file")
    character = text[place.index]
    if problem == "found character that cannot start any token":
        message, hint = f"text cannot begin with {character!r}", "quote it"
        if character == "\t":
            message, hint = "a tab cannot be used to indent", "use spaces"
    return Fault(Mark(place.line + 1, place.column + 1), message, hint.replace("{block}", str(block)))
