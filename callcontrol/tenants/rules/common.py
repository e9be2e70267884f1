"""What several rules need."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from callcontrol.tenants.document import KeyPath
from callcontrol.tenants.draft import Draft, Finding
from callcontrol.tenants.fields import Target
from callcontrol.tenants.spelling import suggestion


def unknown(path: KeyPath, kind: str, name: str, known: Collection[str]) -> Finding:
    """Something is named that the file does not describe."""
    return Finding(path, f"unknown {kind} {name!r}", suggestion(name, known) if known else f"there are no {kind}s")


def reaches(draft: Draft, path: KeyPath, target: Target) -> Iterator[Finding]:
    """A call can be sent to ``target``: the extension exists, and for outside numbers there is a trunk."""
    if target.kind == "extension" and target.value not in draft.extensions:
        yield unknown(path, "extension", target.value, draft.extensions)
    if target.kind == "number" and not draft.has("trunk"):
        yield Finding(path, "nobody outside can be called without a trunk", "add trunk: with the gateway's name")
