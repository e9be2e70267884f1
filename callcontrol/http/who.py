"""The page about an office: GET /who/TENANT shows its extensions, their telephones and their calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from callcontrol.http.rooms import NotThere
from callcontrol.http.wire import Reply, as_json

WHO = "/who/"


class Office(Protocol):
    """What the page asks."""

    def who(self, tenant: str) -> dict[str, Any]:
        """The extensions of a tenant, ready for JSON. Raises NotThere."""


def who_page(office: Office, environ: Mapping[str, Any]) -> Reply:
    """The extensions of the tenant the path names."""
    try:
        return as_json(200, office.who(environ["PATH_INFO"].removeprefix(WHO)))
    except NotThere as error:
        return as_json(404, {"error": str(error)})
