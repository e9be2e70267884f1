"""Where a key of a tenant stands: the model forgets it, so the file is read again when somebody asks.

places = Places.of(Path("tenants"), "acme", os.environ)
str(places.place(("extensions", "33", "forwarding", "active")))     # tenants/acme.yaml:58:7
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from callcontrol.tenants import _yaml
from callcontrol.tenants.document import Document, KeyPath
from callcontrol.tenants.folder import read_file, tenant_files


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, counted from 1, as editors understand it."""

    path: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class Places:
    """The places of one tenant's file, as it is now."""

    def __init__(self, path: Path, document: Document, values: Mapping[str, object]) -> None:
        self._path, self._document, self._values = path, document, values

    @classmethod
    def of(cls, folder: Path, tenant: str, environ: Mapping[str, str]) -> Places | None:
        """The file of ``folder`` that describes this tenant; None when none does. Raises OSError."""
        for path in tenant_files(folder):
            data = read_file(path)
            root = _yaml.parse(data)[0] if isinstance(data, bytes) else None
            document = Document(root) if root is not None else None
            values = document.values(environ) if document is not None else None
            if document is not None and isinstance(values, dict) and values.get("tenant") == tenant:
                return cls(path, document, values)
        return None

    def place(self, path: KeyPath) -> Place:
        """Where a key stands; its nearest parent when the file does not have it."""
        mark = self._document.key_mark(path)
        return Place(self._path, mark.line, mark.column)

    def written(self, section: str) -> tuple[str, ...]:
        """The keys of a section as the file writes them: numbers as people group them."""
        found = self._values.get(section)
        return tuple(map(str, found)) if isinstance(found, dict) else ()
