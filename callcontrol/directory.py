"""Writes FreeSWITCH's user directory: one XML file per tenant, with the accounts its telephones register with.

Only digests are written, never a password, and never an account without one; the PIN of a mailbox is not written at
all, as callcontrol asks for it itself. FreeSWITCH pastes these files into its
configuration line by line before it parses XML, with commands of its own (``$${...}``, ``<!--#exec``, X-PRE-PROCESS);
therefore every value is written with all but letters and digits as character references.

Tenant keys: ``tenant``, ``domain``, ``extensions`` (number, name, password, voicemail). Read by the profile
``extensions`` of freeswitch-conf; the variables below are then on the channel of every authenticated call.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from callcontrol.errors import UnsafeText
from callcontrol.tenants import Extension, Tenant, Tenants

_PREFIX: Final = "callcontrol-"  # only files of this name are ever removed: the folder may hold the operator's own
_TENANT: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_USER: Final = re.compile(r"[0-9]{2,6}")
_DOMAIN: Final = re.compile(r"[a-z0-9.-]{1,253}")
# The registered telephone; who wants all telephones of an extension asks the API sofia_contact. No ${api(...)} in it:
# freeswitch-conf switches those off.
_MAILBOX_SECONDS: Final = 3600  # of all messages in a mailbox together
_DIAL_STRING: Final = "{presence_id=${dialed_user}@${dialed_domain}}sofia/extensions/${dialed_user}%${dialed_domain}"


def directory_files(tenants: Tenants) -> dict[str, str]:
    """File name -> XML for every tenant with a domain and extensions.

    Raises UnsafeText when a name is none, or a password empty: the loader has refused both, so nothing may be written.
    """
    return {
        f"{_PREFIX}{_checked(_TENANT, tenant.id)}.xml": _domain(tenant, tenant.domain)
        for tenant in tenants.by_id.values()
        if tenant.domain and tenant.extensions
    }


def write_directory(folder: Path, tenants: Tenants) -> bool:
    """Bring ``folder`` up to date, each file at once; True when something changed and FreeSWITCH needs ``reloadxml``.

    The files are for their owner only, unless the operator made the folder readable for its group (FreeSWITCH's).
    """
    wanted = directory_files(tenants)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = 0o600 | (folder.stat().st_mode & 0o040)
    changed = False
    for stale in folder.glob(f"{_PREFIX}*.xml"):
        if stale.name not in wanted:
            stale.unlink()
            changed = True
    for name, text in wanted.items():
        changed |= _write(folder / name, text, mode)
    return changed


def _write(path: Path, text: str, mode: int) -> bool:
    data = text.encode("utf-8")
    try:
        if path.read_bytes() == data and path.stat().st_mode & 0o777 == mode:
            return False
    except FileNotFoundError:
        pass
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # FreeSWITCH includes *.xml only
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return True


def _domain(tenant: Tenant, domain: str) -> str:
    lines = [
        "<include>",
        f'<domain name="{_escaped(_checked(_DOMAIN, domain))}">',
        "<params>",
        f'<param name="dial-string" value="{_escaped(_DIAL_STRING)}"/>',
        "</params>",
        "<variables>",
        f'<variable name="user_context" value="{_escaped("extensions")}"/>',
        f'<variable name="cc_tenant" value="{_escaped(tenant.id)}"/>',
        "</variables>",
        "<users>",
        *(line for extension in tenant.extensions.values() for line in _user(extension, domain)),
        "</users>",
        "</domain>",
        "</include>",
    ]
    return "\n".join(lines) + "\n"


def _user(extension: Extension, domain: str) -> Iterator[str]:
    user = _checked(_USER, extension.number)
    yield f'<user id="{_escaped(user)}">'
    yield "<params>"  # a user without params would be let in with any password (sofia_reg.c)
    yield f'<param name="a1-hash" value="{_a1_hash(user, domain, extension.password.get_secret_value())}"/>'
    yield from _mailbox(extension)
    yield "</params>"
    yield "<variables>"
    yield f'<variable name="presence_id" value="{_escaped(f"{user}@{domain}")}"/>'
    yield f'<variable name="effective_caller_id_number" value="{_escaped(user)}"/>'
    yield f'<variable name="effective_caller_id_name" value="{_escaped(_shown(extension.name))}"/>'
    yield "</variables>"
    yield "</user>"


def _mailbox(extension: Extension) -> Iterator[str]:
    """What mod_voicemail is to know: no vm-password and no vm-mailto, as callcontrol recognises people, and mails."""
    yield f'<param name="vm-enabled" value="{str(extension.voicemail is not None).lower()}"/>'
    if extension.voicemail is not None:
        yield f'<param name="vm-disk-quota" value="{_MAILBOX_SECONDS}"/>'


def _a1_hash(user: str, domain: str, password: str) -> str:
    """HA1 of RFC 2617, what digest authentication needs instead of the password; the realm is the domain."""
    if not password:
        raise UnsafeText(f"extension {user} of {domain} has no password")
    return hashlib.md5(f"{user}:{domain}:{password}".encode(), usedforsecurity=False).hexdigest()


def _shown(name: str) -> str:
    """A display name without what FreeSWITCH or SIP could take for syntax."""
    return "".join(character for character in name if character.isalnum() or character in " .,-()&/+").strip()


def _checked(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise UnsafeText(f"{text!r} cannot stand in FreeSWITCH's directory")
    return text


def _escaped(text: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else f"&#{ord(c)};" for c in text)
