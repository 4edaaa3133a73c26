"""Making dead letters in tests, and contracts that reject everything, to be fixed."""

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from below_the_line.catalogue import load_contracts, schema_document, topics
from below_the_line.contracts.contract import Contract
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.event_tables.description import TABLES
from below_the_line.partitions import PartitionLog
from btl.simulation.day import simulate_day
from consumers.adapters.postgres import Store
from consumers.core.batch import Batch, DecodedRecord, Partition
from tests.builders import NOW_MILLISECONDS, record

Decode = Callable[[Record], Event | Rejection]
TOPIC_IDS = {topic.name: UUID(int=number) for number, topic in enumerate(topics(), 1)}


ODD_RECORDS = [
    Record("comment-events", 0, 0, 1_790_000_000_123, None, None, []),
    Record("comment-events", 0, 1, 0, b"", b"", [("", b"")]),
    Record(
        "comment-events",
        0,
        2,
        1_790_000_000_001,
        b"\x00\xff\xfe",
        bytes(range(256)) * 5,
        [("n", None), ("n", b"2")],
    ),
    Record(
        "comment-events",
        0,
        3,
        1_790_000_000_999,
        b"a",
        b"\x1b[2J\r\n\x9b",
        [("\udcff\x00\udcc3", b"\xff")],
    ),
    Record(
        "comment-events",
        0,
        4,
        253_402_300_799_000,
        "ключ".encode(),
        b"{" * 300_000,
        [("ce_id", "ü".encode("latin-1"))],
    ),
]
"""Nothing that any contract accepts, and all that is hard to keep as it is."""


def comment(offset: int, comment_id: str | None = None) -> Record:
    """A posted comment, a good record."""
    data = {
        "article_id": "a1",
        "comment_id": comment_id or f"c{offset}",
        "author": {"user_id": "u1", "display_name": "Reader One"},
        "body": "first",
        "posted_at": "2026-05-01T10:00:00Z",
    }
    return record(
        "comment.posted.v1", data, at="2026-05-01T10:00:00Z", offset=offset, event_id=f"e{offset}"
    )


def comments(count: int) -> list[Record]:
    """Return a number of comments, from offset 0 on."""
    return [comment(offset) for offset in range(count)]


def broken_contracts() -> Contracts:
    """The contracts with a member required of every type that no event has."""
    definitions = schema_document("definitions")
    topic_of = {event_type: topic for topic in topics() for event_type in topic.event_types}
    contracts = {}
    for event_type, topic in topic_of.items():
        schema = copy.deepcopy(schema_document(event_type))
        schema["properties"]["forgotten"] = {
            "type": "string",
            "description": "No producer sends it.",
        }
        schema["required"] = [*schema["required"], "forgotten"]
        contracts[event_type] = Contract(event_type, schema, definitions, topic.key_of(event_type))
    return Contracts(contracts, {name: topic.name for name, topic in topic_of.items()})


def days_records(count: int = 1_000, seed: int = 7) -> list[Record]:
    """The good records of a made-up day, of all types that have tables, with offsets in two
    partitions per topic.
    """
    decode = load_contracts().decode
    found = []
    next_offset: dict[tuple[str, int], int] = defaultdict(int)
    for outgoing in simulate_day(
        seed, datetime(2026, 5, 20, tzinfo=UTC), records=count, erasure=False
    ):
        partition = sum(outgoing.key or b"") % 2
        read = Record(
            outgoing.topic,
            partition,
            next_offset[outgoing.topic, partition],
            NOW_MILLISECONDS,
            outgoing.key,
            outgoing.value,
            list(outgoing.headers),
        )
        if isinstance(decode(read), Event):
            found.append(read)
            next_offset[outgoing.topic, partition] += 1
    return found


def load(
    database_url: str,
    records: Iterable[Record],
    decode: Decode,
    *,
    group: str = "group",
    topic_ids: "dict[str, UUID] | None" = None,
) -> None:
    """Write records in one batch, as a consumer that took their partitions would. They begin where
    positions stand.
    """
    of_partition: dict[Partition, list[DecodedRecord]] = defaultdict(list)
    for each in records:
        of_partition[Partition(each.topic, each.partition)].append(
            DecodedRecord(each, decode(each))
        )
    ids = TOPIC_IDS if topic_ids is None else topic_ids
    batch = Batch()
    with closing(Store(database_url, group)) as store:
        taken = store.take(
            {
                each: PartitionLog(ids[each.topic], decoded[0].record.offset, 1 << 40)
                for each, decoded in of_partition.items()
            }
        )
        for partition, decoded in of_partition.items():
            batch.add(
                partition,
                decoded,
                taken[partition].next_offset,
                decoded[-1].record.offset + 1,
                now=0.0,
            )
        store.begin(batch)
        store.finish()


def rejecting(code: str = "schema_violation", stage: str = "contract") -> Decode:
    """A decoder that rejects everything with this code."""
    return lambda _: Rejection(stage, code, "/data", "refused by a test", "comment.posted.v1")


def content(connection: psycopg.Connection) -> dict[str, list[str]]:
    """All of schema discussion that events make."""
    return {
        table.name: sorted(
            str(row[0])
            for row in connection.execute(
                f"select t::text from discussion.{table.name} as t".encode()
            )
        )
        for table in TABLES
    }


def digest(connection: psycopg.Connection) -> dict[str, tuple[object, ...] | None]:
    """Of every table its content, with the transactions that wrote it, and of every sequence its
    state.
    """
    relations = connection.execute(
        "select format('%I.%I', n.nspname, c.relname), c.relkind::text from pg_class as c"
        " inner join pg_namespace as n on n.oid = c.relnamespace"
        " where n.nspname in ('discussion', 'ingest', 'metrics') and c.relkind in ('r', 'S')"
    ).fetchall()
    return {
        name: (
            connection.execute(
                (
                    f"select last_value, is_called from {name}"
                    if kind == "S"
                    else (
                        "select count(*), md5(string_agg(concat(t.xmin, t), ',' order by"
                        f" concat(t.xmin, t))) from {name} as t"
                    )
                ).encode()
            ).fetchone()
        )
        for name, kind in relations
    }


def statuses(connection: psycopg.Connection) -> dict[str, int]:
    """How many dead letters there are of each status."""
    return dict(
        connection.execute(
            "select status, count(*) from ingest.dead_letters group by status"
        ).fetchall()
    )
