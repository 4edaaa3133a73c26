"""What tests of failure send, and what must be true during an outage and after it."""

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import dropwhile, takewhile

import psycopg

from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.producer import Publisher
from consumers.core.observer import Cause
from tests.builders import envelope
from tests.pipeline import Pipeline, assert_accounted, wait_until

WATCHED = (sys.executable, "-m", "tests.faults.watched")


CLOUD_EVENTS = (("content-type", b"application/cloudevents+json"),)


def comment(number: int) -> tuple[bytes, bytes]:
    """Key and value of the comment with this number, on one of forty articles."""
    article = f"article-{number % 40}"
    value = envelope(
        "comment.posted.v1",
        {
            "article_id": article,
            "comment_id": str(number),
            "author": {"user_id": f"user-{number % 97}", "display_name": "Reader"},
            "body": f"comment {number}",
            "posted_at": "2026-05-01T10:00:00Z",
        },
        at="2026-05-01T10:00:00Z",
        event_id=str(number),
    )
    return article.encode(), value


def send(pipeline: Pipeline, first: int, count: int) -> None:
    """Comments numbered from ``first``."""
    with Publisher(pipeline.settings()) as publisher:
        for number in range(first, first + count):
            publisher.send(Outgoing("comment-events", *comment(number), CLOUD_EVENTS))


def answers(database_url: str) -> bool:
    try:
        psycopg.connect(database_url, connect_timeout=1).close()
    except psycopg.OperationalError:
        return False
    return True


def reachable(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True


def assert_exactly(connection: psycopg.Connection, pipeline: Pipeline, count: int) -> None:
    rows = connection.execute(
        "select comment_id::bigint, first_body from discussion.comments order by 1"
    ).fetchall()
    assert rows == [(number, f"comment {number}") for number in range(count)]
    assert pipeline.totals(connection) == {
        "records": count,
        "applied": count,
        "unchanged": 0,
        "dead_lettered": 0,
    }
    assert_accounted(connection)


def causes(pipeline: Pipeline) -> list[str | None]:
    """Reports of the pipeline's only consumer, in order: what it waits for, or None when it
    reads.
    """
    lines = (
        json.loads(line) for line in pipeline.consumer_logs().splitlines() if line.startswith("{")
    )
    return [line["cause"] for line in lines if line.get("event") == "report"]


class Outage:
    """A consumer that is watched through an outage."""

    def __init__(self, pipeline: Pipeline, connection: psycopg.Connection) -> None:
        self._pipeline = pipeline
        self._connection = connection
        self._sent = 0

    def consume(self, count: int) -> None:
        """Send more records, and wait until all are accounted for."""
        self.send(count)
        self._pipeline.wait_for_records(self._connection, self._sent, seconds=90)

    def send(self, count: int) -> None:
        """Send more records."""
        send(self._pipeline, self._sent, count)
        self._sent += count

    def wait_until_reported(self, cause: Cause, times: int = 2) -> None:
        """Wait until the consumer has reported this wait several times in a row."""
        wait_until(
            lambda: causes(self._pipeline)[-times:] == [cause.value] * times,
            60,
            self._pipeline.consumer_logs,
        )

    def assert_visible(self, cause: Cause, *also: Cause) -> None:
        """From its first word of the cause until it reads again it said nothing else; and then no
        more of it.
        """
        wait_until(lambda: causes(self._pipeline)[-1] is None, 30, self._pipeline.consumer_logs)
        reported = list(dropwhile(lambda each: each != cause.value, causes(self._pipeline)))
        waited = list(takewhile(lambda each: each is not None, reported))
        assert waited, "nothing was reported"
        assert {*waited} <= {each.value for each in (cause, *also)}, reported
        assert set(reported[len(waited) :]) == {None}, reported

    def assert_nothing_lost(self) -> None:
        """Every record sent is in the tables once, and accounted for; none is a dead letter."""
        assert_exactly(self._connection, self._pipeline, self._sent)


@contextmanager
def watched(pipeline: Pipeline, connection: psycopg.Connection) -> Iterator[Outage]:
    """A consumer under way; afterwards it must have lost and dead-lettered nothing."""
    outage = Outage(pipeline, connection)
    with pipeline.consumer(command=WATCHED):
        outage.consume(500)
        yield outage
    outage.assert_nothing_lost()
