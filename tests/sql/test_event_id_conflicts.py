"""Events that share source and id but not their content: listed with where they are kept; and order
keys read backwards.
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from below_the_line.contracts.events import Event, Record, order_key
from below_the_line.partitions import PartitionLog
from consumers.adapters.postgres import Store
from consumers.core.batch import Batch, DecodedRecord, Partition
from tests.builders import edited, event, posted

pytestmark = pytest.mark.stack
ZERO = Partition("comment-events", 0)
AT = "2026-05-01T10:00:00Z"


def load(database_url: str, events: Sequence[Event]) -> None:
    batch = Batch()
    decoded = [
        DecodedRecord(Record(ZERO.topic, ZERO.number, offset, 1_780_000_000_000, b"k", b"v"), event)
        for offset, event in enumerate(events)
    ]
    batch.add(ZERO, decoded, 0, len(decoded), now=0.0)
    with closing(Store(database_url, "group")) as store:
        store.take({ZERO: PartitionLog(UUID(int=1), 0, len(decoded))})
        store.begin(batch)
        store.finish()


def listed(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select source, event_id, contents, registers, article_ids from ingest.event_id_conflicts"
        " order by 1, 2"
    ).fetchall()


def edit(
    body: str, *, event_id: str = "e1", source: str = "/test", article_id: str = "a1", at: str = AT
) -> Event:
    data = {"article_id": article_id, "comment_id": "c1", "body": body, "edited_at": at}
    return event("comment.edited.v1", data, at=at, event_id=event_id, source=source)


@pytest.mark.parametrize(
    ("occurred_at", "event_id", "source", "digest"),
    [
        ("2026-05-01T10:00:00.123457+00:00", "e1", "/test", bytes(range(32))),
        ("1990-01-01T00:00:00+00:00", "ä€🙂", "urn:x", bytes(32)),
        ("2199-12-31T23:59:59.999999+00:00", "x" * 200, "y" * 200, b"\xff" * 32),
        ("1969-12-31T23:59:59.999999+00:00", "1", "2", b"\0" * 31 + b"\1"),
    ],
)
def test_an_order_key_names_its_event(
    connection: psycopg.Connection, occurred_at: str, event_id: str, source: str, digest: bytes
) -> None:
    moment = datetime.fromisoformat(occurred_at)
    since_1970 = moment - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    microseconds = (
        since_1970.days * 86_400 + since_1970.seconds
    ) * 1_000_000 + since_1970.microseconds
    key = order_key(microseconds, event_id, source, digest)
    assert connection.execute("select * from ingest.event_of(%s)", [key]).fetchall() == [
        (moment, event_id, source, digest)
    ]
    assert connection.execute("select * from ingest.event_of(null)").fetchall() == []


def test_the_same_id_with_other_content_is_listed_once_with_all_places(
    connection: psycopg.Connection, database_url: str
) -> None:
    load(
        database_url,
        [
            edit("one"),
            edit("two", at="2026-05-02T10:00:00Z"),
            edit("three", article_id="a2"),
            posted("c2", event_id="p1"),
            posted("c3", event_id="p1"),
        ],
    )
    assert listed(connection) == [
        ("/test", "e1", 3, ["comment_edits.version", "comments.edited_version"], ["a1", "a2"]),
        ("/test", "p1", 2, ["comments.posted_version"], ["a1"]),
    ]
    assert connection.execute(
        "select first_occurred_at::text, last_occurred_at::text from ingest.event_id_conflicts"
        " where event_id = 'e1'"
    ).fetchone() == ("2026-05-01 10:00:00+00", "2026-05-02 10:00:00+00")


def test_duplicates_and_the_ids_of_other_sources_are_no_conflicts(
    connection: psycopg.Connection, database_url: str
) -> None:
    # An edit is kept twice: in its register and in the set of all edits.
    load(
        database_url,
        [edit("one"), edit("one"), edit("two", source="/other"), edited("three", at=AT)],
    )
    assert listed(connection) == []


def test_every_version_that_is_kept_is_looked_at(connection: psycopg.Connection) -> None:
    kept = connection.execute(
        "select table_name, column_name from information_schema.columns where table_schema ="
        " 'discussion' and data_type = 'bytea' and column_name like '%version' order by 1, 2"
    ).fetchall()
    assert kept
    looked_at = connection.execute(
        "select table_name, column_name from information_schema.view_column_usage"
        " where view_name = 'kept_versions' and column_name like '%version' order by 1, 2"
    ).fetchall()
    assert looked_at == kept


@pytest.mark.parametrize(
    ("role", "statements"),
    [
        (
            "btl_reader",
            ["select from ingest.event_id_conflicts", "select from ingest.event_of('')"],
        ),
        # The history of a discussion names events, so moderators may take a version apart.
        ("btl_moderator", ["select from ingest.event_id_conflicts"]),
    ],
)
def test_who_only_queries_can_not_read_the_account(
    connection: psycopg.Connection, database_url: str, role: str, statements: list[str]
) -> None:
    load(database_url, [edit("one"), edit("two")])
    connection.execute("set role btl_scheduler")
    assert len(listed(connection)) == 1
    connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    for statement in statements:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
