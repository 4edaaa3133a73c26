"""The settings of a task."""

from typing import TYPE_CHECKING

from btl_airflow.retries import fail_without_retry

if TYPE_CHECKING:
    import psycopg

    from below_the_line.settings import Settings


def settings() -> "Settings":
    """Return the settings of the environment. Only inside a task.

    Raises AirflowFailException that names a wrong variable: a retry would read it again.
    """
    from below_the_line.settings import from_environment

    with fail_without_retry():
        return from_environment()


def site_settings(connection: "psycopg.Connection") -> "Settings":
    """Return the settings with those that the database keeps (docs/site-settings.md). Only inside a
    task.

    Raises AirflowFailException if Airflow's environment says something else than the database.
    """
    from below_the_line.site_settings import agreed

    found = settings()
    with fail_without_retry():
        return agreed(found, connection)


def site_time_zone(connection: "psycopg.Connection") -> str:
    """Return the time zone of the site's days. Only inside a task."""
    return site_settings(connection).site_timezone
