"""**Judges dead letters again and merges those that are valid events now**, as `btl dead-letters
redrive` does.

Run it by hand, once the cause is mended: a contract, a new event type, a value that Postgres
refused. Each record is judged by the contracts as they are now and by its own timestamp, and merged
on the path that consumers take; what is still refused stays a dead letter, with the present reason.
All filters must match; without any, all open dead letters are judged.

* **Owner:** the newsroom's data engineers.
* **Writes:** `discussion.*`, the status of `ingest.dead_letters`, lines of kind `redrive` in
  `ingest.batches`, marks for `article_metrics` and `close_discussions`; as `btl_ingest`, by the
  connection of that name. A dry run writes nothing.
* **Safe to run again:** yes, at any time, beside running consumers and other redrives: what was
  redriven is not met again.
* **If it fails:** nothing is done by halves; its error says how many dead letters were done before.
  Run it again.

What each code means, and how to look at dead letters: docs/dead-letters.md.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag, task

CODES = [
    "no_value",
    "too_large",
    "not_utf8",
    "too_deep",
    "not_json",
    "duplicate_key",
    "number_out_of_range",
    "nul_character",
    "lone_surrogate",
    "not_cloudevent",
    "unknown_type",
    "schema_violation",
    "time_out_of_range",
    "key_mismatch",
    "rejected_by_database",
]

_FILTERS = "Which dead letters"


@dag(
    dag_id="redrive_dead_letters",
    description="By hand: judges dead letters again.",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    params={
        "codes": Param(
            [],
            type="array",
            items={"type": "string", "enum": CODES},
            examples=CODES,
            title="Codes",
            description="Only dead letters with one of these codes. None: all codes.",
            section=_FILTERS,
        ),
        "topic": Param(
            None,
            type=["null", "string"],
            title="Topic",
            description="Only those of this topic.",
            examples=["articles", "comment-events"],
            section=_FILTERS,
        ),
        "article": Param(
            None,
            type=["null", "string"],
            title="Article",
            description="Only records with this key: the article's id.",
            section=_FILTERS,
        ),
        "since": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Since",
            description="Only records with a timestamp from here on.",
            section=_FILTERS,
        ),
        "until": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Until",
            description="Only records with a timestamp before this.",
            section=_FILTERS,
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description=(
                "Only say what would become of them (in the task's log and its XCom); write"
                " nothing."
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
    tags=["below-the-line", "ingest"],
)
def redrive_dead_letters() -> None:
    """One task."""

    @task(execution_timeout=timedelta(hours=6))
    def redrive(params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Judge and merge; returns how many, by the code before and what came of it."""
        from below_the_line.catalogue import load_contracts
        from below_the_line.settings import from_environment
        from btl_airflow.connections import INGEST_CONNECTION_ID, database_url
        from btl_airflow.rejection import failing_at_once
        from consumers.core.dead_letters import Selection
        from consumers.redrive import redrive as run

        chosen = dict(params or {})
        dry_run = chosen.pop("dry_run")
        url = database_url(INGEST_CONNECTION_ID)
        with failing_at_once():
            selection = Selection.parse(**chosen)
        return run(
            url, from_environment().consumer_group, load_contracts(), selection, dry_run=dry_run
        ).as_dict()

    redrive()


redrive_dead_letters()
