"""What the daemon counts and measures, for Prometheus. One registry per Metrics object, nothing global.

docs/operations.md explains each metric and which of them should wake somebody. Labels are names from configuration or
from this code, never text of a caller; should that ever go wrong, MOST_SERIES bounds the memory it costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

M = TypeVar("M", Counter, Gauge)

#: Combinations of label values of one metric; further ones are counted together as "other".
MOST_SERIES = 5000
#: Seconds. The budget is a median of 40 ms and 100 ms for 99 of 100 calls.
ANSWER_BUCKETS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.5, 1.0, 2.5)
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Labelled(Generic[M]):
    """A counter or gauge with labels, of bounded size."""

    def __init__(self, metric: M) -> None:
        self._metric: M = metric
        self._children: dict[tuple[str, ...], M] = {}

    def labels(self, *values: str) -> M:
        """The counter or gauge of these label values, in the order the metric declares them."""
        child = self._children.get(values)
        if child is None:
            if len(self._children) >= MOST_SERIES:
                return self._metric.labels(*("other" for _ in values))
            child = self._children[values] = self._metric.labels(*values)
        return child

    def replace(self, values: Mapping[str, float]) -> None:
        """Set a gauge with one label to exactly these values; others disappear."""
        self._metric.clear()
        self._children.clear()
        for label, value in values.items():
            child = self.labels(label)
            assert isinstance(child, Gauge), "only gauges can be replaced"
            child.set(value)


class Metrics:
    """Every metric of one daemon, as attributes."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.calls = self._counter(
            "calls", "Calls that ended in this daemon, by outcome", "tenant", "service", "outcome"
        )
        self.calls_live = self._plain_gauge("calls_live", "Conversations this daemon is having now")
        self.answer_seconds = Histogram(
            "callcontrol_answer_seconds",
            "From the call reaching the daemon to its answer",
            buckets=ANSWER_BUCKETS,
            registry=self._registry,
        )
        self.refused = self._counter("refused", "Calls refused before a conversation began", "reason")
        self.pins_wrong = self._counter("pins_wrong", "Wrong PINs", "tenant")
        self.guessing_blocked = self._counter("guessing_blocked", "Callers blocked for guessing PINs", "tenant")
        self.guessing_alarms = self._counter(
            "guessing_alarms", "Wrong PINs at a room or number that is being guessed", "tenant", "target"
        )
        self.calls_out = self._counter("calls_out", "Calls to participants, by what became of them", "tenant", "result")
        self.occurrences = self._counter(
            "occurrences", "Calls of schedules: begun, or missed by all daemons", "outcome"
        )
        for outcome in ("begun", "missed"):
            self.occurrences.labels(outcome)  # a rate of something that was never seen before is none
        self.link_up = self._gauge("link_up", "1 while the link to this switch is up", "switch")
        self.link_reconnects = self._counter("link_reconnects", "Times the link to this switch was lost", "switch")
        self.tenant_problems = self._gauge("tenant_problems", "Faults in this tenant file as it is now", "file")
        self.tenant_reloads = self._counter("tenant_reloads", "Changes of the tenant files", "result")

    def watch(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """A gauge ``callcontrol_<name>`` that is read at each scrape; ``read`` must be quick and must not fail."""
        self._plain_gauge(name, documentation).set_function(read)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, documentation: str, *labels: str) -> Labelled[Counter]:
        return Labelled(Counter(f"callcontrol_{name}", documentation, labels, registry=self._registry))

    def _gauge(self, name: str, documentation: str, *labels: str) -> Labelled[Gauge]:
        return Labelled(Gauge(f"callcontrol_{name}", documentation, labels, registry=self._registry))

    def _plain_gauge(self, name: str, documentation: str) -> Gauge:
        return Gauge(f"callcontrol_{name}", documentation, registry=self._registry)
