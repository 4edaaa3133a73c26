"""Connections to Postgres with readable errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from below_the_line.errors import BelowTheLineError


def connect(url: str, *, application_name: str, autocommit: bool = False) -> psycopg.Connection:
    """Open a connection in UTC. Raises BelowTheLineError that names the server, never the
    password.
    """
    try:
        return psycopg.connect(
            url,
            autocommit=autocommit,
            application_name=application_name,
            connect_timeout=10,
            options="-c timezone=UTC",
        )
    except psycopg.ProgrammingError as error:
        raise BelowTheLineError(
            f"BTL_DATABASE_URL is not a Postgres URL: {str(error).strip()}.",
            "It has the form postgresql://user:password@host:port/database.",
        ) from None
    except psycopg.OperationalError as error:
        raise unreachable(url, error) from error


def require_idle(connection: psycopg.Connection) -> None:
    """Raise ValueError if a transaction is open: a unit of work must be able to commit."""
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError(
            "the connection is inside a transaction: the unit of work could not commit"
        )


@contextmanager
def permitted() -> Iterator[None]:
    """Turn a missing right into a BelowTheLineError that names the role to use."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise forbidden(error) from error


def forbidden(error: psycopg.Error) -> BelowTheLineError:
    """Return the readable form of a missing right."""
    return BelowTheLineError(
        f"This role may not do this: {error.diag.message_primary or error}.",
        "btl_reader sees the figures, btl_moderator also who reported what; btl_ingest loads events"
        " and decides about partitions and dead letters; btl_scheduler closes, computes and checks;"
        " the owner may do everything.",
    )


def describe(url: str) -> str:
    """Return server and database of a URL as ``host:port/database``, without user and password."""
    parts = conninfo_to_dict(url)
    host, port = parts.get("host") or "localhost", parts.get("port") or 5432
    return f"{host}:{port}/{parts.get('dbname') or ''}"


def unreachable(url: str, error: psycopg.OperationalError) -> BelowTheLineError:
    """Return the readable form of a connection error, with a hint for its kind."""
    text = " ".join(str(error).split())
    if "password" in text or "authentication" in text:
        hint = "Check user and password in BTL_DATABASE_URL."
    elif "does not exist" in text:
        hint = "Create the database (and the user), or correct BTL_DATABASE_URL."
    else:
        hint = (
            "Is Postgres running there (`btl status`), and is BTL_DATABASE_URL right (`btl env`)?"
        )
    what = "did not answer" if "timeout" in text else "refused the connection"
    return BelowTheLineError(f"Postgres at {describe(url)} {what}: {text}.", hint)
