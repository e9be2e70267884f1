"""The token that opens the operator's window: a file in the state folder, for its owner only."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from callcontrol.errors import CallControlError

TOKEN_FILE = "http-token"


def http_token(folder: Path) -> str:
    """The token for /status and /rooms from the state folder; both are made when missing. Raises as read_token."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / TOKEN_FILE).exists():
        _make_token(folder / TOKEN_FILE)
    return read_token(folder)


def read_token(folder: Path) -> str:
    """The token a daemon with this state folder has made.

    Raises OSError when there is none or we may not read it, CallControlError when others may read it too.
    """
    path = folder / TOKEN_FILE
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), encoding="ascii") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise CallControlError(f"{path} must be for its owner only (chmod 600 {path})")
        token = file.read().strip()
    if len(token) < 32:
        raise CallControlError(
            f"{path} holds no token of 32 characters or more (delete it: the daemon makes a new one)"
        )
    return token


def _make_token(path: Path) -> None:
    """Write a new token and give it its name in one step: two daemons that start together agree on one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="ascii"
    ) as file:
        file.write(secrets.token_urlsafe(32))
    try:
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
