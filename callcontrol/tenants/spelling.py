"""Keys that a model does not have: reported with the likely one, and taken for it by all further checks."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from callcontrol.tenants._yaml import Entry, Fault, Mapping, Node, Sequence


def correct(node: Node, kind: Any) -> Iterator[Fault]:
    """Every unknown key below ``node``, which is described by ``kind`` (a model, or a type made of models).

    The tree is changed: an unknown key that resembles a free one is renamed to it, any other is taken out. So a typing
    error in ``moderator_pin`` is one fault and not a second one saying that the moderator PIN is missing.
    """
    model, inner = _shape(kind)
    if isinstance(node, Mapping) and model is not None:
        known = keys_of(model)
        yield from _unknown_keys(node, known)
        for key, entry in node.entries.items():
            yield from correct(entry.node, known[key])
    elif isinstance(node, Mapping):
        for entry in node.entries.values():
            yield from correct(entry.node, inner)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from correct(item, inner)


def keys_of(model: type[BaseModel]) -> dict[str, Any]:
    """The keys a file may use for ``model``, with the type of each."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def suggestion(word: str, known: Iterable[str]) -> str:
    """``did you mean 'pin'?`` or, when nothing is alike, what is known here (20 words at most)."""
    words = [str(word) for word in known]
    meant = likely(word, words)
    if meant:
        return f"did you mean {meant!r}?"
    return f"possible: {', '.join([*words[:20], '...'] if len(words) > 20 else words)}"


def likely(word: str, known: Collection[str]) -> str | None:
    """The known word that resembles ``word``. Of very many only those that begin alike are compared."""
    words = [each for each in known if each[:1] == word[:1]][:200] if len(known) > 200 else known
    return next(iter(difflib.get_close_matches(word[:80], words, n=1, cutoff=0.6)), None)


def _unknown_keys(node: Mapping, known: AnyMapping[str, Any]) -> Iterator[Fault]:
    repaired: dict[str, Entry] = {key: entry for key, entry in node.entries.items() if key in known}
    for key, entry in node.entries.items():
        if key in known:
            continue
        yield Fault(entry.mark, f"unknown key {key[:40]!r}", suggestion(key, known))
        meant = likely(key, known)
        if meant:
            repaired.setdefault(meant, entry)
    node.misread = node.misread or len(repaired) < len(node.entries)
    node.entries = repaired


def _shape(kind: Any) -> tuple[type[BaseModel] | None, Any]:
    """The model a type stands for, or else the type of what is inside a list or mapping."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind, None
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _shape(arguments[0])
    if origin in (Union, UnionType):
        shapes = [_shape(argument) for argument in arguments]
        return next((shape for shape in shapes if shape != (None, None)), (None, None))
    if origin is tuple:
        return None, arguments[0]
    if origin is not None and isinstance(origin, type) and issubclass(origin, AnyMapping):
        return None, arguments[1]
    return None, None
