"""A tenant file as far as it could be read: what the rules look at, so that one fault does not hide the others.

Every entry is validated by itself, in a faulty entry every field by itself. A rule asks ``intact`` before it concludes
anything from a field, so a fault is never reported a second time as its own consequence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from callcontrol.numbers import REGIONS, to_e164
from callcontrol.tenants.blocks import BlockProfile
from callcontrol.tenants.document import Document, KeyPath
from callcontrol.tenants.extension import ExtensionEntry, Forwarding, ForwardingProfile, Selective
from callcontrol.tenants.fields import UNKNOWN_REGION, Model, Reading
from callcontrol.tenants.model import NumberEntry
from callcontrol.tenants.room import DialOut, RoomEntry

M = TypeVar("M", bound=Model)
P = TypeVar("P", bound=Model, covariant=True)


@dataclass(frozen=True, slots=True)
class Part(Generic[P]):
    """One entry: its place, its values (defaults where damaged) and the names of the fields that are damaged."""

    path: KeyPath
    value: P
    damaged: frozenset[str] = frozenset()

    def intact(self, *fields: str) -> bool:
        """True when all these fields are as the file says."""
        return self.damaged.isdisjoint(fields)


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule: the path it is shown at, and what is wrong. at_key: show it at the key, not at the value."""

    path: KeyPath
    message: str
    hint: str = ""
    at_key: bool = False


class Draft:
    """The parts of one file. ``raw`` are its plain values; anything may be missing or of a wrong kind."""

    def __init__(self, document: Document, raw: Any) -> None:
        self.document = document
        self.raw: dict[str, Any] = raw if isinstance(raw, dict) else {}
        self.reading = reading_of(raw)
        self.numbers = dict(self._parts(NumberEntry, "numbers"))
        self.rooms = dict(self._parts(RoomEntry, "rooms"))
        self.extensions = dict(self._parts(ExtensionEntry, "extensions"))
        self.block_profiles = dict(self._parts(BlockProfile, "block_profiles"))
        self.e164 = {text: e164 for text in self.numbers if (e164 := to_e164(text, self.reading.region))}

    def has(self, key: str) -> bool:
        """True when the file gives this key of the tenant any value."""
        return self.raw.get(key) is not None

    def line(self, path: KeyPath) -> int:
        """The line of a value, for a message that speaks of two places."""
        return self.document.value_mark(path).line

    def dial_outs(self, room: Part[RoomEntry]) -> Iterator[Part[DialOut]]:
        """The entries of a room's ``dial_out``."""
        return self._list(DialOut, (*room.path, "dial_out"))

    def forwarding(self, extension: Part[ExtensionEntry]) -> Part[Forwarding]:
        """The forwarding of an extension; its profiles are better looked at one by one."""
        path = (*extension.path, "forwarding")
        return part(Forwarding, self._raw_at(path) or {}, path, self.reading)

    def profiles(self, extension: Part[ExtensionEntry]) -> Iterator[Part[ForwardingProfile]]:
        """The forwarding profiles of an extension."""
        path = (*extension.path, "forwarding", "profiles")
        profiles = self._raw_at(path)
        for number, raw in (profiles if isinstance(profiles, dict) else {}).items():
            yield part(ForwardingProfile, raw, (*path, number), self.reading)

    def selective(self, profile: Part[ForwardingProfile]) -> Iterator[Part[Selective]]:
        """The selective rules of a profile."""
        return self._list(Selective, (*profile.path, "selective"))

    def rooms_behind(self, number: Part[NumberEntry]) -> tuple[str, ...]:
        """The rooms of this file that a number leads to; names without room are left out."""
        if not number.intact("room", "rooms", "extension"):
            return ()
        return tuple(name for name in number.value.room_names if name in self.rooms)

    def _parts(self, model: type[M], section: str) -> Iterator[tuple[str, Part[M]]]:
        entries = self.raw.get(section)
        for name, raw in (entries if isinstance(entries, dict) else {}).items():
            yield name, part(model, raw, (section, name), self.reading)

    def _list(self, model: type[M], path: KeyPath) -> Iterator[Part[M]]:
        entries = self._raw_at(path)
        for index, raw in enumerate(entries if isinstance(entries, list) else []):
            yield part(model, raw, (*path, index), self.reading)

    def _raw_at(self, path: KeyPath) -> Any:
        found: Any = self.raw
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return found


def reading_of(raw: Any) -> Reading:
    """With what the values of a file are read; its region counts only when it exists."""
    region = raw.get("region") if isinstance(raw, dict) else None
    return Reading(region if isinstance(region, str) and region in REGIONS else UNKNOWN_REGION)


def part(model: type[M], raw: Any, path: KeyPath, reading: Reading) -> Part[M]:
    """Validate one entry; where it is faulty, as many of its fields as possible."""
    try:
        return Part(path, model.model_validate(raw, context=reading))
    except ValidationError:
        pass
    values: dict[str, Any] = {}
    damaged: set[str] = set()
    for name, field in model.model_fields.items():
        key = field.alias or name
        if not isinstance(raw, Mapping) or key not in raw:
            if field.is_required() or not isinstance(raw, Mapping):
                damaged.add(name)
                values[name] = None
            continue
        try:
            values[name] = _adapter(model, name).validate_python(raw[key], context=reading)
        except ValidationError:
            damaged.add(name)
    partial: Any = model.model_construct(None, **values)
    return Part(path, partial, frozenset(damaged))


@lru_cache(maxsize=256)
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    field = model.model_fields[name]
    annotation: Any = field.annotation
    for constraint in field.metadata:
        annotation = Annotated[annotation, constraint]
    return TypeAdapter(annotation)
