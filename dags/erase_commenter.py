"""**Erases a person or a comment for good**, once a second person approves.

It cannot be undone, and a replay of the events does not bring the person back. Whom it is about
never comes into Airflow, which keeps parameters of runs, and logs of who gave which, for long.
`btl erase --request` writes the request down in the database and prints its number; this form takes
the number. `--list -` reads the id from standard input.

1. `survey` counts what would be erased.
2. `approve` shows the counts, and waits up to a week. Who started the run cannot approve it.
   `BTL_ERASURE_APPROVAL=off` leaves this out.
3. `erase` erases, or closes the request if that was the choice.

* **Owner:** the newsroom's data engineers.
* **Writes:** `ingest.erasures`, `ingest.erasure_requests`, `discussion.*`, `ingest.dead_letters`,
  people in `metrics.*`, marks for `article_metrics`. It uses the Airflow connection `btl_erase`,
  with the role of that name, and `BTL_ERASURE_KEY`. A dry run writes nothing.
* **Safe to run again:** yes, at any time, beside running consumers. What is erased stays so.
* **If `erase` fails:** it is recorded, and no consumer brings anything back. The next run of
  `apply_erasures` goes on where it stopped, within ten minutes.

All about it, and the certificate for the person who asked: docs/erasure.md.
"""

from datetime import timedelta
from typing import Any, cast

from airflow.sdk import Param, task

from btl_airflow.approval import ERASE, SecondPerson
from btl_airflow.assets import DISCUSSION
from btl_airflow.defaults import btl_dag


@btl_dag(
    "By hand: erases a person or a comment, once a second person approves.",
    schedule=None,
    tags=["erasure"],
    retries=2,
    longest_pause=timedelta(minutes=5),
    # Runs wait for people: one must not keep the others from being seen.
    max_active_runs=16,
    params={
        "request": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Request",
            description="Number of a request, which `btl erase --request` prints. Never an id.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Only count what would be erased. Write nothing, and ask nobody.",
        ),
    },
    unknown_hint="If it is an id, delete this run: Airflow keeps it. `btl erase --request` takes"
    " ids, and prints the number to give here.",
)
def erase_commenter() -> None:
    """Define the survey, the approval and the erasure."""

    @task(inlets=[DISCUSSION])
    def survey(params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Count what would be erased. Return numbers by place, and a text about them."""
        from btl_airflow.erasure import survey_request

        return survey_request((params or {})["request"])

    @task(execution_timeout=timedelta(hours=6), outlets=[DISCUSSION])
    def erase(decision: dict[str, Any], params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Erase, or close the request. Return the case number, and what was removed."""
        from btl_airflow.erasure import carry_out_request, decline_request

        given = params or {}
        if given["dry_run"]:
            return {"dry_run": True}
        if decision["choice"] != ERASE:
            return decline_request(given["request"], decision["by"])
        return carry_out_request(given["request"], decision["by"])

    found = survey()
    approve = SecondPerson(
        task_id="approve",
        subject="Erase for good: request {{ params.request }}?",
        body="{{ ti.xcom_pull(task_ids='survey')['text'] }}",
    )
    found >> approve
    # What an operator returns at run time has no type while the DAG is built.
    erase(cast("dict[str, Any]", approve.output))


erase_commenter()
