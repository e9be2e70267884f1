"""A message in a mailbox, as FreeSWITCH tells of it, and the mail that brings it to the owner. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from callcontrol.numbers import is_withheld, to_e164
from callcontrol.switch.events import Event
from callcontrol.tenants import Extension, Tenant, Tenants

SUBCLASS = "vm::maintenance"

_SUBJECTS = {"de": "Neue Nachricht von {who}", "en": "New voice message from {who}", "fr": "Nouveau message de {who}"}
_UNKNOWN = {"de": "unbekannt", "en": "an unknown caller", "fr": "un appelant inconnu"}
_TEXTS = {
    "de": "Von: {who}\nFür: {extension} {name}\nAm: {when:%d.%m.%Y, %H:%M} ({zone})\nDauer: {seconds} s\n",
    "en": "From: {who}\nFor: {extension} {name}\nOn: {when:%Y-%m-%d, %H:%M} ({zone})\nLength: {seconds} s\n",
    "fr": "De : {who}\nPour : {extension} {name}\nLe : {when:%d/%m/%Y, %H:%M} ({zone})\nDurée : {seconds} s\n",
}
_FILES = {"de": "nachricht.wav", "en": "message.wav", "fr": "message.wav"}

_ID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)
# created, read, user, domain, folder, path, uuid, name and number of the caller (who may have put colons into both),
# seconds: mod_voicemail.c api_list_callback.
_LISTED = re.compile(
    r"(?P<created>[0-9]{1,12}):(?P<read>[0-9]{1,12}):(?P<user>[^:]*):(?P<domain>[^:]*):[^:]*:(?P<path>/.*?):"
    r"(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):.*:(?P<number>[^:]*):(?P<seconds>[0-9]{1,9})",
    re.ASCII,
)


@dataclass(frozen=True)
class Message:
    """A message in the mailbox of ``extension``, to be mailed to ``address``.

    ``path``: the recording as FreeSWITCH sees it. ``left_at``: UTC.
    """

    id: str
    tenant: Tenant
    extension: Extension
    address: str
    who: str
    path: str
    seconds: int
    left_at: datetime


def message_of(event: Event, tenants: Tenants) -> Message | None:
    """What an event of SUBCLASS tells; None for a mailbox that no tenant has, or that is not mailed."""
    if event.get("Event-Subclass") != SUBCLASS or event.get("VM-Action") != "leave-message":
        return None
    if not _ID.fullmatch(event.get("VM-UUID")):
        return None
    tenant = tenants.find_domain(event.get("VM-Domain"))
    extension = tenant.extensions.get(event.get("VM-User")) if tenant is not None else None
    if tenant is None or extension is None or extension.voicemail is None or extension.voicemail.email is None:
        return None
    return Message(
        id=event.get("VM-UUID"),
        tenant=tenant,
        extension=extension,
        address=extension.voicemail.email,
        who=_caller(event, tenant),
        path=event.get("VM-File-Path"),
        seconds=_whole(event.get("VM-Message-Len")),
        left_at=datetime.fromtimestamp(_whole(event.get("VM-Timestamp")), UTC),
    )


def new_messages(listed: str, tenant: Tenant, extension: Extension) -> Iterator[Message]:
    """The messages of one mailbox that its owner has not heard yet, as ``vm_list`` tells of them.

    A line that is not whole, or whose recording is not in the folder of this mailbox, is left out: what the caller was
    called is part of it. Who spoke is the number shown; a colleague's proves nothing here and is none.
    """
    mailbox = extension.voicemail
    if mailbox is None or mailbox.email is None:
        return
    for line in listed.splitlines():
        found = _LISTED.fullmatch(line)
        if found is None or found["read"] != "0":
            continue
        if PurePosixPath(found["path"]).parts[-3:-1] != (tenant.domain, extension.number):
            continue
        yield Message(
            id=found["id"],
            tenant=tenant,
            extension=extension,
            address=mailbox.email,
            who=_outside(found["number"], tenant),
            path=found["path"],
            seconds=int(found["seconds"]),
            left_at=datetime.fromtimestamp(int(found["created"]), UTC),
        )


def mail(message: Message, recording: bytes, *, sender: str) -> EmailMessage:
    """The mail with the recording."""
    language = message.tenant.languages[0] if message.tenant.languages[0] in _TEXTS else "en"
    who = message.who or _UNKNOWN[language]
    written = EmailMessage(policy=SMTP)
    written["From"] = Address(display_name=message.tenant.name, addr_spec=sender)
    written["To"] = Address(addr_spec=message.address)
    written["Subject"] = _SUBJECTS[language].format(who=who)
    written["Date"] = format_datetime(message.left_at)
    written["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"  # the same at each try: nobody sees it twice
    written["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer by a machine, please
    text = _TEXTS[language].format(
        who=who,
        extension=message.extension.number,
        name=message.extension.name,
        when=message.left_at.astimezone(ZoneInfo(message.tenant.timezone)),
        zone=message.tenant.timezone,
        seconds=message.seconds,
    )
    written.set_content(text)
    written.add_attachment(recording, maintype="audio", subtype="wav", filename=_FILES[language])
    written["Content-Language"] = language  # last: content moves such headers into its parts
    return written


def _caller(event: Event, tenant: Tenant) -> str:
    """Who spoke, for people: a colleague's name only of whom FreeSWITCH authenticated; empty when it is not known."""
    if event.get("variable_cc_door") == "extensions" and event.get("variable_domain_name").lower() == tenant.domain:
        colleague = tenant.extensions.get(event.get("variable_user_name"))
        return f"{colleague.number} {colleague.name}" if colleague is not None else ""
    return _outside(event.get("VM-Caller-ID-Number"), tenant)


def _outside(shown: str, tenant: Tenant) -> str:
    return "" if is_withheld(shown) else to_e164(shown, tenant.region) or ""


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
