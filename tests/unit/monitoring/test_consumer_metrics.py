"""What is counted of a consumer, and what stands in docs/observability.md."""

import re
from pathlib import Path

import pytest

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record
from consumers.core.batch import Batch, DecodedRecord, Partition
from consumers.core.health import alive, ready
from consumers.core.observer import Cause, Halt, Step
from consumers.monitoring.consumer_metrics import OTHER, ConsumerMetrics
from tests.builders import envelope

ROOT = Path(__file__).resolve().parents[3]
ZERO, ONE = Partition("comment-events", 0), Partition("comment-events", 1)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def consumer_metrics(clock: Clock) -> ConsumerMetrics:
    return ConsumerMetrics(clock)


def value(consumer_metrics: ConsumerMetrics, name: str, **labels: str) -> float | None:
    return consumer_metrics.registry.get_sample_value(name, labels)


def record(offset: int, *, source: str = "/comments", raw: bytes | None = None) -> Record:
    body = raw or envelope(
        "comment.posted.v1",
        {
            "article_id": "a",
            "comment_id": str(offset),
            "author": {"user_id": "u", "display_name": "Reader"},
            "body": "text",
            "posted_at": "2026-05-01T10:00:00Z",
        },
        at="2026-05-01T10:00:00Z",
        event_id=str(offset),
        source=source,
    )
    # Two seconds after the event's own time.
    return Record("comment-events", 0, offset, 1_777_629_602_000, b"a", body)


def committed(consumer_metrics: ConsumerMetrics, records: list[Record]) -> None:
    decode = load_contracts().decode
    batch = Batch.scattered([DecodedRecord(each, decode(each)) for each in records])
    consumer_metrics.committed(batch, batch.entries(None))


def test_records_and_dead_letters_are_counted_by_what_became_of_them(
    consumer_metrics: ConsumerMetrics,
) -> None:
    committed(consumer_metrics, [record(0), record(1, raw=b"{"), record(2, raw=b"{}")])
    assert value(consumer_metrics, "btl_records_total", outcome="applied") == 1
    assert value(consumer_metrics, "btl_records_total", outcome="unchanged") == 0
    assert value(consumer_metrics, "btl_records_total", outcome="dead_lettered") == 2
    assert value(consumer_metrics, "btl_dead_letters_total", stage="decode", code="not_json") == 1
    assert (
        value(consumer_metrics, "btl_dead_letters_total", stage="envelope", code="not_cloudevent")
        == 1
    )
    assert value(consumer_metrics, "btl_batch_records_sum") == 3


def test_the_clock_of_each_source_is_compared_and_sources_without_end_share_a_label(
    consumer_metrics: ConsumerMetrics,
) -> None:
    committed(consumer_metrics, [record(0)])
    assert (
        value(consumer_metrics, "btl_clock_skew_seconds_bucket", source="/comments", le="1.0") == 0
    )
    assert (
        value(consumer_metrics, "btl_clock_skew_seconds_bucket", source="/comments", le="5.0") == 1
    )
    for number in range(30):
        committed(consumer_metrics, [record(number, source=f"/source-{number}")])
    assert value(consumer_metrics, "btl_clock_skew_seconds_bucket", source=OTHER, le="+Inf") == 11


def test_pauses_are_counted_and_timed_by_cause(
    consumer_metrics: ConsumerMetrics, clock: Clock
) -> None:
    consumer_metrics.waiting(Cause.GROUP, "joining")
    clock.now += 2
    consumer_metrics.waiting(Cause.DATABASE, "connection refused")
    clock.now += 3
    consumer_metrics.waiting(Cause.DATABASE, "still refused")
    assert value(consumer_metrics, "btl_paused", cause="database") == 1
    assert value(consumer_metrics, "btl_paused", cause="group") == 0
    assert ready(consumer_metrics.condition(), clock()).because == (
        "Waiting for the database for 3 s: still refused",
    )
    clock.now += 4
    consumer_metrics.reading({ZERO: 5}, {})
    assert value(consumer_metrics, "btl_pauses_total", cause="database") == 1
    assert value(consumer_metrics, "btl_paused_seconds_total", cause="group") == 2
    assert value(consumer_metrics, "btl_paused_seconds_total", cause="database") == 7
    assert value(consumer_metrics, "btl_paused", cause="database") == 0
    assert value(consumer_metrics, "btl_ready") == 1


def test_a_database_that_says_nothing_is_waited_for_and_no_reason_to_start_anew(
    consumer_metrics: ConsumerMetrics, clock: Clock
) -> None:
    consumer_metrics.reading({ZERO: 5}, {})
    for seconds in range(1, 66):
        clock.now += 1
        consumer_metrics.silent(float(seconds))
    assert alive(consumer_metrics.condition(), clock()).holds
    assert ready(consumer_metrics.condition(), clock()).because[:1] == (
        "Waiting for the database for 63 s: the server has said nothing for 65 s",
    )
    consumer_metrics.ends({ZERO: 5})
    consumer_metrics.turn()
    assert ready(consumer_metrics.condition(), clock()).holds
    assert value(consumer_metrics, "btl_pauses_total", cause="database") == 1
    assert value(consumer_metrics, "btl_paused_seconds_total", cause="database") == 63


