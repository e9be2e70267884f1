"""What two tenant files may not share: an identifier, a SIP domain, a telephone number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from callcontrol.tenants._yaml import Mark
from callcontrol.tenants.document import Document
from callcontrol.tenants.model import Tenant
from callcontrol.tenants.problem import Problem


class Claimant(Protocol):
    """A loaded file with what it claims, such as ``number +49308630``, and where."""

    @property
    def path(self) -> Path: ...
    @property
    def claims(self) -> Mapping[str, Mark]: ...


def claims_of(tenant: Tenant, document: Document, e164: Mapping[str, str]) -> Mapping[str, Mark]:
    """Everything of a tenant that belongs to one tenant only, with its place in the file."""
    claims = {f"tenant {tenant.id!r}": document.value_mark(("tenant",))}
    if tenant.domain:
        claims[f"domain {tenant.domain}"] = document.value_mark(("domain",))
    for text, number in e164.items():
        claims[f"number {number}"] = document.key_mark(("numbers", text))
    return MappingProxyType(claims)


def conflicts(newcomer: Claimant, others: Iterable[Claimant]) -> Iterator[Problem]:
    """Problems of ``newcomer``: each names the file and line that has the thing already."""
    for other in others:
        for claim in newcomer.claims.keys() & other.claims.keys():
            mine, theirs = newcomer.claims[claim], other.claims[claim]
            hint = f"by {other.path}:{theirs.line}:{theirs.column}"
            yield Problem(newcomer.path, mine.line, mine.column, f"{claim} is claimed already", hint)
