"""sql/personal-data.yaml and docs/personal-data.md against the catalogue of the database."""

import psycopg
import pytest

from below_the_line.personal_data import CLASSED_TYPES, columns
from tests import personal_data_page

pytestmark = pytest.mark.stack

_COLUMNS = """
select format('%%I.%%I', relation.relnamespace::regnamespace, relation.relname), attribute.attname
from pg_class as relation
inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
inner join pg_attribute as attribute
    on attribute.attrelid = relation.oid and attribute.attnum > 0 and not attribute.attisdropped
where relation.relkind in ('r', 'p')
    and namespace.nspowner = 'btl_owner'::regrole
    and attribute.atttypid::regtype::text = any(%s)
"""


def unclassed(connection: psycopg.Connection) -> set[tuple[str, str]]:
    """Columns that can hold a text and have no class."""
    found = {*connection.execute(_COLUMNS, [list(CLASSED_TYPES)]).fetchall()}
    return found - known()


def known() -> set[tuple[str, str]]:
    return {(table, column) for table, of_table in columns().items() for column in of_table}


def test_every_column_that_can_hold_a_text_has_a_class(connection: psycopg.Connection) -> None:
    assert unclassed(connection) == set(), "sql/personal-data.yaml: give each its class"
    there = {*connection.execute(_COLUMNS, [list(CLASSED_TYPES)]).fetchall()}
    assert known() - there == set(), "sql/personal-data.yaml names what the database does not have"


def test_a_new_column_is_noticed(connection: psycopg.Connection) -> None:
    connection.execute("alter table metrics.article_engagement add column most_active text")
    connection.execute("create table discussion.drafts (body jsonb)")
    assert unclassed(connection) == {
        ("metrics.article_engagement", "most_active"),
        ("discussion.drafts", "body"),
    }


def test_no_column_is_of_a_type_that_nobody_thought_of(connection: psycopg.Connection) -> None:
    others = {
        kind
        for (kind,) in connection.execute(
            """
            select distinct attribute.atttypid::regtype::text
            from pg_class as relation
            inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
            inner join pg_attribute as attribute
                on attribute.attrelid = relation.oid and attribute.attnum > 0
                and not attribute.attisdropped
            where relation.relkind in ('r', 'p') and namespace.nspowner = 'btl_owner'::regrole
            """
        )
    } - {*CLASSED_TYPES}
    assert others <= {
        *("bigint", "integer", "integer[]", "double precision", "boolean", "bit", "uuid"),
        *("date", "interval", "timestamp with time zone"),
    }


def test_the_page_is_what_the_classes_and_the_catalogue_say(
    connection: psycopg.Connection,
) -> None:
    assert personal_data_page.PAGE.path.read_text() == personal_data_page.PAGE.text(connection), (
        "docs/personal-data.md differs: `python -m tests.personal_data_page` writes it"
    )
