"""Reading where consumer groups stand."""

import psycopg
from psycopg.rows import class_row

from below_the_line.partitions import Position
from below_the_line.resources import sql


def read_positions(
    connection: psycopg.Connection, consumer_group: str | None = None
) -> list[Position]:
    """Return the positions of a group (None: of all groups), by group, topic and partition."""
    with connection.cursor(row_factory=class_row(Position)) as cursor:
        return cursor.execute(
            sql("ingest/offsets/positions.sql"), {"consumer_group": consumer_group}
        ).fetchall()
