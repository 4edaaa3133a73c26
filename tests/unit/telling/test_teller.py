"""What is counted of a consumer, and what stands in docs/observability.md."""

import re
from pathlib import Path

import pytest

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record
from consumers.core.batch import Batch, Judged, Partition
from consumers.core.health import alive, ready
from consumers.core.observing import Cause, Halt, Step
from consumers.telling.teller import OTHER, Teller
from tests.building import envelope

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
def teller(clock: Clock) -> Teller:
    return Teller(clock)


def value(teller: Teller, name: str, **labels: str) -> float | None:
    return teller.registry.get_sample_value(name, labels)


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


def committed(teller: Teller, records: list[Record]) -> None:
    decode = load_contracts().decode
    batch = Batch.scattered([Judged(each, decode(each)) for each in records])
    teller.committed(batch, batch.entries(None))


def test_records_and_dead_letters_are_counted_by_what_became_of_them(teller: Teller) -> None:
    committed(teller, [record(0), record(1, raw=b"{"), record(2, raw=b"{}")])
    assert value(teller, "btl_records_total", outcome="applied") == 1
    assert value(teller, "btl_records_total", outcome="unchanged") == 0
    assert value(teller, "btl_records_total", outcome="dead_lettered") == 2
    assert value(teller, "btl_dead_letters_total", stage="decode", code="not_json") == 1
    assert value(teller, "btl_dead_letters_total", stage="envelope", code="not_cloudevent") == 1
    assert value(teller, "btl_batch_records_sum") == 3


def test_the_clock_of_each_source_is_compared_and_sources_without_end_share_a_label(teller: Teller) -> None:
    committed(teller, [record(0)])
    assert value(teller, "btl_clock_skew_seconds_bucket", source="/comments", le="1.0") == 0
    assert value(teller, "btl_clock_skew_seconds_bucket", source="/comments", le="5.0") == 1
    for number in range(30):
        committed(teller, [record(number, source=f"/source-{number}")])
    assert value(teller, "btl_clock_skew_seconds_bucket", source=OTHER, le="+Inf") == 11


def test_pauses_are_counted_and_timed_by_cause(teller: Teller, clock: Clock) -> None:
    teller.waiting(Cause.GROUP, "joining")
    clock.now += 2
    teller.waiting(Cause.DATABASE, "connection refused")
    clock.now += 3
    teller.waiting(Cause.DATABASE, "still refused")
    assert value(teller, "btl_paused", cause="database") == 1
    assert value(teller, "btl_paused", cause="group") == 0
    assert ready(teller.condition(), clock()).because == ("Waiting for the database for 3 s: still refused",)
    clock.now += 4
    teller.reading({ZERO: 5}, {})
    assert value(teller, "btl_pauses_total", cause="database") == 1
    assert value(teller, "btl_paused_seconds_total", cause="group") == 2
    assert value(teller, "btl_paused_seconds_total", cause="database") == 7
    assert value(teller, "btl_paused", cause="database") == 0
    assert value(teller, "btl_ready") == 1


def test_a_database_that_says_nothing_is_waited_for_and_no_reason_to_start_anew(teller: Teller, clock: Clock) -> None:
    teller.reading({ZERO: 5}, {})
    for seconds in range(1, 66):
        clock.now += 1
        teller.silent(float(seconds))
    assert alive(teller.condition(), clock()).holds
    assert ready(teller.condition(), clock()).because[:1] == (
        "Waiting for the database for 63 s: the server has said nothing for 65 s",
    )
    teller.ends({ZERO: 5})
    teller.turn()
    assert ready(teller.condition(), clock()).holds
    assert value(teller, "btl_pauses_total", cause="database") == 1
    assert value(teller, "btl_paused_seconds_total", cause="database") == 63


