"""What Postgres says about an error, without the data that it says it about."""

import re

import psycopg

_DATA_CLASSES = frozenset({"22", "23", "54"})
"""Of SQLSTATE: the values were rejected. Only these messages quote values."""
_QUOTED = re.compile(r'".*"', re.DOTALL)


def reason(error: psycopg.Error) -> str:
    """Return the server's message, without the statement, and without values that were rejected.

    Those may be what a reader wrote, and the message goes to logs and alerts. Instead it names the
    constraint, table and column.
    """
    diagnostic = error.diag
    if diagnostic.message_primary is None:
        return " ".join(str(error).split())
    if (diagnostic.sqlstate or "")[:2] not in _DATA_CLASSES:
        return diagnostic.message_primary
    # From the first quote to the last: a value may contain quotes itself.
    text = _QUOTED.sub('"…"', diagnostic.message_primary)
    where = [
        f"{what} {name}"
        for what, name in (
            ("constraint", diagnostic.constraint_name),
            ("table", diagnostic.table_name),
            ("column", diagnostic.column_name),
            ("SQLSTATE", diagnostic.sqlstate),
        )
        if name
    ]
    return f"{text} ({', '.join(where)})"


def withhold_values(error: psycopg.Error) -> None:
    """Make what an error prints ``reason``, if values were rejected.

    Postgres adds the whole row (``DETAIL``, ``CONTEXT``), and a log of an exception or a traceback
    has all of it. ``diag`` keeps what it has.
    """
    if (error.diag.sqlstate or "")[:2] in _DATA_CLASSES:
        error.args = (reason(error),)
