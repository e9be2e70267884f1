"""PINs: on one number every PIN says one thing, is no beginning of another, and cannot be read off the number.

No finding quotes a PIN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from callcontrol.tenants.document import KeyPath
from callcontrol.tenants.draft import Draft, Finding
from callcontrol.tenants.extension import Voicemail

# Every part of an E.164 number (+ and 15 digits at most) that a PIN of 4 to 10 digits can be.
_SLICES = [(begin, begin + size) for size in range(4, 11) for begin in range(1, 17 - size)]


@dataclass(frozen=True, slots=True)
class _Pin:
    room: str
    key: str
    path: KeyPath
    digits: str

    def called_from(self, other: _Pin) -> str:
        """How a message about ``other`` names this PIN."""
        return self.key if self.room == other.room else f"{self.key} of room {self.room!r}"

    def __repr__(self) -> str:
        return f"_Pin({self.room!r}, {self.key!r})"


def _pins(draft: Draft, room: str) -> list[_Pin]:
    part = draft.rooms[room]
    secrets = [(key, getattr(part.value, key)) for key in ("pin", "moderator_pin") if part.intact(key)]
    return [_Pin(room, key, (*part.path, key), secret.get_secret_value()) for key, secret in secrets if secret]


def tell_one_thing(draft: Draft) -> Iterator[Finding]:
    """Of all PINs that can be typed after dialling one number, none is equal to, or the beginning of, another."""
    together = {frozenset({room}) for room in draft.rooms}
    together |= {frozenset(draft.rooms_behind(number)) for number in draft.numbers.values()}
    pairs = {
        pair for rooms in together for pair in _prefix_pairs([pin for room in rooms for pin in _pins(draft, room)])
    }
    for pair in pairs:
        first, second = sorted(pair, key=lambda pin: (draft.document.value_mark(pin.path), pin.path))
        relation = _relation(second.digits, first.digits)
        message = f"{second.key}: {relation} {first.called_from(second)} in line {draft.line(first.path)}"
        yield Finding(second.path, message, "the PIN alone tells room and role")


def _prefix_pairs(pins: list[_Pin]) -> Iterator[frozenset[_Pin]]:
    """Each PIN with the longest other one it begins with. Sorted, everything between the two begins with it as well."""
    beginnings: list[_Pin] = []
    for pin in sorted(pins, key=lambda pin: (pin.digits, pin.path)):
        while beginnings and not pin.digits.startswith(beginnings[-1].digits):
            beginnings.pop()
        if beginnings:
            yield frozenset({beginnings[-1], pin})
        beginnings.append(pin)


def _relation(digits: str, other: str) -> str:
    if digits == other:
        return "is equal to"
    return "begins with" if digits.startswith(other) else "is the beginning of"


def pick_a_room(draft: Draft) -> Iterator[Finding]:
    """Behind a number with several rooms, every room asks for a PIN; that it then has one is a rule of the room."""
    for number in draft.numbers.values():
        names = draft.rooms_behind(number)
        for index, name in enumerate(number.value.rooms if len(names) > 1 else ()):
            room = draft.rooms.get(name)
            if room and room.intact("access") and not room.value.access.asks_for_pin:
                path = (*number.path, "rooms", index)
                message = f"room {name!r} asks for no PIN, so this number cannot pick it"
                yield Finding(path, message, "access: pin or whitelist_or_pin, or a number of its own")


def are_not_on_the_letterhead(draft: Draft) -> Iterator[Finding]:
    """A PIN that is part of a number of the tenant is the first one a stranger tries."""
    parts = {number[begin:end]: number for number in draft.e164.values() for begin, end in _SLICES}
    for path, digits in [*_room_pins(draft), *_mailbox_pins(draft)]:
        number = parts.get(digits)
        if number is not None:
            yield Finding(path, f"{path[-1]}: is part of the number {number}", "strangers try that first")


def _room_pins(draft: Draft) -> Iterator[tuple[KeyPath, str]]:
    for room in draft.rooms:
        yield from ((pin.path, pin.digits) for pin in _pins(draft, room))


def _mailbox_pins(draft: Draft) -> Iterator[tuple[KeyPath, str]]:
    for extension in draft.extensions.values():
        voicemail: Voicemail | None = extension.value.voicemail if extension.intact("voicemail") else None
        if voicemail:
            yield (*extension.path, "voicemail", "pin"), voicemail.pin.get_secret_value()


def mailboxes_are_closed(draft: Draft) -> Iterator[Finding]:
    """The PIN of a mailbox is not its extension."""
    for path, digits in _mailbox_pins(draft):
        if digits == path[1]:
            yield Finding(path, "pin: is the extension itself", "strangers try that first")


RULES = (tell_one_thing, pick_a_room, are_not_on_the_letterhead, mailboxes_are_closed)
