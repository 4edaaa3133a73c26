"""Faults are not bad data: outages are waited out, partitions change hands, and every record is
accounted for once.
"""

import os
import signal

import psycopg
import pytest

from btl.stack.stack import Stack
from tests.faults.outages import answers, assert_exactly, reachable, send
from tests.pipeline import Pipeline, assert_accounted, wait_until

pytestmark = pytest.mark.stack


def test_postgres_stopped_during_consumption_loses_and_dead_letters_nothing(
    pipeline: Pipeline, connection: psycopg.Connection, stack: Stack
) -> None:
    with pipeline.consumer():
        send(pipeline, 0, 3_000)
        pipeline.wait_for_records(connection, 1)
        connection.close()
        stack.stop_part("postgres")
        try:
            send(pipeline, 3_000, 3_000)
            wait_until(
                lambda: pipeline.consumer_logs().count("database away") >= 3,
                30,
                pipeline.consumer_logs,
            )
        finally:
            stack.start_part("postgres")
            wait_until(lambda: answers(pipeline.database_url), 30)
        with psycopg.connect(pipeline.database_url, autocommit=True) as again:
            pipeline.wait_for_records(again, 6_000)
    with psycopg.connect(pipeline.database_url, autocommit=True) as again:
        assert_exactly(again, pipeline, 6_000)


def test_the_broker_killed_during_consumption_loses_nothing(
    pipeline: Pipeline, connection: psycopg.Connection, stack: Stack
) -> None:
    with pipeline.consumer():
        send(pipeline, 0, 3_000)
        pipeline.wait_for_records(connection, 1)
        broker = stack.processes("kafka")[0]
        broker.kill()
        broker.wait(10)
        # The supervisor starts it again; the producer waits for it, as the consumer does.
        wait_until(
            lambda: broker.pid not in {process.pid for process in stack.processes("kafka")[:1]}, 30
        )
        wait_until(lambda: reachable(pipeline.bootstrap), 30)
        send(pipeline, 3_000, 3_000)
        pipeline.wait_for_records(connection, 6_000, seconds=90)
    assert_exactly(connection, pipeline, 6_000)


def test_consumers_that_join_and_leave_under_load_share_the_work_and_repeat_nothing(
    pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    first = pipeline.start_consumer(BTL_BATCH_RECORDS="200")
    try:
        send(pipeline, 0, 4_000)
        pipeline.wait_for_records(connection, 1_000)
        with pipeline.consumer(BTL_BATCH_RECORDS="200"):
            send(pipeline, 4_000, 4_000)
            wait_until(
                lambda: (
                    connection.execute(
                        "select count(distinct owner) from ingest.partition_offsets"
                    ).fetchone()
                    == (2,)
                ),
                30,
                pipeline.consumer_logs,
            )
            first.terminate()
            assert first.wait(10) == 0
            send(pipeline, 8_000, 2_000)
            pipeline.wait_for_records(connection, 10_000)
    finally:
        first.kill()
        first.wait()
    assert_exactly(connection, pipeline, 10_000)


def test_a_consumer_that_slept_past_its_session_writes_nothing_after_another_took_over(
    pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    zombie = pipeline.start_consumer(BTL_BATCH_RECORDS="200")
    try:
        send(pipeline, 0, 2_000)
        pipeline.wait_for_records(connection, 200)
        os.kill(zombie.pid, signal.SIGSTOP)
        send(pipeline, 2_000, 2_000)
        with pipeline.consumer(BTL_BATCH_RECORDS="200"):
            # The group waits for the sleeper's session to run out before it gives its partitions
            # away.
            pipeline.wait_for_records(connection, 4_000, seconds=60)
            os.kill(zombie.pid, signal.SIGCONT)
            send(pipeline, 4_000, 2_000)
            pipeline.wait_for_records(connection, 6_000)
    finally:
        zombie.kill()
        zombie.wait()
    assert_exactly(connection, pipeline, 6_000)


def test_a_consumer_stops_within_five_seconds_of_sigterm(
    pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    process = pipeline.start_consumer()
    try:
        send(pipeline, 0, 5_000)
        pipeline.wait_for_records(connection, 1)
        process.terminate()
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()


def test_a_consumer_stops_within_five_seconds_also_while_postgres_is_away(
    pipeline: Pipeline, connection: psycopg.Connection, stack: Stack
) -> None:
    process = pipeline.start_consumer()
    try:
        send(pipeline, 0, 1_000)
        pipeline.wait_for_records(connection, 1)
        connection.close()
        stack.stop_part("postgres")
        try:
            send(pipeline, 1_000, 1_000)
            wait_until(
                lambda: "database away" in pipeline.consumer_logs(), 30, pipeline.consumer_logs
            )
            process.terminate()
            assert process.wait(5) == 0
        finally:
            stack.start_part("postgres")
            wait_until(lambda: answers(pipeline.database_url), 30)
    finally:
        process.kill()
        process.wait()


def test_a_value_that_only_postgres_refuses_is_dead_lettered_alone(
    pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    connection.execute(
        "alter table discussion.comments add constraint refused check (comment_id <> '1234')"
    )
    with pipeline.consumer():
        send(pipeline, 0, 2_000)
        account = pipeline.wait_for_records(connection, 2_000)
    assert account == {"records": 2_000, "applied": 1_999, "unchanged": 0, "dead_lettered": 1}
    assert connection.execute(
        "select stage, code, schema_version from ingest.dead_letters"
    ).fetchall() == [("database", "rejected_by_database", "comment.posted.v1")]
    assert connection.execute("select count(*) from discussion.comments").fetchone() == (1_999,)
    assert_accounted(connection)
