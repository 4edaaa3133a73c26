"""**Computes the metric tables again from the base tables**, of all articles or of some, as `btl
metrics rebuild` does.

Run it by hand: after a definition has changed, or when `btl metrics drift` has found something. It
cuts the selected articles into buckets, and a mapped task computes each. The last task computes
what draws on several articles: days of sections and sites, reporters, the order of the moderation
queue.

* **Owner:** the newsroom's data engineers.
* **Writes:** all tables of schema `metrics`. Days are those of the site's time zone.
* **Safe to run again:** yes, at any time, beside `article_metrics` and other rebuilds. A row
  depends on the base tables only.
* **If it fails:** clear the failed tasks. Buckets that are done are not computed again. What draws
  on them is marked: the next run of `article_metrics` computes it, also if you give the rebuild up.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param, task

from btl_airflow.assets import DISCUSSION, METRICS, WINDOWS
from btl_airflow.defaults import btl_dag
from btl_airflow.params import optional_list, optional_time

if TYPE_CHECKING:
    from below_the_line.metrics.rebuild import Selection


@btl_dag(
    "By hand: computes figures again, of all articles or of some.",
    schedule=None,
    tags=["metrics"],
    retries=2,
    longest_pause=timedelta(minutes=5),
    params={
        "articles": optional_list(
            "Articles",
            "Only these articles: their ids. Empty: all that the other conditions allow.",
        ),
        "published_since": optional_time(
            "Published since", "Only articles published at this time or later."
        ),
        "published_until": optional_time(
            "Published until", "Only articles published before this time."
        ),
        "buckets": Param(
            16,
            type="integer",
            minimum=1,
            maximum=500,
            title="Buckets",
            description="Maximum number of tasks that the work is cut into. A task that fails"
            " repeats only its own part.",
        ),
    },
    former_names={"ids": "articles"},
)
def rebuild_metrics() -> None:
    """Define the plan, the buckets and the finish."""

    def selection(params: dict[str, Any] | None) -> "Selection":
        from below_the_line.metrics.rebuild import Selection

        given = params or {}
        return Selection.parse(
            given["articles"] or (), given["published_since"], given["published_until"]
        )

    @task(execution_timeout=timedelta(minutes=10), inlets=[DISCUSSION, WINDOWS])
    def plan(params: dict[str, Any] | None = None) -> list[tuple[str, str]]:
        """Cut the selected articles into ranges. Return the first and the last id of each."""
        from below_the_line.metrics.rebuild import ranges, require_known
        from btl_airflow.connections import connected
        from btl_airflow.retries import fail_without_retry

        with connected("rebuild_metrics") as connection:
            with fail_without_retry():
                selected = selection(params)
                require_known(connection, selected.ids)
            return ranges(connection, selected, max_ranges=(params or {})["buckets"])

    # Two at the same time: more would take workers, and the database, from others.
    @task(execution_timeout=timedelta(hours=6), max_active_tis_per_dagrun=2)
    def rebuild_bucket(
        within: tuple[str, str], params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Compute the rows of each article of a range. Return how many."""
        from below_the_line.metrics.rebuild import rebuild_range
        from btl_airflow.connections import connected
        from btl_airflow.settings import site_time_zone

        first, last = within
        with connected("rebuild_metrics") as connection:
            return rebuild_range(
                connection,
                selection(params),
                (first, last),
                time_zone=site_time_zone(connection),
            ).as_dict()

    # Runs also without any bucket: where nothing is selected, rows may have to go all the same.
    @task(execution_timeout=timedelta(hours=6), trigger_rule="none_failed", outlets=[METRICS])
    def finish(params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Compute what draws on several articles. Return how many days and reporters."""
        from below_the_line.metrics.rebuild import finish_rebuild
        from btl_airflow.connections import connected

        with connected("rebuild_metrics") as connection:
            return finish_rebuild(connection, selection(params)).as_dict()

    rebuild_bucket.expand(within=plan()) >> finish()


rebuild_metrics()
