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


def site_time_zone(connection: "psycopg.Connection") -> str:  # noqa: ARG001
    """Return the time zone of the site's days. Only inside a task."""
    return settings().site_timezone
