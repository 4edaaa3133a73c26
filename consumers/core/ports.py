"""What the consumer's loop needs of the world: records, a database and a clock.

The adapters fit these protocols, and so do the fakes of the tests; mypy checks both. The observer
is a class, since most observers care for few of its methods: see ``consumers.core.observer``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from below_the_line.contracts.events import Record
from below_the_line.partitions import PartitionLog, Position
from consumers.core.batch import Batch, Entry, Partition


class Polled(NamedTuple):
    """Records of one partition, in order, and the position after them."""

    partition: Partition
    records: list[Record]
    position: int


class Clock(Protocol):
    """Seconds of a monotonic clock."""

    def __call__(self) -> float:
        """Return the present time."""


class Source(Protocol):
    """A member of a consumer group.

    Methods that ask the brokers raise kafka.errors.KafkaError for what another try may help, and
    BelowTheLineError for what it does not.
    """

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that the group assigned to this member, as far as it knows."""

    @property
    def is_rebalancing(self) -> bool:
        """Whether the group is about to assign partitions: "none" means "none yet"."""

    @property
    def topic_ids(self) -> Mapping[str, UUID]:
        """The id of each topic, some seconds old. A topic that is gone is not in it."""

    def poll(self, timeout_seconds: float, max_records: int) -> list[Polled]:
        """Return up to ``max_records`` records, waiting at most ``timeout_seconds`` for the
        first.
        """

    def changed_assignment(self) -> frozenset[Partition] | None:
        """Return the assigned partitions if they changed since the last call, else None."""

    def describe(self, partitions: Iterable[Partition]) -> Mapping[Partition, PartitionLog]:
        """Return the logs of these partitions."""

    def require_answer(self, partitions: Iterable[Partition]) -> None:
        """Return if the brokers answer a question about these partitions; raise if not."""

    def start(self, positions: Mapping[Partition, int]) -> None:
        """Read these partitions from these offsets on; all other ones stay paused."""

    def pause(self) -> None:
        """Stop reading, without leaving the group."""

    def position(self, partition: Partition) -> int | None:
        """Return the offset that reading goes on at; None if the partition is not assigned."""

    def is_member(self, next_offsets: Mapping[Partition, int]) -> bool:
        """Return whether the group still counts this process in."""

    def mirror(self, next_offsets: Mapping[Partition, int]) -> None:
        """Copy the positions to Kafka, for its lag tools. Never raises."""

    def close(self) -> None:
        """Leave the group."""


class Store(Protocol):
    """The database as one consumer process uses it. All methods but ``abandon``, ``close`` and
    ``shorten_timeouts`` raise StoreError.
    """

    @property
    def owner(self) -> UUID:
        """The name of this process for the fence; another one after each ``take``."""

    def take(self, partitions: Mapping[Partition, PartitionLog]) -> Mapping[Partition, Position]:
        """Become the owner of these partitions, and of no other; return their positions."""

    def held(self) -> Mapping[Partition, str]:
        """Return the partitions that this process still owns, with their status."""

    def stop_partition(self, partition: Partition, status: str, detail: str) -> None:
        """Store that a partition must not be read until a person decides."""

    def end_superseded_backends(self) -> int:
        """End the sessions of former owners that hold a transaction open; return their number."""

    def begin(self, batch: Batch) -> None:
        """Send a batch; the server works while the caller goes on."""

    def is_ready(self) -> bool:
        """Return whether ``finish`` would not wait."""

    def finish(self) -> Sequence[Entry]:
        """Commit the batch that was begun; return the ledger's lines."""

    def abandon(self) -> None:
        """Forget the batch that was begun and roll back."""

    def notify(self, channel: str) -> None:
        """Wake the processes that listen on a channel."""

    def shorten_timeouts(self) -> None:
        """Wait for a silent server for a short time only. May be called from a signal handler."""

    def close(self) -> None:
        """Close the connection."""
