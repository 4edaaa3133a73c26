"""Reads records out of what the brokers sent, in place of kafka-python's reader.

kafka-python's reader is a third of a consumer's work: it builds two objects per record and adds up
the sizes of its headers. It also raises CorruptRecordError from ``poll()`` for a header name that
is not UTF-8, so that one producer could stop a partition (docs/adr/0005).
Fetching, sessions, checksums, compression and the skipping of aborted transactions stay the
library's.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError, KafkaConnectionError, KafkaError
from kafka.net.transport import KafkaTCPTransport
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

from below_the_line.contracts.events import Record

_FORMAT = 2
"""The format of record batches since Kafka 0.11; brokers from 4.0 on store no other."""
_BYTES_AT_ONCE = 256 * 1024
_BYTES_AHEAD = 4 * 1024 * 1024
_send_fetches = Fetcher.send_fetches


def install() -> None:
    """Make the consumers of this process return our ``Record``s, and ask for more as
    ``send_fetches`` does. Safe to call again.
    """
    Fetcher.PartitionRecords = PartitionRecords  # type: ignore[misc, assignment]
    Fetcher.send_fetches = send_fetches  # type: ignore[method-assign]
    KafkaTCPTransport._sock_recv = _receive


def poll(
    consumer: KafkaConsumer, timeout_milliseconds: int, max_records: int | None = None
) -> dict[TopicPartition, list[Record]]:
    """Poll a consumer of this process, whose records are ours since ``install``.

    Raises kafka.errors.KafkaError.
    """
    found = consumer.poll(timeout_ms=timeout_milliseconds, max_records=max_records)
    fetch_ahead(consumer._fetcher)
    return cast("dict[TopicPartition, list[Record]]", found)


def fetch_ahead(fetcher: Fetcher) -> None:
    """Ask the brokers for more while there is still something to decode, unless there is much.

    kafka-python asks when all that it received was taken: its next ``poll()`` then waits for the
    answer. A partition is asked for only when its own part was taken.
    """
    # The library's thread may append meanwhile.
    received = sum(
        len(fetch.partition_data.records or b"") for fetch in fetcher._completed_fetches.copy()
    )
    if (
        0 < received < _BYTES_AHEAD
        and not fetcher.in_flight_fetches()
        and _is_answered_at_once(fetcher)
    ):
        # The records that the caller has just taken must not be lost: the next poll() meets the
        # error again.
        with suppress(KafkaError):
            fetcher.send_fetches()


def send_fetches(self: Any) -> Any:
    """Ask the brokers for more, in place of kafka-python's method.

    kafka-python asks also when ``poll()`` took a partition's part of an answer in part: for all
    partitions but this one. If the others have nothing, this one is not asked for until the broker
    has waited for them in vain.
    """
    if self._next_partition_records and not _is_answered_at_once(self):
        return []
    return _send_fetches(self)


def _is_answered_at_once(fetcher: Any) -> bool:
    """Return whether each broker that would be asked has records of a partition that it would be
    asked for.

    A broker that has none waits for some, half a second. Until then nothing else is asked of it:
    partitions with records would wait for those without.
    """
    has_records: dict[int | None, bool] = {}
    for partition in fetcher._fetchable_partitions():
        broker = fetcher._manager.cluster.leader_for_partition(partition)
        # The group may have taken it away meanwhile, on the library's thread.
        state = fetcher._subscriptions.assignment.get(partition)
        has_records[broker] = has_records.get(broker, False) or (
            state is not None
            and state.position is not None
            and state.highwater is not None
            and state.position.offset < state.highwater
        )
    return bool(has_records) and all(has_records.values())


def _receive(self: KafkaTCPTransport) -> tuple[bytes, KafkaConnectionError | None]:
    """Return all that a socket without encryption has received, and the error, if it has one.

    Reads pieces of 256 KiB, where kafka-python reads 4 KiB.
    """
    pieces = []
    try:
        while piece := self._sock.recv(_BYTES_AT_ONCE):
            pieces.append(piece)
    except (BlockingIOError, InterruptedError):
        return b"".join(pieces), None
    except OSError as error:
        return b"".join(pieces), KafkaConnectionError(error)
    return b"".join(pieces), KafkaConnectionError("socket disconnected")


class PartitionRecords(Fetcher.PartitionRecords):
    """One partition's part of an answer: its records in order, without those of aborted
    transactions. Batches are unpacked one at a time, when their records are taken.
    """

    def __init__(
        self,
        fetch_offset: int,
        topic_partition: TopicPartition,
        batches: MemoryRecords,
        **options: Any,
    ) -> None:
        super().__init__(fetch_offset, topic_partition, batches, **options)
        self._batches = self._unpacked(batches)
        self._unread: list[Record] = []
        """Records of the last batch, and those before it, that are not taken yet."""
        self._batch_end = fetch_offset
        """Where the last batch ends. That may lie beyond its last record: offsets that compaction
        or a transaction marker took belong to the batch.
        """

    def take(self, n: int | None = None) -> list[Record]:
        """Return the next ``n`` records, fewer only at the end; of an answer that is read to its
        end, none.

        Sets ``next_fetch_offset``, which becomes the position. Raises CorruptRecordError for a
        damaged batch, when the records before it are taken. The brokers are asked for it again.
        """
        limit = sys.maxsize if n is None else n
        unread = self._unread
        try:
            self._maybe_raise_next_inline_exception()
            while len(unread) < limit and (records := next(self._batches, None)) is not None:
                unread += records
        except Exception as error:
            if not unread:
                self.drain()
                raise
            self._next_inline_exception = error
        taken, self._unread = unread[:limit], unread[limit:]
        self.next_fetch_offset = taken[-1].offset + 1 if self._unread else self._batch_end
        if not taken:
            self.drain()
        return taken

    def _unpacked(self, batches: MemoryRecords) -> Iterator[list[Record]]:
        """Yield the records of each batch. Raises CorruptRecordError."""
        topic, number = self.topic_partition
        while (batch := batches.next_batch()) is not None:
            if batch.magic != _FORMAT:
                raise CorruptRecordError(
                    f"Record batch of {topic}-{number} has format {batch.magic}, not {_FORMAT}"
                )
            if self.check_crcs and not batch.validate_crc():
                raise CorruptRecordError(
                    f"Record batch of {topic}-{number} at {batch.base_offset} fails its checksum"
                )
            self.leader_epoch = batch.leader_epoch
            records = [] if self._is_skipped(batch) else read_batch(batch, topic, number)
            if records and records[0].offset < self.fetch_offset:
                # A batch is sent whole, also when it was read in part.
                records = [record for record in records if record.offset >= self.fetch_offset]
            self.records_read += len(records)
            self.bytes_read += batch.size_in_bytes
            self._batch_end = batch.next_offset
            yield records

    def _is_skipped(self, batch: DefaultRecordBatch) -> bool:
        """Return whether the batch is a transaction marker, or part of an aborted transaction
        (KIP-98).
        """
        if self.isolation_level == IsolationLevel.READ_COMMITTED and batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if self._contains_abort_marker(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            elif self._is_batch_aborted(batch):
                return True
        return bool(batch.is_control_batch)


def read_batch(batch: DefaultRecordBatch, topic: str, partition: int) -> list[Record]:
    """Return the records of a batch of format 2 (KIP-98: each length and delta is a zigzag varint).

    Raises CorruptRecordError where lengths and content do not fit.
    """
    batch._maybe_uncompress()
    buffer, position = bytes(batch._buffer), batch._pos
    base_offset, first_timestamp = batch.base_offset, batch.first_timestamp
    appended_at = batch.max_timestamp if batch.timestamp_type == batch.LOG_APPEND_TIME else None
    sections: dict[bytes, tuple[tuple[str, bytes | None], ...]] = {}
    new, varint = tuple.__new__, _varint
    records: list[Record] = []
    try:
        for _ in range(batch.records_count):
            length, position = varint(buffer, position)
            end = position + length
            position += 1  # attributes, unused
            timestamp_delta, position = varint(buffer, position)
            offset_delta, position = varint(buffer, position)
            size, position = varint(buffer, position)
            if size < 0:
                key = None
            else:
                key = buffer[position : position + size]
                position += size
            size, position = varint(buffer, position)
            if size < 0:
                value = None
            else:
                value = buffer[position : position + size]
                position += size
            if position >= end:
                raise CorruptRecordError(
                    f"Record of {topic}-{partition} is {position - end} bytes longer than it says"
                )
            # Most records of a producer have the same headers: they are read once per batch.
            section = buffer[position:end]
            headers = sections.get(section)
            if headers is None:
                headers = sections[section] = _read_headers(section)
            position = end
            timestamp = first_timestamp + timestamp_delta if appended_at is None else appended_at
            records.append(
                new(
                    Record,
                    (topic, partition, base_offset + offset_delta, timestamp, key, value, headers),
                )
            )
    except (IndexError, ValueError) as error:
        raise CorruptRecordError(
            f"Record batch of {topic}-{partition} at {base_offset}: {error}"
        ) from error
    if position != len(buffer):
        raise CorruptRecordError(
            f"Record batch of {topic}-{partition} at {base_offset} does not end where its"
            " records do"
        )
    return records


def _varint(buffer: bytes, position: int) -> tuple[int, int]:
    """Return the zigzag varint at a position, and the position after it.

    Nearly all of a record's have one byte or two: kafka-python reads two in a loop.
    """
    low = buffer[position]
    if low < 0x80:
        return low >> 1 ^ -(low & 1), position + 1
    high = buffer[position + 1]
    if high < 0x80:
        return (high << 7 | low & 0x7F) >> 1 ^ -(low & 1), position + 2
    return decode_varint(buffer, position)


def _read_headers(section: bytes) -> tuple[tuple[str, bytes | None], ...]:
    """Return the headers at the end of a record: their count, then name and value of each.

    Raises CorruptRecordError.
    """
    count, position = decode_varint(section)
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        size, position = decode_varint(section, position)
        name = section[position : position + size].decode("utf-8", "surrogateescape")
        position += size
        size, position = decode_varint(section, position)
        if size < 0:
            headers.append((name, None))
        else:
            headers.append((name, section[position : position + size]))
            position += size
    if position != len(section):
        raise CorruptRecordError(
            f"The headers of a record are {position - len(section)} bytes longer than it says"
        )
    return tuple(headers)
