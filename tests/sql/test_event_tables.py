"""The tables in the database have the columns, types and keys of their description."""

import psycopg
import pytest

from below_the_line.event_tables.description import TABLES, Table

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_has_the_described_columns_and_key(
    connection: psycopg.Connection, table: Table
) -> None:
    columns = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 and not attisdropped",
        [f"discussion.{table.name}"],
    ).fetchall()
    key = connection.execute(
        "select array_agg(attname::text order by attnum) from pg_index inner join pg_attribute"
        " on attrelid = indrelid and attnum = any(indkey)"
        " where indrelid = %s::regclass and indisprimary",
        [f"discussion.{table.name}"],
    ).fetchone()

    described = {
        column.name: column.type.partition(" ")[0].replace(
            "timestamptz", "timestamp with time zone"
        )
        for column in table.columns
    }
    assert dict(columns) == described
    assert key == (list(table.key_names),)
