"""Accounting and splitting of batches."""

import pytest

from below_the_line.contracts.events import Event, Record, Rejection
from consumers.core.batch import (
    Batch,
    BatchPolicy,
    DecodedRecord,
    Entry,
    Partition,
    applied_records,
)

LEFT, RIGHT = Partition("articles", 0), Partition("comment-events", 3)
REJECTION = Rejection("decode", "not_json", None, "not JSON")


def decoded(partition: Partition, offset: int, *, dead: bool = False) -> DecodedRecord:
    record = Record(partition.topic, partition.number, offset, 0, b"a", b"{}")
    event = Event("comment.deleted.v1", str(offset), "test", 0, "a", {}, b"", b"")
    return DecodedRecord(record, REJECTION if dead else event)


def test_a_batch_is_due_by_size_or_by_age_and_never_when_empty() -> None:
    policy = BatchPolicy(records=10, seconds=1.0)
    assert not policy.is_due(0, None, now=100.0)
    assert not policy.is_due(9, 100.0, now=100.9)
    assert policy.is_due(10, 100.0, now=100.0)
    assert policy.is_due(1, 100.0, now=101.0)


def test_entries_account_for_every_record_and_keep_offsets_contiguous_over_gaps() -> None:
    batch = Batch()
    batch.add(LEFT, [decoded(LEFT, 5), decoded(LEFT, 6, dead=True)], 5, 7, now=1.0)
    batch.add(RIGHT, [decoded(RIGHT, 0), decoded(RIGHT, 2)], 0, 3, now=1.0)
    batch.add(LEFT, [decoded(LEFT, 9)], 7, 12, now=2.0)
    assert batch.first_at == 1.0
    assert batch.entries(applied={0, 3}) == [
        Entry(LEFT, 5, 12, records=3, applied=1, unchanged=1, dead_lettered=1),
        Entry(RIGHT, 0, 3, records=2, applied=1, unchanged=1, dead_lettered=0),
    ]


def test_records_that_do_not_follow_the_ones_before_are_refused() -> None:
    batch = Batch()
    batch.add(LEFT, [decoded(LEFT, 5)], 5, 6, now=1.0)
    with pytest.raises(ValueError, match="do not follow"):
        batch.add(LEFT, [decoded(LEFT, 8)], 8, 9, now=1.0)


def test_an_account_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(ValueError, match="does not add up"):
        Entry(LEFT, 0, 2, records=2, applied=1, unchanged=0, dead_lettered=0)


def test_a_position_that_moves_without_records_is_an_empty_entry() -> None:
    batch = Batch()
    batch.add(LEFT, [], 5, 6, now=1.0)
    (entry,) = batch.entries(applied=set())
    assert (entry.kind, entry.records, entry.first_offset, entry.next_offset) == ("empty", 0, 5, 6)


def test_halves_cover_the_same_records_and_offsets_in_order() -> None:
    batch = Batch()
    batch.add(LEFT, [decoded(LEFT, offset) for offset in (5, 6, 8)], 5, 10, now=1.0)
    batch.add(RIGHT, [decoded(RIGHT, 0)], 0, 1, now=1.0)
    left, right = batch.halves()
    assert left.decoded + right.decoded == batch.decoded
    assert (left.first_offsets, left.next_offsets) == ({LEFT: 5}, {LEFT: 7})
    assert (right.first_offsets, right.next_offsets) == ({LEFT: 7, RIGHT: 0}, {LEFT: 10, RIGHT: 1})


def test_halves_count_their_own_dead_letters_and_events() -> None:
    batch = Batch()
    bad, good = decoded(LEFT, 5, dead=True), decoded(RIGHT, 0)
    assert batch.add(LEFT, [bad], 5, 6, now=1.0) == [bad]
    assert batch.add(RIGHT, [good], 0, 1, now=1.0) == []
    left, right = batch.halves()
    assert (left.dead_letters(), left.has_events) == ([bad], False)
    assert (right.dead_letters(), right.has_events) == ([], True)
    assert left.entries(None) == [
        Entry(LEFT, 5, 6, records=1, applied=0, unchanged=0, dead_lettered=1)
    ]
    assert right.entries(None) == [
        Entry(RIGHT, 0, 1, records=1, applied=1, unchanged=0, dead_lettered=0)
    ]
    assert right.reject_only_record(REJECTION).entries(set()) == [
        Entry(RIGHT, 0, 1, records=1, applied=0, unchanged=0, dead_lettered=1)
    ]


def test_halving_down_to_single_records_keeps_every_span_contiguous() -> None:
    batch = Batch()
    batch.add(LEFT, [decoded(LEFT, offset) for offset in (1, 2, 5, 7)], 0, 9, now=1.0)
    batch.add(RIGHT, [decoded(RIGHT, offset) for offset in (3, 4, 6)], 3, 8, now=1.0)
    pending, spans = [batch], []
    while pending:
        current = pending.pop(0)
        if len(current) > 1:
            pending = [*current.halves(), *pending]
        else:
            spans.append(current)
    for partition in (LEFT, RIGHT):
        position = batch.first_offsets[partition]
        for span in spans:
            if partition in span.first_offsets:
                assert span.first_offsets[partition] == position
                position = span.next_offsets[partition]
        assert position == batch.next_offsets[partition]
    assert [len(span) for span in spans] == [1] * 7


def test_a_record_is_applied_when_any_of_its_rows_changed() -> None:
    members = {"comments": [[0, 2], [1]], "comment_edits": [[2]]}
    assert applied_records({"comments": {0, 1}, "comment_edits": set()}, members) == {2}
    assert applied_records({"comments": {1}, "comment_edits": {0}}, members) == {0, 2}
    assert applied_records({"comments": {0, 1}, "comment_edits": {0}}, members) == set()
