"""Tenant files for tests: text in, the tenant or its problems out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from callcontrol.tenants import Tenant
from callcontrol.tenants.loader import load_tenant

FILE = Path("tenants/acme.yaml")
HEAD = "tenant: acme\nregion: DE\n"


def problems(text: str, environ: Mapping[str, str] | None = None, *, head: str = HEAD) -> list[str]:
    """Every problem as ``line:column: message (hint)``; lines count from the first one of ``text``."""
    loaded = load_tenant(FILE, (head + dedent(text).lstrip("\n")).encode(), environ or {})
    above = head.count("\n")
    return [str(problem).replace(f"{FILE}:{problem.line}:", f"{problem.line - above}:") for problem in loaded.problems]


def tenant(text: str, environ: Mapping[str, str] | None = None, *, head: str = HEAD) -> Tenant:
    """The tenant of a file that must have no fault."""
    loaded = load_tenant(FILE, (head + dedent(text).lstrip("\n")).encode(), environ or {})
    assert loaded.problems == ()
    assert loaded.tenant is not None
    return loaded.tenant
