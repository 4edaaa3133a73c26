"""The floor: what the database alone needs for the same rows.

The load is read, decoded and folded beforehand into the batches that a consumer would write, as
tuples ready to be sent. Measured is one psycopg connection that copies each batch to the staging
tables, merges it with the product's own statements and commits (synchronous_commit=off): no Kafka,
no validation, no ledger, no positions, no fence, one step after the other.
"""

import gc
import time
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import psycopg

from below_the_line.event_tables.description import TABLES
from below_the_line.resources import sql
from tests.benchmarks.rates import Throughput, throughput, window
from tests.benchmarks.reader import decoded_batches
from tests.benchmarks.services import Load, Services


class PreparedBatch(NamedTuple):
    """A batch as it goes to the server."""

    records: int
    rows: tuple[tuple[str, Sequence[tuple[Any, ...]]], ...]
    """Of each table, in merge order."""
    merges: bytes


def prepare(services: Services, load: Load) -> list[PreparedBatch]:
    """The batches of a load."""
    prepared = []
    for batch in decoded_batches(services, load):
        assert not batch.dead_letters(), batch.dead_letters()[0]
        rows, merges = [], []
        for folded in batch.folded():
            staged, _ = folded.staged()
            rows.append((folded.table.name, [(number, *row) for number, row in enumerate(staged)]))
            merges.append(sql(f"generated/merge/{folded.table.name}.sql"))
        prepared.append(PreparedBatch(len(batch), tuple(rows), b"".join(merges)))
    return prepared


def measure(services: Services, batches: Sequence[PreparedBatch]) -> Throughput:
    """Write the batches to a database without a row; the first one is not counted, as nowhere
    else.
    """
    commits, begun = [], 0.0
    options = "-c synchronous_commit=off -c jit=off -c timezone=UTC"
    with (
        services.database() as database,
        psycopg.connect(database.consumer, options=options) as connection,
    ):
        copies = _copies(connection)
        gc.disable()
        try:
            for batch in batches:
                with connection.cursor() as cursor:
                    for table, rows in batch.rows:
                        statement, types = copies[f"staged_{table}"]
                        with cursor.copy(statement) as copy:
                            copy.set_types(types)
                            for row in rows:
                                copy.write_row(row)
                    cursor.execute(batch.merges)
                connection.commit()
                commits.append((time.time(), batch.records))
                begun = begun or time.process_time()
        finally:
            spent = time.process_time()
            gc.enable()
    return throughput(window(commits), cpu_seconds=spent - begun)


def _copies(connection: psycopg.Connection) -> dict[str, tuple[bytes, list[str]]]:
    """Of each staging table: the COPY statement and the types of its columns. Makes the tables."""
    for table in TABLES:
        connection.execute(sql(f"generated/staging/{table.name}.sql"))
    columns = connection.execute(sql("ingest/staged_columns.sql")).fetchall()
    connection.commit()
    copies = {}
    for name, of_table in groupby(columns, key=itemgetter(0)):
        _, names, types = zip(*of_table, strict=True)
        copies[name] = (
            f"copy {name} ({', '.join(names)}) from stdin (format binary)".encode(),
            list(types),
        )
    return copies
