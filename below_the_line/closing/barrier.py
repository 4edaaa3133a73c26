"""The barrier: everything produced before T is in the tables. Decided purely here, asked of the
services at the edges.

T is the database's clock, read *before* the brokers are asked for their end offsets, and the only
clock afterwards: a record produced before T lies before those offsets, so once the consumers have
passed them it has been ingested.

Not yet: an alert per source whose record timestamps run away from posted_at.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from below_the_line import catalogue
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.options import kafka_options
from below_the_line.plurals import counted
from below_the_line.resources import sql
from below_the_line.settings import Settings


class PartitionStoppedError(BelowTheLineError):
    """A partition that the barrier needs was stopped: it will not pass by waiting."""


@dataclass(frozen=True, slots=True)
class Target:
    """How far one partition reached when the barrier was taken, by the broker (read_committed)."""

    topic: str
    partition: int
    topic_id: UUID
    log_start_offset: int
    end_offset: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A target and what Postgres says of the consumers' position; the ``held`` part is None where
    there is none.
    """

    topic: str
    partition: int
    topic_id: UUID
    log_start_offset: int
    end_offset: int
    held_topic_id: UUID | None
    next_offset: int | None
    moved_at: datetime | None
    status: str | None
    status_detail: str | None

    @property
    def passed(self) -> bool:
        """Whether everything before the barrier has been ingested from this partition.

        An empty partition (nothing there, or everything expired) needs no consumer, unless one has
        a position in it before the log's start: what expired unread is lost only once somebody has
        accepted the gap. A position in an earlier topic of the same name says nothing about this
        one.
        """
        if self.next_offset is not None and self.held_topic_id == self.topic_id:
            return self.next_offset >= self.end_offset
        return self.log_start_offset >= self.end_offset

    @property
    def stopped(self) -> bool:
        """Whether waiting is in vain: the consumer gave the partition up (breaker, gap) until a
        person decides.
        """
        return not self.passed and self.status in ("stopped", "tripped")

    def explain(self, now: datetime) -> str:
        """What holds this partition back, with the likely hint, in one clause."""
        name = f"{self.topic}[{self.partition}]"
        if self.next_offset is None or self.moved_at is None:
            return (
                f"{name}: no consumer has ever taken it (needs offset {self.end_offset}); is `btl"
                " consume` running?"
            )
        if self.held_topic_id != self.topic_id:
            return (
                f"{name}: the topic was deleted and made anew, the stored position belongs to the"
                " old one; `btl offsets show` says what to do"
            )
        age = max(0, round((now - self.moved_at).total_seconds()))
        behind = (
            f"{name}: {self.end_offset - self.next_offset} behind "
            f"(at {self.next_offset} of {self.end_offset}, last moved {age} s ago)"
        )
        if self.stopped:
            what = "its breaker tripped" if self.status == "tripped" else "stopped"
            return f"{behind}, {what}: {self.status_detail or 'no reason given'}"
        if age > 60:
            return f"{behind}; is its consumer alive (`btl status`, its log)?"
        return f"{behind}; the consumer is working, add another `btl consume` or wait"


def lagging(progress: Iterable[Progress]) -> tuple[Progress, ...]:
    """The partitions that have not passed, those furthest behind first. Empty: the barrier has
    passed.
    """
    held_back = [each for each in progress if not each.passed]
    return tuple(
        sorted(
            held_back,
            key=lambda each: (
                (each.next_offset or 0) - each.end_offset,
                each.topic,
                each.partition,
            ),
        )
    )


def explain(behind: Sequence[Progress], now: datetime, *, most: int = 3) -> str:
    """What a barrier waits for, in one line: the ``most`` partitions that are furthest behind, and
    how many more.
    """
    named = [each.explain(now) for each in behind[:most]]
    more = len(behind) - len(named)
    return "; ".join(named + ([f"and {counted(more, 'more partition')}"] if more else []))


