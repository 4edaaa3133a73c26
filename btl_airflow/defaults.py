"""What all DAGs have in common: owner, first day, retries with growing pauses, time limits, alerts.

tests/dags/test_house_rules.py checks the result for every DAG.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Param, dag

from btl_airflow.alerts import alert
from btl_airflow.params import settle_params

if TYPE_CHECKING:
    from airflow.sdk.definitions.dag import ScheduleArg


def btl_dag(
    description: str,
    *,
    schedule: "ScheduleArg",
    tags: Sequence[str],
    retries: int,
    first_pause: timedelta = timedelta(seconds=30),
    longest_pause: timedelta = timedelta(minutes=2),
    max_active_runs: int = 1,
    params: Mapping[str, Param] | None = None,
    former_names: Mapping[str, str] | None = None,
    unknown_hint: str | None = None,
) -> Callable[[Callable[[], None]], Callable[[], DAG]]:
    """Return a decorator that makes a DAG of a function, as ``airflow.sdk.dag`` does.

    The DAG's id is the function's name; its documentation is the docstring of its module. A failed
    task waits ``first_pause`` before its first retry, and longer before each other one, at most
    ``longest_pause``. A task without a time limit of its own has 30 minutes. A DAG that runs by
    itself sends an alert when a task has failed for good; who starts a DAG by hand sees it fail.

    ``max_active_runs``: more than one only where runs wait for people, and do no harm side by side.
    A run with a parameter that is not in ``params`` fails at once. ``former_names``: earlier names
    of parameters that are still understood, with the present ones. ``unknown_hint``: what to do
    about a parameter that the DAG does not have.
    """
    default_args: dict[str, Any] = {
        "owner": "newsroom-data",
        "retries": retries,
        "retry_delay": first_pause,
        "retry_exponential_backoff": True,
        "max_retry_delay": longest_pause,
        "execution_timeout": timedelta(minutes=30),
        "pre_execute": settle_params(former_names or {}, unknown_hint),
    }
    if schedule is not None:
        default_args["on_failure_callback"] = alert

    def decorate(function: Callable[[], None]) -> Callable[[], DAG]:
        return dag(
            function.__name__,
            description=description,
            doc_md=function.__globals__["__doc__"],
            schedule=schedule,
            start_date=datetime(2026, 1, 1, tzinfo=UTC),
            catchup=False,
            max_active_runs=max_active_runs,
            is_paused_upon_creation=False,
            params=dict(params or {}),
            default_args=default_args,
            tags=["below-the-line", *tags],
        )(function)

    return decorate
