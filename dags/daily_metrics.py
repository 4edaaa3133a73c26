"""**Computes the figures of one day anew from the base tables**: of sections and sites, and of the
articles active on it.

`article_metrics` keeps all days up to date already; this is the belt to its braces, and the way to
compute past days anew: `btl airflow -- backfill create --dag-id daily_metrics --from-date …
--to-date … --reprocess-behavior completed`.

* **Owner:** the newsroom's data engineers.
* **Writes:** all tables of schema `metrics`. Days are those of `BTL_SITE_TIMEZONE`.
* **Safe to run again:** yes, at any time and for any day, also twice at once: a row is a function
  of the base tables, so that a backfill gives the rows that are there, unless they were wrong.
* **If it fails:** what is done is right. Clear the task.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import CronDataIntervalTimetable, dag, task

from btl_airflow.alerts import alert

# Where settings are read is a heavy import; an unknown zone is told by every task that reads them.
_ZONE = os.environ.get("BTL_SITE_TIMEZONE") or "UTC"


@dag(
    dag_id="daily_metrics",
    description="Computes the figures of one day anew; backfills past days.",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone=_ZONE),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={
        "owner": "newsroom-data",
        "retries": 3,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "on_failure_callback": alert,
    },
    tags=["below-the-line", "metrics"],
)
def daily_metrics() -> None:
    """One task."""

    @task(execution_timeout=timedelta(hours=2))
    def rebuild_day(data_interval_start: datetime | None = None) -> dict[str, Any]:
        """Compute the day that begins the interval; returns of how many articles."""
        from below_the_line.database.connections import connect
        from below_the_line.metrics.recompute import rebuild_days
        from below_the_line.settings import from_environment
        from btl_airflow.connections import database_url

        if data_interval_start is None:
            raise ValueError("this run has no data interval: a run by hand needs a logical date")
        zone = from_environment().site_timezone
        day = data_interval_start.astimezone(ZoneInfo(zone)).date()
        with connect(database_url(), application_name="daily_metrics") as connection:
            return rebuild_days(connection, day, day, time_zone=zone).as_dict()

    rebuild_day()


daily_metrics()
