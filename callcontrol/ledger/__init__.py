"""The ledger read: statements of what was used and what it costs, and the history of meetings."""
