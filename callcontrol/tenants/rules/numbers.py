"""Numbers: each is one, is claimed once and leads to something that exists."""

from __future__ import annotations

from collections.abc import Iterator

from callcontrol.tenants.draft import Draft, Finding
from callcontrol.tenants.fields import UNKNOWN_REGION
from callcontrol.tenants.rules.common import unknown


def are_telephone_numbers(draft: Draft) -> Iterator[Finding]:
    """The key of each entry is a telephone number, and no two are the same one in other words."""
    seen: dict[str, str] = {}
    for text, number in draft.numbers.items():
        e164 = draft.e164.get(text)
        if e164 is None:
            if draft.reading.region != UNKNOWN_REGION or text.startswith("+"):
                hint = 'with country code: "+49 30 8630"'
                yield Finding(number.path, f"{text[:40]!r} is no telephone number", hint, at_key=True)
        elif e164 in seen:
            first = draft.document.key_mark(("numbers", seen[e164])).line
            yield Finding(number.path, f"number {e164} is claimed twice", f"first in line {first}", at_key=True)
        else:
            seen[e164] = text


def lead_somewhere(draft: Draft) -> Iterator[Finding]:
    """The rooms, extensions and mailboxes behind numbers exist."""
    for number in draft.numbers.values():
        entry = number.value
        if entry.room and number.intact("room") and entry.room not in draft.rooms:
            yield unknown((*number.path, "room"), "room", entry.room, draft.rooms)
        for index, name in enumerate(entry.rooms if number.intact("rooms") else ()):
            if name not in draft.rooms:
                yield unknown((*number.path, "rooms", index), "room", name, draft.rooms)
        if entry.voicemail and not _has_mailboxes(draft):
            yield Finding((*number.path, "voicemail"), "no extension has a mailbox", "add voicemail: to one")
        if entry.extension and number.intact("extension") and entry.extension not in draft.extensions:
            yield unknown((*number.path, "extension"), "extension", entry.extension, draft.extensions)


def _has_mailboxes(draft: Draft) -> bool:
    """Whether an extension has a mailbox, as far as the file can be read."""
    return any(each.value.voicemail or not each.intact("voicemail") for each in draft.extensions.values())


RULES = (are_telephone_numbers, lead_somewhere)
