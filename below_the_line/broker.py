"""What the brokers have of each partition now: the topic's id, where its log starts and where it
ends.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import kafka

from below_the_line.contracts.times import EPOCH
from below_the_line.publishing import admin_client
from below_the_line.settings import Settings


@dataclass(frozen=True, slots=True)
class PartitionLog:
    """One partition as the brokers have it now."""

    topic_id: UUID
    start: int
    """The offset of the oldest record that is kept."""
    end: int
    """The last stable offset: what a reader of committed records can reach."""


Logs = Mapping[tuple[str, int], PartitionLog]
"""By topic and partition. A topic that the brokers don't have is not in it."""


def partition_logs(settings: Settings, topics: Iterable[str]) -> Logs:
    """The partitions of these topics, from the brokers' fresh metadata. Raises BelowTheLineError if
    they can't be asked.
    """
    with admin_client(settings) as admin:
        topic_ids = {
            kafka.TopicPartition(found["name"], partition["partition_index"]): UUID(
                str(found["topic_id"])
            )
            for found in admin.describe_topics(sorted(set(topics)))
            if not found["error_code"]
            for partition in found["partitions"]
        }
        starts, ends = (
            admin.list_partition_offsets(
                dict.fromkeys(topic_ids, spec), kafka.IsolationLevel.READ_COMMITTED
            )
            for spec in (kafka.OffsetSpec.EARLIEST, kafka.OffsetSpec.LATEST)
        )
    return {
        tuple(each): PartitionLog(topic_id, starts[each].offset, ends[each].offset)
        for each, topic_id in topic_ids.items()
    }


def offsets_at(
    settings: Settings, partitions: Iterable[tuple[str, int]], at: datetime
) -> dict[tuple[str, int], int]:
    """The offset of the first record with this time or a later one; partitions without one are left
    out.

    Raises BelowTheLineError if the brokers can't be asked, or do not have one of the partitions.
    """
    milliseconds = -((EPOCH - at) // timedelta(milliseconds=1))
    wanted = {kafka.TopicPartition(*each): milliseconds for each in partitions}
    with admin_client(settings) as admin:
        found = admin.list_partition_offsets(wanted, kafka.IsolationLevel.READ_COMMITTED)
    return {
        tuple(each): position.offset for each, position in found.items() if position.offset >= 0
    }
