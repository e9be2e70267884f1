"""A tenant: what its file may say, and the frozen model the rest of callcontrol works with.

The file's models end in ``Entry`` or ``File``; the JSON Schema for editors is made of them. What calls see are their
children with everything resolved: numbers in E.164, languages filled in, names known.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic import WithJsonSchema as Schema

from callcontrol.tenants.blocks import PREDEFINED, BlockProfile
from callcontrol.tenants.extension import Extension, ExtensionEntry
from callcontrol.tenants.fields import (
    E164,
    AtLeastOne,
    Domain,
    Extension2To6,
    Flag,
    Gateway,
    Label,
    Language,
    Model,
    Name,
    Region,
    Timezone,
    refuse,
    whole,
)
from callcontrol.tenants.keys import KEY, KeyAction, effective_keys
from callcontrol.tenants.room import Room, RoomEntry
from callcontrol.tenants.tariff import Tariff


def _different(languages: tuple[Language, ...]) -> tuple[Language, ...]:
    if len(set(languages)) != len(languages):
        raise refuse("names a language twice")
    return languages


_Value = TypeVar("_Value")

Languages = Annotated[tuple[Language, ...], AfterValidator(_different)]


class NumberEntry(Model):
    """Where a telephone number leads: one of room, rooms, extension and voicemail."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name]} for name in ("room", "rooms", "extension", "voicemail")]}
    )

    room: Name | None = None
    """The room the number leads to."""
    rooms: tuple[Name, ...] = ()
    """Several rooms behind one dial-in number; the PIN picks the room."""
    extension: Extension2To6 | None = None
    """The extension that rings."""
    voicemail: Flag = False
    """true: people of the tenant listen to their mailboxes here, with extension and PIN."""
    languages: Languages = ()
    """Languages of this number instead of the tenant's; with more than one the caller may choose."""

    @model_validator(mode="after")
    def _leads_to_one_thing(self) -> Self:
        given = [name for name in ("room", "rooms", "extension", "voicemail") if getattr(self, name)]
        if not given:
            raise refuse("leads nowhere", "give it room, rooms, extension or voicemail")
        if len(given) > 1:
            raise refuse(f"leads to {' and '.join(given)} at once", "keep one of them")
        if len(set(self.rooms)) != len(self.rooms):
            raise refuse("names a room twice")
        return self

    @property
    def room_names(self) -> tuple[str, ...]:
        """The rooms behind this number: none, one or several."""
        return (self.room,) if self.room else self.rooms

    @property
    def leads_to(self) -> list[str]:
        """What is behind this number: rooms, an extension, or ``voicemail``."""
        return [*self.room_names, *filter(None, [self.extension]), *(["voicemail"] if self.voicemail else [])]


class Number(NumberEntry):
    """A number of a loaded tenant; its languages are never empty."""

    e164: str
    """The number in E.164, such as +49308631."""


NumberText = Annotated[str, Schema({"type": "string", "pattern": r"^\+?[0-9 ()./-]+$"})]
KeyText = Annotated[str, Schema({"type": "string", "pattern": KEY})]


class Outgoing(Model):
    """How much a tenant may call out; dearer mistakes are stopped here. Calls to extensions do not count."""

    at_once: Annotated[int, whole(0, 1000)] = 10
    """Calls to outside numbers at the same time (0 to 1000), those in conferences counted."""
    per_day: Annotated[int, whole(0, 100_000)] = 500
    """Calls to outside numbers within 24 hours (0 to 100000); a call that is not answered counts."""


class TenantFile(Model):
    """A tenant of callcontrol: its numbers, conference rooms and extensions."""

    tenant: Name
    """Identifier of the tenant: a small letter, then small letters, digits and -."""
    name: Label | None = None
    """The tenant's name for people; the identifier when absent."""
    domain: Domain | None = None
    """SIP domain the extensions register with; needed as soon as there are extensions."""
    region: Region
    """Country (ISO 3166) that national numbers such as 030 8630 are read in."""
    timezone: Timezone = "UTC"
    """Timezone of all schedules and statements, such as Europe/Berlin."""
    languages: Annotated[Languages, *AtLeastOne] = ("en",)
    """Languages of the announcements: de, en, fr. The first is the default; with several the caller may choose."""
    trunk: Gateway | None = None
    """FreeSWITCH gateway for outgoing calls; without it the tenant calls nobody outside."""
    caller_id: E164 | None = None
    """Number shown for outgoing calls."""
    outgoing: Outgoing = Outgoing()
    """Limits of the calls that rooms and extensions make to outside numbers."""
    numbers: Mapping[NumberText, NumberEntry] = Field(default_factory=dict)
    """Telephone number, in quotes -> where it leads."""
    rooms: Mapping[Name, RoomEntry] = Field(default_factory=dict)
    """Name -> conference room."""
    extensions: Mapping[Extension2To6, ExtensionEntry] = Field(default_factory=dict)
    """Extension number, in quotes -> person."""
    block_profiles: Mapping[Name, BlockProfile] = Field(default_factory=dict)
    """Name -> calls that are blocked for the extensions that name the profile."""
    keys: Mapping[KeyText, KeyAction | None] = Field(default_factory=dict)
    """Keys of the rooms that do something else than usual, such as "*5": mute_all; null takes a key out of use."""
    tariff: Tariff | None = None
    """What the tenant pays for conferences; without it statements count minutes only."""
    mask_numbers: Flag = False
    """Statements and reports show telephone numbers as +49 171 *****01."""


class Tenant(Model):
    """One tenant as calls see it. Made by the loader only, from a file without faults."""

    id: str
    name: str
    domain: str | None
    region: str
    timezone: str
    languages: tuple[str, ...]
    trunk: str | None
    caller_id: str | None
    outgoing: Outgoing
    numbers: Mapping[str, Number]
    rooms: Mapping[str, Room]
    extensions: Mapping[str, Extension]
    block_profiles: Mapping[str, BlockProfile]
    keys: Mapping[str, KeyAction]
    tariff: Tariff | None
    mask_numbers: bool

    @classmethod
    def from_file(cls, file: TenantFile, e164: Mapping[str, str]) -> Tenant:
        """Resolve a checked file; ``e164`` has the normalised form of every number the file names."""
        return cls.model_construct(
            id=file.tenant,
            name=file.name or file.tenant,
            domain=file.domain,
            region=file.region,
            timezone=file.timezone,
            languages=file.languages,
            trunk=file.trunk,
            caller_id=file.caller_id,
            outgoing=file.outgoing,
            numbers=_fixed({e164[text]: _number(entry, e164[text], file) for text, entry in file.numbers.items()}),
            rooms=_fixed({name: Room.model_construct(**dict(entry), name=name) for name, entry in file.rooms.items()}),
            extensions=_fixed(
                {
                    number: Extension.model_construct(**dict(entry), number=number)
                    for number, entry in file.extensions.items()
                }
            ),
            block_profiles=_fixed({**file.block_profiles, **PREDEFINED}),
            keys=effective_keys(file.keys),
            tariff=file.tariff,
            mask_numbers=file.mask_numbers,
        )


def _fixed(mapping: Mapping[str, _Value]) -> Mapping[str, _Value]:
    return MappingProxyType(dict(mapping))


def _number(entry: NumberEntry, e164: str, file: TenantFile) -> Number:
    return Number.model_construct(**(dict(entry) | {"e164": e164, "languages": entry.languages or file.languages}))
