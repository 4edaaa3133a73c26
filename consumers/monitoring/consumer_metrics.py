"""The metrics of a consumer, and its condition, from what it reports about itself.

docs/observability.md lists every metric; a test compares the two.
"""

import threading
from collections import Counter as Tally
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from time import monotonic
from types import MappingProxyType
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from below_the_line.catalogue import topics
from below_the_line.contracts.events import Event
from below_the_line.contracts.names import event_names
from below_the_line.partitions import PartitionLog
from consumers.core.batch import Batch, Entry, Partition
from consumers.core.health import Condition, Waiting, compared, moved, ready
from consumers.core.observer import Cause, Halt, Observer, Step

_SECONDS = (0.0005, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_RECORDS = (1, 10, 50, 100, 500, 1_000, 2_500, 5_000, 10_000, 50_000)
_SKEW = (-300, -60, -5, -1, 0, 1, 5, 60, 300, 900, 3_600, 86_400)
_MAX_SOURCES = 20
"""Sources with a label of their own besides those of BTL_SOURCES; later ones are ``other``."""
_MAX_TYPES = 20
"""The same of event types, besides those of the contracts."""
_SILENCE_SECONDS = 2.0
"""A database that was silent for longer counts as waited for: a batch is merged in less."""
_SAMPLED = 20
"""Events of a batch whose clock is compared: a fixed number, so that large batches cost no more."""
OTHER = "other"
UNREADABLE = "unreadable"
_Value = TypeVar("_Value")


class ConsumerMetrics(Observer):
    """An observer that counts, and knows the consumer's condition. Safe for several threads."""

    def __init__(
        self,
        now: Callable[[], float] = monotonic,
        sources: Mapping[str, Sequence[str]] = MappingProxyType({}),
        also: Observer | None = None,
    ) -> None:
        """``sources``: which event types each source sends; a type may be a pattern such as
        ``comment.*``. These sources have labels of their own. Empty: any source may send any type.
        ``also`` receives ``reading``, too.
        """
        self._also = also or Observer()
        self._now = now
        self._lock = threading.Lock()
        # Not ready until the group has answered: without this it would seem to stand by.
        self._condition = Condition(now(), Waiting(Cause.GROUP, "not in the group yet", now()))
        self._turned_at = now()
        self._silence: Waiting | None = None
        """The waiting for a silent database. It is over as soon as the loop turns again."""
        self._ends: Mapping[Partition, int] = {}
        self._ends_at = now()
        self._bound = dict(sources)
        self._sources = _Labels(_MAX_SOURCES, sources)
        self._types = _Labels(
            _MAX_TYPES, (name for topic in topics() for name in topic.event_types)
        )
        self._is_expected = lru_cache(maxsize=1_000)(self._may_send)
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.registry.register(_Partitions(self))
        self._records = Counter(
            "btl_records", "Records by outcome.", ["outcome"], registry=self.registry
        )
        for outcome in ("applied", "unchanged", "dead_lettered"):
            self._records.labels(outcome)
        self._dead_letters = Counter(
            "btl_dead_letters",
            "Dead letters by stage and code.",
            ["stage", "code"],
            registry=self.registry,
        )
        self._by_source = Counter(
            "btl_dead_letters_by_source",
            "Dead letters by source, event type and code.",
            ["source", "type", "code"],
            registry=self.registry,
        )
        self._unexpected = Counter(
            "btl_unexpected_source_events",
            "Valid events of a type that BTL_SOURCES does not give to their source.",
            ["source", "type"],
            registry=self.registry,
        )
        self._batch_records = Histogram(
            "btl_batch_records",
            "Records of a committed batch.",
            buckets=_RECORDS,
            registry=self.registry,
        )
        self._step_seconds = Histogram(
            "btl_step_seconds",
            "Seconds that a step of a batch took.",
            ["step"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._fenced = Counter(
            "btl_fence_rejections",
            "Batches rejected because another owner had taken a partition of them.",
            registry=self.registry,
        )
        self._tripped = Counter(
            "btl_breaker_trips",
            "Times that the breaker stopped a partition.",
            ["topic", "partition"],
            registry=self.registry,
        )
        self._pauses = Counter(
            "btl_pauses",
            "Times that reading paused, by what was waited for.",
            ["cause"],
            registry=self.registry,
        )
        self._paused_seconds = Counter(
            "btl_paused_seconds",
            "Seconds that reading paused, by what was waited for.",
            ["cause"],
            registry=self.registry,
        )
        for cause in Cause:
            self._pauses.labels(cause.value)
            self._paused_seconds.labels(cause.value)
        self._skew = Histogram(
            "btl_clock_skew_seconds",
            "The broker's clock when it took a record, less the event's own time; by source,"
            " sampled.",
            ["source"],
            buckets=_SKEW,
            registry=self.registry,
        )
        self._conflicts = Gauge(
            "btl_event_id_conflicts",
            "Events that share source and id but not their content; NaN: not counted lately.",
            registry=self.registry,
        )
        self._conflicts.set(float("nan"))

    # What the consumer reports

    def turn(self) -> None:
        """The loop turns."""
        self._turned_at = self._now()
        if self._silence is not None:
            with self._lock:
                if self._condition.waiting is self._silence:
                    self._count_pause(self._silence)
                    self._condition = replace(self._condition, waiting=None)
            self._silence = None

    def silent(self, seconds: float) -> None:
        """The database is silent, and the loop waits for it."""
        self._turned_at = self._now()
        if seconds < _SILENCE_SECONDS or self._condition.waiting is not self._silence:
            # Over soon; or something else is waited for, and was reported already.
            return
        self.waiting(Cause.DATABASE, f"the server has been silent for {seconds:.0f} s")
        self._silence = self._condition.waiting

    def step(self, step: Step, seconds: float) -> None:
        """A step took this time."""
        self._step_seconds.labels(step.value).observe(seconds)

    def committed(self, batch: Batch, entries: Sequence[Entry]) -> None:
        """A batch was committed."""
        self._batch_records.observe(len(batch))
        for outcome in ("applied", "unchanged", "dead_lettered"):
            self._records.labels(outcome).inc(sum(getattr(entry, outcome) for entry in entries))
        if any(entry.dead_lettered for entry in entries):
            for (stage, code), count in Tally(
                (each.stage, each.code) for _, each in batch.dead_letters()
            ).items():
                self._dead_letters.labels(stage, code).inc(count)
            self._count_by_source(batch)
        if self._bound:
            for (source, event_type), count in Tally(
                (result.source, result.type)
                for _, result in batch.decoded
                if type(result) is Event and not self._is_expected(result.source, result.type)
            ).items():
                self._unexpected.labels(self._sources(source), self._types(event_type)).inc(count)
        for record, result in batch.decoded[:: max(1, len(batch) // _SAMPLED)]:
            if isinstance(result, Event):
                self._skew.labels(self._sources(result.source)).observe(
                    record.timestamp / 1_000 - result.occurred_at / 1_000_000
                )
        with self._lock:
            self._condition = moved(
                self._condition,
                {entry.partition: entry.next_offset for entry in entries},
                self._now(),
            )

    def waiting(self, cause: Cause, detail: str) -> None:
        """Nothing is read until this is over."""
        with self._lock:
            before = self._condition.waiting
            since = before.since if before is not None and before.cause is cause else self._now()
            if since != getattr(before, "since", None):
                self._count_pause(before)
                self._pauses.labels(cause.value).inc()
            self._condition = replace(self._condition, waiting=Waiting(cause, detail, since))

    def reading(self, positions: Mapping[Partition, int], halted: Mapping[Partition, Halt]) -> None:
        """The waiting is over."""
        self._also.reading(positions, halted)
        with self._lock:
            before, now = self._condition, self._now()
            self._count_pause(before.waiting)
            self._condition = replace(
                before,
                waiting=None,
                next_offsets=MappingProxyType(dict(positions)),
                # Taking a partition again is not progress: the clock of one that stands still goes
                # on.
                moved_at=MappingProxyType(
                    {
                        partition: (
                            before.moved_at.get(partition, now)
                            if before.next_offsets.get(partition) == offset
                            else now
                        )
                        for partition, offset in positions.items()
                    }
                ),
                halted=MappingProxyType(dict(halted)),
            )

    def fenced(self, detail: str) -> None:  # noqa: ARG002
        """A batch was rejected."""
        self._fenced.inc()

    def tripped(self, partition: Partition, detail: str) -> None:  # noqa: ARG002
        """The breaker stopped a partition."""
        self._tripped.labels(partition.topic, str(partition.number)).inc()

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Only these partitions are assigned."""
        with self._lock:
            self._condition = replace(
                self._condition,
                next_offsets=_only(self._condition.next_offsets, partitions),
                moved_at=_only(self._condition.moved_at, partitions),
                halted=_only(self._condition.halted, partitions),
                open_transactions=_only(self._condition.open_transactions, partitions),
            )

    # What the poller reports

    def partitions(self) -> list[Partition]:
        """Return the partitions of the consumer: those that it reads, and those that wait for a
        decision.
        """
        condition = self.condition()
        return sorted({*condition.next_offsets, *condition.halted})

    def ends(self, logs: Mapping[Partition, PartitionLog]) -> None:
        """The logs are these now."""
        with self._lock:
            self._ends = {partition: log.end for partition, log in logs.items()}
            self._ends_at = self._now()
            self._condition = compared(self._condition, logs, self._now())

    def conflicts(self, count: float) -> None:
        """This number of events share source and id with other content."""
        self._conflicts.set(count)

    # What others ask

    def condition(self) -> Condition:
        """Return what is known now."""
        with self._lock:
            return replace(self._condition, turned_at=self._turned_at)

    def ends_now(self) -> tuple[Mapping[Partition, int], float]:
        """Return where the logs ended, and how many seconds ago that was.

        If the brokers have never answered, the seconds since the start.
        """
        with self._lock:
            return self._ends, self._now() - self._ends_at

    def now(self) -> float:
        """Return the present time, by the clock of the condition's times."""
        return self._now()

    def _count_pause(self, over: Waiting | None) -> None:
        if over is not None:
            self._paused_seconds.labels(over.cause.value).inc(max(0.0, self._now() - over.since))

    def _count_by_source(self, batch: Batch) -> None:
        tally = Tally(
            (names.source, names.event_type, rejection.code)
            for record, rejection in batch.dead_letters()
            for names in (event_names(record),)
        )
        for (source, event_type, code), count in tally.items():
            self._by_source.labels(self._sources(source), self._types(event_type), code).inc(count)

    def _may_send(self, source: str, event_type: str) -> bool:
        return any(fnmatchcase(event_type, each) for each in self._bound.get(source, ()))


class _Labels:
    """Values of a label: those that are known from the start, some more by name, and no others.

    What somebody sends must not make series without end.
    """

    def __init__(self, max_more: int, known: Iterable[str] = ()) -> None:
        self._names = set(known)
        self._max = len(self._names) + max_more

    def __call__(self, name: str | None) -> str:
        """Return the label of a name; None: it could not be read."""
        if name is None:
            return UNREADABLE
        if name not in self._names:
            if len(self._names) >= self._max:
                return OTHER
            self._names.add(name)
        return name


class _Partitions(Collector):
    """Metrics that change with the clock alone, and those of the partitions of the moment."""

    def __init__(self, metrics: ConsumerMetrics) -> None:
        self._metrics = metrics

    def describe(self) -> Iterable[Metric]:
        return self._families()

    def collect(self) -> Iterable[Metric]:
        condition, now = self._metrics.condition(), self._metrics.now()
        ends, age = self._metrics.ends_now()
        is_ready, turned, paused, next_offsets, lags, opened, still, halts, ends_age = (
            self._families()
        )
        is_ready.add_metric([], float(ready(condition, now).holds))
        turned.add_metric([], now - condition.turned_at)
        for cause in Cause:
            waiting = condition.waiting
            paused.add_metric([cause.value], float(waiting is not None and waiting.cause is cause))
        waiting_at = {partition: halt.next_offset for partition, halt in condition.halted.items()}
        for partition, next_offset in {**waiting_at, **condition.next_offsets}.items():
            labels = [partition.topic, str(partition.number)]
            next_offsets.add_metric(labels, next_offset)
            if partition in ends:
                lags.add_metric(labels, max(0, ends[partition] - next_offset))
        for partition, offset in condition.open_transactions.items():
            opened.add_metric([partition.topic, str(partition.number)], offset)
        for partition, moved_at in condition.moved_at.items():
            still.add_metric([partition.topic, str(partition.number)], now - moved_at)
        for partition, halt in condition.halted.items():
            halts.add_metric([partition.topic, str(partition.number), halt.status], 1)
        ends_age.add_metric([], age)
        return is_ready, turned, paused, next_offsets, lags, opened, still, halts, ends_age

    @staticmethod
    def _families() -> tuple[GaugeMetricFamily, ...]:
        partition = ["topic", "partition"]
        return (
            GaugeMetricFamily(
                "btl_ready", "1: assigned and progressing, or standing by; 0: /readyz says why not."
            ),
            GaugeMetricFamily("btl_loop_idle_seconds", "Seconds since the loop last turned."),
            GaugeMetricFamily(
                "btl_paused", "1 while reading pauses for this cause.", labels=["cause"]
            ),
            GaugeMetricFamily(
                "btl_next_offset", "What is committed reaches up to this offset.", labels=partition
            ),
            GaugeMetricFamily(
                "btl_lag_records", "Offsets between it and the end of the log.", labels=partition
            ),
            GaugeMetricFamily(
                "btl_open_transaction_offset",
                "Where the first open transaction begins; absent if none is open.",
                labels=partition,
            ),
            GaugeMetricFamily(
                "btl_progress_idle_seconds",
                "Seconds since the partition last moved, or had nothing left to read.",
                labels=partition,
            ),
            GaugeMetricFamily(
                "btl_halted",
                "1 for a partition that waits for a decision.",
                labels=[*partition, "status"],
            ),
            GaugeMetricFamily(
                "btl_end_offsets_age_seconds", "Seconds since the ends of the logs were learned."
            ),
        )


def _only(
    of: Mapping[Partition, _Value], partitions: Collection[Partition]
) -> Mapping[Partition, _Value]:
    return MappingProxyType(
        {partition: each for partition, each in of.items() if partition in partitions}
    )
