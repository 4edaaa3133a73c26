"""Finds what is known about an article or comment: its records in the log, and its rows."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import kafka
import kafka.errors
import psycopg

from below_the_line.contracts.events import Record
from below_the_line.errors import BelowTheLineError
from below_the_line.event_tables.description import TABLES
from below_the_line.kafka.admin import offsets_at
from below_the_line.kafka.errors import translated_errors
from below_the_line.kafka.options import connected, kafka_options
from below_the_line.resources import sql
from below_the_line.settings import Settings
from consumers.adapters import record_batches
from consumers.core.batch import Partition
from consumers.core.provenance import Ingested, Place, Row

_SILENCE_MILLISECONDS = 10_000


class DeadLetter(NamedTuple):
    """A dead letter with its present status."""

    place: Place
    stage: str
    code: str
    pointer: str | None
    message: str
    schema_version: str | None
    status: str
    value: bytes | None
    topic_id: UUID
    """The topic when the record was read. A topic that was created again has other offsets."""
    event_type: str | None
    """As the record names it; None if it cannot be read."""
    event_id: str | None


def comments_below(connection: psycopg.Connection, article_id: str) -> int:
    """Return the number of known comments below an article, stubs included."""
    row = connection.execute(sql("provenance/mentions.sql"), {"article_id": article_id}).fetchone()
    return int(row[0]) if row else 0


def search_log(
    settings: Settings,
    topic: str,
    key: bytes,
    since: datetime | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Iterator[Record]:
    """Yield the records of a topic with this key.

    Reads all partitions, since a key's partition changes when partitions are added. Reads the whole
    log, or what was written at or after ``since``, but nothing from an open transaction on: whether
    its records count is not decided yet, and those behind it cannot be read. Calls ``progress``
    with the number of offsets that are done, and with their total. Raises BelowTheLineError if the
    broker does not answer.
    """
    for record in read_log(settings, topic, since, progress):
        if record.key == key:
            yield record


def read_log(
    settings: Settings,
    topic: str,
    since: datetime | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
    *,
    uncommitted: bool = False,
    hint: str = "`--no-log` explains from the tables alone.",
) -> Iterator[Record]:
    """Yield all records of a topic, from the beginning or ``since`` to the present end; nothing if
    there is no such topic.

    ``uncommitted``: those of open and of aborted transactions, too, which every client may read.
    Joins no consumer group, and commits nothing. ``hint``: what to do if the broker does not
    answer. The rest is as in ``search_log``.
    """
    record_batches.install()
    with translated_errors(settings):
        consumer = connected(
            kafka.KafkaConsumer,
            **kafka_options(settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_uncommitted" if uncommitted else "read_committed",
            max_poll_records=10_000,
            metrics_enabled=False,
        )
    try:
        partitions = [
            kafka.TopicPartition(topic, number)
            for number in consumer.partitions_for_topic(topic) or ()
        ]
        starts, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        if since is not None:
            later = offsets_at(
                settings, [(each.topic, each.partition) for each in partitions], since
            )
            starts = {
                each: max(start, later.get((each.topic, each.partition), ends[each]))
                for each, start in starts.items()
            }
        open_ends = {each: ends[each] for each in partitions if starts[each] < ends[each]}
        total, done = sum(end - starts[each] for each, end in open_ends.items()), 0
        consumer.assign(list(open_ends))
        for each in open_ends:
            consumer.seek(each, starts[each])
        while open_ends:
            polled = record_batches.poll(consumer, _SILENCE_MILLISECONDS)
            before = len(open_ends)
            for records in polled.values():
                yield from records
            for each in [each for each, end in open_ends.items() if consumer.position(each) >= end]:
                done += open_ends.pop(each) - starts[each]
                consumer.pause(each)
            progress(
                done + sum(consumer.position(each) - starts[each] for each in open_ends), total
            )
            if not polled and len(open_ends) == before:
                raise _silent(
                    settings, f"nothing came for {_SILENCE_MILLISECONDS / 1_000:.0f} s", hint
                )
    except kafka.errors.KafkaError as error:
        raise _silent(settings, error, hint) from None
    finally:
        consumer.close()


def _silent(settings: Settings, why: object, hint: str) -> BelowTheLineError:
    return BelowTheLineError(f"The log at {settings.kafka_bootstrap} can't be read: {why}.", hint)


def stored_rows(
    connection: psycopg.Connection, article_id: str, comment_id: str | None, max_rows: int
) -> tuple[dict[str, list[Row]], dict[str, int]]:
    """Return the rows of an article, or of one of its comments, by table, and how many more rows
    each table has.

    The latest ``max_rows`` of each table are read.
    """
    statement = sql(f"generated/provenance/{'article' if comment_id is None else 'comment'}.sql")
    types = {table.name: {each.name: each.type for each in table.columns} for table in TABLES}
    rows: dict[str, list[Row]] = {}
    more: dict[str, int] = {}
    for table, columns, total in connection.execute(
        statement, {"article_id": article_id, "comment_id": comment_id, "max_rows": max_rows}
    ).fetchall():
        if total > max_rows:
            more[table] = total - max_rows
        rows.setdefault(table, []).append(
            {name: _read(types[table].get(name), value) for name, value in columns.items()}
        )
    return rows, more


def _read(column_type: str | None, value: Any) -> Any:
    """Return a value that came as JSON as psycopg reads a column of this type."""
    if value is not None and column_type == "bytea":
        return bytes.fromhex(value.removeprefix("\\x"))
    if value is not None and column_type == "timestamptz":
        return datetime.fromisoformat(value)
    return value


def may_be_about(value: bytes | None, comment_id: str | None) -> bool:
    """Whether a rejected record may be about this comment; None: about any.

    If its value is not JSON, the bytes are searched for the id.
    """
    if comment_id is None:
        return True
    try:
        document = json.loads(value or b"null")
    except (ValueError, RecursionError):
        return value is not None and comment_id.encode() in value
    # In structured mode data is a member; in binary mode the value is the data.
    data = document.get("data", document) if isinstance(document, dict) else None
    return isinstance(data, dict) and data.get("comment_id") == comment_id


def articles_of_comment(connection: psycopg.Connection, comment_id: str) -> list[str]:
    """Return the ids of the articles below which a comment with this id is known."""
    rows = connection.execute(
        sql("generated/provenance/articles_of_comment.sql"), {"comment_id": comment_id}
    ).fetchall()
    return [article_id for (article_id,) in rows]


def ingested(
    connection: psycopg.Connection, consumer_group: str, topic: str, topic_id: UUID | None
) -> Ingested:
    """Return the ingested offsets of a topic."""
    rows = connection.execute(
        sql("provenance/ingested.sql"),
        {"consumer_group": consumer_group, "topic": topic, "topic_id": topic_id},
    ).fetchall()
    return {
        Partition(topic, number): range(first_offset, next_offset)
        for number, first_offset, next_offset in rows
    }


def may_read_dead_letters(connection: psycopg.Connection) -> bool:
    """Return whether this role may read rejected records. Moderators may not."""
    ((allowed,),) = connection.execute(sql("provenance/may_read_dead_letters.sql"))
    return bool(allowed)


def dead_letters(
    connection: psycopg.Connection, article_id: str, comment_id: str | None, max_letters: int
) -> tuple[Sequence[DeadLetter], int]:
    """Return the dead letters that may be about an article, or about one of its comments, also of a
    topic that was created again since; and how many more there are.

    Reads them in pieces, and keeps the last ``max_letters``. Needs a transaction.
    """
    kept: deque[DeadLetter] = deque(maxlen=max_letters)
    found = 0
    with connection.cursor(name="explained_dead_letters") as cursor:
        cursor.itersize = 100
        cursor.execute(sql("provenance/dead_letters.sql"), {"record_key": article_id.encode()})
        for row in cursor:
            letter = DeadLetter(Place(*row[:3]), *row[3:])
            if may_be_about(letter.value, comment_id):
                kept.append(letter)
                found += 1
    return kept, found - len(kept)
