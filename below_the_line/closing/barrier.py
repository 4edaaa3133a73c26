"""The barrier: it has passed when everything produced before a time T is in the tables.

T is the database's clock, read *before* the high watermarks of the logs, and no other clock is
used. A record produced before T lies before those, so it has been ingested once the consumers have
passed them. The last stable offsets would not do: acknowledged records may lie behind somebody's
open transaction.

Not yet: an alert per source whose record timestamps differ too much from posted_at.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from datetime import datetime

import psycopg
from psycopg.rows import dict_row

from below_the_line import catalogue
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import partition_logs
from below_the_line.partitions import (
    Blocker,
    Logs,
    PartitionLog,
    PartitionStatus,
    Position,
    end_transaction_hint,
)
from below_the_line.plurals import counted
from below_the_line.resources import sql
from below_the_line.settings import Settings

_POSITION = tuple(field.name for field in fields(Position) if field.compare)
_IDLE_SECONDS = 10
"""A consumer that has records to read and has not moved for this time may wait for a
transaction.
"""


class PartitionStoppedError(BelowTheLineError):
    """The consumer stopped a partition that the barrier needs: waiting does not help."""


def explain_partition(status: PartitionStatus, now: datetime) -> str:
    """Return in one clause what holds this partition back, with a hint for the likely cause."""
    name = f"{status.topic}[{status.partition}]"
    position, log = status.position, status.log
    if log is None:
        return f"{name}: the barrier has no end for it"
    if position is None:
        return (
            f"{name}: no consumer has ever taken it (needs offset {log.end}); is `btl consume`"
            " running?"
        )
    if position.topic_id != log.topic_id:
        return (
            f"{name}: the topic was deleted and created again, the stored position belongs to the"
            " old one; `btl offsets show` says what to do"
        )
    age = max(0, round((now - position.moved_at).total_seconds()))
    behind = (
        f"{name}: {log.end - position.next_offset} behind "
        f"(at {position.next_offset} of {log.end}, last moved {age} s ago)"
    )
    if status.is_stopped:
        what = "its breaker tripped" if position.stopped_by is Blocker.TRIPPED else "stopped"
        return f"{behind}, {what}: {position.status_detail or 'no reason given'}"
    if status.open_transaction is not None:
        return (
            f"{behind}; open transaction since offset {status.open_transaction}, nothing from there"
            " on can be read before it ends"
        )
    if age > 60:
        return f"{behind}; is its consumer alive (`btl status`, its log)?"
    return f"{behind}; the consumer is working, add another `btl consume` or wait"


def lagging(statuses: Iterable[PartitionStatus]) -> tuple[PartitionStatus, ...]:
    """Return the partitions that have not passed, those furthest behind first. Empty: the barrier
    has passed.
    """
    held_back = [each for each in statuses if not each.is_read_to_end]
    return tuple(sorted(held_back, key=_offsets_ahead))


def _offsets_ahead(status: PartitionStatus) -> tuple[int, str, int]:
    next_offset = 0 if status.position is None else status.position.next_offset
    end = 0 if status.log is None else status.log.end
    return next_offset - end, status.topic, status.partition


def explain(behind: Sequence[PartitionStatus], now: datetime, *, max_named: int = 3) -> str:
    """Return in one line what a barrier waits for: the first ``max_named`` partitions, and how many
    more there are.
    """
    named = [explain_partition(each, now) for each in behind[:max_named]]
    more = len(behind) - len(named)
    return "; ".join(named + ([f"and {counted(more, 'more partition')}"] if more else []))


def take_barrier(
    connection: psycopg.Connection,
    settings: Settings,
    *,
    attempt_id: str,
    run_id: str,
    read_logs: Callable[[Settings], Logs] | None = None,
) -> int:
    """Take a barrier for this attempt, or find the one that it took before. Return its id.

    Reads the database's clock, then the high watermarks of the input topics (``read_logs`` stands
    in for the brokers in tests), and stores both. Needs an idle connection and commits on
    it. Raises BelowTheLineError when the brokers cannot be asked.
    """
    with connection.transaction():
        found = connection.execute(
            "select barrier_id from ingest.barriers where attempt_id = %s", [attempt_id]
        ).fetchone()
        if found is not None:
            return int(found[0])
    taken_at = database_clock(connection)
    logs = (read_logs or input_logs)(settings)
    with connection.transaction():
        row = connection.execute(
            sql("closing/take_barrier.sql"),
            {
                "attempt_id": attempt_id,
                "run_id": run_id,
                "consumer_group": settings.consumer_group,
                "taken_at": taken_at,
                "close_delay_seconds": settings.close_delay_seconds,
                "grace_seconds": settings.grace_seconds,
            },
        ).fetchone()
        if row is None:
            raise BelowTheLineError(
                f"The attempt {attempt_id} to close discussions runs twice at once.",
                "Stop one of them.",
            )
        with connection.cursor() as cursor:
            cursor.executemany(
                sql("closing/take_barrier_offsets.sql"),
                [
                    {
                        "barrier_id": row[0],
                        "topic": topic,
                        "partition": partition,
                        "topic_id": log.topic_id,
                        "log_start_offset": log.start,
                        "end_offset": log.end,
                    }
                    for (topic, partition), log in logs.items()
                ],
            )
    return int(row[0])


def poll_barrier(connection: psycopg.Connection, barrier_id: int) -> tuple[PartitionStatus, ...]:
    """Return the partitions that the barrier still waits for. If there are none, record that it has
    passed.

    Needs an idle connection and commits on it. Raises PartitionStoppedError when the consumer has
    stopped one of them, and BelowTheLineError when there is no such barrier.
    """
    with connection.transaction():
        statuses = _read_statuses(connection, barrier_id)
        if not statuses:
            raise BelowTheLineError(
                f"There is no barrier {barrier_id}, or it covers no partition.",
                "Clear the run, to start it again.",
            )
        behind = lagging(statuses)
        if not behind:
            connection.execute(sql("closing/pass_barrier.sql"), {"barrier_id": barrier_id})
    stopped = [each for each in behind if each.is_stopped]
    if stopped:
        raise PartitionStoppedError(
            f"Discussions can't be closed: {explain(stopped, database_clock(connection))}.",
            "`btl offsets show` says which decision each of them needs, and how to take it; the"
            " next run goes on by itself.",
        )
    return behind


def find_transactions(
    behind: Sequence[PartitionStatus],
    settings: Settings,
    now: datetime,
    *,
    idle_seconds: float = _IDLE_SECONDS,
    read_logs: Callable[[Settings], Logs] | None = None,
) -> tuple[PartitionStatus, ...]:
    """Return these partitions, with the transactions that are open now.

    Asks the brokers if one of the partitions has not moved for ``idle_seconds``. If they do not
    answer, nothing is said about transactions.
    """
    found: Logs = {}
    if any(
        each.position is not None and (now - each.position.moved_at).total_seconds() >= idle_seconds
        for each in behind
    ):
        with suppress(BelowTheLineError):
            found = (read_logs or input_logs)(settings)
    return tuple(
        replace(each, log=replace(each.log, open_transaction=log.open_transaction))
        if each.log is not None
        and (log := found.get((each.topic, each.partition))) is not None
        and log.topic_id == each.log.topic_id
        else each
        for each in behind
    )


def timed_out(
    behind: Sequence[PartitionStatus], seconds: float, now: datetime
) -> BelowTheLineError:
    """Return the error of a barrier that did not pass in time."""
    hints = [
        end_transaction_hint(each.topic, each.partition, each.open_transaction)
        for each in behind
        if each.open_transaction is not None
    ][:1]
    return BelowTheLineError(
        f"Discussions were not closed: after {seconds:.0f} s not everything produced before this"
        f" run is ingested. Waiting for {explain(behind, now)}.",
        " ".join([*hints, "Nothing was closed on missing data; the next run tries again."]),
    )


def database_clock(connection: psycopg.Connection) -> datetime:
    """Return the database's clock. Needs an idle connection."""
    with connection.transaction():
        rows = connection.execute("select clock_timestamp()").fetchall()
    now: datetime = rows[0][0]
    return now


def _read_statuses(connection: psycopg.Connection, barrier_id: int) -> list[PartitionStatus]:
    """Return the partitions of the barrier: their logs as it found them, their positions now."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            sql("closing/barrier_positions.sql"), {"barrier_id": barrier_id}
        ).fetchall()
    return [
        PartitionStatus(
            row["consumer_group"],
            row["topic"],
            row["partition"],
            None if row["epoch"] is None else Position(**{name: row[name] for name in _POSITION}),
            PartitionLog(row["log_topic_id"], row["log_start_offset"], row["end_offset"]),
        )
        for row in rows
    ]


def input_logs(settings: Settings) -> Logs:
    """Return the logs of all partitions of the input topics.

    Raises BelowTheLineError when the brokers cannot be asked or a topic is not there.
    """
    names = {topic.name for topic in catalogue.topics() if topic.direction == "in"}
    logs = partition_logs(settings, names)
    missing = sorted(names - {topic for topic, _ in logs})
    if missing:
        raise BelowTheLineError(
            f"Kafka at {settings.kafka_bootstrap} has no topic {', '.join(missing)}.",
            "Create the topics (`btl up` does).",
        )
    return logs
