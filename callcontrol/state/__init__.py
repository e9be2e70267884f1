"""What must survive a restart and is shared by every daemon process: languages, wrong PINs, star codes, calls
out, the ledger.

    database = Database("sqlite:////var/lib/callcontrol/callcontrol.db")
    database.open()
    StateStore(database).language_of("acme", "+491712345678")

Nothing here holds a PIN, and nothing blocks the hub: each question runs in a thread and has a deadline.
"""

from callcontrol.state._schema import StateTooNew
from callcontrol.state._worker import StateUnavailable
from callcontrol.state.database import Database, sqlite_url
from callcontrol.state.legs import Leg, Legs
from callcontrol.state.store import StateStore

__all__ = ["Database", "Leg", "Legs", "StateStore", "StateTooNew", "StateUnavailable", "sqlite_url"]
