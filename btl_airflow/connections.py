"""From an Airflow connection to a connection to Postgres."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

if TYPE_CHECKING:
    import psycopg
    from airflow.sdk import Connection

CONNECTION_ID = "btl"
"""The Airflow connection of the project's database; its user is btl_scheduler."""
REDRIVE_CONNECTION_ID = "btl_redrive"
"""The same database with the user btl_redrive, for redrive_dead_letters: only this role may merge
events.
"""
ERASE_CONNECTION_ID = "btl_erase"
"""The same database with the user btl_erase, for erase_commenter and apply_erasures: only this role
may erase.
"""
AIRFLOW_CONNECTION_ID = "btl_airflow"
"""Airflow's own database, for retention: the password of the connection is the SQLAlchemy address.
An Airflow without it keeps its history.
"""

_FIELDS = {"user": "login", "password": "password", "dbname": "schema"}
"""Parameters of libpq that an extra must not set, with the connection's field that does."""


def conninfo(connection: "Connection") -> str:
    """Return libpq's connection string. Where the URI names a socket folder, Airflow has ``host``
    and ``port`` among the extras.

    Raises BelowTheLineError that names the extras that libpq would not take from here: an option
    that is dropped in silence may be the one that encrypts.
    """
    extra = connection.extra_dejson
    known = {option.keyword.decode() for option in Conninfo.get_defaults()} - _FIELDS.keys()
    unused = sorted(extra.keys() - known)
    if unused:
        from below_the_line.errors import BelowTheLineError

        instead = [
            f"{name} is the connection's field {field}"
            for name, field in _FIELDS.items()
            if name in unused
        ]
        raise BelowTheLineError(
            f"The Airflow connection {connection.conn_id!r} has extras that are not used:"
            f" {', '.join(unused)}.",
            "; ".join(["Remove them", *instead])
            + ". Other parameters of libpq, such as sslmode, are used.",
        )
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
    """Return libpq's connection string of an Airflow connection. Only inside a task.

    Raises AirflowFailException, since a retry would find the same: there is no such connection, or
    it has extras that are not used.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

    from btl_airflow.retries import fail_without_retry

    try:
        connection = BaseHook.get_connection(connection_id)
    except AirflowNotFoundException as error:
        raise AirflowFailException(
            f"There is no Airflow connection {connection_id!r}. Create it: docs/deployment.md says"
            " with which role."
        ) from error
    with fail_without_retry():
        return conninfo(connection)


@contextmanager
def connected(
    application_name: str, *, autocommit: bool = False, connection_id: str = CONNECTION_ID
) -> "Iterator[psycopg.Connection]":
    """Open a connection to the project's database for a block. Only inside a task. Raises
    BelowTheLineError if the database cannot be reached.
    """
    from below_the_line.database.connections import connect

    with connect(
        database_url(connection_id), application_name=application_name, autocommit=autocommit
    ) as connection:
        yield connection
