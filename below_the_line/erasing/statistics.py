"""What the planner keeps of ids of people: frequent values, until the next ANALYZE.

Of names, texts, records and versions it keeps nothing (`set statistics 0`).
"""

from collections.abc import Collection
from typing import Final

import psycopg
from psycopg import sql as composed

from below_the_line.database.connections import require_idle
from below_the_line.resources import sql

_LOCK_TIMEOUT: Final = "set local lock_timeout = '10s'"


def renew(connection: psycopg.Connection, ids: Collection[str]) -> list[str]:
    """Let the planner look again at the columns of which it keeps one of these ids; return them as
    ``schema.table.column``.

    For after the rows are wiped. It takes about a second for a large table, and nothing else waits
    meanwhile. Needs an idle connection, and commits on it. Safe to repeat.
    """
    require_idle(connection)
    with connection.transaction():
        kept = connection.execute(sql("erasing/kept_statistics.sql")).fetchall()
    found = [
        (schema, table, column)
        for schema, table, column, values in kept
        # Of a column with lists a value is a list, written as text.
        if any(value in ids or _has_one(value, ids) for value in values)
    ]
    for schema, table, column in found:
        with connection.transaction():
            connection.execute(_LOCK_TIMEOUT)
            connection.execute(
                composed.SQL("analyze {} ({})").format(
                    composed.Identifier(schema, table), composed.Identifier(column)
                )
            )
    return [".".join(each) for each in found]


def _has_one(value: str, ids: Collection[str]) -> bool:
    return value.startswith("{") and any(each in value for each in ids)
