"""What mod_voicemail is told when a call goes to a mailbox: its argument and the variables on the channel. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from callcontrol.switch.literals import number_literal, text_literal


@dataclass(frozen=True)
class Mailbox:
    """The mailbox of an extension, to speak into, or to listen to as its ``owner``, who is asked for nothing any more.

    ``shown``: who called, as the mailbox is to keep it instead of number and name of the call; empty: these.
    """

    domain: str
    extension: str
    owner: bool = False
    shown: str = ""

    @property
    def argument(self) -> str:
        """For the application ``voicemail``. Raises UnsafeText."""
        box = f"default {text_literal(self.domain)} {number_literal(self.extension)}"
        return f"check {box}" if self.owner else box

    def variables(self, language: str) -> dict[str, str]:
        """``language``: of the phrases, which are those of freeswitch-conf/callcontrol/mailbox.xml."""
        told = {"default_language": language, "voicemail_authorized": "true" if self.owner else "false"}
        told |= {"vm_announce_cid": "true"} if self.owner else {"skip_record_urgent_check": "true"}
        kept = ("effective_caller_id_number", "effective_caller_id_name")  # the name is in the recording, too
        return told | (dict.fromkeys(kept, self.shown) if self.shown else {})
