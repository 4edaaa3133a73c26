"""The partitions of one process: which it owns, which of them it reads, and up to where."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from below_the_line.partitions import PartitionLog, Position, describe_blocker, log_blocker
from consumers.core.batch import Entry, Partition
from consumers.core.breaker import Breaker, BreakerPolicy
from consumers.core.observer import Halt


class Ownership:
    """What this process owns since it last took partitions. Owns nothing at first."""

    def __init__(self) -> None:
        self.next_offsets: dict[Partition, int] = {}
        """The offset after what was read, written or not, of the partitions that are read."""
        self.committed: dict[Partition, int] = {}
        """The offset after what was committed, of the partitions that are read."""
        self.breakers: dict[Partition, Breaker] = {}
        """The breakers of the partitions that are read."""
        self.statuses: dict[Partition, str] = {}
        """The stored status of every partition that was taken."""
        self.halted: dict[Partition, Halt] = {}
        """Why partitions that were taken are not read."""
        self.topic_ids: dict[str, UUID] = {}
        """The ids of the topics that partitions were taken of."""
        self.is_doubtful = False
        """Whether the group may have given the partitions to another process."""

    @classmethod
    def taken(
        cls,
        positions: Mapping[Partition, Position],
        logs: Mapping[Partition, PartitionLog],
        policy: BreakerPolicy,
    ) -> "Ownership":
        """Decide which of the partitions that were taken are read, and which wait for a person.

        A partition that was stopped before keeps the reason that is stored. One in whose log
        reading on would lose or repeat records unnoticed is halted as ``stopped``.
        """
        ownership = cls()
        for partition, position in positions.items():
            blocker = position.stopped_by or log_blocker(position, logs[partition])
            if blocker is None:
                ownership.committed[partition] = position.next_offset
                ownership.breakers[partition] = Breaker(policy, position.accepted_offset)
                ownership.statuses[partition] = position.status
                continue
            status = "stopped" if position.stopped_by is None else position.status
            detail = describe_blocker(blocker, position, logs[partition])
            ownership.halted[partition] = Halt(status, detail, position.next_offset)
            ownership.statuses[partition] = status
        ownership.next_offsets = dict(ownership.committed)
        ownership.topic_ids = {partition.topic: log.topic_id for partition, log in logs.items()}
        return ownership

    def drop(self) -> None:
        """Forget what was read: it is read again, from positions that are taken again."""
        self.next_offsets = {}

    def advance(self, entries: Iterable[Entry]) -> None:
        """A batch with these lines of the ledger was committed."""
        for entry in entries:
            self.committed[entry.partition] = entry.next_offset

    def positions(self) -> dict[Partition, int]:
        """Return the committed offsets of the partitions that are being read."""
        return {partition: self.committed[partition] for partition in self.next_offsets}

    def replaced_topics(self, topic_ids: Mapping[str, UUID]) -> Sequence[str]:
        """Return the topics that have another id now: they were deleted and created again."""
        return [
            topic for topic, known in self.topic_ids.items() if topic_ids.get(topic, known) != known
        ]
