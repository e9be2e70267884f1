"""The ledger: what each call cost in time, written while it happens and settled by the switch's own records.

`account` is what stands on a channel, `cdr` reads a record of the switch, `books` writes, `spool` reads the folder of
records. Rows and what changes them are in callcontrol/state/leg.py. Read it is by statements of what was used and what
it costs, and by the history of meetings.
"""
