"""**Computes the metric tables anew from the base tables**, of all articles or of some, as `btl
metrics rebuild` does.

Run it by hand: after a definition has changed, after `BTL_SITE_TIMEZONE` has changed, or when `btl
metrics drift` has found something. The selected articles are cut into buckets, a mapped task
computes each, and the last task computes what draws on several articles: days of sections and
sites, reporters, the order of the moderation queue.

* **Owner:** the newsroom's data engineers.
* **Writes:** all tables of schema `metrics`. Days are those of `BTL_SITE_TIMEZONE`.
* **Safe to run again:** yes, at any time, beside `article_metrics` and other rebuilds: a row is a
  function of the base tables.
* **If it fails:** clear the failed tasks; buckets that are done are not computed again. What draws
  on them is marked and not lost, also if the rebuild is given up: the next run of `article_metrics`
  computes it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag, task

_WHICH = "Which articles"


@dag(
    dag_id="rebuild_metrics",
    description="By hand: computes figures anew, of all articles or of some.",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    params={
        "ids": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Articles",
            description=(
                "Only these articles: their ids. None: all that the other conditions allow."
            ),
            section=_WHICH,
        ),
        "published_since": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Published since",
            description="Only articles published from then on.",
            section=_WHICH,
        ),
        "published_until": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Published until",
            description="Only articles published before then.",
            section=_WHICH,
        ),
        "buckets": Param(
            16,
            type="integer",
            minimum=1,
            maximum=500,
            title="Buckets",
            description=(
                "Into so many tasks the work is cut, at most. A task that fails repeats its own"
                " part alone."
            ),
            section="How",
        ),
    },
    default_args={
        "owner": "newsroom-data",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
    },
    tags=["below-the-line", "metrics"],
)
def rebuild_metrics() -> None:
    """Plan, compute each bucket, finish."""

    @task(execution_timeout=timedelta(minutes=10))
    def plan(params: dict[str, Any] | None = None) -> list[tuple[str, str]]:
        """Cut the selected articles into ranges; returns the first and the last id of each."""
        from below_the_line.database.connections import connect
        from below_the_line.metrics.recompute import Selection, ranges, require_known
        from btl_airflow.connections import database_url
        from btl_airflow.rejection import failing_at_once

        chosen = dict(params or {})
        most = chosen.pop("buckets")
        with connect(database_url(), application_name="rebuild_metrics") as connection:
            with failing_at_once():
                selection = Selection.parse(**chosen)
                require_known(connection, selection.ids)
            return ranges(connection, selection, most=most)

    # Two compute at the same time; more would keep workers, and the database, from others.
    @task(execution_timeout=timedelta(hours=6), max_active_tis_per_dagrun=2)
    def rebuild_bucket(
        within: tuple[str, str], params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Compute the rows of each article of a range; returns how many."""
        from below_the_line.database.connections import connect
        from below_the_line.metrics.recompute import Selection, rebuild_range
        from below_the_line.settings import from_environment
        from btl_airflow.connections import database_url

        chosen = dict(params or {})
        chosen.pop("buckets")
        zone = from_environment().site_timezone
        first, last = within
        with connect(database_url(), application_name="rebuild_metrics") as connection:
            return rebuild_range(
                connection, Selection.parse(**chosen), (first, last), time_zone=zone
            ).as_dict()

    # Where nothing is selected there is no bucket, and still rows that may have to go.
    @task(execution_timeout=timedelta(hours=6), trigger_rule="none_failed")
    def finish(params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Compute what draws on several articles; returns how many days and reporters."""
        from below_the_line.database.connections import connect
        from below_the_line.metrics.recompute import Selection, finish_rebuild
        from btl_airflow.connections import database_url

        chosen = dict(params or {})
        chosen.pop("buckets")
        with connect(database_url(), application_name="rebuild_metrics") as connection:
            return finish_rebuild(connection, Selection.parse(**chosen)).as_dict()

    rebuild_bucket.expand(within=plan()) >> finish()


rebuild_metrics()
