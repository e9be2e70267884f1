"""The desk of a tenant's office: what an extension has set now, and what a star code changes about it.

The tenant file with what star codes stored over it, for flows and commands. When a saved file replaces what star codes
set, one line of the log says so and the stored values are dropped, so that they do not come back with the next edit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from callcontrol.forwarding import Called, Settings
from callcontrol.forwarding.effects import Done, Refused, Setting, apply
from callcontrol.forwarding.overlay import overlay, to_store, without
from callcontrol.state import StateUnavailable
from callcontrol.state.settings import NOTHING, SettingsStore, Stored
from callcontrol.tenants import Tenant, Tenants

_log = structlog.get_logger("callcontrol.desk")


class Desk:
    """Settings of all extensions. ``now``: UTC epoch seconds.

    While the database does not answer, what was last seen of an extension counts; of one never seen, the file.
    """

    def __init__(self, store: SettingsStore, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._seen: dict[tuple[str, str], Stored] = {}

    def settings(self, called: Called) -> Settings:
        """What ``called`` has set, now. Never fails."""
        key = (called.tenant.id, called.extension.number)
        try:
            stored = self._store.of(*key)
        except StateUnavailable:
            stored = self._seen.get(key, NOTHING)
        else:
            self._remember(key, stored)
        return overlay(called.extension, stored).settings

    def settings_of_all(self, tenant: Tenant) -> Mapping[str, Settings]:
        """What every extension of a tenant has set, by its number. Asks the store once, and never fails."""
        try:
            stored = self._store.everybody()
        except StateUnavailable:
            stored = self._seen
        return {
            number: overlay(extension, stored.get((tenant.id, number), NOTHING)).settings
            for number, extension in tenant.extensions.items()
        }

    def dial(self, code: Setting, called: Called) -> Done | Refused:
        """Carry out a star code that ``called`` dialled. Raises StateUnavailable: then nobody knows if it was kept."""

        def change(before: Stored) -> tuple[Stored, tuple[Stored, Done | Refused]]:
            over = overlay(called.extension, before)
            made = apply(code, over.settings, called)
            after = before
            if isinstance(made, Done) and made.wrote:
                after = to_store(over.counts, made.settings, made.wrote, called.extension, self._now())
            return after, (after, made)

        key = (called.tenant.id, called.extension.number)
        stored, made = self._store.change(*key, change)
        self._remember(key, stored)
        return made

    def tenants_changed(self, tenants: Tenants) -> None:
        """Drop what the files replace, or whose extension is gone, and say so in the log."""
        try:
            everybody = self._store.everybody()
            for (tenant, extension), stored in everybody.items():
                self._compare(tenants, tenant, extension, stored)
        except StateUnavailable:
            return  # a replaced value does not count even so; it is dropped at the next change or start

    def _compare(self, tenants: Tenants, tenant: str, extension: str, stored: Stored) -> None:
        owner = tenants.by_id.get(tenant)
        entry = owner.extensions.get(extension) if owner is not None else None
        if owner is None:
            return  # its file may be faulty, or come back
        if entry is None:
            self._store.change(tenant, extension, lambda _: (NOTHING, None))
            _log.info("star codes forgotten: the tenant file has no such extension", tenant=tenant, extension=extension)
            return
        replaced = overlay(entry, stored).replaced
        if replaced:
            self._store.change(tenant, extension, lambda now: (without(now, overlay(entry, now).replaced), None))
            _log.info(
                "the tenant file replaces what star codes set",
                tenant=tenant,
                extension=extension,
                replaced=", ".join(replaced),
            )

    def _remember(self, key: tuple[str, str], stored: Stored) -> None:
        if stored.empty:
            self._seen.pop(key, None)
        else:
            self._seen[key] = stored
