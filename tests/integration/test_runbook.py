"""The runbook's recipes do what they say: each SQL block is taken from the page and run."""

import re
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from consumers.core.positions import BrokerPartition, StoredPosition, start_position

pytestmark = pytest.mark.stack

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
OLD, NEW = UUID(int=7), UUID(int=0)


@pytest.fixture
def recipes() -> list[str]:
    return [block for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL) if block.startswith("begin;")]


@pytest.fixture
def stopped(connection: psycopg.Connection) -> psycopg.Connection:
    connection.execute(
        "insert into ingest.partition_offsets"
        " (consumer_group, topic, partition, topic_id, next_offset, epoch, status, status_detail)"
        " values ('below-the-line', 'comment-events', 3, %s, 4000, 5, 'stopped', 'why')",
        [OLD],
    )
    return connection


def position(connection: psycopg.Connection) -> StoredPosition:
    row = connection.execute(
        "select topic_id, incarnation, next_offset, epoch, status, status_detail from ingest.partition_offsets"
    ).fetchone()
    assert row is not None
    return StoredPosition(*row)


def test_expired_records_are_accepted_as_a_gap(stopped: psycopg.Connection, recipes: list[str]) -> None:
    stopped.execute(recipes[0].encode())
    assert start_position(position(stopped), BrokerPartition(OLD, 4711, 9000)) == 4711
    assert stopped.execute("select kind, incarnation, first_offset, next_offset from ingest.batches").fetchall() == [
        ("gap", 1, 4000, 4711)
    ]


def test_a_topic_made_anew_begins_another_life(stopped: psycopg.Connection, recipes: list[str]) -> None:
    stopped.execute(recipes[1].encode())
    assert start_position(position(stopped), BrokerPartition(NEW, 0, 12)) == 0
    assert stopped.execute("select kind, incarnation, first_offset, next_offset from ingest.batches").fetchall() == [
        ("reset", 2, 0, 0)
    ]


def test_lost_records_begin_another_life_of_the_same_topic(stopped: psycopg.Connection, recipes: list[str]) -> None:
    stopped.execute(re.sub(r"\n    topic_id = .*,", "", recipes[1]).encode())
    assert start_position(position(stopped), BrokerPartition(OLD, 0, 12)) == 0
