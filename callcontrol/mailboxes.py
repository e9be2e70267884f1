"""Messages that callers left are mailed to the owner of the mailbox, and deleted from it where the tenant wants that.

FreeSWITCH keeps the messages and tells of each by an event; it mails nothing itself. Of several daemons the one that
steers the switch sends (callcontrol/rooms/lease.py). When it begins to steer, it looks for new messages of the last
days that were not mailed: they were left while no daemon was there, or waited for the mail server when one ended. A
mail server that does not answer is asked again for an hour; then an error is logged and the message stays where it is,
in the mailbox. Tenant keys: `voicemail` of an extension (`email`, `delete_after_email`); file keys: `smtp`,
`voicemail`, `switch_voicemail`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import structlog
from gevent.event import Event as Signal
from gevent.lock import BoundedSemaphore

from callcontrol import greenlets
from callcontrol.config import Config, Smtp
from callcontrol.errors import SwitchError, SwitchRefused, UnsafeText
from callcontrol.mail import MailNotSent, send
from callcontrol.messages import Message, mail, message_of, new_messages
from callcontrol.state import StateUnavailable
from callcontrol.state.mailed import KEPT, MailedMessages
from callcontrol.switch.events import Event
from callcontrol.switch.literals import number_literal, text_literal
from callcontrol.tenants import Extension, Tenant, Tenants

#: Seconds to wait before each further try: an hour in all.
PAUSES = (10.0, 30.0, 60.0, 300.0, 600.0, 1200.0, 1400.0)
#: Seconds a mail server may take for one: five minutes of speech are 6.5 MB in a mail.
SENDING = 120.0
AT_ONCE = 5  # mails under way; each is in the memory, several times
LARGEST = 20_000_000  # bytes of a recording that is mailed; five minutes have 4.8 million
#: Seconds a message may be old and is still mailed. What was mailed is remembered for longer.
LOOKED_BACK = KEPT - 86400.0

_log = structlog.get_logger("callcontrol.mailboxes")


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
    """Mails messages, each in a greenlet of its own until it is taken or the hour is over. ``now``: epoch seconds."""

    def __init__(
        self,
        tenants: Callable[[], Tenants],
        smtp: Smtp | None,
        storage: Storage | None,
        mailed: MailedMessages,
        now: Callable[[], float],
        *,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._tenants = tenants
        self._smtp = smtp
        self._storage = storage
        self._mailed = mailed
        self._now = now
        self._pauses = pauses
        self._stopping = Signal()
        self._under_way = BoundedSemaphore(AT_ONCE)
        self._waiting: set[str] = set()

    @classmethod
    def of(
        cls, config: Config, tenants: Callable[[], Tenants], mailed: MailedMessages, now: Callable[[], float]
    ) -> MailboxPost:
        """With the mail server and the folder of the daemon's file, if they are there."""
        folder = config.voicemail
        seen = config.switch_voicemail or (str(folder.absolute()) if folder is not None else "")
        return cls(tenants, config.smtp, Storage(folder, seen) if folder is not None else None, mailed, now)

    @property
    def pending(self) -> int:
        """How many messages wait for the mail server, or are being sent."""
        return len(self._waiting)

    def take_event(self, switch: str, event: Event, api: Callable[[str], str]) -> None:
        """An event of the switch this daemon steers; ``api`` asks that switch. Never waits."""
        message = message_of(event, self._tenants())
        if message is None:
            return
        if self._smtp is None or self._storage is None:
            _of(message, switch).error("message not mailed", reason="smtp: or voicemail: is not in the daemon's file")
            return
        self._begin(message, self._smtp, self._storage, switch, api)

    def catch_up(self, switch: str, api: Callable[[str], str]) -> None:
        """Mail what was left on this switch and not mailed. Never waits."""
        if self._smtp is not None and self._storage is not None:
            greenlets.spawn("earlier messages", self._catch_up, self._smtp, self._storage, switch, api)

    def stop(self) -> None:
        """Try no more; what was not taken stays in the mailboxes."""
        self._stopping.set()

    def _catch_up(self, smtp: Smtp, storage: Storage, switch: str, api: Callable[[str], str]) -> None:
        try:
            for message in self._unmailed(api):
                self._begin(message, smtp, storage, switch, api)
        except (SwitchError, StateUnavailable) as error:
            _log.warning("cannot look for earlier messages", switch=switch, reason=str(error))

    def _unmailed(self, api: Callable[[str], str]) -> Iterator[Message]:
        """New messages of the last days, of each mailbox that is mailed. Raises SwitchError, StateUnavailable."""
        for tenant in self._tenants().by_id.values():
            for extension in tenant.extensions.values():
                if extension.voicemail is not None and extension.voicemail.email is not None:
                    listed = list(new_messages(_listed(api, tenant, extension), tenant, extension))
                    lately = [one for one in listed if one.left_at.timestamp() > self._now() - LOOKED_BACK]
                    mailed = self._mailed.among([one.id for one in lately]) if lately else set()
                    yield from (one for one in lately if one.id not in mailed)

    def _begin(self, message: Message, smtp: Smtp, storage: Storage, switch: str, api: Callable[[str], str]) -> None:
        if message.id not in self._waiting:
            self._waiting.add(message.id)
            log = _of(message, switch)
            greenlets.spawn("mail of a mailbox", self._deliver, message, smtp, storage, api, log)

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
                self._note(message, log)
                _delete_where_wanted(message, api, log)
        finally:
            self._waiting.discard(message.id)

    def _note(self, message: Message, log: structlog.stdlib.BoundLogger) -> None:
        try:
            self._mailed.add(message.id, self._now())
        except StateUnavailable as error:
            log.warning("it is not noted that the message was mailed", reason=str(error))

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


def _of(message: Message, switch: str) -> structlog.stdlib.BoundLogger:
    where = {"tenant": message.tenant.id, "extension": message.extension.number, "message": message.id}
    log: structlog.stdlib.BoundLogger = _log.bind(switch=switch, **where)
    return log


def _account(tenant: Tenant, extension: Extension) -> str:
    """Raises UnsafeText."""
    return f"{number_literal(extension.number)}@{text_literal(tenant.domain or '')}"


def _listed(api: Callable[[str], str], tenant: Tenant, extension: Extension) -> str:
    """The messages of a mailbox, as the switch lists them; a mailbox without any is refused (``-ERR no reply``)."""
    try:
        return api(f"vm_list {_account(tenant, extension)}")
    except (SwitchRefused, UnsafeText):
        return ""


def _delete_where_wanted(message: Message, api: Callable[[str], str], log: structlog.stdlib.BoundLogger) -> None:
    mailbox = message.extension.voicemail
    if mailbox is None or not mailbox.delete_after_email:
        return
    try:
        api(f"vm_delete {_account(message.tenant, message.extension)} {text_literal(message.id)}")
        log.info("message deleted, as it was mailed")
    except (SwitchError, UnsafeText) as error:
        log.error("message not deleted", reason=str(error))
