"""Publishes the outbox to Kafka: events about discussions, at least once, in order within each
article.

A batch is one transaction. It takes the lock of publishers, reads the oldest pending events, waits
until the broker has acknowledged all of them, and only then records them as sent. If a publisher
dies in between, its events stay pending and are sent again under the same ids. Two publishers take
turns, so that neither sends what the other is sending.
"""

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import psycopg
import structlog

from below_the_line.closing.announcements import SOURCE, TOPIC
from below_the_line.database.connections import require_idle
from below_the_line.database.locks import OUTBOX_LOCK, lock
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import Outgoing, rfc3339, structured
from below_the_line.kafka.producer import Publisher
from below_the_line.plurals import counted
from below_the_line.resources import sql
from below_the_line.settings import Settings

BUCKET = 5_000
"""Events per transaction."""
PATIENCE_SECONDS = 120.0
"""How long to try a broker that is away; the next run tries again."""
_FIRST_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.5, 15.0

log = structlog.get_logger(__name__)


class Sender(Protocol):
    """Takes records, as a Publisher does."""

    def send(self, outgoing: Outgoing) -> None:
        """Take one record to send."""

    def flush(self) -> None:
        """Wait until all replicas have acknowledged all records."""


@dataclass(slots=True)
class PublishingSummary:
    """What a publisher did."""

    sent: int = 0
    """Events that the broker has acknowledged."""
    attempts: int = 1
    """How often it tried to reach a broker."""

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for logs and for Airflow's XCom."""
        return asdict(self)


def publish_outbox(
    connection: psycopg.Connection,
    settings: Settings,
    *,
    bucket: int = BUCKET,
    patience_seconds: float = PATIENCE_SECONDS,
    sender: Callable[[Settings], AbstractContextManager[Sender]] = Publisher,
    sleep: Callable[[float], None] = time.sleep,
) -> PublishingSummary:
    """Send every pending event, oldest first, and record it as sent. Safe to run again, and by
    several at once.

    While the broker is away it waits and tries again, with growing pauses, until
    ``patience_seconds`` have passed since the last progress. Then it raises a BelowTheLineError
    that says how many events wait and since when; they stay pending. Needs an idle connection and
    commits on it.
    """
    require_idle(connection)
    summary = PublishingSummary()
    pause, deadline = _FIRST_PAUSE_SECONDS, time.monotonic() + patience_seconds
    while _backlog(connection)[0]:
        sent_before = summary.sent
        try:
            # A new producer each time: after an error it may have dropped records in the middle.
            with sender(settings) as producer:
                while _publish_bucket(connection, producer, bucket, summary) >= bucket:
                    log.info("outbox published", **summary.as_dict())
            break
        except BelowTheLineError as error:
            if summary.sent > sent_before:
                pause, deadline = _FIRST_PAUSE_SECONDS, time.monotonic() + patience_seconds
            if time.monotonic() + pause > deadline:
                raise _given_up(connection, error) from error
            log.warning("broker away", pause_seconds=round(pause, 1), error=str(error))
            # Random, so that two publishers that lost the broker together do not return together.
            sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, _MAX_PAUSE_SECONDS)
            summary.attempts += 1
    log.info("outbox is empty", **summary.as_dict())
    return summary


def _publish_bucket(
    connection: psycopg.Connection, producer: Sender, bucket: int, summary: PublishingSummary
) -> int:
    """Run one transaction. Return how many events were pending, at most ``bucket``."""
    with connection.transaction():
        connection.execute("set transaction isolation level read committed")
        lock(connection, OUTBOX_LOCK)
        pending = connection.execute(
            sql("closing/pending_events.sql"), {"bucket": bucket}
        ).fetchall()
        for _, article, comment, event_id, event_type, effective_at, data in pending:
            producer.send(
                structured(
                    topic=TOPIC,
                    event_type=event_type,
                    event_id=str(event_id),
                    source=SOURCE,
                    time=rfc3339(effective_at),
                    subject=comment or article,
                    data=data,
                )
            )
        if pending:
            producer.flush()
            connection.execute(
                sql("closing/mark_sent.sql"), {"outbox_ids": [row[0] for row in pending]}
            )
    summary.sent += len(pending)
    return len(pending)


def _backlog(connection: psycopg.Connection) -> tuple[Any, ...]:
    with connection.transaction():
        rows = connection.execute(sql("closing/backlog.sql")).fetchall()
    return rows[0]


def _given_up(connection: psycopg.Connection, error: BelowTheLineError) -> BelowTheLineError:
    events, since = _backlog(connection)
    return BelowTheLineError(
        f"{counted(events, 'event')} about discussions could not be published, the"
        f" oldest waits since {rfc3339(since)}: {error}",
        "Nothing is lost: they stay in ingest.outbox, and every run of close_discussions sends what"
        " is pending.",
    )
