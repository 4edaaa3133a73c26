"""Connections to Postgres with readable errors."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from below_the_line.database.errors import withhold_values
from below_the_line.errors import BelowTheLineError

_FORM = (
    "It has the form postgresql://user:password@host:port/database?sslmode=require. In user and"
    " password, write characters such as / ? # @ and % in percent-encoding: / is %2F."
)
_UNKNOWN_PARAMETER = re.compile(
    r'invalid (?:URI query parameter|connection option)[: ]*"([a-z_]+)"'
)
_SETTING_IN_OPTIONS = re.compile(r"(?:^|\s)(?:-c\s*|--)([\w.-]+)\s*=\s*(\S*)")


def parameters(url: str) -> dict[str, str]:
    """Return the parameters of a URL, or of another connection string of libpq, by libpq's names.

    Raises BelowTheLineError for one that libpq would not take, or take for another one because of
    a character in its password. It never quotes what may be a part of the password.
    """
    try:
        found = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError as error:
        unknown = _UNKNOWN_PARAMETER.search(str(error))
        # Behind an @ it cannot be a part of the password.
        if unknown is not None and "@" not in url.partition(unknown[1])[2]:
            raise BelowTheLineError(
                f"BTL_DATABASE_URL has a parameter that libpq does not know: {unknown[1]}.",
                "Correct it, or remove it. The names are those of the Postgres manual, such as"
                " sslmode, sslrootcert, options and target_session_attrs.",
            ) from None
        raise BelowTheLineError("BTL_DATABASE_URL is not a Postgres URL.", _FORM) from None
    ports = found.get("port", "").replace(",", "")
    if (ports and not ports.isdecimal()) or any(
        "@" in found.get(name, "") for name in ("host", "dbname")
    ):
        raise BelowTheLineError(
            "BTL_DATABASE_URL is not a Postgres URL: its user or password ends too early.", _FORM
        )
    return found


def session_parameters(
    url: str, settings: Mapping[str, str], application_name: str
) -> dict[str, str]:
    """Return what to connect with besides the URL, so that a session has these settings.

    ``options`` of the URL are kept. Its own ``application_name`` wins. Raises BelowTheLineError if
    the URL sets one of ``settings``, naming it.
    """
    found = parameters(url)
    given = found.get("options", "")
    asked = {
        name.lower().replace("-", "_"): value for name, value in _SETTING_IN_OPTIONS.findall(given)
    }
    taken = sorted(name for name in settings if asked.get(name, settings[name]) != settings[name])
    if taken:
        raise BelowTheLineError(
            f"The options of BTL_DATABASE_URL set {', '.join(taken)}, which {application_name} sets"
            " itself.",
            "Remove this from the URL.",
        )
    own = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return {
        "options": f"{given} {own}".strip(),
        "application_name": found.get("application_name") or application_name,
    }


def defaults(url: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return those of these parameters that the URL does not set itself."""
    return {name: value for name, value in values.items() if name not in parameters(url)}


