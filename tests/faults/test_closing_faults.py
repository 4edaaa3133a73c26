"""Closing while a consumer is held back: nothing is closed on missing data, and nothing is lost by
waiting.
"""

import os
import re
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import psycopg
import pytest
from kafka import KafkaProducer

from below_the_line.catalogue import topics
from below_the_line.closing.barrier import (
    database_clock,
    find_transactions,
    poll_barrier,
    take_barrier,
)
from below_the_line.closing.rules import apply_now
from below_the_line.closing.windows import apply_barrier, apply_windows
from below_the_line.errors import BelowTheLineError
from tests.builders import envelope
from tests.pipeline import Pipeline, assert_accounted, wait_until

pytestmark = pytest.mark.stack

PARTITIONS = next(range(each.partitions) for each in topics() if each.name == "comment-events")


def produce(pipeline: Pipeline, *events: bytes) -> None:
    done = pipeline.btl("produce", "-", input="\n".join(event.decode() for event in events))
    assert done.returncode == 0, done.stderr


def article(name: str, at: datetime, closes_at: datetime) -> bytes:
    return envelope(
        "article.published.v1",
        {
            "article_id": name,
            "url": "https://example.org/1",
            "headline": name,
            "published_at": at.isoformat(),
            "discussion": {"closes_at": closes_at.isoformat()},
        },
        at=at.isoformat(),
    )


def comment(name: str, at: datetime) -> bytes:
    data = {
        "article_id": name,
        "comment_id": f"{name}-{at:%S.%f}",
        "author": {"user_id": "u", "display_name": "U"},
        "body": "text",
        "posted_at": at.isoformat(),
    }
    return envelope("comment.posted.v1", data, at=at.isoformat())


def extend(name: str, at: datetime, until: datetime) -> bytes:
    data = {
        "article_id": name,
        "action": "extend",
        "closes_at": until.isoformat(),
        "decided_at": at.isoformat(),
    }
    return envelope(
        "discussion.overridden.v1", data | {"reason": "other", "decided_by": "e"}, at=at.isoformat()
    )


def states(connection: psycopg.Connection) -> dict[str, tuple[str, datetime | None]]:
    return {
        name: (state, closed_at)
        for name, state, closed_at in connection.execute(
            "select article_id, state, closed_at from discussion.windows"
        )
    }


@contextmanager
def open_transaction(pipeline: Pipeline) -> Iterator[KafkaProducer]:
    """Another producer, whose transaction on all partitions of comment-events is open."""
    producer = KafkaProducer(
        bootstrap_servers=pipeline.bootstrap, transactional_id=f"test-{uuid.uuid4().hex}"
    )
    try:
        producer.init_transactions()
        producer.begin_transaction()
        for number in PARTITIONS:
            producer.send("comment-events", key=b"other", value=b"{}", partition=number)
        producer.flush()
        yield producer
    finally:
        producer.close()


def test_an_acknowledged_comment_behind_an_open_transaction_holds_closing_back(
    pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    settings = pipeline.settings().model_copy(update={"close_delay_seconds": 0})
    opened = database_clock(connection)
    closes_at = opened + timedelta(seconds=2)
    with pipeline.consumer():
        produce(pipeline, article("closes", opened, closes_at))
        pipeline.wait_for_records(connection, 1)
        with open_transaction(pipeline) as other:
            produce(pipeline, comment("closes", opened))
            wait_until(lambda: database_clock(connection) > closes_at, 30)
            taken = take_barrier(connection, settings, attempt_id="1", run_id="r")

            def held_by() -> set[tuple[str, int | None]]:
                behind = poll_barrier(connection, taken)
                now = database_clock(connection)
                found = find_transactions(behind, settings, now, idle_seconds=0)
                return {(each.topic, each.open_transaction) for each in found}

            assert {topic for topic, _ in held_by()} == {"comment-events"}
            wait_until(lambda: all(offset is not None for _, offset in held_by()), 30)
            with pytest.raises(BelowTheLineError, match="has not passed"):
                apply_barrier(connection, taken)
            shown = pipeline.btl("offsets", "show").stdout
            assert re.search(r"comment-events-\d: open transaction since offset \d+", shown)
            assert "kafka-transactions.sh" in shown
            audited = pipeline.btl("audit")
            assert audited.returncode == 0, audited.stdout
            # The comment, and the six records of the transaction.
            assert "7 still to be read" in audited.stdout.replace("\n", " ")
            explained = pipeline.btl("explain", "comment", "x", "--article", "closes").stderr
            assert explained.count("open transaction since offset") == len(PARTITIONS)
            other.abort_transaction()
        pipeline.wait_for_records(connection, 2)
        wait_until(lambda: not poll_barrier(connection, taken), 30)
        apply_barrier(connection, taken)
    assert states(connection) == {"closes": ("closed", closes_at)}
    assert connection.execute(
        "select count(*), count(*) filter (where posted_at = %s) from discussion.comments",
        [opened],
    ).fetchone() == (1, 1)
    assert connection.execute("select count(*) from discussion.late_comments").fetchone() == (0,)
    assert_accounted(connection)


def test_while_a_consumer_is_held_back_for_longer_than_the_window_nothing_closes(
    pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    # As if the closing delay had passed: a record produced before the barrier lies before its
    # offsets in any case.
    settings = pipeline.settings().model_copy(update={"close_delay_seconds": 0})
    earlier = take_barrier(connection, settings, attempt_id="1", run_id="r")
    assert poll_barrier(connection, earlier) == ()
    opened = database_clock(connection)
    closes_at = opened + timedelta(seconds=3)
    with pipeline.consumer() as process:
        produce(
            pipeline, *(article(name, opened, closes_at) for name in ("closes", "extended", "late"))
        )
        pipeline.wait_for_records(connection, 3)
        apply_windows(connection, opened)
        assert states(connection) == dict.fromkeys(("closes", "extended", "late"), ("open", None))

        os.kill(process.pid, signal.SIGSTOP)
        try:
            in_time, last = closes_at - timedelta(microseconds=1), closes_at + timedelta(hours=1)
            produce(
                pipeline,
                comment("closes", in_time),
                extend("extended", opened, last),
                comment("extended", closes_at),
                comment("late", closes_at),
            )
            wait_until(lambda: database_clock(connection) > closes_at, 30)
            held_back = take_barrier(connection, settings, attempt_id="2", run_id="r")
            assert {each.topic for each in poll_barrier(connection, held_back)} == {
                "articles",
                "comment-events",
            }
            with pytest.raises(BelowTheLineError, match="has not passed"):
                apply_barrier(connection, held_back)
            # Not even by hand.
            assert apply_now(connection).cut_off < opened
            assert states(connection) == dict.fromkeys(
                ("closes", "extended", "late"), ("open", None)
            )
        finally:
            os.kill(process.pid, signal.SIGCONT)

        pipeline.wait_for_records(connection, 7)
        wait_until(lambda: not poll_barrier(connection, held_back), 30)
        apply_barrier(connection, held_back)
        assert states(connection) == {
            "closes": ("closed", closes_at),
            "extended": ("open", None),
            "late": ("closed", closes_at),
        }
        assert connection.execute(
            "select article_id, late_by from discussion.late_comments"
        ).fetchall() == [("late", timedelta())]
    assert_accounted(connection)
