"""The database connection of the commands."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from below_the_line.database.connections import connect, permitted
from below_the_line.database.migrations import require_current
from below_the_line.settings import Settings


@contextmanager
def connected(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection to an up-to-date database, in autocommit. Raises BelowTheLineError, also where
    the role may not.
    """
    url = settings.require_database_url()
    require_current(url)
    with permitted(), connect(url, application_name="btl", autocommit=True) as connection:
        yield connection