class _Connection(psycopg.Connection[Any]):
    """A connection whose errors, once they leave its ``with`` block, print no rejected values."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if isinstance(exc_val, psycopg.Error):
            withhold_values(exc_val)
        super().__exit__(exc_type, exc_val, exc_tb)


def connect(url: str, *, application_name: str, autocommit: bool = False) -> psycopg.Connection:
    """Open a connection in UTC. Raises BelowTheLineError that names the server, never the
    password.

    An error of Postgres that leaves the connection's ``with`` block prints no values that were
    rejected: logs and alerts repeat what it prints.
    """
    own = session_parameters(url, {"timezone": "UTC"}, application_name)
    try:
        connection = _Connection.connect(
            make_conninfo(url, **defaults(url, {"connect_timeout": "10"}), **own),
            autocommit=autocommit,
        )
    except psycopg.ProgrammingError as error:
        # For example a time-out that is not a number. Its parameters are known by now.
        raise BelowTheLineError(f"BTL_DATABASE_URL is not usable: {error}.", _FORM) from None
    except psycopg.OperationalError as error:
        raise unreachable(url, error) from error
    if connection.info.parameter_status("TimeZone") != "UTC":
        connection.close()
        raise BelowTheLineError(
            f"What answers at {describe(url)} did not take the time zone UTC: it is a pooler that"
            " drops the options of a session.",
            POOLER_HINT,
        )
    return connection


POOLER_HINT: Final = (
    "Let BTL_DATABASE_URL name Postgres itself, or a pool in session mode that passes options on."
)


def require_own_session(connection: psycopg.Connection) -> None:
    """Raise BelowTheLineError if a pooler gives each transaction of a connection another session.

    Temporary tables and settings would be lost. A pooler is known by the process id that it tells,
    and one that shares sessions by a second connection: that gets the session of the first. Needs
    an idle connection, and leaves it idle.
    """
    require_idle(connection)
    info = connection.info
    session = _session(connection)
    if session == info.backend_pid:
        return
    with (
        psycopg.connect(info.dsn, password=info.password or None) as second,
        second.transaction(),
    ):
        is_shared = _session(second) == session or _session(connection) != session
    if is_shared:
        raise BelowTheLineError(
            f"A pooler at {info.host}:{info.port} gives each transaction another session of"
            " Postgres. This needs a session of its own, for its temporary tables and time-outs.",
            POOLER_HINT,
        )


def _session(connection: psycopg.Connection) -> int | None:
    with connection.transaction():
        row = connection.execute("select pg_backend_pid()", prepare=False).fetchone()
    return None if row is None else row[0]


def require_idle(connection: psycopg.Connection) -> None:
    """Raise ValueError if a transaction is open: a unit of work must be able to commit."""
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError(
            "the connection is inside a transaction: the unit of work could not commit"
        )


@contextmanager
def permitted(url: str) -> Iterator[None]:
    """Turn a missing right of the login in the URL into a BelowTheLineError that names the role to
    use.
    """
    try:
        yield
    except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege) as error:
        raise forbidden(error, parameters(url).get("user")) from error


def forbidden(error: psycopg.Error, login: str | None = None) -> BelowTheLineError:
    """Return the readable form of a missing right. ``login``: whose it is, if that is known."""
    who = "This role" if login is None else f"The login {login}"
    return BelowTheLineError(
        f"{who} may not do this: {error.diag.message_primary or error}.",
        "btl_reader sees the figures, btl_moderator also who reported what; btl_ingest loads events"
        " and decides about partitions and dead letters; btl_redrive redrives; btl_erase erases;"
        " btl_scheduler closes, computes and checks; the owner may do everything. BTL_DATABASE_URL"
        " says which login is used; for one command:"
        " BTL_DATABASE_URL=$BTL_MODERATOR_DATABASE_URL btl … (of `btl env`).",
    )


def describe(url: str) -> str:
    """Return server and database of a URL as ``host:port/database``, without user and password."""
    parts = parameters(url)
    host, port = parts.get("host") or "localhost", parts.get("port") or 5432
    return f"{host}:{port}/{parts.get('dbname') or ''}"


def unreachable(url: str, error: psycopg.OperationalError) -> BelowTheLineError:
    """Return the readable form of a connection error, with a hint for its kind."""
    text = " ".join(str(error).split())
    if "unsupported startup parameter" in text:
        hint = f"A pooler is there that does not know the options of a session. {POOLER_HINT}"
    elif "password" in text or "authentication" in text:
        hint = "Check user and password in BTL_DATABASE_URL."
    elif "does not exist" in text:
        hint = "Create the database (and the user), or correct BTL_DATABASE_URL."
    else:
        hint = (
            "Is Postgres running there (`btl status`), and is BTL_DATABASE_URL right (`btl env`)?"
        )
    what = "did not answer" if "timeout" in text else "refused the connection"
    return BelowTheLineError(f"Postgres at {describe(url)} {what}: {text}.", hint)
