"""**Computes the figures of days again from the base tables**: of sections and sites, and of the
articles that were active on them.

`article_metrics` already keeps all days up to date. This DAG is a second safeguard, once a day for
the day before, and the way to compute past days again:

- By hand, in one run: *Trigger*, and fill in the first and the last day. Without them, the run
  computes yesterday. On a command line: `btl metrics backfill --from … --to …`.
- Day by day, as a backfill: `btl airflow -- backfill create --dag-id daily_metrics --from-date
  2026-05-01 --to-date 2026-05-31 --reprocess-behavior completed`. Each run has one day as its
  partition key, `2026-05-01`, and computes that day of the site.

* **Owner:** the newsroom's data engineers.
* **Writes:** all tables of schema `metrics`. Days are those of the site's time zone.
* **Safe to run again:** yes, at any time and for any day, also several runs at once. A row depends
  on the base tables only, so a backfill writes the rows that are there already, unless they were
  wrong.
* **If it fails:** the rows that it has written are right. Clear the task. An error that names the
  days or the parameters of the run is final: start another run.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import CronPartitionTimetable, task

from btl_airflow.assets import DAYS, DISCUSSION, WINDOWS
from btl_airflow.defaults import btl_dag
from btl_airflow.params import optional_day

# A schedule cannot know the site's time zone, which the database holds. In this zone a day ends
# when it has ended everywhere. It decides only when a run begins: the day is the run's key, and
# the task computes that day of the site.
_LAST_ZONE = "Etc/GMT+12"


@btl_dag(
    "Computes the figures of days again: yesterday's, or past days by hand or by a backfill.",
    schedule=CronPartitionTimetable(
        "0 0 * * *", timezone=_LAST_ZONE, run_offset=-1, key_format="%Y-%m-%d"
    ),
    tags=["metrics"],
    retries=3,
    longest_pause=timedelta(minutes=10),
    params={
        "from": optional_day(
            "From", "First day to compute, of the site's time zone. Both days empty: yesterday."
        ),
        "to": optional_day("To", "Last day to compute. One day: the same as the first."),
    },
)
def daily_metrics() -> None:
    """Define the only task."""

    @task(execution_timeout=timedelta(hours=2), inlets=[DISCUSSION, WINDOWS], outlets=[DAYS])
    def rebuild_days(
        params: dict[str, Any] | None = None,
        partition_key: str | None = None,
        logical_date: datetime | None = None,
        outlet_events: Any = None,
    ) -> dict[str, Any]:
        """Compute the days of this run. Return how many articles were computed."""
        from below_the_line.metrics.rebuild import rebuild_days as rebuild
        from btl_airflow.connections import connected
        from btl_airflow.days import days_of_run
        from btl_airflow.retries import fail_without_retry
        from btl_airflow.settings import site_time_zone

        with connected("daily_metrics") as connection:
            zone = site_time_zone(connection)
            with fail_without_retry():
                days = days_of_run(
                    params or {},
                    partition_key,
                    logical_date,
                    time_zone=zone,
                    now=datetime.now(UTC),
                )
            done = rebuild(connection, days.first, days.last, time_zone=zone)
        # A run by hand has no key of its own. Who follows the asset gets a run for each day.
        outlet_events[DAYS].add_partitions([str(day) for day in days.each()])
        return done.as_dict()

    rebuild_days()


daily_metrics()
