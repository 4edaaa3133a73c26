"""From an Airflow connection to the URL that below_the_line takes."""

from typing import TYPE_CHECKING

from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from airflow.sdk import Connection

CONNECTION_ID = "btl"
"""The Airflow connection of the project's database; its user is btl_scheduler."""
INGEST_CONNECTION_ID = "btl_ingest"
"""The same database as btl_ingest, for the one DAG that merges events: the others have no right
to.
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
    """The connection string for libpq. ``host`` and ``port`` of a URI with a socket folder are
    among the extras.
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
    """The connection string of a connection, inside a task."""
    from airflow.sdk import BaseHook

    return conninfo(BaseHook.get_connection(connection_id))
