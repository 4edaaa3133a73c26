from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar, NamedTuple, Protocol

from kafka.protocol.consumer import IsolationLevel
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

class MemoryRecords(Protocol):
    def next_batch(self) -> DefaultRecordBatch | None: ...

class Fetcher:
    _isolation_level: IsolationLevel
    def end_offsets(
        self, partitions: Iterable[TopicPartition], timeout_ms: float | None = None
    ) -> dict[TopicPartition, int]: ...
    class PartitionRecords:
        leader_epoch: int
        next_fetch_offset: int
        bytes_read: int
        records_read: int
        check_crcs: bool
        isolation_level: IsolationLevel
        aborted_producer_ids: set[int]
        def drain(self) -> None: ...
        # Replaced by consumers/adapters/record_batches.py.
        _unpack_records: ClassVar[
            Callable[
                [Fetcher.PartitionRecords, TopicPartition, MemoryRecords, None, None],
                Iterator[tuple[object, ...]],
            ]
        ]
        def _consume_aborted_transactions_up_to(self, offset: int) -> None: ...
        def _is_batch_aborted(self, batch: DefaultRecordBatch) -> bool: ...
        def _contains_abort_marker(self, batch: DefaultRecordBatch) -> bool: ...
