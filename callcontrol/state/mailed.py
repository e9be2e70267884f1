"""Which messages of mailboxes have been mailed, so that none is forgotten over a restart and none is mailed twice."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from callcontrol.state._schema import mailed_messages, put
from callcontrol.state.database import Database

#: Seconds it is remembered that a message was mailed. Older messages are not looked for any more.
KEPT = 8 * 86400.0
_MOST_KEYS = 500  # values in one IN (...): SQLite took 999 at most before 3.32


class MailedMessages:
    """The table, shared by all daemons that name the same database. Every method raises StateUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, message: str, now: float) -> None:
        """This message was mailed at ``now`` (UTC epoch seconds)."""
        row = {"message": message, "forget_at": now + KEPT}
        self._database.write(lambda connection: put(connection, mailed_messages, row))

    def among(self, messages: Collection[str]) -> set[str]:
        """Those of these messages that were mailed."""
        wanted = list(messages)
        portions = [wanted[first : first + _MOST_KEYS] for first in range(0, len(wanted), _MOST_KEYS)]
        return self._database.read(lambda connection: {one for keys in portions for one in _known(connection, keys)})


def _known(connection: Connection, keys: Sequence[str]) -> Sequence[str]:
    query = select(mailed_messages.c.message).where(mailed_messages.c.message.in_(keys))
    return connection.execute(query).scalars().all()
