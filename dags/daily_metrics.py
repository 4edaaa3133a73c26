"""**Computes the figures of one day again from the base tables**: of sections and sites, and of the
articles that were active on it.

`article_metrics` already keeps all days up to date. This run is a second safeguard, and the way to
compute past days again: `btl airflow -- backfill create --dag-id daily_metrics --from-date …
--to-date … --reprocess-behavior completed`.

* **Owner:** the newsroom's data engineers.
* **Writes:** all tables of schema `metrics`. Days are those of `BTL_SITE_TIMEZONE`.
* **Safe to run again:** yes, at any time and for any day, also twice at once. A row depends on the
  base tables only, so a backfill writes the rows that are there already, unless they were wrong.
* **If it fails:** the rows that it has written are right. Clear the task.
"""

import os
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import CronDataIntervalTimetable, task

from btl_airflow.defaults import btl_dag

# Read here because below_the_line.settings is a heavy import. Every task that reads the settings
# rejects an unknown zone.
_ZONE = os.environ.get("BTL_SITE_TIMEZONE") or "UTC"


@btl_dag(
    "Computes the figures of one day again; backfills past days.",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone=_ZONE),
    tags=["metrics"],
    retries=3,
    longest_pause=timedelta(minutes=10),
)
def daily_metrics() -> None:
    """Define the only task."""

    @task(execution_timeout=timedelta(hours=2))
    def rebuild_day(data_interval_start: datetime | None = None) -> dict[str, Any]:
        """Compute the day that begins the interval. Return how many articles were computed."""
        from below_the_line.metrics.rebuild import rebuild_days
        from below_the_line.settings import from_environment
        from btl_airflow.connections import connected

        if data_interval_start is None:
            raise ValueError("this run has no data interval: a run by hand needs a logical date")
        zone = from_environment().site_timezone
        day = data_interval_start.astimezone(ZoneInfo(zone)).date()
        with connected("daily_metrics") as connection:
            return rebuild_days(connection, day, day, time_zone=zone).as_dict()

    rebuild_day()


daily_metrics()
