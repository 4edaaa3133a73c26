"""The database connection of the commands."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from below_the_line.database.connections import connect, permitted
from below_the_line.database.migrations import require_current
from below_the_line.errors import BelowTheLineError
from below_the_line.settings import Settings
from below_the_line.site_settings import agreed
from btl.cli import configuration


def site_settings() -> Settings:
    """Return the settings of this command with those that the database keeps
    (docs/site-settings.md).

    Raises BelowTheLineError, also if the environment says something else than the database.
    """
    current = configuration.settings()
    with connected_whatever_it_says(current) as connection:
        return agreed(current, connection)


@contextmanager
def connected(settings: Settings) -> Iterator[psycopg.Connection]:
    """Yield a connection in autocommit to a database that is up to date.

    Raises BelowTheLineError, also for a permission that the role does not have, when the database
    gives up, and if the environment says something else than the database about a site setting.
    """
    with connected_whatever_it_says(settings) as connection:
        agreed(settings, connection)
        yield connection


@contextmanager
def connected_whatever_it_says(settings: Settings) -> Iterator[psycopg.Connection]:
    """As ``connected``, also if the environment does not agree with the database."""
    url = settings.require_database_url()
    require_current(url)
    try:
        with permitted(url), connect(url, application_name="btl", autocommit=True) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise gave_up(error) from error


def gave_up(error: psycopg.OperationalError) -> BelowTheLineError:
    """Return the readable form of an error of the database itself, such as a full disk."""
    if isinstance(error, psycopg.errors.DiskFull):
        hint = "Make room on the disk of Postgres."
    elif isinstance(error, psycopg.errors.QueryCanceled):
        hint = "It took longer than this role may take: ask for less, or as another role."
    else:
        hint = "Is Postgres running (`btl status`)? Then try again."
    said = " ".join((error.diag.message_primary or str(error)).split())
    return BelowTheLineError(f"Postgres gave up: {said}.", hint)