def test_a_merge_of_a_second_is_no_pause_and_a_silence_hides_no_other_reason(
    consumer_metrics: ConsumerMetrics, clock: Clock
) -> None:
    consumer_metrics.reading({ZERO: 5}, {})
    consumer_metrics.silent(1.0)
    assert ready(consumer_metrics.condition(), clock()).holds
    consumer_metrics.waiting(Cause.FENCE, "another owner")
    consumer_metrics.silent(5.0)
    consumer_metrics.turn()
    assert ready(consumer_metrics.condition(), clock()).because == (
        "Waiting for the fence for 0 s: another owner",
    )


def test_a_fault_after_a_silence_is_told_until_reading_goes_on(
    consumer_metrics: ConsumerMetrics, clock: Clock
) -> None:
    consumer_metrics.reading({ZERO: 5}, {})
    consumer_metrics.silent(3.0)
    clock.now += 4
    consumer_metrics.waiting(Cause.DATABASE, "the server said nothing for 70 s")
    consumer_metrics.turn()
    assert ready(consumer_metrics.condition(), clock()).because == (
        "Waiting for the database for 4 s: the server said nothing for 70 s",
    )
    assert value(consumer_metrics, "btl_pauses_total", cause="database") == 1


def test_lag_is_what_the_broker_has_beyond_what_is_committed(
    consumer_metrics: ConsumerMetrics, clock: Clock
) -> None:
    consumer_metrics.reading({ZERO: 0, ONE: 4}, {})
    consumer_metrics.ends({ZERO: 10, ONE: 4})
    committed(consumer_metrics, [record(0), record(1)])
    clock.now += 5
    assert value(consumer_metrics, "btl_lag_records", topic="comment-events", partition="0") == 8
    assert value(consumer_metrics, "btl_lag_records", topic="comment-events", partition="1") == 0
    assert (
        value(consumer_metrics, "btl_progress_idle_seconds", topic="comment-events", partition="0")
        == 5
    )
    assert value(consumer_metrics, "btl_end_offsets_age_seconds") == 5


def test_taking_a_partition_anew_is_no_progress(
    consumer_metrics: ConsumerMetrics, clock: Clock
) -> None:
    consumer_metrics.reading({ZERO: 3}, {})
    clock.now += 50
    consumer_metrics.waiting(Cause.DATABASE, "gone")
    consumer_metrics.reading({ZERO: 3}, {})
    assert (
        value(consumer_metrics, "btl_progress_idle_seconds", topic="comment-events", partition="0")
        == 50
    )
    consumer_metrics.reading({ZERO: 4}, {})
    assert (
        value(consumer_metrics, "btl_progress_idle_seconds", topic="comment-events", partition="0")
        == 0
    )


def test_figures_of_a_partition_go_where_it_goes(consumer_metrics: ConsumerMetrics) -> None:
    consumer_metrics.reading({ZERO: 0}, {ONE: Halt("tripped", "decide", 7)})
    assert consumer_metrics.partitions() == [ZERO, ONE]
    consumer_metrics.ends({ZERO: 10, ONE: 10})
    assert value(consumer_metrics, "btl_lag_records", topic="comment-events", partition="1") == 3
    assert (
        value(consumer_metrics, "btl_progress_idle_seconds", topic="comment-events", partition="1")
        is None
    )
    assert (
        value(
            consumer_metrics, "btl_halted", topic="comment-events", partition="1", status="tripped"
        )
        == 1
    )
    consumer_metrics.assigned([])
    assert value(consumer_metrics, "btl_next_offset", topic="comment-events", partition="0") is None
    assert (
        value(
            consumer_metrics, "btl_halted", topic="comment-events", partition="1", status="tripped"
        )
        is None
    )


def test_steps_fences_and_trips_are_counted(consumer_metrics: ConsumerMetrics) -> None:
    consumer_metrics.step(Step.MERGED, 0.02)
    consumer_metrics.fenced("another owner")
    consumer_metrics.tripped(ZERO, "all bad")
    assert value(consumer_metrics, "btl_step_seconds_count", step="merged") == 1
    assert value(consumer_metrics, "btl_fence_rejections_total") == 1
    assert (
        value(consumer_metrics, "btl_breaker_trips_total", topic="comment-events", partition="0")
        == 1
    )


def test_an_event_is_sampled_whatever_the_size_of_its_batch(
    consumer_metrics: ConsumerMetrics,
) -> None:
    committed(consumer_metrics, [record(number) for number in range(1_000)])
    sampled = value(consumer_metrics, "btl_clock_skew_seconds_count", source="/comments")
    assert sampled == value(
        consumer_metrics, "btl_clock_skew_seconds_bucket", source="/comments", le="+Inf"
    )
    assert isinstance(load_contracts().decode(record(0)), Event)


def test_the_document_lists_exactly_the_figures_that_there_are(
    consumer_metrics: ConsumerMetrics,
) -> None:
    text = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(btl_\w+)`[^|]*\| (\w+) \|", text, re.MULTILINE))
    exposed = {
        metric.name + ("_total" if metric.type == "counter" else ""): metric.type
        for metric in consumer_metrics.registry.collect()
        if metric.name.startswith("btl_")
    }
    assert listed == exposed
