"""What star codes set: kept, laid over the tenant file, and given up when the file changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callcontrol.desk import Desk
from callcontrol.forwarding import Called, Settings
from callcontrol.forwarding.effects import Done, Refused, Setting
from callcontrol.forwarding.overlay import marks_of, overlay
from callcontrol.forwarding.starcodes import read
from callcontrol.forwarding.targets import Objection
from callcontrol.state import Database, StateUnavailable, sqlite_url
from callcontrol.state.settings import NOTHING, SettingsStore, Stored
from callcontrol.tenants import Extension, Target, Tenant, Tenants
from tests.patience import PATIENCE
from tests.test_forwarding_decide import called, office

NOW = 1_795_000_000.0


@pytest.fixture
def store(url: str) -> Iterator[SettingsStore]:
    database = Database(url)
    database.open()
    store = SettingsStore(database)
    yield store
    for tenant, extension in store.everybody():
        store.change(tenant, extension, lambda _: (NOTHING, None))
    database.close()


@pytest.fixture
def desk(store: SettingsStore) -> Desk:
    return Desk(store, lambda: NOW)


def dial(desk: Desk, dialled: str, who: Called) -> Done | Refused:
    code = read(dialled)
    assert isinstance(code, Setting)
    return desk.dial(code, who)


def always(settings: Settings) -> str:
    return str(settings.profile.always)


def test_a_code_survives_the_daemon(url: str, desk: Desk) -> None:
    who = called(office())
    assert isinstance(dial(desk, "*1134", who), Done)
    assert isinstance(dial(desk, "*1235", who), Done)
    assert isinstance(dial(desk, "*15", who), Done)
    database = Database(url)
    found = Desk(SettingsStore(database), lambda: NOW).settings(who)
    database.close()
    assert (always(found), found.do_not_disturb, found.active) == ("34", True, 0)
    assert found.profile.no_answer is not None
    assert (found.profile.no_answer.to, found.profile.no_answer.after) == (Target("extension", "35"), 20)
    assert found.stars == {"active", "rules", "do_not_disturb"}


def test_other_extensions_keep_what_they_have(desk: Desk) -> None:
    here = office()
    dial(desk, "*1134", called(here))
    assert desk.settings(called(here, "34")) == Settings.of(here.extensions["34"])


def test_all_extensions_of_a_tenant_at_once(desk: Desk) -> None:
    here = office()
    dial(desk, "*15", called(here))
    everybody = desk.settings_of_all(here)
    assert set(everybody) == set(here.extensions)
    assert everybody == {number: desk.settings(called(here, number)) for number in here.extensions}


def test_a_refused_code_leaves_nothing_behind(desk: Desk, store: SettingsStore) -> None:
    assert dial(desk, "*11112", called(office())) == Refused(Objection.EMERGENCY)
    assert store.everybody() == {}


def test_hearing_the_status_changes_nothing(desk: Desk, store: SettingsStore) -> None:
    assert isinstance(dial(desk, "*10", called(office())), Done)
    assert store.everybody() == {}


def test_two_codes_at_the_same_moment_are_both_kept(url: str, store: SettingsStore) -> None:
    who = called(office())
    together = threading.Barrier(4)

    def one(dialled: str) -> None:
        database = Database(url)
        together.wait(PATIENCE)
        dial(Desk(SettingsStore(database), lambda: NOW), dialled, who)
        database.close()

    threads = [threading.Thread(target=one, args=(dialled,)) for dialled in ("*1134", "*1235", "*1336", "*15")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    found = overlay(who.extension, store.of("acme", "33")).settings
    assert set(found.profile.targets) == {"always", "no_answer", "busy"}
    assert found.do_not_disturb


def test_a_star_code_stands_over_the_file_until_the_file_says_something_else(desk: Desk) -> None:
    before, after = office('always: "35"'), office('always: "36"')
    dial(desk, "*1134", called(before))
    assert always(desk.settings(called(before))) == "34"
    assert always(desk.settings(called(after))) == "36"


def test_only_what_the_file_changed_is_replaced(desk: Desk) -> None:
    dial(desk, "*1134", called(office()))
    dial(desk, "*15", called(office()))
    found = desk.settings(called(office('busy: "36"')))
    assert (found.profile.targets, found.do_not_disturb) == ({"busy": Target("extension", "36")}, True)


def test_another_edit_of_the_file_replaces_nothing(desk: Desk) -> None:
    dial(desk, "*1134", called(office()))
    found = desk.settings(called(office(extension="intercom: true")))
    assert always(found) == "34"


def test_the_file_chooses_the_profile_again_when_it_names_another_one(desk: Desk) -> None:
    dial(desk, "*100", called(office('always: "36"', active=2)))
    assert desk.settings(called(office('always: "36"', active=2))).active == 0
    assert desk.settings(called(office('always: "36"', active=3))).active == 3


def test_a_profile_the_file_lost_is_no_longer_active(desk: Desk, store: SettingsStore) -> None:
    store.change("acme", "33", lambda _: (Stored(active=7, marks={"active": "0"}), None))
    found = desk.settings(called(office()))
    assert (found.active, found.stars) == (0, frozenset())


def test_a_new_profile_is_not_active_because_a_lost_one_of_its_number_was(desk: Desk) -> None:
    """The next year's profile 3 would begin to send calls away on the day it is written."""
    before, without = (office('always: "36"', active=active) for active in (3, 0))
    before = before.model_copy(update={"extensions": with_active(before, 0)})
    assert isinstance(dial(desk, "*103", called(before)), Done)
    with capture_logs() as logs:
        for now in (without, before):
            desk.tenants_changed(Tenants.of([now]))
    assert [(line["event"], line["replaced"]) for line in logs] == [
        ("the tenant file replaces what star codes set", "active")
    ]
    assert desk.settings(called(before)).active == 0