def test_a_merge_of_a_second_is_no_pause_and_a_silence_hides_no_other_reason(teller: Teller, clock: Clock) -> None:
    teller.reading({ZERO: 5}, {})
    teller.silent(1.0)
    assert ready(teller.condition(), clock()).holds
    teller.waiting(Cause.FENCE, "another owner")
    teller.silent(5.0)
    teller.turn()
    assert ready(teller.condition(), clock()).because == ("Waiting for the fence for 0 s: another owner",)


def test_a_fault_after_a_silence_is_told_until_reading_goes_on(teller: Teller, clock: Clock) -> None:
    teller.reading({ZERO: 5}, {})
    teller.silent(3.0)
    clock.now += 4
    teller.waiting(Cause.DATABASE, "the server said nothing for 70 s")
    teller.turn()
    assert ready(teller.condition(), clock()).because == (
        "Waiting for the database for 4 s: the server said nothing for 70 s",
    )
    assert value(teller, "btl_pauses_total", cause="database") == 1


def test_lag_is_what_the_broker_has_beyond_what_is_committed(teller: Teller, clock: Clock) -> None:
    teller.reading({ZERO: 0, ONE: 4}, {})
    teller.ends({ZERO: 10, ONE: 4})
    committed(teller, [record(0), record(1)])
    clock.now += 5
    assert value(teller, "btl_lag_records", topic="comment-events", partition="0") == 8
    assert value(teller, "btl_lag_records", topic="comment-events", partition="1") == 0
    assert value(teller, "btl_progress_idle_seconds", topic="comment-events", partition="0") == 5
    assert value(teller, "btl_end_offsets_age_seconds") == 5


def test_taking_a_partition_anew_is_no_progress(teller: Teller, clock: Clock) -> None:
    teller.reading({ZERO: 3}, {})
    clock.now += 50
    teller.waiting(Cause.DATABASE, "gone")
    teller.reading({ZERO: 3}, {})
    assert value(teller, "btl_progress_idle_seconds", topic="comment-events", partition="0") == 50
    teller.reading({ZERO: 4}, {})
    assert value(teller, "btl_progress_idle_seconds", topic="comment-events", partition="0") == 0


def test_figures_of_a_partition_go_where_it_goes(teller: Teller) -> None:
    teller.reading({ZERO: 0}, {ONE: Halt("tripped", "decide", 7)})
    assert teller.partitions() == [ZERO, ONE]
    teller.ends({ZERO: 10, ONE: 10})
    assert value(teller, "btl_lag_records", topic="comment-events", partition="1") == 3
    assert value(teller, "btl_progress_idle_seconds", topic="comment-events", partition="1") is None
    assert value(teller, "btl_halted", topic="comment-events", partition="1", status="tripped") == 1
    teller.assigned([])
    assert value(teller, "btl_next_offset", topic="comment-events", partition="0") is None
    assert value(teller, "btl_halted", topic="comment-events", partition="1", status="tripped") is None


def test_steps_fences_and_trips_are_counted(teller: Teller) -> None:
    teller.step(Step.MERGED, 0.02)
    teller.fenced("another owner")
    teller.tripped(ZERO, "all bad")
    assert value(teller, "btl_step_seconds_count", step="merged") == 1
    assert value(teller, "btl_fence_rejections_total") == 1
    assert value(teller, "btl_breaker_trips_total", topic="comment-events", partition="0") == 1


def test_an_event_is_sampled_whatever_the_size_of_its_batch(teller: Teller) -> None:
    committed(teller, [record(number) for number in range(1_000)])
    sampled = value(teller, "btl_clock_skew_seconds_count", source="/comments")
    assert sampled == value(teller, "btl_clock_skew_seconds_bucket", source="/comments", le="+Inf")
    assert isinstance(load_contracts().decode(record(0)), Event)


def test_the_document_lists_exactly_the_figures_that_there_are(teller: Teller) -> None:
    text = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(btl_\w+)`[^|]*\| (\w+) \|", text, re.MULTILINE))
    exposed = {
        metric.name + ("_total" if metric.type == "counter" else ""): metric.type
        for metric in teller.registry.collect()
        if metric.name.startswith("btl_")
    }
    assert listed == exposed
