"""Alerts about failed tasks and late figures: in the log, and to the webhook BTL_ALERT_URL."""

import json
import logging
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

_SECONDS = 10.0


def alert(context: Any) -> None:
    """Log ``{dag, task, run, message}`` and POST it as JSON. For ``on_failure_callback``. Never
    raises, so that Airflow records the task's own error.
    """
    send(context, str(context.get("exception") or "failed"))


def send(context: Any, message: str) -> None:
    """Log ``{dag, task, run, message}`` of a task and POST it as JSON. Never raises."""
    from below_the_line.settings import from_environment

    instance = context["task_instance"]
    document = {
        "dag": instance.dag_id,
        "task": instance.task_id,
        "run": str(instance.run_id),
        "message": message,
    }
    log.error("ALERT %s", json.dumps(document, ensure_ascii=False))
    try:
        url = from_environment().alert_url
        if url is None:
            return
        request = urllib.request.Request(  # noqa: S310 (its owner chooses the scheme)
            url.get_secret_value(),
            data=json.dumps(document).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
            pass
    except Exception:
        log.exception("The alert could not be sent to BTL_ALERT_URL")


def alert_if_late(connection: "psycopg.Connection", context: Any) -> None:
    """Send an alert if figures do not follow events: marks of articles have waited for minutes.

    Needs an idle connection.
    """
    from below_the_line.metrics.lateness import LATE_HINT, late_figures
    from below_the_line.resources import sql

    with connection.transaction():
        marks, since, *_ = connection.execute(sql("ingest/audit/marks.sql")).fetchone() or (0, None)
        (now,) = connection.execute("select clock_timestamp()").fetchone() or (None,)
    late = now and late_figures(marks, since, now)
    if late:
        send(context, f"{late[0].upper()}{late[1:]}: {LATE_HINT}.")
