"""Tenant files for tests: text in, the tenant or its problems out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from callcontrol.tenants import Tenant
from callcontrol.tenants.loader import load_tenant

FILE = Path("tenants/acme.yaml")
TAIL = "tenant: acme\nregion: DE\n"  # at the end, so that lines count from the first one of a test


def problems(text: str, environ: Mapping[str, str] | None = None, *, tail: str = TAIL) -> list[str]:
    """Every problem as ``line:column: message (hint)``; ``tail`` completes the file."""
    loaded = load_tenant(FILE, (dedent(text).lstrip("\n") + tail).encode(), environ or {})
    return [str(problem).removeprefix(f"{FILE}:") for problem in loaded.problems]


def tenant(text: str, environ: Mapping[str, str] | None = None, *, tail: str = TAIL) -> Tenant:
    """The tenant of a file that must have no fault."""
    loaded = load_tenant(FILE, (dedent(text).lstrip("\n") + tail).encode(), environ or {})
    assert loaded.problems == ()
    assert loaded.tenant is not None
    return loaded.tenant
