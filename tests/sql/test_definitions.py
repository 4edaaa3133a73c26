"""A metric is defined once: its definitions, the comments in the database and docs/metrics.md say
the same.
"""

import psycopg
import pytest

from below_the_line.metrics.definitions import TABLES, VIEWS, definitions

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("table", [*TABLES, *VIEWS])
def test_the_tables_columns_and_comments_are_those_of_the_definitions(
    connection: psycopg.Connection, table: str
) -> None:
    rows = connection.execute(
        "select attname::text, col_description(attrelid, attnum) from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 and not attisdropped",
        [str(definitions(table))],
    ).fetchall()
    # In any order: a column that a migration adds comes last in the table.
    assert dict(rows) == {column.name: column.definition for column in definitions(table).columns}
    summary = connection.execute(
        "select obj_description(%s::regclass)", [str(definitions(table))]
    ).fetchone()
    assert summary == (definitions(table).summary,)


@pytest.mark.parametrize("table", TABLES)
def test_a_column_that_may_be_null_says_when(connection: psycopg.Connection, table: str) -> None:
    rows = connection.execute(
        "select attname::text, attnotnull from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 and not attisdropped",
        [f"metrics.{table}"],
    ).fetchall()
    says_when = {column.name for column in definitions(table).columns if column.when_null}
    assert {name for name, not_null in rows if not not_null} == says_when


def test_every_relation_column_and_function_has_a_comment(connection: psycopg.Connection) -> None:
    rows = connection.execute("""
        select relation.oid::regclass::text, attribute.attname::text
        from pg_class as relation
        inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
        left join pg_attribute as attribute
            on attribute.attrelid = relation.oid
            and attribute.attnum > 0
            and not attribute.attisdropped
        where namespace.nspname in ('below_the_line', 'discussion', 'ingest', 'metrics')
            and relation.relkind in ('r', 'v', 'm', 'p')
            and (
                attribute.attnum is not null
                and col_description(relation.oid, attribute.attnum) is null
                or obj_description(relation.oid, 'pg_class') is null
            )
        union all
        select routine.oid::regprocedure::text, null
        from pg_proc as routine
        inner join pg_namespace as namespace on namespace.oid = routine.pronamespace
        where namespace.nspname in ('below_the_line', 'discussion', 'ingest', 'metrics')
            and obj_description(routine.oid, 'pg_proc') is null
        """).fetchall()
    assert rows == []
