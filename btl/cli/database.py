"""The database connection of the commands."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from below_the_line.database.connections import connect, permitted
from below_the_line.database.migrations import require_current
from below_the_line.settings import Settings


@contextmanager
def connected(settings: Settings) -> Iterator[psycopg.Connection]:
    """Yield a connection in autocommit to a database that is up to date.

    Raises BelowTheLineError, also for a permission that the role does not have.
    """
    url = settings.require_database_url()
    require_current(url)
    with permitted(), connect(url, application_name="btl", autocommit=True) as connection:
        yield connection
