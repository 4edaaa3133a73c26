from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch
from kafka.structs import TopicPartition

class ConsumerRecord(NamedTuple):
    topic: str
    partition: int
    leader_epoch: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    checksum: int | None
    serialized_key_size: int
    serialized_value_size: int
    serialized_header_size: int

class CompletedFetch(NamedTuple):
    topic_partition: TopicPartition
    fetched_offset: int
    response_version: int
    partition_data: Any
    metric_aggregator: object

class Fetcher:
    _completed_fetches: deque[CompletedFetch]
    _isolation_level: IsolationLevel
    def end_offsets(
        self, partitions: Iterable[TopicPartition], timeout_ms: float | None = None
    ) -> dict[TopicPartition, int]: ...
    def in_flight_fetches(self) -> bool: ...
    def send_fetches(self) -> object: ...
    # Replaced by consumers/adapters/record_batches.py.
    class PartitionRecords:
        fetch_offset: int
        topic_partition: TopicPartition
        leader_epoch: int
        next_fetch_offset: int
        bytes_read: int
        records_read: int
        check_crcs: bool
        isolation_level: IsolationLevel
        aborted_producer_ids: set[int]
        record_iterator: Iterator[Any] | None
        _next_inline_exception: Exception | None
        def __init__(
            self,
            fetch_offset: int,
            tp: TopicPartition,
            records: MemoryRecords,
            *,
            isolation_level: IsolationLevel = ...,
            aborted_transactions: Sequence[object] | None = None,
            **options: Any,
        ) -> None: ...
        def __bool__(self) -> bool: ...
        def drain(self) -> None: ...
        def take(self, n: int | None = None) -> list[Any]: ...
        def _maybe_raise_next_inline_exception(self) -> None: ...
        def _consume_aborted_transactions_up_to(self, offset: int) -> None: ...
        def _is_batch_aborted(self, batch: DefaultRecordBatch) -> bool: ...
        def _contains_abort_marker(self, batch: DefaultRecordBatch) -> bool: ...
