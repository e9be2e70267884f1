"""An operator sees what callers live through as numbers, and no caller can make the numbers grow without end."""

from __future__ import annotations

import contextlib

import pytest

from callcontrol import metrics
from callcontrol.metrics import Metrics


@pytest.fixture
def numbers() -> Metrics:
    return Metrics()


def lines(numbers: Metrics) -> list[str]:
    return numbers.text().decode().splitlines()


def test_calls_are_counted_by_tenant_service_and_outcome(numbers):
    numbers.calls.labels("acme", "room board", "joined").inc()
    numbers.calls.labels("acme", "room board", "joined").inc()
    numbers.calls.labels("acme", "room board", "refused").inc()
    assert 'callcontrol_calls_total{outcome="joined",service="room board",tenant="acme"} 2.0' in lines(numbers)
    assert 'callcontrol_calls_total{outcome="refused",service="room board",tenant="acme"} 1.0' in lines(numbers)


def test_the_answer_time_has_buckets_at_both_ends_of_its_budget(numbers):
    numbers.answer_seconds.observe(0.035)
    numbers.answer_seconds.observe(0.090)
    assert 'callcontrol_answer_seconds_bucket{le="0.04"} 1.0' in lines(numbers)
    assert 'callcontrol_answer_seconds_bucket{le="0.1"} 2.0' in lines(numbers)


def test_a_conversation_is_live_until_it_ends_even_by_an_error(numbers):
    with contextlib.suppress(RuntimeError), numbers.calls_live.track_inprogress():
        assert "callcontrol_calls_live 1.0" in lines(numbers)
        raise RuntimeError
    assert "callcontrol_calls_live 0.0" in lines(numbers)


def test_a_tenant_file_that_was_mended_or_deleted_has_no_problems_any_more(numbers):
    numbers.tenant_problems.replace({"acme.yaml": 3, "globex.yaml": 1})
    assert 'callcontrol_tenant_problems{file="acme.yaml"} 3.0' in lines(numbers)
    numbers.tenant_problems.replace({"globex.yaml": 2})
    assert [line for line in lines(numbers) if line.startswith("callcontrol_tenant_problems{")] == [
        'callcontrol_tenant_problems{file="globex.yaml"} 2.0'
    ]


def test_what_is_watched_is_read_at_each_scrape(numbers):
    live = [1, 2]
    numbers.watch("greenlets", "Greenlets alive", lambda: len(live))
    assert "callcontrol_greenlets 2.0" in lines(numbers)
    live.clear()
    assert "callcontrol_greenlets 0.0" in lines(numbers)


def test_label_values_without_end_are_counted_together(numbers, monkeypatch):
    monkeypatch.setattr(metrics, "MOST_SERIES", 3)
    for number in range(10):
        numbers.refused.labels(f"reason {number}").inc()
    counted = [line for line in lines(numbers) if line.startswith("callcontrol_refused_total{")]
    assert len(counted) == 4
    assert 'callcontrol_refused_total{reason="other"} 7.0' in counted


def test_the_process_itself_is_measured(numbers):
    names = {line.split()[0] for line in lines(numbers)}
    assert {"process_cpu_seconds_total", "process_open_fds", "process_resident_memory_bytes"} <= names


def test_two_daemons_in_one_process_do_not_share_counts(numbers):
    numbers.refused.labels("full").inc()
    assert "callcontrol_refused_total{" not in Metrics().text().decode()
