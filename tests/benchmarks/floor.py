"""The floor: what the database alone needs for the same rows.

The load is read, decoded and folded beforehand into the batches that a consumer would write, as
tuples ready to be sent. Measured is one psycopg connection that copies each batch to staging
tables, merges it and commits (synchronous_commit=off): no Kafka, no validation, no ledger, no
positions, no fence, one step after the other. The statements are those of one early commit, and
never change (tests/benchmarks/floor/README.md); the tables are today's.
"""

import gc
import time
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from below_the_line.event_tables.description import TABLES as PRODUCT_TABLES
from tests.benchmarks.machine import Usage
from tests.benchmarks.rates import Throughput, throughput, window
from tests.benchmarks.reader import decoded_batches
from tests.benchmarks.services import Load, Services

STATEMENTS = Path(__file__).with_name("floor")
TABLES = (
    "articles",
    "article_versions",
    "discussion_overrides",
    "comments",
    "comment_edits",
    "moderation_decisions",
    "reports",
    "report_decisions",
    "reactions",
)
"""In the order in which that commit merged them."""
_OPTIONS = "-c synchronous_commit=off -c jit=off -c timezone=UTC"


class PreparedBatch(NamedTuple):
    """A batch as it goes to the server."""

    records: int
    rows: tuple[tuple[str, Sequence[tuple[Any, ...]]], ...]
    """Of each table, in merge order."""
    merges: bytes


class _Staging(NamedTuple):
    """A staging table of a session."""

    columns: tuple[str, ...]
    types: list[str]


def prepare(services: Services, load: Load) -> list[PreparedBatch]:
    """The batches of a load."""
    with services.database() as database, psycopg.connect(database.consumer) as connection:
        staging = _make_staging_tables(connection)
    prepared = []
    for batch in decoded_batches(services, load):
        assert not batch.dead_letters(), batch.dead_letters()[0]
        folded = {each.table.name: each.staged()[0] for each in batch.folded()}
        names = [name for name in TABLES if name in folded]
        prepared.append(
            PreparedBatch(
                len(batch),
                tuple((name, _as_staged(name, staging[name], folded[name])) for name in names),
                b"".join(_statement(f"merge/{name}.sql") for name in names),
            )
        )
    return prepared


def _as_staged(
    table: str, staging: _Staging, rows: Sequence[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """The rows with their number first, and only those columns that the staging table has."""
    (product,) = (each for each in PRODUCT_TABLES if each.name == table)
    choose = itemgetter(*(product.column_names.index(name) for name in staging.columns[1:]))
    return [(number, *choose(row)) for number, row in enumerate(rows)]


def measure(services: Services, batches: Sequence[PreparedBatch]) -> Throughput:
    """Write the batches to a database without a row; the first one is not counted, as nowhere
    else.
    """
    commits, begun = [], 0.0
    with (
        services.database() as database,
        psycopg.connect(database.consumer, options=_OPTIONS) as connection,
        Usage([], services.postmaster()) as usage,
    ):
        staging = _make_staging_tables(connection)
        copies = {name: _copy_statement(name, each) for name, each in staging.items()}
        gc.disable()
        try:
            for batch in batches:
                with connection.cursor() as cursor:
                    for table, rows in batch.rows:
                        with cursor.copy(copies[table]) as copy:
                            copy.set_types(staging[table].types)
                            for row in rows:
                                copy.write_row(row)
                    cursor.execute(batch.merges)
                connection.commit()
                commits.append((time.time(), batch.records))
                begun = begun or time.thread_time()
        finally:
            spent = time.thread_time()
            gc.enable()
    found = window(commits)
    return throughput(
        found,
        cpu_seconds=spent - begun,
        postgres_seconds=usage.postgres_seconds(found.begin, found.end),
    )


def _make_staging_tables(connection: psycopg.Connection) -> dict[str, _Staging]:
    """Make the staging tables of this session, and return what they are by the table's name."""
    for name in TABLES:
        connection.execute(_statement(f"staging/{name}.sql"))
    columns = connection.execute(_statement("staged_columns.sql")).fetchall()
    connection.commit()
    found = {}
    for staged, of_table in groupby(columns, key=itemgetter(0)):
        _, names, types = zip(*of_table, strict=True)
        found[staged.removeprefix("staged_")] = _Staging(names, list(types))
    return found


def _copy_statement(table: str, staging: _Staging) -> bytes:
    columns = ", ".join(staging.columns)
    return f"copy staged_{table} ({columns}) from stdin (format binary)".encode()


def _statement(name: str) -> bytes:
    return (STATEMENTS / name).read_bytes()