def take_barrier(
    connection: psycopg.Connection,
    settings: Settings,
    *,
    attempt_id: str,
    run_id: str,
    end_offsets: Callable[[Settings], Sequence[Target]] | None = None,
) -> int:
    """Take a barrier for this attempt, or find the one that it took before; return its id.

    Reads the database's clock, then the brokers' end offsets of the input topics (``end_offsets``
    stands in for the brokers in tests), and stores both. Needs an idle connection and commits on
    it. Raises BelowTheLineError when the brokers cannot be asked.
    """
    with connection.transaction():
        found = connection.execute(
            "select barrier_id from ingest.barriers where attempt_id = %s", [attempt_id]
        ).fetchone()
        if found is not None:
            return int(found[0])
    taken_at = database_clock(connection)
    targets = (end_offsets or broker_end_offsets)(settings)
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
                "Let one of them go on.",
            )
        with connection.cursor() as cursor:
            cursor.executemany(
                sql("closing/take_barrier_offsets.sql"),
                [asdict(each) | {"barrier_id": row[0]} for each in targets],
            )
    return int(row[0])


def poll_barrier(connection: psycopg.Connection, barrier_id: int) -> tuple[Progress, ...]:
    """The partitions that the barrier still waits for; when there are none, notes that it has
    passed.

    Needs an idle connection and commits on it. Raises PartitionStoppedError: no waiting helps.
    """
    with connection.transaction():
        with connection.cursor(row_factory=class_row(Progress)) as cursor:
            progress = cursor.execute(
                sql("closing/barrier_positions.sql"), {"barrier_id": barrier_id}
            ).fetchall()
        if not progress:
            raise BelowTheLineError(
                f"There is no barrier {barrier_id}, or it covers no partition.",
                "Clear the run, to start it anew.",
            )
        behind = lagging(progress)
        if not behind:
            connection.execute(sql("closing/pass_barrier.sql"), {"barrier_id": barrier_id})
    stopped = [each for each in behind if each.stopped]
    if stopped:
        raise PartitionStoppedError(
            f"Discussions can't be closed: {explain(stopped, database_clock(connection))}.",
            "`btl offsets show` says which decision each of them needs, and how to take it; the"
            " next run goes on by itself.",
        )
    return behind


def timed_out(behind: Sequence[Progress], seconds: float, now: datetime) -> BelowTheLineError:
    """The error of a barrier that was not passed in time."""
    return BelowTheLineError(
        f"Discussions were not closed: after {seconds:.0f} s not everything produced before this"
        f" run is ingested. Waiting for {explain(behind, now)}.",
        "Nothing was closed on missing data; the next run tries again.",
    )


def database_clock(connection: psycopg.Connection) -> datetime:
    """The database's clock. Needs an idle connection."""
    with connection.transaction():
        rows = connection.execute("select clock_timestamp()").fetchall()
    now: datetime = rows[0][0]
    return now


def broker_end_offsets(settings: Settings) -> list[Target]:
    """Log start and last stable offset of every partition of the input topics, from the brokers'
    fresh metadata.

    Raises BelowTheLineError when the brokers cannot be asked or a topic is not there.
    """
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    hint = (
        "Is the broker running there (`btl status`), and are BTL_KAFKA_BOOTSTRAP and BTL_KAFKA_*"
        " right?"
    )
    names = [topic.name for topic in catalogue.topics() if topic.direction == "in"]
    try:
        consumer = KafkaConsumer(
            **kafka_options(settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
    except KafkaError as error:
        raise _unusable(settings, error, hint) from error
    try:
        partitions = [
            TopicPartition(name, number)
            for name in names
            for number in consumer.partitions_for_topic(name) or ()
        ]
        missing = sorted(set(names) - {each.topic for each in partitions})
        if missing:
            raise BelowTheLineError(
                f"Kafka at {settings.kafka_bootstrap} has no topic {', '.join(missing)}.",
                "Create the topics (`btl up` does).",
            )
        starts = consumer.beginning_offsets(partitions)
        ends = consumer.end_offsets(partitions)
        # The public interface has no topic ids; the cluster's metadata does.
        cluster = consumer._cluster
        return [
            Target(
                each.topic, each.partition, cluster.topic_id(each.topic), starts[each], ends[each]
            )
            for each in partitions
        ]
    except KafkaError as error:
        raise _unusable(settings, error, hint) from error
    finally:
        consumer.close()


def _unusable(settings: Settings, error: Exception, hint: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"Kafka at {settings.kafka_bootstrap} could not be asked for its end offsets: {error}.",
        hint,
    )
