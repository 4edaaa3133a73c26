"""The tables of docs/archive-export.md, made from the layout of archives and from the comments on
the columns of a migrated database.

``python -m tests.archive_page`` writes them; it needs the test stack.
"""

import textwrap

import psycopg

from below_the_line.resources import ROOT
from btl.archives.layout import ARCHIVED, ArchivedTable
from tests.database_pages import DatabasePage

_TYPES = {
    "text": "text",
    "text[]": "list of texts",
    "timestamptz": "time",
    "boolean": "true or false",
    "integer": "whole number",
    "bigint": "whole number",
    "bytea": "bytes, in hexadecimal digits",
}
_COMMENTS = """
select attribute.attname, col_description(attribute.attrelid, attribute.attnum)
from pg_attribute as attribute
where attribute.attrelid = %s::regclass and attribute.attnum > 0 and not attribute.attisdropped
"""
_TABLE_COMMENT = "select obj_description(%s::regclass, 'pg_class')"


def tables(connection: psycopg.Connection) -> str:
    """Return a section for each table, as Markdown. Raises KeyError for a column that the database
    does not have.
    """
    return "\n".join(_section(connection, table) for table in ARCHIVED)


def _section(connection: psycopg.Connection, table: ArchivedTable) -> str:
    name = f"discussion.{table.name}"
    (about,) = connection.execute(_TABLE_COMMENT, [name]).fetchone() or ("",)
    meanings: dict[str, str] = dict(connection.execute(_COMMENTS, [name]).fetchall())
    assert meanings.keys() == {column for column, _ in table.columns}, name
    lines = [
        f"### {table.name}\n",
        f"{textwrap.fill(about, 100, break_on_hyphens=False)}\n",
        "| column | type | meaning |",
        "| --- | --- | --- |",
        *(
            f"| `{column}` | {_TYPES[kind]} | {meanings[column]} |"
            for column, kind in table.columns
        ),
    ]
    return "\n".join(lines) + "\n"


PAGE = DatabasePage(ROOT / "docs" / "archive-export.md", "python -m tests.archive_page", tables)

if __name__ == "__main__":
    PAGE.write()
