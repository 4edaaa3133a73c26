"""**Counts the comments that were written at night.**

* **Owner:** the newsroom's data engineers.
* **Writes:** `newsroom.night_comments`.
* **Safe to run again:** yes, at any time. A row depends on the metrics only.
"""

from pathlib import Path

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, task

from btl_airflow.assets import METRICS
from btl_airflow.defaults import btl_dag

NIGHT_COMMENTS = Asset(name="night_comments", uri="newsroom://night-comments")


@btl_dag(
    "Counts the comments that were written at night.",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("5 * * * *", timezone="UTC"), assets=[METRICS]
    ),
    tags=["newsroom"],
    retries=2,
)
def night_comments() -> None:
    """Define the only task."""

    @task(inlets=[METRICS], outlets=[NIGHT_COMMENTS])
    def compute() -> dict[str, int]:
        """Count for all articles. Return how many."""
        from btl_airflow.connections import connected

        statement = Path(__file__).with_name("night_comments.sql").read_bytes()
        with connected("night_comments") as connection, connection.transaction():
            return {"articles": connection.execute(statement).rowcount}

    compute()


night_comments()