def with_active(of: Tenant, profile: int) -> dict[str, Extension]:
    """The extensions of a tenant, with this profile of extension 33 active."""
    extension = of.extensions["33"]
    forwarding = extension.forwarding.model_copy(update={"active": profile})
    return {**of.extensions, "33": extension.model_copy(update={"forwarding": forwarding})}


def test_the_log_says_once_that_the_file_replaces_star_codes_and_they_do_not_come_back(desk: Desk) -> None:
    before, after = office('always: "35"'), office('always: "36"')
    dial(desk, "*1134", called(before))
    with capture_logs() as logs:
        for now in (before, after, after):
            desk.tenants_changed(Tenants.of([now]))
    assert [(line["event"], line["extension"], line["replaced"]) for line in logs] == [
        ("the tenant file replaces what star codes set", "33", "rules")
    ]
    assert always(desk.settings(called(before))) == "35"


def test_who_gets_the_number_of_somebody_who_left_inherits_no_forwarding(desk: Desk) -> None:
    here = office()
    without: Tenant = here.model_copy(update={"extensions": {"34": here.extensions["34"]}})
    dial(desk, "*1134", called(here))
    desk.tenants_changed(Tenants.of([without]))
    assert desk.settings(called(here)) == Settings.of(here.extensions["33"])


def test_while_the_database_is_away_what_was_last_seen_counts(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "state"), pause=0.0)
    desk, who = Desk(SettingsStore(database), lambda: NOW), called(office())
    dial(desk, "*1134", who)
    (tmp_path / "state" / "callcontrol.db").unlink()
    (tmp_path / "state" / "callcontrol.db").mkdir()
    database.close()
    assert always(desk.settings(who)) == "34"
    with pytest.raises(StateUnavailable):
        dial(desk, "*1135", who)
    desk.tenants_changed(Tenants.of([who.tenant]))
    database.close()


@pytest.mark.parametrize(
    "rules",
    [
        {"always": ["number", "+4930|error"]},
        {"always": ["extension", "34,user/35"]},
        {"always": ["sofia", "34"]},
        {"always": "34"},
        {"always": []},
        {"always": [1, 2]},
    ],
)
def test_a_stored_target_that_nobody_could_have_dialled_is_none(rules: dict[str, object]) -> None:
    who = called(office())
    marks = {"rules": file_mark(who)}
    found = overlay(who.extension, Stored(rules=rules, marks=marks)).settings
    assert found.profile.targets == {}


def test_a_stored_no_answer_rings_between_5_and_120_seconds() -> None:
    who = called(office())
    for after, expected in ((5, 5), (121, 20), ("x", 20), (None, 20)):
        stored = Stored(rules={"no_answer": ["extension", "34", after]}, marks={"rules": file_mark(who)})
        rule = overlay(who.extension, stored).settings.profile.no_answer
        assert rule is not None
        assert rule.after == expected


def file_mark(who: Called) -> str:
    """The mark of the file's profile 0."""
    return marks_of(who.extension)["rules"]
