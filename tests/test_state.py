"""What callers chose and got wrong is known after a restart, to every daemon, and never holds up a call."""

from __future__ import annotations

import signal
import sqlite3
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent import subprocess
from structlog.testing import capture_logs

from callcontrol.errors import ConfigError
from callcontrol.state import Database, StateStore, StateTooNew, StateUnavailable, sqlite_url
from tests.patience import PATIENCE, until

NOW = 1_795_000_000.0
CLARA = "+491712345678"
BOARD = "room:acme/board"


@pytest.fixture
def store(url: str) -> Iterator[StateStore]:
    store = patient(url)
    store.database.open()
    yield store
    store.prune(NOW * 2)
    store.database.close()


def patient(url: str) -> StateStore:
    """A store that a slow disk does not keep from its answer."""
    return StateStore(Database(url, deadline=PATIENCE))


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[StateStore]:
    """A store that gives up after a fifth of a second and tries again at once. Clara's language is known to it."""
    filling = patient(sqlite_url(tmp_path))
    filling.remember_language("acme", CLARA, "fr", NOW)
    filling.database.close()
    store = StateStore(Database(sqlite_url(tmp_path), deadline=0.2, pause=0.0))
    store.database.open()
    yield store
    store.database.close()


def delay_at(store: StateStore, target: str, now: float) -> float:
    """Seconds a right PIN waits at this room."""
    return store.right_pin("+49309", target, now).delay


def guess(store: StateStore, times: int, caller: str = CLARA, target: str = BOARD) -> None:
    for number in range(times):
        store.wrong_pin(caller, target, NOW + number)


def test_a_language_once_chosen_is_known_after_a_restart(url, store):
    store.remember_language("acme", CLARA, "fr", NOW)
    again = patient(url)
    assert again.language_of("acme", CLARA) == "fr"
    again.database.close()


def test_the_last_choice_counts_and_only_at_that_tenant(store):
    store.remember_language("acme", CLARA, "fr", NOW)
    store.remember_language("acme", CLARA, "en", NOW + 1)
    assert store.language_of("acme", CLARA) == "en"
    assert store.language_of("globex", CLARA) is None


def test_six_wrong_pins_over_several_calls_block_the_caller_even_across_a_restart(url, store):
    guess(store, 5)
    assert store.blocked_for(CLARA, NOW + 5) == 0
    sixth = store.wrong_pin(CLARA, BOARD, NOW + 5)
    assert (sixth.blocked, sixth.newly_blocked) == (900.0, True)
    again = patient(url)
    assert again.blocked_for(CLARA, NOW + 5) == 900.0
    assert again.blocked_for("+49301", NOW + 5) == 0
    again.database.close()


def test_the_right_pin_clears_the_count(store):
    guess(store, 5)
    assert store.right_pin(CLARA, BOARD, NOW + 5).blocked == 0
    guess(store, 5)
    assert store.blocked_for(CLARA, NOW + 5) == 0


def test_the_right_pin_does_not_help_a_caller_whom_another_of_their_calls_got_blocked(store):
    guess(store, 6)
    assert store.right_pin(CLARA, BOARD, NOW + 5).blocked == 900.0
    assert store.blocked_for(CLARA, NOW + 5) == 900.0


def test_the_second_block_is_twice_as_long_though_the_store_was_pruned_in_between(store):
    guess(store, 6)
    store.prune(NOW + 3600)
    for number in range(6):
        result = store.wrong_pin(CLARA, BOARD, NOW + 4000 + number)
    assert result.blocked == 1800.0


def test_twenty_wrong_pins_from_many_callers_slow_the_room_down_and_raise_the_alarm(store):
    for number in range(19):
        assert not store.wrong_pin(f"+4930{number}", BOARD, NOW + number).alarm
    assert delay_at(store, BOARD, NOW + 19) == 0
    assert store.wrong_pin("+49300", BOARD, NOW + 19).alarm
    assert delay_at(store, BOARD, NOW + 19) == 5.0
    assert delay_at(store, "room:acme/sales", NOW + 19) == 0
    assert delay_at(store, BOARD, NOW + 19 + 3600) == 0


