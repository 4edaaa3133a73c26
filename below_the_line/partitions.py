"""Where the partitions of the topics stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class PartitionLog:
    """One partition as the brokers have it now."""

    topic_id: UUID
    start: int
    """The offset of the oldest record that is kept."""
    end: int
    """The last stable offset: what a reader of committed records can reach."""


Logs = Mapping[tuple[str, int], PartitionLog]
"""By topic and partition. A topic that the brokers do not have is not in it."""
