"""All tenants at one moment, indexed for the path of a call. Frozen: a call keeps the snapshot it began with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from callcontrol.tenants.model import Number, Tenant


@dataclass(frozen=True, slots=True)
class Tenants:
    """A consistent set of tenants: no number, domain or identifier belongs to two of them."""

    by_id: Mapping[str, Tenant]
    regions: tuple[str, ...]
    """Regions of the tenants, sorted, each once: what dialled numbers may have to be read in."""
    _numbers: Mapping[str, tuple[Tenant, Number]] = field(repr=False)
    _domains: Mapping[str, Tenant] = field(repr=False)

    @classmethod
    def of(cls, tenants: Iterable[Tenant]) -> Tenants:
        """Index ``tenants``; the caller has checked that they do not conflict."""
        by_id = {tenant.id: tenant for tenant in sorted(tenants, key=lambda tenant: tenant.id)}
        everybody = by_id.values()
        return cls(
            by_id=MappingProxyType(by_id),
            regions=tuple(sorted({tenant.region for tenant in everybody})),
            _numbers={e164: (tenant, number) for tenant in everybody for e164, number in tenant.numbers.items()},
            _domains={tenant.domain: tenant for tenant in everybody if tenant.domain},
        )

    def find_number(self, e164: str) -> tuple[Tenant, Number] | None:
        """The tenant and entry of a number in E.164; ``None`` when it is nobody's."""
        return self._numbers.get(e164)

    def find_domain(self, domain: str) -> Tenant | None:
        """The tenant whose extensions register with ``domain``, in any case of letters."""
        return self._domains.get(domain.lower())
