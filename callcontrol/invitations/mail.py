"""The mail that brings an invitation: its headers and parts. Pure.

Headers are made by Python's email package from whole addresses and texts, which it refuses with a line break in them;
what a tenant is called cannot become a header.
"""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from callcontrol.invitations.calendar import METHOD
from callcontrol.invitations.invitation import Invitation


def mail(invitation: Invitation, entry: bytes | None, *, sender: str, recipient: str, now: datetime) -> EmailMessage:
    """A mail with the text and, when there is one, the calendar entry as an attachment."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(display_name=invitation.tenant.name, addr_spec=sender)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = invitation.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer by a machine, please
    message.set_content(invitation.text())
    if entry is not None:
        message.add_attachment(
            entry,
            maintype="text",
            subtype="calendar",
            filename=f"{invitation.room.name}.ics",
            params={"charset": "utf-8", "method": METHOD},
        )
    message["Content-Language"] = invitation.language  # last: content moves such headers into its parts
    return message
