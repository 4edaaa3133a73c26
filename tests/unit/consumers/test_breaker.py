"""When the breaker of a partition trips: over half of the last records bad, and not a few."""

from collections.abc import Sequence

import pytest

from below_the_line.contracts.events import Event, Record, Rejection
from consumers.core.batch import DecodedRecord
from consumers.core.breaker import Breaker, BreakerPolicy
from tests.builders import deleted

POLICY = BreakerPolicy(window=100, min_bad=20)
EVENT = deleted(at="2026-05-01T10:00:00Z")


def decoded(pattern: str, first_offset: int = 0) -> list[DecodedRecord]:
    """``g``: good; ``b``: bad; ``u``: of an unknown type."""
    results: dict[str, Event | Rejection] = {
        "g": EVENT,
        "b": Rejection("contract", "schema_violation", None, "made up"),
        "u": Rejection("envelope", "unknown_type", None, "made up"),
    }
    return [
        DecodedRecord(
            Record("comment-events", 0, first_offset + number, 0, b"a", b"{}"), results[letter]
        )
        for number, letter in enumerate(pattern)
    ]


def trips(breaker: Breaker, records: Sequence[DecodedRecord]) -> bool:
    return breaker.trips(
        records,
        [(record, result) for record, result in records if isinstance(result, Rejection)],
    )


@pytest.mark.parametrize(
    ("pattern", "is_tripped"),
    [
        ("b" * 19, False),
        ("b" * 20, True),
        ("gb" * 200, False),
        ("g" * 19 + "b" * 20, True),
        ("g" * 20 + "b" * 20, False),
        ("g" * 20 + "b" * 21, True),
        # Only the last hundred count, however many good ones came before.
        ("g" * 5_000 + "b" * 50, False),
        ("g" * 5_000 + "b" * 51, True),
        ("b" * 19 + "g" * 100 + "b" * 19, False),
        ("u" * 500, False),
        # Unknown types are neither good nor bad: they thin nothing out.
        ("ub" * 20, True),
        ("ugb" * 300, False),
    ],
)
def test_it_trips_when_over_half_of_the_last_records_are_bad_and_not_a_few(
    pattern: str, is_tripped: bool
) -> None:
    records = decoded(pattern)
    assert trips(Breaker(POLICY), records) is is_tripped
    one_by_one = Breaker(POLICY)
    assert any(trips(one_by_one, [each]) for each in records) is is_tripped


def test_the_default_is_over_half_of_the_last_thousand_and_at_least_two_hundred() -> None:
    assert not trips(Breaker(BreakerPolicy()), decoded("b" * 199))
    assert trips(Breaker(BreakerPolicy()), decoded("b" * 200))
    assert not trips(Breaker(BreakerPolicy()), decoded("g" * 2_000 + "b" * 500))
    assert trips(Breaker(BreakerPolicy()), decoded("g" * 2_000 + "b" * 501))


def test_records_that_somebody_accepted_are_not_counted() -> None:
    breaker = Breaker(POLICY, accepted_offset=1_000)
    assert not trips(breaker, decoded("b" * 990, first_offset=10))
    assert trips(breaker, decoded("b" * 20, first_offset=1_000))


def test_good_records_are_counted_from_the_accepted_offset_on() -> None:
    # Those of one poll may lie on both sides of it.
    breaker = Breaker(POLICY, accepted_offset=30)
    assert not trips(breaker, decoded("g" * 40))
    assert not trips(breaker, decoded("g" * 20, first_offset=40))
    assert not trips(breaker, decoded("b" * 30, first_offset=60))
    assert trips(breaker, decoded("b", first_offset=90))


def test_a_record_that_the_database_refused_is_bad_after_all() -> None:
    breaker = Breaker(POLICY)
    records = decoded("g" * 39)
    assert not trips(breaker, records)
    refused = [
        DecodedRecord(each.record, Rejection("database", "rejected_by_database", None, "made up"))
        for each in records
    ]
    assert [breaker.trips_afterwards(each) for each in refused[:20]] == [False] * 19 + [True]


def test_it_says_what_the_last_records_were_with_the_last_one_of_each_code() -> None:
    breaker = Breaker(POLICY)
    trips(breaker, decoded("g" * 10 + "b" * 19))
    record = decoded("b", first_offset=29)[0].record
    trips(breaker, [DecodedRecord(record, Rejection("decode", "not_json", "/data", "x" * 1_000))])
    assert breaker.detail == (
        "20 of the last 30 records could not be applied (schema_violation 19, not_json 1); "
        f"offset 28: made up; offset 29: /data: {'x' * 193}"
    )
