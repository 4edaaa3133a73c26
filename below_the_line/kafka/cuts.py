"""Cutting logs: deleting what lies before an offset that every reader has passed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kafka import TopicPartition

from below_the_line.kafka.admin import admin_client
from below_the_line.partitions import Logs, Position
from below_the_line.settings import Settings

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True)
class Cut:
    """What is to be deleted of one partition."""

    topic: str
    partition: int
    log_start: int
    """The oldest record that is kept now."""
    to_offset: int
    """Everything before this offset goes. The log's start: nothing does."""
    held_by: str | None
    """The reader that keeps more than was asked for, in words; None: no reader does."""


def plan_cuts(
    logs: Logs,
    wanted: Mapping[Place, int],
    positions: Iterable[Position],
    committed: Mapping[str, Mapping[Place, int]],
    *,
    must_be_read: bool,
) -> list[Cut]:
    """Return the cut of each partition, in order: to the offset that is wanted, or before it where
    a reader stands or an open transaction begins.

    ``wanted``: of a partition that is missing, all of it. ``positions``: those of the database;
    ``committed``: offsets in Kafka by group. ``must_be_read``: nothing goes that has no position in
    the database.
    """
    own: dict[Place, list[tuple[int, str]]] = {}
    for each in positions:
        log = logs.get((each.topic, each.partition))
        if log is not None and log.topic_id == each.topic_id:
            held = (each.next_offset, f"{each.consumer_group} has read up to {each.next_offset:,}")
            own.setdefault((each.topic, each.partition), []).append(held)
    cuts = []
    for place, log in sorted(logs.items()):
        limits = list(own.get(place, ()))
        if must_be_read and not limits:
            limits.append((log.start, "no consumer has read it"))
        limits += [
            (offsets[place], f"{group} has committed {offsets[place]:,}")
            for group, offsets in sorted(committed.items())
            if place in offsets
        ]
        if log.open_transaction is not None:
            limits.append(
                (log.open_transaction, f"a transaction is open at {log.open_transaction:,}")
            )
        target = min(wanted.get(place, log.end), log.end)
        limit, held_by = min(limits, default=(target, ""))
        to_offset = max(log.start, min(target, limit))
        cuts.append(Cut(*place, log.start, to_offset, held_by if to_offset < target else None))
    return cuts


def committed_offsets(settings: Settings) -> dict[str, dict[Place, int]]:
    """Return the offsets that groups have committed in Kafka, by group. Raises BelowTheLineError if
    the brokers cannot be asked.
    """
    with admin_client(settings) as admin:
        groups = sorted(each["group_id"] for each in admin.list_groups())
        found = admin.list_group_offsets(groups) if groups else {}
    return {
        group: {
            (place.topic, place.partition): position.offset
            for place, position in offsets.items()
            if position.offset >= 0
        }
        for group, offsets in found.items()
    }


def cut_logs(settings: Settings, cuts: Iterable[Cut]) -> None:
    """Delete the records before each cut, for good. Repeated, it changes nothing. Raises
    BelowTheLineError, also if this login may not delete.
    """
    offsets = {
        TopicPartition(each.topic, each.partition): each.to_offset
        for each in cuts
        if each.to_offset > each.log_start
    }
    if offsets:
        with admin_client(settings) as admin:
            admin.delete_records(offsets)
