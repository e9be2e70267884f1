"""Which selective rule is about a caller: the most special one, wherever it stands in the file.

An extension is more special than a number, a longer number than a shorter one, and so on: extension, longest number
prefix, internal, anonymous. A caller from outside is never an extension, whatever number the call shows.
"""

from __future__ import annotations

from collections.abc import Sequence

from callcontrol.forwarding.values import Caller
from callcontrol.tenants import Selective, Source

_RANK = {"extension": 3, "number": 2, "internal": 1, "anonymous": 0}


def matches(source: Source, caller: Caller) -> bool:
    """Whether a rule with this ``from`` is about the caller."""
    match source.kind:
        case "extension":
            return caller.extension == source.value
        case "internal":
            return bool(caller.extension)
        case "anonymous":
            return caller.withheld
        case "number":
            return bool(caller.number) and caller.number.startswith(source.value)


def choose(rules: Sequence[Selective], caller: Caller) -> tuple[int, Selective] | None:
    """The rule that is about the caller and its place in the list, from 0; None when none is."""
    found = [(place, rule) for place, rule in enumerate(rules) if matches(rule.source, caller)]
    return max(found, key=_special, default=None)


def _special(found: tuple[int, Selective]) -> tuple[int, int]:
    source = found[1].source
    return _RANK[source.kind], len(source.value)
