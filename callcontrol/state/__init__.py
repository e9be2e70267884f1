"""What must survive a restart and is shared by every daemon process: languages chosen, wrong PINs.

    state = StateStore("sqlite:////var/lib/callcontrol/callcontrol.db")
    state.open()
    state.language_of("acme", "+491712345678")

The store never holds a PIN, and it never blocks the hub: each query runs in a thread and has a deadline.
"""

from callcontrol.state._schema import StateTooNew
from callcontrol.state.store import StateStore, sqlite_url

__all__ = ["StateStore", "StateTooNew", "sqlite_url"]
