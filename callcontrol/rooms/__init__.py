"""Conference rooms: who may enter (``admission``, pure) and who is in them (``registry``, a view of the switch)."""
