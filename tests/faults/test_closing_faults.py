"""Closing while a consumer is held back: nothing is closed on missing data, and nothing is lost by
waiting.
"""

import os
import signal
from datetime import datetime, timedelta

import psycopg
import pytest

from below_the_line.closing.barrier import database_clock, poll_barrier, take_barrier
from below_the_line.closing.rules import apply_now
from below_the_line.closing.windows import apply_barrier, apply_windows
from below_the_line.errors import BelowTheLineError
from tests.builders import envelope
from tests.pipeline import Pipeline, assert_accounted, wait_until

pytestmark = pytest.mark.stack


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
