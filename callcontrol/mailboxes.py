"""Messages that callers left are mailed to the owner of the mailbox, and deleted from it where the tenant wants that.

FreeSWITCH keeps the messages and tells of each by an event; it mails nothing itself. Of several daemons the one that
steers the switch sends (callcontrol/rooms/lease.py). A mail server that does not answer is asked again for an hour;
then an error is logged and the message stays where it is, in the mailbox. A message left while no daemon was connected
is not mailed either. Tenant keys: `voicemail` of an extension (`email`, `delete_after_email`); file keys: `smtp`,
`voicemail`, `switch_voicemail`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import structlog
from gevent.event import Event as Signal
from gevent.lock import BoundedSemaphore

from callcontrol import greenlets
from callcontrol.config import Config, Smtp
from callcontrol.errors import SwitchError, UnsafeText
from callcontrol.mail import MailNotSent, send
from callcontrol.numbers import is_withheld, to_e164
from callcontrol.switch.events import Event
from callcontrol.switch.literals import number_literal, text_literal
from callcontrol.tenants import Extension, Tenant, Tenants

SUBCLASS = "vm::maintenance"
#: Seconds to wait before each further try: an hour in all.
PAUSES = (10.0, 30.0, 60.0, 300.0, 600.0, 1200.0, 1400.0)
#: Seconds a mail server may take for one: five minutes of speech are 6.5 MB in a mail.
SENDING = 120.0
AT_ONCE = 5  # mails under way; each is in the memory, several times
LARGEST = 20_000_000  # bytes of a recording that is mailed; five minutes have 4.8 million

_log = structlog.get_logger("callcontrol.mailboxes")

_SUBJECTS = {"de": "Neue Nachricht von {who}", "en": "New voice message from {who}", "fr": "Nouveau message de {who}"}
_UNKNOWN = {"de": "unbekannt", "en": "an unknown caller", "fr": "un appelant inconnu"}
_TEXTS = {
    "de": "Von: {who}\nFür: {extension} {name}\nAm: {when:%d.%m.%Y, %H:%M} ({zone})\nDauer: {seconds} s\n",
    "en": "From: {who}\nFor: {extension} {name}\nOn: {when:%Y-%m-%d, %H:%M} ({zone})\nLength: {seconds} s\n",
    "fr": "De : {who}\nPour : {extension} {name}\nLe : {when:%d/%m/%Y, %H:%M} ({zone})\nDurée : {seconds} s\n",
}
_FILES = {"de": "nachricht.wav", "en": "message.wav", "fr": "message.wav"}


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


@dataclass(frozen=True)
class Storage:
    """Where the recordings are: ``folder`` as this process sees it, ``seen_by_switch`` as FreeSWITCH does."""

    folder: Path
    seen_by_switch: str

    def read(self, path: str) -> bytes:
        """The recording. Raises OSError, also for what is not a file below the folder or is too large."""
        below = PurePosixPath(path).relative_to(self.seen_by_switch) if self._has(path) else None
        file = (self.folder / below).resolve() if below is not None else None
        if file is None or not file.is_relative_to(self.folder.resolve()):
            raise OSError(f"{path} is not in the folder of the mailboxes")
        if file.stat().st_size > LARGEST:
            raise OSError(f"{path} is larger than {LARGEST} bytes")
        return file.read_bytes()

    def _has(self, path: str) -> bool:
        return PurePosixPath(path).is_relative_to(self.seen_by_switch)


class MailboxPost:
    """Mails messages, each in a greenlet of its own until it is taken or the hour is over. ``pending``: how many."""

    def __init__(
        self,
        tenants: Callable[[], Tenants],
        smtp: Smtp | None,
        storage: Storage | None,
        *,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._tenants = tenants
        self._smtp = smtp
        self._storage = storage
        self._pauses = pauses
        self._stopping = Signal()
        self._under_way = BoundedSemaphore(AT_ONCE)
        self.pending = 0

    @classmethod
    def of(cls, config: Config, tenants: Callable[[], Tenants]) -> MailboxPost:
        """With the mail server and the folder of the daemon's file, if they are there."""
        folder = config.voicemail
        seen = config.switch_voicemail or (str(folder.absolute()) if folder is not None else "")
        return cls(tenants, config.smtp, Storage(folder, seen) if folder is not None else None)

    def take_event(self, switch: str, event: Event, api: Callable[[str], str]) -> None:
        """An event of the switch this daemon steers; ``api`` asks that switch. Never waits."""
        if event.get("Event-Subclass") != SUBCLASS or event.get("VM-Action") != "leave-message":
            return
        message = self._message(event)
        if message is None:
            return
        log = _log.bind(switch=switch, tenant=message.tenant.id, extension=message.extension.number, message=message.id)
        if self._smtp is None or self._storage is None:
            log.error("message not mailed", reason="smtp: or voicemail: is not in the daemon's file")
            return
        self.pending += 1
        greenlets.spawn("mail of a mailbox", self._deliver, message, self._smtp, self._storage, api, log)

    def stop(self) -> None:
        """Try no more; what was not taken stays in the mailboxes."""
        self._stopping.set()

    def _message(self, event: Event) -> Message | None:
        """What the event tells; None for a mailbox that no tenant has, or that is not mailed."""
        tenant = self._tenants().find_domain(event.get("VM-Domain"))
        extension = tenant.extensions.get(event.get("VM-User")) if tenant is not None else None
        mailbox = extension.voicemail if extension is not None else None
        if tenant is None or extension is None or mailbox is None or mailbox.email is None:
            return None
        return Message(
            id=event.get("VM-UUID"),
            tenant=tenant,
            extension=extension,
            address=mailbox.email,
            who=_caller(event, tenant),
            path=event.get("VM-File-Path"),
            seconds=_whole(event.get("VM-Message-Len")),
            left_at=datetime.fromtimestamp(_whole(event.get("VM-Timestamp")), UTC),
        )

    def _deliver(
        self,
        message: Message,
        smtp: Smtp,
        storage: Storage,
        api: Callable[[str], str],
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        try:
            if self._sent(message, smtp, storage, log):
                log.info("message mailed", seconds=message.seconds)
                _delete_where_wanted(message, api, log)
        finally:
            self.pending -= 1

    def _sent(self, message: Message, smtp: Smtp, storage: Storage, log: structlog.stdlib.BoundLogger) -> bool:
        """Send it, again and again; False after an error was logged.

        Read anew for each try: recordings of many messages would not fit into the memory for an hour, and one that was
        deleted meanwhile is not mailed any more.
        """
        for pause in (*self._pauses, None):
            try:
                with self._under_way:
                    written = mail(message, storage.read(message.path), sender=smtp.sender)
                    send(written, smtp, deadline=SENDING)
                return True
            except OSError as error:
                log.error("message not mailed", reason=str(error))
                return False
            except MailNotSent as error:
                if pause is None or self._stopping.is_set():
                    log.error("message not mailed", reason=str(error))
                    return False
                log.warning("message not mailed yet", reason=str(error), again_in_s=pause)
                self._stopping.wait(timeout=pause)
        return False


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


def _delete_where_wanted(message: Message, api: Callable[[str], str], log: structlog.stdlib.BoundLogger) -> None:
    mailbox = message.extension.voicemail
    if mailbox is None or not mailbox.delete_after_email:
        return
    try:
        account = f"{number_literal(message.extension.number)}@{text_literal(message.tenant.domain or '')}"
        api(f"vm_delete {account} {text_literal(message.id)}")
        log.info("message deleted, as it was mailed")
    except (SwitchError, UnsafeText) as error:
        log.error("message not deleted", reason=str(error))


def _caller(event: Event, tenant: Tenant) -> str:
    """Who spoke, for people: a colleague's name only of whom FreeSWITCH authenticated; empty when it is not known."""
    shown = event.get("VM-Caller-ID-Number")
    if event.get("variable_cc_door") == "extensions" and event.get("variable_domain_name").lower() == tenant.domain:
        colleague = tenant.extensions.get(event.get("variable_user_name"))
        return f"{colleague.number} {colleague.name}" if colleague is not None else ""
    return "" if is_withheld(shown) else to_e164(shown, tenant.region) or ""


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
