"""The events as peers take them: each one a flat JSON object, in a topic of its own, for one table.

They are flattened before anything is measured. The table has the key of the events and no other
index, and its database commits without waiting for the disk (synchronous_commit=off), as ours does.
A column with a default, of which a peer knows nothing, says when a row was stored.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
import psycopg
from kafka.partitioner.default import murmur2

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.contracts.times import EPOCH
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.producer import Publisher
from tests.benchmarks.rates import Commit
from tests.benchmarks.services import Database, Services
from tests.builders import members

TOPIC = "bench-flat"
TABLE = "flat_events"
PARTITIONS = 6
KEY = ("article_id", "entity_id", "event_type")
TEXTS = (
    *KEY,
    *("event_id", "user_id", "display_name", "role", "parent_comment_id", "body"),
    *("url", "headline", "section", "language"),
)
TIMES = ("occurred_at", "posted_at", "published_at")
_SECONDS_WITHOUT_PROGRESS = 90.0

Key = tuple[str, str, str]


class FlatLoad(NamedTuple):
    """What lies in the flattened topic."""

    rows: int
    """Different keys."""
    last: Mapping[int, Key]
    """Of each partition, the key of its last record: when all of these are stored, all is."""


def prepare(services: Services, events: Iterable[Outgoing]) -> FlatLoad:
    """Fill the topic with the flattened events.

    An event whose key came before is left out: the Debezium sink's UNNEST inserts can't take two
    rows of one key in a batch.
    """
    decode = load_contracts().decode
    services.create_topic(TOPIC, PARTITIONS, {})
    keys: set[int] = set()
    last: dict[int, Key] = {}
    timestamp = int(time.time() * 1000)
    with Publisher(services.settings) as publisher:
        for outgoing in events:
            event = decode(
                Record(
                    outgoing.topic, 0, 0, timestamp, outgoing.key, outgoing.value, outgoing.headers
                )
            )
            assert not isinstance(event, Rejection), event
            row = flattened(event)
            key = (row["article_id"], row["entity_id"], row["event_type"])
            if hash(key) in keys:
                continue
            keys.add(hash(key))
            partition_key = event.article_id.encode()
            last[(murmur2(partition_key) & 0x7FFFFFFF) % PARTITIONS] = key
            publisher.send(Outgoing(TOPIC, partition_key, orjson.dumps(row)))
    return FlatLoad(len(keys), last)


def flattened(event: Event) -> dict[str, Any]:
    """One object of texts and times (milliseconds since 1970), without what is absent."""
    data = members(event.data)
    author = data.get("author") or {}
    row = {name: data.get(name, author.get(name)) for name in TEXTS} | {
        "article_id": event.article_id,
        "entity_id": " ".join(
            data[name]
            for name in ("comment_id", "report_id", "user_id", "reaction")
            if data.get(name) is not None
        ),
        "event_type": event.type,
        "event_id": event.id,
        "occurred_at": event.occurred_at // 1000,
        "posted_at": _milliseconds(data.get("posted_at")),
        "published_at": _milliseconds(data.get("published_at")),
    }
    return {name: value for name, value in row.items() if value is not None}


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // timedelta(milliseconds=1)


@contextmanager
def database(services: Services, time_type: str) -> Iterator[Database]:
    """A database with the empty table, whose times are of this Postgres type; gone afterwards."""
    with services.database() as made:
        with psycopg.connect(made.superuser, autocommit=True) as connection:
            (name,) = connection.execute("select current_database()").fetchone() or ("",)
            connection.execute(f"alter database {name} set synchronous_commit = off".encode())
            columns = [
                *(f'{name} text collate "C"' for name in TEXTS),
                *(f"{name} {time_type}" for name in TIMES),
                "stored_at timestamptz not null default clock_timestamp()",
                f"primary key ({', '.join(KEY)})",
            ]
            connection.execute(f"create table {TABLE} ({', '.join(columns)})".encode())
        yield made


def wait(database: Database, load: FlatLoad, check: Callable[[bool], None]) -> None:
    """Wait until all rows are stored. ``check`` is called again and again, with whether there was
    progress lately, and raises an error if the peer has failed.
    """
    texts = list(zip(*load.last.values(), strict=True))
    stored, seen, since, tick = 0, 0, time.monotonic(), threading.Event()
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        while stored < load.rows:
            check(time.monotonic() < since + _SECONDS_WITHOUT_PROGRESS)
            size, last = connection.execute(
                f"select pg_relation_size('{TABLE}'), count(*) from {TABLE} where (article_id,"
                " entity_id, event_type) in"
                " (select * from unnest(%s::text[], %s::text[], %s::text[]))".encode(),
                [list(each) for each in texts],
            ).fetchone() or (0, 0)
            if size > seen:
                seen, since = size, time.monotonic()
            if last == len(load.last):
                # Only now: to count is to read the whole table.
                (stored,) = connection.execute(
                    f"select count(*) from {TABLE}".encode()
                ).fetchone() or (0,)
            tick.wait(0.25)


def commits(database: Database) -> list[Commit]:
    """When transactions stored rows, in seconds since 1970, and how many each."""
    with psycopg.connect(database.superuser) as connection:
        return connection.execute(
            f"select extract(epoch from max(stored_at))::float8, count(*) from {TABLE}"
            " group by xmin".encode()
        ).fetchall()
