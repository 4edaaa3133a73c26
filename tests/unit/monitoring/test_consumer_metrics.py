"""What is counted of a consumer, and what stands in docs/observability.md."""

import re
from pathlib import Path
from uuid import UUID

import pytest

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record
from below_the_line.errors import BelowTheLineError
from below_the_line.partitions import PartitionLog
from below_the_line.settings import from_environment
from consumers.app import known_sources
from consumers.core.batch import Batch, DecodedRecord, Partition
from consumers.core.health import alive, ready
from consumers.core.observer import Cause, Halt, Step
from consumers.monitoring.consumer_metrics import OTHER, ConsumerMetrics
from tests.builders import envelope

ROOT = Path(__file__).resolve().parents[3]
TOPIC = UUID(int=1)
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
def metrics(clock: Clock) -> ConsumerMetrics:
    return ConsumerMetrics(clock)


def value(metrics: ConsumerMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


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


def committed(metrics: ConsumerMetrics, records: list[Record]) -> None:
    decode = load_contracts().decode
    batch = Batch.scattered([DecodedRecord(each, decode(each)) for each in records])
    metrics.committed(batch, batch.entries(None))


def test_records_and_dead_letters_are_counted_by_what_became_of_them(
    metrics: ConsumerMetrics,
) -> None:
    committed(metrics, [record(0), record(1, raw=b"{"), record(2, raw=b"{}")])
    assert value(metrics, "btl_records_total", outcome="applied") == 1
    assert value(metrics, "btl_records_total", outcome="unchanged") == 0
    assert value(metrics, "btl_records_total", outcome="dead_lettered") == 2
    assert value(metrics, "btl_dead_letters_total", stage="decode", code="not_json") == 1
    assert value(metrics, "btl_dead_letters_total", stage="envelope", code="not_cloudevent") == 1
    assert value(metrics, "btl_batch_records_sum") == 3


def test_the_clock_of_each_source_is_compared_and_sources_without_end_share_a_label(
    metrics: ConsumerMetrics,
) -> None:
    committed(metrics, [record(0)])
    assert value(metrics, "btl_clock_skew_seconds_bucket", source="/comments", le="1.0") == 0
    assert value(metrics, "btl_clock_skew_seconds_bucket", source="/comments", le="5.0") == 1
    for number in range(30):
        committed(metrics, [record(number, source=f"/source-{number}")])
    assert value(metrics, "btl_clock_skew_seconds_bucket", source=OTHER, le="+Inf") == 11


def test_pauses_are_counted_and_timed_by_cause(metrics: ConsumerMetrics, clock: Clock) -> None:
    metrics.waiting(Cause.GROUP, "joining")
    clock.now += 2
    metrics.waiting(Cause.DATABASE, "connection refused")
    clock.now += 3
    metrics.waiting(Cause.DATABASE, "still refused")
    assert value(metrics, "btl_paused", cause="database") == 1
    assert value(metrics, "btl_paused", cause="group") == 0
    assert ready(metrics.condition(), clock()).because == (
        "Waiting for the database for 3 s: still refused",
    )
    clock.now += 4
    metrics.reading({ZERO: 5}, {})
    assert value(metrics, "btl_pauses_total", cause="database") == 1
    assert value(metrics, "btl_paused_seconds_total", cause="group") == 2
    assert value(metrics, "btl_paused_seconds_total", cause="database") == 7
    assert value(metrics, "btl_paused", cause="database") == 0
    assert value(metrics, "btl_ready") == 1


def test_a_database_that_says_nothing_is_waited_for_and_no_reason_to_start_anew(
    metrics: ConsumerMetrics, clock: Clock
) -> None:
    metrics.reading({ZERO: 5}, {})
    for seconds in range(1, 66):
        clock.now += 1
        metrics.silent(float(seconds))
    assert alive(metrics.condition(), clock()).holds
    assert ready(metrics.condition(), clock()).because[:1] == (
        "Waiting for the database for 63 s: the server has been silent for 65 s",
    )
    metrics.ends({ZERO: PartitionLog(TOPIC, 0, 5)})
    metrics.turn()
    assert ready(metrics.condition(), clock()).holds
    assert value(metrics, "btl_pauses_total", cause="database") == 1
    assert value(metrics, "btl_paused_seconds_total", cause="database") == 63


def test_a_merge_of_a_second_is_no_pause_and_a_silence_hides_no_other_reason(
    metrics: ConsumerMetrics, clock: Clock
) -> None:
    metrics.reading({ZERO: 5}, {})
    metrics.silent(1.0)
    assert ready(metrics.condition(), clock()).holds
    metrics.waiting(Cause.FENCE, "another owner")
    metrics.silent(5.0)
    metrics.turn()
    assert ready(metrics.condition(), clock()).because == (
        "Waiting for the fence for 0 s: another owner",
    )


def test_a_fault_after_a_silence_is_told_until_reading_goes_on(
    metrics: ConsumerMetrics, clock: Clock
) -> None:
    metrics.reading({ZERO: 5}, {})
    metrics.silent(3.0)
    clock.now += 4
    metrics.waiting(Cause.DATABASE, "the server said nothing for 70 s")
    metrics.turn()
    assert ready(metrics.condition(), clock()).because == (
        "Waiting for the database for 4 s: the server said nothing for 70 s",
    )
    assert value(metrics, "btl_pauses_total", cause="database") == 1


def test_lag_is_what_the_broker_has_beyond_what_is_committed(
    metrics: ConsumerMetrics, clock: Clock
) -> None:
    metrics.reading({ZERO: 0, ONE: 4}, {})
    metrics.ends(
        {
            ZERO: PartitionLog(TOPIC, 0, 10, open_transaction=2),
            ONE: PartitionLog(TOPIC, 0, 4),
        }
    )
    committed(metrics, [record(0), record(1)])
    clock.now += 5
    assert value(metrics, "btl_lag_records", topic="comment-events", partition="0") == 8
    assert value(metrics, "btl_lag_records", topic="comment-events", partition="1") == 0
    assert value(metrics, "btl_progress_idle_seconds", topic="comment-events", partition="0") == 5
    assert value(metrics, "btl_end_offsets_age_seconds") == 5
    opened = "btl_open_transaction_offset"
    assert value(metrics, opened, topic="comment-events", partition="0") == 2
    assert value(metrics, opened, topic="comment-events", partition="1") is None


def test_taking_a_partition_anew_is_no_progress(metrics: ConsumerMetrics, clock: Clock) -> None:
    metrics.reading({ZERO: 3}, {})
    clock.now += 50
    metrics.waiting(Cause.DATABASE, "gone")
    metrics.reading({ZERO: 3}, {})
    assert value(metrics, "btl_progress_idle_seconds", topic="comment-events", partition="0") == 50
    metrics.reading({ZERO: 4}, {})
    assert value(metrics, "btl_progress_idle_seconds", topic="comment-events", partition="0") == 0


def test_figures_of_a_partition_go_where_it_goes(metrics: ConsumerMetrics) -> None:
    metrics.reading({ZERO: 0}, {ONE: Halt("tripped", "decide", 7)})
    assert metrics.partitions() == [ZERO, ONE]
    metrics.ends({ZERO: PartitionLog(TOPIC, 0, 10, 4), ONE: PartitionLog(TOPIC, 0, 10)})
    assert value(metrics, "btl_lag_records", topic="comment-events", partition="1") == 3
    assert (
        value(metrics, "btl_progress_idle_seconds", topic="comment-events", partition="1") is None
    )
    assert (
        value(metrics, "btl_halted", topic="comment-events", partition="1", status="tripped") == 1
    )
    opened = "btl_open_transaction_offset"
    assert value(metrics, opened, topic="comment-events", partition="0") == 4
    metrics.assigned([])
    assert value(metrics, opened, topic="comment-events", partition="0") is None
    assert value(metrics, "btl_next_offset", topic="comment-events", partition="0") is None
    assert (
        value(metrics, "btl_halted", topic="comment-events", partition="1", status="tripped")
        is None
    )


def test_steps_fences_and_trips_are_counted(metrics: ConsumerMetrics) -> None:
    metrics.step(Step.MERGED, 0.02)
    metrics.fenced("another owner")
    metrics.tripped(ZERO, "all bad")
    assert value(metrics, "btl_step_seconds_count", step="merged") == 1
    assert value(metrics, "btl_fence_rejections_total") == 1
    assert value(metrics, "btl_breaker_trips_total", topic="comment-events", partition="0") == 1


def test_an_event_is_sampled_whatever_the_size_of_its_batch(
    metrics: ConsumerMetrics,
) -> None:
    committed(metrics, [record(number) for number in range(1_000)])
    sampled = value(metrics, "btl_clock_skew_seconds_count", source="/comments")
    assert sampled == value(metrics, "btl_clock_skew_seconds_bucket", source="/comments", le="+Inf")
    assert isinstance(load_contracts().decode(record(0)), Event)


def test_the_document_lists_exactly_the_figures_that_there_are(
    metrics: ConsumerMetrics,
) -> None:
    text = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(btl_\w+)`[^|]*\| (\w+) \|", text, re.MULTILINE))
    exposed = {
        metric.name + ("_total" if metric.type == "counter" else ""): metric.type
        for metric in metrics.registry.collect()
        if metric.name.startswith("btl_")
    }
    assert listed == exposed


def test_a_flood_is_counted_by_source_and_type_in_a_limited_number_of_series(
    clock: Clock,
) -> None:
    metrics = ConsumerMetrics(clock, {"/cms": ("article.*",)})

    def unknown(source: str, event_type: str, offset: int) -> Record:
        raw = envelope(event_type, {}, at="2026-05-01T10:00:00Z", source=source)
        return record(offset, raw=raw)

    flood = [unknown(f"/s{number}", f"t{number}", number) for number in range(30)]
    committed(
        metrics, [*flood, unknown("/cms", "comment.liked.v1", 30), record(31, raw=b"no JSON")]
    )

    def count(source: str, event_type: str, code: str = "unknown_type") -> float | None:
        labels = {"source": source, "type": event_type, "code": code}
        return value(metrics, "btl_dead_letters_by_source_total", **labels)

    assert count("/s0", "t0") == 1
    assert count("/s19", "t19") == 1
    assert count(OTHER, OTHER) == 10
    # A configured source keeps its name, however many others there are.
    assert count("/cms", OTHER) == 1
    assert count("unreadable", "unreadable", "not_json") == 1


def test_a_type_that_a_source_is_not_expected_to_send_is_counted(clock: Clock) -> None:
    bound = ConsumerMetrics(clock, {"/comments": ("comment.posted.v1",), "/cms": ("article.*",)})
    free = ConsumerMetrics(clock)
    for metrics in (bound, free):
        committed(
            metrics,
            [record(0), record(1, source="/cms"), record(2, source="/cms"), record(3, source="/x")],
        )

    def count(metrics: ConsumerMetrics, source: str) -> float | None:
        labels = {"source": source, "type": "comment.posted.v1"}
        return value(metrics, "btl_unexpected_source_events_total", **labels)

    assert [count(bound, each) for each in ("/comments", "/cms", "/x")] == [None, 2, 1]
    assert [count(free, each) for each in ("/comments", "/cms", "/x")] == [None] * 3


def test_a_source_is_given_only_types_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BTL_SOURCES", '{"/cms": ["article.*", "discussion.overridden.v1"]}')
    assert known_sources(from_environment()) == {"/cms": ("article.*", "discussion.overridden.v1")}
    monkeypatch.setenv("BTL_SOURCES", '{"/cms": ["article.publish.v1"]}')
    with pytest.raises(BelowTheLineError, match=r"article\.publish\.v1 to /cms") as found:
        known_sources(from_environment())
    assert "article.published.v1" in (found.value.hint or "")
