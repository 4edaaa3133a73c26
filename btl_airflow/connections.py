"""From an Airflow connection to a connection to Postgres."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    import psycopg
    from airflow.sdk import Connection

CONNECTION_ID = "btl"
"""The Airflow connection of the project's database; its user is btl_scheduler."""
INGEST_CONNECTION_ID = "btl_ingest"
"""The same database with the user btl_ingest, for redrive_dead_letters: only this role may merge
events.
"""

_OPTIONS = frozenset(
    {
        "host",
        "port",
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "options",
        "target_session_attrs",
    }
)


def conninfo(connection: "Connection") -> str:
    """Return libpq's connection string. Where the URI names a socket folder, Airflow has ``host``
    and ``port`` among the extras.
    """
    extra = {name: value for name, value in connection.extra_dejson.items() if name in _OPTIONS}
    parts = {
        "host": connection.host,
        "port": connection.port,
        "user": connection.login,
        "password": connection.password,
        "dbname": connection.schema,
        **extra,
    }
    return make_conninfo(
        "", **{name: value for name, value in parts.items() if value not in (None, "")}
    )


def database_url(connection_id: str = CONNECTION_ID) -> str:
    """Return libpq's connection string of an Airflow connection. Only inside a task."""
    from airflow.sdk import BaseHook

    return conninfo(BaseHook.get_connection(connection_id))


@contextmanager
def connected(application_name: str, *, autocommit: bool = False) -> "Iterator[psycopg.Connection]":
    """Open a connection to the project's database for a block. Only inside a task. Raises
    BelowTheLineError if the database cannot be reached.
    """
    from below_the_line.database.connections import connect

    with connect(
        database_url(), application_name=application_name, autocommit=autocommit
    ) as connection:
        yield connection
