"""**Validates dead letters again and merges those that are valid events now**, as `btl dead-letters
redrive` does.

Run it by hand, once the cause is fixed: a contract, a new event type, a value that Postgres
rejected. The run validates each record by the contracts as they are now and by the record's own
timestamp, and merges it the way consumers do. A record that is still rejected stays a dead letter,
with the present reason. All filters must match; without any, the run validates all open dead
letters.

* **Owner:** the newsroom's data engineers.
* **Writes:** `discussion.*`, the status of `ingest.dead_letters`, lines of kind `redrive` in
  `ingest.batches`, marks for `article_metrics` and `close_discussions`. It uses the Airflow
  connection `btl_redrive`, with the role of that name. A dry run writes nothing.
* **Safe to run again:** yes, at any time, beside running consumers and other redrives. A record
  that was redriven is not selected again.
* **If it fails:** each dead letter is done or not begun. The error says how many were done. Run it
  again.

What each code means, and how to look at dead letters: docs/dead-letters.md.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, task

from below_the_line.contracts.codes import STAGES
from btl_airflow.assets import DEAD_LETTERS, DISCUSSION
from btl_airflow.defaults import btl_dag
from btl_airflow.params import optional_list, optional_text, optional_time


@btl_dag(
    "By hand: validates dead letters again.",
    schedule=None,
    tags=["ingest"],
    retries=2,
    longest_pause=timedelta(minutes=5),
    params={
        "code": optional_list(
            "Codes",
            "Only dead letters with one of these codes. Empty: all codes.",
            choices=list(STAGES),
        ),
        "topic": optional_text(
            "Topic",
            "Only records of this topic.",
            examples=["articles", "comment-events"],
        ),
        "article": optional_text("Article", "Only records with this key: the article's id."),
        "source": optional_text("Source", "Only events of this CloudEvents source."),
        "event_type": optional_text("Event type", "Only events of this CloudEvents type."),
        "event_id": optional_text("Event id", "Only events with this CloudEvents id."),
        "since": optional_time("Since", "Only records with a timestamp at this time or later."),
        "until": optional_time("Until", "Only records with a timestamp before this time."),
        "status": optional_list(
            "Status",
            "Only dead letters with one of these statuses. Empty: open ones.",
            choices=["open", "discarded"],
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Only report, in the task's log and its XCom, what would happen to each"
            " dead letter. Write nothing.",
        ),
    },
    former_names={"codes": "code"},
)
def redrive_dead_letters() -> None:
    """Define the only task."""

    @task(execution_timeout=timedelta(hours=6), inlets=[DEAD_LETTERS], outlets=[DISCUSSION])
    def redrive(params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate and merge. Return how many, by the code before and the result."""
        from below_the_line.catalogue import load_contracts
        from below_the_line.database.connections import connect
        from below_the_line.erasing.keys import given_key
        from btl_airflow.connections import REDRIVE_CONNECTION_ID, database_url
        from btl_airflow.retries import fail_without_retry
        from btl_airflow.settings import site_settings
        from consumers.core.dead_letters import Selection
        from consumers.redrive import redrive as run

        given = params or {}
        with fail_without_retry():
            selection = Selection.parse(
                given["code"] or (),
                given["topic"],
                given["article"],
                given["since"],
                given["until"],
                given["status"] or (),
                given["source"],
                given["event_type"],
                given["event_id"],
            )
            selection.require_redrivable()
        url = database_url(REDRIVE_CONNECTION_ID)
        with connect(url, application_name="redrive_dead_letters") as connection:
            settings = site_settings(connection)
        with fail_without_retry():
            erasure_key = given_key(settings.erasure_key)
        return run(
            url,
            settings.consumer_group,
            load_contracts(),
            selection,
            erasure_key=erasure_key,
            dry_run=given["dry_run"],
        ).as_dict()

    redrive()


redrive_dead_letters()
