"""One tenant file: bytes in; a tenant, or every fault at once with its place, out. Opens no file and raises nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from callcontrol.tenants import _yaml, conflicts
from callcontrol.tenants._yaml import Fault, Mark, Node
from callcontrol.tenants.document import Document
from callcontrol.tenants.draft import Draft, Finding, reading_of
from callcontrol.tenants.faults import model_faults
from callcontrol.tenants.fields import Model
from callcontrol.tenants.model import Tenant, TenantFile
from callcontrol.tenants.problem import Problem
from callcontrol.tenants.rules import findings
from callcontrol.tenants.spelling import correct

MAX_FINDINGS = 500  # broken rules of one file; each may look for the word that was meant
MAX_TEXT = 400  # characters of one message

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file turned out to be: a tenant and the places of what it claims, or problems."""

    path: Path
    tenant: Tenant | None
    problems: tuple[Problem, ...] = ()
    claims: Mapping[str, Mark] = field(default_factory=dict)


def load_tenant(path: Path, data: bytes, environ: Mapping[str, str]) -> Loaded:
    """Read one tenant file. ``path`` is only for the problems; ``environ`` fills ``${NAME}``."""
    root, faults = _yaml.parse(data)
    if root is None:
        return Loaded(path, None, problems_of(path, faults or [Fault(Mark(1, 1), "the file is empty")]))
    document = Document(root)
    raw, file, misfits = read_model(document, TenantFile, environ, reading_of)
    draft = Draft(document, raw)
    broken = (_placed(finding, document) for finding in islice(findings(draft), MAX_FINDINGS))
    problems = problems_of(path, [*faults, *misfits, *broken])
    if file is None or problems:
        return Loaded(path, None, problems)
    tenant = Tenant.from_file(file, draft.e164)
    return Loaded(path, tenant, claims=conflicts.claims_of(tenant, document, draft.e164))


def read_model(
    document: Document, model: type[M], environ: Mapping[str, str], context: Callable[[Any], object]
) -> tuple[Any, M | None, list[Fault]]:
    """A parsed file as plain values, as ``model`` (``None`` when it does not fit), and its faults.

    context: from the plain values what the model's validators are given.
    """
    faults = [*correct(document.root, model), *_changed_keys(document.root)]
    raw = document.values(environ)
    try:
        value = model.model_validate(raw, context=context(raw))
    except ValidationError as error:
        return raw, None, [*document.faults, *faults, *model_faults(error, document)]
    return raw, value, [*document.faults, *faults]


def problems_of(path: Path, faults: Iterable[Fault]) -> tuple[Problem, ...]:
    """The faults of one file, each once, in the order of the file."""
    return tuple(
        sorted({Problem(path, f.mark.line, f.mark.column, _visible(f.message), _visible(f.hint)) for f in faults})
    )


def _visible(text: str) -> str:
    """``text`` for a terminal and a log: what a file says may hold line breaks and escape sequences."""
    short = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in short)


def _changed_keys(node: Node) -> Iterator[Fault]:
    """Keys of unquoted digits that other YAML readers change: 0123 would become 83."""
    if isinstance(node, _yaml.Mapping):
        for key, entry in node.entries.items():
            if entry.ambiguous:
                yield Fault(
                    entry.mark, f"key {key[:40]}: unquoted digits are a number to YAML", f'quote it: "{key[:40]}"'
                )
            yield from _changed_keys(entry.node)
    elif isinstance(node, _yaml.Sequence):
        for item in node.items:
            yield from _changed_keys(item)


def _placed(finding: Finding, document: Document) -> Fault:
    mark = document.key_mark(finding.path) if finding.at_key else document.value_mark(finding.path)
    return Fault(mark, finding.message, finding.hint)
