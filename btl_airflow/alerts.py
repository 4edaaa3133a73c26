"""Alerts about failed tasks: in the task's log, and to a webhook if BTL_ALERT_URL names one."""

import json
import logging
import urllib.request
from typing import Any

log = logging.getLogger(__name__)

_SECONDS = 10.0


def alert(context: Any) -> None:
    """Log ``{dag, task, run, message}`` and POST it as JSON. For ``on_failure_callback``. Never
    raises, so that Airflow records the task's own error.
    """
    from below_the_line.settings import from_environment

    instance = context["task_instance"]
    document = {
        "dag": instance.dag_id,
        "task": instance.task_id,
        "run": str(instance.run_id),
        "message": str(context.get("exception") or "failed"),
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
