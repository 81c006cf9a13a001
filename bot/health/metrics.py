"""Metrics for Prometheus. Counts that must outlive the process come from the database at every scrape."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from analyzers.records import CheckResult, Outcome
from bot.config.version import this_release
from bot.health.heartbeat import Heartbeat
from bot.sources.first_look import Meter
from bot.sources.purpose import Purpose
from state.uploads.counts import Tally

disable_created_metrics()  # type: ignore[no-untyped-call]  # times of creation are not used

FINDINGS: Final = ("blend", "copy", "derivative", "unrelated", "inconclusive")
SECONDS: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)


class Metrics:
    """All metrics of one watch, in a registry of their own. `tally` and `heartbeat` are read at every scrape."""

    def __init__(self, tally: Callable[[], Tally], spent: Mapping[Purpose, Meter], heartbeat: Heartbeat) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "blendwatch_check_seconds", "seconds that one check took", buckets=SECONDS, registry=self.registry
        )
        self._settled = Counter(
            "blendwatch_settled", "uploads settled by this process", ["outcome"], registry=self.registry
        )
        for outcome in ("found", "skipped", "failed"):
            self._settled.labels(outcome)
        build = Info("blendwatch_build", "version of Blendwatch and of Python", registry=self.registry)
        build.info({"version": this_release(), "python": platform.python_version()})
        ProcessCollector(registry=self.registry)
        self.registry.register(_Asked(tally, spent, heartbeat))

    def settled(self, outcome: Outcome) -> None:
        """Count one upload that was settled."""
        checked = isinstance(outcome, CheckResult)
        self._settled.labels("found" if checked else type(outcome).__name__.lower()).inc()
        if isinstance(outcome, CheckResult):
            self._seconds.observe(outcome.cost.seconds)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' format; raises StateError without the database."""
        return generate_latest(self.registry)


class _Asked(Collector):
    """Metrics that are computed at every scrape."""

    def __init__(self, tally: Callable[[], Tally], spent: Mapping[Purpose, Meter], heartbeat: Heartbeat) -> None:
        self._tally, self._spent, self._heartbeat = tally, spent, heartbeat

    def collect(self) -> Iterator[Metric]:
        """Yield each metric once."""
        tally, beat = self._tally(), self._heartbeat.last()
        feeds = {feed.name: feed.read_at.timestamp() for feed in tally.feeds}
        read_to = {feed.name: feed.read_to.timestamp() for feed in tally.feeds}
        yield _gauges("feed_last_success_timestamp_seconds", "when a listing was last read whole", "feed", feeds)
        yield _gauges("feed_read_to_timestamp_seconds", "up to when a listing was read", "feed", read_to)
        yield _gauge("uploads_due", "uploads that are to be judged now", tally.due)
        yield _gauge(
            "uploads_due_since_timestamp_seconds",
            "since when the first of them is due, 0 for none",
            _time(tally.due_since),
        )
        yield _gauge("uploads_waiting", "failed uploads that are tried again later", tally.waiting)
        yield _gauges("uploads", "stored uploads by what became of them", "state", tally.uploads)
        findings = {**dict.fromkeys(FINDINGS, 0), **tally.findings}
        yield _gauges("findings", "stored checks by what was found", "finding", findings)
        yield _gauges("alerts", "stored alerts by how far they got", "state", tally.alerts)
        yield _gauge(
            "alerts_since_timestamp_seconds",
            "when the oldest unsent alert was made, 0 for none",
            _time(tally.alerts_since),
        )
        yield _gauge(
            "pass_last_end_timestamp_seconds", "when a pass last ended, well or not, 0 for never", beat.ended_at or 0
        )
        yield _gauge(
            "pass_last_success_timestamp_seconds", "when a pass last ended well, 0 for never", beat.succeeded_at or 0
        )
        yield _gauge("progress_timestamp_seconds", "when the watch last did anything", beat.progress_at)
        yield _counters("passes", "passes by how they ended", "outcome", _passes(beat.passes, beat.failed))
        requests: dict[str, float] = {name: meter.requests for name, meter in self._spent.items()}
        received: dict[str, float] = {name: meter.bytes_read for name, meter in self._spent.items()}
        yield _counters("hub_requests", "requests sent to the Hub, by purpose", "purpose", requests)
        yield _counters("hub_bytes", "bytes received from the Hub, by purpose", "purpose", received)


def _passes(made: int, failed: int) -> dict[str, int]:
    return {"succeeded": made - failed, "failed": failed}


def _time(moment: datetime | None) -> float:
    """Return seconds since 1970; 0 for None."""
    return moment.timestamp() if moment else 0.0


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"blendwatch_{name}", what, value=value)


def _gauges(name: str, what: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"blendwatch_{name}", what, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _counters(name: str, what: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(f"blendwatch_{name}", what, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
