"""Questions that are asked of FreeSWITCH in more than one place, over a link or over the socket of one call.

``api`` sends an API command and returns the answer; what it raises is raised here too.
"""

from __future__ import annotations

from collections.abc import Callable

from callcontrol.switch.literals import number_literal, text_literal


def call_exists(api: Callable[[str], str], call: str) -> bool:
    """Whether the switch has this call, ringing or answered; it is known by its uuid.

    One that is hung up is there no longer, though FreeSWITCH may keep it for a while (switch_core_rwlock.c:89).
    """
    return api(f"uuid_exists {text_literal(call)}") == "true"


def contacts_of(api: Callable[[str], str], extension: str, domain: str) -> str:
    """Where the telephones of an extension are registered, as FreeSWITCH and they wrote it: see outgoing.telephones."""
    return api(f"sofia_contact extensions/{number_literal(extension)}@{text_literal(domain)}")
