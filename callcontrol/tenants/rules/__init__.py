"""What must hold between the parts of one tenant file. Pure: a draft in, findings out.

Rules between files are in ``conflicts.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

from callcontrol.tenants.draft import Draft, Finding
from callcontrol.tenants.rules import extensions, keys, numbers, pins, rooms, tariff

RULES = (*numbers.RULES, *rooms.RULES, *pins.RULES, *extensions.RULES, *keys.RULES, *tariff.RULES)


def findings(draft: Draft) -> Iterator[Finding]:
    """Every broken rule of a tenant file, in no particular order."""
    for rule in RULES:
        yield from rule(draft)
