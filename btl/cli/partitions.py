"""The partitions that ``btl offsets`` and ``btl breaker`` work on."""

from collections.abc import Iterable, Sequence

from below_the_line.catalogue import topics
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import partition_logs
from below_the_line.partitions import Logs, Position
from below_the_line.settings import Settings


def logs_of(settings: Settings, positions: Iterable[Position]) -> Logs:
    """Return the brokers' logs of the input topics and of those that have a position.

    Raises BelowTheLineError.
    """
    names = {topic.name for topic in topics() if topic.direction == "in"}
    return partition_logs(settings, names | {position.topic for position in positions})


def chosen(positions: Sequence[Position], topic: str, partition: int | None) -> list[Position]:
    """Return the positions of a partition, or of all partitions of the topic if it is None.

    Raises BelowTheLineError if there are none.
    """
    found = [
        each for each in positions if each.topic == topic and partition in (None, each.partition)
    ]
    if not found:
        where = topic if partition is None else f"{topic}-{partition}"
        raise BelowTheLineError(
            f"No consumer of this group has ever taken {where}.",
            f"It has taken {', '.join(map(str, positions)) or 'nothing yet'}.",
        )
    return found
