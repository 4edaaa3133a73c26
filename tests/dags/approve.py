"""Runs the approval of erase_commenter in a process of its own, for each of some cases: who started
a run (null: nobody), what was chosen, and who chose. Prints for each what it returns, or how it
failed, as JSON.
"""

import json
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from airflow.sdk.exceptions import AirflowException

from btl_airflow.approval import SecondPerson


def decided(started_by: str | None, chosen: str, responded_by: str) -> Any:
    """The result, or the kind of the error and its message."""
    context: dict[str, Any] = {
        "dag_run": SimpleNamespace(triggering_user_name=started_by),
        "params": {"dry_run": False},
    }
    event = {
        "chosen_options": [chosen],
        "params_input": {},
        "responded_at": datetime(2026, 5, 1, tzinfo=UTC),
        "responded_by_user": {"id": responded_by, "name": responded_by},
    }
    operator = SecondPerson(task_id="approve", subject="?")
    try:
        return operator.execute_complete(cast("Any", context), event)
    except AirflowException as error:
        return [type(error).__name__, str(error)]


if __name__ == "__main__":
    print(json.dumps([decided(*case) for case in json.loads(sys.argv[1])]))
