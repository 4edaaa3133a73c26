"""Our reading of record batches against kafka-python's own: the same records and positions, and
the same damage.
"""

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.util import calc_crc32c

from consumers.adapters.record_batches import PartitionRecords
from tests.hypothesis_profiles import examples

TARGET = TopicPartition("articles", 4)
PRODUCERS = (7, 8)
_LOG_APPEND_TIME, _CONTROL = 0x08, 0x20
_HEADER = struct.Struct(">qiibIhiqqqhii")
_AFTER_CHECKSUM = 21


class Sent(NamedTuple):
    """A record as a producer made it."""

    gap: int
    """The number of offsets before it that compaction took."""
    milliseconds: int
    """Since the first of its batch."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Aborted(NamedTuple):
    """A transaction that a broker says was aborted."""

    producer_id: int
    first_offset: int


# Lengths of one, two and three bytes.
BYTES = st.none() | st.binary(max_size=20) | st.sampled_from((63, 64, 8_191, 8_192)).map(bytes)
RECORDS = st.builds(
    Sent,
    gap=st.sampled_from((0, 0, 0, 1, 200)),
    milliseconds=st.integers(-10, 100_000),
    key=BYTES,
    value=BYTES,
    headers=st.lists(st.tuples(st.text(max_size=5), BYTES), max_size=2),
)


def batch(
    records: Sequence[Sent],
    base_offset: int,
    *,
    codec: int = 0,
    producer_id: int = -1,
    attributes: int = 0,
) -> tuple[bytes, int]:
    """Return a batch, and the offset after it."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=producer_id >= 0,
        producer_id=producer_id,
        producer_epoch=0,
        base_sequence=0,
        batch_size=1 << 30,
    )
    offset = -1
    for each in records:
        offset += 1 + each.gap
        assert builder.append(
            offset, 1_700_000_000_000 + each.milliseconds, each.key, each.value, each.headers
        )
    return changed(bytes(builder.build()), base_offset, attributes), base_offset + offset + 1


def changed(raw: bytes, base_offset: int, attributes: int = 0) -> bytes:
    """Return the batch at another offset, with further attributes, and with the checksum that
    belongs to it.
    """
    fields = list(_HEADER.unpack_from(raw))
    fields[0], fields[5] = base_offset, fields[5] | attributes
    whole = bytearray(_HEADER.pack(*fields) + raw[_HEADER.size :])
    struct.pack_into(">I", whole, _AFTER_CHECKSUM - 4, calc_crc32c(whole[_AFTER_CHECKSUM:]))
    return bytes(whole)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, int, list[Aborted], int]:
    """What a broker sends of a partition: batches of every kind and codec, the transactions that
    were aborted, where reading begins (perhaps within the first batch), and where all ends.
    """
    raw, offset, aborted = b"", draw(st.integers(0, 1 << 40)), []
    begin, first_end, open_since = offset, offset, dict[int, int]()
    for number in range(draw(st.integers(1, 5))):
        producer_id = draw(st.sampled_from((-1, *PRODUCERS)))
        if producer_id in open_since and draw(st.booleans()):
            is_committed = draw(st.booleans())
            if not is_committed:
                aborted.append(Aborted(producer_id, open_since[producer_id]))
            del open_since[producer_id]
            marker = Sent(0, 0, struct.pack(">hh", 0, int(is_committed)), b"\0" * 6, [])
            one, after = batch([marker], offset, producer_id=producer_id, attributes=_CONTROL)
        else:
            one, after = batch(
                draw(st.lists(RECORDS, min_size=1, max_size=20)),
                offset,
                codec=draw(st.integers(0, 4)),
                producer_id=producer_id,
                attributes=draw(st.sampled_from((0, _LOG_APPEND_TIME))),
            )
            if producer_id >= 0:
                open_since.setdefault(producer_id, offset)
        raw, offset = raw + one, after
        if number == 0:
            first_end = after
    return raw, draw(st.integers(begin, first_end - 1)), aborted, offset


def parts(raw: bytes, fetch_offset: int, aborted: Sequence[Aborted] = ()) -> list[Any]:
    """Our reading of an answer, and the library's."""
    return [
        reader(
            fetch_offset,
            TARGET,
            MemoryRecords(raw),
            isolation_level=IsolationLevel.READ_COMMITTED,
            aborted_transactions=aborted,
        )
        for reader in (PartitionRecords, Fetcher.PartitionRecords)
    ]


def plain(records: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [
        (
            *(each.topic, each.partition, each.offset, each.timestamp, each.key, each.value),
            tuple(each.headers),
        )
        for each in records
    ]


def everything(part: Any) -> list[tuple[Any, ...]]:
    """All records of an answer. Raises CorruptRecordError if one of them is damaged."""
    records = []
    while part:
        records += plain(part.take())
    return records


@examples(100)
@given(answers(), st.data())
def test_records_and_positions_are_those_of_kafka_python(
    answer: tuple[bytes, int, list[Aborted], int], data: st.DataObject
) -> None:
    raw, fetch_offset, aborted, end = answer
    ours, theirs = parts(raw, fetch_offset, aborted)
    while ours:
        limit = data.draw(st.sampled_from((1, 3, 50, 1_000)))
        taken = ours.take(limit)
        assert plain(taken) == plain(theirs.take(limit) if theirs else [])
        # At a batch's end ours is beyond what has no record already.
        assert theirs.next_fetch_offset <= ours.next_fetch_offset <= end
        assert all(record.offset < ours.next_fetch_offset for record in taken)
    assert not theirs
    assert ours.next_fetch_offset == theirs.next_fetch_offset == end
    assert ours.bytes_read == len(raw)


def test_records_before_damage_are_taken_and_then_it_is_reported_and_fetched_again() -> None:
    sent = [Sent(0, 0, b"key", b"value", [])] * 3
    good, end = batch(sent, 5)
    damaged = bytearray(batch(sent, end)[0])
    damaged[-1] ^= 1  # its checksum is left as it was
    ours, _ = parts(good + bytes(damaged), 5)
    assert [record.offset for record in ours.take(2)] == [5, 6]
    assert [record.offset for record in ours.take(2)] == [7]
    assert ours.next_fetch_offset == end
    with pytest.raises(CorruptRecordError, match="articles-4 at 8 fails its checksum"):
        ours.take(2)
    # The fetcher asks for a partition again when its answer is used up.
    assert not ours
    assert ours.next_fetch_offset == end


@examples(150)
@given(
    st.lists(
        st.builds(
            Sent,
            gap=st.integers(0, 2),
            milliseconds=st.integers(0, 50),
            key=st.none() | st.text("abc", max_size=9).map(str.encode),
            value=st.none() | st.text("abc", max_size=50).map(str.encode),
            headers=st.lists(st.tuples(st.text("abc", max_size=5), st.none() | st.just(b"ab"))),
        ),
        min_size=1,
        max_size=5,
    ),
    st.data(),
)
def test_what_is_damage_to_kafka_python_is_damage_to_us(
    records: list[Sent], data: st.DataObject
) -> None:
    whole, _ = batch(records, 0)
    damaged = bytearray(whole)
    # Below 128: kafka-python takes the attributes of a record for a varint, which they are not.
    damaged[data.draw(st.integers(_HEADER.size, len(whole) - 1))] = data.draw(st.integers(0, 127))
    ours, theirs = parts(changed(bytes(damaged), 0), 0)
    try:
        expected = everything(theirs)
    except CorruptRecordError:
        with pytest.raises(CorruptRecordError):
            everything(ours)
        assert not ours
    else:
        assert everything(ours) == expected