def test_pruning_drops_what_says_nothing_any_more_and_nothing_else(store):
    for number in range(1200):
        store.remember_language("acme", f"+49{number}", "de", NOW)
    store.remember_language("acme", CLARA, "fr", NOW + 86400)
    guess(store, 1)
    assert store.prune(NOW + 800) == 0
    assert store.prune(NOW + 365 * 86400 + 1) == 1202
    assert store.language_of("acme", CLARA) == "fr"


COUNTING = """
import sys
from callcontrol.state import Database, StateStore
store = StateStore(Database(sys.argv[1], deadline=90.0))
alarms = 0
for room in range(40):
    for guess in range(5):
        alarms += store.wrong_pin(f"{sys.argv[2]}-{room}-{guess}", f"room:{room}", 1795000000.0 + guess).alarm
print(alarms, store.database.outages)
"""


def test_four_daemons_on_one_database_lose_no_wrong_pin(url, store):
    """Each counts 5 in each of 40 rooms: in each room exactly one of them counts the twentieth."""
    processes = [
        subprocess.Popen([sys.executable, "-c", COUNTING, url, str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    answers = [process.communicate(timeout=2 * PATIENCE)[0].split() for process in processes]
    assert [outages for _, outages in answers] == ["0"] * 4
    assert sum(int(alarms) for alarms, _ in answers) == 40


def test_four_daemons_that_start_together_make_the_tables_once(tmp_path):
    url = sqlite_url(tmp_path / "state")
    command = [sys.executable, "-c", COUNTING.replace("range(40)", "range(1)"), url]
    processes = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    answers = [process.communicate(timeout=2 * PATIENCE) for process in processes]
    assert [(out.split()[1], err) for out, err in answers] == [("0", "")] * 4


GUESSING_FOR_EVER = """
import sys
from callcontrol.state import Database, StateStore
store = StateStore(Database(sys.argv[1], deadline=90.0))
print("started", flush=True)
number = 0
while True:
    number += 1
    store.wrong_pin(f"+49{number}", "room:x", 1795000000.0)
"""


def test_a_daemon_killed_while_it_writes_leaves_the_store_usable(tmp_path):
    url = sqlite_url(tmp_path)
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", GUESSING_FOR_EVER, url], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            store = patient(url)
            until(lambda store=store: delay_at(store, "room:x", NOW))
            process.send_signal(signal.SIGKILL)
        assert store.wrong_pin(CLARA, BOARD, NOW).blocked == 0
        assert store.database.outages == 0
        store.database.close()
    assert sqlite3.connect(tmp_path / "callcontrol.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_calls_go_on_and_guessing_stays_limited_while_the_database_is_stuck(impatient, tmp_path):
    other = sqlite3.connect(tmp_path / "callcontrol.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with capture_logs() as logs:
        guess(impatient, 5)
        assert impatient.wrong_pin(CLARA, BOARD, NOW + 5).blocked == 900.0
        impatient.remember_language("acme", "+49301", "en", NOW)
    assert [line["event"] for line in logs] == ["state store unavailable, counting wrong PINs in memory"]
    assert (impatient.database.available, impatient.database.outages) == (False, 1)
    other.execute("ROLLBACK")
    with capture_logs() as logs:
        until(lambda: impatient.language_of("acme", CLARA) == "fr")  # a fifth of a second is too little for a slow disk
    assert impatient.database.available
    assert [line["event"] for line in logs] == ["state store answers again"]


def test_no_other_call_waits_while_the_database_is_stuck(tmp_path):
    store = StateStore(Database(sqlite_url(tmp_path), deadline=20.0))
    store.database.open()
    other = sqlite3.connect(tmp_path / "callcontrol.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    guesser = gevent.spawn(store.wrong_pin, CLARA, BOARD, NOW)
    for _ in range(100):
        gevent.sleep(0.001)
    assert not guesser.ready()
    other.execute("ROLLBACK")
    guesser.get(timeout=PATIENCE)
    store.database.close()


def test_after_one_missed_deadline_the_next_callers_do_not_wait_for_theirs(tmp_path):
    store = StateStore(Database(sqlite_url(tmp_path), deadline=PATIENCE, pause=2 * PATIENCE))
    store.database.open()
    over = threading.Event()
    stuck = [gevent.spawn(store.database.read, lambda _: over.wait(), deadline=0.1) for _ in range(3)]
    gevent.joinall(stuck)
    assert [type(question.exception) for question in stuck] == [StateUnavailable] * 3
    with gevent.Timeout(PATIENCE / 2):
        assert store.language_of("acme", CLARA) is None
        assert store.blocked_for(CLARA, NOW) == 0
    over.set()
    store.database.close()


def test_a_wrong_pin_is_counted_though_the_caller_hung_up_at_once(store):
    key = f"+49{uuid.uuid4().int % 10**10}"
    for number in range(6):
        call = gevent.spawn(store.wrong_pin, key, BOARD, NOW + number)
        gevent.sleep(0)
        call.kill()
        delay_at(store, BOARD, NOW)
    until(lambda: store.blocked_for(key, NOW + 5))


def test_a_file_that_is_no_database_stops_no_call_and_is_used_once_it_is_replaced(tmp_path):
    path = tmp_path / "callcontrol.db"
    path.write_text("not a database at all" * 100)
    store = patient(sqlite_url(tmp_path))
    with capture_logs() as logs:
        store.database.open()
        assert store.language_of("acme", CLARA) is None
        guess(store, 6)
        assert store.blocked_for(CLARA, NOW + 5) == 900.0
    assert [line["error"] for line in logs] == ["DatabaseError: file is not a database"]
    path.unlink()
    store.remember_language("acme", CLARA, "fr", NOW)
    assert store.language_of("acme", CLARA) == "fr"
    store.database.close()


def test_a_store_that_cannot_be_reached_at_the_start_delays_the_start_and_forbids_nothing():
    store = StateStore(Database("sqlite:////proc/no/such/folder/callcontrol.db"))
    with capture_logs() as logs:
        store.database.open()
    assert [line["log_level"] for line in logs] == ["warning"]
    assert store.language_of("acme", CLARA) is None
    store.database.close()


def test_the_warning_names_no_caller(impatient, tmp_path):
    other = sqlite3.connect(tmp_path / "callcontrol.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with capture_logs() as logs:
        guess(impatient, 1)
    other.execute("ROLLBACK")
    assert CLARA not in str(logs)


def test_a_database_of_a_newer_callcontrol_is_not_touched(tmp_path):
    url = sqlite_url(tmp_path)
    store = StateStore(Database(url))
    store.database.open()
    store.database.close()
    with sqlite3.connect(tmp_path / "callcontrol.db") as other:
        other.execute("UPDATE meta SET value = '99'")
    newer = StateStore(Database(url))
    with pytest.raises(StateTooNew, match="schema 99, this callcontrol knows 2"):
        newer.database.open()
    assert newer.language_of("acme", CLARA) is None  # a call must not fail for it
    newer.database.close()


def test_only_the_service_may_read_callers_numbers(tmp_path):
    store = patient(sqlite_url(tmp_path / "state"))
    store.remember_language("acme", CLARA, "fr", NOW)
    files = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()}
    assert files == {"callcontrol.db": 0o600, "callcontrol.db-wal": 0o600, "callcontrol.db-shm": 0o600}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    store.database.close()


@pytest.mark.parametrize(
    "text", ["", "mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "no url", "oracle+x://"]
)
def test_a_database_we_cannot_use_is_refused_before_the_first_call(text):
    with pytest.raises(ConfigError, match=r"database: .*\("):
        StateStore(Database(text))


def test_a_password_in_the_database_url_is_in_no_error_text(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError) as raised:
        StateStore(Database("postgresql://me:S3cret@127.0.0.1/x"))
    assert "S3cret" not in str(raised.value)


def test_a_database_of_the_first_callcontrol_keeps_its_rows_and_gets_the_new_tables(tmp_path):
    store = patient(sqlite_url(tmp_path))
    store.remember_language("acme", CLARA, "fr", NOW)
    store.database.close()
    with sqlite3.connect(tmp_path / "callcontrol.db") as other:
        other.execute("UPDATE meta SET value = '1'")
        for table in ("rounds", "invitees", "tries", "legs"):
            other.execute(f"DROP TABLE {table}")
    older = patient(sqlite_url(tmp_path))
    older.database.open()
    assert older.language_of("acme", CLARA) == "fr"
    older.database.close()
    with sqlite3.connect(tmp_path / "callcontrol.db") as other:
        assert {"rounds", "invitees", "tries", "legs"} <= {
            row[0] for row in other.execute("SELECT name FROM sqlite_master")
        }
        assert other.execute("SELECT value FROM meta").fetchone() == ("2",)
