"""Locks that keep units of work apart, in every process that uses the database.

They are rows of ``ingest.locks``. Only roles that do the work may lock them, and they end with the
transaction, so that neither a killed process nor a pooler keeps one.
"""

from typing import Final

import psycopg

from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql

CLOSING_LOCK: Final = "closing"
"""Every writer of windows, and the trigger of discussion.closing_rules, holds it."""
OUTBOX_LOCK: Final = "outbox"
"""Every publisher holds it."""


def lock(connection: psycopg.Connection, *names: str) -> None:
    """Take these locks until the transaction ends, waiting while others hold them.

    Raises BelowTheLineError if a lock does not exist.
    """
    taken = connection.execute(sql("ingest/lock.sql"), {"names": list(names)}).fetchall()
    missing = set(names) - {name for (name,) in taken}
    if missing:
        named = ", ".join(repr(name) for name in sorted(missing))
        raise BelowTheLineError(
            f"Table ingest.locks has no row {named}.",
            "`btl migrate` made it, somebody deleted it: insert it again, as btl_owner.",
        )
